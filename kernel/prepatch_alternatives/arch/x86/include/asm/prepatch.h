/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_PREPATCH_H
#define _ASM_X86_PREPATCH_H

#include <uapi/asm/prepatch.h>

#ifdef CONFIG_X86_PREPATCH
bool x86_prepatch_accept(void);
void x86_prepatch_verify(void);
#else
static inline bool x86_prepatch_accept(void) { return false; }
static inline void x86_prepatch_verify(void) { }
#endif

#endif /* _ASM_X86_PREPATCH_H */
