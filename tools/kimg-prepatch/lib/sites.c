// SPDX-License-Identifier: GPL-2.0-only
/* Which table names which byte: for figures, for verify, and to keep the classes apart. */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

static const char *const names[KIMG_NR_CLASSES] = {
	[KIMG_RETURN] = "return",
	[KIMG_RETPOLINE] = "retpoline",
	[KIMG_ALTERNATIVE] = "alternative",
	[KIMG_PV_CALL] = "paravirt call",
	[KIMG_FTRACE] = "ftrace",
	[KIMG_ENDBR] = "endbr seal",
	[KIMG_USER_PTR_MAX] = "user pointer limit",
	[KIMG_STATIC_CALL] = "static call",
	[KIMG_TRAMPOLINE] = "static call trampoline",
	[KIMG_JUMP_TABLE] = "jump label table",
	[KIMG_STATIC_CALL_TABLE] = "static call table",
	[KIMG_JUMP_LABEL] = "jump label",
	[KIMG_DENTRY_HASH] = "dentry hash",
	[KIMG_SMP_LOCK] = "lock prefix",
	[KIMG_RO_AFTER_INIT] = "ro_after_init",
};

const char *kimg_class_name(enum kimg_class class)
{
	return class < KIMG_NR_CLASSES ? names[class] : "unknown";
}

typedef int (*site_fn)(void *data, enum kimg_class class, uint64_t addr, uint64_t len);

struct walk {
	const struct kimg *img;
	const struct snapshot *stock;	/* NULL: the image is stock */
	site_fn fn;
	void *data;
	struct kimg_err *err;
};

static const uint8_t *stock_bytes(const struct walk *w, uint64_t addr, uint64_t len)
{
	if (!image_site(w->img, addr, len))
		return NULL;
	if (w->stock)
		return snapshot_bytes(w->img, w->stock, addr, len);
	return image_bytes(w->img, addr, len);
}

static int walk_offsets(const struct walk *w, enum x86_prepatch_ranges nr, enum kimg_class class,
			uint64_t len)
{
	struct offset_table table;
	size_t i;
	int ret;

	ret = offset_table_get(w->img, nr, &table, w->err);
	for (i = 0; !ret && i < table.nr; i++) {
		uint64_t addr = offset_table_entry(&table, i), site_len = len;
		enum kimg_class site_class = class;
		const uint8_t *p = stock_bytes(w, addr, 1);
		struct insn insn;

		/* This table is filled up to a page, and the kernel looks at .text alone. */
		if (class == KIMG_SMP_LOCK && !image_range_has(w->img, X86_PREPATCH_TEXT, addr, 1))
			continue;
		if (p && class == KIMG_RETPOLINE &&
		    !insn_decode(p, image_rest(w->img, addr, MAX_INSN_SIZE), &insn))
			site_len = insn.length;
		if (class == KIMG_RETURN && return_is_trampoline(w->img, addr))
			site_class = KIMG_TRAMPOLINE;
		if (!stock_bytes(w, addr, site_len))
			return kimg_fail(w->err, -EBADMSG, "%s at %#llx: not in the kernel's text",
					 kimg_class_name(class), (unsigned long long)addr);
		ret = w->fn(w->data, site_class, addr, site_len);
	}
	return ret;
}

static int walk_alternatives(const struct walk *w)
{
	struct alt *alts;
	size_t nr, i;
	int ret;

	ret = alternatives_get(w->img, &alts, &nr, w->err);
	for (i = 0; !ret && i < nr; i++)
		if (alts[i].len)
			ret = w->fn(w->data,
				    alts[i].flags & w->img->desc.alt_flag_direct_call ?
					    KIMG_PV_CALL : KIMG_ALTERNATIVE,
				    alts[i].addr, alts[i].len);
	free(alts);
	return ret;
}

static int walk_mcount(const struct walk *w)
{
	const struct x86_prepatch_range *range = image_range(w->img, X86_PREPATCH_MCOUNT);
	uint64_t at;
	int ret = 0;

	for (at = range->start; !ret && at < range->end; at += 8) {
		uint64_t addr = get_u64(image_bytes(w->img, at, 8));

		if (!addr)
			continue;
		if (!stock_bytes(w, addr, REL32_SIZE))
			return kimg_fail(w->err, -EBADMSG,
					 "mcount at %#llx: not in the kernel's text",
					 (unsigned long long)addr);
		ret = w->fn(w->data, KIMG_FTRACE, addr, REL32_SIZE);
	}
	return ret;
}

static int walk_jump_labels(const struct walk *w)
{
	struct jump_site *sites;
	size_t nr, i;
	int ret;

	ret = jump_table_get(w->img, &sites, &nr, w->err);
	for (i = 0; !ret && i < nr; i++) {
		const uint8_t *p = stock_bytes(w, sites[i].code, 2);
		uint64_t len = p && (p[0] == 0x66 || p[0] == OP_JMP8) ? 2 : REL32_SIZE;

		if (!stock_bytes(w, sites[i].code, len))
			ret = kimg_fail(w->err, -EBADMSG,
					"jump label at %#llx: not in the kernel's text",
					(unsigned long long)sites[i].code);
		else
			ret = w->fn(w->data, KIMG_JUMP_LABEL, sites[i].code, len);
	}
	free(sites);
	return ret;
}

static int walk_static_calls(const struct walk *w)
{
	struct sc_site *sites;
	size_t nr, i;
	int ret;

	ret = static_call_table_get(w->img, &sites, &nr, w->err);
	for (i = 0; !ret && i < nr; i++) {
		const uint8_t *p = stock_bytes(w, sites[i].addr, 2);
		uint64_t len = p && p[0] == 0x0f && (p[1] & 0xf0) == 0x80 ? 6 : REL32_SIZE;

		if (!stock_bytes(w, sites[i].addr, len))
			ret = kimg_fail(w->err, -EBADMSG,
					"static call at %#llx: not in the kernel's text",
					(unsigned long long)sites[i].addr);
		else
			ret = w->fn(w->data, KIMG_STATIC_CALL, sites[i].addr, len);
	}
	free(sites);
	return ret;
}

static int walk_range(const struct walk *w, enum x86_prepatch_ranges nr, enum kimg_class class,
		      unsigned int entry_size)
{
	const struct x86_prepatch_range *range = image_range(w->img, nr);
	uint64_t at;
	int ret = 0;

	for (at = range->start; !ret && at < range->end; at += entry_size)
		ret = w->fn(w->data, class, at,
			    range->end - at < entry_size ? range->end - at : entry_size);
	return ret;
}

static int walk_sites(const struct walk *w)
{
	int ret;

	ret = walk_offsets(w, X86_PREPATCH_RETURNS, KIMG_RETURN, REL32_SIZE);
	if (!ret)
		ret = walk_offsets(w, X86_PREPATCH_RETPOLINES, KIMG_RETPOLINE, REL32_SIZE);
	if (!ret)
		ret = walk_alternatives(w);
	if (!ret)
		ret = walk_mcount(w);
	if (!ret)
		ret = walk_offsets(w, X86_PREPATCH_ENDBR_SEALS, KIMG_ENDBR, 4);
	if (!ret)
		ret = walk_offsets(w, X86_PREPATCH_USER_PTR_MAX, KIMG_USER_PTR_MAX, 8);
	if (!ret)
		ret = walk_static_calls(w);
	if (!ret)
		ret = walk_range(w, X86_PREPATCH_STATIC_CALL_TEXT, KIMG_TRAMPOLINE, 8);
	if (!ret)
		ret = walk_range(w, X86_PREPATCH_JUMP_TABLE, KIMG_JUMP_TABLE, JUMP_ENTRY_SIZE);
	if (!ret)
		ret = walk_range(w, X86_PREPATCH_STATIC_CALLS, KIMG_STATIC_CALL_TABLE,
				 SC_SITE_SIZE);
	if (!ret)
		ret = walk_jump_labels(w);
	if (!ret)
		ret = walk_offsets(w, X86_PREPATCH_DENTRY_PTR, KIMG_DENTRY_HASH, 8);
	if (!ret)
		ret = walk_offsets(w, X86_PREPATCH_DENTRY_SHIFT, KIMG_DENTRY_HASH, 1);
	if (!ret)
		ret = walk_offsets(w, X86_PREPATCH_SMP_LOCKS, KIMG_SMP_LOCK, 1);
	if (!ret)
		ret = walk_range(w, X86_PREPATCH_RO_AFTER_INIT, KIMG_RO_AFTER_INIT, KIMG_PAGE_SIZE);
	return ret;
}

static int mark_one(void *data, enum kimg_class class, uint64_t addr, uint64_t len)
{
	struct kimg *img = data;
	struct kimg_segment *seg = image_segment(img, addr, len);
	uint64_t i, end;

	if (!seg)
		return 0;
	i = addr - seg->vaddr;
	end = i + len < seg->filesz ? i + len : seg->filesz;
	for (; i < end; i++)
		seg->sites[i] |= (uint16_t)KIMG_CLASS_BIT(class);
	return 0;
}

/* The image is a stock one. */
int sites_mark(struct kimg *img, struct kimg_err *err)
{
	const struct walk w = { .img = img, .fn = mark_one, .data = img, .err = err };
	unsigned int i;

	for (i = 0; i < img->nr_segments; i++) {
		struct kimg_segment *seg = &img->segments[i];

		free(seg->sites);
		seg->sites = calloc(seg->filesz ?: 1, sizeof(*seg->sites));
		if (!seg->sites)
			return kimg_fail(err, -ENOMEM, "out of memory");
	}
	return walk_sites(&w);
}

enum kimg_class sites_owner(uint16_t mask)
{
	/* Who writes last comes first. */
	static const enum kimg_class order[] = {
		KIMG_ENDBR, KIMG_PV_CALL, KIMG_ALTERNATIVE, KIMG_RETPOLINE, KIMG_RETURN,
		KIMG_FTRACE, KIMG_USER_PTR_MAX, KIMG_STATIC_CALL, KIMG_TRAMPOLINE,
		KIMG_JUMP_TABLE, KIMG_STATIC_CALL_TABLE, KIMG_JUMP_LABEL, KIMG_DENTRY_HASH,
		KIMG_SMP_LOCK, KIMG_RO_AFTER_INIT,
	};
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (mask & KIMG_CLASS_BIT(order[i]))
			return order[i];
	return KIMG_NR_CLASSES;
}

struct count {
	const struct kimg *img;
	const struct snapshot *before;
	struct kimg_stats *stats;
};

static int count_one(void *data, enum kimg_class class, uint64_t addr, uint64_t len)
{
	struct count *c = data;
	const uint8_t *now = image_bytes(c->img, addr, len);
	const uint8_t *old = now && c->before ? snapshot_bytes(c->img, c->before, addr, len) : NULL;

	c->stats->classes[class].sites++;
	if (old && memcmp(now, old, len))
		c->stats->classes[class].sites_changed++;
	return 0;
}

int sites_count(const struct kimg *img, const struct snapshot *before, struct kimg_stats *stats,
		struct kimg_err *err)
{
	struct count c = { img, before, stats };
	const struct walk w = { .img = img, .stock = before, .fn = count_one, .data = &c,
				.err = err };
	uint64_t last[KIMG_NR_CLASSES], last_page = UINT64_MAX, pos;
	unsigned int i;

	for (i = 0; i < KIMG_NR_CLASSES; i++)
		last[i] = UINT64_MAX;
	for (i = 0; before && i < img->nr_segments; i++) {
		const struct kimg_segment *seg = &img->segments[i];
		const uint8_t *now = img->data + seg->offset, *old = before->bytes + before->at[i];

		for (pos = 0;
		     (pos = bytes_differ(now, old, pos, seg->filesz)) < seg->filesz; pos++) {
			uint64_t page = (seg->vaddr + pos) / KIMG_PAGE_SIZE;
			enum kimg_class class;

			class = sites_owner(seg->sites[pos]);
			if (class == KIMG_NR_CLASSES)
				return kimg_fail(err, -EBADMSG,
						 "byte at %#llx was changed for no reason",
						 (unsigned long long)(seg->vaddr + pos));
			stats->classes[class].bytes++;
			if (last[class] != page)
				stats->classes[class].pages++;
			last[class] = page;
			stats->bytes++;
			if (last_page != page)
				stats->pages++;
			last_page = page;
		}
	}
	return walk_sites(&w);
}

int sites_check_late(const struct kimg *img, const struct snapshot *a, struct kimg_err *err)
{
	unsigned int i;
	uint64_t pos;

	for (i = 0; i < img->nr_segments; i++) {
		const struct kimg_segment *seg = &img->segments[i];
		const uint8_t *now = img->data + seg->offset, *old = a->bytes + a->at[i];

		for (pos = 0;
		     (pos = bytes_differ(now, old, pos, seg->filesz)) < seg->filesz; pos++)
			if (seg->sites[pos] & KIMG_CLASSES_LATE)
				return kimg_fail(err, -EOPNOTSUPP,
						 "patch at %#llx overlaps what the kernel patches later",
						 (unsigned long long)(seg->vaddr + pos));
	}
	return 0;
}
