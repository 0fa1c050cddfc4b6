// SPDX-License-Identifier: GPL-2.0-only
/* The table of commands: finding one, running it, and help on it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct command *find(const char *name)
{
	const struct command *cmd;

	for (cmd = cli_commands; cmd->name; cmd++)
		if (!strcmp(cmd->name, name))
			return cmd;
	cli_usage(NULL, "%s: no such command", name);
	return NULL;
}

const struct command *cli_find_command(int argc, char **argv)
{
	if (optind < argc)
		return find(argv[optind]);
	cli_usage(NULL, "no command given");
	return NULL;
}

int cli_run_command(const struct command *cmd, struct cli *cli, int argc, char **argv)
{
	argc -= optind;
	argv += optind;
	optind = 0;
	return cmd->fn(cli, argc, argv);
}

void cli_print_usage(void)
{
	const struct command *cmd;

	fputs(cli_usage_text, stdout);
	for (cmd = cli_commands; cmd->name; cmd++)
		printf(" %-10s %s\n", cmd->name, cmd->summary);
	printf("\n'%s COMMAND --help' explains one of them.\n", cli_program);
}

int cmd_help(struct cli *cli, int argc, char **argv)
{
	const struct command *cmd;
	char *args[] = { NULL, (char *)"--help", NULL };

	if (argc > 2)
		return cli_usage(NULL, "help: too many arguments");
	if (argc < 2 || argv[1][0] == '-') {
		cli_print_usage();
		return CLI_OK;
	}
	cmd = find(argv[1]);
	if (!cmd)
		return CLI_USAGE;
	if (cmd->fn == cmd_help || cmd->fn == cmd_version) {
		printf("Usage: %s %s\n\n%s\n", cli_program, cmd->name, cmd->summary);
		return CLI_OK;
	}
	args[0] = argv[1];
	optind = 0;
	return cmd->fn(cli, 2, args);
}
