/* SPDX-License-Identifier: GPL-2.0-only */
/* Looks up the few kernel symbols that tracing needs in a list of symbols. */
#ifndef KSYMS_H
#define KSYMS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define KSYM_NAME_LEN	128

struct ksym {
	/* What to look for; set by the caller. */
	const char *name;
	/*
	 * What was found: the name itself, or what the compiler made of it
	 * (name.isra.0, name.constprop.0); empty if there is no such symbol.
	 */
	char found[KSYM_NAME_LEN];
	/* 0: the kernel hides addresses. */
	uint64_t addr;
};

int ksyms_lookup(FILE *file, struct ksym *syms, size_t nr);

#endif /* KSYMS_H */
