// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>

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
	unsigned int timeout = 0;
	bool is_dry_run = false;
	struct cgpool *pool;
	int c, ret, status;

	while ((c = getopt_long(argc, argv, "+t:h", longopts, NULL)) != -1) {
		switch (c) {
		case 't':
			if (!cli_uint_arg("drain", optarg, CLI_MAX_MS, &timeout))
				return CLI_USAGE;
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
	if (cli_open_only(cli, "drain", argc, argv, &pool, &status))
		return status;
	ret = is_dry_run ? cli_print_free(pool, argv[optind]) : cgpool_drain(pool, timeout);
	cgpool_unref(pool);
	return ret ? cli_fail(cli, ret) : CLI_OK;
}
