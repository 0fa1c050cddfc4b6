// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of pre-patched kernel images: the decoder of the undo data, the comparison of
 * profiles, the decision, and that what is right already isn't written.
 *
 * Everything works on buffers of its own.  The text of the running kernel is never touched.
 */
#include <kunit/test.h>
#include <linux/cpufeature.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/runtime-const.h>
#include <asm/sections.h>
#include <asm/text-patching.h>

#include "prepatch.h"

#define TEST_BASE	0xffffffff81000000ULL
#define TEST_AREA	1024

/* Where runs may be: 4096 bytes from the base, and 256 bytes one page later. */
static const struct x86_prepatch_range test_ranges[] __initconst = {
	{ TEST_BASE, TEST_BASE + 4096 },
	{ TEST_BASE + 8192, TEST_BASE + 8192 + 256 },
};

struct test_image {
	union {
		struct x86_prepatch_undo undo;
		u8 area[TEST_AREA];
	};
	u32 len;
};

static struct test_image * __init test_image_new(struct kunit *test)
{
	struct test_image *image = kunit_kzalloc(test, sizeof(*image), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, image);
	memcpy(image->undo.magic, X86_PREPATCH_UNDO_MAGIC, sizeof(image->undo.magic));
	image->undo.version = X86_PREPATCH_VERSION;
	image->undo.base = TEST_BASE;

	return image;
}

static void __init test_put(struct test_image *image, unsigned int which, u8 byte)
{
	image->undo.data[image->len++] = byte;
	image->undo.bytes[which]++;
}

static void __init test_number(struct test_image *image, unsigned int which, u32 number)
{
	while (number > 127) {
		test_put(image, which, number | 128);
		number >>= 7;
	}
	test_put(image, which, number);
}

/* A run of @len bytes, each of them @fill. */
static void __init test_run(struct test_image *image, unsigned int which, u32 distance, u32 len,
			    u8 fill)
{
	u32 i;

	test_number(image, which, distance);
	test_number(image, which, len);
	for (i = 0; i < len; i++)
		test_put(image, which, fill);
	image->undo.runs[which]++;
}

static void __init test_seal(struct test_image *image)
{
	image->undo.crc = prepatch_crc32(&image->undo.base, PREPATCH_UNDO_HEADER -
					 PREPATCH_UNDO_CRC_FROM + image->len);
}

static bool __init test_cpu_stream_ok(struct test_image *image)
{
	test_seal(image);

	return prepatch_undo_is_valid(&image->undo, TEST_AREA) &&
	       prepatch_stream_is_valid(&image->undo, X86_PREPATCH_UNDO_CPU, test_ranges,
					ARRAY_SIZE(test_ranges));
}

static void __init crc_is_that_of_ieee(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, prepatch_crc32("123456789", 9), 0xcbf43926U);
	KUNIT_EXPECT_EQ(test, prepatch_crc32("", 0), 0U);
}

static void __init zeros_are_a_stock_image(struct kunit *test)
{
	struct test_image *image = test_image_new(test);

	KUNIT_EXPECT_TRUE(test, prepatch_undo_is_present(&image->undo));
	memset(image->undo.magic, 0, sizeof(image->undo.magic));
	KUNIT_EXPECT_FALSE(test, prepatch_undo_is_present(&image->undo));
}

static void __init damaged_magic_is_present_but_invalid(struct kunit *test)
{
	struct test_image *image = test_image_new(test);

	test_run(image, X86_PREPATCH_UNDO_CPU, 0, 1, 0x11);
	KUNIT_EXPECT_TRUE(test, test_cpu_stream_ok(image));
	image->undo.magic[7] ^= 1;
	KUNIT_EXPECT_TRUE(test, prepatch_undo_is_present(&image->undo));
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));
}

static void __init restores_the_bytes_of_one_stream(struct kunit *test)
{
	struct test_image *image = test_image_new(test);
	u8 *text, *want;

	text = kunit_kzalloc(test, 8192 + 256, GFP_KERNEL);
	want = kunit_kzalloc(test, 8192 + 256, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_ASSERT_NOT_NULL(test, want);

	test_run(image, X86_PREPATCH_UNDO_CPU, 0, 3, 0x11);
	test_run(image, X86_PREPATCH_UNDO_CPU, 4090 - 3, 6, 0x22);
	test_run(image, X86_PREPATCH_UNDO_CPU, 4096, 200, 0x33);
	test_run(image, X86_PREPATCH_UNDO_CPU, 0, 56, 0x44);
	test_run(image, X86_PREPATCH_UNDO_CONST, 16, 16, 0x55);
	KUNIT_ASSERT_TRUE(test, test_cpu_stream_ok(image));
	KUNIT_EXPECT_TRUE(test, prepatch_stream_is_valid(&image->undo, X86_PREPATCH_UNDO_CONST,
							 test_ranges, ARRAY_SIZE(test_ranges)));

	memset(want, 0x11, 3);
	memset(want + 4090, 0x22, 6);
	memset(want + 8192, 0x33, 200);
	memset(want + 8192 + 200, 0x44, 56);
	prepatch_stream_write(&image->undo, X86_PREPATCH_UNDO_CPU,
			      (unsigned long)text - TEST_BASE);
	KUNIT_EXPECT_EQ(test, memcmp(text, want, 8192 + 256), 0);

	memset(want + 16, 0x55, 16);
	prepatch_stream_write(&image->undo, X86_PREPATCH_UNDO_CONST,
			      (unsigned long)text - TEST_BASE);
	KUNIT_EXPECT_EQ(test, memcmp(text, want, 8192 + 256), 0);
}

static void __init run_may_straddle_a_page(struct kunit *test)
{
	static const struct x86_prepatch_range both = { TEST_BASE, TEST_BASE + 8192 };
	struct test_image *image = test_image_new(test);

	test_run(image, X86_PREPATCH_UNDO_CPU, 4094, 4, 0x11);
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));
	KUNIT_EXPECT_TRUE(test, prepatch_stream_is_valid(&image->undo, X86_PREPATCH_UNDO_CPU,
							 &both, 1));
}

static void __init rejects_runs_outside(struct kunit *test)
{
	static const struct { u32 distance, len; bool ok; } cases[] __initconst = {
		{ 0, 1, true },
		{ 4095, 1, true },
		{ 4095, 2, false },
		{ 4096, 1, false },
		{ 8191, 1, false },
		{ 8191, 2, false },
		{ 8192, 256, true },
		{ 8192, 257, false },
		{ 8192 + 256, 1, false },
		{ 0xffffffff, 1, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct test_image *image = test_image_new(test);

		test_run(image, X86_PREPATCH_UNDO_CPU, cases[i].distance, cases[i].len, 0x11);
		KUNIT_EXPECT_EQ_MSG(test, test_cpu_stream_ok(image), cases[i].ok,
				    "distance %u, length %u", cases[i].distance, cases[i].len);
	}
}

static void __init rejects_runs_below_the_base(struct kunit *test)
{
	struct test_image *image = test_image_new(test);

	/* The sum wraps around to an address in range. */
	image->undo.base = ~0ULL - 15;
	test_run(image, X86_PREPATCH_UNDO_CPU, 17, 4, 0x11);
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));

	image->undo.base = TEST_BASE - 1;
	KUNIT_EXPECT_TRUE(test, test_cpu_stream_ok(image));
	image->undo.base = TEST_BASE - 18;
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));
}

static void __init rejects_empty_runs(struct kunit *test)
{
	struct test_image *image = test_image_new(test);

	test_run(image, X86_PREPATCH_UNDO_CPU, 0, 0, 0);
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));
}

static void __init rejects_truncated_streams(struct kunit *test)
{
	struct test_image *image = test_image_new(test);
	u32 len;

	test_run(image, X86_PREPATCH_UNDO_CPU, 300, 200, 0x11);
	KUNIT_EXPECT_TRUE(test, test_cpu_stream_ok(image));
	for (len = 1; len < image->len; len++) {
		image->undo.bytes[X86_PREPATCH_UNDO_CPU] = len;
		image->undo.crc = prepatch_crc32(&image->undo.base, PREPATCH_UNDO_HEADER -
						 PREPATCH_UNDO_CRC_FROM + len);
		KUNIT_EXPECT_TRUE(test, prepatch_undo_is_valid(&image->undo, TEST_AREA));
		KUNIT_EXPECT_FALSE(test, prepatch_stream_is_valid(&image->undo,
								  X86_PREPATCH_UNDO_CPU,
								  test_ranges,
								  ARRAY_SIZE(test_ranges)));
	}
}

static void __init rejects_numbers_of_more_than_32_bits(struct kunit *test)
{
	struct test_image *image = test_image_new(test);
	unsigned int i;

	for (i = 0; i < 4; i++)
		test_put(image, X86_PREPATCH_UNDO_CPU, 0x80);
	test_put(image, X86_PREPATCH_UNDO_CPU, 0x10);
	test_put(image, X86_PREPATCH_UNDO_CPU, 1);
	test_put(image, X86_PREPATCH_UNDO_CPU, 0x11);
	image->undo.runs[X86_PREPATCH_UNDO_CPU] = 1;
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));

	/* The same number of bytes, but 0. */
	image->undo.data[4] = 0;
	KUNIT_EXPECT_TRUE(test, test_cpu_stream_ok(image));
	image->undo.data[4] = 0x80;
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));
}

static void __init rejects_a_wrong_number_of_runs(struct kunit *test)
{
	struct test_image *image = test_image_new(test);

	KUNIT_EXPECT_TRUE(test, test_cpu_stream_ok(image));
	test_run(image, X86_PREPATCH_UNDO_CPU, 0, 1, 0x11);
	test_run(image, X86_PREPATCH_UNDO_CPU, 1, 1, 0x11);
	KUNIT_EXPECT_TRUE(test, test_cpu_stream_ok(image));
	image->undo.runs[X86_PREPATCH_UNDO_CPU]++;
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));
	image->undo.runs[X86_PREPATCH_UNDO_CPU] -= 2;
	KUNIT_EXPECT_FALSE(test, test_cpu_stream_ok(image));
}

static void __init rejects_headers_which_are_wrong(struct kunit *test)
{
	struct test_image *image = test_image_new(test);

	test_run(image, X86_PREPATCH_UNDO_CPU, 0, 64, 0x11);
	test_seal(image);
	KUNIT_EXPECT_TRUE(test, prepatch_undo_is_valid(&image->undo, TEST_AREA));
	KUNIT_EXPECT_TRUE(test, prepatch_undo_is_valid(&image->undo,
						       PREPATCH_UNDO_HEADER + image->len));
	KUNIT_EXPECT_FALSE(test, prepatch_undo_is_valid(&image->undo,
							PREPATCH_UNDO_HEADER + image->len - 1));
	KUNIT_EXPECT_FALSE(test, prepatch_undo_is_valid(&image->undo, PREPATCH_UNDO_HEADER - 1));

	image->undo.version++;
	KUNIT_EXPECT_FALSE(test, prepatch_undo_is_valid(&image->undo, TEST_AREA));
	image->undo.version--;

	image->undo.data[5] ^= 0x80;
	KUNIT_EXPECT_FALSE(test, prepatch_undo_is_valid(&image->undo, TEST_AREA));
	image->undo.data[5] ^= 0x80;
	image->undo.runs[X86_PREPATCH_UNDO_CONST] ^= 1;
	KUNIT_EXPECT_FALSE(test, prepatch_undo_is_valid(&image->undo, TEST_AREA));
	image->undo.runs[X86_PREPATCH_UNDO_CONST] ^= 1;
	KUNIT_EXPECT_TRUE(test, prepatch_undo_is_valid(&image->undo, TEST_AREA));

	/* The sum of both doesn't fit in 32 bits. */
	image->undo.bytes[X86_PREPATCH_UNDO_CPU] = 0xffffffff;
	image->undo.bytes[X86_PREPATCH_UNDO_CONST] = 1 + image->len;
	KUNIT_EXPECT_FALSE(test, prepatch_undo_is_valid(&image->undo, TEST_AREA));
}

struct test_profiles {
	struct x86_prepatch_profile expected;
	struct x86_prepatch_profile actual;
	u8 build_id[20];
	u32 ignored[X86_PREPATCH_MAX_WORDS];
};

static struct test_profiles * __init test_profiles_new(struct kunit *test)
{
	struct test_profiles *both = kunit_kzalloc(test, sizeof(*both), GFP_KERNEL);
	struct x86_prepatch_profile *profile;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, both);
	memset(both->build_id, 0xab, sizeof(both->build_id));
	profile = &both->expected;
	profile->valid = 1;
	memcpy(profile->build_id, both->build_id, sizeof(both->build_id));
	profile->flags = X86_PREPATCH_LA57;
	profile->cfi_mode = 1;
	profile->nr_cpuid = x86_prepatch_nr_leaves;
	profile->nr_words = NCAPINTS + NBUGINTS;
	profile->nr_pv_ops = 7;
	profile->return_thunk = TEST_BASE + 64;
	profile->user_ptr_max = 4096;
	for (i = 0; i < profile->nr_cpuid; i++)
		profile->cpuid[i].eax = i;
	for (i = 0; i < profile->nr_words; i++)
		profile->words[i] = 0x01010101 * i;
	for (i = 0; i < profile->nr_pv_ops; i++)
		profile->pv_ops[i] = TEST_BASE + 16 * i;
	profile->crc = prepatch_profile_crc32(profile);
	both->actual = both->expected;

	return both;
}

static u32 __init test_compare(struct test_profiles *both, struct x86_prepatch_diff *diff)
{
	bool differs = x86_prepatch_differs(&both->expected, &both->actual, both->build_id,
					    both->ignored, diff);

	/* Both ways to tell have to agree. */
	return differs == (diff->reason != X86_PREPATCH_R_NONE) ? diff->reason : U32_MAX;
}

static void __init equal_profiles_match(struct kunit *test)
{
	struct test_profiles *both = test_profiles_new(test);
	struct x86_prepatch_diff diff;

	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_NONE);
}

/* Change some bits, and back: the difference has to be found and called what it is. */
static void __init test_flip32(struct kunit *test, struct test_profiles *both, u32 *field, u32 bits,
			       u32 reason, u32 index)
{
	struct x86_prepatch_diff diff;
	u64 was = *field;

	*field ^= bits;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), reason);
	KUNIT_EXPECT_EQ(test, diff.index, index);
	KUNIT_EXPECT_EQ(test, diff.expected, was);
	KUNIT_EXPECT_EQ(test, diff.actual, was ^ bits);
	*field ^= bits;
}

static void __init test_flip64(struct kunit *test, struct test_profiles *both, u64 *field, u64 bits,
			       u32 reason, u32 index)
{
	struct x86_prepatch_diff diff;
	u64 was = *field;

	*field ^= bits;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), reason);
	KUNIT_EXPECT_EQ(test, diff.index, index);
	KUNIT_EXPECT_EQ(test, diff.expected, was);
	KUNIT_EXPECT_EQ(test, diff.actual, was ^ bits);
	*field ^= bits;
}

static void __init each_difference_has_its_reason(struct kunit *test)
{
	struct test_profiles *both = test_profiles_new(test);
	struct x86_prepatch_profile *actual = &both->actual;
	struct x86_prepatch_diff diff;
	u32 i, reg;

	for (i = 0; i < actual->nr_cpuid; i++) {
		u32 *regs[] = { &actual->cpuid[i].eax, &actual->cpuid[i].ebx,
				&actual->cpuid[i].ecx, &actual->cpuid[i].edx };

		for (reg = 0; reg < 4; reg++)
			test_flip32(test, both, regs[reg], 0x80000000, X86_PREPATCH_R_CPUID,
				    i * 4 + reg);
	}

	for (i = 0; i < actual->nr_words; i++)
		test_flip32(test, both, &actual->words[i], BIT(i), X86_PREPATCH_R_WORD, i);

	for (i = 0; i < actual->nr_pv_ops; i++)
		test_flip64(test, both, &actual->pv_ops[i], BIT_ULL(48), X86_PREPATCH_R_PV_OPS, i);

	test_flip64(test, both, &actual->return_thunk, 32, X86_PREPATCH_R_RETURN_THUNK, 0);
	test_flip32(test, both, &actual->cfi_mode, 2, X86_PREPATCH_R_CFI_MODE, 0);
	test_flip32(test, both, &actual->flags, X86_PREPATCH_LA57, X86_PREPATCH_R_FLAGS, 0);
	test_flip64(test, both, &actual->user_ptr_max, BIT_ULL(56), X86_PREPATCH_R_USER_PTR_MAX,
		    0);
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_NONE);
}

static void __init other_leaves_are_another_kernel(struct kunit *test)
{
	struct test_profiles *both = test_profiles_new(test);
	struct x86_prepatch_diff diff;

	both->actual.cpuid[3].subleaf++;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_PROFILE);
}

static void __init features_are_named_first(struct kunit *test)
{
	struct test_profiles *both = test_profiles_new(test);
	struct x86_prepatch_diff diff;

	both->actual.cpuid[0].eax ^= 1;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_CPUID);
	KUNIT_EXPECT_EQ(test, diff.index, 0U);
	both->actual.cpuid[1].edx ^= 1;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_CPUID);
	KUNIT_EXPECT_EQ(test, diff.index, 1 * 4 + 3U);
}

static void __init ignored_features_do_not_count(struct kunit *test)
{
	struct test_profiles *both = test_profiles_new(test);
	u32 bit = BIT(X86_FEATURE_UP % 32), word = X86_FEATURE_UP / 32;
	struct x86_prepatch_diff diff;

	both->actual.words[word] ^= bit;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_WORD);
	both->ignored[word] = bit;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_NONE);

	/* But the bit next to it does. */
	both->actual.words[word] ^= bit << 1;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_WORD);
	KUNIT_EXPECT_EQ(test, diff.expected ^ diff.actual, (u64)bit << 1);
}

static void __init damaged_profiles_never_match(struct kunit *test)
{
	struct test_profiles *both = test_profiles_new(test);
	struct x86_prepatch_profile *expected = &both->expected;
	struct x86_prepatch_diff diff;
	u8 *bytes = (u8 *)expected;
	size_t i;

	for (i = PREPATCH_PROFILE_CRC_FROM; i < sizeof(*expected); i++) {
		bytes[i] ^= 0x40;
		KUNIT_EXPECT_EQ_MSG(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_PROFILE,
				    "byte %zu", i);
		bytes[i] ^= 0x40;
	}

	expected->valid = 0;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_PROFILE);
	expected->valid = 1;
	expected->crc++;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_PROFILE);
	expected->crc--;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_NONE);
}

static void __init profiles_of_other_kernels_never_match(struct kunit *test)
{
	struct test_profiles *both = test_profiles_new(test);
	struct x86_prepatch_profile *expected = &both->expected;
	struct x86_prepatch_diff diff;
	u32 *numbers[] = { &expected->nr_cpuid, &expected->nr_words, &expected->nr_pv_ops };
	unsigned int i;

	both->build_id[19] ^= 1;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_PROFILE);
	both->build_id[19] ^= 1;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		u32 was = *numbers[i];

		*numbers[i] = U32_MAX;
		expected->crc = prepatch_profile_crc32(expected);
		KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_PROFILE);
		*numbers[i] = was;
	}

	expected->crc = prepatch_profile_crc32(expected);
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_NONE);
	KUNIT_EXPECT_TRUE(test, x86_prepatch_differs(expected, &both->actual, NULL, both->ignored,
						     &diff));
}

static void __init call_thunks_never_match(struct kunit *test)
{
	struct test_profiles *both = test_profiles_new(test);
	struct x86_prepatch_diff diff;

	both->expected.flags |= X86_PREPATCH_CALL_THUNKS;
	both->expected.crc = prepatch_profile_crc32(&both->expected);
	both->actual = both->expected;
	KUNIT_EXPECT_EQ(test, test_compare(both, &diff), (u32)X86_PREPATCH_R_FLAGS);
}

static void __init this_boot_has_a_profile(struct kunit *test)
{
	struct x86_prepatch_profile *actual = &x86_prepatch_desc.actual;
	u32 ignored[X86_PREPATCH_MAX_WORDS] = {};
	struct x86_prepatch_cpuid *now;
	struct x86_prepatch_diff diff;
	u32 i;

	KUNIT_EXPECT_FALSE(test, x86_prepatch_differs(actual, actual, x86_prepatch_build_id(),
						      ignored, &diff));
	KUNIT_EXPECT_NE(test, x86_prepatch_desc.status, (u32)X86_PREPATCH_PENDING);

	/* It was recorded before this was set. */
	KUNIT_EXPECT_EQ(test, actual->user_ptr_max, (u64)USER_PTR_MAX);

	/* The kernel may have changed what CPUID says since its entry, but not who the CPU is. */
	now = kunit_kcalloc(test, X86_PREPATCH_MAX_CPUID, sizeof(*now), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, now);
	x86_prepatch_read_cpuid(now);
	KUNIT_EXPECT_EQ(test, actual->nr_cpuid, x86_prepatch_nr_leaves);
	for (i = 0; i < x86_prepatch_nr_leaves; i++) {
		KUNIT_EXPECT_EQ(test, actual->cpuid[i].leaf, now[i].leaf);
		KUNIT_EXPECT_EQ(test, actual->cpuid[i].subleaf, now[i].subleaf);
	}
	KUNIT_EXPECT_EQ(test, actual->cpuid[0].ebx, now[0].ebx);
	KUNIT_EXPECT_EQ(test, actual->cpuid[0].ecx, now[0].ecx);
	KUNIT_EXPECT_EQ(test, actual->cpuid[0].edx, now[0].edx);
}

static void __init decision_follows_mode_and_reason(struct kunit *test)
{
	static const struct { u32 mode, reason, status; } cases[] __initconst = {
		{ X86_PREPATCH_MODE_ON, X86_PREPATCH_R_NONE, X86_PREPATCH_MATCH },
		{ X86_PREPATCH_MODE_ON, X86_PREPATCH_R_WORD, X86_PREPATCH_MISMATCH },
		{ X86_PREPATCH_MODE_OFF, X86_PREPATCH_R_NONE, X86_PREPATCH_OFF },
		{ X86_PREPATCH_MODE_OFF, X86_PREPATCH_R_WORD, X86_PREPATCH_OFF },
		{ X86_PREPATCH_MODE_VERIFY, X86_PREPATCH_R_NONE, X86_PREPATCH_VERIFIED },
		{ X86_PREPATCH_MODE_VERIFY, X86_PREPATCH_R_WORD, X86_PREPATCH_MISMATCH },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, (u32)x86_prepatch_decide(cases[i].mode, cases[i].reason),
				    cases[i].status, "case %u", i);
}

static void __init descriptor_ranges_make_sense(struct kunit *test)
{
	const struct x86_prepatch_range *range = x86_prepatch_desc.ranges;
	const struct x86_prepatch_range *init = &range[X86_PREPATCH_INIT];
	unsigned int i;

	for (i = 0; i < X86_PREPATCH_MAX_RANGES; i++) {
		KUNIT_EXPECT_LE_MSG(test, range[i].start, range[i].end, "range %u", i);
		if (i >= X86_PREPATCH_NR_RANGES)
			KUNIT_EXPECT_EQ_MSG(test, range[i].end, 0ULL, "range %u", i);
	}

	KUNIT_EXPECT_EQ(test, range[X86_PREPATCH_TEXT].start, (u64)(unsigned long)_text);
	KUNIT_EXPECT_GE(test, range[X86_PREPATCH_UNDO].start, init->start);
	KUNIT_EXPECT_LE(test, range[X86_PREPATCH_UNDO].end, init->end);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(range[X86_PREPATCH_UNDO].start));
	KUNIT_EXPECT_GT(test, range[X86_PREPATCH_ALTERNATIVES].end,
			range[X86_PREPATCH_ALTERNATIVES].start);
	KUNIT_EXPECT_EQ(test, (range[X86_PREPATCH_ALTERNATIVES].end -
			       range[X86_PREPATCH_ALTERNATIVES].start) %
			x86_prepatch_desc.alt_instr_size, 0ULL);
}

/* A page with some content which can't be written: a store to it is a fault. */
static void * __init test_read_only_page(struct kunit *test, struct page **page)
{
	void *addr;

	*page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, *page);
	memset(page_address(*page), 0x5a, PAGE_SIZE);
	addr = vmap(page, 1, VM_MAP, PAGE_KERNEL_RO);
	if (!addr)
		__free_page(*page);
	KUNIT_ASSERT_NOT_NULL(test, addr);

	return addr;
}

static void __init identical_text_is_not_written(struct kunit *test)
{
	static const u8 same[5] __initconst = { 0x5a, 0x5a, 0x5a, 0x5a, 0x5a };
	static const u8 other[5] __initconst = { 0x5a, 0x5a, 0x5b, 0x5a, 0x5a };
	struct page *page;
	u8 *addr = test_read_only_page(test, &page);
	u8 *alias = page_address(page);

	text_poke_early(addr + 8, same, sizeof(same));
	text_poke_early(alias + 8, other, sizeof(other));
	KUNIT_EXPECT_EQ(test, addr[10], 0x5b);

	vunmap(addr);
	__free_page(page);
}

static void __init identical_constants_are_not_written(struct kunit *test)
{
	struct page *page;
	u8 *addr = test_read_only_page(test, &page);
	u8 *alias = page_address(page);

	__runtime_fixup_ptr(addr + 16, 0x5a5a5a5a5a5a5a5aUL);
	__runtime_fixup_shift(addr + 24, 0x5a);
	__runtime_fixup_ptr(alias + 16, 1);
	__runtime_fixup_shift(alias + 24, 12);
	KUNIT_EXPECT_EQ(test, *(unsigned long *)(addr + 16), 1UL);
	KUNIT_EXPECT_EQ(test, addr[24], 12);

	vunmap(addr);
	__free_page(page);
}

/* Debugfs reads the results later, so neither is init data. */
static struct kunit_case __refdata x86_prepatch_undo_cases[] = {
	KUNIT_CASE(crc_is_that_of_ieee),
	KUNIT_CASE(zeros_are_a_stock_image),
	KUNIT_CASE(damaged_magic_is_present_but_invalid),
	KUNIT_CASE(restores_the_bytes_of_one_stream),
	KUNIT_CASE(run_may_straddle_a_page),
	KUNIT_CASE(rejects_runs_outside),
	KUNIT_CASE(rejects_runs_below_the_base),
	KUNIT_CASE(rejects_empty_runs),
	KUNIT_CASE(rejects_truncated_streams),
	KUNIT_CASE(rejects_numbers_of_more_than_32_bits),
	KUNIT_CASE(rejects_a_wrong_number_of_runs),
	KUNIT_CASE(rejects_headers_which_are_wrong),
	{}
};

static struct kunit_suite x86_prepatch_undo_suite = {
	.name = "x86_prepatch_undo",
	.test_cases = x86_prepatch_undo_cases,
};

static struct kunit_case __refdata x86_prepatch_profile_cases[] = {
	KUNIT_CASE(equal_profiles_match),
	KUNIT_CASE(each_difference_has_its_reason),
	KUNIT_CASE(other_leaves_are_another_kernel),
	KUNIT_CASE(features_are_named_first),
	KUNIT_CASE(ignored_features_do_not_count),
	KUNIT_CASE(damaged_profiles_never_match),
	KUNIT_CASE(profiles_of_other_kernels_never_match),
	KUNIT_CASE(call_thunks_never_match),
	KUNIT_CASE(this_boot_has_a_profile),
	KUNIT_CASE(decision_follows_mode_and_reason),
	KUNIT_CASE(descriptor_ranges_make_sense),
	{}
};

static struct kunit_suite x86_prepatch_profile_suite = {
	.name = "x86_prepatch_profile",
	.test_cases = x86_prepatch_profile_cases,
};

static struct kunit_case __refdata x86_prepatch_skip_cases[] = {
	KUNIT_CASE(identical_text_is_not_written),
	KUNIT_CASE(identical_constants_are_not_written),
	{}
};

static struct kunit_suite x86_prepatch_skip_suite = {
	.name = "x86_prepatch_skip",
	.test_cases = x86_prepatch_skip_cases,
};

kunit_test_init_section_suites(&x86_prepatch_undo_suite, &x86_prepatch_profile_suite,
			       &x86_prepatch_skip_suite);
