// SPDX-License-Identifier: GPL-2.0-only
/*
 * Output: written next to its place, flushed to disk, then renamed. Where there are several files,
 * all are prepared before the first one is committed: what is likely to fail comes before anything
 * is replaced. Temporary files are gone also when a signal ends the program, but for SIGKILL.
 *
 * The folder is flushed where it can be: not if it may be written to, but not read, and not on file
 * systems that don't know how. The file is complete then, but a crash of the host may undo the
 * renaming.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

#define MAX_NAMES	8
#define MAX_TRIES	100

static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* Temporary files that are there; changed only while the deadly signals are blocked. */
static char *volatile names[MAX_NAMES];

static void on_deadly_signal(int sig)
{
	size_t i;

	for (i = 0; i < MAX_NAMES; i++)
		if (names[i])
			unlink(names[i]);
	/* The default action is back, and follows when the handler is left. */
	raise(sig);
}

void signals_catch(void (*handler)(int sig), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags }, old;
	size_t i;

	sigfillset(&sa.sa_mask);
	for (i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		/* Who says nohup means it. */
		if (!sigaction(deadly[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(deadly[i], &sa, NULL);
}

void emit_clean_on_signals(void)
{
	signals_catch(on_deadly_signal, (int)SA_RESETHAND);
}

static void block_signals(sigset_t *old)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigaddset(&set, deadly[i]);
	sigprocmask(SIG_BLOCK, &set, old);
}

static void unblock_signals(const sigset_t *old)
{
	sigprocmask(SIG_SETMASK, old, NULL);
}

static bool replace_name(char *from, char *to)
{
	size_t i;

	for (i = 0; i < MAX_NAMES; i++)
		if (names[i] == from) {
			names[i] = to;
			return true;
		}
	return false;
}

int dir_open_of(const char *path)
{
	char *copy = strdup(path);
	int fd = -1, saved;

	if (copy)
		fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	saved = errno;
	free(copy);
	return fd < 0 ? -saved : fd;
}

int dir_sync(int fd)
{
	if (fd < 0 || !fsync(fd) || errno == EINVAL || errno == ENOTSUP)
		return 0;
	return -errno;
}

/* A name of its own each time: what a killed process has left is in nobody's way. */
static int create_tmp(struct emit *emit)
{
	unsigned int i, nr;

	for (i = 0; i < MAX_TRIES; i++) {
		if (getrandom(&nr, sizeof(nr), 0) != sizeof(nr))
			return -errno;
		free(emit->tmp);
		if (asprintf(&emit->tmp, "%s.tmp%08x", emit->path, nr) < 0) {
			emit->tmp = NULL;
			return -ENOMEM;
		}
		emit->fd = open(emit->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				0666);
		if (emit->fd >= 0 || errno != EEXIST)
			break;
	}
	return emit->fd < 0 ? -errno : 0;
}

int emit_open(struct emit *emit, const char *path, enum emit_how how)
{
	struct stat st;
	sigset_t old;
	int ret = 0;

	*emit = (struct emit)EMIT_NONE;
	emit->how = how;
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		cli_error("%s: is there and not a regular file", path);
		return CLI_FAILED;
	}
	emit->path = strdup(path);
	if (!emit->path) {
		ret = -ENOMEM;
		goto err;
	}
	emit->dir_fd = dir_open_of(path);
	if (emit->dir_fd < 0 && emit->dir_fd != -EACCES) {
		ret = emit->dir_fd;
		goto err;
	}
	block_signals(&old);
	ret = create_tmp(emit);
	if (!ret && !replace_name(NULL, emit->tmp)) {
		unlink(emit->tmp);
		ret = -EMFILE;
	}
	if (ret) {
		/* Not ours to remove. */
		free(emit->tmp);
		emit->tmp = NULL;
	}
	unblock_signals(&old);
	if (!ret)
		return CLI_OK;
err:
	cli_error("%s: %s", path, strerror(-ret));
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

int emit_prepare(struct emit *emit)
{
	int ret = 0, fd = emit->fd;

	if (emit->how != EMIT_SCRATCH && fsync(fd))
		ret = -errno;
	emit->fd = -1;
	if (close(fd) && !ret)
		ret = -errno;
	if (ret) {
		cli_error("%s: %s", emit->path, strerror(-ret));
		emit_abort(emit);
	}
	return ret ? CLI_FAILED : CLI_OK;
}

int emit_commit(struct emit *emit)
{
	sigset_t old;
	int ret;

	block_signals(&old);
	ret = rename(emit->tmp, emit->path) ? -errno : 0;
	if (!ret) {
		replace_name(emit->tmp, NULL);
		free(emit->tmp);
		emit->tmp = NULL;
	}
	unblock_signals(&old);
	if (ret) {
		cli_error("%s: %s", emit->path, strerror(-ret));
	} else if (emit->how == EMIT_KEPT) {
		ret = dir_sync(emit->dir_fd);
		if (ret)
			cli_error("%s: is written, but its folder can't be flushed to disk: %s",
				  emit->path, strerror(-ret));
	}
	emit_abort(emit);
	return ret ? CLI_FAILED : CLI_OK;
}

void emit_abort(struct emit *emit)
{
	sigset_t old;

	if (emit->fd >= 0)
		close(emit->fd);
	if (emit->dir_fd >= 0)
		close(emit->dir_fd);
	block_signals(&old);
	if (emit->tmp) {
		unlink(emit->tmp);
		replace_name(emit->tmp, NULL);
	}
	free(emit->tmp);
	free(emit->path);
	*emit = (struct emit)EMIT_NONE;
	unblock_signals(&old);
}

int emit_prepare_file(struct emit *emit, const char *path, const void *data, size_t size,
		      enum emit_how how)
{
	int ret;

	ret = emit_open(emit, path, how);
	if (ret)
		return ret;
	ret = emit_write(emit, 0, data, size);
	if (ret) {
		cli_error("%s: %s", path, strerror(-ret));
		emit_abort(emit);
		return CLI_FAILED;
	}
	return emit_prepare(emit);
}

int emit_file(const char *path, const void *data, size_t size, enum emit_how how)
{
	struct emit emit;
	int ret;

	ret = emit_prepare_file(&emit, path, data, size, how);
	return ret ?: emit_commit(&emit);
}
