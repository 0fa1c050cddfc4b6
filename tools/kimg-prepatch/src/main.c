// SPDX-License-Identifier: GPL-2.0-only
/* kimg-prepatch: global options and the table of commands. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "cmd.h"

const struct command cli_commands[] = {
	{ "bake",	cmd_bake,	"all in one go: profile boot, apply, verify" },
	{ "profile",	cmd_profile,	"take or show the profile of a guest" },
	{ "apply",	cmd_apply,	"patch a vmlinux for a profile" },
	{ "verify",	cmd_verify,	"compare a vmlinux with the memory of a guest" },
	{ "inspect",	cmd_inspect,	"say what is in a vmlinux" },
	{ "undo",	cmd_undo,	"give back the stock vmlinux" },
	{ "ram-image",	cmd_ram_image,	"make guest memory that holds the kernel" },
	{ "help",	cmd_help,	"help on a command" },
	{ "version",	cmd_version,	"print the version" },
	{ NULL, NULL, NULL }
};

const char cli_usage_text[] =
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

int cmd_version(struct cli *cli, int argc, char **argv)
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
			cli_print_usage();
			return cli_flush();
		case 'V':
			cmd_version(&cli, argc, argv);
			return cli_flush();
		default:
			return cli_usage(NULL, NULL);
		}
	}
	cmd = cli_find_command(argc, argv);
	if (!cmd)
		return CLI_USAGE;
	ret = cli_run_command(cmd, &cli, argc, argv);
	return ret ?: cli_flush();
}
