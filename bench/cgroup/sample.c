// SPDX-License-Identifier: GPL-2.0-only
/*
 * The result channel: one JSON object per line.  The samples of an arm are
 * packed (unsigned LEB128 of nanoseconds, then base64), because the channel is
 * a serial line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgbench.h"

#define LEB128_MAX_BYTES	10

static FILE *result_file;

void result_open(const char *path)
{
	result_file = fopen(path, "w");
	if (!result_file)
		fail("open %s: %s", path, strerror(errno));
}

void result_close(void)
{
	if (!result_file)
		return;
	if (fflush(result_file) || fclose(result_file))
		fail("write of the results: %s", strerror(errno));
	result_file = NULL;
}

void result_line(const char *fmt, ...)
{
	va_list args;

	if (!result_file)
		return;
	va_start(args, fmt);
	vfprintf(result_file, fmt, args);
	va_end(args);
	fputc('\n', result_file);
	if (fflush(result_file))
		fail("write of the results: %s", strerror(errno));
}

static char *samples_pack(const uint64_t *ns, int nr)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t max_bytes = (size_t)nr * LEB128_MAX_BYTES;
	unsigned char *bytes;
	size_t used = 0;
	size_t pos;
	char *text;
	char *out;
	int i;

	bytes = malloc(max_bytes + 3);
	text = malloc(max_bytes / 3 * 4 + 8);
	if (!bytes || !text)
		fail("no memory for %d samples", nr);
	for (i = 0; i < nr; i++) {
		uint64_t value = ns[i];

		do {
			bytes[used++] = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);
			value >>= 7;
		} while (value);
	}
	memset(bytes + used, 0, 3);
	out = text;
	for (pos = 0; pos < used; pos += 3) {
		unsigned int three = bytes[pos] << 16 | bytes[pos + 1] << 8 | bytes[pos + 2];

		*out++ = digits[three >> 18];
		*out++ = digits[three >> 12 & 63];
		*out++ = pos + 1 < used ? digits[three >> 6 & 63] : '=';
		*out++ = pos + 2 < used ? digits[three & 63] : '=';
	}
	*out = '\0';
	free(bytes);
	return text;
}

static int compare_ns(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void say_summary(const struct arm *arm, const uint64_t *ns, int nr, uint64_t wall_ns)
{
	uint64_t *sorted = malloc(nr * sizeof(*ns));
	uint64_t sum = 0;
	int i;

	if (!sorted)
		fail("no memory for %d samples", nr);
	memcpy(sorted, ns, nr * sizeof(*ns));
	qsort(sorted, nr, sizeof(*sorted), compare_ns);
	for (i = 0; i < nr; i++)
		sum += sorted[i];
	say("%-13s %-14s T=%-3d N=%-4d block %d  %-13s wall %8.1f ms  mean %9.1f  p50 %9.1f  p99 %9.1f  max %9.1f us",
	    arm->hierarchy, arm->arm, arm->nr_threads, arm->nr_existing, arm->block, arm->step,
	    wall_ns / 1e6, sum / 1e3 / nr, sorted[nr / 2] / 1e3, sorted[(long)nr * 99 / 100] / 1e3,
	    sorted[nr - 1] / 1e3);
	free(sorted);
}

void result_arm(const struct arm *arm, const uint64_t *ns, int nr, uint64_t wall_ns)
{
	char *raw = samples_pack(ns, nr);

	say_summary(arm, ns, nr, wall_ns);
	result_line("{\"kind\":\"arm\",\"hierarchy\":\"%s\",\"arm\":\"%s\",\"step\":\"%s\",\"threads\":%d,\"existing\":%d,\"block\":%d,\"favordynmods\":%s,\"pool_max\":%ld,\"pool_low\":%ld,\"claims\":%ld,\"misses\":%ld,\"n\":%d,\"wall_ns\":%llu,\"raw\":\"%s\"}",
		    arm->hierarchy, arm->arm, arm->step, arm->nr_threads, arm->nr_existing,
		    arm->block, arm->favordynmods ? "true" : "false", arm->pool_max, arm->pool_low,
		    arm->claims, arm->misses, nr, (unsigned long long)wall_ns, raw);
	free(raw);
}
