// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "cgfs.h"
#include "parse.h"
#include "private.h"

#define OPEN_RETRIES	32
#define MAX_FILE	(4U << 20)
#define MAX_DEPTH	64

int cgfs_version(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st))
		return -errno;
	if ((unsigned long)st.f_type == CGROUP2_SUPER_MAGIC)
		return 2;
	if ((unsigned long)st.f_type == CGROUP_SUPER_MAGIC)
		return 1;
	return 0;
}

int cgfs_open_dir(int dfd, const char *name)
{
	int fd = openat(dfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int cgfs_reopen_dir(int fd)
{
	return cgfs_open_dir(fd, ".");
}

int cgfs_open_path(int dfd, const char *name)
{
	int fd = openat(dfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int cgfs_reopen_path(int fd)
{
	return cgfs_open_path(fd, ".");
}

/* What openat2(RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS) does, one name at a time. */
static int open_walk(int dfd, const char *path)
{
	_cleanup_close_ int cur = -1;
	int fd;

	if (*path == '/')
		return -EXDEV;
	cur = cgfs_reopen_dir(dfd);
	if (cur < 0)
		return cur;
	while (*path) {
		char name[NAME_MAX + 1];
		size_t len = strcspn(path, "/");

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		path += strspn(path, "/");
		if (!strcmp(name, ".."))
			return -EXDEV;
		if (!len || !strcmp(name, "."))
			continue;
		fd = cgfs_open_dir(cur, name);
		if (fd < 0)
			return fd;
		close(cur);
		cur = fd;
	}
	fd = cur;
	cur = -1;
	return fd;
}

int cgfs_open_beneath(int dfd, const char *path, bool force_walk)
{
	struct open_how how = {
		.flags		= O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve	= RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	int i;

	if (!*path)
		path = ".";
	if (force_walk)
		return open_walk(dfd, path);
	for (i = 0; i < OPEN_RETRIES; i++) {
		long fd = syscall(SYS_openat2, dfd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno == ENOSYS || errno == EPERM)
			return open_walk(dfd, path);
		/* A rename elsewhere confused the walk; the kernel asks to retry. */
		if (errno != EAGAIN)
			return -errno;
	}
	return -EAGAIN;
}

int cgfs_read_all(int dfd, const char *name, char **text, size_t *lenp)
{
	_cleanup_close_ int fd = openat(dfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, size = 4096;

	if (fd < 0)
		return -errno;
	buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, buf + len, size - len - 1);
		char *bigger;

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!n)
			break;
		len += (size_t)n;
		if (size - len > 1)
			continue;
		if (size >= MAX_FILE)
			return -EFBIG;
		size *= 2;
		bigger = realloc(buf, size);
		if (!bigger)
			return -ENOMEM;
		buf = bigger;
	}
	buf[len] = '\0';
	*text = buf;
	buf = NULL;
	if (lenp)
		*lenp = len;
	return 0;
}

int cgfs_read(int dfd, const char *name, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int ret = cgfs_read_all(dfd, name, &text, &len);

	if (ret)
		return ret;
	if (len && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len >= size)
		return -EFBIG;
	memcpy(buf, text, len + 1);
	return 0;
}

int cgfs_read_u64(int dfd, const char *name, uint64_t *val)
{
	char buf[64];
	int ret = cgfs_read(dfd, name, buf, sizeof(buf));

	return ret ?: parse_u64(buf, val);
}

bool cgfs_exists(int dfd, const char *name)
{
	return !faccessat(dfd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

DIR *cgfs_opendir(int dfd)
{
	int fd = cgfs_reopen_dir(dfd);
	DIR *dir;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	return dir;
}

struct dirent *cgfs_next_dir(DIR *dir)
{
	struct dirent *de;
	struct stat st;

	while ((de = readdir(dir))) {
		if (de->d_name[0] == '.' &&
		    (!de->d_name[1] || (de->d_name[1] == '.' && !de->d_name[2])))
			continue;
		if (de->d_type == DT_DIR)
			return de;
		if (de->d_type == DT_UNKNOWN &&
		    !fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISDIR(st.st_mode))
			return de;
	}
	return NULL;
}

bool cgfs_is_same(int dfd, const char *name, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dfd, name, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int cgfs_name_of(int dfd, int fd, char *buf, size_t size)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *de;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	dir = cgfs_opendir(dfd);
	if (!dir)
		return -errno;
	while ((de = cgfs_next_dir(dir))) {
		if (de->d_ino != st.st_ino || !cgfs_is_same(dfd, de->d_name, fd))
			continue;
		if (strlen(de->d_name) >= size)
			return -ENAMETOOLONG;
		strcpy(buf, de->d_name);
		return 0;
	}
	return -ENOENT;
}

bool cgfs_is_dead(int fd)
{
	struct stat st;

	/*
	 * On a removed cgroup every file is gone; a fake tree may have none, so
	 * ask the directory itself first.
	 */
	if (fstat(fd, &st) || !st.st_nlink)
		return true;
	return cgfs_version(fd) > 0 && !cgfs_exists(fd, "cgroup.procs");
}

static int for_each_pid(int fd, int (*fn)(int fd, long pid, void *data), void *data, int depth)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *de;
	const char *p;
	long pid;
	int ret;

	ret = cgfs_read_all(fd, "cgroup.procs", &text, NULL);
	/* A threaded cgroup refuses to list processes, its threads are listed above it. */
	if (ret && ret != -ENOENT && ret != -ENODEV && ret != -EOPNOTSUPP)
		return ret;
	p = ret ? "" : text;
	while ((ret = parse_next_pid(&p, &pid)) > 0) {
		ret = fn(fd, pid, data);
		if (ret)
			return ret;
	}
	if (ret < 0)
		return ret;
	if (depth >= MAX_DEPTH)
		return -ELOOP;
	dir = cgfs_opendir(fd);
	if (!dir)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	while ((de = cgfs_next_dir(dir))) {
		_cleanup_close_ int child = cgfs_open_dir(fd, de->d_name);

		if (child < 0)
			continue;
		ret = for_each_pid(child, fn, data, depth + 1);
		if (ret)
			return ret;
	}
	return 0;
}

int cgfs_for_each_pid(int fd, int (*fn)(int fd, long pid, void *data), void *data)
{
	return for_each_pid(fd, fn, data, 0);
}

static int found_pid(int fd, long pid, void *data)
{
	(void)fd;
	(void)pid;
	(void)data;
	return 1;
}

int cgfs_populated(int fd)
{
	_cleanup_free_ char *text = NULL;
	uint64_t val;
	size_t len;
	int ret;

	ret = cgfs_read_all(fd, "cgroup.events", &text, &len);
	if (!ret && !parse_flat_key(text, len, "populated", &val))
		return val ? 1 : 0;
	/* v1 has no such file. */
	return cgfs_for_each_pid(fd, found_pid, NULL);
}
