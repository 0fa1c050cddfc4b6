// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sys.h"

#ifdef CGPOOL_FAULT
/*
 * CGPOOL_KILL_AT=n: die at the n-th step of this process. CGPOOL_STALL_AT=n:
 * stop (SIGSTOP) there, so that a test can run others in the meantime.
 * CGPOOL_STEP_LOG=fd: say each step on that descriptor.
 */
void sys_step(const char *what)
{
	static unsigned long step;
	const char *kill_at = getenv("CGPOOL_KILL_AT");
	const char *stall_at = getenv("CGPOOL_STALL_AT");
	const char *log = getenv("CGPOOL_STEP_LOG");

	step++;
	if (log)
		dprintf(atoi(log), "step %lu %s\n", step, what);
	if (stall_at && strtoul(stall_at, NULL, 10) == step)
		raise(SIGSTOP);
	if (kill_at && strtoul(kill_at, NULL, 10) == step)
		raise(SIGKILL);
}
#endif

int sys_mkdirat(int dfd, const char *name, mode_t mode)
{
	sys_step("mkdir");
	return mkdirat(dfd, name, mode) ? -errno : 0;
}

int sys_rmdirat(int dfd, const char *name)
{
	sys_step("rmdir");
	return unlinkat(dfd, name, AT_REMOVEDIR) ? -errno : 0;
}

int sys_renameat(int dfd, const char *from, const char *to)
{
	sys_step("rename");
	return renameat(dfd, from, dfd, to) ? -errno : 0;
}

int sys_setxattr(int fd, const char *name, const char *value, int flags)
{
	sys_step("setxattr");
	return fsetxattr(fd, name, value, strlen(value), flags) ? -errno : 0;
}

int sys_removexattr(int fd, const char *name)
{
	sys_step("removexattr");
	return fremovexattr(fd, name) ? -errno : 0;
}

int sys_open_lock(int dfd, const char *path, bool may_create)
{
	int fd;

	sys_step("open lock");
	fd = openat(dfd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
		    (may_create ? O_CREAT : 0), 0600);
	return fd < 0 ? -errno : fd;
}

int sys_lock_byte(int fd, uint64_t byte)
{
	struct flock lock = {
		.l_type		= F_WRLCK,
		.l_whence	= SEEK_SET,
		.l_start	= (off_t)(byte & INT64_MAX),
		.l_len		= 1,
	};

	sys_step("lock");
	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	return errno == EACCES || errno == EAGAIN ? -EWOULDBLOCK : -errno;
}

int sys_flock(int fd)
{
	int ret;

	sys_step("flock");
	do {
		ret = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
	} while (ret == -EINTR);
	return ret;
}

int sys_write_at(int dfd, const char *file, const char *value)
{
	size_t len = strlen(value);
	ssize_t n;
	int fd, ret;

	sys_step("write");
	fd = openat(dfd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_TRUNC);
	if (fd < 0)
		return -errno;
	do {
		n = write(fd, value, len);
	} while (n < 0 && errno == EINTR);
	ret = n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

int sys_pidfd_kill(int pidfd, pid_t pid)
{
	sys_step("kill");
	if (pidfd >= 0)
		return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) ? -errno : 0;
	return kill(pid, SIGKILL) ? -errno : 0;
}
