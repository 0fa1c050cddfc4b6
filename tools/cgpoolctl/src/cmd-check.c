// SPDX-License-Identifier: GPL-2.0-only
/* What this host offers to a pool, why, and what else slows cgroups here. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cmd.h"
#include "table.h"

static const char usage[] =
	"Usage: cgpoolctl check [options]\n"
	"\n"
	"Say which kind of pool works here and why, and what makes cgroups slow.\n"
	"STATE is ok, info, slow or missing. Exit status 3 if no pool can work.\n"
	"\n"
	TABLE_HELP
	" -h, --help             this text\n"
	"\n"
	"Columns: ITEM STATE VALUE NOTE\n";

enum { COL_ITEM, COL_STATE, COL_VALUE, COL_NOTE, NR_COLS };

static const struct column columns[NR_COLS] = {
	[COL_ITEM]	= { "ITEM" },
	[COL_STATE]	= { "STATE" },
	[COL_VALUE]	= { "VALUE" },
	[COL_NOTE]	= { "NOTE" },
};

static void add(struct table *table, const char *item, const char *state, const char *value,
		const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

static void add(struct table *table, const char *item, const char *state, const char *value,
		const char *fmt, ...)
{
	char note[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
	if (table_line(table))
		return;
	table_set(table, COL_ITEM, item);
	table_set(table, COL_STATE, state);
	table_set(table, COL_VALUE, value);
	table_set(table, COL_NOTE, note);
}

/* 1 =y or =m, 0 not set, -1 there is no config file to look at. */
static int config_has(const char *option)
{
	static const size_t nr_where = 2;
	struct utsname uts;
	size_t i, len = strlen(option);

	if (uname(&uts))
		return -1;
	for (i = 0; i < nr_where; i++) {
		char path[256], line[512];
		int found = 0;
		FILE *f;

		snprintf(path, sizeof(path), i ? "/lib/modules/%s/config" : "/boot/config-%s",
			 uts.release);
		f = fopen(path, "re");
		if (!f)
			continue;
		while (!found && fgets(line, sizeof(line), f))
			found = !strncmp(line, option, len) && line[len] == '=' &&
				(line[len + 1] == 'y' || line[len + 1] == 'm');
		fclose(f);
		return found;
	}
	return -1;
}

static void add_mode(struct cli *cli, struct table *table, const struct cgpool_host *host,
		     bool *is_usable)
{
	int probe = cgpool_probe(cli->ctx, CGPOOL_FEATURE_KERNEL_POOL);

	*is_usable = host->has_v2 || host->has_v1;
	if (!*is_usable)
		add(table, "mode", "missing", "none",
		    "no cgroup hierarchy with controllers is mounted");
	else if (host->has_kernel_pool)
		add(table, "mode", "ok", "kernel", "the kernel has cgroup.pool.*");
	else if (probe < 0)
		add(table, "mode", "info", "userspace",
		    "could not find out whether the kernel has cgroup.pool.*");
	else
		add(table, "mode", "slow", "userspace",
		    "the kernel has no cgroup.pool.* files: built without CONFIG_CGROUP_POOL");
	if (host->has_v2 && !host->has_kernel_pool)
		add(table, "userspace-leaks", "info", "v2",
		    "a userspace pool cannot reset: %s", cgpool_leaks(2));
	if (host->has_v1 && !host->has_kernel_pool)
		add(table, "userspace-leaks", "info", "v1",
		    "a userspace pool cannot reset: %s", cgpool_leaks(1));
}

static void add_hierarchies(struct table *table, const struct cgpool_host *host)
{
	if (host->has_v2)
		add(table, "v2", "ok", host->v2_mount, "controllers for children of the root: %s",
		    *host->v2_controllers ? host->v2_controllers : "none");
	else
		add(table, "v2", "info", "no", "cgroup2 is not mounted");
	if (host->has_v1)
		add(table, "v1", "info", host->v1_mount, "hierarchies: %s", host->v1_controllers);
	if (host->has_v2 && !host->favordynmods_v2)
		add(table, "favordynmods", "slow", "off",
		    "moving a process waits for an RCU grace period with cgroup_mutex held; "
		    "mount -o remount,favordynmods %s", host->v2_mount);
	else if (host->has_v2)
		add(table, "favordynmods", "ok", "on", "v2");
	if (host->has_v1 && !host->favordynmods_v1)
		add(table, "favordynmods-v1", "slow", "off",
		    "as above; mount -o remount,favordynmods %s, or boot with "
		    "cgroup_favordynmods=true", host->v1_mount);
}

static void add_load(struct table *table, const struct cgpool_host *host)
{
	char value[32];

	snprintf(value, sizeof(value), "%" PRIu64, host->superblocks);
	add(table, "superblocks", "info", value,
	    "mounted filesystems seen%s; for each of them the kernel walks two list_lrus with "
	    "cgroup_mutex held whenever a memory cgroup is destroyed, so many mounts make "
	    "rmdir slow",
	    host->is_truncated ? " (survey stopped at its bound)" : "");
	if (host->dying != CGPOOL_UNKNOWN) {
		snprintf(value, sizeof(value), "%" PRIu64, host->dying);
		add(table, "dying", host->dying > host->cgroups ? "slow" : "info", value,
		    "cgroups removed but still held, mostly by page cache; they cost memory and "
		    "reclaim time");
	}
	snprintf(value, sizeof(value), "%" PRIu64, host->cgroups);
	add(table, "cgroups", "info", value, "looked at%s",
	    host->is_truncated ? ", not all" : "");
	if (*host->unused_controllers)
		add(table, "unused-controllers", "slow", host->unused_controllers,
		    "enabled for children of the root, but no cgroup sets a limit of theirs; if "
		    "their statistics are not needed either, every mkdir makes files and per-CPU "
		    "data for nothing");
	else if (host->has_v2 && !host->is_truncated)
		add(table, "unused-controllers", "ok", "none",
		    "no controller is enabled that nobody limits");
}

static void add_features(struct cli *cli, struct table *table, const struct cgpool_host *host)
{
	static const struct {
		enum cgpool_feature feature;
		const char *item, *without;
	} features[] = {
		{ CGPOOL_FEATURE_CLONE_INTO, "clone-into",
		  "exec falls back to cgroup.procs, which migrates" },
		{ CGPOOL_FEATURE_KILL, "cgroup.kill", "processes are killed one by one" },
		{ CGPOOL_FEATURE_OPENAT2, "openat2", "paths are walked name by name" },
	};
	static const struct {
		const char *option, *why;
	} options[] = {
		{ "CONFIG_CGROUP_POOL", "the kernel's own pool" },
		{ "CONFIG_CGROUP_FAVOR_DYNMODS", "favordynmods without a mount option" },
		{ "CONFIG_MEMCG_V1", "memory on v1 (mount lightweight)" },
		{ "CONFIG_CPUSETS_V1", "cpuset on v1 (mount lightweight)" },
	};
	size_t i;

	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		int ret = cgpool_probe(cli->ctx, features[i].feature);

		if (ret < 0)
			add(table, features[i].item, "info", "unknown", "%s", strerror(-ret));
		else
			add(table, features[i].item, ret ? "ok" : "slow", ret ? "yes" : "no", "%s",
			    ret ? "" : features[i].without);
	}
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		int ret = config_has(options[i].option);

		if (ret >= 0)
			add(table, options[i].option, ret ? "ok" : "info", ret ? "set" : "not set",
			    "%s", options[i].why);
	}
	if (!*host->self_cgroup)
		return;
	if (host->is_delegated)
		add(table, "delegation", "ok", host->self_cgroup, "delegated by systemd (Delegate=)");
	else if (host->is_writable)
		add(table, "delegation", "info", host->self_cgroup,
		    "writable, but not marked as delegated; a manager such as systemd may "
		    "remove cgroups made here");
	else
		add(table, "delegation", "missing", host->self_cgroup,
		    "not writable: run as root or below a unit with Delegate=yes");
	if (host->is_inner_busy)
		add(table, "inner-processes", "info", host->self_cgroup,
		    "processes live here, so controllers cannot be enabled for its children; "
		    "move them to a leaf first");
}

int cmd_check(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		TABLE_LONG,
		{ "help",	no_argument,	NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_host host = { .sz = sizeof(host) };
	struct table_opts opts = { 0 };
	bool is_usable = false;
	struct table *table;
	const char *bad;
	int c, ret;

	while ((c = getopt_long(argc, argv, "+h" TABLE_SHORT, longopts, NULL)) != -1) {
		if (c == 'h')
			return cli_help(usage);
		if (!table_opt(&opts, c, optarg))
			return cli_usage("check", NULL);
	}
	if (optind != argc)
		return cli_usage("check", "%s: unexpected argument", argv[optind]);
	table = table_new("checks", columns, NR_COLS, &opts, &bad);
	if (!table)
		return bad ? cli_usage("check", "%s: unknown column", bad) : CLI_FAILED;
	ret = cgpool_host_info(cli->ctx, &host);
	if (ret) {
		table_free(table);
		return cli_fail(cli, ret);
	}
	add_mode(cli, table, &host, &is_usable);
	add_hierarchies(table, &host);
	add_load(table, &host);
	add_features(cli, table, &host);
	ret = table_print(table);
	table_free(table);
	if (ret)
		return CLI_FAILED;
	return is_usable ? CLI_OK : CLI_UNSUPPORTED;
}
