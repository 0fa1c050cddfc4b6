// SPDX-License-Identifier: GPL-2.0-only
/* Calls and jumps through retpolines, as apply_retpolines() of the kernel rewrites them. */
#include <errno.h>

#include "private.h"

#define REG_RSP			4
#define ITS_LINE_UPPER_HALF	0x20

/* CALL or JMP through a register. */
static unsigned int gen_indirect(uint8_t *out, uint8_t op, unsigned int reg)
{
	unsigned int n = 0;

	if (reg >= 8) {
		out[n++] = 0x41;	/* REX.B */
		reg -= 8;
	}
	out[n++] = 0xff;
	out[n++] = (uint8_t)((op == OP_CALL ? 0xd0 : 0xe0) + reg);
	return n;
}

/* The same instruction with the thunk of the register for ITS as its target. */
static int gen_its(const struct cpu *cpu, uint64_t addr, const struct insn *insn, unsigned int reg,
		   uint8_t *out, struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &cpu->img->desc;
	uint64_t thunk = d->symbols[X86_PREPATCH_ITS_THUNKS] + (uint64_t)reg * d->its_thunk_size;
	uint8_t op = insn->opcode[0];
	unsigned int n = 0;

	if (!d->symbols[X86_PREPATCH_ITS_THUNKS])
		return kimg_fail(err, -EBADMSG, "the profile wants ITS thunks, the image has none");
	if (insn_is_jcc32(insn)) {
		out[n++] = op;
		op = insn->opcode[1];
	} else if (insn->length == 6) {
		out[n++] = 0x2e;	/* CS prefix: padding */
	}
	if (text_gen_rel32(out + n, op, addr + n, thunk))
		return kimg_fail(err, -EBADMSG, "retpoline at %#llx: thunk is out of reach",
				 (unsigned long long)addr);
	n += REL32_SIZE;
	return n == insn->length ? 1 : 0;
}

int retpoline_patch(const struct cpu *cpu, uint64_t addr, const struct insn *insn, uint8_t out[16],
		    struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &cpu->img->desc;
	uint64_t dest = addr + insn->length + (uint64_t)(int64_t)insn->imm;
	uint64_t thunks = d->symbols[X86_PREPATCH_RETPOLINE_THUNKS];
	uint8_t op = insn->opcode[0];
	unsigned int reg, n = 0;
	uint64_t last;

	if (dest < thunks || dest >= thunks + 16ULL * d->retpoline_thunk_size ||
	    (dest - thunks) % d->retpoline_thunk_size)
		return kimg_fail(err, -EBADMSG, "retpoline at %#llx: %#llx is no thunk",
				 (unsigned long long)addr, (unsigned long long)dest);
	reg = (unsigned int)((dest - thunks) / d->retpoline_thunk_size);
	if (reg == REG_RSP)
		return kimg_fail(err, -EBADMSG, "retpoline at %#llx: through the stack pointer",
				 (unsigned long long)addr);
	if (cpu->has_retpoline && !cpu->has_retpoline_lfence)
		return 0;

	if (insn_is_jcc32(insn)) {
		/* The opposite condition jumps over the indirect jump. */
		out[n++] = 0x70 + ((insn->opcode[1] & 0xf) ^ 1);
		out[n++] = insn->length - 2;
		op = OP_JMP32;
	}
	if (cpu->has_retpoline_lfence) {
		out[n++] = 0x0f;
		out[n++] = 0xae;
		out[n++] = 0xe8;
	}
	/* Where the last byte of the branch is going to be decides. */
	last = addr + n + 1 + reg / 8;
	if (cpu->has_its_thunk && !(last & ITS_LINE_UPPER_HALF))
		return gen_its(cpu, addr, insn, reg, out, err);
	n += gen_indirect(out + n, op, reg);
	if (op == OP_JMP32 && n < insn->length)
		out[n++] = OP_INT3;
	while (n < insn->length)
		out[n++] = 0x90;
	/* Too long (an LFENCE doesn't fit everywhere): the kernel leaves the site alone. */
	return n == insn->length ? 1 : 0;
}

int retpolines_apply(struct kimg *img, const struct cpu *cpu, struct kimg_err *err)
{
	struct offset_table table;
	size_t i;
	int ret;

	ret = offset_table_get(img, X86_PREPATCH_RETPOLINES, &table, err);
	if (ret)
		return ret;
	for (i = 0; i < table.nr; i++) {
		uint64_t addr = offset_table_entry(&table, i);
		uint8_t *site = image_site(img, addr, REL32_SIZE), out[16];
		struct insn insn;

		if (!site || insn_decode(site, image_rest(img, addr, MAX_INSN_SIZE), &insn) ||
		    !image_site(img, addr, insn.length) || insn.imm_size != 4 ||
		    (insn.opcode[0] != OP_CALL && insn.opcode[0] != OP_JMP32 &&
		     !insn_is_jcc32(&insn)) || insn.length > 6)
			return kimg_fail(err, -EBADMSG, "retpoline at %#llx: no such instruction",
					 (unsigned long long)addr);
		ret = retpoline_patch(cpu, addr, &insn, out, err);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		if (nops_optimize(out, insn.length))
			return kimg_fail(err, -EBADMSG, "retpoline at %#llx: can't be decoded",
					 (unsigned long long)addr);
		memcpy(site, out, insn.length);
	}
	return 0;
}
