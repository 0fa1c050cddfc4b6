// SPDX-License-Identifier: GPL-2.0-only
/*
 * Alternatives, as apply_alternatives() of the kernel patches them: in the order of the table,
 * each entry working on what the ones before it have left, replacements being patched sites
 * themselves. What makes the kernel stop with BUG() is an error here.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

#define ALT_SIZE	14
#define CALL_RIP_SIZE	6

static void read_entry(const uint8_t *p, uint64_t addr, struct alt *alt)
{
	alt->addr = addr + (uint64_t)(int64_t)get_s32(p);
	alt->repl = addr + 4 + (uint64_t)(int64_t)get_s32(p + 4);
	memcpy(&alt->feature, p + 8, 2);
	memcpy(&alt->flags, p + 10, 2);
	alt->len = p[12];
	alt->repl_len = p[13];
}

int alternatives_get(const struct kimg *img, struct alt **alts, size_t *nr, struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &img->desc;
	const struct x86_prepatch_range *range = image_range(img, X86_PREPATCH_ALTERNATIVES);
	const uint8_t *bytes;
	struct alt *tab;
	size_t n, i, j;

	*alts = NULL;
	*nr = 0;
	n = (range->end - range->start) / ALT_SIZE;
	if (!n)
		return 0;
	bytes = image_bytes(img, range->start, range->end - range->start);
	if (!bytes)
		return kimg_fail(err, -EBADMSG, "alternatives: table is not in the file");
	tab = calloc(n, sizeof(*tab));
	if (!tab)
		return kimg_fail(err, -ENOMEM, "out of memory");
	for (i = 0; i < n; i++)
		read_entry(bytes + i * ALT_SIZE, range->start + i * ALT_SIZE, &tab[i]);
	/* Entries of one place follow each other; all get the length of the longest. */
	for (i = 0; i < n; i = j) {
		uint8_t len = tab[i].len;

		for (j = i + 1; j < n && tab[j].addr == tab[i].addr; j++)
			len = tab[j].len > len ? tab[j].len : len;
		while (i < j)
			tab[i++].len = len;
	}
	for (i = 0; i < n; i++) {
		const struct alt *alt = &tab[i];

		if (alt->feature >= (d->ncapints + d->nbugints) * 32 ||
		    alt->flags & ~(d->alt_flag_not | d->alt_flag_direct_call) ||
		    alt->len > d->max_patch_len || alt->repl_len > alt->len ||
		    (alt->len && !image_site(img, alt->addr, alt->len)) ||
		    (alt->repl_len && !image_site(img, alt->repl, alt->repl_len))) {
			kimg_fail(err, -EBADMSG, "alternative %zu: for %#llx, makes no sense", i,
				  (unsigned long long)alt->addr);
			free(tab);
			return -EBADMSG;
		}
	}
	*alts = tab;
	*nr = n;
	return 0;
}

/* Does a place @offset from the start of the replacement move with it? */
static bool is_inside(int64_t offset, size_t repl_len)
{
	return offset >= 0 && offset <= (int64_t)repl_len;
}

static int relocate(uint8_t *p, unsigned int size, uint64_t diff)
{
	int32_t v;
	int8_t v8;
	int16_t v16;

	switch (size) {
	case 1:
		memcpy(&v8, p, 1);
		v = (int32_t)(uint32_t)((uint64_t)(int64_t)v8 + diff);
		if (v != (int8_t)v)
			return -ERANGE;
		v8 = (int8_t)v;
		memcpy(p, &v8, 1);
		return 0;
	case 2:
		memcpy(&v16, p, 2);
		v = (int32_t)(uint32_t)((uint64_t)(int64_t)v16 + diff);
		if (v != (int16_t)v)
			return -ERANGE;
		v16 = (int16_t)v;
		memcpy(p, &v16, 2);
		return 0;
	case 4:
		put_s32(p, (int32_t)((uint32_t)get_s32(p) + (uint32_t)diff));
		return 0;
	}
	return -EINVAL;
}

static bool is_relative_branch(const struct insn *insn)
{
	return insn_is_jcc32(insn) || (insn->opcode[0] & 0xf0) == 0x70 ||
	       insn->opcode[0] == OP_JMP8 || insn->opcode[0] == OP_JMP32 ||
	       insn->opcode[0] == OP_CALL;
}

int alternatives_relocate(uint8_t *buf, uint64_t addr, size_t len, uint64_t repl, size_t repl_len)
{
	uint64_t diff = repl - addr;
	struct insn insn;
	size_t pos, next;
	int ret;

	for (pos = 0; pos < len; pos = next) {
		if (insn_decode(buf + pos, len - pos, &insn))
			return -EINVAL;
		next = pos + insn.length;
		if (is_relative_branch(&insn)) {
			if (!is_inside((int64_t)next + insn.imm, repl_len)) {
				ret = relocate(buf + pos + insn.imm_offset, insn.imm_size, diff);
				if (ret)
					return ret;
			}
			/* The kernel takes the short form where it can, and so do we. */
			if (insn.opcode[0] == OP_JMP32) {
				int32_t imm = (int32_t)((uint32_t)insn.imm + (uint32_t)diff + 3);

				if (imm == (int8_t)imm) {
					buf[pos] = OP_JMP8;
					buf[pos + 1] = (uint8_t)imm;
					memset(buf + pos + 2, OP_INT3, insn.length - 2U);
				}
			}
		}
		if (insn.is_rip_relative && !is_inside((int64_t)next + insn.disp, repl_len)) {
			ret = relocate(buf + pos + insn.disp_offset, insn.disp_size, diff);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/*
 * A call through pv_ops becomes a direct call of what was there when the profile was taken, or a
 * nop. Returns how many bytes of @buf are used.
 */
static int make_direct_call(const struct cpu *cpu, const struct alt *alt, const uint8_t *site,
			    uint8_t *buf, struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &cpu->img->desc;
	uint64_t slot, target, bug = d->symbols[X86_PREPATCH_BUG_FUNC];
	uint64_t idx;

	if (alt->repl_len != REL32_SIZE || buf[0] != OP_CALL || alt->len != CALL_RIP_SIZE ||
	    site[0] != 0xff || site[1] != 0x15)
		return kimg_fail(err, -EBADMSG, "alternative at %#llx: no call through pv_ops",
				 (unsigned long long)alt->addr);
	slot = alt->addr + CALL_RIP_SIZE + (uint64_t)(int64_t)get_s32(site + 2);
	if (!bug || !image_range_has(cpu->img, X86_PREPATCH_PV_OPS, slot, 8))
		return kimg_fail(err, -EBADMSG, "alternative at %#llx: calls %#llx, not in pv_ops",
				 (unsigned long long)alt->addr, (unsigned long long)slot);
	idx = slot - image_range(cpu->img, X86_PREPATCH_PV_OPS)->start;
	if (idx % 8 || idx / 8 >= cpu->profile->nr_pv_ops)
		return kimg_fail(err, -EBADMSG,
				 "alternative at %#llx: slot of pv_ops is misaligned",
				 (unsigned long long)alt->addr);
	target = cpu->profile->pv_ops[idx / 8] ?: bug;
	put_s32(buf + 1, (int32_t)((uint32_t)get_s32(buf + 1) + (uint32_t)(target - bug)));
	return target == d->symbols[X86_PREPATCH_NOP_FUNC] ? 0 : REL32_SIZE;
}

static int apply_one(struct kimg *img, const struct cpu *cpu, const struct alt *alt,
		     struct kimg_err *err)
{
	uint8_t *site, buf[MAX_PATCH_LEN];
	bool is_not = alt->flags & img->desc.alt_flag_not;
	int ret, used;

	if (!alt->len)
		return 0;
	/* Never NULL: alternatives_get() has looked. */
	site = image_site(img, alt->addr, alt->len);
	if (cpu_has(cpu, alt->feature) == is_not) {
		memcpy(buf, site, alt->len);
	} else {
		if (alt->repl_len)
			memcpy(buf, image_site(img, alt->repl, alt->repl_len), alt->repl_len);
		used = alt->repl_len;
		if (alt->flags & img->desc.alt_flag_direct_call) {
			used = make_direct_call(cpu, alt, site, buf, err);
			if (used < 0)
				return used;
		}
		memset(buf + used, 0x90, (size_t)(alt->len - used));
		ret = alternatives_relocate(buf, alt->addr, alt->len, alt->repl, alt->repl_len);
		if (ret)
			return kimg_fail(err, -EBADMSG,
					 "alternative at %#llx: replacement can't be %s",
					 (unsigned long long)alt->addr,
					 ret == -ERANGE ? "moved there" : "decoded");
	}
	if (nops_optimize(buf, alt->len))
		return kimg_fail(err, -EBADMSG, "alternative at %#llx: can't be decoded",
				 (unsigned long long)alt->addr);
	memcpy(site, buf, alt->len);
	return 0;
}

int alternatives_apply(struct kimg *img, const struct cpu *cpu, struct kimg_err *err)
{
	struct alt *alts;
	size_t nr, i;
	int ret;

	ret = alternatives_get(img, &alts, &nr, err);
	for (i = 0; !ret && i < nr; i++)
		ret = apply_one(img, cpu, &alts[i], err);
	free(alts);
	return ret;
}
