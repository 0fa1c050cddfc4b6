// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Fuzz target for everything that reads kernel text: flat keyed files,
 * mountinfo, pid lists, names. With clang it is a libFuzzer target; without,
 * -DFUZZ_STANDALONE gives a main() that mutates the same seeds at random:
 *
 *	fuzz-parse SECONDS [SEED]
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "fuzz-parse: %s does not hold\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exact size: the sanitizer sees the first byte read beyond. */
	char *text = malloc(size), *str = malloc(size + 1);
	struct mount_line m;
	const char *p, *end;
	size_t len = size;
	uint64_t val;
	long pid;
	int ret;

	if (!text || !str)
		abort();
	if (size)
		memcpy(text, data, size);
	if (size)
		memcpy(str, data, size);
	str[size] = '\0';

	p = text;
	end = text + size;
	while ((ret = parse_mountinfo_line(&p, &len, &m))) {
		expect(p <= end && len == (size_t)(end - p), "progress of mountinfo");
		if (ret < 0)
			continue;
		expect(memchr(m.mountpoint, 0, sizeof(m.mountpoint)) != NULL, "end of mountpoint");
		expect(memchr(m.super_opts, 0, sizeof(m.super_opts)) != NULL, "end of options");
		opts_has(m.super_opts, "favordynmods");
	}

	val = 4711;
	ret = parse_flat_key(text, size, "free", &val);
	expect(ret == 0 || val == 4711, "value untouched on failure");
	expect(ret <= 0, "flat key status");
	ret = parse_flat_key(text, size, "", &val);
	expect(ret <= 0, "empty key status");

	parse_u64(str, &val);
	list_has(str, "pool");
	p = str;
	while ((ret = parse_next_pid(&p, &pid)) > 0)
		expect(pid >= 0 && p <= str + size, "pid in range");
	ret = parse_slot_name(str);
	expect(ret < 100000, "slot number");
	if (!check_name(str))
		expect(!strchr(str, '/') && *str && strcmp(str, ".."), "names stay below");

	free(text);
	free(str);
	return 0;
}

#ifdef FUZZ_STANDALONE
static const char *const seeds[] = {
	"free 12\nbuilding 0\nclaimed 3\n",
	"30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,favordynmods\n",
	"1 2 0:3 / /a\\040b rw - t s o\n",
	"1\n22\n333\n",
	"cgpool-00017",
	"18446744073709551615\n",
};

int main(int argc, char **argv)
{
	static const char alphabet[] = " \n\\0123456789:/-free,.\377";
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	unsigned int seed = argc > 2 ? (unsigned int)atoi(argv[2]) : 1;
	struct timespec start, now;
	unsigned long runs = 0;

	srandom(seed);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		const char *text = seeds[(size_t)random() % (sizeof(seeds) / sizeof(seeds[0]))];
		size_t len = strlen(text), i, nr = (size_t)random() % 8;
		uint8_t buf[2048];

		memcpy(buf, text, len);
		for (i = 0; i < nr; i++) {
			size_t at = len ? (size_t)random() % len : 0;
			size_t n = (size_t)random() % 600;

			switch (random() % 4) {
			case 0:		/* change */
				if (len)
					buf[at] = (uint8_t)alphabet[(size_t)random() %
								    (sizeof(alphabet) - 1)];
				break;
			case 1:		/* cut */
				len = at;
				break;
			case 2:		/* repeat */
				if (len && len + n <= sizeof(buf)) {
					memset(buf + len, buf[at], n);
					len += n;
				}
				break;
			case 3:		/* join */
				text = seeds[(size_t)random() % (sizeof(seeds) / sizeof(seeds[0]))];
				if (len + strlen(text) <= sizeof(buf)) {
					memcpy(buf + len, text, strlen(text));
					len += strlen(text);
				}
				break;
			}
		}
		LLVMFuzzerTestOneInput(buf, len);
		runs++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) +
		 (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
	printf("%lu runs, seed %u\n", runs, seed);
	return 0;
}
#endif
