// SPDX-License-Identifier: GPL-2.0-only
/* Nops, as 64-bit kernels choose them (arch/x86/include/asm/nops.h says which). */
#include <errno.h>

#include "private.h"

const uint8_t *const nops[NOP_MAX + 1] = {
	[1] = (const uint8_t[]){ 0x90 },
	[2] = (const uint8_t[]){ 0x66, 0x90 },
	[3] = (const uint8_t[]){ 0x0f, 0x1f, 0x00 },
	[4] = (const uint8_t[]){ 0x0f, 0x1f, 0x40, 0x00 },
	[5] = (const uint8_t[]){ 0x0f, 0x1f, 0x44, 0x00, 0x00 },
	[6] = (const uint8_t[]){ 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 },
	[7] = (const uint8_t[]){ 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
	[8] = (const uint8_t[]){ 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	[9] = (const uint8_t[]){ 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	[10] = (const uint8_t[]){ 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	[11] = (const uint8_t[]){ 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00,
				  0x00 },
};

/* One instruction of @len bytes, or a jump over what is too long for one. */
static void fill(uint8_t *buf, size_t len)
{
	size_t at = 0;

	if (len <= NOP_MAX) {
		if (len)
			memcpy(buf, nops[len], len);
		return;
	}
	if (len < 128) {
		buf[at++] = OP_JMP8;
		buf[at++] = (uint8_t)(len - 2);
	} else {
		buf[at] = OP_JMP32;
		put_s32(buf + at + 1, (int32_t)(len - REL32_SIZE));
		at += REL32_SIZE;
	}
	memset(buf + at, OP_INT3, len - at);
}

static bool is_nop(const struct insn *insn)
{
	if (insn->opcode[0] == 0x90)
		return insn->prefix != 0xf3;
	return insn->opcode[0] == 0x0f && insn->opcode[1] == 0x1f;
}

/*
 * Merge runs of nops. Like the kernel, stop at the first nop that ends exactly where the buffer
 * does: it is left as it is, even if it is a short one.
 */
int nops_optimize(uint8_t *buf, size_t len)
{
	struct insn insn;
	size_t pos, next;

	for (pos = 0; pos < len; pos = next) {
		if (insn_decode(buf + pos, len - pos, &insn))
			return -EINVAL;
		next = pos + insn.length;
		if (!is_nop(&insn))
			continue;
		if (next == len)
			return 0;
		while (next < len && !insn_decode(buf + next, len - next, &insn) && is_nop(&insn))
			next += insn.length;
		fill(buf + pos, next - pos);
	}
	return 0;
}
