// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptor, before anything of it is used. What holds afterwards: every table is in the file
 * as a whole, has whole entries, and is outside of what gets patched (.text, the undo area, the
 * descriptor itself); all symbols that code jumps to are in .text; the features are bits of the
 * capability words.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

/* Nothing that belongs to one kernel image is further apart. */
#define MAX_IMAGE_SIZE		(1ULL << 30)
#define KERNEL_MAP_START	0xffffffff80000000ULL
#define MIN_THUNK_SIZE		4
#define MAX_THUNK_SIZE		256

#define ULL(x)			((unsigned long long)(x))

static const struct table_rule {
	enum x86_prepatch_ranges nr;
	const char *name;
	unsigned int entry_size;
} tables[] = {
	{ X86_PREPATCH_ALTERNATIVES,	"alternatives",		14 },
	{ X86_PREPATCH_RETPOLINES,	"retpolines",		4 },
	{ X86_PREPATCH_RETURNS,		"returns",		4 },
	{ X86_PREPATCH_ENDBR_SEALS,	"ENDBR seals",		4 },
	{ X86_PREPATCH_CFI,		"CFI",			4 },
	{ X86_PREPATCH_SMP_LOCKS,	"SMP locks",		4 },
	{ X86_PREPATCH_USER_PTR_MAX,	"USER_PTR_MAX",		4 },
	{ X86_PREPATCH_DENTRY_PTR,	"dentry hash",		4 },
	{ X86_PREPATCH_DENTRY_SHIFT,	"dentry shift",		4 },
	{ X86_PREPATCH_MCOUNT,		"mcount",		8 },
	{ X86_PREPATCH_JUMP_TABLE,	"jump labels",		16 },
	{ X86_PREPATCH_STATIC_CALLS,	"static calls",		8 },
	{ X86_PREPATCH_PV_OPS,		"pv_ops",		8 },
	{ X86_PREPATCH_UNDO,		"undo",			1 },
};

static bool meet(const struct x86_prepatch_range *a, uint64_t start, uint64_t end)
{
	return a->start < end && start < a->end;
}

static bool is_inside(const struct x86_prepatch_range *in, const struct x86_prepatch_range *out)
{
	return in->start >= out->start && in->end <= out->end;
}

static int check_layout(const struct x86_prepatch_desc *d, struct kimg_err *err)
{
	unsigned int i;

	if (memcmp(d->magic, X86_PREPATCH_DESC_MAGIC, sizeof(d->magic)))
		return kimg_fail(err, -EBADMSG, "descriptor: wrong magic");
	if (d->version != X86_PREPATCH_VERSION || d->size != sizeof(*d))
		return kimg_fail(err, -EBADMSG, "descriptor: doesn't agree with its note");
	if (!d->ncapints || d->ncapints > X86_PREPATCH_MAX_WORDS ||
	    d->nbugints > X86_PREPATCH_MAX_WORDS - d->ncapints)
		return kimg_fail(err, -EBADMSG, "descriptor: %u + %u capability words", d->ncapints,
				 d->nbugints);
	if (d->alt_instr_size != 14 || !d->alt_flag_not || !d->alt_flag_direct_call ||
	    d->alt_flag_not & d->alt_flag_direct_call ||
	    (d->alt_flag_not | d->alt_flag_direct_call) > 0xffff)
		return kimg_fail(err, -EOPNOTSUPP, "descriptor: unknown layout of alternatives");
	if (!d->max_patch_len || d->max_patch_len > MAX_PATCH_LEN)
		return kimg_fail(err, -EBADMSG, "descriptor: patches of %u bytes",
				 d->max_patch_len);
	for (i = 0; i < X86_PREPATCH_NR_FEATURES; i++)
		if (d->features[i] != X86_PREPATCH_F_NONE &&
		    d->features[i] >= (d->ncapints + d->nbugints) * 32)
			return kimg_fail(err, -EBADMSG, "descriptor: feature %u doesn't exist",
					 d->features[i]);
	return 0;
}

static int check_range(const struct kimg *img, const struct x86_prepatch_range *r,
		       const char *name, unsigned int entry_size, struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &img->desc;

	if (!r->start && !r->end)
		return 0;
	/* Flag bits in a relative jump entry are those of the address only if it is aligned. */
	if (r->start > r->end || (r->end - r->start) % entry_size ||
	    (!(entry_size % 8) && r->start % 8))
		return kimg_fail(err, -EBADMSG, "descriptor: %s: [%#llx, %#llx) is no table", name,
				 ULL(r->start), ULL(r->end));
	if (r->start == r->end)
		return 0;
	if (!image_bytes(img, r->start, r->end - r->start))
		return kimg_fail(err, -EBADMSG, "descriptor: %s: [%#llx, %#llx) is not in the file",
				 name, ULL(r->start), ULL(r->end));
	if (meet(&d->ranges[X86_PREPATCH_TEXT], r->start, r->end) ||
	    (d->ranges[X86_PREPATCH_INITTEXT].start &&
	     meet(&d->ranges[X86_PREPATCH_INITTEXT], r->start, r->end)) ||
	    meet(r, img->desc_addr, img->desc_addr + sizeof(*d)))
		return kimg_fail(err, -EBADMSG,
				 "descriptor: %s: [%#llx, %#llx) overlaps what it describes", name,
				 ULL(r->start), ULL(r->end));
	return 0;
}

static int check_areas(const struct kimg *img, struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &img->desc;
	const struct x86_prepatch_range *text = &d->ranges[X86_PREPATCH_TEXT];
	const struct x86_prepatch_range *init = &d->ranges[X86_PREPATCH_INIT];
	const struct x86_prepatch_range *inittext = &d->ranges[X86_PREPATCH_INITTEXT];
	const struct x86_prepatch_range *rodata = &d->ranges[X86_PREPATCH_RODATA];
	const struct x86_prepatch_range *ro = &d->ranges[X86_PREPATCH_RO_AFTER_INIT];
	const struct x86_prepatch_range *undo = &d->ranges[X86_PREPATCH_UNDO];
	const struct x86_prepatch_range *tramp = &d->ranges[X86_PREPATCH_STATIC_CALL_TEXT];
	unsigned int i, j;
	int ret;

	if (text->start < KERNEL_MAP_START || text->start >= text->end ||
	    !image_bytes(img, text->start, text->end - text->start))
		return kimg_fail(err, -EBADMSG,
				 "descriptor: .text [%#llx, %#llx) is not in the file",
				 ULL(text->start), ULL(text->end));
	/* Its end is that of the page, which need not be in the file. */
	if (rodata->start >= rodata->end ||
	    rodata->end - rodata->start > MAX_IMAGE_SIZE ||
	    image_rest(img, rodata->start, rodata->end - rodata->start) + KIMG_PAGE_SIZE <=
		    rodata->end - rodata->start ||
	    meet(rodata, text->start, text->end))
		return kimg_fail(err, -EBADMSG,
				 "descriptor: read-only data [%#llx, %#llx) makes no sense",
				 ULL(rodata->start), ULL(rodata->end));
	if (ro->start > ro->end || (ro->start != ro->end && !is_inside(ro, rodata)))
		return kimg_fail(err, -EBADMSG,
				 "descriptor: ro_after_init [%#llx, %#llx) makes no sense",
				 ULL(ro->start), ULL(ro->end));
	/* The per-CPU segment, which has addresses of its own, makes a hole in it. */
	if (init->start >= init->end || init->start < text->end ||
	    meet(init, rodata->start, rodata->end) ||
	    init->end - text->start > MAX_IMAGE_SIZE)
		return kimg_fail(err, -EBADMSG, "descriptor: init [%#llx, %#llx) makes no sense",
				 ULL(init->start), ULL(init->end));
	if (inittext->start > inittext->end ||
	    (inittext->start != inittext->end && !is_inside(inittext, init)))
		return kimg_fail(err, -EBADMSG,
				 "descriptor: init text [%#llx, %#llx) makes no sense",
				 ULL(inittext->start), ULL(inittext->end));
	if (tramp->start > tramp->end || (tramp->start != tramp->end && !is_inside(tramp, text)))
		return kimg_fail(err, -EBADMSG,
				 "descriptor: trampolines [%#llx, %#llx) make no sense",
				 ULL(tramp->start), ULL(tramp->end));
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		ret = check_range(img, &d->ranges[tables[i].nr], tables[i].name,
				  tables[i].entry_size, err);
		if (ret)
			return ret;
		for (j = 0; j < i; j++)
			if (d->ranges[tables[i].nr].start != d->ranges[tables[i].nr].end &&
			    meet(&d->ranges[tables[j].nr], d->ranges[tables[i].nr].start,
				 d->ranges[tables[i].nr].end))
				return kimg_fail(err, -EBADMSG,
						 "descriptor: tables of %s and %s overlap",
						 tables[j].name, tables[i].name);
	}
	for (i = X86_PREPATCH_JUMP_TABLE; i <= X86_PREPATCH_STATIC_CALLS; i++)
		if (d->ranges[i].start != d->ranges[i].end && !is_inside(&d->ranges[i], rodata))
			return kimg_fail(err, -EBADMSG,
					 "descriptor: table at %#llx is not read-only data",
					 ULL(d->ranges[i].start));
	if (!is_inside(undo, init) || undo->start % KIMG_PAGE_SIZE ||
	    undo->end - undo->start < sizeof(struct x86_prepatch_undo))
		return kimg_fail(err, -EBADMSG,
				 "descriptor: undo area [%#llx, %#llx) makes no sense",
				 ULL(undo->start), ULL(undo->end));
	if (meet(undo, img->desc_addr, img->desc_addr + sizeof(*d)) ||
	    meet(text, img->desc_addr, img->desc_addr + sizeof(*d)))
		return kimg_fail(err, -EBADMSG, "descriptor overlaps what it describes");
	if ((d->ranges[X86_PREPATCH_PV_OPS].end - d->ranges[X86_PREPATCH_PV_OPS].start) / 8 >
	    X86_PREPATCH_MAX_PV_OPS)
		return kimg_fail(err, -EBADMSG, "descriptor: pv_ops is too large");
	return 0;
}

static int check_symbols(const struct kimg *img, struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &img->desc;
	uint64_t nr_bytes;
	unsigned int i;

	for (i = 0; i < X86_PREPATCH_NR_SYMBOLS; i++)
		if (d->symbols[i] && !image_range_has(img, X86_PREPATCH_TEXT, d->symbols[i], 1))
			return kimg_fail(err, -EBADMSG,
					 "descriptor: symbol %u: %#llx is not in .text",
					 i, ULL(d->symbols[i]));
	/* Without thunks nothing of these sizes is ever used. */
	for (i = 0; i < 2; i++) {
		uint64_t array = d->symbols[i ? X86_PREPATCH_ITS_THUNKS :
						X86_PREPATCH_RETPOLINE_THUNKS];
		uint32_t size = i ? d->its_thunk_size : d->retpoline_thunk_size;

		if (!array)
			continue;
		nr_bytes = 16ULL * size;
		if (size < MIN_THUNK_SIZE || size > MAX_THUNK_SIZE ||
		    !image_range_has(img, X86_PREPATCH_TEXT, array, nr_bytes))
			return kimg_fail(err, -EBADMSG, "descriptor: thunks at %#llx make no sense",
					 ULL(array));
	}
	if (d->ranges[X86_PREPATCH_RETPOLINES].start != d->ranges[X86_PREPATCH_RETPOLINES].end &&
	    !d->symbols[X86_PREPATCH_RETPOLINE_THUNKS])
		return kimg_fail(err, -EBADMSG, "descriptor: retpolines without thunks");
	if (d->ranges[X86_PREPATCH_RETURNS].start != d->ranges[X86_PREPATCH_RETURNS].end &&
	    !d->symbols[X86_PREPATCH_RETURN_THUNK])
		return kimg_fail(err, -EBADMSG, "descriptor: return sites without a return thunk");
	return 0;
}

int desc_check(const struct kimg *img, struct kimg_err *err)
{
	int ret = check_layout(&img->desc, err);

	if (!ret)
		ret = check_areas(img, err);
	if (!ret)
		ret = check_symbols(img, err);
	return ret;
}
