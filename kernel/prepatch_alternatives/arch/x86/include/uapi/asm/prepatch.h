/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Pre-patched kernel images: what the kernel, the tool that makes the image and whoever looks at
 * the memory of a guest agree on.
 *
 * A stock image describes itself: an ELF note points to struct x86_prepatch_desc, which names every
 * table of sites that the kernel patches at boot, and has room for two profiles.  A profile is all
 * that the bytes written by alternative_instructions() depend on.  The kernel records the profile
 * of each boot in @actual; a tool copies the profile that an image was made for to @expected,
 * applies the patches that follow from it, and stores the original bytes in the undo area.
 *
 * All addresses are virtual addresses as linked.  All numbers are little endian.  Fields are only
 * ever added at the end, together with a new version.
 */
#ifndef _UAPI_ASM_X86_PREPATCH_H
#define _UAPI_ASM_X86_PREPATCH_H

#include <linux/types.h>

/* ELF note: name, type, and struct x86_prepatch_note as its descriptor. */
#define X86_PREPATCH_NOTE_NAME		"x86-prepatch"
#define X86_PREPATCH_NOTE_TYPE		1

#define X86_PREPATCH_DESC_MAGIC		"X86PPTCH"
#define X86_PREPATCH_UNDO_MAGIC		"X86PUNDO"
#define X86_PREPATCH_VERSION		1

struct x86_prepatch_note {
	__u32 version;
	__u32 desc_size;	/* sizeof(struct x86_prepatch_desc) */
	__u64 desc;		/* its address */
};

/* [start, end); both 0 if this kernel has no such table. */
struct x86_prepatch_range {
	__u64 start;
	__u64 end;
};

enum x86_prepatch_ranges {
	X86_PREPATCH_TEXT,		/* _text .. _etext */
	X86_PREPATCH_INITTEXT,		/* _sinittext .. _einittext */
	X86_PREPATCH_INIT,		/* __init_begin .. __init_end, INITTEXT is part of it */
	X86_PREPATCH_RODATA,		/* __start_rodata .. __end_rodata */
	X86_PREPATCH_RO_AFTER_INIT,	/* __start_ro_after_init .. __end_ro_after_init */
	X86_PREPATCH_ALTERNATIVES,	/* struct alt_instr[] */
	X86_PREPATCH_RETPOLINES,	/* s32[], relative to each entry; so are the next five */
	X86_PREPATCH_RETURNS,
	X86_PREPATCH_ENDBR_SEALS,
	X86_PREPATCH_CFI,
	X86_PREPATCH_SMP_LOCKS,
	X86_PREPATCH_USER_PTR_MAX,	/* runtime_ptr_USER_PTR_MAX */
	X86_PREPATCH_DENTRY_PTR,	/* runtime_ptr_dentry_hashtable */
	X86_PREPATCH_DENTRY_SHIFT,	/* runtime_shift_d_hash_shift */
	X86_PREPATCH_MCOUNT,		/* u64[], absolute */
	X86_PREPATCH_JUMP_TABLE,	/* struct jump_entry[] */
	X86_PREPATCH_STATIC_CALLS,	/* struct static_call_site[] */
	X86_PREPATCH_STATIC_CALL_TEXT,	/* the trampolines */
	X86_PREPATCH_PV_OPS,		/* struct paravirt_patch_template */
	X86_PREPATCH_UNDO,		/* struct x86_prepatch_undo and its data */
	X86_PREPATCH_NR_RANGES,
	X86_PREPATCH_MAX_RANGES = 32,
};

enum x86_prepatch_symbols {
	X86_PREPATCH_RETURN_THUNK,	/* __x86_return_thunk, where compiled returns jump to */
	X86_PREPATCH_ITS_RETURN_THUNK,	/* its_return_thunk, 0 without CONFIG_MITIGATION_ITS */
	X86_PREPATCH_RETPOLINE_THUNKS,	/* __x86_indirect_thunk_array */
	X86_PREPATCH_ITS_THUNKS,	/* __x86_indirect_its_thunk_array, 0 without */
	X86_PREPATCH_NOP_FUNC,		/* nop_func: a paravirt call to it becomes a nop */
	X86_PREPATCH_BUG_FUNC,		/* BUG_func: what replacements of paravirt calls call */
	X86_PREPATCH_SC_RETURN0,	/* __static_call_return0 */
	X86_PREPATCH_SC_RETURN,		/* __static_call_return */
	X86_PREPATCH_NR_SYMBOLS,
	X86_PREPATCH_MAX_SYMBOLS = 16,
};

/* Numbers of the features (word * 32 + bit) which decide more than their own alternatives. */
enum x86_prepatch_features {
	X86_PREPATCH_F_ALWAYS,
	X86_PREPATCH_F_RETHUNK,
	X86_PREPATCH_F_RETPOLINE,
	X86_PREPATCH_F_RETPOLINE_LFENCE,
	X86_PREPATCH_F_CALL_DEPTH,
	X86_PREPATCH_F_INDIRECT_THUNK_ITS,
	X86_PREPATCH_F_UP,
	X86_PREPATCH_NR_FEATURES,
	X86_PREPATCH_MAX_FEATURES = 16,
};

#define X86_PREPATCH_F_NONE		0xffff

/* One CPUID leaf, with what can differ between two starts of the same CPU masked out. */
struct x86_prepatch_cpuid {
	__u32 leaf;
	__u32 subleaf;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
};

#define X86_PREPATCH_MAX_CPUID		16
#define X86_PREPATCH_MAX_WORDS		40
#define X86_PREPATCH_MAX_PV_OPS		128

/* x86_prepatch_profile.flags */
#define X86_PREPATCH_LA57		0x1	/* five-level page tables are in use */
#define X86_PREPATCH_CALL_THUNKS	0x2	/* call depth tracking: can't be pre-patched */
#define X86_PREPATCH_CFI_RANDOM		0x4	/* FineIBT with random hashes: likewise */

struct x86_prepatch_profile {
	__u32 valid;		/* 1 when complete; written last */
	__u32 crc;		/* CRC-32 (IEEE 802.3) of all that follows */
	__u8 build_id[20];
	__u32 flags;
	__u32 cfi_mode;		/* enum cfi_mode */
	__u32 nr_cpuid;
	__u32 nr_words;		/* NCAPINTS + NBUGINTS */
	__u32 nr_pv_ops;	/* pointers in struct paravirt_patch_template */
	__u64 return_thunk;	/* x86_return_thunk */
	__u64 user_ptr_max;	/* USER_PTR_MAX */
	struct x86_prepatch_cpuid cpuid[X86_PREPATCH_MAX_CPUID];	/* at entry */
	__u32 words[X86_PREPATCH_MAX_WORDS];	/* boot_cpu_data.x86_capability[] */
	__u64 pv_ops[X86_PREPATCH_MAX_PV_OPS];
};

/* What became of a pre-patched image in this boot. */
enum x86_prepatch_status {
	X86_PREPATCH_PENDING,		/* not decided yet */
	X86_PREPATCH_STOCK,		/* the image isn't pre-patched */
	X86_PREPATCH_MATCH,		/* accepted, nothing was written */
	X86_PREPATCH_MISMATCH,		/* original bytes restored and patched as always */
	X86_PREPATCH_OFF,		/* likewise, because of prepatch=off */
	X86_PREPATCH_VERIFIED,		/* prepatch=verify: likewise, and the result was the same */
	X86_PREPATCH_DIFFERENT,		/* prepatch=verify: likewise, and the result differed */
	X86_PREPATCH_FAILED,		/* no match, and no original bytes: the boot has ended */
};

/* Why the status is MISMATCH; the first difference found. */
enum x86_prepatch_reason {
	X86_PREPATCH_R_NONE,
	X86_PREPATCH_R_PROFILE,		/* @expected is damaged or of another kernel */
	X86_PREPATCH_R_CPUID,		/* index: entry of cpuid[] * 4 + number of the register */
	X86_PREPATCH_R_WORD,		/* index: entry of words[] */
	X86_PREPATCH_R_RETURN_THUNK,
	X86_PREPATCH_R_PV_OPS,		/* index: entry of pv_ops[] */
	X86_PREPATCH_R_CFI_MODE,
	X86_PREPATCH_R_FLAGS,
	X86_PREPATCH_R_USER_PTR_MAX,
};

struct x86_prepatch_desc {
	__u8 magic[8];
	__u32 version;
	__u32 size;

	/* How this kernel lays out what the tables hold. */
	__u32 ncapints;
	__u32 nbugints;
	__u32 alt_instr_size;
	__u32 alt_flag_not;
	__u32 alt_flag_direct_call;
	__u32 retpoline_thunk_size;
	__u32 its_thunk_size;
	__u32 max_patch_len;
	__u16 features[X86_PREPATCH_MAX_FEATURES];
	struct x86_prepatch_range ranges[X86_PREPATCH_MAX_RANGES];
	__u64 symbols[X86_PREPATCH_MAX_SYMBOLS];

	/* Written by the kernel at each boot. */
	__u32 status;		/* enum x86_prepatch_status */
	__u32 reason;		/* enum x86_prepatch_reason */
	__u32 reason_index;
	__u32 early;		/* 1 if it was found before any C code of the kernel ran */
	__u64 reason_expected;
	__u64 reason_actual;
	__u64 different_bytes;	/* X86_PREPATCH_DIFFERENT: how many */
	struct x86_prepatch_profile actual;

	/* Written by the tool. */
	struct x86_prepatch_profile expected;
};

/*
 * The original bytes.  data[] holds two streams, one after the other: first the bytes that depend
 * on the CPU (alternatives, retpolines, returns), which the kernel restores when it doesn't accept
 * the image; then the bytes that are right on any CPU (ftrace nops, sealed ENDBRs, USER_PTR_MAX,
 * static calls, sorted tables), which only a tool needs.
 *
 * A stream is a sequence of runs in ascending order: ULEB128 distance from the end of the run
 * before (for the first: from base), ULEB128 length (at least 1), the bytes.
 */
#define X86_PREPATCH_UNDO_CPU		0
#define X86_PREPATCH_UNDO_CONST		1

struct x86_prepatch_undo {
	__u8 magic[8];		/* all zero in a stock image */
	__u32 version;
	__u32 crc;		/* CRC-32 (IEEE 802.3) of all that follows, with the streams */
	__u64 base;		/* _text */
	__u32 bytes[2];		/* length of each stream */
	__u32 runs[2];
	__u8 data[];
};

#endif /* _UAPI_ASM_X86_PREPATCH_H */
