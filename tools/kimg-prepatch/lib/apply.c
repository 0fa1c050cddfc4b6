// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of things. Stock, then CONST, then CPU, then the seals (which are CONST): the undo
 * data of the CPU stream leads back to a stock image with CONST applied, which every kernel
 * accepts as it is.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

static uint8_t *expected(const struct kimg *img)
{
	return image_bytes(img, img->desc_addr + offsetof(struct x86_prepatch_desc, expected),
			   sizeof(img->desc.expected));
}

static bool is_zero(const uint8_t *p, uint64_t len)
{
	/* Each byte is the one before it. */
	return !len || (!*p && !memcmp(p, p + 1, len - 1));
}

/* Without this a lost magic number would make a baked image look like a stock one. */
static int check_own_areas(const struct kimg *img, struct kimg_err *err)
{
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_UNDO);

	if (!is_zero(image_bytes(img, range->start, range->end - range->start),
		     range->end - range->start))
		return kimg_fail(err, -EBADMSG, "undo area is neither valid nor empty");
	if (!is_zero(expected(img), sizeof(img->desc.expected)))
		return kimg_fail(err, -EBADMSG, "a profile without undo data");
	return 0;
}

static void count_text(const struct kimg *img, struct kimg_stats *stats)
{
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_UNDO);
	struct x86_prepatch_undo head;

	stats->text_pages = kimg_range_pages(img, X86_PREPATCH_TEXT);
	stats->undo_room = range->end - range->start;
	if (!kimg_is_baked(img))
		return;
	memcpy(&head, image_bytes(img, range->start, sizeof(head)), sizeof(head));
	stats->undo_bytes = sizeof(head) + (uint64_t)head.bytes[0] + head.bytes[1];
	stats->undo_runs = (uint64_t)head.runs[0] + head.runs[1];
}

static int apply_const(struct kimg *img, const struct x86_prepatch_profile *profile,
		       struct kimg_err *err)
{
	int ret;

	ret = static_calls_apply(img, err);
	if (!ret)
		ret = trampolines_apply(img, err);
	if (!ret)
		ret = ftrace_apply(img, err);
	if (!ret)
		ret = user_ptr_max_apply(img, profile->user_ptr_max, err);
	if (!ret)
		ret = jump_table_sort(img, err);
	if (!ret)
		ret = static_call_table_sort(img, err);
	return ret;
}

static int apply_cpu(struct kimg *img, const struct x86_prepatch_profile *profile,
		     struct kimg_err *err)
{
	struct cpu cpu;
	int ret;

	cpu_init(&cpu, img, profile);
	ret = retpolines_apply(img, &cpu, err);
	if (!ret)
		ret = returns_apply(img, &cpu, err);
	if (!ret)
		ret = alternatives_apply(img, &cpu, err);
	return ret;
}

/* What has just been written has to lead back to where it came from. */
static int check_way_back(struct kimg *img, const struct snapshot *stock, struct kimg_err *err)
{
	struct snapshot baked = { 0 };
	unsigned int i;
	int ret;

	ret = snapshot_take(img, &baked, err);
	if (ret)
		return ret;
	ret = kimg_undo(img, err);
	for (i = 0; !ret && i < img->nr_segments; i++)
		if (memcmp(img->data + img->segments[i].offset, stock->bytes + stock->at[i],
			   img->segments[i].filesz))
			ret = kimg_fail(err, -EBADMSG, "undo doesn't give back the stock image");
	snapshot_put_back(img, &baked);
	snapshot_free(&baked);
	return ret;
}

int kimg_apply(struct kimg *img, const struct x86_prepatch_profile *profile,
	       struct kimg_stats *stats, struct kimg_err *err)
{
	struct snapshot stock = { 0 }, with_const = { 0 };
	struct kimg_stats ignored;
	int ret;

	stats = stats ?: &ignored;
	*stats = (struct kimg_stats){ 0 };
	ret = kimg_profile_fits(img, profile, err);
	if (!ret && kimg_is_baked(img))
		ret = kimg_undo(img, err);
	if (!ret)
		ret = check_own_areas(img, err);
	if (!ret)
		ret = sites_mark(img, err);
	if (!ret)
		ret = snapshot_take(img, &stock, err);
	if (ret)
		goto out;

	ret = apply_const(img, profile, err);
	if (!ret)
		ret = snapshot_take(img, &with_const, err);
	if (!ret)
		ret = apply_cpu(img, profile, err);
	if (!ret)
		ret = sites_check_late(img, &with_const, err);
	if (!ret)
		ret = seals_apply(img, &with_const, err);
	if (!ret)
		ret = sites_count(img, &stock, stats, err);
	if (!ret)
		ret = undo_store(img, &with_const, &stock, err);
	if (ret)
		goto out;
	memcpy(expected(img), profile, sizeof(*profile));
	img->desc.expected = *profile;
	count_text(img, stats);
	ret = check_way_back(img, &stock, err);
	img->desc.expected = *profile;
out:
	snapshot_free(&stock);
	snapshot_free(&with_const);
	return ret;
}

int kimg_undo(struct kimg *img, struct kimg_err *err)
{
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_UNDO);
	int ret;

	/* Both streams first: nothing is written unless all of it can be. */
	ret = undo_check(img, err);
	if (!ret)
		ret = undo_restore(img, X86_PREPATCH_UNDO_CPU, err);
	if (!ret)
		ret = undo_restore(img, X86_PREPATCH_UNDO_CONST, err);
	if (ret)
		return ret;
	memset(image_bytes(img, range->start, range->end - range->start), 0,
	       range->end - range->start);
	memset(expected(img), 0, sizeof(img->desc.expected));
	memset(&img->desc.expected, 0, sizeof(img->desc.expected));
	return 0;
}

/* A snapshot of, and the marks for, the stock image behind a baked one, which stays as it is. */
static int with_stock(struct kimg *img, struct snapshot *stock, struct kimg_err *err)
{
	struct x86_prepatch_profile profile = img->desc.expected;
	struct snapshot baked = { 0 };
	int ret;

	ret = snapshot_take(img, &baked, err);
	if (ret)
		return ret;
	ret = kimg_undo(img, err);
	if (!ret)
		ret = sites_mark(img, err);
	if (!ret)
		ret = snapshot_take(img, stock, err);
	snapshot_put_back(img, &baked);
	img->desc.expected = profile;
	snapshot_free(&baked);
	return ret;
}

static int copy_image(const struct kimg *img, struct kimg *copy, struct kimg_err *err)
{
	uint8_t *data = malloc(img->size);

	*copy = (struct kimg){ 0 };
	if (!data)
		return kimg_fail(err, -ENOMEM, "out of memory");
	memcpy(data, img->data, img->size);
	return kimg_open(copy, data, img->size, err);
}

/* Differences in the undo area and the descriptor are not patches. */
static void hide_own_areas(struct kimg *img, const struct snapshot *stock)
{
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_UNDO);
	uint64_t len = range->end - range->start;

	memcpy(image_bytes(img, range->start, len), snapshot_bytes(img, stock, range->start, len),
	       len);
	memcpy(image_bytes(img, img->desc_addr, sizeof(img->desc)),
	       snapshot_bytes(img, stock, img->desc_addr, sizeof(img->desc)), sizeof(img->desc));
}

int kimg_inspect(const struct kimg *img, struct kimg_stats *stats, struct kimg_err *err)
{
	struct snapshot stock = { 0 };
	struct kimg copy;
	int ret;

	*stats = (struct kimg_stats){ 0 };
	count_text(img, stats);
	ret = copy_image(img, &copy, err);
	if (!ret && kimg_is_baked(&copy)) {
		ret = with_stock(&copy, &stock, err);
		if (!ret) {
			hide_own_areas(&copy, &stock);
			ret = sites_count(&copy, &stock, stats, err);
		}
	} else if (!ret) {
		ret = check_own_areas(&copy, err);
		if (!ret)
			ret = sites_mark(&copy, err);
		if (!ret)
			ret = sites_count(&copy, NULL, stats, err);
	}
	snapshot_free(&stock);
	kimg_free(&copy);
	return ret;
}

int kimg_required_features(const struct kimg *img, uint32_t words[X86_PREPATCH_MAX_WORDS],
			   struct kimg_err *err)
{
	struct alt *alts;
	struct cpu cpu;
	size_t nr, i;
	int ret;

	memset(words, 0, X86_PREPATCH_MAX_WORDS * sizeof(words[0]));
	if (!kimg_is_baked(img))
		return 0;
	ret = kimg_profile_fits(img, &img->desc.expected, err);
	if (!ret)
		ret = alternatives_get(img, &alts, &nr, err);
	if (ret)
		return ret;
	cpu_init(&cpu, img, &img->desc.expected);
	for (i = 0; i < nr; i++)
		if (cpu_has(&cpu, alts[i].feature))
			words[alts[i].feature / 32] |= 1U << alts[i].feature % 32;
	free(alts);
	return 0;
}

/* The marks that sites_mark() makes, whether the image is baked or not. */
static int mark_any(struct kimg *img, struct kimg_err *err)
{
	struct snapshot stock = { 0 };
	int ret;

	if (!kimg_is_baked(img)) {
		ret = check_own_areas(img, err);
		return ret ?: sites_mark(img, err);
	}
	ret = with_stock(img, &stock, err);
	snapshot_free(&stock);
	return ret;
}

struct compare {
	const struct kimg *img;
	kimg_read_fn read_fn;
	void *data;
	struct kimg_verify *result;
	struct kimg_err *err;
	uint64_t last[KIMG_NR_CLASSES];
};

static void compare_page(struct compare *c, const struct kimg_segment *seg, uint64_t at,
			 const uint8_t *want, const uint8_t *got, size_t len)
{
	struct kimg_verify *r = c->result;
	bool in_text = image_range_has(c->img, X86_PREPATCH_TEXT, at, 1);
	bool is_changed = false, is_ro_changed = false;
	size_t i;

	for (i = 0; (i = bytes_differ(want, got, i, len)) < len; i++) {
		enum kimg_class class;

		class = sites_owner(seg->sites[at + i - seg->vaddr]);
		if (class == KIMG_NR_CLASSES) {
			if (!r->unknown_bytes++)
				r->unknown_first = at + i;
			is_changed = true;
			continue;
		}
		r->classes[class].bytes++;
		if (c->last[class] != at / KIMG_PAGE_SIZE)
			r->classes[class].pages++;
		c->last[class] = at / KIMG_PAGE_SIZE;
		if (image_range_has(c->img, X86_PREPATCH_RO_AFTER_INIT, at + i, 1))
			is_ro_changed = true;
		else
			is_changed = true;
	}
	if (in_text)
		r->text_pages_changed += is_changed || is_ro_changed;
	else if (is_changed)
		r->rodata_pages_changed++;
	else
		r->ro_after_init_pages_changed += is_ro_changed;
}

static int compare_range(struct compare *c, enum x86_prepatch_ranges nr)
{
	const struct x86_prepatch_range *range = image_range(c->img, nr);
	uint8_t got[KIMG_PAGE_SIZE];
	uint64_t at, len, phys;
	int ret;

	for (at = range->start; at < range->end; at += len) {
		const struct kimg_segment *seg;
		const uint8_t *want;

		len = KIMG_PAGE_SIZE - at % KIMG_PAGE_SIZE;
		len = image_rest(c->img, at, range->end - at < len ? range->end - at : len);
		/* The end of a page that isn't in the file. */
		if (!len)
			break;
		seg = image_segment(c->img, at, len);
		want = image_bytes(c->img, at, len);
		if (!seg || !want || kimg_phys(c->img, at, len, &phys))
			return kimg_fail(c->err, -EBADMSG, "%#llx is not in the file",
					 (unsigned long long)at);
		ret = c->read_fn(c->data, phys, got, len);
		if (ret)
			return kimg_fail(c->err, ret, "memory at %#llx can't be read: %s",
					 (unsigned long long)phys, strerror(-ret));
		compare_page(c, seg, at, want, got, len);
	}
	return 0;
}

int kimg_verify(struct kimg *img, kimg_read_fn read_fn, void *data, struct kimg_verify *result,
		struct kimg_err *err)
{
	struct compare c = { .img = img, .read_fn = read_fn, .data = data, .result = result,
			     .err = err };
	unsigned int i;
	int ret;

	*result = (struct kimg_verify){
		.text_pages = kimg_range_pages(img, X86_PREPATCH_TEXT),
		.ro_after_init_pages = kimg_range_pages(img, X86_PREPATCH_RO_AFTER_INIT),
	};
	result->rodata_pages = kimg_range_pages(img, X86_PREPATCH_RODATA) -
			       result->ro_after_init_pages;
	for (i = 0; i < KIMG_NR_CLASSES; i++)
		c.last[i] = UINT64_MAX;
	ret = mark_any(img, err);
	if (!ret)
		ret = compare_range(&c, X86_PREPATCH_TEXT);
	if (!ret)
		ret = compare_range(&c, X86_PREPATCH_RODATA);
	return ret;
}
