// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"

static const char usage[] =
	"Usage: cgpoolctl put [options] POOL NAME\n"
	"\n"
	"Give a cgroup back. The kernel's pool removes it; a userspace pool resets it and\n"
	"makes it free again, or replaces it where something cannot be reset.\n"
	"\n"
	"     --kill             kill what still runs inside (else that is an error)\n"
	"     --fresh            replace it by a new one, never reset (userspace pool)\n"
	" -t, --timeout MS       for the processes to go (5000)\n"
	"     --dry-run          only say what would be killed and removed\n"
	" -h, --help             this text\n";

int cmd_put(struct cli *cli, int argc, char **argv)
{
	enum { OPT_KILL = 256, OPT_FRESH, OPT_DRY_RUN };
	static const struct option longopts[] = {
		{ "kill",	no_argument,		NULL, OPT_KILL },
		{ "fresh",	no_argument,		NULL, OPT_FRESH },
		{ "timeout",	required_argument,	NULL, 't' },
		{ "dry-run",	no_argument,		NULL, OPT_DRY_RUN },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_put_opts opts = { .sz = sizeof(opts) };
	char dir[NAME_MAX + 1];
	struct cgpool *pool;
	bool is_dry_run = false;
	int c, ret, status, fd;

	while ((c = getopt_long(argc, argv, "+t:h", longopts, NULL)) != -1) {
		switch (c) {
		case OPT_KILL:
			opts.flags |= CGPOOL_PUT_KILL;
			break;
		case OPT_FRESH:
			opts.flags |= CGPOOL_PUT_FRESH;
			break;
		case OPT_DRY_RUN:
			is_dry_run = true;
			break;
		case 't':
			if (!cli_uint_arg("put", optarg, CLI_MAX_MS, &opts.timeout_ms))
				return CLI_USAGE;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("put", NULL);
		}
	}
	if (argc - optind != 2)
		return cli_usage("put", "POOL and NAME are needed");
	if (cli_open(cli, argv[optind], &pool, &status))
		return status;
	ret = cgpool_lookup(pool, argv[optind + 1], &fd);
	if (!ret && is_dry_run) {
		ret = cgpool_dir_name(pool, fd, dir, sizeof(dir));
		if (!ret)
			printf("would put %s/%s\n", argv[optind], dir);
		if (!ret && cgpool_explain_busy(pool, fd) > 0)
			printf("%s: %s\n", opts.flags & CGPOOL_PUT_KILL ? "would kill" : "would fail",
			       cgpool_errmsg(cli->ctx));
		close(fd);
	} else if (!ret) {
		ret = cgpool_put(pool, fd, &opts);
		close(fd);
	}
	cgpool_unref(pool);
	return ret ? cli_fail(cli, ret) : CLI_OK;
}
