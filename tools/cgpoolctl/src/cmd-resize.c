// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stddef.h>

#include "cmd.h"

static const char usage[] =
	"Usage: cgpoolctl resize [options] POOL [MAX]\n"
	"\n"
	"Set the number of free cgroups to keep. Without MAX the pool is brought back to\n"
	"its size: a userspace pool is cleaned up and refilled by this.\n"
	"\n"
	" -l, --low N            refill below this\n"
	" -k, --nest N           children made inside each free cgroup (kernel pool only)\n"
	" -w, --wait MS          wait until the pool is full\n"
	" -h, --help             this text\n";

int cmd_resize(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "low",	required_argument,	NULL, 'l' },
		{ "nest",	required_argument,	NULL, 'k' },
		{ "wait",	required_argument,	NULL, 'w' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_stats st = { .sz = sizeof(st) };
	unsigned int max = 0, low = 0, nest = 0, wait = 0;
	bool has_low = false, has_nest = false;
	struct cgpool *pool;
	int c, ret, status;

	while ((c = getopt_long(argc, argv, "+l:k:w:h", longopts, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case 'l':
			has_low = true;
			is_good = cli_uint(optarg, CGPOOL_MAX_LIMIT, &low);
			break;
		case 'k':
			has_nest = true;
			is_good = cli_uint(optarg, CGPOOL_MAX_LIMIT, &nest);
			break;
		case 'w':
			is_good = cli_uint(optarg, CLI_MAX_MS, &wait);
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("resize", NULL);
		}
		if (!is_good)
			return cli_usage("resize", "%s: not a number in range", optarg);
	}
	if (argc - optind < 1 || argc - optind > 2)
		return cli_usage("resize", "POOL and at most one size are needed");
	if (argc - optind == 2 && !cli_uint(argv[optind + 1], CGPOOL_MAX_LIMIT, &max))
		return cli_usage("resize", "%s: not a number in range", argv[optind + 1]);
	if (cli_open(cli, argv[optind], &pool, &status))
		return status;
	ret = has_nest ? cgpool_set_nest(pool, nest) : 0;
	if (!ret && has_low)
		ret = cgpool_set_low(pool, low);
	if (!ret && argc - optind == 1) {
		ret = cgpool_stats(pool, &st);
		max = (unsigned int)st.max;
	}
	if (!ret)
		ret = cgpool_resize(pool, max);
	if (!ret && wait)
		ret = cgpool_wait_full(pool, wait);
	cgpool_unref(pool);
	return ret ? cli_fail(cli, ret) : CLI_OK;
}
