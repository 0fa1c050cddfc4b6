// SPDX-License-Identifier: GPL-2.0
/*
 * Pre-patched kernel images.
 *
 * All that alternative_instructions() writes to the text is a function of the image and of what
 * is in struct x86_prepatch_profile.  So it can be written into the image once, and the pages of
 * text stay shared by all guests which map the image.  This file describes the image to the tool
 * which does that, records the profile of each boot, and decides whether what a pre-patched image
 * was made for is what this boot would have made of it:
 *
 * - If so, nothing is written.
 * - If not, the original bytes are restored and the stock code patches them as always.  There is no
 *   partial match, and no guess: if the original bytes are damaged as well the boot ends.  What the
 *   kernel has done before it gets here must not depend on how the text was patched: see who uses
 *   boot_cpu_has() for something which is decided before alternatives are applied.
 *
 * There are two checks.  x86_prepatch_early() looks at CPUID before any text runs which the CPU
 * might not be able to run.  x86_prepatch_accept() looks at all that decides about the text,
 * after mitigations have been selected.
 */
#define pr_fmt(fmt) "x86/prepatch: " fmt

#include <linux/cache.h>
#include <linux/cfi.h>
#include <linux/cpufeature.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/vmalloc.h>
#include <asm/alternative.h>
#include <asm/nospec-branch.h>
#include <asm/page.h>
#include <asm/paravirt.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/text-patching.h>

#include "prepatch.h"

#define NR_WORDS	(NCAPINTS + NBUGINTS)
#ifdef CONFIG_PARAVIRT
# define NR_PV_OPS	(sizeof(pv_ops) / sizeof(void *))
#else
# define NR_PV_OPS	0
#endif

/* For the note; another size is another version. */
#define DESC_SIZE	4024

static_assert(sizeof(struct x86_prepatch_desc) == DESC_SIZE);
static_assert(NR_WORDS <= X86_PREPATCH_MAX_WORDS);
static_assert(NR_PV_OPS <= X86_PREPATCH_MAX_PV_OPS);
static_assert(offsetof(struct x86_prepatch_undo, base) == PREPATCH_UNDO_CRC_FROM);
static_assert(offsetof(struct x86_prepatch_profile, build_id) == PREPATCH_PROFILE_CRC_FROM);

#define ADDRESS(symbol)		((unsigned long)(symbol))
#define RANGE(from, to)		{ .start = ADDRESS(from), .end = ADDRESS(to) }

/*
 * In .data, not in read-only data: the kernel writes the result of the boot to it, and the page
 * it is in should be one that every guest writes to.  Written by the boot CPU only, before there
 * are others. It names init sections but nothing follows these addresses.
 */
struct x86_prepatch_desc x86_prepatch_desc __refdata = {
	.magic = X86_PREPATCH_DESC_MAGIC,
	.version = X86_PREPATCH_VERSION,
	.size = sizeof(struct x86_prepatch_desc),

	.ncapints = NCAPINTS,
	.nbugints = NBUGINTS,
	.alt_instr_size = sizeof(struct alt_instr),
	.alt_flag_not = ALT_FLAG_NOT,
	.alt_flag_direct_call = ALT_FLAG_DIRECT_CALL,
	.retpoline_thunk_size = sizeof(retpoline_thunk_t),
	.its_thunk_size = sizeof(its_thunk_t),
	.max_patch_len = 255 - 1,

	.features = {
		[X86_PREPATCH_F_ALWAYS]			= X86_FEATURE_ALWAYS,
		[X86_PREPATCH_F_RETHUNK]		= X86_FEATURE_RETHUNK,
		[X86_PREPATCH_F_RETPOLINE]		= X86_FEATURE_RETPOLINE,
		[X86_PREPATCH_F_RETPOLINE_LFENCE]	= X86_FEATURE_RETPOLINE_LFENCE,
		[X86_PREPATCH_F_CALL_DEPTH]		= X86_FEATURE_CALL_DEPTH,
		[X86_PREPATCH_F_INDIRECT_THUNK_ITS]	= X86_FEATURE_INDIRECT_THUNK_ITS,
		[X86_PREPATCH_F_UP]			= X86_FEATURE_UP,
		[X86_PREPATCH_NR_FEATURES ... X86_PREPATCH_MAX_FEATURES - 1] = X86_PREPATCH_F_NONE,
	},

	.ranges = {
		[X86_PREPATCH_TEXT]		= RANGE(_text, _etext),
		[X86_PREPATCH_INITTEXT]		= RANGE(_sinittext, _einittext),
		[X86_PREPATCH_INIT]		= RANGE(__init_begin, __init_end),
		[X86_PREPATCH_RODATA]		= RANGE(__start_rodata, __end_rodata),
		[X86_PREPATCH_RO_AFTER_INIT]	= RANGE(__start_ro_after_init, __end_ro_after_init),
		[X86_PREPATCH_ALTERNATIVES]	= RANGE(__alt_instructions, __alt_instructions_end),
#ifdef CONFIG_MITIGATION_RETPOLINE
		[X86_PREPATCH_RETPOLINES]	= RANGE(__retpoline_sites, __retpoline_sites_end),
		[X86_PREPATCH_RETURNS]		= RANGE(__return_sites, __return_sites_end),
#endif
#ifdef CONFIG_X86_KERNEL_IBT
		[X86_PREPATCH_ENDBR_SEALS]	= RANGE(__ibt_endbr_seal, __ibt_endbr_seal_end),
#endif
#ifdef CONFIG_SMP
		[X86_PREPATCH_SMP_LOCKS]	= RANGE(__smp_locks, __smp_locks_end),
#endif
		[X86_PREPATCH_USER_PTR_MAX]	= RANGE(__start_runtime_ptr_USER_PTR_MAX,
							__stop_runtime_ptr_USER_PTR_MAX),
		[X86_PREPATCH_DENTRY_PTR]	= RANGE(__start_runtime_ptr_dentry_hashtable,
							__stop_runtime_ptr_dentry_hashtable),
		[X86_PREPATCH_DENTRY_SHIFT]	= RANGE(__start_runtime_shift_d_hash_shift,
							__stop_runtime_shift_d_hash_shift),
#ifdef CONFIG_FTRACE_MCOUNT_RECORD
		[X86_PREPATCH_MCOUNT]		= RANGE(__start_mcount_loc, __stop_mcount_loc),
#endif
#ifdef CONFIG_JUMP_LABEL
		[X86_PREPATCH_JUMP_TABLE]	= RANGE(__start___jump_table, __stop___jump_table),
#endif
#ifdef CONFIG_HAVE_STATIC_CALL_INLINE
		[X86_PREPATCH_STATIC_CALLS]	= RANGE(__start_static_call_sites,
							__stop_static_call_sites),
#endif
		[X86_PREPATCH_STATIC_CALL_TEXT]	= RANGE(__static_call_text_start,
							__static_call_text_end),
#ifdef CONFIG_PARAVIRT
		[X86_PREPATCH_PV_OPS]		= RANGE(&pv_ops, &pv_ops + 1),
#endif
		[X86_PREPATCH_UNDO]		= RANGE(x86_prepatch_undo_area,
							x86_prepatch_undo_area +
							sizeof(x86_prepatch_undo_area)),
	},

	.symbols = {
#ifdef CONFIG_MITIGATION_RETHUNK
		[X86_PREPATCH_RETURN_THUNK]	= ADDRESS(__x86_return_thunk),
#endif
#ifdef CONFIG_MITIGATION_RETPOLINE
		[X86_PREPATCH_RETPOLINE_THUNKS]	= ADDRESS(__x86_indirect_thunk_array),
#endif
#ifdef CONFIG_MITIGATION_ITS
		[X86_PREPATCH_ITS_RETURN_THUNK]	= ADDRESS(its_return_thunk),
		[X86_PREPATCH_ITS_THUNKS]	= ADDRESS(__x86_indirect_its_thunk_array),
#endif
		[X86_PREPATCH_NOP_FUNC]		= ADDRESS(nop_func),
		[X86_PREPATCH_BUG_FUNC]		= ADDRESS(BUG_func),
		[X86_PREPATCH_SC_RETURN0]	= ADDRESS(__static_call_return0),
		[X86_PREPATCH_SC_RETURN]	= ADDRESS(__static_call_return),
	},

	/* The numbers are there from the start, x86_prepatch_early() needs them. */
	.actual = {
		.nr_words = NR_WORDS,
		.nr_pv_ops = NR_PV_OPS,
	},
};

asm(".pushsection .note.x86_prepatch, \"a\", @note\n\t"
	".balign 4\n\t"
	".long 2f - 1f\n\t"
	".long 4f - 3f\n\t"
	".long " __stringify(X86_PREPATCH_NOTE_TYPE) "\n"
	"1: .asciz \"" X86_PREPATCH_NOTE_NAME "\"\n"
	"2: .balign 4\n"
	"3: .long " __stringify(X86_PREPATCH_VERSION) "\n\t"
	".long " __stringify(DESC_SIZE) "\n\t"
	".quad x86_prepatch_desc\n"
	"4: .balign 4\n\t"
	".popsection\n");

/*
 * The undo data.  Never written, and not even read in a boot which accepts the image, so it costs
 * nothing but space in the file.
 */
u8 x86_prepatch_undo_area[CONFIG_X86_PREPATCH_UNDO_KB * 1024] __initdata __aligned(PAGE_SIZE);

/* prepatch=verify: all text as it would be if it were accepted, one range after the other. */
static u8 *x86_prepatch_saved __initdata;
static enum x86_prepatch_mode x86_prepatch_mode __initdata;
static char x86_prepatch_reason[192] = "none";

static int __init x86_prepatch_param(char *arg)
{
	if (!arg)
		return -EINVAL;

	if (!strcmp(arg, "on"))
		x86_prepatch_mode = X86_PREPATCH_MODE_ON;
	else if (!strcmp(arg, "off"))
		x86_prepatch_mode = X86_PREPATCH_MODE_OFF;
	else if (!strcmp(arg, "verify"))
		x86_prepatch_mode = X86_PREPATCH_MODE_VERIFY;
	else
		return -EINVAL;

	return 0;
}
early_param("prepatch", x86_prepatch_param);

/* The kernel may have been moved, a profile has addresses as linked. */
static u64 __init as_linked(const void *func)
{
	return func ? (unsigned long)func - kaslr_offset() : 0;
}

/*
 * Don't use anything here which is an alternative: the result must not depend on how the text has
 * been patched.
 */
static void __init x86_prepatch_record(struct x86_prepatch_profile *profile)
{
	const u8 *build_id = x86_prepatch_build_id();
	u32 i;

	/* The leaves of CPUID are there already, see x86_prepatch_early(). */
	memset(profile->build_id, 0, sizeof(profile->build_id));
	if (build_id)
		memcpy(profile->build_id, build_id, sizeof(profile->build_id));

	profile->flags = x86_prepatch_la57();
	if (boot_cpu_has(X86_FEATURE_CALL_DEPTH))
		profile->flags |= X86_PREPATCH_CALL_THUNKS;

	profile->cfi_mode = cfi_mode;
	profile->return_thunk = 0;
#ifdef CONFIG_MITIGATION_RETHUNK
	profile->return_thunk = as_linked(x86_return_thunk);
#endif
	/* TASK_SIZE_MAX is an alternative.  There is a unit test that this is what is set later. */
	profile->user_ptr_max = (1UL << (boot_cpu_has(X86_FEATURE_LA57) ? 56 : 47)) - PAGE_SIZE;

	profile->nr_words = NR_WORDS;
	for (i = 0; i < NR_WORDS; i++)
		profile->words[i] = boot_cpu_data.x86_capability[i];

	profile->nr_pv_ops = NR_PV_OPS;
#ifdef CONFIG_PARAVIRT
	for (i = 0; i < NR_PV_OPS; i++)
		profile->pv_ops[i] = as_linked(((void **)&pv_ops)[i]);
#endif

	profile->crc = prepatch_profile_crc32(profile);
	WRITE_ONCE(profile->valid, 1);
}

/*
 * Features which differ between guests that are alike otherwise: they tell how many CPUs there are.
 * They count if some alternative depends on them nevertheless.
 */
static void __init x86_prepatch_find_ignored(u32 *ignored)
{
	const struct alt_instr *alt;

	memset(ignored, 0, NR_WORDS * sizeof(*ignored));
	ignored[X86_FEATURE_UP / 32] |= BIT(X86_FEATURE_UP % 32);
	ignored[X86_FEATURE_HT / 32] |= BIT(X86_FEATURE_HT % 32);
	ignored[X86_FEATURE_CMP_LEGACY / 32] |= BIT(X86_FEATURE_CMP_LEGACY % 32);
	for (alt = __alt_instructions; alt < __alt_instructions_end; alt++) {
		if (alt->cpuid < NR_WORDS * 32)
			ignored[alt->cpuid / 32] &= ~BIT(alt->cpuid % 32);
	}
}

static bool __init differs(struct x86_prepatch_diff *diff, u32 reason, u32 index, u64 expected,
			   u64 actual)
{
	if (expected == actual)
		return false;

	diff->reason = reason;
	diff->index = index;
	diff->expected = expected;
	diff->actual = actual;

	return true;
}

/**
 * x86_prepatch_differs - would this boot have made another text?
 * @expected: the profile that the image was made for
 * @actual: the profile of this boot
 * @build_id: the build id of this kernel
 * @ignored: for each word the features which don't count
 * @diff: set to the first difference
 *
 * Context: any.
 * Return: true if there is a difference.
 */
bool __init x86_prepatch_differs(const struct x86_prepatch_profile *expected,
				 const struct x86_prepatch_profile *actual, const u8 *build_id,
				 const u32 *ignored, struct x86_prepatch_diff *diff)
{
	u32 i;

	diff->reason = X86_PREPATCH_R_NONE;
	diff->index = 0;
	diff->expected = 0;
	diff->actual = 0;
	if (!x86_prepatch_profile_is_valid(expected, build_id, actual->nr_words,
					   actual->nr_pv_ops)) {
		diff->reason = X86_PREPATCH_R_PROFILE;
		return true;
	}

	if (x86_prepatch_cpuid_differs(expected->cpuid, actual->cpuid, diff))
		return true;

	for (i = 0; i < actual->nr_words; i++) {
		if (differs(diff, X86_PREPATCH_R_WORD, i, expected->words[i] & ~ignored[i],
			    actual->words[i] & ~ignored[i]))
			return true;
	}

	if (differs(diff, X86_PREPATCH_R_RETURN_THUNK, 0, expected->return_thunk,
		    actual->return_thunk))
		return true;

	for (i = 0; i < actual->nr_pv_ops; i++) {
		if (differs(diff, X86_PREPATCH_R_PV_OPS, i, expected->pv_ops[i],
			    actual->pv_ops[i]))
			return true;
	}

	if (differs(diff, X86_PREPATCH_R_CFI_MODE, 0, expected->cfi_mode, actual->cfi_mode) ||
	    differs(diff, X86_PREPATCH_R_FLAGS, 0, expected->flags, actual->flags) ||
	    differs(diff, X86_PREPATCH_R_USER_PTR_MAX, 0, expected->user_ptr_max,
		    actual->user_ptr_max))
		return true;

	/* The same on both sides, but no image can be made for these. */
	if (actual->flags & (X86_PREPATCH_CALL_THUNKS | X86_PREPATCH_CFI_RANDOM))
		return differs(diff, X86_PREPATCH_R_FLAGS, 0, 0, actual->flags);

	return false;
}

/**
 * x86_prepatch_decide - what to do about a pre-patched image
 * @mode: what the user wants
 * @reason: enum x86_prepatch_reason, the first difference
 *
 * Context: any.
 * Return: X86_PREPATCH_MATCH if the text is kept, otherwise the status that a boot with restored
 * text has if nothing goes wrong.
 */
enum x86_prepatch_status __init x86_prepatch_decide(enum x86_prepatch_mode mode, u32 reason)
{
	if (mode == X86_PREPATCH_MODE_OFF)
		return X86_PREPATCH_OFF;

	if (reason != X86_PREPATCH_R_NONE)
		return X86_PREPATCH_MISMATCH;

	return mode == X86_PREPATCH_MODE_VERIFY ? X86_PREPATCH_VERIFIED : X86_PREPATCH_MATCH;
}

/* Append the names of the features in @bits of a word. */
static void __init describe_features(char *buf, size_t size, int word, u32 bits)
{
	int bit, nr;

	for (bit = 0; bit < 32; bit++) {
		const char *name = NULL;

		if (!(bits & BIT(bit)))
			continue;

		nr = word * 32 + bit;
		if (word < NCAPINTS)
			name = x86_cap_flags[nr];
		else if (word < NR_WORDS)
			name = x86_bug_flags[nr - NCAPINTS * 32];

		if (name)
			scnprintf(buf + strlen(buf), size - strlen(buf), " %s", name);
		else
			scnprintf(buf + strlen(buf), size - strlen(buf), " %d*32+%d", word, bit);
	}
}

/* Addresses aren't told: these lines are for everybody's eyes. */
static void __init x86_prepatch_describe(const struct x86_prepatch_desc *desc, char *buf,
					 size_t size)
{
	static const char regs[][4] __initconst = { "eax", "ebx", "ecx", "edx" };
	u32 reg = desc->reason_index % 4, idx = desc->reason_index / 4;
	u32 bits = desc->reason_expected ^ desc->reason_actual;
	const struct x86_prepatch_leaf *leaf;

	switch (desc->reason) {
	case X86_PREPATCH_R_NONE:
		scnprintf(buf, size, "none");
		break;

	case X86_PREPATCH_R_PROFILE:
		scnprintf(buf, size, "profile damaged or of another kernel");
		break;

	case X86_PREPATCH_R_CPUID:
		leaf = &x86_prepatch_leaves[idx];
		scnprintf(buf, size, "cpuid 0x%x.%u %s expected 0x%08llx actual 0x%08llx",
			  leaf->leaf, leaf->subleaf, regs[reg], desc->reason_expected,
			  desc->reason_actual);
		if (leaf->word[reg] >= 0)
			describe_features(buf, size, leaf->word[reg], bits);
		break;

	case X86_PREPATCH_R_WORD:
		scnprintf(buf, size, "word %u expected 0x%08llx actual 0x%08llx",
			  desc->reason_index, desc->reason_expected, desc->reason_actual);
		describe_features(buf, size, desc->reason_index, bits);
		break;

	case X86_PREPATCH_R_RETURN_THUNK:
		scnprintf(buf, size, "return_thunk");
		break;

	case X86_PREPATCH_R_PV_OPS:
		scnprintf(buf, size, "pv_ops %u", desc->reason_index);
		break;

	case X86_PREPATCH_R_CFI_MODE:
		scnprintf(buf, size, "cfi_mode expected %llu actual %llu", desc->reason_expected,
			  desc->reason_actual);
		break;

	case X86_PREPATCH_R_FLAGS:
		scnprintf(buf, size, "flags expected 0x%llx actual 0x%llx", desc->reason_expected,
			  desc->reason_actual);
		break;

	case X86_PREPATCH_R_USER_PTR_MAX:
		scnprintf(buf, size, "user_ptr_max expected 0x%llx actual 0x%llx",
			  desc->reason_expected, desc->reason_actual);
		break;
	}
}

/*
 * What apply_returns() does beyond patching returns: static calls to nothing became a plain
 * return as long as it wasn't known which kind of return this CPU wants.
 */
static void __init x86_prepatch_finish_static_calls(void)
{
#ifdef CONFIG_MITIGATION_RETHUNK
	s32 *site;

	if (cpu_wants_rethunk())
		static_call_force_reinit();

	for (site = __return_sites; site < __return_sites_end; site++) {
		u8 *addr = (u8 *)site + *site;
		void *dest = NULL;

		if (addr < __static_call_text_start || addr >= __static_call_text_end)
			continue;

		if (*addr == JMP32_INSN_OPCODE)
			dest = addr + JMP32_INSN_SIZE + *(s32 *)(addr + 1);
		__static_call_fixup(addr, *addr, dest);
	}
#endif
}

/*
 * All text that alternative_instructions() may write to: of the kernel, of init functions, and what
 * comes after the table of alternatives, which is replacements and exit functions.
 */
static const struct x86_prepatch_range x86_prepatch_all_text[] __initconst = {
	RANGE(_text, _etext),
	RANGE(_sinittext, _einittext),
	RANGE(__alt_instructions_end, __init_end),
};

/* All of it, not only what was patched: a patch which the tool has left out is as wrong. */
static bool __init x86_prepatch_save(void)
{
	const struct x86_prepatch_range *range;
	size_t size = 0;
	u8 *pos;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(x86_prepatch_all_text); i++) {
		range = &x86_prepatch_all_text[i];
		size += range->end - range->start;
	}

	x86_prepatch_saved = vmalloc(size);
	if (!x86_prepatch_saved)
		return false;

	/* What a match would do. */
	x86_prepatch_finish_static_calls();

	pos = x86_prepatch_saved;
	for (i = 0; i < ARRAY_SIZE(x86_prepatch_all_text); i++) {
		range = &x86_prepatch_all_text[i];
		memcpy(pos, (void *)range->start, range->end - range->start);
		pos += range->end - range->start;
	}

	return true;
}

static bool __init x86_prepatch_restore_late(void)
{
	unsigned long flags;
	bool restored;

	/*
	 * The text of everything on the stack is among what is restored.  It may be because no
	 * length changes and no caller on the way here is an alternative, a retpoline or a static
	 * call.
	 */
	local_irq_save(flags);
	restored = x86_prepatch_restore();
	local_irq_restore(flags);

	return restored;
}

/**
 * x86_prepatch_accept - decide whether the text is the one that this boot would make
 *
 * Records the profile of this boot in any case.  If the image is pre-patched and isn't accepted,
 * the original text has been restored when this returns.
 *
 * Context: alternative_instructions(), when nothing changes features, mitigations or paravirt
 * functions any more, and NMIs and IBT are off.
 * Return: true if the text is final and must not be patched.
 */
bool __init x86_prepatch_accept(void)
{
	struct x86_prepatch_desc *desc = &x86_prepatch_desc;
	enum x86_prepatch_status status;
	struct x86_prepatch_diff diff;
	u32 ignored[NR_WORDS];

	x86_prepatch_record(&desc->actual);

	if (!prepatch_undo_is_present(x86_prepatch_undo())) {
		desc->status = X86_PREPATCH_STOCK;
		return false;
	}

	if (desc->early) {
		x86_prepatch_describe(desc, x86_prepatch_reason, sizeof(x86_prepatch_reason));
		pr_notice("early mismatch, the text was patched as always: %s\n",
			  x86_prepatch_reason);
		return false;
	}

	x86_prepatch_find_ignored(ignored);
	x86_prepatch_differs(&desc->expected, &desc->actual, x86_prepatch_build_id(), ignored,
			     &diff);
	desc->reason = diff.reason;
	desc->reason_index = diff.index;
	desc->reason_expected = diff.expected;
	desc->reason_actual = diff.actual;
	x86_prepatch_describe(desc, x86_prepatch_reason, sizeof(x86_prepatch_reason));

	status = x86_prepatch_decide(x86_prepatch_mode, diff.reason);
	if (status == X86_PREPATCH_VERIFIED && !x86_prepatch_save()) {
		pr_err("no memory, prepatch=verify is ignored\n");
		status = X86_PREPATCH_MATCH;
	}

	if (status != X86_PREPATCH_MATCH && !x86_prepatch_restore_late()) {
		/* This CPU with these mitigations has to have another text, and there is none. */
		if (diff.reason != X86_PREPATCH_R_NONE) {
			desc->status = X86_PREPATCH_FAILED;
			panic("x86/prepatch: mismatch, and the undo data is damaged: %s",
			      x86_prepatch_reason);
		}

		pr_err("undo data damaged, the parameter prepatch= is ignored\n");
		vfree(x86_prepatch_saved);
		x86_prepatch_saved = NULL;
		status = X86_PREPATCH_MATCH;
	}

	if (status == X86_PREPATCH_MATCH) {
		desc->status = status;
		x86_prepatch_finish_static_calls();
		pr_info("match, the text is used as it is\n");
		return true;
	}

	/* Not verified before x86_prepatch_verify() has done so. */
	desc->status = status == X86_PREPATCH_VERIFIED ? X86_PREPATCH_PENDING : status;
	if (status == X86_PREPATCH_MISMATCH)
		pr_notice("mismatch, the text is patched as always: %s\n", x86_prepatch_reason);
	else
		pr_info("the text is patched as always because of prepatch=\n");

	return false;
}

/**
 * x86_prepatch_verify - compare the text with what it would have been
 *
 * Context: alternative_instructions(), when it has patched the text which x86_prepatch_accept()
 * restored, and nothing else has written to text in between.
 */
void __init x86_prepatch_verify(void)
{
	struct x86_prepatch_desc *desc = &x86_prepatch_desc;
	const u8 *pos = x86_prepatch_saved;
	u64 different = 0;
	u32 i;

	if (!pos)
		return;

	for (i = 0; i < ARRAY_SIZE(x86_prepatch_all_text); i++) {
		const u8 *text = (const u8 *)x86_prepatch_all_text[i].start;
		const u8 *end = (const u8 *)x86_prepatch_all_text[i].end;

		for (; text < end; text++, pos++) {
			if (*text == *pos)
				continue;
			if (!different++)
				pr_err("differs first at %pS: 0x%02x in the image, not 0x%02x\n",
				       text, *pos, *text);
		}
	}

	vfree(x86_prepatch_saved);
	x86_prepatch_saved = NULL;
	desc->different_bytes = different;
	desc->status = different ? X86_PREPATCH_DIFFERENT : X86_PREPATCH_VERIFIED;
	if (different)
		pr_err("%llu bytes of text are not what they should be\n", different);
	else
		pr_info("all text of the image is right\n");
}

static const char * const x86_prepatch_status_names[] = {
	[X86_PREPATCH_PENDING]		= "pending",
	[X86_PREPATCH_STOCK]		= "stock",
	[X86_PREPATCH_MATCH]		= "match",
	[X86_PREPATCH_MISMATCH]		= "mismatch",
	[X86_PREPATCH_OFF]		= "off",
	[X86_PREPATCH_VERIFIED]		= "verified",
	[X86_PREPATCH_DIFFERENT]	= "different",
	[X86_PREPATCH_FAILED]		= "failed",
};

static ssize_t status_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	u32 status = READ_ONCE(x86_prepatch_desc.status);

	/* Anything with access to the guest's memory may have written to it. */
	if (status >= ARRAY_SIZE(x86_prepatch_status_names))
		return sysfs_emit(buf, "%u\n", status);

	return sysfs_emit(buf, "%s\n", x86_prepatch_status_names[status]);
}

static struct kobj_attribute status_attr = __ATTR_RO(status);

static ssize_t reason_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", x86_prepatch_reason);
}

static struct kobj_attribute reason_attr = __ATTR_RO(reason);

/* Has addresses of functions, so it is for root only. */
static BIN_ATTR_SIMPLE_ADMIN_RO(profile);

static struct attribute *x86_prepatch_attrs[] = {
	&status_attr.attr,
	&reason_attr.attr,
	NULL
};

static struct bin_attribute *x86_prepatch_bin_attrs[] = {
	&bin_attr_profile,
	NULL
};

static const struct attribute_group x86_prepatch_group = {
	.attrs = x86_prepatch_attrs,
	.bin_attrs = x86_prepatch_bin_attrs,
};

static int __init x86_prepatch_sysfs_init(void)
{
	struct kobject *kobj;
	int ret;

	bin_attr_profile.private = &x86_prepatch_desc.actual;
	bin_attr_profile.size = sizeof(x86_prepatch_desc.actual);

	kobj = kobject_create_and_add("x86_prepatch", kernel_kobj);
	if (!kobj)
		return -ENOMEM;

	ret = sysfs_create_group(kobj, &x86_prepatch_group);
	if (ret)
		kobject_put(kobj);

	return ret;
}
subsys_initcall(x86_prepatch_sysfs_init);
