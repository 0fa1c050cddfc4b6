// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target for ELF, note, descriptor, site tables and undo data. The input is a list of changes
 * to a synthetic image, so that few bytes get far; input that begins with an ELF magic is taken as
 * a file.
 */
#include <elf.h>

#include "fuzz.h"

#define CHANGE_SIZE	8

static uint8_t *stock, *baked;
static size_t stock_size;
static struct kimg view;	/* of the stock image, before it is changed */
static struct x86_prepatch_profile profile;

static void make_images(void)
{
	static struct synth s;
	struct kimg_err err;
	struct kimg img;

	synth_init(&s);
	synth_fill(&s);
	synth_profile(&profile);
	stock = synth_finish(&s, &stock_size);
	expect(!kimg_open(&view, copy_of(stock, stock_size), stock_size, &err), "a good image");
	expect(!kimg_open(&img, copy_of(stock, stock_size), stock_size, &err) &&
	       !kimg_apply(&img, &profile, NULL, &err), "the image can be patched");
	baked = copy_of(img.data, stock_size);
	kimg_free(&img);
}

/* Where a change goes: the parts that are parsed, rather than one of 100,000 bytes. */
static size_t pick_place(unsigned int which, uint32_t offset)
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
	return (size_t)(image_bytes(&view, places[which].addr, 1) - view.data) +
	       offset % places[which].size;
}

/* A guest whose memory is what the image says, but for a byte here and there. */
static int read_guest(void *data, uint64_t phys, void *buf, size_t len)
{
	const struct kimg *img = data;
	unsigned int i;

	memset(buf, 0, len);
	for (i = 0; i < img->nr_segments; i++) {
		const struct kimg_segment *seg = &img->segments[i];

		if (phys >= seg->paddr && phys - seg->paddr < seg->filesz &&
		    len <= seg->filesz - (phys - seg->paddr))
			memcpy(buf, img->data + seg->offset + (phys - seg->paddr), len);
	}
	((uint8_t *)buf)[phys / KIMG_PAGE_SIZE * 31 % len] ^= 1;
	return 0;
}

static void try_image(uint8_t *bytes, size_t size, int is_seal, int is_verify)
{
	uint32_t words[X86_PREPATCH_MAX_WORDS];
	struct kimg_verify result;
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
	before = copy_of(img.data, size);
	if (is_verify) {
		kimg_verify(&img, read_guest, &img, &result, &err);
		kimg_required_features(&img, words, &err);
		expect(!memcmp(before, img.data, size), "verify changes nothing");
	}
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
	uint8_t *bytes;
	size_t i;

	if (!stock)
		make_images();
	if (!size)
		return 0;
	if (size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG)) {
		try_image(copy_of(data, size), size, 0, 0);
		return 0;
	}
	bytes = copy_of(data[0] & 1 ? baked : stock, stock_size);
	for (i = 1; i + CHANGE_SIZE <= size; i += CHANGE_SIZE) {
		uint32_t offset = data[i + 1] | (uint32_t)data[i + 2] << 8;
		size_t at = pick_place(data[i], offset);
		unsigned int n;

		for (n = 0; n < 4 && at + n < stock_size; n++)
			if (data[i + 3] >> n & 1)
				bytes[at + n] = data[i + 4 + n];
	}
	try_image(bytes, stock_size, data[0] & 2, data[0] & 4);
	return 0;
}
