/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables and JSON through libsmartcols, with the options of lsblk and others. */
#ifndef _CGPOOLCTL_TABLE_H
#define _CGPOOLCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct column {
	const char *name;
	bool is_number;
	bool is_bool;		/* 0 and 1, false and true in JSON */
	bool is_right;
	bool is_hidden;		/* only with --output */
};

struct table_opts {
	bool is_json;
	bool is_raw;
	bool no_headings;
	const char *output;	/* --output */
};

struct table;

/* Bad column in opts->output: NULL, and *bad names it. */
struct table *table_new(const char *name, const struct column *columns, size_t nr,
			const struct table_opts *opts, const char **bad);
int table_line(struct table *table);
/* NULL text is empty, and null in JSON. @column counts in the array of table_new(). */
int table_set(struct table *table, size_t column, const char *text);
int table_set_num(struct table *table, size_t column, uint64_t val);
/* To stdout; 0 or -errno. */
int table_print(struct table *table);
void table_free(struct table *table);

/* The shared options, for getopt_long and for the help texts. */
#define TABLE_SHORT	"Jnro:"
#define TABLE_LONG \
	{ "json",	no_argument,		NULL, 'J' }, \
	{ "noheadings",	no_argument,		NULL, 'n' }, \
	{ "raw",	no_argument,		NULL, 'r' }, \
	{ "output",	required_argument,	NULL, 'o' }
#define TABLE_HELP \
	" -J, --json             JSON instead of a table\n" \
	" -n, --noheadings       no line of headings\n" \
	" -o, --output LIST      columns to show, separated by commas\n" \
	" -r, --raw              columns separated by one blank\n"

/* Was @opt one of them? */
bool table_opt(struct table_opts *opts, int opt, const char *arg);

#endif
