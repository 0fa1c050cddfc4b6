// SPDX-License-Identifier: GPL-2.0-only
/*
 * Returns, as apply_returns() of the kernel rewrites them. Those in static-call trampolines are
 * not among them: the kernel may have written to a trampoline before it can tell whether it
 * accepts the image, see const.c.
 */
#include <errno.h>

#include "private.h"

#define ITS_LINE_UPPER_HALF	0x20

int return_patch(const struct cpu *cpu, uint64_t addr, const struct insn *insn, uint8_t out[16],
		 struct kimg_err *err)
{
	uint64_t thunk = cpu->profile->return_thunk;
	uint64_t its = cpu->img->desc.symbols[X86_PREPATCH_ITS_RETURN_THUNK];
	unsigned int n = 0;

	if (cpu->has_rethunk && (thunk != its || !(addr & ITS_LINE_UPPER_HALF))) {
		if (text_gen_rel32(out, OP_JMP32, addr, thunk))
			return kimg_fail(err, -EBADMSG, "return at %#llx: thunk is out of reach",
					 (unsigned long long)addr);
		n = REL32_SIZE;
	} else {
		out[n++] = OP_RET;
	}
	while (n < insn->length)
		out[n++] = OP_INT3;
	return 1;
}

int returns_apply(struct kimg *img, const struct cpu *cpu, struct kimg_err *err)
{
	struct offset_table table;
	size_t i;
	int ret;

	ret = offset_table_get(img, X86_PREPATCH_RETURNS, &table, err);
	if (ret)
		return ret;
	for (i = 0; i < table.nr; i++) {
		uint64_t addr = offset_table_entry(&table, i);
		uint8_t *site = image_site(img, addr, REL32_SIZE), out[16];
		struct insn insn;

		if (site && return_is_trampoline(img, addr))
			continue;
		if (!site || insn_decode(site, image_rest(img, addr, MAX_INSN_SIZE), &insn) ||
		    insn.length != REL32_SIZE || insn.opcode[0] != OP_JMP32 ||
		    addr + REL32_SIZE + (uint64_t)(int64_t)insn.imm !=
			    img->desc.symbols[X86_PREPATCH_RETURN_THUNK])
			return kimg_fail(err, -EBADMSG,
					 "return at %#llx: no jump to the return thunk",
					 (unsigned long long)addr);
		ret = return_patch(cpu, addr, &insn, out, err);
		if (ret < 0)
			return ret;
		memcpy(site, out, insn.length);
	}
	return 0;
}
