// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zydis, seen the way the kernel's own decoder shows an instruction: alternative.c decides by
 * opcode bytes, not by mnemonic, and the result has to be the same byte for byte. So `49 90` (an
 * exchange) counts as a nop here too, and for VEX and EVEX the opcode byte stands alone.
 */
#include <errno.h>
#include <Zydis/Zydis.h>

#include "private.h"

static bool is_rex(uint8_t prefix)
{
	return (prefix & 0xf0) == 0x40;
}

static void take_opcode(const ZydisDecodedInstruction *zi, struct insn *insn)
{
	if (zi->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
	    zi->encoding != ZYDIS_INSTRUCTION_ENCODING_3DNOW) {
		insn->opcode[0] = zi->opcode;
		return;
	}
	switch (zi->opcode_map) {
	case ZYDIS_OPCODE_MAP_DEFAULT:
		insn->opcode[0] = zi->opcode;
		break;
	case ZYDIS_OPCODE_MAP_0F:
		insn->opcode[0] = 0x0f;
		insn->opcode[1] = zi->opcode;
		break;
	case ZYDIS_OPCODE_MAP_0F38:
		insn->opcode[0] = 0x0f;
		insn->opcode[1] = 0x38;
		break;
	case ZYDIS_OPCODE_MAP_0F3A:
		insn->opcode[0] = 0x0f;
		insn->opcode[1] = 0x3a;
		break;
	default:
		insn->opcode[0] = 0x0f;
		insn->opcode[1] = 0x0f;
		break;
	}
}

static bool is_legacy_prefix(uint8_t byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
	case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
		return true;
	}
	return false;
}

/*
 * The register forms of 0f 00 and 0f 01 get new members (LKGS, ERETS, WRMSRNS) faster than Zydis
 * gets to know them. They are all of the same size and have no operand that matters.
 */
static int decode_system(const uint8_t *bytes, size_t len, struct insn *insn)
{
	size_t pos = 0;

	while (pos < len && is_legacy_prefix(bytes[pos]))
		pos++;
	if (pos)
		insn->prefix = bytes[0];
	if (pos < len && is_rex(bytes[pos]))
		pos++;
	if (pos + 3 > len || pos + 3 > MAX_INSN_SIZE || bytes[pos] != 0x0f || bytes[pos + 1] > 1 ||
	    bytes[pos + 2] >> 6 != 3)
		return -EINVAL;
	insn->opcode[0] = bytes[pos];
	insn->opcode[1] = bytes[pos + 1];
	insn->length = (uint8_t)(pos + 3);
	return 0;
}

int insn_decode(const uint8_t *bytes, size_t len, struct insn *insn)
{
	ZydisDecodedInstruction zi;
	ZydisDecoder decoder;
	unsigned int i;

	*insn = (struct insn){ 0 };
	if (!ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64,
					   ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, bytes,
							len < MAX_INSN_SIZE ? len : MAX_INSN_SIZE,
							&zi)))
		return decode_system(bytes, len, insn);
	insn->length = zi.length;
	take_opcode(&zi, insn);
	for (i = 0; i < zi.raw.prefix_count; i++) {
		if (is_rex(zi.raw.prefixes[i].value))
			continue;
		insn->prefix = zi.raw.prefixes[i].value;
		break;
	}
	if (zi.raw.imm[0].size) {
		insn->imm_offset = zi.raw.imm[0].offset;
		insn->imm_size = zi.raw.imm[0].size / 8;
		insn->imm = (int32_t)zi.raw.imm[0].value.s;
	}
	if (zi.raw.disp.size) {
		insn->disp_offset = zi.raw.disp.offset;
		insn->disp_size = zi.raw.disp.size / 8;
		insn->disp = (int32_t)zi.raw.disp.value;
	}
	insn->is_rip_relative = zi.attributes & ZYDIS_ATTRIB_HAS_MODRM && !zi.raw.modrm.mod &&
				zi.raw.modrm.rm == 5 && insn->disp_size == 4;
	return 0;
}
