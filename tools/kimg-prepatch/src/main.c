// SPDX-License-Identifier: GPL-2.0-only
/* kimg-prepatch: global options and the table of commands. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static int cmd_help(struct cli *cli, int argc, char **argv);
static int cmd_version(struct cli *cli, int argc, char **argv);

static const struct command {
	const char *name;
	cmd_fn fn;
	const char *summary;
} commands[] = {
	{ "bake",	cmd_bake,	"all in one go: profile boot, apply, verify" },
	{ "profile",	cmd_profile,	"take or show the profile of a guest" },
	{ "apply",	cmd_apply,	"patch a vmlinux for a profile" },
	{ "verify",	cmd_verify,	"compare a vmlinux with the memory of a guest" },
	{ "inspect",	cmd_inspect,	"say what is in a vmlinux" },
	{ "undo",	cmd_undo,	"give back the stock vmlinux" },
	{ "ram-image",	cmd_ram_image,	"make guest memory that holds the kernel" },
	{ "help",	cmd_help,	"help on a command" },
	{ "version",	cmd_version,	"print the version" },
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const char usage[] =
	"Usage: kimg-prepatch [options] COMMAND [arguments]\n"
	"\n"
	"Apply to a guest kernel what it would patch in itself at every start, so that guests\n"
	"share its text.\n"
	"\n"
	"Options:\n"
	" -v, --verbose          say what is done, on stderr\n"
	" -h, --help             this text\n"
	" -V, --version          print the version\n"
	"\n"
	"Commands:\n";

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_usage(void)
{
	size_t i;

	fputs(usage, stdout);
	for (i = 0; i < NR_COMMANDS; i++)
		printf(" %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n'kimg-prepatch COMMAND --help' explains one of them.\n", stdout);
}

static int cmd_help(struct cli *cli, int argc, char **argv)
{
	const struct command *cmd;
	char *args[] = { NULL, (char *)"--help", NULL };

	if (argc > 2)
		return cli_usage(NULL, "help: too many arguments");
	if (argc < 2 || argv[1][0] == '-') {
		print_usage();
		return CLI_OK;
	}
	cmd = find_command(argv[1]);
	if (!cmd)
		return cli_usage(NULL, "%s: no such command", argv[1]);
	if (cmd->fn == cmd_help || cmd->fn == cmd_version) {
		printf("Usage: kimg-prepatch %s\n\n%s\n", cmd->name, cmd->summary);
		return CLI_OK;
	}
	args[0] = argv[1];
	optind = 0;
	return cmd->fn(cli, 2, args);
}

static int cmd_version(struct cli *cli, int argc, char **argv)
{
	(void)cli;
	(void)argc;
	(void)argv;
	printf("kimg-prepatch %s, descriptor version %u\n", KIMG_VERSION, X86_PREPATCH_VERSION);
	return CLI_OK;
}

int main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "verbose",	no_argument,		NULL, 'v' },
		{ "help",	no_argument,		NULL, 'h' },
		{ "version",	no_argument,		NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	struct cli cli = { 0 };
	const struct command *cmd;
	int c, ret;

	/* An output that can't be written is an error with a message, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	emit_clean_on_signals();
	while ((c = getopt_long(argc, argv, "+vhV", longopts, NULL)) != -1) {
		switch (c) {
		case 'v':
			cli.verbose++;
			break;
		case 'h':
			print_usage();
			return cli_flush();
		case 'V':
			cmd_version(&cli, argc, argv);
			return cli_flush();
		default:
			return cli_usage(NULL, NULL);
		}
	}
	if (optind == argc)
		return cli_usage(NULL, "no command given");
	cmd = find_command(argv[optind]);
	if (!cmd)
		return cli_usage(NULL, "%s: no such command", argv[optind]);
	argc -= optind;
	argv += optind;
	optind = 0;
	ret = cmd->fn(&cli, argc, argv);
	return ret ?: cli_flush();
}
