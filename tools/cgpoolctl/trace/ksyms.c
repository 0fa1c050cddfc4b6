// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks up kernel symbols by name in /proc/kallsyms, in one pass.
 *
 * Symbols of modules are not considered. A static function may have been cloned
 * by the compiler under a suffixed name; such a clone is taken where the plain
 * name is missing, but never a part of a function (.cold, .part.N), as its
 * entry is not the function's entry.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ksyms.h"

static bool suffix_is_clone(const char *suffix)
{
	return !strncmp(suffix, ".isra.", strlen(".isra.")) ||
	       !strncmp(suffix, ".constprop.", strlen(".constprop.")) ||
	       !strncmp(suffix, ".llvm.", strlen(".llvm."));
}

static void match(struct ksym *sym, const char *name, uint64_t addr)
{
	size_t len;

	/* There are 100,000 lines and more: leave early. */
	if (name[0] != sym->name[0])
		return;
	len = strlen(sym->name);
	if (strncmp(name, sym->name, len))
		return;
	if (name[len]) {
		if (sym->found[0] || !suffix_is_clone(name + len))
			return;
		if (strstr(name, ".cold") || strstr(name, ".part."))
			return;
	}
	memcpy(sym->found, name, strlen(name) + 1);
	sym->addr = addr;
}

/* "address type name"; what has a fourth field belongs to a module. */
static char *parse(char *line, uint64_t *addr)
{
	char *end, *name;
	size_t len;

	*addr = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return NULL;
	name = end + 3;
	len = strcspn(name, " \t\n");
	if (!len || len >= KSYM_NAME_LEN || (name[len] && name[len] != '\n'))
		return NULL;
	name[len] = '\0';
	return name;
}

/**
 * ksyms_lookup() - find symbols
 * @file: lines of "address type name [module]" like /proc/kallsyms
 * @syms: what to look for; what was found is filled in
 * @nr: number of entries in @syms
 *
 * Return: 0 or -errno; that a symbol is missing is not an error.
 */
int ksyms_lookup(FILE *file, struct ksym *syms, size_t nr)
{
	char *line = NULL;
	size_t size = 0, i;
	int ret = 0;

	for (i = 0; i < nr; i++) {
		syms[i].found[0] = '\0';
		syms[i].addr = 0;
	}
	errno = 0;
	while (getline(&line, &size, file) > 0) {
		uint64_t addr;
		char *name;

		name = parse(line, &addr);
		if (!name)
			continue;
		for (i = 0; i < nr; i++)
			match(&syms[i], name, addr);
	}
	if (ferror(file))
		ret = errno ? -errno : -EIO;
	free(line);
	return ret;
}
