// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations that are timed, each on one sandbox.  They return 0 or -errno
 * and do nothing that a runtime would not do at that point.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgbench.h"

#define RMDIR_TRIES		2000
#define RMDIR_PAUSE_MS		1

void slot_name(char *name, int idx)
{
	snprintf(name, NAME_LEN, "slot-%d", idx);
}

int step_mkdir(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	int i;

	snprintf(sandbox->name, sizeof(sandbox->name), "sandbox-%d", idx);
	for (i = 0; i < parent->layout->nr_mounts; i++) {
		if (mkdirat(parent->dirfd[i], sandbox->name, 0755) < 0)
			return -errno;
	}
	return 0;
}

/* The number is handed out in memory; the fd is what CLONE_INTO_CGROUP needs. */
int step_take_fixed(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	int fd;

	slot_name(sandbox->name, idx);
	fd = openat(parent->dirfd[0], sandbox->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int step_take_rename(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	char slot[NAME_LEN];
	int i;

	slot_name(slot, idx);
	snprintf(sandbox->name, sizeof(sandbox->name), "sandbox-%d", idx);
	for (i = 0; i < parent->layout->nr_mounts; i++) {
		if (renameat(parent->dirfd[i], slot, parent->dirfd[i], sandbox->name) < 0)
			return -errno;
	}
	return 0;
}

int step_limits(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	const struct layout *layout = parent->layout;
	char path[NAME_LEN * 3];
	int ret;
	int i;

	(void)idx;
	for (i = 0; i < layout->nr_limits; i++) {
		const struct limit *limit = &layout->limits[i];

		snprintf(path, sizeof(path), "%s/%s", sandbox->name, limit->file);
		ret = file_write_at(parent->dirfd[limit->mount_idx], path, limit->value);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Start a task that sleeps until it is killed.  It shares our memory, or the
 * copy of 200 thread stacks would hide what the cgroup costs; so it must not
 * touch the stack, and the loop around pause(2) is in assembly.
 */
static long clone_and_pause(const struct clone_args *args)
{
	long ret;

	asm volatile("syscall\n\t"
		     "test %%rax, %%rax\n\t"
		     "jnz 2f\n"
		     "1:\tmov %[pause], %%eax\n\t"
		     "syscall\n\t"
		     "jmp 1b\n"
		     "2:"
		     : "=a" (ret)
		     : "a" (SYS_clone3), "D" (args), "S" (sizeof(*args)), [pause] "i" (SYS_pause)
		     : "rcx", "r11", "memory", "cc");
	return ret;
}

static int clone_sleeper(struct sandbox *sandbox, uint64_t flags, int cgroup_fd)
{
	struct clone_args args = {
		.flags = CLONE_VM | flags,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup_fd,
	};
	long pid;

	pid = clone_and_pause(&args);
	if (pid < 0)
		return pid;
	sandbox->pid = pid;
	return 0;
}

int step_fork(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	(void)parent;
	(void)idx;
	return clone_sleeper(sandbox, 0, 0);
}

int step_attach(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	char path[NAME_LEN * 2];
	char pid[NAME_LEN];
	int ret;
	int i;

	(void)idx;
	snprintf(path, sizeof(path), "%s/cgroup.procs", sandbox->name);
	snprintf(pid, sizeof(pid), "%d", sandbox->pid);
	for (i = 0; i < parent->layout->nr_mounts; i++) {
		ret = file_write_at(parent->dirfd[i], path, pid);
		if (ret)
			return ret;
	}
	return 0;
}

int step_clone_into(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	int ret;
	int fd;

	(void)idx;
	fd = openat(parent->dirfd[0], sandbox->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = clone_sleeper(sandbox, CLONE_INTO_CGROUP, fd);
	close(fd);
	return ret;
}

int step_kill(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	int status;

	(void)parent;
	(void)idx;
	if (kill(sandbox->pid, SIGKILL) < 0)
		return -errno;
	if (waitpid(sandbox->pid, &status, 0) != sandbox->pid)
		return -errno;
	sandbox->pid = 0;
	return 0;
}

static int rmdir_at(int dirfd, const char *name)
{
	int tries;

	/* The last task may still be on its way out. */
	for (tries = 0; tries < RMDIR_TRIES; tries++) {
		if (!unlinkat(dirfd, name, AT_REMOVEDIR))
			return 0;
		if (errno != EBUSY)
			return -errno;
		sleep_ms(RMDIR_PAUSE_MS);
	}
	return -EBUSY;
}

int step_rmdir(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	int ret;
	int i;

	(void)idx;
	for (i = 0; i < parent->layout->nr_mounts; i++) {
		ret = rmdir_at(parent->dirfd[i], sandbox->name);
		if (ret)
			return ret;
	}
	return 0;
}

static int limits_reset(const struct parent *parent, const char *name)
{
	const struct layout *layout = parent->layout;
	char path[NAME_LEN * 3];
	int ret;
	int i;

	for (i = 0; i < layout->nr_limits; i++) {
		const struct limit *limit = &layout->limits[i];

		if (!limit->reset)
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, limit->file);
		ret = file_write_at(parent->dirfd[limit->mount_idx], path, limit->reset);
		if (ret)
			return ret;
	}
	return 0;
}

int step_put_fixed(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	(void)idx;
	return limits_reset(parent, sandbox->name);
}

int step_rename_to_slot(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	char slot[NAME_LEN];
	int i;

	slot_name(slot, idx);
	for (i = 0; i < parent->layout->nr_mounts; i++) {
		if (renameat(parent->dirfd[i], sandbox->name, parent->dirfd[i], slot) < 0)
			return -errno;
	}
	return 0;
}

int step_put_rename(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	int ret;

	ret = limits_reset(parent, sandbox->name);
	if (ret)
		return ret;
	return step_rename_to_slot(parent, sandbox, idx);
}

/* Directories that are there before anything is timed, from number @first up to but without @end. */
void slots_make(const struct parent *parent, int first, int end)
{
	char name[NAME_LEN];
	int idx;
	int i;

	for (idx = first; idx < end; idx++) {
		slot_name(name, idx);
		for (i = 0; i < parent->layout->nr_mounts; i++) {
			if (mkdirat(parent->dirfd[i], name, 0755) < 0)
				fail("mkdir %s/%s: %s", parent->name, name, strerror(errno));
		}
	}
}

void slots_remove(const struct parent *parent, int nr)
{
	char name[NAME_LEN];
	int idx;
	int ret;
	int i;

	for (idx = 0; idx < nr; idx++) {
		slot_name(name, idx);
		for (i = 0; i < parent->layout->nr_mounts; i++) {
			ret = rmdir_at(parent->dirfd[i], name);
			if (ret)
				fail("rmdir %s/%s: %s", parent->name, name, strerror(-ret));
		}
	}
}
