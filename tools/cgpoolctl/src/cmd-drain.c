// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "cmd.h"

static const char usage[] =
	"Usage: cgpoolctl drain [options] POOL\n"
	"\n"
	"Remove the free cgroups of a pool and keep none, until its size is set again.\n"
	"Cgroups that are taken stay.\n"
	"\n"
	" -t, --timeout MS       give up after this time (5000)\n"
	"     --dry-run          only say what would be removed\n"
	" -h, --help             this text\n";

int cmd_drain(struct cli *cli, int argc, char **argv)
{
	enum { OPT_DRY_RUN = 256 };
	static const struct option longopts[] = {
		{ "timeout",	required_argument,	NULL, 't' },
		{ "dry-run",	no_argument,		NULL, OPT_DRY_RUN },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_stats st = { .sz = sizeof(st) };
	unsigned int timeout = 0;
	bool is_dry_run = false;
	struct cgpool *pool;
	int c, ret, status;

	while ((c = getopt_long(argc, argv, "+t:h", longopts, NULL)) != -1) {
		switch (c) {
		case 't':
			if (!cli_uint(optarg, CLI_MAX_MS, &timeout))
				return cli_usage("drain", "%s: not a number in range", optarg);
			break;
		case OPT_DRY_RUN:
			is_dry_run = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("drain", NULL);
		}
	}
	if (argc - optind != 1)
		return cli_usage("drain", "one POOL is needed");
	if (cli_open(cli, argv[optind], &pool, &status))
		return status;
	if (is_dry_run) {
		ret = cgpool_stats(pool, &st);
		if (!ret)
			printf("would remove %" PRIu64 " free cgroups of %s\n",
			       st.free + (st.dirty == CGPOOL_UNKNOWN ? 0 : st.dirty),
			       argv[optind]);
	} else {
		ret = cgpool_drain(pool, timeout);
	}
	cgpool_unref(pool);
	return ret ? cli_fail(cli, ret) : CLI_OK;
}
