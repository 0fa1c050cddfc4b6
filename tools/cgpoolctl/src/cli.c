// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "cmd.h"

const char cli_program[] = "cgpoolctl";

int cli_fail(struct cli *cli, int err)
{
	cli_error("%s", cgpool_errmsg(cli->ctx));
	switch (err) {
	case -EOPNOTSUPP:
	case -ENOSYS:
	case -ENOTTY:
		return CLI_UNSUPPORTED;
	case -EAGAIN:
	case -ETIMEDOUT:
		return CLI_EMPTY;
	}
	return CLI_FAILED;
}

int cli_open(struct cli *cli, const char *path, struct cgpool **pool, int *status)
{
	int ret = cgpool_open(cli->ctx, path, pool);

	*status = ret ? cli_fail(cli, ret) : CLI_OK;
	return ret;
}

int cli_open_only(struct cli *cli, const char *cmd, int argc, char **argv, struct cgpool **pool,
		  int *status)
{
	if (argc - optind != 1) {
		*status = cli_usage(cmd, "one POOL is needed");
		return -EINVAL;
	}
	return cli_open(cli, argv[optind], pool, status);
}

bool cli_uint_arg(const char *cmd, const char *text, unsigned int max, unsigned int *val)
{
	if (cli_uint(text, max, val))
		return true;
	cli_usage(cmd, "%s: not a number in range", text);
	return false;
}

int cli_print_free(struct cgpool *pool, const char *path)
{
	struct cgpool_stats st = { .sz = sizeof(st) };
	int ret = cgpool_stats(pool, &st);

	if (ret)
		return ret;
	printf("would remove %" PRIu64 " free cgroups of %s\n",
	       st.free + (st.dirty == CGPOOL_UNKNOWN ? 0 : st.dirty), path);
	return 0;
}

const char *cli_mode_name(enum cgpool_mode mode)
{
	switch (mode) {
	case CGPOOL_MODE_KERNEL:
		return "kernel";
	case CGPOOL_MODE_USERSPACE:
		return "userspace";
	case CGPOOL_MODE_AUTO:
		break;
	}
	return "auto";
}
