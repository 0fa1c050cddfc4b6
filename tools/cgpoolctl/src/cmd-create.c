// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stddef.h>

#include "cmd.h"

static const char usage[] =
	"Usage: cgpoolctl create [options] POOL\n"
	"\n"
	"Make the cgroup POOL if it does not exist, and a pool in it.\n"
	"\n"
	" -m, --max N            free cgroups to keep (16)\n"
	" -l, --low N            refill below this (half of max)\n"
	" -k, --nest N           children made inside each free cgroup (kernel pool only)\n"
	" -c, --controllers LIST enable these for the children (v2)\n"
	" -w, --wait MS          wait until the pool is full\n"
	" -h, --help             this text\n";

#define DEFAULT_MAX	16U

int cmd_create(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "max",		required_argument,	NULL, 'm' },
		{ "low",		required_argument,	NULL, 'l' },
		{ "nest",		required_argument,	NULL, 'k' },
		{ "controllers",	required_argument,	NULL, 'c' },
		{ "wait",		required_argument,	NULL, 'w' },
		{ "help",		no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_create_opts opts = {
		.sz	= sizeof(opts),
		.max	= DEFAULT_MAX,
		.low	= CGPOOL_LOW_DEFAULT,
	};
	struct cgpool *pool;
	unsigned int wait = 0;
	int c, ret;

	while ((c = getopt_long(argc, argv, "+m:l:k:c:w:h", longopts, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case 'm':
			is_good = cli_uint(optarg, CGPOOL_MAX_LIMIT, &opts.max);
			break;
		case 'l':
			is_good = cli_uint(optarg, CGPOOL_MAX_LIMIT, &opts.low);
			break;
		case 'k':
			is_good = cli_uint(optarg, CGPOOL_MAX_LIMIT, &opts.nest);
			break;
		case 'c':
			opts.controllers = optarg;
			break;
		case 'w':
			is_good = cli_uint(optarg, CLI_MAX_MS, &wait);
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("create", NULL);
		}
		if (!is_good)
			return cli_usage("create", "%s: not a number in range", optarg);
	}
	if (argc - optind != 1)
		return cli_usage("create", "one POOL is needed");
	ret = cgpool_create(cli->ctx, argv[optind], &opts, &pool);
	if (ret)
		return cli_fail(cli, ret);
	ret = wait ? cgpool_wait_full(pool, wait) : 0;
	cgpool_unref(pool);
	return ret ? cli_fail(cli, ret) : CLI_OK;
}
