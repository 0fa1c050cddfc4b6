// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target for ELF, note, descriptor, site tables and undo data. The input is a list of changes
 * to a synthetic image, so that few bytes get far; input that begins with an ELF magic is taken as
 * a file. With clang it is a libFuzzer target; without, -DFUZZ_STANDALONE gives a main() that
 * makes changes at random:
 *
 *	fuzz-image SECONDS [SEED]
 */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "synth.h"

#define CHANGE_SIZE	8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *stock, *baked;
static size_t stock_size;
static struct x86_prepatch_profile profile;

static void expect(int is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "fuzz-image: %s does not hold\n", what);
	abort();
}

static void make_images(void)
{
	static struct synth s;
	struct kimg_err err;
	struct kimg img;
	uint8_t *copy;

	synth_init(&s);
	synth_fill(&s);
	synth_profile(&profile);
	stock = synth_finish(&s, &stock_size);
	copy = malloc(stock_size);
	if (!copy)
		abort();
	memcpy(copy, stock, stock_size);
	expect(!kimg_open(&img, copy, stock_size, &err) &&
	       !kimg_apply(&img, &profile, NULL, &err), "the image can be patched");
	baked = malloc(stock_size);
	if (!baked)
		abort();
	memcpy(baked, img.data, stock_size);
	kimg_free(&img);
}

/* Where a change goes: the parts that are parsed, rather than one of 100,000 bytes. */
static size_t pick_place(const struct kimg *img, unsigned int which, uint32_t offset)
{
	static const struct {
		uint64_t addr;
		uint32_t size;
	} places[] = {
		{ SYNTH_DESC, sizeof(struct x86_prepatch_desc) },
		{ SYNTH_TABLES, SYNTH_NR_TABLES * SYNTH_TABLE_SIZE },
		{ SYNTH_JUMP_TABLE, 0x1000 },
		{ SYNTH_UNDO, 0x600 },
		{ SYNTH_CODE, 0x1000 },
		{ SYNTH_REPL, 0x100 },
		{ SYNTH_KEYS, 0x100 },
	};
	size_t nr = sizeof(places) / sizeof(places[0]);

	if (which % (nr + 1) == nr)
		return offset % 0x480;
	which %= nr + 1;
	return (size_t)(image_bytes(img, places[which].addr, 1) - img->data) +
	       offset % places[which].size;
}

static void try_image(uint8_t *bytes, size_t size, int is_seal)
{
	struct kimg_stats stats;
	struct kimg_err err;
	uint8_t *before;
	struct kimg img;

	memset(&err, 0, sizeof(err));
	if (kimg_open(&img, bytes, size, &err)) {
		expect(*err.text && !strchr(err.text, '\n'), "one line of reason");
		kimg_free(&img);
		return;
	}
	if (is_seal && kimg_is_baked(&img))
		synth_seal_undo(&img);
	before = malloc(size);
	if (!before)
		abort();
	memcpy(before, img.data, size);
	kimg_inspect(&img, &stats, &err);
	expect(!memcmp(before, img.data, size), "inspect changes nothing");
	if (kimg_is_baked(&img)) {
		if (kimg_undo(&img, &err))
			expect(!memcmp(before, img.data, size), "a failed undo writes nothing");
		else
			memcpy(before, img.data, size);
	}
	if (!kimg_is_baked(&img) && !kimg_apply(&img, &profile, &stats, &err)) {
		expect(kimg_is_baked(&img), "a patched image says so");
		expect(!kimg_undo(&img, &err), "what was applied can be undone");
		expect(!memcmp(before, img.data, size), "undo gives back the original");
	}
	free(before);
	kimg_free(&img);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kimg_err err;
	uint8_t *bytes;
	struct kimg img;
	size_t i;

	if (!stock)
		make_images();
	if (size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG)) {
		bytes = malloc(size);
		if (!bytes)
			abort();
		memcpy(bytes, data, size);
		try_image(bytes, size, 0);
		return 0;
	}
	if (!size)
		return 0;
	bytes = malloc(stock_size);
	if (!bytes)
		abort();
	memcpy(bytes, stock, stock_size);
	expect(!kimg_open(&img, bytes, stock_size, &err), "the image is a good one");
	if (data[0] & 1)
		memcpy(bytes, baked, stock_size);
	for (i = 1; i + CHANGE_SIZE <= size; i += CHANGE_SIZE) {
		uint32_t offset = data[i + 1] | (uint32_t)data[i + 2] << 8;
		size_t at = pick_place(&img, data[i], offset);
		unsigned int n;

		for (n = 0; n < 4 && at + n < stock_size; n++)
			if (data[i + 3] >> n & 1)
				bytes[at + n] = data[i + 4 + n];
	}
	/* try_image() frees the bytes, not the view that has been taken of them here. */
	img.data = NULL;
	kimg_free(&img);
	try_image(bytes, stock_size, data[0] & 2);
	return 0;
}

#ifdef FUZZ_STANDALONE
int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	unsigned int seed = argc > 2 ? (unsigned int)atoi(argv[2]) : 1;
	struct timespec start, now;
	unsigned long runs = 0;

	srandom(seed);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		uint8_t buf[1 + CHANGE_SIZE * 6];
		size_t i, len = 1 + CHANGE_SIZE * (1 + (size_t)random() % 6);

		for (i = 0; i < len; i++)
			buf[i] = (uint8_t)random();
		LLVMFuzzerTestOneInput(buf, len);
		runs++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) +
		 (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
	free(stock);
	free(baked);
	printf("%lu runs, seed %u\n", runs, seed);
	return 0;
}
#endif
