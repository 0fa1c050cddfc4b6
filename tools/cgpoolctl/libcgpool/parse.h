/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsers of kernel text. Pure functions: no file access, no allocation. */
#ifndef _CGPOOL_PARSE_H
#define _CGPOOL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal number, optional trailing newline, nothing else. */
int parse_u64(const char *s, uint64_t *val);

/* Value of @key in a flat keyed text ("key value\n"...); -ENOENT, -EINVAL. */
int parse_flat_key(const char *text, size_t len, const char *key, uint64_t *val);

struct mount_line {
	unsigned int major, minor;
	char root[256];
	char mountpoint[256];
	char fstype[64];
	char super_opts[512];
};

/*
 * Takes one line off @text. 1: @m is filled, 0: end of text, -EINVAL: the line
 * is not one of mountinfo (it is skipped, parsing may go on), -ENAMETOOLONG: a
 * field does not fit (skipped too).
 */
int parse_mountinfo_line(const char **text, size_t *len, struct mount_line *m);

/* Is @opt one of the comma separated @opts? */
bool opts_has(const char *opts, const char *opt);

/* Is @word one of the blank separated @list? */
bool list_has(const char *list, const char *word);

/* Next pid of a cgroup.procs text; 1, 0 at the end, -EINVAL. */
int parse_next_pid(const char **text, long *pid);

/* "cgpool-NNNNN" -> number, else -EINVAL. */
int parse_slot_name(const char *name);

/* May @name become a directory below a pool? 0 or -EINVAL/-ENAMETOOLONG. */
int check_name(const char *name);

#endif
