// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes the place of QEMU in the tests of bake: finds the synthetic kernel in the memory file and
 * does to it what the real kernel would do. KIMG_FAKE says what goes wrong: "mismatch", "failed",
 * "different", "rewrites" (bytes that were right), "unknown" (a byte of no table), "late" (the
 * same, but only a while after the status), "endless" (it never ends).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "synth.h"

#define PHYS(addr)	((addr) - SYNTH_TEXT + 0x1000000)

/* As QEMU reads an option: a comma ends it, two are one. */
static const char *take_value(const char *p, char *buf)
{
	char *to = buf;

	for (; *p && (*p != ',' || *++p == ','); p++)
		*to++ = *p;
	*to = '\0';
	return buf;
}

int main(int argc, char **argv)
{
	const char *fault = getenv("KIMG_FAKE") ?: "", *p, *path = NULL;
	struct x86_prepatch_profile profile;
	struct x86_prepatch_desc *desc;
	int i, fd, is_baked, is_verify = 0, has_cpu = 0;
	struct stat st;
	uint8_t *mem;
	char buf[4096];

	for (i = 1; i < argc; i++) {
		p = strstr(argv[i], "mem-path=");
		if (p && strlen(p + 9) < sizeof(buf))
			path = take_value(p + 9, buf);
		is_verify |= !!strstr(argv[i], "prepatch=verify");
		has_cpu |= !strcmp(argv[i], "fake-cpu");
	}
	if (!path || !has_cpu) {
		fprintf(stderr, "fake-qemu: arguments are missing\n");
		return 1;
	}
	fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &st))
		return 1;
	mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return 1;
	/* data follows text in physical memory as in virtual, 2 MiB further */
	desc = (struct x86_prepatch_desc *)(mem + PHYS(SYNTH_DESC));
	is_baked = !memcmp(mem + PHYS(SYNTH_UNDO), X86_PREPATCH_UNDO_MAGIC, 8);
	synth_profile(&profile);
	if (is_baked && !is_verify && !strcmp(fault, "rewrites"))
		mem[PHYS(SYNTH_CODE) + 1] ^= 1;
	if (is_baked && !is_verify && !strcmp(fault, "unknown"))
		mem[PHYS(SYNTH_TEXT) + 1] ^= 1;
	/* A start that has failed has no profile either. */
	if (!is_baked || strcmp(fault, "failed"))
		memcpy(&desc->actual, &profile, sizeof(profile));
	if (!is_baked)
		desc->status = X86_PREPATCH_STOCK;
	else if (!strcmp(fault, "mismatch"))
		desc->status = X86_PREPATCH_MISMATCH;
	else if (!strcmp(fault, "failed"))
		desc->status = X86_PREPATCH_FAILED;
	else if (is_verify && !strcmp(fault, "different"))
		desc->status = X86_PREPATCH_DIFFERENT;
	else
		desc->status = is_verify ? X86_PREPATCH_VERIFIED : X86_PREPATCH_MATCH;
	if (is_baked && strcmp(fault, "failed") && memcmp(&desc->expected, &profile, sizeof(profile)))
		desc->status = X86_PREPATCH_MISMATCH;
	if (is_baked && !is_verify && !strcmp(fault, "late")) {
		usleep(700000);
		mem[PHYS(SYNTH_TEXT) + 1] ^= 1;
	}
	while (is_baked && !is_verify && !strcmp(fault, "endless"))
		pause();
	munmap(mem, (size_t)st.st_size);
	close(fd);
	return 0;
}
