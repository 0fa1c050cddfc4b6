// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: file systems that can less than the one that the tests run on. KIMG_FAULT is
 * "rename-flags" (renameat2() knows no flags), or "sync-dir" (a folder can't be flushed). With
 * "no-sync" nothing is flushed, so that tests don't wait for disks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int has_fault(const char *name)
{
	const char *fault = getenv("KIMG_FAULT");

	return fault && !strcmp(fault, name);
}

int renameat2(int old_dir, const char *old, int new_dir, const char *new, unsigned int flags)
{
	if (flags && has_fault("rename-flags")) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_renameat2, old_dir, old, new_dir, new, flags);
}

int fsync(int fd)
{
	struct stat st;

	if (has_fault("sync-dir") && !fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		errno = EIO;
		return -1;
	}
	if (has_fault("no-sync"))
		return 0;
	return (int)syscall(SYS_fsync, fd);
}
