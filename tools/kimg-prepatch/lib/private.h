/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the library share. */
#ifndef _KIMG_PRIVATE_H
#define _KIMG_PRIVATE_H

#include <string.h>

#include "kimg.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "only little endian hosts"
#endif

#define MAX_PATCH_LEN	254	/* more doesn't fit in alt_instr.instrlen */
#define MAX_INSN_SIZE	15

/* Returns @ret. */
int kimg_fail(struct kimg_err *err, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static inline int32_t get_s32(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void put_s32(uint8_t *p, int32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void put_u64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* elf.c, note.c, desc.c */
int elf_parse(struct kimg *img, struct kimg_err *err);
int note_parse(struct kimg *img, const uint8_t *notes, size_t size, uint64_t align,
	       struct kimg_err *err);
int desc_check(const struct kimg *img, struct kimg_err *err);

/* image.c */
struct kimg_segment *image_segment(const struct kimg *img, uint64_t addr, uint64_t len);
/* The bytes in the file of [addr, addr + len); NULL if they aren't all in one segment of it. */
uint8_t *image_bytes(const struct kimg *img, uint64_t addr, uint64_t len);
/* As many bytes as are in the file from @addr on, up to @max. */
size_t image_rest(const struct kimg *img, uint64_t addr, size_t max);
/* A place that the kernel may patch: text or init text in the file, not the undo area. */
uint8_t *image_site(const struct kimg *img, uint64_t addr, uint64_t len);
bool image_range_has(const struct kimg *img, enum x86_prepatch_ranges nr, uint64_t addr,
		     uint64_t len);
static inline const struct x86_prepatch_range *image_range(const struct kimg *img,
							   enum x86_prepatch_ranges nr)
{
	return &img->desc.ranges[nr];
}

struct snapshot {
	uint8_t *bytes;		/* all segments, one after the other */
	size_t at[KIMG_MAX_SEGMENTS];
};

/* The first place from @pos on where the two differ; @len if there is none. */
uint64_t bytes_differ(const uint8_t *a, const uint8_t *b, uint64_t pos, uint64_t len);

int snapshot_take(const struct kimg *img, struct snapshot *snap, struct kimg_err *err);
/* The segments are what they were when the snapshot was taken; @img->desc isn't touched. */
void snapshot_put_back(struct kimg *img, const struct snapshot *snap);
void snapshot_free(struct snapshot *snap);
uint8_t *snapshot_bytes(const struct kimg *img, const struct snapshot *snap, uint64_t addr,
			uint64_t len);

/* Tables of s32 that are relative to themselves. */
struct offset_table {
	const uint8_t *bytes;
	uint64_t addr;
	size_t nr;
};

int offset_table_get(const struct kimg *img, enum x86_prepatch_ranges nr,
		     struct offset_table *table, struct kimg_err *err);
static inline uint64_t offset_table_entry(const struct offset_table *table, size_t idx)
{
	return table->addr + idx * 4 + (uint64_t)(int64_t)get_s32(table->bytes + idx * 4);
}

/* insn.c */
struct insn {
	uint8_t length;
	uint8_t opcode[2];	/* what the decoder of the kernel calls opcode.bytes[] */
	uint8_t prefix;		/* first legacy prefix, 0 if there is none */
	bool is_rip_relative;
	uint8_t imm_offset;
	uint8_t imm_size;
	int32_t imm;
	uint8_t disp_offset;
	uint8_t disp_size;
	int32_t disp;
};

/* -EINVAL if @bytes don't begin with an instruction. */
int insn_decode(const uint8_t *bytes, size_t len, struct insn *insn);

static inline bool insn_is_jcc32(const struct insn *insn)
{
	return insn->opcode[0] == 0x0f && (insn->opcode[1] & 0xf0) == 0x80;
}

/* nops.c */
#define NOP_MAX		11
extern const uint8_t *const nops[NOP_MAX + 1];
int nops_optimize(uint8_t *buf, size_t len);

/* text.c */
#define OP_CALL		0xe8
#define OP_JMP32	0xe9
#define OP_JMP8		0xeb
#define OP_RET		0xc3
#define OP_INT3		0xcc
#define REL32_SIZE	5

/* CALL, JMP or the second byte of Jcc at @addr to @dest. -ERANGE if it is out of reach. */
int text_gen_rel32(uint8_t *buf, uint8_t op, uint64_t addr, uint64_t dest);

/* What the profile says, in the form the patching functions want. */
struct cpu {
	const struct kimg *img;
	const struct x86_prepatch_profile *profile;
	bool has_rethunk;
	bool has_retpoline;
	bool has_retpoline_lfence;
	bool has_its_thunk;
};

void cpu_init(struct cpu *cpu, const struct kimg *img, const struct x86_prepatch_profile *profile);
bool cpu_has(const struct cpu *cpu, unsigned int feature);

/* One site each, for unit tests too: 1 if @out has been filled, 0 if the site stays as it is. */
int retpoline_patch(const struct cpu *cpu, uint64_t addr, const struct insn *insn, uint8_t out[16],
		    struct kimg_err *err);
int return_patch(const struct cpu *cpu, uint64_t addr, const struct insn *insn, uint8_t out[16],
		 struct kimg_err *err);

struct alt {
	uint64_t addr;		/* of the instruction */
	uint64_t repl;
	uint16_t feature;
	uint16_t flags;
	uint8_t len;		/* after padding */
	uint8_t repl_len;
};

/* All entries, padded as the kernel pads them. */
int alternatives_get(const struct kimg *img, struct alt **alts, size_t *nr, struct kimg_err *err);
/* @buf holds @len bytes; they are those of @repl, which has @repl_len, and then single nops. */
int alternatives_relocate(uint8_t *buf, uint64_t addr, size_t len, uint64_t repl, size_t repl_len);

int retpolines_apply(struct kimg *img, const struct cpu *cpu, struct kimg_err *err);
int returns_apply(struct kimg *img, const struct cpu *cpu, struct kimg_err *err);
int alternatives_apply(struct kimg *img, const struct cpu *cpu, struct kimg_err *err);

/* const.c */
bool return_is_trampoline(const struct kimg *img, uint64_t addr);
int ftrace_apply(struct kimg *img, struct kimg_err *err);
int user_ptr_max_apply(struct kimg *img, uint64_t value, struct kimg_err *err);
int static_calls_apply(struct kimg *img, struct kimg_err *err);
int trampolines_apply(struct kimg *img, struct kimg_err *err);
int seals_apply(struct kimg *img, struct snapshot *before, struct kimg_err *err);

/* tables.c */
int jump_table_sort(struct kimg *img, struct kimg_err *err);
int static_call_table_sort(struct kimg *img, struct kimg_err *err);

#define SC_SITE_SIZE	8
#define SC_SITE_TAIL	1U
#define SC_SITE_INIT	2U
#define SC_SITE_FLAGS	3U

struct sc_site {
	uint64_t addr;
	uint64_t key;		/* with its flags */
	size_t idx;		/* in the table */
};

int static_call_table_get(const struct kimg *img, struct sc_site **sites, size_t *nr,
			  struct kimg_err *err);

#define JUMP_ENTRY_SIZE	16
#define JUMP_KEY_INIT	2U
#define JUMP_KEY_FLAGS	3U

struct jump_site {
	uint64_t code;
	uint64_t target;
	uint64_t key;		/* with its flags */
	size_t idx;		/* in the table */
};

int jump_table_get(const struct kimg *img, struct jump_site **sites, size_t *nr,
		   struct kimg_err *err);

/* sites.c */
int sites_mark(struct kimg *img, struct kimg_err *err);
/* Numbers of @stats from the differences between @before and the image. */
int sites_count(const struct kimg *img, const struct snapshot *before, struct kimg_stats *stats,
		struct kimg_err *err);
/* The class that a byte is counted under. */
enum kimg_class sites_owner(uint16_t mask);
/* Is a byte of the LATE classes among those that differ between @a and @b? */
int sites_check_late(const struct kimg *img, const struct snapshot *a, struct kimg_err *err);

/* undo.c */
uint32_t undo_crc(const void *data, size_t len);
/*
 * Store in the undo area how to get from the image to @first (CPU stream) and from there to
 * @second (CONST stream).
 */
int undo_store(struct kimg *img, const struct snapshot *first, const struct snapshot *second,
	       struct kimg_err *err);
/* Write one stream back. All of it is checked before a byte is written. */
int undo_restore(struct kimg *img, unsigned int stream, struct kimg_err *err);
int undo_check(const struct kimg *img, struct kimg_err *err);

#endif
