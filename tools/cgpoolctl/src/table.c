// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libcgpool.h"
#include "table.h"

#define MAX_COLUMNS	32
#define JSON_VERSION	"1"

struct table {
	struct libscols_table *tb;
	struct libscols_line *line;
	const struct column *columns;
	size_t nr;
	int at[MAX_COLUMNS];	/* position in the output, -1 not shown */
	bool is_json;
	bool is_empty;
	const char *name;
};

bool table_opt(struct table_opts *opts, int opt, const char *arg)
{
	switch (opt) {
	case 'J':
		opts->is_json = true;
		return true;
	case 'n':
		opts->no_headings = true;
		return true;
	case 'r':
		opts->is_raw = true;
		return true;
	case 'o':
		opts->output = arg;
		return true;
	}
	return false;
}

static int find_column(const struct column *columns, size_t nr, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (strlen(columns[i].name) == len && !strncasecmp(columns[i].name, name, len))
			return (int)i;
	return -1;
}

static int add_column(struct table *table, size_t i, int *pos)
{
	const struct column *col = &table->columns[i];
	struct libscols_column *cl;

	if (table->at[i] >= 0)
		return 0;
	cl = scols_table_new_column(table->tb, col->name, 0,
				    col->is_number || col->is_bool || col->is_right ? SCOLS_FL_RIGHT : 0);
	if (!cl)
		return -ENOMEM;
	if (table->is_json)
		scols_column_set_json_type(cl, col->is_bool ? SCOLS_JSON_BOOLEAN :
					   col->is_number ? SCOLS_JSON_NUMBER :
							    SCOLS_JSON_STRING);
	table->at[i] = (*pos)++;
	return 0;
}

struct table *table_new(const char *name, const struct column *columns, size_t nr,
			const struct table_opts *opts, const char **bad)
{
	struct table *table;
	const char *p;
	int pos = 0, c;
	size_t i;

	*bad = NULL;
	if (nr > MAX_COLUMNS)
		return NULL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	scols_init_debug(0);
	table->tb = scols_new_table();
	if (!table->tb)
		goto err_free;
	table->columns = columns;
	table->nr = nr;
	table->is_json = opts->is_json;
	table->is_empty = true;
	table->name = name;
	for (i = 0; i < nr; i++)
		table->at[i] = -1;
	scols_table_enable_json(table->tb, opts->is_json);
	scols_table_enable_raw(table->tb, opts->is_raw);
	scols_table_enable_noheadings(table->tb, opts->no_headings);
	scols_table_set_name(table->tb, name);
	if (!opts->output) {
		for (i = 0; i < nr; i++)
			if ((opts->is_json || !columns[i].is_hidden) && add_column(table, i, &pos))
				goto err_free;
		return table;
	}
	for (p = opts->output; ; p++) {
		size_t len = strcspn(p, ",");

		c = find_column(columns, nr, p, len);
		if (c < 0) {
			*bad = p;
			goto err_free;
		}
		if (add_column(table, (size_t)c, &pos))
			goto err_free;
		p += len;
		if (!*p)
			return table;
	}

err_free:
	table_free(table);
	return NULL;
}

int table_line(struct table *table)
{
	table->line = scols_table_new_line(table->tb, NULL);
	table->is_empty = false;
	return table->line ? 0 : -ENOMEM;
}

int table_set(struct table *table, size_t column, const char *text)
{
	if (table->at[column] < 0)
		return 0;
	return scols_line_set_data(table->line, (size_t)table->at[column], text);
}

int table_set_num(struct table *table, size_t column, uint64_t val)
{
	char text[24];

	/* What is not known is a dash to people and null to programs. */
	if (val == CGPOOL_UNKNOWN)
		return table_set(table, column, table->is_json ? NULL : "-");
	snprintf(text, sizeof(text), "%" PRIu64, val);
	return table_set(table, column, text);
}

int table_print(struct table *table)
{
	char *text = NULL, *brace;
	int ret;

	if (!table->is_json)
		return table->is_empty ? 0 : scols_print_table(table->tb);
	if (table->is_empty) {
		printf("{\n   \"version\": %s,\n   \"%s\": []\n}\n", JSON_VERSION, table->name);
		return 0;
	}
	/* libsmartcols writes one object with one array; the version goes before it. */
	ret = scols_print_table_to_string(table->tb, &text);
	if (ret)
		return ret;
	brace = strchr(text, '{');
	if (!brace) {
		free(text);
		return -EINVAL;
	}
	ret = printf("{\n   \"version\": %s,%s%s", JSON_VERSION, brace + 1,
		     text[strlen(text) - 1] == '\n' ? "" : "\n");
	free(text);
	return ret < 0 ? -EIO : 0;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	scols_unref_table(table->tb);
	free(table);
}
