/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzz targets share. Each of them is one file that is linked with this once. */
#ifndef _KIMG_TEST_FUZZ_H
#define _KIMG_TEST_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "synth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* Memory that is freed and never used again costs more time than all the rest. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:detect_leaks=1";
}

static inline void expect(int is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "fuzz: %s: does not hold\n", what);
	abort();
}

static inline void *copy_of(const void *data, size_t size)
{
	void *copy = malloc(size ?: 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	return copy;
}

#endif
