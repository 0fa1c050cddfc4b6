/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ARCH_X86_KERNEL_PREPATCH_H
#define _ARCH_X86_KERNEL_PREPATCH_H

#include <linux/init.h>
#include <linux/static_call.h>
#include <linux/types.h>
#include <asm/prepatch.h>

#define PREPATCH_FN	static __maybe_unused __init
#include "prepatch_undo.h"

/* Which bits of a CPUID leaf count, and in which word of features they are; -1 if in none. */
struct x86_prepatch_leaf {
	u32 leaf;
	u32 subleaf;
	u32 mask[4];
	s8 word[4];
};

/* The first difference between two profiles. */
struct x86_prepatch_diff {
	u32 reason;
	u32 index;
	u64 expected;
	u64 actual;
};

enum x86_prepatch_mode {
	X86_PREPATCH_MODE_ON,
	X86_PREPATCH_MODE_OFF,
	X86_PREPATCH_MODE_VERIFY,
};

extern struct x86_prepatch_desc x86_prepatch_desc;
extern u8 x86_prepatch_undo_area[CONFIG_X86_PREPATCH_UNDO_KB * 1024];

/* Where the linker put what is described. */
extern s32 __retpoline_sites[], __retpoline_sites_end[];
extern s32 __return_sites[], __return_sites_end[];
extern s32 __ibt_endbr_seal[], __ibt_endbr_seal_end[];
extern s32 __smp_locks[], __smp_locks_end[];
extern s32 __start_runtime_ptr_USER_PTR_MAX[], __stop_runtime_ptr_USER_PTR_MAX[];
extern s32 __start_runtime_ptr_dentry_hashtable[], __stop_runtime_ptr_dentry_hashtable[];
extern s32 __start_runtime_shift_d_hash_shift[], __stop_runtime_shift_d_hash_shift[];
extern unsigned long __start_mcount_loc[], __stop_mcount_loc[];
extern struct static_call_site __start_static_call_sites[], __stop_static_call_sites[];
extern u8 __static_call_text_start[], __static_call_text_end[];
void __static_call_return(void);
extern const u8 __start_notes[], __stop_notes[];

/* The data is all zeros in a stock image. */
static inline const struct x86_prepatch_undo *x86_prepatch_undo(void)
{
	return (const struct x86_prepatch_undo *)x86_prepatch_undo_area;
}

/* prepatch_head.c: none of it has anything that is patched. */
extern const struct x86_prepatch_leaf x86_prepatch_leaves[];
extern const u32 x86_prepatch_nr_leaves;

const u8 *x86_prepatch_build_id(void);
u64 x86_prepatch_la57(void);
void x86_prepatch_read_cpuid(struct x86_prepatch_cpuid *list);
bool x86_prepatch_profile_is_valid(const struct x86_prepatch_profile *profile, const u8 *build_id,
				   u32 nr_words, u32 nr_pv_ops);
bool x86_prepatch_cpuid_differs(const struct x86_prepatch_cpuid *expected,
				const struct x86_prepatch_cpuid *actual,
				struct x86_prepatch_diff *diff);
bool x86_prepatch_restore(void);
void x86_prepatch_early(void);

/* prepatch.c */
bool x86_prepatch_differs(const struct x86_prepatch_profile *expected,
			  const struct x86_prepatch_profile *actual, const u8 *build_id,
			  const u32 *ignored, struct x86_prepatch_diff *diff);
enum x86_prepatch_status x86_prepatch_decide(enum x86_prepatch_mode mode, u32 reason);

#endif /* _ARCH_X86_KERNEL_PREPATCH_H */
