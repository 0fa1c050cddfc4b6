/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pre-patching of kernel images: bytes of a vmlinux and a profile in, bytes of a vmlinux out.
 *
 * Nothing here prints, exits, or keeps state outside its arguments. Functions return 0 or a
 * negative errno and leave one line in struct kimg_err: object, reason. An image that a function
 * failed on is only good for kimg_free().
 *
 *	-EOPNOTSUPP	sound, but not a kernel (or profile) that can be pre-patched
 *	-EBADMSG	damaged, or hostile: what it says about itself can't be true
 *	-ESTALE		sound, but of another kernel
 *	-ENOSPC		the undo area of the image is too small
 */
#ifndef _KIMG_H
#define _KIMG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/prepatch.h>

#define KIMG_PAGE_SIZE		4096U
#define KIMG_MAX_SEGMENTS	16
#define KIMG_BUILD_ID_SIZE	20

struct kimg_err {
	char text[512];
};

struct kimg_segment {
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t offset;	/* in the file */
	uint64_t filesz;
	uint64_t memsz;
	uint32_t flags;		/* PF_R, PF_W, PF_X */
	uint16_t *sites;	/* per byte in the file: which KIMG_CLASS_BIT()s name it */
};

struct kimg {
	uint8_t *data;		/* the whole file */
	size_t size;
	uint64_t entry;		/* e_entry: physical */
	uint64_t pvh_entry;	/* 0: none */
	unsigned int nr_segments;
	struct kimg_segment segments[KIMG_MAX_SEGMENTS];
	uint8_t build_id[KIMG_BUILD_ID_SIZE];
	bool has_build_id;
	bool has_desc;		/* kimg_open_any() takes images without */
	uint64_t desc_addr;
	struct x86_prepatch_desc desc;	/* as it was when the image was opened */
};

/* Who patches a byte. The first group depends on the CPU, the second on nothing. */
enum kimg_class {
	KIMG_RETURN,
	KIMG_RETPOLINE,
	KIMG_ALTERNATIVE,
	KIMG_PV_CALL,
	KIMG_FTRACE,
	KIMG_ENDBR,
	KIMG_USER_PTR_MAX,
	KIMG_STATIC_CALL,
	KIMG_TRAMPOLINE,
	KIMG_JUMP_TABLE,
	KIMG_STATIC_CALL_TABLE,
	/* Left to the kernel. */
	KIMG_JUMP_LABEL,
	KIMG_DENTRY_HASH,
	KIMG_SMP_LOCK,
	KIMG_RO_AFTER_INIT,
	KIMG_NR_CLASSES,
};

#define KIMG_CLASS_BIT(class)	(1U << (class))
#define KIMG_CLASSES_CPU	(KIMG_CLASS_BIT(KIMG_RETURN) | KIMG_CLASS_BIT(KIMG_RETPOLINE) | \
				 KIMG_CLASS_BIT(KIMG_ALTERNATIVE) | KIMG_CLASS_BIT(KIMG_PV_CALL))
#define KIMG_CLASSES_CONST	(KIMG_CLASS_BIT(KIMG_FTRACE) | KIMG_CLASS_BIT(KIMG_ENDBR) | \
				 KIMG_CLASS_BIT(KIMG_USER_PTR_MAX))
/* The kernel may write these at any time; the bytes of the CPU classes never overlap them. */
#define KIMG_CLASSES_LATE	(KIMG_CLASS_BIT(KIMG_STATIC_CALL) | \
				 KIMG_CLASS_BIT(KIMG_TRAMPOLINE) | \
				 KIMG_CLASS_BIT(KIMG_JUMP_LABEL) | \
				 KIMG_CLASS_BIT(KIMG_DENTRY_HASH))

struct kimg_class_stats {
	uint64_t sites;		/* entries of the table */
	uint64_t sites_changed;
	uint64_t bytes;		/* that differ */
	uint64_t pages;
};

struct kimg_stats {
	struct kimg_class_stats classes[KIMG_NR_CLASSES];
	uint64_t bytes;
	uint64_t pages;
	uint64_t text_pages;	/* of X86_PREPATCH_TEXT, all */
	uint64_t undo_bytes;	/* header and both streams */
	uint64_t undo_room;
	uint64_t undo_runs;
};

const char *kimg_class_name(enum kimg_class class);

/*
 * Take over @data (from malloc(); freed by kimg_free(), also after failure). The first wants a
 * kernel with a descriptor; the second any x86-64 vmlinux.
 */
int kimg_open(struct kimg *img, uint8_t *data, size_t size, struct kimg_err *err);
int kimg_open_any(struct kimg *img, uint8_t *data, size_t size, struct kimg_err *err);
void kimg_free(struct kimg *img);

bool kimg_is_baked(const struct kimg *img);
/* "Linux version ...", or NULL. */
const char *kimg_banner(const struct kimg *img, size_t *len);
/* Physical address of [addr, addr + len), of the segment that holds it. */
int kimg_phys(const struct kimg *img, uint64_t addr, uint64_t len, uint64_t *phys);
/* Number of pages that [start, end) of a range touches. */
uint64_t kimg_range_pages(const struct kimg *img, enum x86_prepatch_ranges nr);

/* Valid, complete, checksum right; knows nothing about the kernel it is for. */
int kimg_profile_check(const struct x86_prepatch_profile *profile, struct kimg_err *err);
/* From the bytes of a file of exactly that size. */
int kimg_profile_parse(const void *data, size_t size, struct x86_prepatch_profile *profile,
		       struct kimg_err *err);
/* A profile of this kernel, and one that can be pre-patched. */
int kimg_profile_fits(const struct kimg *img, const struct x86_prepatch_profile *profile,
		      struct kimg_err *err);

/*
 * Patch the image for @profile. One that is baked already is undone first, so that the result is a
 * function of the stock image and @profile alone. @stats may be NULL.
 */
int kimg_apply(struct kimg *img, const struct x86_prepatch_profile *profile,
	       struct kimg_stats *stats, struct kimg_err *err);
/* Give back the stock image. */
int kimg_undo(struct kimg *img, struct kimg_err *err);
/* How a baked image differs from stock; for a stock image only the numbers of sites. */
int kimg_inspect(const struct kimg *img, struct kimg_stats *stats, struct kimg_err *err);

struct kimg_verify {
	struct kimg_class_stats classes[KIMG_NR_CLASSES];
	uint64_t unknown_bytes;
	uint64_t unknown_first;		/* address */
	uint64_t text_pages, text_pages_changed;
	uint64_t rodata_pages, rodata_pages_changed;	/* outside ro_after_init */
	uint64_t ro_after_init_pages, ro_after_init_pages_changed;
};

/* Reads guest memory: @len bytes at physical address @phys; 0 or a negative errno. */
typedef int (*kimg_read_fn)(void *data, uint64_t phys, void *buf, size_t len);

/* Compare text and read-only data of @img with the memory of a guest that runs it. */
int kimg_verify(struct kimg *img, kimg_read_fn read_fn, void *data, struct kimg_verify *result,
		struct kimg_err *err);

/* Features (word * 32 + bit) that decided an alternative in favour of what is in the image. */
int kimg_required_features(const struct kimg *img, uint32_t words[X86_PREPATCH_MAX_WORDS],
			   struct kimg_err *err);
/* Name of a feature whose number is that of a CPUID bit in all kernels; NULL for others. */
const char *kimg_feature_name(unsigned int feature);

#define KIMG_TRAMPOLINE_SIZE	0x110
#define KIMG_TRAMPOLINE_ADDR	0x200000

/* An ELF file that enters a kernel which is in memory already. */
int kimg_make_trampoline(const struct kimg *img, uint8_t buf[KIMG_TRAMPOLINE_SIZE],
			 struct kimg_err *err);

/* One stretch of pages that isn't all zero: @len bytes at @phys. */
typedef int (*kimg_write_fn)(void *data, uint64_t phys, const void *buf, size_t len);

/*
 * The memory of a guest of @ram_size bytes, before it starts: every segment at its physical
 * address, pages of zeros left out.
 */
int kimg_make_ram(const struct kimg *img, uint64_t ram_size, kimg_write_fn write_fn, void *data,
		  struct kimg_err *err);

#endif
