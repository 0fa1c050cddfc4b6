// SPDX-License-Identifier: GPL-2.0-only
/* Patches that come out the same on every CPU. */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

#define ENDBR_SIZE		4
#define RUNTIME_PTR_SIZE	8
#define RUNTIME_PTR_UNSET	0x0123456789abcdefULL
#define TRAMPOLINE_UD_OFFSET	5

static const uint8_t endbr64[ENDBR_SIZE] = { 0xf3, 0x0f, 0x1e, 0xfa };
static const uint8_t endbr_poison[ENDBR_SIZE] = { 0x66, 0x0f, 0x1f, 0x00 };
static const uint8_t xor_eax[REL32_SIZE] = { 0x2e, 0x2e, 0x2e, 0x31, 0xc0 };
static const uint8_t ret_int3[REL32_SIZE] = { OP_RET, OP_INT3, OP_INT3, OP_INT3, OP_INT3 };
static const uint8_t trampoline_ud[] = { 0x0f, 0xb9, 0xcc };

int ftrace_apply(struct kimg *img, struct kimg_err *err)
{
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_MCOUNT);
	uint64_t at;

	for (at = range->start; at < range->end; at += 8) {
		const uint8_t *entry = image_bytes(img, at, 8);
		uint64_t addr = entry ? get_u64(entry) : 0;
		uint8_t *site;

		/* What the linker has thrown away. */
		if (entry && !addr)
			continue;
		site = image_site(img, addr, REL32_SIZE);
		if (!site || (site[0] != OP_CALL && memcmp(site, nops[REL32_SIZE], REL32_SIZE)))
			return kimg_fail(err, -EBADMSG, "mcount at %#llx: no call",
					 (unsigned long long)addr);
		memcpy(site, nops[REL32_SIZE], REL32_SIZE);
	}
	return 0;
}

int user_ptr_max_apply(struct kimg *img, uint64_t value, struct kimg_err *err)
{
	struct offset_table table;
	size_t i;
	int ret;

	ret = offset_table_get(img, X86_PREPATCH_USER_PTR_MAX, &table, err);
	if (ret)
		return ret;
	for (i = 0; i < table.nr; i++) {
		uint64_t addr = offset_table_entry(&table, i);
		uint8_t *site = image_site(img, addr, RUNTIME_PTR_SIZE);

		if (!site || get_u64(site) != RUNTIME_PTR_UNSET)
			return kimg_fail(err, -EBADMSG, "USER_PTR_MAX at %#llx: no such constant",
					 (unsigned long long)addr);
		put_u64(site, value);
	}
	return 0;
}

/* As __static_call_transform() does it before any mitigation is chosen. */
static int static_call_patch(struct kimg *img, const struct sc_site *sc, struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &img->desc;
	bool is_tail = sc->key & SC_SITE_TAIL;
	const uint8_t *key = image_bytes(img, sc->key & ~(uint64_t)SC_SITE_FLAGS, 8);
	uint8_t *site = image_site(img, sc->addr, REL32_SIZE);
	uint64_t func;

	if (!key)
		return kimg_fail(err, -EBADMSG, "static call at %#llx: no key",
				 (unsigned long long)sc->addr);
	func = get_u64(key);
	if (func && !image_range_has(img, X86_PREPATCH_TEXT, func, 1) &&
	    !image_range_has(img, X86_PREPATCH_INIT, func, 1))
		return kimg_fail(err, -EBADMSG, "static call at %#llx: calls %#llx",
				 (unsigned long long)sc->addr, (unsigned long long)func);
	if (!site)
		goto no_call;
	if (is_tail && site[0] == 0x0f && (site[1] & 0xf0) == 0x80) {
		func = func ?: d->symbols[X86_PREPATCH_SC_RETURN];
		if (!func || !image_site(img, sc->addr, REL32_SIZE + 1) ||
		    text_gen_rel32(site + 1, site[1], sc->addr + 1, func))
			goto no_call;
		return 0;
	}
	if (is_tail) {
		if (site[0] != OP_JMP32)
			goto no_call;
		if (!func)
			memcpy(site, ret_int3, sizeof(ret_int3));
		else if (text_gen_rel32(site, OP_JMP32, sc->addr, func))
			goto no_call;
		return 0;
	}
	if (site[0] != OP_CALL)
		goto no_call;
	if (!func)
		memcpy(site, nops[REL32_SIZE], REL32_SIZE);
	else if (func == d->symbols[X86_PREPATCH_SC_RETURN0])
		memcpy(site, xor_eax, sizeof(xor_eax));
	else if (text_gen_rel32(site, OP_CALL, sc->addr, func))
		goto no_call;
	return 0;
no_call:
	return kimg_fail(err, -EBADMSG, "static call at %#llx: no such instruction",
			 (unsigned long long)sc->addr);
}

int static_calls_apply(struct kimg *img, struct kimg_err *err)
{
	struct sc_site *sites;
	size_t nr, i;
	int ret;

	ret = static_call_table_get(img, &sites, &nr, err);
	for (i = 0; !ret && i < nr; i++)
		ret = static_call_patch(img, &sites[i], err);
	free(sites);
	return ret;
}

bool return_is_trampoline(const struct kimg *img, uint64_t addr)
{
	const uint8_t *ud;

	if (!image_range_has(img, X86_PREPATCH_STATIC_CALL_TEXT, addr,
			     TRAMPOLINE_UD_OFFSET + sizeof(trampoline_ud)))
		return false;
	ud = image_bytes(img, addr + TRAMPOLINE_UD_OFFSET, sizeof(trampoline_ud));
	return ud && !memcmp(ud, trampoline_ud, sizeof(trampoline_ud));
}

/*
 * The returns in trampolines become plain ones, which is what the kernel itself writes there
 * before it knows better. It does the rest when it has accepted the image: in between a trampoline
 * may get another target, and an undo must not bring the old one back.
 */
int trampolines_apply(struct kimg *img, struct kimg_err *err)
{
	struct offset_table table;
	size_t i;
	int ret;

	ret = offset_table_get(img, X86_PREPATCH_RETURNS, &table, err);
	if (ret)
		return ret;
	for (i = 0; i < table.nr; i++) {
		uint64_t addr = offset_table_entry(&table, i);
		uint8_t *site = image_site(img, addr, REL32_SIZE);

		if (!site || !return_is_trampoline(img, addr))
			continue;
		if (site[0] != OP_JMP32 ||
		    addr + REL32_SIZE + (uint64_t)(int64_t)get_s32(site + 1) !=
			    img->desc.symbols[X86_PREPATCH_RETURN_THUNK])
			return kimg_fail(err, -EBADMSG,
					 "trampoline at %#llx: no jump to the return thunk",
					 (unsigned long long)addr);
		memcpy(site, ret_int3, sizeof(ret_int3));
	}
	return 0;
}

/*
 * The kernel seals after everything else, so this does too; but sealing depends on no CPU, so
 * @before, the image without the patches of the CPU, is sealed the same way.
 */
int seals_apply(struct kimg *img, struct snapshot *before, struct kimg_err *err)
{
	struct offset_table table;
	size_t i;
	int ret;

	ret = offset_table_get(img, X86_PREPATCH_ENDBR_SEALS, &table, err);
	if (ret)
		return ret;
	for (i = 0; i < table.nr; i++) {
		uint64_t addr = offset_table_entry(&table, i);
		uint8_t *site = image_site(img, addr, ENDBR_SIZE), *old;

		if (!site)
			return kimg_fail(err, -EBADMSG, "seal at %#llx: not in the kernel's text",
					 (unsigned long long)addr);
		old = snapshot_bytes(img, before, addr, ENDBR_SIZE);
		if (memcmp(site, old, ENDBR_SIZE))
			return kimg_fail(err, -EOPNOTSUPP,
					 "seal at %#llx: in the middle of another patch",
					 (unsigned long long)addr);
		if (!memcmp(site, endbr_poison, ENDBR_SIZE))
			continue;
		if (memcmp(site, endbr64, ENDBR_SIZE))
			return kimg_fail(err, -EBADMSG, "seal at %#llx: no ENDBR",
					 (unsigned long long)addr);
		memcpy(site, endbr_poison, ENDBR_SIZE);
		memcpy(old, endbr_poison, ENDBR_SIZE);
	}
	return 0;
}
