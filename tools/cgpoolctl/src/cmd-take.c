// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#ifdef CGPOOL_FAULT
#include "sys.h"
#endif

static const char usage[] =
	"Usage: cgpoolctl take [options] POOL [NAME]\n"
	"\n"
	"Take a cgroup and print its path. A userspace pool on v2 cannot rename; there\n"
	"NAME is only remembered, and the directory keeps its own name.\n"
	"\n"
	" -w, --wait MS          wait for a free one when the pool is empty\n"
	" -f, --fallback         make a new cgroup when the pool is empty\n"
	" -h, --help             this text\n";

int cmd_take(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "wait",	required_argument,	NULL, 'w' },
		{ "fallback",	no_argument,		NULL, 'f' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_take_opts opts = { .sz = sizeof(opts) };
	char dir[NAME_MAX + 1];
	struct cgpool *pool;
	const char *path;
	int c, ret, status, fd;

	while ((c = getopt_long(argc, argv, "+w:fh", longopts, NULL)) != -1) {
		switch (c) {
		case 'w':
			if (!cli_uint_arg("take", optarg, CLI_MAX_MS, &opts.timeout_ms))
				return CLI_USAGE;
			break;
		case 'f':
			opts.flags |= CGPOOL_TAKE_FALLBACK;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("take", NULL);
		}
	}
	if (argc - optind < 1 || argc - optind > 2)
		return cli_usage("take", "POOL and at most one NAME are needed");
	if (cli_open(cli, argv[optind], &pool, &status))
		return status;
	opts.name = argc - optind == 2 ? argv[optind + 1] : NULL;
	ret = cgpool_take(pool, &opts, &fd);
	if (!ret) {
		ret = cgpool_dir_name(pool, fd, dir, sizeof(dir));
		if (!ret) {
			path = argv[optind];
#ifdef CGPOOL_FAULT
			sys_step("print");
#endif
			printf("%s%s%s\n", path, path[strlen(path) - 1] == '/' ? "" : "/", dir);
		}
		close(fd);
	}
	cgpool_unref(pool);
	return ret ? cli_fail(cli, ret) : CLI_OK;
}
