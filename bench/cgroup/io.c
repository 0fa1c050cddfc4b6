// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files, time and messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgbench.h"

void fail(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("cgbench: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* Open, write once, close: what a runtime does for every limit.  Nothing is truncated. */
int file_write_at(int dirfd, const char *path, const char *text)
{
	ssize_t len = strlen(text);
	ssize_t written;
	int ret = 0;
	int fd;

	fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	written = write(fd, text, len);
	if (written < 0)
		ret = -errno;
	else if (written != len)
		ret = -EIO;
	if (close(fd) < 0 && !ret)
		ret = -errno;
	return ret;
}

int file_read_at(int dirfd, const char *path, char *text, size_t len)
{
	size_t used = 0;
	ssize_t got;
	int fd;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		got = read(fd, text + used, len - 1 - used);
		if (got < 0) {
			got = -errno;
			close(fd);
			return got;
		}
		used += got;
	} while (got && used < len - 1);
	close(fd);
	while (used && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
	return 0;
}

long flat_key_read(int dirfd, const char *path, const char *key)
{
	size_t key_len = strlen(key);
	char text[4096];
	char *line;
	char *state;
	int ret;

	ret = file_read_at(dirfd, path, text, sizeof(text));
	if (ret)
		fail("read %s: %s", path, strerror(-ret));
	for (line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		if (!strncmp(line, key, key_len) && line[key_len] == ' ')
			return atol(line + key_len + 1);
	}
	fail("%s has no key %s", path, key);
}

bool word_in_list(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *pos = list;

	while ((pos = strstr(pos, word))) {
		bool starts = pos == list || strchr(" ,\n", pos[-1]);
		bool ends = !pos[len] || strchr(" ,\n", pos[len]);

		if (starts && ends)
			return true;
		pos += len;
	}
	return false;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}
