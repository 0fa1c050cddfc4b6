// SPDX-License-Identifier: GPL-2.0-only
/* Each emitter against bytes written down by hand from what the kernel does. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "synth.h"

#define BYTES(...)	((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })

struct fixture {
	struct synth s;
	struct x86_prepatch_profile profile;
	struct kimg img;
	struct kimg_stats stats;
	struct kimg_err err;
};

static struct fixture fx;

static int set_up(void **state)
{
	(void)state;
	synth_init(&fx.s);
	synth_profile(&fx.profile);
	/* Nothing but what is always there. */
	memset(fx.profile.words, 0, sizeof(fx.profile.words));
	fx.profile.words[0] = 1U << SYNTH_F_ALWAYS;
	fx.profile.words[1] = 1U << (SYNTH_F_PRESENT - 32);
	fx.img = (struct kimg){ 0 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kimg_free(&fx.img);
	return 0;
}

static void cpu_gets(unsigned int feature)
{
	fx.profile.words[feature / 32] |= 1U << feature % 32;
}

/* The next code begins there in a cache line. */
static void go_to(unsigned int offset)
{
	fx.s.code = ((fx.s.code + 63) & ~63ULL) + offset;
}

static int apply(void)
{
	uint8_t *data;
	size_t size;
	int ret;

	synth_seal_profile(&fx.profile);
	data = synth_finish(&fx.s, &size);
	ret = kimg_open(&fx.img, data, size, &fx.err);
	if (!ret)
		ret = kimg_apply(&fx.img, &fx.profile, &fx.stats, &fx.err);
	return ret;
}

static void apply_ok(void)
{
	int ret = apply();

	if (ret)
		print_error("%s\n", fx.err.text);
	assert_int_equal(ret, 0);
}

static void expect_bytes(uint64_t addr, const uint8_t *want, size_t len)
{
	const uint8_t *got = image_bytes(&fx.img, addr, len);

	assert_non_null(got);
	assert_memory_equal(got, want, len);
}

static void expect_rel32(uint64_t addr, uint8_t op, uint64_t dest)
{
	uint8_t want[5];

	assert_int_equal(text_gen_rel32(want, op, addr, dest), 0);
	expect_bytes(addr, want, sizeof(want));
}

/* nops */

static void every_length_of_nops_is_merged_as_the_kernel_does(void **state)
{
	uint8_t buf[MAX_PATCH_LEN + MAX_INSN_SIZE], want[MAX_PATCH_LEN];
	size_t len;

	(void)state;
	for (len = 1; len <= MAX_PATCH_LEN; len++) {
		memset(buf, 0x90, len);
		assert_int_equal(nops_optimize(buf, len), 0);
		if (len <= NOP_MAX) {
			memcpy(want, nops[len], len);
		} else if (len < 128) {
			want[0] = 0xeb;
			want[1] = (uint8_t)(len - 2);
			memset(want + 2, 0xcc, len - 2);
		} else {
			want[0] = 0xe9;
			put_s32(want + 1, (int32_t)len - 5);
			memset(want + 5, 0xcc, len - 5);
		}
		assert_memory_equal(buf, want, len);
	}
}

static void nops_are_those_of_the_kernel(void **state)
{
	static const char *const want[NOP_MAX + 1] = {
		"", "90", "6690", "0f1f00", "0f1f4000", "0f1f440000", "660f1f440000",
		"0f1f8000000000", "0f1f840000000000", "2e0f1f840000000000",
		"662e0f1f840000000000", "66662e0f1f840000000000",
	};
	char got[2 * NOP_MAX + 1];
	size_t i, j;

	(void)state;
	for (i = 1; i <= NOP_MAX; i++) {
		for (j = 0; j < i; j++)
			sprintf(got + 2 * j, "%02x", nops[i][j]);
		assert_string_equal(got, want[i]);
	}
}

static void optimize(const uint8_t *in, size_t len, const uint8_t *want, size_t want_len)
{
	uint8_t buf[64];

	assert_int_equal(len, want_len);
	memcpy(buf, in, len);
	assert_int_equal(nops_optimize(buf, len), 0);
	assert_memory_equal(buf, want, len);
}

static void a_nop_that_ends_the_buffer_stays(void **state)
{
	(void)state;
	/* mov %esp,%ebp; nop */
	optimize(BYTES(0x89, 0xe5, 0x90), BYTES(0x89, 0xe5, 0x90));
	/* nopl of 4 is the last one: kept, not made anything else */
	optimize(BYTES(0x0f, 0x1f, 0x40, 0x00), BYTES(0x0f, 0x1f, 0x40, 0x00));
	optimize(BYTES(0x89, 0xe5, 0x90, 0x90), BYTES(0x89, 0xe5, 0x66, 0x90));
}

static void nops_in_between_are_merged(void **state)
{
	(void)state;
	/* 3 nops, mov, nopl + nop */
	optimize(BYTES(0x90, 0x90, 0x90, 0x89, 0xe5, 0x0f, 0x1f, 0x00, 0x90),
		 BYTES(0x0f, 0x1f, 0x00, 0x89, 0xe5, 0x0f, 0x1f, 0x40, 0x00));
	/* a single one before something else becomes itself */
	optimize(BYTES(0x90, 0x89, 0xe5), BYTES(0x90, 0x89, 0xe5));
}

static void what_counts_as_a_nop_is_the_opcode(void **state)
{
	(void)state;
	/* pause is none */
	optimize(BYTES(0xf3, 0x90, 0xf3, 0x90), BYTES(0xf3, 0x90, 0xf3, 0x90));
	/* xchg %rax,%r8 has the same opcode byte and counts */
	optimize(BYTES(0x49, 0x90, 0x90), BYTES(0x0f, 0x1f, 0x00));
	/* 66 90 */
	optimize(BYTES(0x66, 0x90, 0x90), BYTES(0x0f, 0x1f, 0x00));
	/* endbr64 is 0f 1e */
	optimize(BYTES(0xf3, 0x0f, 0x1e, 0xfa, 0x90), BYTES(0xf3, 0x0f, 0x1e, 0xfa, 0x90));
}

static void what_cannot_be_decoded_is_an_error(void **state)
{
	uint8_t buf[] = { 0x90, 0xe8, 0x00 };

	(void)state;
	assert_int_equal(nops_optimize(buf, sizeof(buf)), -EINVAL);
}

/* returns */

static void returns_become_ret_without_thunk(void **state)
{
	uint64_t addr = synth_rel32(&fx.s, OP_JMP32, SYNTH_RETURN_THUNK, 64);

	(void)state;
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, addr);
	apply_ok();
	expect_bytes(addr, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
}

static void its_decides_by_half_of_the_line(void **state)
{
	uint64_t low, edge, high, last;

	(void)state;
	go_to(0);
	low = synth_rel32(&fx.s, OP_JMP32, SYNTH_RETURN_THUNK, 1);
	go_to(0x1f);
	edge = synth_rel32(&fx.s, OP_JMP32, SYNTH_RETURN_THUNK, 1);
	go_to(0x20);
	high = synth_rel32(&fx.s, OP_JMP32, SYNTH_RETURN_THUNK, 1);
	go_to(0x3f);
	last = synth_rel32(&fx.s, OP_JMP32, SYNTH_RETURN_THUNK, 1);
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, edge);
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, low);
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, high);
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, last);
	cpu_gets(SYNTH_F_RETHUNK);
	apply_ok();
	expect_rel32(low, 0xe9, SYNTH_ITS_RETURN_THUNK);
	expect_rel32(edge, 0xe9, SYNTH_ITS_RETURN_THUNK);
	expect_bytes(high, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
	expect_bytes(last, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
}

static void other_thunks_take_all_returns(void **state)
{
	uint64_t low, high;

	(void)state;
	go_to(0);
	low = synth_rel32(&fx.s, OP_JMP32, SYNTH_RETURN_THUNK, 1);
	go_to(0x20);
	high = synth_rel32(&fx.s, OP_JMP32, SYNTH_RETURN_THUNK, 1);
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, low);
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, high);
	cpu_gets(SYNTH_F_RETHUNK);
	fx.profile.return_thunk = SYNTH_FUNC;
	apply_ok();
	expect_rel32(low, 0xe9, SYNTH_FUNC);
	expect_rel32(high, 0xe9, SYNTH_FUNC);
}

static void a_return_that_jumps_elsewhere_is_refused(void **state)
{
	(void)state;
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS,
			 synth_rel32(&fx.s, OP_JMP32, SYNTH_FUNC, 1));
	assert_int_equal(apply(), -EBADMSG);
}

static void returns_in_trampolines_become_ret_on_any_cpu(void **state)
{
	uint8_t *p = synth_at(&fx.s, SYNTH_TRAMPOLINES + 8);

	(void)state;
	text_gen_rel32(p, OP_JMP32, SYNTH_TRAMPOLINES + 8, SYNTH_RETURN_THUNK);
	memcpy(p + 5, (const uint8_t[]){ 0x0f, 0xb9, 0xcc }, 3);
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, SYNTH_TRAMPOLINES + 8);
	cpu_gets(SYNTH_F_RETHUNK);
	apply_ok();
	expect_bytes(SYNTH_TRAMPOLINES + 8,
		     BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0x0f, 0xb9, 0xcc));
	/* in the stream that no kernel undoes */
	assert_int_equal(undo_restore(&fx.img, X86_PREPATCH_UNDO_CPU, &fx.err), 0);
	expect_bytes(SYNTH_TRAMPOLINES + 8, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
}

/* retpolines */

static uint64_t add_retpoline(uint8_t op, unsigned int reg, unsigned int align)
{
	uint64_t addr = synth_rel32(&fx.s, op, SYNTH_RETPOLINE_THUNKS + 32 * reg, align);

	synth_add_offset(&fx.s, X86_PREPATCH_RETPOLINES, addr);
	return addr;
}

static uint64_t add_cs_retpoline(uint8_t op, unsigned int reg, unsigned int align)
{
	uint8_t bytes[6] = { 0x2e };
	uint64_t addr = synth_code(&fx.s, bytes, 6, align);

	text_gen_rel32(synth_at(&fx.s, addr + 1), op, addr + 1, SYNTH_RETPOLINE_THUNKS + 32 * reg);
	synth_add_offset(&fx.s, X86_PREPATCH_RETPOLINES, addr);
	return addr;
}

static void retpolines_stay_where_they_are_wanted(void **state)
{
	uint64_t call = add_retpoline(OP_CALL, 0, 64), jmp = add_retpoline(OP_JMP32, 11, 1);

	(void)state;
	cpu_gets(SYNTH_F_RETPOLINE);
	apply_ok();
	expect_rel32(call, 0xe8, SYNTH_RETPOLINE_THUNKS);
	expect_rel32(jmp, 0xe9, SYNTH_RETPOLINE_THUNKS + 32 * 11);
}

static void retpolines_become_indirect_branches(void **state)
{
	uint64_t call = add_retpoline(OP_CALL, 0, 1), call_r11 = add_retpoline(OP_CALL, 11, 1);
	uint64_t jmp = add_retpoline(OP_JMP32, 3, 1), jmp_r15 = add_retpoline(OP_JMP32, 15, 1);
	uint64_t jne = add_retpoline(0x85, 1, 1), je_r8 = add_retpoline(0x84, 8, 1);
	uint64_t cs_call = add_cs_retpoline(OP_CALL, 10, 1);
	uint64_t cs_jmp = add_cs_retpoline(OP_JMP32, 9, 1);

	(void)state;
	apply_ok();
	expect_bytes(call, BYTES(0xff, 0xd0, 0x0f, 0x1f, 0x00));
	expect_bytes(call_r11, BYTES(0x41, 0xff, 0xd3, 0x66, 0x90));
	/* The last nop of the two ends the buffer, but they are merged from the first on. */
	expect_bytes(jmp, BYTES(0xff, 0xe3, 0xcc, 0x66, 0x90));
	expect_bytes(jmp_r15, BYTES(0x41, 0xff, 0xe7, 0xcc, 0x90));
	/* je over: 2 + ff e1 + int3 + nop */
	expect_bytes(jne, BYTES(0x74, 0x04, 0xff, 0xe1, 0xcc, 0x90));
	expect_bytes(je_r8, BYTES(0x75, 0x04, 0x41, 0xff, 0xe0, 0xcc));
	expect_bytes(cs_call, BYTES(0x41, 0xff, 0xd2, 0x0f, 0x1f, 0x00));
	expect_bytes(cs_jmp, BYTES(0x41, 0xff, 0xe1, 0xcc, 0x66, 0x90));
}

static void lfence_goes_where_it_fits(void **state)
{
	uint64_t call = add_retpoline(OP_CALL, 6, 1), call_r11 = add_retpoline(OP_CALL, 11, 1);
	uint64_t jmp = add_retpoline(OP_JMP32, 6, 1), jne = add_retpoline(0x85, 0, 1);
	uint64_t cs_call = add_cs_retpoline(OP_CALL, 11, 1);
	uint64_t cs_low = add_cs_retpoline(OP_CALL, 1, 1);

	(void)state;
	cpu_gets(SYNTH_F_RETPOLINE);
	cpu_gets(SYNTH_F_RETPOLINE_LFENCE);
	apply_ok();
	expect_bytes(call, BYTES(0x0f, 0xae, 0xe8, 0xff, 0xd6));
	expect_rel32(call_r11, 0xe8, SYNTH_RETPOLINE_THUNKS + 32 * 11);
	expect_bytes(jmp, BYTES(0x0f, 0xae, 0xe8, 0xff, 0xe6));
	expect_bytes(jne, BYTES(0x0f, 0x85));
	expect_bytes(cs_call, BYTES(0x0f, 0xae, 0xe8, 0x41, 0xff, 0xd3));
	expect_bytes(cs_low, BYTES(0x0f, 0xae, 0xe8, 0xff, 0xd1, 0x90));
}

static void its_thunks_for_branches_in_the_lower_half(void **state)
{
	uint64_t low, low_jcc, edge, edge_r11, high, high_r11, cs;

	(void)state;
	/* What counts is the last byte of the branch: + 1, through %r8 and above + 2. */
	go_to(0);
	low = add_retpoline(OP_CALL, 2, 1);
	low_jcc = add_retpoline(0x85, 2, 1);
	go_to(0x1f);
	edge = add_retpoline(OP_CALL, 2, 1);
	go_to(0x1e);
	edge_r11 = add_retpoline(OP_CALL, 11, 1);
	go_to(0x20);
	high = add_retpoline(OP_CALL, 2, 1);
	high_r11 = add_cs_retpoline(OP_JMP32, 11, 1);
	go_to(0x3e);
	cs = add_cs_retpoline(OP_JMP32, 11, 1);
	cpu_gets(SYNTH_F_ITS);
	apply_ok();
	expect_rel32(low, 0xe8, SYNTH_ITS_THUNKS + 64 * 2);
	expect_bytes(low_jcc, BYTES(0x0f, 0x85));
	expect_rel32(low_jcc + 1, 0x85, SYNTH_ITS_THUNKS + 64 * 2);
	expect_bytes(edge, BYTES(0xff, 0xd2, 0x0f, 0x1f, 0x00));
	expect_bytes(high, BYTES(0xff, 0xd2, 0x0f, 0x1f, 0x00));
	expect_bytes(high_r11, BYTES(0x41, 0xff, 0xe3, 0xcc, 0x66, 0x90));
	expect_bytes(edge_r11, BYTES(0x41, 0xff, 0xd3, 0x66, 0x90));
	expect_bytes(cs, BYTES(0x2e));
	expect_rel32(cs + 1, 0xe9, SYNTH_ITS_THUNKS + 64 * 11);
}

static void retpolines_through_nothing_are_refused(void **state)
{
	(void)state;
	synth_add_offset(&fx.s, X86_PREPATCH_RETPOLINES,
			 synth_rel32(&fx.s, OP_CALL, SYNTH_RETPOLINE_THUNKS + 33, 1));
	assert_int_equal(apply(), -EBADMSG);
}

static void retpolines_through_the_stack_pointer_are_refused(void **state)
{
	(void)state;
	add_retpoline(OP_CALL, 4, 1);
	assert_int_equal(apply(), -EBADMSG);
}

/* alternatives */

static uint64_t add_nops(unsigned int len, unsigned int align)
{
	uint8_t bytes[MAX_PATCH_LEN];

	memset(bytes, 0x90, len);
	return synth_code(&fx.s, bytes, len, align);
}

static void feature_present_replaces_and_pads(void **state)
{
	uint64_t addr = add_nops(9, 1), not = add_nops(3, 1);

	(void)state;
	/* stac */
	synth_add_alt(&fx.s, addr, 9, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_PRESENT, 0);
	synth_add_alt(&fx.s, not, 3, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_PRESENT, 1);
	apply_ok();
	expect_bytes(addr, BYTES(0x0f, 0x01, 0xcb, 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00));
	expect_bytes(not, BYTES(0x0f, 0x1f, 0x00));
}

static void feature_absent_optimizes_what_is_there(void **state)
{
	uint64_t addr = synth_code(&fx.s, BYTES(0x89, 0xe5, 0x90, 0x90, 0x90), 1);
	uint64_t not = add_nops(3, 1);

	(void)state;
	synth_add_alt(&fx.s, addr, 5, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_ABSENT, 0);
	synth_add_alt(&fx.s, not, 3, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_ABSENT, 1);
	apply_ok();
	expect_bytes(addr, BYTES(0x89, 0xe5, 0x0f, 0x1f, 0x00));
	expect_bytes(not, BYTES(0x0f, 0x01, 0xcb));
}

static void bug_words_count_as_features(void **state)
{
	uint64_t addr = add_nops(3, 1);

	(void)state;
	cpu_gets(SYNTH_NCAPINTS * 32 + 5);
	synth_add_alt(&fx.s, addr, 3, BYTES(0x0f, 0xae, 0xe8), SYNTH_NCAPINTS * 32 + 5, 0);
	apply_ok();
	expect_bytes(addr, BYTES(0x0f, 0xae, 0xe8));
}

/* ALTERNATIVE_2: the last entry that applies wins, and all have the length of the longest. */
static void of_several_entries_the_last_one_wins(void **state)
{
	uint64_t addr = add_nops(6, 1), other = add_nops(6, 1), third = add_nops(6, 1);

	(void)state;
	synth_add_alt(&fx.s, addr, 3, BYTES(0x0f, 0x01, 0xca), SYNTH_F_PRESENT, 0);
	synth_add_alt(&fx.s, addr, 6, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_ALWAYS, 0);
	synth_add_alt(&fx.s, other, 6, BYTES(0x0f, 0x01, 0xca, 0x90), SYNTH_F_PRESENT, 0);
	synth_add_alt(&fx.s, other, 3, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_ABSENT, 0);
	synth_add_alt(&fx.s, third, 2, BYTES(0xf3, 0x90), SYNTH_F_PRESENT, 0);
	synth_add_alt(&fx.s, third, 6, BYTES(0x89, 0xe5, 0x89, 0xe5), SYNTH_F_ABSENT, 0);
	synth_add_alt(&fx.s, third, 3, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_ABSENT, 0);
	apply_ok();
	expect_bytes(addr, BYTES(0x0f, 0x01, 0xcb, 0x0f, 0x1f, 0x00));
	expect_bytes(other, BYTES(0x0f, 0x01, 0xca, 0x0f, 0x1f, 0x00));
	expect_bytes(third, BYTES(0xf3, 0x90, 0x0f, 0x1f, 0x40, 0x00));
}

/* What an entry finds is what the one before it has left, also where only a part is covered. */
static void overlapping_entries_work_on_each_other(void **state)
{
	uint64_t addr = add_nops(8, 1);

	(void)state;
	synth_add_alt(&fx.s, addr, 8, BYTES(0x89, 0xe5, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90),
		      SYNTH_F_PRESENT, 0);
	/* 66 0f 1f 44 00 00 begins at + 2; its first byte goes */
	synth_add_alt(&fx.s, addr + 2, 6, BYTES(0x89, 0xd8), SYNTH_F_PRESENT, 0);
	synth_add_alt(&fx.s, addr + 4, 4, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_ABSENT, 0);
	apply_ok();
	expect_bytes(addr, BYTES(0x89, 0xe5, 0x89, 0xd8, 0x0f, 0x1f, 0x40, 0x00));
}

static void relative_operands_follow(void **state)
{
	uint64_t call = add_nops(5, 1), far = add_nops(5, 1), jcc = add_nops(6, 1);
	uint64_t rip = add_nops(7, 1), inside = add_nops(4, 1), at;
	uint8_t b[8];

	(void)state;
	at = fx.s.repl;
	text_gen_rel32(b, OP_CALL, at, SYNTH_FUNC);
	synth_add_alt(&fx.s, call, 5, b, 5, SYNTH_F_PRESENT, 0);
	at = fx.s.repl;
	text_gen_rel32(b, OP_JMP32, at, SYNTH_FUNC);
	synth_add_alt(&fx.s, far, 5, b, 5, SYNTH_F_PRESENT, 0);
	at = fx.s.repl;
	b[0] = 0x0f;
	text_gen_rel32(b + 1, 0x84, at + 1, SYNTH_FUNC);
	synth_add_alt(&fx.s, jcc, 6, b, 6, SYNTH_F_PRESENT, 0);
	/* mov SYNTH_RODATA(%rip),%rax */
	at = fx.s.repl;
	b[0] = 0x48;
	b[1] = 0x8b;
	b[2] = 0x05;
	put_s32(b + 3, (int32_t)(SYNTH_RODATA - (at + 7)));
	synth_add_alt(&fx.s, rip, 7, b, 7, SYNTH_F_PRESENT, 0);
	/* jmp over the next two bytes, which moves with it */
	synth_add_alt(&fx.s, inside, 4, BYTES(0xeb, 0x02, 0x89, 0xe5), SYNTH_F_PRESENT, 0);
	apply_ok();
	expect_rel32(call, 0xe8, SYNTH_FUNC);
	expect_rel32(far, 0xe9, SYNTH_FUNC);
	expect_bytes(jcc, BYTES(0x0f));
	expect_rel32(jcc + 1, 0x84, SYNTH_FUNC);
	put_s32(b + 3, (int32_t)(SYNTH_RODATA - (rip + 7)));
	expect_bytes(rip, b, 7);
	expect_bytes(inside, BYTES(0xeb, 0x02, 0x89, 0xe5));
}

static void near_jumps_get_short(void **state)
{
	uint64_t addr = add_nops(5, 1), edge = add_nops(5, 1), beyond = add_nops(5, 1);
	uint8_t b[5];

	(void)state;
	text_gen_rel32(b, OP_JMP32, fx.s.repl, addr - 16);
	synth_add_alt(&fx.s, addr, 5, b, 5, SYNTH_F_PRESENT, 0);
	text_gen_rel32(b, OP_JMP32, fx.s.repl, edge + 2 + 127);
	synth_add_alt(&fx.s, edge, 5, b, 5, SYNTH_F_PRESENT, 0);
	text_gen_rel32(b, OP_JMP32, fx.s.repl, beyond + 2 + 128);
	synth_add_alt(&fx.s, beyond, 5, b, 5, SYNTH_F_PRESENT, 0);
	apply_ok();
	expect_bytes(addr, BYTES(0xeb, 0xee, 0xcc, 0xcc, 0xcc));
	expect_bytes(edge, BYTES(0xeb, 0x7f, 0xcc, 0xcc, 0xcc));
	expect_rel32(beyond, 0xe9, beyond + 2 + 128);
}

static void a_short_jump_out_of_reach_is_refused(void **state)
{
	uint64_t addr = add_nops(2, 1);

	(void)state;
	synth_add_alt(&fx.s, addr, 2, BYTES(0xeb, 0x40), SYNTH_F_PRESENT, 0);
	assert_int_equal(apply(), -EBADMSG);
}

static void replacements_are_patched_before_they_are_used(void **state)
{
	uint64_t low = add_nops(5, 64), repl = fx.s.repl;
	uint8_t b[5];

	(void)state;
	text_gen_rel32(b, OP_JMP32, repl, SYNTH_RETURN_THUNK);
	synth_add_alt(&fx.s, low, 5, b, 5, SYNTH_F_PRESENT, 0);
	synth_add_offset(&fx.s, X86_PREPATCH_RETURNS, repl);
	apply_ok();
	expect_bytes(repl, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
	expect_bytes(low, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
}

static uint64_t add_pv_call(unsigned int slot)
{
	uint8_t call[6] = { 0xff, 0x15 }, b[5];
	uint64_t addr = synth_code(&fx.s, call, 6, 1);

	put_s32(synth_at(&fx.s, addr + 2), (int32_t)(SYNTH_PV_OPS + 8 * slot - (addr + 6)));
	text_gen_rel32(b, OP_CALL, fx.s.repl, SYNTH_BUG_FUNC);
	synth_add_alt(&fx.s, addr, 6, b, 5, SYNTH_F_ALWAYS, 2);
	return addr;
}

static void paravirt_calls_get_direct(void **state)
{
	uint64_t call = add_pv_call(0), bug = add_pv_call(1), nothing = add_pv_call(2);

	(void)state;
	apply_ok();
	expect_rel32(call, 0xe8, SYNTH_PV_FUNC);
	expect_bytes(call + 5, BYTES(0x90));
	expect_rel32(bug, 0xe8, SYNTH_BUG_FUNC);
	expect_bytes(nothing, BYTES(0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00));
}

/* PVOP_ALT_CALL: native instruction on top of the direct call */
static void paravirt_call_with_a_native_alternative(void **state)
{
	uint64_t addr = add_pv_call(0);

	(void)state;
	synth_add_alt(&fx.s, addr, 6, BYTES(0x9c, 0x58), SYNTH_F_ABSENT, 1);
	apply_ok();
	expect_bytes(addr, BYTES(0x9c, 0x58, 0x0f, 0x1f, 0x40, 0x00));
}

static void a_call_not_through_pv_ops_is_refused(void **state)
{
	uint8_t call[6] = { 0xff, 0x15 }, b[5];
	uint64_t addr = synth_code(&fx.s, call, 6, 1);

	(void)state;
	put_s32(synth_at(&fx.s, addr + 2), (int32_t)(SYNTH_DATA - (addr + 6)));
	text_gen_rel32(b, OP_CALL, fx.s.repl, SYNTH_BUG_FUNC);
	synth_add_alt(&fx.s, addr, 6, b, 5, SYNTH_F_ALWAYS, 2);
	assert_int_equal(apply(), -EBADMSG);
}

static void a_replacement_longer_than_its_place_is_refused(void **state)
{
	uint64_t addr = add_nops(2, 1);

	(void)state;
	synth_add_alt(&fx.s, addr, 2, BYTES(0x0f, 0x01, 0xcb), SYNTH_F_PRESENT, 0);
	assert_int_equal(apply(), -EBADMSG);
}

static void a_patch_over_a_jump_label_is_refused(void **state)
{
	uint64_t addr = add_nops(8, 1);

	(void)state;
	synth_add_alt(&fx.s, addr, 8, BYTES(0x89, 0xe5, 0x89, 0xe5), SYNTH_F_PRESENT, 0);
	synth_add_jump_label(&fx.s, addr + 2, addr, SYNTH_KEYS);
	assert_int_equal(apply(), -EOPNOTSUPP);
	assert_non_null(strstr(fx.err.text, "patches later"));
}

/* constant patches */

static void ftrace_calls_become_nops(void **state)
{
	uint64_t call = synth_rel32(&fx.s, OP_CALL, SYNTH_FUNC, 1);
	uint64_t nop = synth_code(&fx.s, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00), 1);

	(void)state;
	synth_add_mcount(&fx.s, call);
	synth_add_mcount(&fx.s, 0);
	synth_add_mcount(&fx.s, nop);
	apply_ok();
	expect_bytes(call, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
	expect_bytes(nop, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
}

static void seals_are_constant_and_come_last(void **state)
{
	uint64_t addr = synth_code(&fx.s, BYTES(0xf3, 0x0f, 0x1e, 0xfa), 16);
	uint64_t sealed = synth_code(&fx.s, BYTES(0x66, 0x0f, 0x1f, 0x00), 16);

	(void)state;
	synth_add_offset(&fx.s, X86_PREPATCH_ENDBR_SEALS, addr);
	synth_add_offset(&fx.s, X86_PREPATCH_ENDBR_SEALS, sealed);
	apply_ok();
	expect_bytes(addr, BYTES(0x66, 0x0f, 0x1f, 0x00));
	expect_bytes(sealed, BYTES(0x66, 0x0f, 0x1f, 0x00));
	assert_int_equal(undo_restore(&fx.img, X86_PREPATCH_UNDO_CPU, &fx.err), 0);
	expect_bytes(addr, BYTES(0x66, 0x0f, 0x1f, 0x00));
	assert_int_equal(undo_restore(&fx.img, X86_PREPATCH_UNDO_CONST, &fx.err), 0);
	expect_bytes(addr, BYTES(0xf3, 0x0f, 0x1e, 0xfa));
}

static void the_user_pointer_limit_is_filled_in(void **state)
{
	uint64_t addr = synth_code(&fx.s, BYTES(0x48, 0xb8, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45,
						0x23, 0x01), 1);

	(void)state;
	synth_add_offset(&fx.s, X86_PREPATCH_USER_PTR_MAX, addr + 2);
	apply_ok();
	expect_bytes(addr, BYTES(0x48, 0xb8, 0x00, 0xf0, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x00));
}

static uint64_t add_static_call(uint8_t op, uint64_t func, bool is_tail)
{
	uint64_t addr = synth_rel32(&fx.s, op, SYNTH_TRAMPOLINES + 16, 1);

	synth_add_static_call(&fx.s, addr, synth_add_key(&fx.s, func), is_tail);
	return addr;
}

static void static_calls_go_where_their_keys_say(void **state)
{
	uint64_t call = add_static_call(OP_CALL, SYNTH_FUNC, false);
	uint64_t none = add_static_call(OP_CALL, 0, false);
	uint64_t zero = add_static_call(OP_CALL, SYNTH_SC_RETURN0, false);
	uint64_t tail = add_static_call(OP_JMP32, SYNTH_FUNC, true);
	uint64_t tail_none = add_static_call(OP_JMP32, 0, true);
	uint64_t tail_zero = add_static_call(OP_JMP32, SYNTH_SC_RETURN0, true);
	uint64_t jcc = add_static_call(0x84, SYNTH_FUNC, true);
	uint64_t jcc_none = add_static_call(0x85, 0, true);

	(void)state;
	cpu_gets(SYNTH_F_RETHUNK);
	apply_ok();
	expect_rel32(call, 0xe8, SYNTH_FUNC);
	expect_bytes(none, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
	expect_bytes(zero, BYTES(0x2e, 0x2e, 0x2e, 0x31, 0xc0));
	expect_rel32(tail, 0xe9, SYNTH_FUNC);
	expect_bytes(tail_none, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
	expect_rel32(tail_zero, 0xe9, SYNTH_SC_RETURN0);
	expect_bytes(jcc, BYTES(0x0f));
	expect_rel32(jcc + 1, 0x84, SYNTH_FUNC);
	expect_bytes(jcc_none, BYTES(0x0f));
	expect_rel32(jcc_none + 1, 0x85, SYNTH_SC_RETURN);
}

static void tables_are_sorted_and_know_init(void **state)
{
	uint64_t site[3], init, key[3];
	struct sc_site *sc;
	struct jump_site *js;
	unsigned int i;
	size_t nr;

	(void)state;
	for (i = 0; i < 3; i++) {
		key[i] = synth_add_key(&fx.s, SYNTH_FUNC);
		site[i] = synth_rel32(&fx.s, OP_CALL, SYNTH_TRAMPOLINES + 16, 1);
	}
	init = synth_inittext(&fx.s, BYTES(0xe8, 0, 0, 0, 0));
	synth_add_static_call(&fx.s, site[2], key[2], false);
	synth_add_static_call(&fx.s, site[1], key[0], false);
	synth_add_static_call(&fx.s, init, key[1], false);
	synth_add_static_call(&fx.s, site[0], key[0], false);
	for (i = 0; i < 3; i++)
		site[i] = synth_code(&fx.s, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00), 1);
	init = synth_inittext(&fx.s, BYTES(0x66, 0x90));
	synth_add_jump_label(&fx.s, site[2], site[0], key[1] + 1);
	synth_add_jump_label(&fx.s, init, init, key[2]);
	synth_add_jump_label(&fx.s, site[1], site[0], key[0]);
	synth_add_jump_label(&fx.s, site[0], site[0], key[1]);
	apply_ok();

	assert_int_equal(static_call_table_get(&fx.img, &sc, &nr, &fx.err), 0);
	assert_int_equal(nr, 4);
	for (i = 1; i < nr; i++)
		assert_true((sc[i - 1].key & ~3ULL) <= (sc[i].key & ~3ULL));
	assert_int_equal(sc[0].key, key[0]);
	assert_int_equal(sc[1].key, key[0]);
	assert_int_equal(sc[2].key, key[1] | SC_SITE_INIT);
	assert_int_equal(sc[3].key, key[2]);
	free(sc);
	assert_int_equal(jump_table_get(&fx.img, &js, &nr, &fx.err), 0);
	assert_int_equal(nr, 4);
	assert_int_equal(js[0].key, key[0]);
	assert_int_equal(js[0].code, site[1]);
	assert_int_equal(js[0].target, site[0]);
	/* same key: by place */
	assert_int_equal(js[1].code, site[0]);
	assert_int_equal(js[1].key, key[1]);
	assert_int_equal(js[2].code, site[2]);
	assert_int_equal(js[2].key, key[1] + 1);
	assert_int_equal(js[3].code, init);
	assert_int_equal(js[3].key, key[2] | JUMP_KEY_INIT);
	free(js);
}

/* What the kernel's decoder says about these decides how patches come out. */
static void decoder_sees_what_the_kernel_sees(void **state)
{
	struct insn insn;

	(void)state;
	/* operand size doesn't shorten a jump in 64-bit mode */
	assert_int_equal(insn_decode(BYTES(0x66, 0xe9, 1, 0, 0, 0), &insn), 0);
	assert_int_equal(insn.length, 6);
	assert_int_equal(insn.imm_size, 4);
	assert_int_equal(insn.prefix, 0x66);
	/* vpor has the opcode of a short jump, and nothing to move */
	assert_int_equal(insn_decode(BYTES(0xc5, 0xe9, 0xeb, 0xc1), &insn), 0);
	assert_int_equal(insn.opcode[0], 0xeb);
	assert_int_equal(insn.imm_size, 0);
	/* lea 0(%rip),%rax */
	assert_int_equal(insn_decode(BYTES(0x48, 0x8d, 0x05, 4, 3, 2, 1), &insn), 0);
	assert_true(insn.is_rip_relative);
	assert_int_equal(insn.disp, 0x01020304);
	assert_int_equal(insn.disp_offset, 3);
	/* mov 0x10(%rax),%eax isn't */
	assert_int_equal(insn_decode(BYTES(0x8b, 0x40, 0x10), &insn), 0);
	assert_false(insn.is_rip_relative);
	/* ud1 %esp,%ecx, as in trampolines */
	assert_int_equal(insn_decode(BYTES(0x0f, 0xb9, 0xcc), &insn), 0);
	assert_int_equal(insn.length, 3);
	assert_int_equal(insn.opcode[1], 0xb9);
	/* lkgs %di; erets: newer than the decoder */
	assert_int_equal(insn_decode(BYTES(0xf2, 0x0f, 0x00, 0xf7, 0x90), &insn), 0);
	assert_int_equal(insn.length, 4);
	assert_int_equal(insn.opcode[1], 0x00);
	assert_int_equal(insn_decode(BYTES(0xf2, 0x0f, 0x01, 0xca), &insn), 0);
	assert_int_equal(insn.length, 4);
	assert_int_equal(insn_decode(BYTES(0xf2, 0x0f, 0x00), &insn), -EINVAL);
	assert_int_equal(insn_decode(BYTES(0x0f, 0x85), &insn), -EINVAL);
	assert_int_equal(insn_decode(NULL, 0, &insn), -EINVAL);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_length_of_nops_is_merged_as_the_kernel_does),
		T(nops_are_those_of_the_kernel),
		T(a_nop_that_ends_the_buffer_stays),
		T(nops_in_between_are_merged),
		T(what_counts_as_a_nop_is_the_opcode),
		T(what_cannot_be_decoded_is_an_error),
		T(returns_become_ret_without_thunk),
		T(its_decides_by_half_of_the_line),
		T(other_thunks_take_all_returns),
		T(a_return_that_jumps_elsewhere_is_refused),
		T(returns_in_trampolines_become_ret_on_any_cpu),
		T(retpolines_stay_where_they_are_wanted),
		T(retpolines_become_indirect_branches),
		T(lfence_goes_where_it_fits),
		T(its_thunks_for_branches_in_the_lower_half),
		T(retpolines_through_nothing_are_refused),
		T(retpolines_through_the_stack_pointer_are_refused),
		T(feature_present_replaces_and_pads),
		T(feature_absent_optimizes_what_is_there),
		T(bug_words_count_as_features),
		T(of_several_entries_the_last_one_wins),
		T(overlapping_entries_work_on_each_other),
		T(relative_operands_follow),
		T(near_jumps_get_short),
		T(a_short_jump_out_of_reach_is_refused),
		T(replacements_are_patched_before_they_are_used),
		T(paravirt_calls_get_direct),
		T(paravirt_call_with_a_native_alternative),
		T(a_call_not_through_pv_ops_is_refused),
		T(a_replacement_longer_than_its_place_is_refused),
		T(a_patch_over_a_jump_label_is_refused),
		T(ftrace_calls_become_nops),
		T(seals_are_constant_and_come_last),
		T(the_user_pointer_limit_is_filled_in),
		T(static_calls_go_where_their_keys_say),
		T(tables_are_sorted_and_know_init),
		T(decoder_sees_what_the_kernel_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
