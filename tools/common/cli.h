/* SPDX-License-Identifier: GPL-2.0-only */
/* What the command lines of all programs have in common. */
#ifndef _TOOLS_COMMON_CLI_H
#define _TOOLS_COMMON_CLI_H

#include <stdbool.h>

/* Exit statuses of every program; each adds its own from 3 on, see its man page. */
enum {
	CLI_OK			= 0,
	CLI_FAILED		= 1,
	CLI_USAGE		= 2,
};

/* The program's own: what its commands are told. */
struct cli;

/* argv[0] is the name of the command. The result is the exit status. */
typedef int (*cmd_fn)(struct cli *cli, int argc, char **argv);

struct command {
	const char *name;
	cmd_fn fn;
	const char *summary;
};

/* Given by the program. */
extern const char cli_program[];
/* The text of --help before the list of the commands. */
extern const char cli_usage_text[];
/* An entry without a name is the end. */
extern const struct command cli_commands[];

/* Given by the program, too: it has more to say than a number. */
int cmd_version(struct cli *cli, int argc, char **argv);

/* commands.c */
int cmd_help(struct cli *cli, int argc, char **argv);
void cli_print_usage(void);
/* The command that argv[optind] names; NULL if there is none, when cli_usage() has been called. */
const struct command *cli_find_command(int argc, char **argv);
/* Runs it with the arguments from argv[optind] on. */
int cli_run_command(const struct command *cmd, struct cli *cli, int argc, char **argv);

/* messages.c */
/* One line on stderr: "<program>: <text>". */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Text to stdout, CLI_OK. */
int cli_help(const char *text);
/* One line plus "Try ...", CLI_USAGE. @fmt may be NULL when getopt has spoken. */
int cli_usage(const char *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What has been printed is out, or it is said why not. 0 or an exit status. */
int cli_flush(void);
/* Decimal number up to @max. */
bool cli_uint(const char *text, unsigned int max, unsigned int *val);

#endif
