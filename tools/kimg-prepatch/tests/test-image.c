// SPDX-License-Identifier: GPL-2.0-only
/* Whole images: there and back, hostile ones, memory of guests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "synth.h"

struct fixture {
	struct x86_prepatch_profile profile;
	uint8_t *stock;
	size_t size;
	struct kimg img;
	struct kimg_stats stats;
	struct kimg_err err;
};

static struct fixture fx;
static struct synth synth;

static int open_copy(struct kimg *img, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ?: 1);

	memcpy(copy, data, size);
	return kimg_open(img, copy, size, &fx.err);
}

static int set_up(void **state)
{
	(void)state;
	synth_init(&synth);
	synth_fill(&synth);
	synth_profile(&fx.profile);
	fx.stock = synth_finish(&synth, &fx.size);
	return open_copy(&fx.img, fx.stock, fx.size);
}

static int tear_down(void **state)
{
	(void)state;
	kimg_free(&fx.img);
	free(fx.stock);
	return 0;
}

static void reopen(void)
{
	kimg_free(&fx.img);
	assert_int_equal(open_copy(&fx.img, fx.stock, fx.size), 0);
}

static void apply_then_undo_is_the_original(void **state)
{
	(void)state;
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, &fx.stats, &fx.err), 0);
	assert_true(kimg_is_baked(&fx.img));
	assert_memory_not_equal(fx.img.data, fx.stock, fx.size);
	assert_true(fx.stats.classes[KIMG_RETURN].bytes > 0);
	assert_int_equal(kimg_undo(&fx.img, &fx.err), 0);
	assert_false(kimg_is_baked(&fx.img));
	assert_memory_equal(fx.img.data, fx.stock, fx.size);
	assert_int_equal(kimg_undo(&fx.img, &fx.err), -EOPNOTSUPP);
}

static void apply_twice_is_apply_once(void **state)
{
	struct kimg again;

	(void)state;
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, NULL, &fx.err), 0);
	assert_int_equal(open_copy(&again, fx.img.data, fx.size), 0);
	assert_int_equal(kimg_apply(&again, &fx.profile, NULL, &fx.err), 0);
	assert_memory_equal(again.data, fx.img.data, fx.size);
	kimg_free(&again);
}

static void another_profile_starts_from_stock(void **state)
{
	struct x86_prepatch_profile other = fx.profile;
	struct kimg direct;

	(void)state;
	other.words[0] ^= 1U << SYNTH_F_ITS | 1U << SYNTH_F_RETHUNK;
	synth_seal_profile(&other);
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, NULL, &fx.err), 0);
	assert_int_equal(kimg_apply(&fx.img, &other, NULL, &fx.err), 0);
	assert_int_equal(open_copy(&direct, fx.stock, fx.size), 0);
	assert_int_equal(kimg_apply(&direct, &other, NULL, &fx.err), 0);
	assert_memory_equal(direct.data, fx.img.data, fx.size);
	kimg_free(&direct);
}

/* Only what is said to change does. */
static void nothing_outside_changes(void **state)
{
	const struct kimg_segment *percpu = &fx.img.segments[2];
	size_t desc_end = offsetof(struct x86_prepatch_desc, expected);

	(void)state;
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, NULL, &fx.err), 0);
	assert_memory_equal(fx.img.data, fx.stock, 0x1000);
	assert_memory_equal(fx.img.data + percpu->offset, fx.stock + percpu->offset,
			    percpu->filesz);
	assert_memory_equal(image_bytes(&fx.img, SYNTH_DESC, desc_end), &synth.desc, desc_end);
	assert_memory_equal(image_bytes(&fx.img, SYNTH_PV_OPS, 64),
			    synth_at(&synth, SYNTH_PV_OPS), 64);
}

static void inspect_counts_what_apply_did(void **state)
{
	struct kimg_stats seen;

	(void)state;
	assert_int_equal(kimg_inspect(&fx.img, &seen, &fx.err), 0);
	assert_int_equal(seen.bytes, 0);
	assert_int_equal(seen.classes[KIMG_PV_CALL].sites, SYNTH_NR_PV_OPS);
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, &fx.stats, &fx.err), 0);
	assert_int_equal(kimg_inspect(&fx.img, &seen, &fx.err), 0);
	assert_memory_equal(&seen, &fx.stats, sizeof(seen));
	assert_int_equal(seen.classes[KIMG_JUMP_LABEL].bytes, 0);
	assert_int_equal(seen.classes[KIMG_SMP_LOCK].bytes, 0);
	assert_int_equal(seen.classes[KIMG_DENTRY_HASH].bytes, 0);
	assert_int_equal(seen.classes[KIMG_USER_PTR_MAX].bytes, 4 * 8);
}

static void required_features_are_those_that_decided(void **state)
{
	uint32_t words[X86_PREPATCH_MAX_WORDS];

	(void)state;
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, NULL, &fx.err), 0);
	assert_int_equal(kimg_required_features(&fx.img, words, &fx.err), 0);
	assert_int_equal(words[0], 1U << SYNTH_F_ALWAYS);
	assert_int_equal(words[1], 1U << (SYNTH_F_PRESENT - 32));
	assert_string_equal(kimg_feature_name(0), "fpu");
	assert_null(kimg_feature_name(3 * 32));
}

/* undo */

static void cpu_stream_alone_leaves_the_rest_patched(void **state)
{
	struct kimg cpu_free;

	(void)state;
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, NULL, &fx.err), 0);
	assert_int_equal(undo_restore(&fx.img, X86_PREPATCH_UNDO_CPU, &fx.err), 0);
	assert_int_equal(open_copy(&cpu_free, fx.img.data, fx.size), 0);
	/* mcount calls are nops in it, returns are jumps */
	assert_memory_equal(image_bytes(&cpu_free, get_u64(image_bytes(&cpu_free,
				cpu_free.desc.ranges[X86_PREPATCH_MCOUNT].start, 8)), 5),
			    nops[5], 5);
	assert_int_equal(undo_restore(&fx.img, X86_PREPATCH_UNDO_CONST, &fx.err), 0);
	assert_memory_equal(image_bytes(&fx.img, SYNTH_TEXT, SYNTH_TEXT_SIZE), synth.text,
			    SYNTH_TEXT_SIZE);
	kimg_free(&cpu_free);
}

static void no_flipped_bit_of_the_undo_area_goes_unnoticed(void **state)
{
	struct kimg baked;
	size_t i, len;
	uint8_t *area;

	(void)state;
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, &fx.stats, &fx.err), 0);
	len = fx.stats.undo_bytes;
	for (i = 0; i < len; i++) {
		assert_int_equal(open_copy(&baked, fx.img.data, fx.size), 0);
		area = image_bytes(&baked, SYNTH_UNDO, len);
		area[i] ^= 0x41;
		assert_int_not_equal(kimg_undo(&baked, &fx.err), 0);
		assert_int_not_equal(kimg_apply(&baked, &fx.profile, NULL, &fx.err), 0);
		assert_int_not_equal(kimg_inspect(&baked, &fx.stats, &fx.err), 0);
		kimg_free(&baked);
	}
}

/* Streams that have a right checksum and nothing else. */
static void write_undo(const uint8_t *bytes, uint32_t len, uint32_t runs, unsigned int stream)
{
	struct x86_prepatch_undo head = { .version = X86_PREPATCH_VERSION, .base = SYNTH_TEXT };
	uint8_t *area;

	reopen();
	memcpy(head.magic, X86_PREPATCH_UNDO_MAGIC, 8);
	head.bytes[stream] = len;
	head.runs[stream] = runs;
	area = image_bytes(&fx.img, SYNTH_UNDO, SYNTH_UNDO_SIZE);
	memcpy(area, &head, sizeof(head));
	memcpy(area + sizeof(head), bytes, len);
	synth_seal_undo(&fx.img);
}

static void expect_bad_stream(const uint8_t *bytes, uint32_t len, uint32_t runs,
			      unsigned int stream)
{
	uint8_t *copy;

	write_undo(bytes, len, runs, stream);
	copy = malloc(fx.size);
	memcpy(copy, fx.img.data, fx.size);
	assert_int_equal(undo_restore(&fx.img, stream, &fx.err), -EBADMSG);
	/* Nothing has been written, not even by the runs that are good. */
	assert_memory_equal(copy, fx.img.data, fx.size);
	free(copy);
}

static size_t uleb(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	do {
		p[n] = (uint8_t)(v & 0x7f) | (v >> 7 ? 0x80 : 0);
		v >>= 7;
		n++;
	} while (v);
	return n;
}

static void streams_that_leave_their_place_are_refused(void **state)
{
	uint8_t b[64] = { 0x10, 2, 0xaa, 0xbb };
	const uint64_t bad[] = {
		SYNTH_RODATA, SYNTH_DESC, SYNTH_UNDO, SYNTH_UNDO + 64, SYNTH_INIT_BEGIN,
		SYNTH_TEXT + SYNTH_TEXT_SIZE - 1, SYNTH_INIT + SYNTH_INIT_SIZE, SYNTH_DATA,
		UINT64_MAX - 1, 0,
	};
	size_t i, n;

	(void)state;
	write_undo(b, 4, 1, 0);
	assert_int_equal(undo_restore(&fx.img, 0, &fx.err), 0);
	assert_memory_equal(image_bytes(&fx.img, SYNTH_TEXT + 0x10, 2), "\xaa\xbb", 2);
	/* after a good run, a bad one */
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = 4;
		n += uleb(b + n, bad[i] - (SYNTH_TEXT + 0x12));
		b[n++] = 2;
		b[n++] = 1;
		b[n++] = 2;
		expect_bad_stream(b, (uint32_t)n, 2, X86_PREPATCH_UNDO_CPU);
		if (bad[i] != SYNTH_JUMP_TABLE)
			expect_bad_stream(b, (uint32_t)n, 2, X86_PREPATCH_UNDO_CONST);
	}
}

static void malformed_streams_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[24];
		uint32_t len, runs;
	} bad[] = {
		{ { 0x10, 0 }, 2, 1 },				/* empty run */
		{ { 0x10, 2, 0xaa }, 3, 1 },			/* cut */
		{ { 0x10 }, 1, 1 },				/* no length */
		{ { 0x80 }, 1, 1 },				/* no end of a number */
		{ { 0x10, 1, 0xaa }, 3, 2 },			/* wrong number of runs */
		{ { 0x10, 1, 0xaa }, 3, 0 },
		{ { 0x90, 0x80, 0x80, 0x80, 0x10, 1, 0xaa }, 7, 1 },	/* more than 32 bits */
		{ { 0x10, 0xff, 0xff, 0xff, 0xff, 0x7f, 1 }, 7, 1 },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1 }, 13, 1 },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1 }, 11, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad_stream(bad[i].bytes, bad[i].len, bad[i].runs, X86_PREPATCH_UNDO_CPU);
}

static void undo_that_does_not_fit_names_the_option(void **state)
{
	uint8_t *small;
	size_t size;

	(void)state;
	synth.desc.ranges[X86_PREPATCH_UNDO].end = SYNTH_UNDO + 0x100;
	small = synth_finish(&synth, &size);
	kimg_free(&fx.img);
	assert_int_equal(kimg_open(&fx.img, small, size, &fx.err), 0);
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, NULL, &fx.err), -ENOSPC);
	assert_non_null(strstr(fx.err.text, "CONFIG_X86_PREPATCH_UNDO_KB=4"));
}

static void crc_is_the_usual_one(void **state)
{
	(void)state;
	assert_int_equal(undo_crc("123456789", 9), 0xcbf43926);
}

/* profiles */

static void expect_profile(int ret, const char *text)
{
	synth_seal_profile(&fx.profile);
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, NULL, &fx.err), ret);
	assert_non_null(strstr(fx.err.text, text));
	assert_memory_equal(fx.img.data, fx.stock, fx.size);
	synth_profile(&fx.profile);
}

static void profiles_that_cannot_be_are_refused(void **state)
{
	(void)state;
	fx.profile.build_id[19] ^= 1;
	expect_profile(-ESTALE, "another kernel");
	fx.profile.words[0] |= 1U << SYNTH_F_CALL_DEPTH;
	expect_profile(-EOPNOTSUPP, "call depth");
	fx.profile.flags = X86_PREPATCH_CALL_THUNKS;
	expect_profile(-EOPNOTSUPP, "call depth");
	fx.profile.flags = X86_PREPATCH_CFI_RANDOM;
	expect_profile(-EOPNOTSUPP, "random hashes");
	fx.profile.flags = 1U << 31;
	expect_profile(-EOPNOTSUPP, "unknown flags");
	fx.profile.cfi_mode = 3;
	expect_profile(-EOPNOTSUPP, "CFI");
	fx.profile.nr_words++;
	expect_profile(-EBADMSG, "not laid out");
	fx.profile.nr_pv_ops--;
	expect_profile(-EBADMSG, "not laid out");
	fx.profile.nr_words = 41;
	expect_profile(-EBADMSG, "too much");
	fx.profile.return_thunk = SYNTH_RODATA;
	expect_profile(-EBADMSG, "return thunk");
	fx.profile.crc ^= 1;
	assert_int_equal(kimg_profile_check(&fx.profile, &fx.err), -EBADMSG);
	synth_profile(&fx.profile);
	fx.profile.valid = 0;
	assert_int_equal(kimg_profile_check(&fx.profile, &fx.err), -EBADMSG);
}

static void a_profile_is_read_whole(void **state)
{
	struct x86_prepatch_profile got;

	(void)state;
	assert_int_equal(kimg_profile_parse(&fx.profile, sizeof(fx.profile), &got, &fx.err), 0);
	assert_int_equal(kimg_profile_parse(&fx.profile, sizeof(fx.profile) - 1, &got, &fx.err),
			 -EBADMSG);
	assert_int_equal(kimg_profile_parse(&fx.profile, 0, &got, &fx.err), -EBADMSG);
}

/* hostile files */

static Elf64_Phdr *phdrs(uint8_t *data)
{
	return (Elf64_Phdr *)(data + sizeof(Elf64_Ehdr));
}

static void expect_refused(uint8_t *data, size_t size, int ret, const char *text)
{
	struct kimg img;

	assert_int_equal(kimg_open(&img, data, size, &fx.err), ret);
	if (!strstr(fx.err.text, text))
		print_error("%s\n", fx.err.text);
	assert_non_null(strstr(fx.err.text, text));
	assert_null(strchr(fx.err.text, '\n'));
	kimg_free(&img);
}

static uint8_t *copy_stock(void)
{
	uint8_t *data = malloc(fx.size);

	memcpy(data, fx.stock, fx.size);
	return data;
}

static void truncated_files_are_refused(void **state)
{
	struct kimg img;
	size_t len;

	(void)state;
	for (len = 0; len < fx.size; len += len < 0x600 ? 1 : 0x777) {
		int ret = open_copy(&img, fx.stock, len);

		assert_true(ret == -EBADMSG || ret == -EOPNOTSUPP);
		kimg_free(&img);
	}
}

static void overlapping_segments_are_refused(void **state)
{
	uint8_t *data;

	(void)state;
	data = copy_stock();
	phdrs(data)[1].p_vaddr = phdrs(data)[0].p_vaddr + 0x100;
	expect_refused(data, fx.size, -EBADMSG, "overlap");
	data = copy_stock();
	phdrs(data)[1].p_paddr = phdrs(data)[0].p_paddr + 0x100;
	expect_refused(data, fx.size, -EBADMSG, "overlap");
	data = copy_stock();
	phdrs(data)[1].p_offset = phdrs(data)[0].p_offset + 0x100;
	expect_refused(data, fx.size, -EBADMSG, "overlap");
	data = copy_stock();
	phdrs(data)[1].p_vaddr = 0xfffffffffffff000ULL;
	expect_refused(data, fx.size, -EBADMSG, "impossible");
	data = copy_stock();
	phdrs(data)[1].p_filesz = phdrs(data)[1].p_memsz + 1;
	expect_refused(data, fx.size, -EBADMSG, "impossible");
	data = copy_stock();
	phdrs(data)[1].p_offset = 0xfffffffffffff000ULL;
	expect_refused(data, fx.size, -EBADMSG, "truncated");
}

static void foreign_files_are_refused(void **state)
{
	uint8_t *data;

	(void)state;
	data = copy_stock();
	((Elf64_Ehdr *)data)->e_machine = EM_AARCH64;
	expect_refused(data, fx.size, -EOPNOTSUPP, "not for x86-64");
	data = copy_stock();
	((Elf64_Ehdr *)data)->e_type = ET_REL;
	expect_refused(data, fx.size, -EOPNOTSUPP, "not a linked kernel");
	data = copy_stock();
	data[EI_CLASS] = ELFCLASS32;
	expect_refused(data, fx.size, -EOPNOTSUPP, "not a 64-bit");
	data = copy_stock();
	data[EI_DATA] = ELFDATA2MSB;
	expect_refused(data, fx.size, -EOPNOTSUPP, "not a 64-bit");
	data = copy_stock();
	((Elf64_Ehdr *)data)->e_phentsize = 32;
	expect_refused(data, fx.size, -EBADMSG, "program headers");
	data = copy_stock();
	((Elf64_Ehdr *)data)->e_phoff = fx.size;
	expect_refused(data, fx.size, -EBADMSG, "program headers");
	data = copy_stock();
	memcpy(data, "MZ\0\0", 4);
	data[0x1fe] = 0x55;
	data[0x1ff] = 0xaa;
	memcpy(data + 0x202, "HdrS", 4);
	expect_refused(data, fx.size, -EOPNOTSUPP, "is a bzImage");
	data = copy_stock();
	memcpy(data, "\x1f\x8b\x08\0", 4);
	expect_refused(data, fx.size, -EOPNOTSUPP, "not an ELF file");
}

static void kernels_without_descriptor_are_told_so(void **state)
{
	struct kimg img;
	uint8_t *data;
	size_t size;

	(void)state;
	synth.has_note = false;
	data = synth_finish(&synth, &size);
	expect_refused(data, size, -EOPNOTSUPP,
		       "no descriptor: not built with CONFIG_X86_PREPATCH");
	data = synth_finish(&synth, &size);
	assert_int_equal(kimg_open_any(&img, data, size, &fx.err), 0);
	assert_false(kimg_is_baked(&img));
	kimg_free(&img);
}

static void other_versions_are_told_apart(void **state)
{
	uint8_t *data;
	size_t size;

	(void)state;
	synth.note_version = 2;
	data = synth_finish(&synth, &size);
	expect_refused(data, size, -EOPNOTSUPP, "descriptor has version 2");
	synth.note_version = X86_PREPATCH_VERSION;
	synth.desc.version = 2;
	data = synth_finish(&synth, &size);
	expect_refused(data, size, -EBADMSG, "doesn't agree");
}

static void descriptors_that_lie_are_refused(void **state)
{
	struct x86_prepatch_desc good = synth.desc;
	struct x86_prepatch_desc *d = &synth.desc;
	struct kimg img;
	uint8_t *data;
	unsigned int i;
	size_t size;

#define REFUSED(change, text)						\
	do {								\
		*d = good;						\
		change;							\
		data = synth_finish(&synth, &size);			\
		expect_refused(data, size, -EBADMSG, text);		\
	} while (0)

	(void)state;
	REFUSED(d->magic[7]++, "magic");
	REFUSED(d->size--, "doesn't agree");
	REFUSED(d->ncapints = 0, "capability words");
	REFUSED(d->ncapints = 41, "capability words");
	REFUSED(d->nbugints = 0xffffffff, "capability words");
	REFUSED(d->max_patch_len = 255, "patches of");
	REFUSED(d->features[0] = 128, "doesn't exist");
	REFUSED(d->ranges[X86_PREPATCH_TEXT].start = 0, ".text");
	REFUSED(d->ranges[X86_PREPATCH_TEXT].end = SYNTH_DATA, ".text");
	REFUSED(d->ranges[X86_PREPATCH_TEXT].end = SYNTH_TEXT, ".text");
	REFUSED(d->ranges[X86_PREPATCH_RODATA].end = SYNTH_DATA, "read-only data");
	REFUSED(d->ranges[X86_PREPATCH_RO_AFTER_INIT].end += 8, "ro_after_init");
	REFUSED(d->ranges[X86_PREPATCH_INIT].end = UINT64_MAX, "init");
	REFUSED(d->ranges[X86_PREPATCH_INIT].start = SYNTH_TEXT, "init");
	REFUSED(d->ranges[X86_PREPATCH_INITTEXT].end = UINT64_MAX, "init text");
	REFUSED(d->ranges[X86_PREPATCH_STATIC_CALL_TEXT].end = SYNTH_DATA, "trampolines");
	REFUSED(d->ranges[X86_PREPATCH_UNDO].start += 8, "undo area");
	REFUSED(d->ranges[X86_PREPATCH_UNDO].start = SYNTH_TEXT, "not in the file");
	REFUSED(d->ranges[X86_PREPATCH_UNDO] = d->ranges[X86_PREPATCH_TEXT], "overlaps");
	REFUSED(d->ranges[X86_PREPATCH_UNDO].end = d->ranges[X86_PREPATCH_UNDO].start, "undo area");
	REFUSED(d->ranges[X86_PREPATCH_UNDO] = ((struct x86_prepatch_range){ 0 }), "undo area");
	REFUSED(d->ranges[X86_PREPATCH_JUMP_TABLE].end -= 8, "no table");
	REFUSED(d->ranges[X86_PREPATCH_MCOUNT].start += 4;
		d->ranges[X86_PREPATCH_MCOUNT].end += 4, "no table");
	REFUSED(d->ranges[X86_PREPATCH_RETURNS].end = d->ranges[X86_PREPATCH_RETURNS].start - 4,
		"no table");
	REFUSED(d->ranges[X86_PREPATCH_RETURNS].end = UINT64_MAX - 3, "returns");
	REFUSED(d->ranges[X86_PREPATCH_RETURNS] = d->ranges[X86_PREPATCH_RETPOLINES], "overlap");
	REFUSED(d->ranges[X86_PREPATCH_PV_OPS].start = SYNTH_RODATA + 1;
		d->ranges[X86_PREPATCH_PV_OPS].end = SYNTH_RODATA + 65, "no table");
	REFUSED(d->ranges[X86_PREPATCH_PV_OPS].start -= 8 * 150, "pv_ops");
	REFUSED(d->symbols[X86_PREPATCH_RETPOLINE_THUNKS] = 0, "without thunks");
	REFUSED(d->symbols[X86_PREPATCH_RETURN_THUNK] = 0, "without a return thunk");
	REFUSED(d->retpoline_thunk_size = 0, "thunks");
	REFUSED(d->its_thunk_size = 0x80000000, "thunks");
	for (i = 0; i < X86_PREPATCH_NR_SYMBOLS; i++)
		REFUSED(d->symbols[i] = SYNTH_RODATA, "descriptor: ");
	/* the end of the page may be missing in the file, but not more */
	*d = good;
	d->ranges[X86_PREPATCH_RODATA].end += KIMG_PAGE_SIZE - 1;
	data = synth_finish(&synth, &size);
	assert_int_equal(kimg_open(&img, data, size, &fx.err), 0);
	kimg_free(&img);
	REFUSED(d->ranges[X86_PREPATCH_RODATA].end += KIMG_PAGE_SIZE, "read-only data");
	*d = good;
	d->alt_instr_size = 12;
	data = synth_finish(&synth, &size);
	expect_refused(data, size, -EOPNOTSUPP, "unknown layout");
#undef REFUSED
}

static void survive_change(size_t at, uint8_t mask)
{
	uint8_t *data = copy_stock(), *before = malloc(fx.size);
	struct kimg img;

	data[at] ^= mask;
	memcpy(before, data, fx.size);
	if (!kimg_open(&img, data, fx.size, &fx.err) &&
	    !kimg_apply(&img, &fx.profile, NULL, &fx.err)) {
		assert_int_equal(kimg_undo(&img, &fx.err), 0);
		assert_memory_equal(img.data, before, fx.size);
	}
	kimg_free(&img);
	free(before);
}

static void survive_changes(size_t at, size_t len)
{
	size_t i;

	for (i = at; i < at + len; i++) {
		survive_change(i, 0x01);
		survive_change(i, 0x80);
		survive_change(i, 0xff);
	}
}

static size_t file_offset(uint64_t addr)
{
	return (size_t)(image_bytes(&fx.img, addr, 1) - fx.img.data);
}

/* Whatever is done to it: refused, or a result that can be undone. Sanitizers look on. */
static void every_changed_byte_is_survived(void **state)
{
	unsigned int i;

	(void)state;
	survive_changes(0, sizeof(Elf64_Ehdr) + (SYNTH_NR_SEGMENTS + 1) * sizeof(Elf64_Phdr));
	survive_changes(0x400, 0x68);
	survive_changes(file_offset(SYNTH_DESC), offsetof(struct x86_prepatch_desc, ranges));
	survive_changes(file_offset(SYNTH_DESC) + offsetof(struct x86_prepatch_desc, symbols),
			8 * X86_PREPATCH_NR_SYMBOLS);
	for (i = 0; i < X86_PREPATCH_NR_RANGES; i++) {
		const struct x86_prepatch_range *range = &synth.desc.ranges[i];
		size_t len = range->end - range->start;

		survive_changes(file_offset(SYNTH_DESC) +
				offsetof(struct x86_prepatch_desc, ranges) + i * sizeof(*range),
				sizeof(*range));
		if (range->start >= SYNTH_JUMP_TABLE && i != X86_PREPATCH_UNDO && len &&
		    len <= SYNTH_TABLE_SIZE && i != X86_PREPATCH_PV_OPS)
			survive_changes(file_offset(range->start), len < 60 ? len : 60);
	}
}

/* memory */

struct memory {
	uint8_t *bytes;
	size_t size;
	unsigned int writes;
};

static int write_memory(void *data, uint64_t phys, const void *buf, size_t len)
{
	struct memory *m = data;

	assert_true(phys % KIMG_PAGE_SIZE == 0 && phys + len <= m->size);
	memcpy(m->bytes + phys, buf, len);
	m->writes++;
	return 0;
}

static int read_memory(void *data, uint64_t phys, void *buf, size_t len)
{
	struct memory *m = data;

	if (phys > m->size || len > m->size - phys)
		return -ENODATA;
	memcpy(buf, m->bytes + phys, len);
	return 0;
}

static void memory_holds_the_kernel_where_it_runs(void **state)
{
	struct memory m = { .size = 32 << 20 };
	unsigned int i;

	(void)state;
	m.bytes = calloc(1, m.size);
	assert_int_equal(kimg_make_ram(&fx.img, m.size, write_memory, &m, &fx.err), 0);
	for (i = 0; i < fx.img.nr_segments; i++)
		assert_memory_equal(m.bytes + fx.img.segments[i].paddr,
				    fx.img.data + fx.img.segments[i].offset,
				    fx.img.segments[i].filesz);
	/* Pages of zeros stay holes: the per-CPU segment and the undo area are some. */
	assert_true(m.writes < (fx.size - 0x1000) / KIMG_PAGE_SIZE - 4);
	free(m.bytes);
	m.size = 16 << 20;
	assert_int_equal(kimg_make_ram(&fx.img, m.size, write_memory, &m, &fx.err), -EOPNOTSUPP);
}

static void verify_knows_every_byte(void **state)
{
	struct kimg_verify v;
	struct memory m = { .size = 32 << 20 };
	uint64_t site, label;

	(void)state;
	assert_int_equal(kimg_apply(&fx.img, &fx.profile, NULL, &fx.err), 0);
	m.bytes = calloc(1, m.size);
	assert_int_equal(kimg_make_ram(&fx.img, m.size, write_memory, &m, &fx.err), 0);
	assert_int_equal(kimg_verify(&fx.img, read_memory, &m, &v, &fx.err), 0);
	assert_int_equal(v.text_pages_changed + v.rodata_pages_changed + v.unknown_bytes, 0);
	assert_int_equal(v.text_pages, SYNTH_TEXT_SIZE / KIMG_PAGE_SIZE);
	assert_int_equal(v.rodata_pages + v.ro_after_init_pages,
			 SYNTH_RODATA_SIZE / KIMG_PAGE_SIZE);

	/* a jump label, a return, something in ro_after_init */
	label = SYNTH_JUMP_TABLE + (uint64_t)(int64_t)get_s32(image_bytes(&fx.img, SYNTH_JUMP_TABLE,
									 4));
	site = synth.desc.ranges[X86_PREPATCH_RETURNS].start;
	site += (uint64_t)(int64_t)get_s32(image_bytes(&fx.img, site, 4));
	m.bytes[label - SYNTH_TEXT + 0x1000000] ^= 1;
	m.bytes[site - SYNTH_TEXT + 0x1000000] ^= 1;
	m.bytes[SYNTH_RO_AFTER_INIT + 0x1f00 - SYNTH_TEXT + 0x1000000] ^= 1;
	assert_int_equal(kimg_verify(&fx.img, read_memory, &m, &v, &fx.err), 0);
	assert_int_equal(v.classes[KIMG_JUMP_LABEL].bytes, 1);
	assert_int_equal(v.classes[KIMG_RETURN].bytes, 1);
	assert_int_equal(v.classes[KIMG_RO_AFTER_INIT].bytes, 1);
	assert_int_equal(v.unknown_bytes, 0);
	assert_int_equal(v.text_pages_changed, 1);
	assert_int_equal(v.rodata_pages_changed, 0);
	assert_int_equal(v.ro_after_init_pages_changed, 1);

	m.bytes[0x1000000 + 3] ^= 1;
	m.bytes[SYNTH_RODATA + 5 - SYNTH_TEXT + 0x1000000] ^= 1;
	assert_int_equal(kimg_verify(&fx.img, read_memory, &m, &v, &fx.err), 0);
	assert_int_equal(v.unknown_bytes, 2);
	assert_true(v.unknown_first == SYNTH_TEXT + 3);
	assert_int_equal(v.rodata_pages_changed, 1);
	m.size = 0x1000000;
	assert_int_equal(kimg_verify(&fx.img, read_memory, &m, &v, &fx.err), -ENODATA);
	free(m.bytes);
}

static void the_trampoline_is_an_image_that_jumps(void **state)
{
	uint8_t buf[KIMG_TRAMPOLINE_SIZE], *copy;
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)buf;
	struct kimg img;

	(void)state;
	assert_int_equal(kimg_make_trampoline(&fx.img, buf, &fx.err), 0);
	copy = malloc(sizeof(buf));
	memcpy(copy, buf, sizeof(buf));
	assert_int_equal(kimg_open_any(&img, copy, sizeof(buf), &fx.err), 0);
	assert_int_equal(img.nr_segments, 1);
	assert_int_equal(img.pvh_entry, eh->e_entry);
	assert_int_equal(img.segments[0].paddr % 0x200000, img.segments[0].offset % 0x200000);
	assert_memory_equal(buf + eh->e_entry - KIMG_TRAMPOLINE_ADDR,
			    "\xb8\x70\x00\x00\x01\xff\xe0\xf4", 8);
	kimg_free(&img);
	fx.img.pvh_entry = 0;
	assert_int_equal(kimg_make_trampoline(&fx.img, buf, &fx.err), -EOPNOTSUPP);
}

static void sha256_is_right(void **state)
{
	static const struct {
		const char *text, *hash;
		unsigned int times;
	} vectors[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 1 },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 1 },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", 1 },
		{ "a", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
		  1000000 },
	};
	char text[2 * SHA256_SIZE + 1];
	uint8_t hash[SHA256_SIZE];
	struct sha256 ctx;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		sha256_init(&ctx);
		for (j = 0; j < vectors[i].times; j++)
			sha256_update(&ctx, vectors[i].text, strlen(vectors[i].text));
		sha256_final(&ctx, hash);
		report_hex(text, hash, sizeof(hash));
		assert_string_equal(text, vectors[i].hash);
	}
}

#define T(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(apply_then_undo_is_the_original),
		T(apply_twice_is_apply_once),
		T(another_profile_starts_from_stock),
		T(nothing_outside_changes),
		T(inspect_counts_what_apply_did),
		T(required_features_are_those_that_decided),
		T(cpu_stream_alone_leaves_the_rest_patched),
		T(no_flipped_bit_of_the_undo_area_goes_unnoticed),
		T(streams_that_leave_their_place_are_refused),
		T(malformed_streams_are_refused),
		T(undo_that_does_not_fit_names_the_option),
		T(crc_is_the_usual_one),
		T(profiles_that_cannot_be_are_refused),
		T(a_profile_is_read_whole),
		T(truncated_files_are_refused),
		T(overlapping_segments_are_refused),
		T(foreign_files_are_refused),
		T(kernels_without_descriptor_are_told_so),
		T(other_versions_are_told_apart),
		T(descriptors_that_lie_are_refused),
		T(every_changed_byte_is_survived),
		T(memory_holds_the_kernel_where_it_runs),
		T(verify_knows_every_byte),
		T(the_trampoline_is_an_image_that_jumps),
		T(sha256_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
