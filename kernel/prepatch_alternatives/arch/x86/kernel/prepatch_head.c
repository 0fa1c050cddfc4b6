// SPDX-License-Identifier: GPL-2.0
#define DISABLE_BRANCH_PROFILING

/*
 * The part of CONFIG_X86_PREPATCH which runs before and while the text is rewritten.
 *
 * x86_prepatch_early() runs before any other C code, on the identity mapping.
 * x86_prepatch_restore() rewrites text, also text that its callers are made of, but never its
 * own: this file is compiled such that nothing in it is ever patched, and it calls nothing
 * outside.  The Makefile takes care of returns, indirect branches, tracing and sanitizers; what
 * is left is not to use anything that comes with alternatives, jump labels or static calls.  It
 * is position independent.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cpufeature.h>
#include <linux/init.h>
#include <linux/types.h>
#include <asm/cpuid.h>
#include <asm/page_types.h>
#include <asm/processor-flags.h>
#include <asm/sections.h>

#include "prepatch.h"

#define ALL			0xffffffff
/* OSXSAVE and OSPKE mirror CR4, HT and CMP_LEGACY depend on how many CPUs the guest has. */
#define BIT_1_ECX_OSXSAVE	BIT(27)
#define BIT_1_EDX_HT		BIT(28)
#define BIT_7_ECX_OSPKE		BIT(4)
#define BIT_80000001_ECX_CMP_LEGACY	BIT(1)

/*
 * What x86_capability[] is made from, and family, model and stepping, which decide about bugs.
 * Left out are APIC ids, sizes of the buffer for XSAVE, and whatever else differs between CPUs of
 * a system or between two starts of it.
 */
const struct x86_prepatch_leaf x86_prepatch_leaves[] __initconst = {
	{ 0x00000000, 0, { ALL, ALL, ALL, ALL }, { -1, -1, -1, -1 } },
	{ 0x00000001, 0, { ALL, 0, ALL & ~BIT_1_ECX_OSXSAVE, ALL & ~BIT_1_EDX_HT },
			 { -1, -1, CPUID_1_ECX, CPUID_1_EDX } },
	{ 0x00000006, 0, { ALL, 0, 0, 0 }, { CPUID_6_EAX, -1, -1, -1 } },
	{ 0x00000007, 0, { ALL, ALL, ALL & ~BIT_7_ECX_OSPKE, ALL },
			 { -1, CPUID_7_0_EBX, CPUID_7_ECX, CPUID_7_EDX } },
	{ 0x00000007, 1, { ALL, ALL, ALL, ALL }, { CPUID_7_1_EAX, -1, -1, -1 } },
	{ 0x00000007, 2, { ALL, ALL, ALL, ALL }, { -1, -1, -1, -1 } },
	{ 0x0000000d, 1, { ALL, 0, ALL, ALL }, { CPUID_D_1_EAX, -1, -1, -1 } },
	{ 0x80000000, 0, { ALL, 0, 0, 0 }, { -1, -1, -1, -1 } },
	{ 0x80000001, 0, { ALL, 0, ALL & ~BIT_80000001_ECX_CMP_LEGACY, ALL },
			 { -1, -1, CPUID_8000_0001_ECX, CPUID_8000_0001_EDX } },
	{ 0x80000007, 0, { 0, ALL, 0, ALL }, { -1, CPUID_8000_0007_EBX, -1, -1 } },
	{ 0x80000008, 0, { 0, ALL, 0, 0 }, { -1, CPUID_8000_0008_EBX, -1, -1 } },
	{ 0x8000000a, 0, { 0, 0, 0, ALL }, { -1, -1, -1, CPUID_8000_000A_EDX } },
	{ 0x8000001f, 0, { ALL, 0, 0, 0 }, { CPUID_8000_001F_EAX, -1, -1, -1 } },
	{ 0x80000021, 0, { ALL, 0, 0, 0 }, { CPUID_8000_0021_EAX, -1, -1, -1 } },
};

const u32 x86_prepatch_nr_leaves __initconst = ARRAY_SIZE(x86_prepatch_leaves);
static_assert(ARRAY_SIZE(x86_prepatch_leaves) <= X86_PREPATCH_MAX_CPUID);

/**
 * x86_prepatch_build_id - find the build id of this kernel
 *
 * Context: any, also on the identity mapping.
 * Return: 20 bytes, NULL if the kernel was linked without.
 */
const u8 * __init x86_prepatch_build_id(void)
{
	const u8 *pos = __start_notes;

	while (__stop_notes - pos >= 12) {
		const u32 *note = (const u32 *)pos;
		u64 namesz = (note[0] + 3ULL) & ~3ULL;
		u64 descsz = (note[1] + 3ULL) & ~3ULL;
		const u8 *name = pos + 12;

		if (namesz + descsz > __stop_notes - name)
			break;

		if (note[0] == 4 && note[1] == 20 && note[2] == 3 &&
		    name[0] == 'G' && name[1] == 'N' && name[2] == 'U' && !name[3])
			return name + namesz;

		pos = name + namesz + descsz;
	}

	return NULL;
}

/**
 * x86_prepatch_la57 - how many levels do page tables have?
 *
 * Context: any, also on the identity mapping.
 * Return: X86_PREPATCH_LA57 or 0.
 */
u64 __init x86_prepatch_la57(void)
{
	unsigned long cr4;

	asm volatile("mov %%cr4, %0" : "=r" (cr4));

	return cr4 & X86_CR4_LA57 ? X86_PREPATCH_LA57 : 0;
}

/* The highest leaf of a range, or the range itself if there is no such. */
static u32 __init max_leaf(u32 range)
{
	u32 eax = range, ebx, ecx = 0, edx;

	native_cpuid(&eax, &ebx, &ecx, &edx);

	/* Without extended leaves there is some other number. */
	return (eax & 0xffff0000) == range ? eax : range;
}

/**
 * x86_prepatch_read_cpuid - what the CPU says in all leaves, without what doesn't count
 * @list: the result; zeros for each leaf that the CPU doesn't have
 *
 * In a guest each CPUID is an exit, so none is executed twice.
 *
 * Context: any, also on the identity mapping.
 */
void __init x86_prepatch_read_cpuid(struct x86_prepatch_cpuid *list)
{
	u32 idx, max = 0, range = ~0;

	for (idx = 0; idx < ARRAY_SIZE(x86_prepatch_leaves); idx++) {
		const struct x86_prepatch_leaf *leaf = &x86_prepatch_leaves[idx];
		struct x86_prepatch_cpuid *res = &list[idx];
		u32 eax = leaf->leaf, ebx = 0, ecx = leaf->subleaf, edx = 0;

		res->leaf = leaf->leaf;
		res->subleaf = leaf->subleaf;
		res->eax = 0;
		res->ebx = 0;
		res->ecx = 0;
		res->edx = 0;

		if ((leaf->leaf & 0xffff0000) != range) {
			range = leaf->leaf & 0xffff0000;
			max = max_leaf(range);
		}
		if (leaf->leaf > max)
			continue;

		native_cpuid(&eax, &ebx, &ecx, &edx);
		res->eax = eax & leaf->mask[0];
		res->ebx = ebx & leaf->mask[1];
		res->ecx = ecx & leaf->mask[2];
		res->edx = edx & leaf->mask[3];
	}
}

/**
 * x86_prepatch_profile_is_valid - is this a complete profile of this kernel?
 * @profile: the profile
 * @build_id: the build id of the kernel
 * @nr_words: how many words of features and bugs the kernel has
 * @nr_pv_ops: how many paravirt functions
 *
 * Context: any, also on the identity mapping.
 * Return: yes or no.
 */
bool __init x86_prepatch_profile_is_valid(const struct x86_prepatch_profile *profile,
					  const u8 *build_id, u32 nr_words, u32 nr_pv_ops)
{
	unsigned int i;

	if (profile->valid != 1 || profile->crc != prepatch_profile_crc32(profile))
		return false;

	if (!build_id)
		return false;

	for (i = 0; i < sizeof(profile->build_id); i++) {
		if (profile->build_id[i] != build_id[i])
			return false;
	}

	return profile->nr_cpuid == x86_prepatch_nr_leaves && profile->nr_words == nr_words &&
	       profile->nr_pv_ops == nr_pv_ops;
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

static u32 __init register_of(const struct x86_prepatch_cpuid *cpuid, u32 reg)
{
	switch (reg) {
	case 0:
		return cpuid->eax;
	case 1:
		return cpuid->ebx;
	case 2:
		return cpuid->ecx;
	default:
		return cpuid->edx;
	}
}

/**
 * x86_prepatch_cpuid_differs - compare two lists of CPUID leaves
 * @expected: what the image was made for
 * @actual: what the CPU says
 * @diff: set to the first difference
 *
 * Features come first, then the rest: the name of a feature tells more than the number of the last
 * leaf.
 *
 * Context: any, also on the identity mapping.
 * Return: true if there is a difference.
 */
bool __init x86_prepatch_cpuid_differs(const struct x86_prepatch_cpuid *expected,
				       const struct x86_prepatch_cpuid *actual,
				       struct x86_prepatch_diff *diff)
{
	u32 i, reg;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < x86_prepatch_nr_leaves; i++) {
			const struct x86_prepatch_cpuid *want = &expected[i], *is = &actual[i];

			/* A list of other leaves is a profile of another kernel. */
			if (differs(diff, X86_PREPATCH_R_PROFILE, 0, want->leaf, is->leaf) ||
			    differs(diff, X86_PREPATCH_R_PROFILE, 0, want->subleaf, is->subleaf))
				return true;

			for (reg = 0; reg < 4; reg++) {
				bool is_feature = x86_prepatch_leaves[i].word[reg] >= 0;

				if (is_feature == !pass &&
				    differs(diff, X86_PREPATCH_R_CPUID, i * 4 + reg,
					    register_of(want, reg), register_of(is, reg)))
					return true;
			}
		}
	}

	return false;
}

/**
 * x86_prepatch_restore - put the original bytes of all that depends on the CPU back
 *
 * All or nothing: a mixture of original and patched text might not even be able to return.
 *
 * Context: Boot CPU, nothing else may run: interrupts off, no NMI.  On the identity mapping, or
 * later as long as text is writable.
 * Return: false if the undo data is damaged or the kernel isn't where the data is for; nothing has
 * been written then.
 */
bool __init x86_prepatch_restore(void)
{
	const struct x86_prepatch_undo *undo = x86_prepatch_undo();
	const struct x86_prepatch_range *ranges = x86_prepatch_desc.ranges;
	struct x86_prepatch_range allowed[3];
	u32 eax = 0, ebx, ecx = 0, edx;

	if (!prepatch_undo_is_valid(undo, sizeof(x86_prepatch_undo_area)))
		return false;

	/* The data is for this place; x86_prepatch_early() has made sure that it is as linked. */
	if (undo->base != ranges[X86_PREPATCH_TEXT].start)
		return false;

	allowed[0].start = ranges[X86_PREPATCH_TEXT].start;
	allowed[0].end = ranges[X86_PREPATCH_TEXT].end;
	allowed[1].start = ranges[X86_PREPATCH_INIT].start;
	allowed[1].end = ranges[X86_PREPATCH_UNDO].start;
	allowed[2].start = ranges[X86_PREPATCH_UNDO].end;
	allowed[2].end = ranges[X86_PREPATCH_INIT].end;
	if (!prepatch_stream_is_valid(undo, X86_PREPATCH_UNDO_CPU, allowed, ARRAY_SIZE(allowed)))
		return false;

	prepatch_stream_write(undo, X86_PREPATCH_UNDO_CPU, (unsigned long)_text - undo->base);

	/* Serialize, as sync_core() does, which may just have been written. */
	native_cpuid(&eax, &ebx, &ecx, &edx);

	return true;
}

/* There is no console yet, and what there is of the kernel can't run here. */
static void __noreturn __init stop(const char *msg)
{
	const char *pos;

	x86_prepatch_desc.status = X86_PREPATCH_FAILED;
	for (pos = msg; *pos; pos++)
		asm volatile("outb %0, %1" : : "a" (*pos), "Nd" ((u16)0xe9));

	for (;;)
		asm volatile("cli; hlt");
}

/**
 * x86_prepatch_early - restore the original text if the image is for another CPU
 *
 * No instruction which this CPU may lack has been executed yet.  What the image has for results is
 * not looked at: somebody may have made it from the memory of a guest.  It does no harm to call
 * this twice in a boot.
 *
 * CPUID is recorded here, in each boot, to compare what was found at the same place: later the
 * kernel changes some of it, for example by disabling TSX.
 *
 * Context: Entry code, on the identity mapping, on any stack of a kilobyte.
 */
void __init x86_prepatch_early(void)
{
	const struct x86_prepatch_undo *undo = x86_prepatch_undo();
	struct x86_prepatch_desc *desc = &x86_prepatch_desc;
	const struct x86_prepatch_profile *expected = &desc->expected;
	struct x86_prepatch_diff diff;
	bool found;

	desc->status = X86_PREPATCH_PENDING;
	desc->reason = X86_PREPATCH_R_NONE;
	desc->reason_index = 0;
	desc->early = 0;
	desc->reason_expected = 0;
	desc->reason_actual = 0;
	desc->different_bytes = 0;
	desc->actual.valid = 0;
	desc->actual.nr_cpuid = x86_prepatch_nr_leaves;
	x86_prepatch_read_cpuid(desc->actual.cpuid);

	if (!prepatch_undo_is_present(undo))
		return;

	/*
	 * Whoever moves a kernel to another virtual address changes its text by a table of what was
	 * linked.  It isn't right for patched text, and neither are the original bytes then.  This
	 * compares with a constant as nothing in the image can be trusted for it.
	 */
	if (desc->ranges[X86_PREPATCH_TEXT].start != __START_KERNEL)
		stop("x86/prepatch: the image was relocated. System halted.\n");

	diff.reason = X86_PREPATCH_R_PROFILE;
	diff.index = 0;
	diff.expected = 0;
	diff.actual = 0;
	found = !x86_prepatch_profile_is_valid(expected, x86_prepatch_build_id(),
					       desc->ncapints + desc->nbugints,
					       desc->actual.nr_pv_ops);
	if (!found)
		found = x86_prepatch_cpuid_differs(expected->cpuid, desc->actual.cpuid, &diff);
	if (!found)
		found = differs(&diff, X86_PREPATCH_R_FLAGS, 0, expected->flags & X86_PREPATCH_LA57,
				x86_prepatch_la57());
	if (!found)
		return;

	desc->reason = diff.reason;
	desc->reason_index = diff.index;
	desc->reason_expected = diff.expected;
	desc->reason_actual = diff.actual;
	desc->early = 1;
	if (!x86_prepatch_restore())
		stop("x86/prepatch: mismatch, and the undo data is damaged. System halted.\n");

	desc->status = X86_PREPATCH_MISMATCH;
}
