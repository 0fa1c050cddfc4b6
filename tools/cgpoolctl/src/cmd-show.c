// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "table.h"

static const char usage[] =
	"Usage: cgpoolctl show [options] POOL\n"
	"\n"
	"Show settings and counters of a pool, or the cgroups in it.\n"
	"\n"
	" -s, --slots            the cgroups; free ones of a kernel pool are invisible\n"
	TABLE_HELP
	" -h, --help             this text\n"
	"\n"
	"Columns: KEY VALUE; with --slots: DIR STATE NAME PID LEASE POPULATED\n";

enum { COL_KEY, COL_VALUE, NR_COLS };

static const struct column columns[NR_COLS] = {
	[COL_KEY]	= { "KEY" },
	[COL_VALUE]	= { "VALUE", .is_right = true },
};

enum { SCOL_DIR, SCOL_STATE, SCOL_NAME, SCOL_PID, SCOL_LEASE, SCOL_POPULATED, NR_SCOLS };

static const struct column slot_columns[NR_SCOLS] = {
	[SCOL_DIR]		= { "DIR" },
	[SCOL_STATE]		= { "STATE" },
	[SCOL_NAME]		= { "NAME" },
	[SCOL_PID]		= { "PID", .is_number = true },
	[SCOL_LEASE]		= { "LEASE", .is_bool = true },
	[SCOL_POPULATED]	= { "POPULATED", .is_bool = true },
};

static int add_slot(const struct cgpool_slot *slot, void *data)
{
	static const char *const states[] = {
		[CGPOOL_SLOT_FREE]	= "free",
		[CGPOOL_SLOT_TAKEN]	= "taken",
		[CGPOOL_SLOT_DIRTY]	= "dirty",
	};
	struct table *table = data;

	if (table_line(table))
		return -1;
	table_set(table, SCOL_DIR, slot->dir);
	table_set(table, SCOL_STATE, states[slot->state]);
	table_set(table, SCOL_NAME, slot->name);
	if (slot->pid)
		table_set_num(table, SCOL_PID, (uint64_t)slot->pid);
	table_set_num(table, SCOL_LEASE, slot->lease);
	table_set_num(table, SCOL_POPULATED, slot->is_populated);
	return 0;
}

static int add_stats(struct cgpool *pool, struct table *table, const struct cgpool_stats *st)
{
	const struct {
		const char *key;
		uint64_t val;
	} rows[] = {
		{ "max",		st->max },
		{ "low",		st->low },
		{ "nest",		st->nest },
		{ "free",		st->free },
		{ "building",		st->building },
		{ "taken",		st->claimed },
		{ "dirty",		st->dirty },
		{ "claims",		st->claims },
		{ "misses",		st->misses },
		{ "miss_empty",		st->miss_empty },
		{ "miss_cred",		st->miss_cred },
		{ "miss_stale",		st->miss_stale },
		{ "miss_limit",		st->miss_limit },
		{ "created",		st->created },
		{ "destroyed",		st->destroyed },
		{ "stale",		st->stale },
		{ "refill_usec",	st->refill_usec },
		{ "refill_lock_busy",	st->refill_lock_busy },
		{ "refill_failed",	st->refill_failed },
		{ "events_empty",	st->events_empty },
		{ "events_low",		st->events_low },
	};
	size_t i;

	if (table_line(table))
		return -1;
	table_set(table, COL_KEY, "mode");
	table_set(table, COL_VALUE, cli_mode_name(cgpool_mode(pool)));
	if (table_line(table))
		return -1;
	table_set(table, COL_KEY, "cgroup");
	table_set(table, COL_VALUE, cgpool_cgroup_version(pool) == 2 ? "v2" : "v1");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* What the backend does not count is left out. */
		if (rows[i].val == CGPOOL_UNKNOWN)
			continue;
		if (table_line(table))
			return -1;
		table_set(table, COL_KEY, rows[i].key);
		table_set_num(table, COL_VALUE, rows[i].val);
	}
	return 0;
}

int cmd_show(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "slots",	no_argument,	NULL, 's' },
		TABLE_LONG,
		{ "help",	no_argument,	NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct table_opts opts = { 0 };
	struct table *table = NULL;
	struct cgpool *pool;
	bool slots = false;
	const char *bad;
	int c, ret, status;

	while ((c = getopt_long(argc, argv, "+hs" TABLE_SHORT, longopts, NULL)) != -1) {
		if (c == 'h')
			return cli_help(usage);
		if (c == 's')
			slots = true;
		else if (!table_opt(&opts, c, optarg))
			return cli_usage("show", NULL);
	}
	if (argc - optind != 1)
		return cli_usage("show", "one POOL is needed");
	table = slots ? table_new("slots", slot_columns, NR_SCOLS, &opts, &bad) :
			table_new("pool", columns, NR_COLS, &opts, &bad);
	if (!table)
		return bad ? cli_usage("show", "%s: unknown column", bad) : CLI_FAILED;
	if (cli_open(cli, argv[optind], &pool, &status)) {
		table_free(table);
		return status;
	}
	if (slots) {
		ret = cgpool_slots(pool, add_slot, table);
	} else {
		ret = cgpool_stats(pool, &st);
		if (!ret)
			ret = add_stats(pool, table, &st);
	}
	if (ret)
		status = cli_fail(cli, ret);
	else if (table_print(table))
		status = CLI_FAILED;
	cgpool_unref(pool);
	table_free(table);
	return status;
}
