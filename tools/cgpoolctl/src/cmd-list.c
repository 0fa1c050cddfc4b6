// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <string.h>

#include "cmd.h"
#include "table.h"

enum {
	COL_POOL, COL_MODE, COL_CGROUP, COL_MAX, COL_LOW, COL_NEST, COL_FREE, COL_TAKEN,
	COL_DIRTY, COL_CLAIMS, COL_MISSES, NR_COLS
};

static const struct column columns[NR_COLS] = {
	[COL_POOL]	= { "POOL" },
	[COL_MODE]	= { "MODE" },
	[COL_CGROUP]	= { "CGROUP" },
	[COL_MAX]	= { "MAX", .is_number = true },
	[COL_LOW]	= { "LOW", .is_number = true },
	[COL_NEST]	= { "NEST", .is_number = true, .is_hidden = true },
	[COL_FREE]	= { "FREE", .is_number = true },
	[COL_TAKEN]	= { "TAKEN", .is_number = true },
	[COL_DIRTY]	= { "DIRTY", .is_number = true, .is_hidden = true },
	[COL_CLAIMS]	= { "CLAIMS", .is_number = true },
	[COL_MISSES]	= { "MISSES", .is_number = true },
};

static const char usage[] =
	"Usage: cgpoolctl list [options]\n"
	"\n"
	"List all pools below the cgroup mounts, or below --root.\n"
	"\n"
	TABLE_HELP
	" -h, --help             this text\n"
	"\n"
	"Columns: POOL MODE CGROUP MAX LOW NEST FREE TAKEN DIRTY CLAIMS MISSES\n";

static int add_pool(struct cgpool *pool, void *data)
{
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct table *table = data;

	/* It may be gone by now; then there is nothing to list. */
	if (cgpool_stats(pool, &st))
		return 0;
	if (table_line(table))
		return -1;
	table_set(table, COL_POOL, *cgpool_path(pool) ? cgpool_path(pool) : "/");
	table_set(table, COL_MODE, cli_mode_name(cgpool_mode(pool)));
	table_set(table, COL_CGROUP, cgpool_cgroup_version(pool) == 2 ? "v2" : "v1");
	table_set_num(table, COL_MAX, st.max);
	table_set_num(table, COL_LOW, st.low);
	table_set_num(table, COL_NEST, st.nest);
	table_set_num(table, COL_FREE, st.free);
	table_set_num(table, COL_TAKEN, st.claimed);
	table_set_num(table, COL_DIRTY, st.dirty);
	table_set_num(table, COL_CLAIMS, st.claims);
	table_set_num(table, COL_MISSES, st.misses);
	return 0;
}

int cmd_list(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		TABLE_LONG,
		{ "help",	no_argument,	NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct table_opts opts = { 0 };
	struct table *table;
	const char *bad;
	int c, ret;

	while ((c = getopt_long(argc, argv, "+h" TABLE_SHORT, longopts, NULL)) != -1) {
		if (c == 'h')
			return cli_help(usage);
		if (!table_opt(&opts, c, optarg))
			return cli_usage("list", NULL);
	}
	if (optind != argc)
		return cli_usage("list", "%s: unexpected argument", argv[optind]);
	table = table_new("pools", columns, NR_COLS, &opts, &bad);
	if (!table)
		return bad ? cli_usage("list", "%s: unknown column", bad) : CLI_FAILED;
	ret = cgpool_walk(cli->ctx, add_pool, table);
	if (ret)
		ret = cli_fail(cli, ret);
	else if (table_print(table))
		ret = CLI_FAILED;
	table_free(table);
	return ret;
}
