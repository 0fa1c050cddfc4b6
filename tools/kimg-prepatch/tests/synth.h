/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small images that look like a kernel with a descriptor, made from nothing: tests of everything
 * but the real thing need no kernel.
 */
#ifndef _KIMG_TEST_SYNTH_H
#define _KIMG_TEST_SYNTH_H

#include "private.h"

/* Fuzzing makes and compares thousands of them each second: no more than has to be. */
#ifdef SYNTH_SMALL
#define SYNTH_TEXT_SIZE		0x2000
#define SYNTH_RODATA_SIZE	0x2000
#define SYNTH_DATA_SIZE		0x2000
#define SYNTH_TABLE_SIZE	0x100
#define SYNTH_NR_TABLES		16
#define SYNTH_UNDO_SIZE		0x1000
#else
#define SYNTH_TEXT_SIZE		0x8000
#define SYNTH_RODATA_SIZE	0x4000
#define SYNTH_DATA_SIZE		0x4000
#define SYNTH_TABLE_SIZE	0x400
#define SYNTH_NR_TABLES		12
#define SYNTH_UNDO_SIZE		0x4000
#endif

#define SYNTH_TEXT		0xffffffff81000000ULL
#define SYNTH_RODATA		(SYNTH_TEXT + SYNTH_TEXT_SIZE)
#define SYNTH_DATA		0xffffffff81200000ULL
#define SYNTH_PERCPU_SIZE	0x1000
#define SYNTH_INIT_BEGIN	(SYNTH_DATA + SYNTH_DATA_SIZE)
#define SYNTH_INIT		(SYNTH_INIT_BEGIN + SYNTH_PERCPU_SIZE)
#define SYNTH_INITTEXT_SIZE	0x1000
#define SYNTH_REPL		(SYNTH_INIT + SYNTH_INITTEXT_SIZE)
#define SYNTH_REPL_SIZE		0x1000
#define SYNTH_TABLES		(SYNTH_REPL + SYNTH_REPL_SIZE)
#define SYNTH_UNDO		(SYNTH_TABLES + SYNTH_NR_TABLES * SYNTH_TABLE_SIZE)
#define SYNTH_INIT_SIZE		(SYNTH_UNDO + SYNTH_UNDO_SIZE - SYNTH_INIT)

#define SYNTH_RETURN_THUNK	(SYNTH_TEXT + 0x100)
#define SYNTH_ITS_RETURN_THUNK	(SYNTH_TEXT + 0x160)
#define SYNTH_RETPOLINE_THUNKS	(SYNTH_TEXT + 0x200)
#define SYNTH_ITS_THUNKS	(SYNTH_TEXT + 0x400)
#define SYNTH_NOP_FUNC		(SYNTH_TEXT + 0x800)
#define SYNTH_BUG_FUNC		(SYNTH_TEXT + 0x810)
#define SYNTH_SC_RETURN0	(SYNTH_TEXT + 0x820)
#define SYNTH_SC_RETURN		(SYNTH_TEXT + 0x830)
#define SYNTH_PV_FUNC		(SYNTH_TEXT + 0x840)
#define SYNTH_FUNC		(SYNTH_TEXT + 0x850)
#define SYNTH_TRAMPOLINES	(SYNTH_TEXT + 0x900)
#define SYNTH_TRAMPOLINES_SIZE	0x80
#define SYNTH_CODE		(SYNTH_TEXT + 0x1000)

#define SYNTH_RO_AFTER_SIZE	(SYNTH_RODATA_SIZE / 2)
#define SYNTH_RO_AFTER_INIT	(SYNTH_RODATA + SYNTH_RO_AFTER_SIZE)
#define SYNTH_JUMP_TABLE	SYNTH_RO_AFTER_INIT
#define SYNTH_STATIC_CALLS	(SYNTH_RO_AFTER_INIT + 0x800)
#define SYNTH_PV_OPS		(SYNTH_RO_AFTER_INIT + 0xc00)
#define SYNTH_NR_PV_OPS		8
#define SYNTH_DESC		(SYNTH_DATA + 0x40)
#define SYNTH_KEYS		(SYNTH_DATA + SYNTH_DATA_SIZE - 0x800)

/* Capability words: 3 of CPUID, 1 of bugs; feature numbers that tests use. */
#define SYNTH_NCAPINTS		3
#define SYNTH_NBUGINTS		1
#define SYNTH_F_ALWAYS		0
#define SYNTH_F_RETHUNK		1
#define SYNTH_F_RETPOLINE	2
#define SYNTH_F_RETPOLINE_LFENCE 3
#define SYNTH_F_CALL_DEPTH	4
#define SYNTH_F_ITS		5
#define SYNTH_F_UP		6
#define SYNTH_F_PRESENT		32
#define SYNTH_F_ABSENT		33

struct synth {
	uint8_t text[SYNTH_TEXT_SIZE];
	uint8_t rodata[SYNTH_RODATA_SIZE];
	uint8_t data[SYNTH_DATA_SIZE];
	uint8_t percpu[SYNTH_PERCPU_SIZE];
	uint8_t init[SYNTH_INIT_SIZE];
	struct x86_prepatch_desc desc;
	uint64_t code, repl, inittext;	/* first free place of each */
	unsigned int nr_keys;
	bool has_note;
	uint32_t note_version;
};

void synth_init(struct synth *s);
/* The bytes at an address of the image to be. */
uint8_t *synth_at(struct synth *s, uint64_t addr);
uint64_t synth_code(struct synth *s, const void *bytes, size_t len, unsigned int align);
uint64_t synth_inittext(struct synth *s, const void *bytes, size_t len);
/* Instructions with a relative target. */
uint64_t synth_rel32(struct synth *s, uint8_t op, uint64_t dest, unsigned int align);

void synth_add_offset(struct synth *s, enum x86_prepatch_ranges nr, uint64_t addr);
void synth_add_alt(struct synth *s, uint64_t addr, unsigned int len, const void *repl,
		   unsigned int repl_len, unsigned int feature, unsigned int flags);
/* The same with a replacement that is in the image already. */
void synth_add_alt_at(struct synth *s, uint64_t addr, unsigned int len, uint64_t repl,
		      unsigned int repl_len, unsigned int feature, unsigned int flags);
void synth_add_mcount(struct synth *s, uint64_t addr);
uint64_t synth_add_key(struct synth *s, uint64_t func);
void synth_add_static_call(struct synth *s, uint64_t site, uint64_t key, bool is_tail);
void synth_add_jump_label(struct synth *s, uint64_t site, uint64_t target, uint64_t key);

/* A bit of everything. */
void synth_fill(struct synth *s);
/* An ELF file, from malloc(). */
uint8_t *synth_finish(struct synth *s, size_t *size);
void synth_profile(struct x86_prepatch_profile *profile);
void synth_seal_profile(struct x86_prepatch_profile *profile);
/* Write the checksum of the undo area in the file again. */
void synth_seal_undo(struct kimg *img);

#define SYNTH_NR_SEGMENTS	4

#endif
