// SPDX-License-Identifier: GPL-2.0-only
/* The instructions that patching writes. */
#include <errno.h>

#include "private.h"

int text_gen_rel32(uint8_t *buf, uint8_t op, uint64_t addr, uint64_t dest)
{
	int64_t rel = (int64_t)(dest - (addr + REL32_SIZE));

	if (rel != (int32_t)rel)
		return -ERANGE;
	buf[0] = op;
	put_s32(buf + 1, (int32_t)rel);
	return 0;
}
