// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the host looks like to somebody who creates many cgroups. Bounded
 * surveys; what could not be seen is reported as unknown, not guessed.
 */
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "cgfs.h"
#include "parse.h"
#include "private.h"
#include "reset.h"

#define MAX_SURVEY	4096
#define MAX_DEVS	65536
#define MAX_NAMESPACES	1024
#define MAX_CONTROLLERS	32

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct dev_set {
	uint64_t *dev;
	size_t nr, size;
};

static int dev_add(struct dev_set *set, uint64_t dev)
{
	size_t lo = 0, hi = set->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (set->dev[mid] == dev)
			return 0;
		if (set->dev[mid] < dev)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (set->nr == set->size) {
		size_t size = set->size ? set->size * 2 : 256;
		uint64_t *dev_new;

		if (size > MAX_DEVS)
			return -E2BIG;
		dev_new = realloc(set->dev, size * sizeof(*dev_new));
		if (!dev_new)
			return -ENOMEM;
		set->dev = dev_new;
		set->size = size;
	}
	memmove(&set->dev[lo + 1], &set->dev[lo], (set->nr - lo) * sizeof(*set->dev));
	set->dev[lo] = dev;
	set->nr++;
	return 1;
}

static int add_mounts(struct dev_set *set, int dfd, const char *file)
{
	_cleanup_free_ char *text = NULL;
	struct mount_line m;
	const char *p;
	size_t len;
	int ret;

	ret = cgfs_read_all(dfd, file, &text, &len);
	if (ret)
		return ret;
	p = text;
	while ((ret = parse_mountinfo_line(&p, &len, &m))) {
		if (ret < 0)
			continue;
		ret = dev_add(set, (uint64_t)m.major << 32 | m.minor);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/*
 * Distinct device numbers in every mount namespace that has a process we may
 * look at. Kernel-internal superblocks and detached mounts are not seen.
 */
static uint64_t count_superblocks(bool *is_truncated)
{
	struct dev_set devs = { 0 }, spaces = { 0 };
	_cleanup_dir_ DIR *proc = opendir("/proc");
	struct dirent *de;
	uint64_t nr;

	add_mounts(&devs, AT_FDCWD, "/proc/self/mountinfo");
	while (proc && (de = readdir(proc))) {
		_cleanup_close_ int fd = -1;
		struct stat st;
		int ret;

		if (de->d_name[0] < '0' || de->d_name[0] > '9')
			continue;
		fd = cgfs_open_dir(dirfd(proc), de->d_name);
		if (fd < 0 || fstatat(fd, "ns/mnt", &st, 0))
			continue;
		if (spaces.nr >= MAX_NAMESPACES) {
			*is_truncated = true;
			break;
		}
		if (dev_add(&spaces, st.st_ino) <= 0)
			continue;
		ret = add_mounts(&devs, fd, "mountinfo");
		if (ret == -E2BIG) {
			*is_truncated = true;
			break;
		}
	}
	nr = devs.nr;
	free(devs.dev);
	free(spaces.dev);
	return nr;
}

struct survey {
	char controllers[MAX_CONTROLLERS][32];
	bool is_used[MAX_CONTROLLERS];
	size_t nr;
	uint64_t cgroups;
	bool is_truncated;
};

static void survey_dir(struct survey *s, int fd, int depth)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *de;
	size_t i;

	if (depth > 32 || s->cgroups >= MAX_SURVEY) {
		s->is_truncated = true;
		return;
	}
	s->cgroups++;
	for (i = 0; depth && i < s->nr; i++)
		if (!s->is_used[i])
			s->is_used[i] = reset_is_limited(fd, 2, s->controllers[i]);
	dir = cgfs_opendir(fd);
	if (!dir)
		return;
	while ((de = cgfs_next_dir(dir))) {
		_cleanup_close_ int child = cgfs_open_dir(fd, de->d_name);

		if (child >= 0)
			survey_dir(s, child, depth + 1);
	}
}

static void append_word(char *list, size_t size, const char *word)
{
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%s%s", len ? " " : "", word);
}

static void survey_controllers(struct cgpool_host *host, int fd)
{
	struct survey s = { .nr = 0 };
	char copy[sizeof(host->v2_controllers)], *word, *save = NULL;
	size_t i;

	if (cgfs_read(fd, "cgroup.subtree_control", host->v2_controllers,
		      sizeof(host->v2_controllers)))
		host->v2_controllers[0] = '\0';
	strcpy(copy, host->v2_controllers);
	for (word = strtok_r(copy, " ", &save); word && s.nr < MAX_CONTROLLERS;
	     word = strtok_r(NULL, " ", &save))
		snprintf(s.controllers[s.nr++], sizeof(s.controllers[0]), "%s", word);
	survey_dir(&s, fd, 0);
	host->cgroups = s.cgroups;
	host->is_truncated |= s.is_truncated;
	for (i = 0; i < s.nr && !s.is_truncated; i++)
		if (!s.is_used[i])
			append_word(host->unused_controllers, sizeof(host->unused_controllers),
				    s.controllers[i]);
}

/* Our own v2 cgroup: is it a place where pools may be made? */
static void look_at_self(struct cgpool_host *host, int root)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *procs = NULL;
	char value[8];
	char *line;

	if (cgfs_read_all(AT_FDCWD, "/proc/self/cgroup", &text, NULL))
		return;
	line = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
	if (!line)
		return;
	line += line == text ? 3 : 4;
	line[strcspn(line, "\n")] = '\0';
	snprintf(host->self_cgroup, sizeof(host->self_cgroup), "%s", line);
	fd = cgfs_open_beneath(root, line + strspn(line, "/"), false);
	if (fd < 0)
		return;
	host->is_delegated = fgetxattr(fd, "user.delegate", value, sizeof(value)) == 1 ||
			     fgetxattr(fd, "trusted.delegate", value, sizeof(value)) == 1;
	host->is_writable = !faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) &&
			    !faccessat(fd, ".", W_OK, AT_EACCESS);
	/* The root may hold processes, every other inner cgroup may not. */
	if (cgfs_exists(fd, "cgroup.type") && !cgfs_read_all(fd, "cgroup.procs", &procs, NULL))
		host->is_inner_busy = procs[0] != '\0';
}

EXPORT int cgpool_host_info(struct cgpool_ctx *ctx, struct cgpool_host *user)
{
	_cleanup_free_ char *text = NULL;
	struct cgpool_host host = { .sz = sizeof(host), .dying = CGPOOL_UNKNOWN };
	_cleanup_free_ char *stat = NULL;
	struct mount_line m;
	size_t len, slen, size;
	const char *p;
	int ret;

	if (user->sz < sizeof(size_t))
		return cgpool_err(ctx, -EINVAL, "host info");
	ret = cgfs_read_all(AT_FDCWD, "/proc/self/mountinfo", &text, &len);
	if (ret)
		return cgpool_err(ctx, ret, "/proc/self/mountinfo");
	p = text;
	while ((ret = parse_mountinfo_line(&p, &len, &m))) {
		if (ret < 0)
			continue;
		if (!strcmp(m.fstype, "cgroup2") && !host.has_v2) {
			host.has_v2 = true;
			host.favordynmods_v2 = opts_has(m.super_opts, "favordynmods");
			snprintf(host.v2_mount, sizeof(host.v2_mount), "%s", m.mountpoint);
		}
		/* A named hierarchy without controllers is of no use to a pool. */
		if (!strcmp(m.fstype, "cgroup") && !strstr(m.super_opts, "name=")) {
			const char *c = strchr(m.super_opts, ',');

			if (!host.has_v1) {
				host.has_v1 = true;
				host.favordynmods_v1 = opts_has(m.super_opts, "favordynmods");
				snprintf(host.v1_mount, sizeof(host.v1_mount), "%s", m.mountpoint);
			}
			append_word(host.v1_controllers, sizeof(host.v1_controllers),
				    c ? c + 1 : m.super_opts);
		}
	}
	host.has_kernel_pool = cgpool_probe(ctx, CGPOOL_FEATURE_KERNEL_POOL) == 1;
	host.superblocks = count_superblocks(&host.is_truncated);
	if (ctx->root_fd >= 0 && cgfs_exists(ctx->root_fd, "cgroup.controllers")) {
		survey_controllers(&host, ctx->root_fd);
		look_at_self(&host, ctx->root_fd);
		if (!cgfs_read_all(ctx->root_fd, "cgroup.stat", &stat, &slen))
			parse_flat_key(stat, slen, "nr_dying_descendants", &host.dying);
	}
	size = user->sz;
	memcpy(user, &host, size < sizeof(host) ? size : sizeof(host));
	user->sz = size;
	return 0;
}

static int probe_kernel_pool(struct cgpool_ctx *ctx)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *de;
	bool has_child = false;

	/* A fake tree describes itself, the running kernel does not count. */
	if (!(ctx->flags & CGPOOL_CTX_FAKE) &&
	    !cgfs_read_all(AT_FDCWD, "/sys/kernel/cgroup/features", &text, NULL))
		return list_has(text, "pool");
	dir = ctx->root_fd >= 0 ? cgfs_opendir(ctx->root_fd) : NULL;
	while (dir && (de = cgfs_next_dir(dir))) {
		_cleanup_close_ int fd = cgfs_open_dir(ctx->root_fd, de->d_name);

		if (fd < 0)
			continue;
		has_child = true;
		if (cgfs_exists(fd, "cgroup.pool.max"))
			return 1;
	}
	return has_child ? 0 : -ENODATA;
}

/* The kernel checks the flag's descriptor before it creates anything. */
static int probe_clone_into(void)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
		uint64_t set_tid, set_tid_size, cgroup;
	} args = { .flags = CLONE_INTO_CGROUP, .cgroup = (uint64_t)INT32_MAX,
		   .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid)
		_exit(0);
	if (pid > 0) {
		waitpid((pid_t)pid, NULL, 0);
		return -EIO;
	}
	if (errno == EBADF)
		return 1;
	return errno == ENOSYS || errno == E2BIG || errno == EINVAL ? 0 : -errno;
}

static int probe_kill(struct cgpool_ctx *ctx)
{
	_cleanup_dir_ DIR *dir = ctx->root_fd >= 0 ? cgfs_opendir(ctx->root_fd) : NULL;
	struct dirent *de;

	while (dir && (de = cgfs_next_dir(dir))) {
		_cleanup_close_ int fd = cgfs_open_dir(ctx->root_fd, de->d_name);

		if (fd >= 0)
			return cgfs_exists(fd, "cgroup.kill");
	}
	return -ENODATA;
}

static int probe_openat2(struct cgpool_ctx *ctx)
{
	struct open_how how = { .flags = O_PATH, .resolve = RESOLVE_BENEATH };
	long fd;

	if (ctx->flags & CGPOOL_CTX_NO_OPENAT2)
		return 0;
	fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));
	if (fd < 0)
		return errno == ENOSYS || errno == EPERM ? 0 : -errno;
	close((int)fd);
	return 1;
}

static int probe_mount(const char *fstype)
{
	_cleanup_free_ char *text = NULL;
	struct mount_line m;
	const char *p;
	size_t len;
	int ret;

	ret = cgfs_read_all(AT_FDCWD, "/proc/self/mountinfo", &text, &len);
	if (ret)
		return ret;
	p = text;
	while ((ret = parse_mountinfo_line(&p, &len, &m)))
		if (ret > 0 && !strcmp(m.fstype, fstype) && !strstr(m.super_opts, "name="))
			return 1;
	return 0;
}

EXPORT int cgpool_probe(struct cgpool_ctx *ctx, enum cgpool_feature feature)
{
	switch (feature) {
	case CGPOOL_FEATURE_KERNEL_POOL:
		return probe_kernel_pool(ctx);
	case CGPOOL_FEATURE_V2:
		return probe_mount("cgroup2");
	case CGPOOL_FEATURE_V1:
		return probe_mount("cgroup");
	case CGPOOL_FEATURE_CLONE_INTO:
		return probe_clone_into();
	case CGPOOL_FEATURE_KILL:
		return probe_kill(ctx);
	case CGPOOL_FEATURE_OPENAT2:
		return probe_openat2(ctx);
	}
	return cgpool_err(ctx, -EINVAL, "unknown feature %d", (int)feature);
}

EXPORT const char *cgpool_leaks(int cgroup_version)
{
	if (cgroup_version == 1)
		return "cgroup id, cpu.stat, memory.stat counters, page cache that stays charged, "
		       "attached BPF programs, open descriptors of the former user";
	return "cgroup id, memory.events, memory.peak, memory.stat counters, page cache that stays "
	       "charged, pids.events, pids.peak, cpu.stat, io.stat, pressure totals, "
	       "attached BPF programs, open descriptors of the former user";
}
