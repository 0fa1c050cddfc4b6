/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only system calls of the library that change anything. All of them go
 * through here so that a test build (-DCGPOOL_FAULT) can die before each one.
 */
#ifndef _CGPOOL_SYS_H
#define _CGPOOL_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef CGPOOL_FAULT
void sys_step(const char *what);
#else
static inline void sys_step(const char *what)
{
	(void)what;
}
#endif

int sys_mkdirat(int dfd, const char *name, mode_t mode);
int sys_rmdirat(int dfd, const char *name);
int sys_renameat(int dfd, const char *from, const char *to);
int sys_setxattr(int fd, const char *name, const char *value, int flags);
int sys_removexattr(int fd, const char *name);
/* Both take an exclusive lock that ends with @fd, and say -EWOULDBLOCK at once. */
int sys_lock_byte(int fd, uint64_t byte);
int sys_flock(int fd);
int sys_open_lock(int dfd, const char *path, bool may_create);
int sys_write_at(int dfd, const char *file, const char *value);
int sys_pidfd_kill(int pidfd, pid_t pid);

#endif
