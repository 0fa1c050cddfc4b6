// SPDX-License-Identifier: GPL-2.0-only
/* Output: written next to its place, flushed to disk, then renamed. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

int emit_open(struct emit *emit, const char *path)
{
	struct stat st;

	*emit = (struct emit){ .fd = -1 };
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		cli_error("%s: is there and not a regular file", path);
		return CLI_FAILED;
	}
	emit->path = strdup(path);
	if (!emit->path || asprintf(&emit->tmp, "%s.tmp%ld", path, (long)getpid()) < 0) {
		emit->tmp = NULL;
		errno = ENOMEM;
		goto err;
	}
	emit->fd = open(emit->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (emit->fd < 0) {
		int saved = errno;

		/* Not ours to remove. */
		free(emit->tmp);
		emit->tmp = NULL;
		errno = saved;
		goto err;
	}
	return CLI_OK;
err:
	cli_error("%s: %s", path, strerror(errno));
	emit_abort(emit);
	return CLI_FAILED;
}

int emit_write(struct emit *emit, uint64_t offset, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len) {
		n = pwrite(emit->fd, p, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int sync_dir(const char *path)
{
	char *copy = strdup(path);
	int fd = -1, ret = 0;

	if (copy)
		fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Not every file system can; the file itself is safe. */
	if (fd < 0 || (fsync(fd) && errno != EINVAL))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return ret;
}

int emit_commit(struct emit *emit)
{
	int ret = 0, fd = emit->fd;

	if (!emit->is_scratch && fsync(fd))
		ret = -errno;
	emit->fd = -1;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && rename(emit->tmp, emit->path))
		ret = -errno;
	if (!ret) {
		free(emit->tmp);
		emit->tmp = NULL;
		if (!emit->is_scratch)
			ret = sync_dir(emit->path);
	}
	if (ret)
		cli_error("%s: %s", emit->path, strerror(-ret));
	emit_abort(emit);
	return ret ? CLI_FAILED : CLI_OK;
}

void emit_abort(struct emit *emit)
{
	if (emit->fd >= 0)
		close(emit->fd);
	if (emit->tmp)
		unlink(emit->tmp);
	free(emit->tmp);
	free(emit->path);
	*emit = (struct emit){ .fd = -1 };
}

int emit_file(const char *path, const void *data, size_t size)
{
	struct emit emit;
	int ret;

	ret = emit_open(&emit, path);
	if (ret)
		return ret;
	ret = emit_write(&emit, 0, data, size);
	if (ret) {
		cli_error("%s: %s", path, strerror(-ret));
		emit_abort(&emit);
		return CLI_FAILED;
	}
	return emit_commit(&emit);
}
