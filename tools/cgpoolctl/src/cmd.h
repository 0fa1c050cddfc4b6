/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CGPOOLCTL_CMD_H
#define _CGPOOLCTL_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "libcgpool.h"

/* More exit statuses; an official interface, see cgpoolctl(8). */
enum {
	CLI_UNSUPPORTED		= 3,
	CLI_EMPTY		= 4,	/* pool empty, or timed out */
	CLI_EXEC_OWN		= 125,
	CLI_EXEC_CANNOT		= 126,
	CLI_EXEC_NOT_FOUND	= 127,
	CLI_EXEC_SIGNAL		= 128,
};

struct cli {
	struct cgpool_ctx *ctx;		/* always there, whatever the host has */
	int verbose;
};

int cmd_check(struct cli *cli, int argc, char **argv);
int cmd_create(struct cli *cli, int argc, char **argv);
int cmd_destroy(struct cli *cli, int argc, char **argv);
int cmd_drain(struct cli *cli, int argc, char **argv);
int cmd_exec(struct cli *cli, int argc, char **argv);
int cmd_list(struct cli *cli, int argc, char **argv);
int cmd_mount(struct cli *cli, int argc, char **argv);
int cmd_put(struct cli *cli, int argc, char **argv);
int cmd_resize(struct cli *cli, int argc, char **argv);
int cmd_show(struct cli *cli, int argc, char **argv);
int cmd_take(struct cli *cli, int argc, char **argv);
int cmd_top(struct cli *cli, int argc, char **argv);
int cmd_trace(struct cli *cli, int argc, char **argv);

/* Prints what the library said and returns the exit status for @err. */
int cli_fail(struct cli *cli, int err);
/* Opens the pool named on the command line; on failure the message is out. */
int cli_open(struct cli *cli, const char *path, struct cgpool **pool, int *status);
/* The same for a command whose only argument is a pool. */
int cli_open_only(struct cli *cli, const char *cmd, int argc, char **argv, struct cgpool **pool,
		  int *status);
/* The argument of an option; where it is no number up to @max, cli_usage() has been called. */
bool cli_uint_arg(const char *cmd, const char *text, unsigned int max, unsigned int *val);
/* What --dry-run says of the cgroups that nobody has taken. */
int cli_print_free(struct cgpool *pool, const char *path);
const char *cli_mode_name(enum cgpool_mode mode);

#define CLI_MAX_MS	86400000U

#endif
