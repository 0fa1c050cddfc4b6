// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables that the kernel sorts when it starts: jump labels by key and place, static calls by
 * key. Entries are relative to where they are, so moving one changes it. With the entries the bit
 * that says "in init memory" is set, as the kernel would.
 *
 * The kernel's sort isn't stable, so among the sites of one static call any order is right; this
 * one keeps that of the linker.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

static int table_bytes(const struct kimg *img, enum x86_prepatch_ranges nr, size_t entry_size,
		       uint8_t **bytes, size_t *n, struct kimg_err *err)
{
	const struct x86_prepatch_range *range = image_range(img, nr);

	*n = (range->end - range->start) / entry_size;
	*bytes = NULL;
	if (!*n)
		return 0;
	*bytes = image_bytes(img, range->start, range->end - range->start);
	if (!*bytes)
		return kimg_fail(err, -EBADMSG, "table at %#llx is not in the file",
				 (unsigned long long)range->start);
	return 0;
}

int static_call_table_get(const struct kimg *img, struct sc_site **sites, size_t *nr,
			  struct kimg_err *err)
{
	uint64_t at = image_range(img, X86_PREPATCH_STATIC_CALLS)->start;
	uint8_t *bytes;
	size_t i;
	int ret;

	*sites = NULL;
	ret = table_bytes(img, X86_PREPATCH_STATIC_CALLS, SC_SITE_SIZE, &bytes, nr, err);
	if (ret || !*nr)
		return ret;
	*sites = calloc(*nr, sizeof(**sites));
	if (!*sites)
		return kimg_fail(err, -ENOMEM, "out of memory");
	for (i = 0; i < *nr; i++, at += SC_SITE_SIZE) {
		(*sites)[i].addr = at + (uint64_t)(int64_t)get_s32(bytes + i * SC_SITE_SIZE);
		(*sites)[i].key = at + 4 + (uint64_t)(int64_t)get_s32(bytes + i * SC_SITE_SIZE + 4);
		(*sites)[i].idx = i;
	}
	return 0;
}

int jump_table_get(const struct kimg *img, struct jump_site **sites, size_t *nr,
		   struct kimg_err *err)
{
	uint64_t at = image_range(img, X86_PREPATCH_JUMP_TABLE)->start;
	uint8_t *bytes;
	size_t i;
	int ret;

	*sites = NULL;
	ret = table_bytes(img, X86_PREPATCH_JUMP_TABLE, JUMP_ENTRY_SIZE, &bytes, nr, err);
	if (ret || !*nr)
		return ret;
	*sites = calloc(*nr, sizeof(**sites));
	if (!*sites)
		return kimg_fail(err, -ENOMEM, "out of memory");
	for (i = 0; i < *nr; i++, at += JUMP_ENTRY_SIZE) {
		const uint8_t *p = bytes + i * JUMP_ENTRY_SIZE;

		(*sites)[i].code = at + (uint64_t)(int64_t)get_s32(p);
		(*sites)[i].target = at + 4 + (uint64_t)(int64_t)get_s32(p + 4);
		(*sites)[i].key = at + 8 + get_u64(p + 8);
		(*sites)[i].idx = i;
	}
	return 0;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* qsort() has no stable order of its own: the place in the table decides last. */
static int static_calls_compare(const void *pa, const void *pb)
{
	const struct sc_site *a = pa, *b = pb;
	const uint64_t mask = ~(uint64_t)SC_SITE_FLAGS;

	return compare(a->key & mask, b->key & mask) ?: compare(a->idx, b->idx);
}

static int jumps_compare(const void *pa, const void *pb)
{
	const struct jump_site *a = pa, *b = pb;
	const uint64_t mask = ~(uint64_t)JUMP_KEY_FLAGS;

	return compare(a->key & mask, b->key & mask) ?: compare(a->code, b->code) ?:
	       compare(a->idx, b->idx);
}

static int put_rel32(uint8_t *p, uint64_t at, uint64_t target)
{
	int64_t rel = (int64_t)(target - at);

	if (rel != (int32_t)rel)
		return -ERANGE;
	put_s32(p, (int32_t)rel);
	return 0;
}

int static_call_table_sort(struct kimg *img, struct kimg_err *err)
{
	uint64_t at = image_range(img, X86_PREPATCH_STATIC_CALLS)->start;
	struct sc_site *sites;
	uint8_t *bytes;
	size_t nr, i;
	int ret;

	ret = static_call_table_get(img, &sites, &nr, err);
	if (!ret)
		ret = table_bytes(img, X86_PREPATCH_STATIC_CALLS, SC_SITE_SIZE, &bytes, &nr, err);
	if (ret || !nr)
		goto out;
	qsort(sites, nr, sizeof(*sites), static_calls_compare);
	for (i = 0; i < nr; i++, at += SC_SITE_SIZE) {
		const struct sc_site *sc = &sites[i];
		uint64_t key = sc->key;

		if (image_range_has(img, X86_PREPATCH_INIT, sc->addr, 1))
			key |= SC_SITE_INIT;
		if (put_rel32(bytes + i * SC_SITE_SIZE, at, sc->addr) ||
		    put_rel32(bytes + i * SC_SITE_SIZE + 4, at + 4, key)) {
			ret = kimg_fail(err, -EBADMSG, "static call at %#llx is out of reach",
					(unsigned long long)sc->addr);
			goto out;
		}
	}
out:
	free(sites);
	return ret;
}

int jump_table_sort(struct kimg *img, struct kimg_err *err)
{
	uint64_t at = image_range(img, X86_PREPATCH_JUMP_TABLE)->start;
	struct jump_site *sites;
	uint8_t *bytes;
	size_t nr, i;
	int ret;

	ret = jump_table_get(img, &sites, &nr, err);
	if (!ret)
		ret = table_bytes(img, X86_PREPATCH_JUMP_TABLE, JUMP_ENTRY_SIZE, &bytes, &nr, err);
	if (ret || !nr)
		goto out;
	qsort(sites, nr, sizeof(*sites), jumps_compare);
	for (i = 0; i < nr; i++, at += JUMP_ENTRY_SIZE) {
		const struct jump_site *js = &sites[i];
		uint8_t *p = bytes + i * JUMP_ENTRY_SIZE;
		uint64_t key = js->key & ~(uint64_t)JUMP_KEY_INIT;

		if (image_range_has(img, X86_PREPATCH_INIT, js->code, 1))
			key |= JUMP_KEY_INIT;
		if (put_rel32(p, at, js->code) || put_rel32(p + 4, at + 4, js->target)) {
			ret = kimg_fail(err, -EBADMSG, "jump label at %#llx is out of reach",
					(unsigned long long)js->code);
			goto out;
		}
		put_u64(p + 8, key - (at + 8));
	}
out:
	free(sites);
	return ret;
}
