// SPDX-License-Identifier: GPL-2.0-only
/* Input files, read as a whole: what is checked is what is used. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

#define MAX_FILE_SIZE	(4ULL << 30)
#define CHUNK		(1U << 20)

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool file_is_same(const char *a, const char *b)
{
	struct stat st_a, st_b;
	int dir_a, dir_b;
	bool is_same;

	if (!stat(a, &st_a) && !stat(b, &st_b))
		return st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino;
	if (strcmp(base_of(a), base_of(b)))
		return false;
	dir_a = dir_open_of(a);
	dir_b = dir_open_of(b);
	is_same = dir_a >= 0 && dir_b >= 0 && !fstat(dir_a, &st_a) && !fstat(dir_b, &st_b) ?
		  st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino : !strcmp(a, b);
	if (dir_a >= 0)
		close(dir_a);
	if (dir_b >= 0)
		close(dir_b);
	return is_same;
}

int file_read(const char *path, uint8_t **data, size_t *size)
{
	size_t room = 0, len = 0;
	uint8_t *buf = NULL, *p;
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		goto err_errno;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		goto err_errno;
	}
	/* Files of sysfs say that they have a page, or nothing. */
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < MAX_FILE_SIZE)
		room = (size_t)st.st_size;
	room += CHUNK;
	buf = malloc(room);
	if (!buf)
		goto err_errno;
	while ((n = read(fd, buf + len, room - len))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto err_errno;
		len += (size_t)n;
		if (len < room)
			continue;
		if (room >= MAX_FILE_SIZE) {
			errno = EFBIG;
			goto err_errno;
		}
		p = realloc(buf, room * 2);
		if (!p)
			goto err_errno;
		buf = p;
		room *= 2;
	}
	close(fd);
	/* The sanitizer sees the first byte read beyond. */
	p = realloc(buf, len ?: 1);
	*data = p ?: buf;
	*size = len;
	return CLI_OK;

err_errno:
	cli_error("%s: %s", path, strerror(errno));
	free(buf);
	if (fd >= 0)
		close(fd);
	return CLI_FAILED;
}

static int open_image(const char *path, struct kimg *img,
		      int (*open_fn)(struct kimg *img, uint8_t *data, size_t size,
				     struct kimg_err *err))
{
	struct kimg_err err;
	uint8_t *data;
	size_t size;
	int ret;

	*img = (struct kimg){ 0 };
	ret = file_read(path, &data, &size);
	if (ret)
		return ret;
	ret = open_fn(img, data, size, &err);
	return ret ? cli_fail(path, ret, &err) : CLI_OK;
}

int file_open_image(const char *path, struct kimg *img)
{
	return open_image(path, img, kimg_open);
}

int file_open_any_image(const char *path, struct kimg *img)
{
	return open_image(path, img, kimg_open_any);
}

int file_read_profile(const char *path, struct x86_prepatch_profile *profile)
{
	struct kimg_err err;
	uint8_t *data;
	size_t size;
	int ret;

	ret = file_read(path, &data, &size);
	if (ret)
		return ret;
	ret = kimg_profile_parse(data, size, profile, &err);
	free(data);
	return ret ? cli_fail(path, ret, &err) : CLI_OK;
}
