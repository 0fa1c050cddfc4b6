// SPDX-License-Identifier: GPL-2.0-only
/* cgpoolctl: global options and the table of commands. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

const struct command cli_commands[] = {
	{ "list",	cmd_list,	"list all pools" },
	{ "show",	cmd_show,	"show one pool, or the cgroups in it" },
	{ "create",	cmd_create,	"make a pool" },
	{ "resize",	cmd_resize,	"change the size of a pool, or refill it" },
	{ "take",	cmd_take,	"take a cgroup out of a pool" },
	{ "put",	cmd_put,	"give a cgroup back" },
	{ "exec",	cmd_exec,	"run a command in a cgroup of a pool" },
	{ "drain",	cmd_drain,	"remove the free cgroups of a pool" },
	{ "destroy",	cmd_destroy,	"remove a pool" },
	{ "check",	cmd_check,	"say what this host offers, and what slows it" },
	{ "mount",	cmd_mount,	"mount a hierarchy known by name" },
	{ "top",	cmd_top,	"live view of all pools" },
	{ "trace",	cmd_trace,	"latencies of mkdir, attach and rmdir" },
	{ "help",	cmd_help,	"help on a command" },
	{ "version",	cmd_version,	"print the version" },
	{ NULL, NULL, NULL }
};

const char cli_usage_text[] =
	"Usage: cgpoolctl [options] COMMAND [arguments]\n"
	"\n"
	"Take ready-made cgroups from a pool and give them back.\n"
	"\n"
	"Options:\n"
	"     --root DIR         a cgroup mount other than the first cgroup2 one\n"
	"     --backend WHICH    auto, kernel or userspace\n"
	" -v, --verbose          say what is done, on stderr (twice: more)\n"
	" -h, --help             this text\n"
	" -V, --version          print the version\n"
	"\n"
	"Commands:\n";

int cmd_version(struct cli *cli, int argc, char **argv)
{
	(void)cli;
	(void)argc;
	(void)argv;
	printf("cgpoolctl %s%s\n", cgpool_version(),
#ifdef HAVE_BPF
	       " +bpf"
#else
	       " -bpf"
#endif
	       );
	return CLI_OK;
}

static void print_log(void *data, int level, const char *msg)
{
	(void)data;
	(void)level;
	fprintf(stderr, "cgpoolctl: %s\n", msg);
}

int main(int argc, char **argv)
{
	enum { OPT_ROOT = 256, OPT_BACKEND };
	static const struct option longopts[] = {
		{ "root",	required_argument,	NULL, OPT_ROOT },
		{ "backend",	required_argument,	NULL, OPT_BACKEND },
		{ "verbose",	no_argument,		NULL, 'v' },
		{ "help",	no_argument,		NULL, 'h' },
		{ "version",	no_argument,		NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_ctx_opts opts = { .sz = sizeof(opts) };
	const char *backend = getenv("CGPOOL_BACKEND");
	const char *debug = getenv("CGPOOL_DEBUG");
	struct cli cli = { 0 };
	const struct command *cmd;
	int c, ret, flushed;

	while ((c = getopt_long(argc, argv, "+vhV", longopts, NULL)) != -1) {
		switch (c) {
		case OPT_ROOT:
			opts.root = optarg;
			break;
		case OPT_BACKEND:
			backend = optarg;
			break;
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
	if (!backend || !strcmp(backend, "auto"))
		opts.mode = CGPOOL_MODE_AUTO;
	else if (!strcmp(backend, "kernel"))
		opts.mode = CGPOOL_MODE_KERNEL;
	else if (!strcmp(backend, "userspace"))
		opts.mode = CGPOOL_MODE_USERSPACE;
	else
		return cli_usage(NULL, "%s: backend is auto, kernel or userspace", backend);
	/* For the tests: a directory that only looks like cgroupfs. */
	if (getenv("CGPOOL_FAKE_ROOT"))
		opts.flags |= CGPOOL_CTX_FAKE;

	ret = cgpool_new(&cli.ctx, &opts);
	if (ret == -ENOTTY)
		cli_error("%s: not a cgroup mount", opts.root);
	else if (ret)
		cli_error("%s: %s", opts.root ?: "cgroup mount", strerror(-ret));
	if (ret)
		return CLI_FAILED;
	if (debug && *debug && strcmp(debug, "0"))
		cli.verbose = 2;
	if (cli.verbose)
		cgpool_set_log_fn(cli.ctx, print_log, NULL,
				  cli.verbose > 1 ? CGPOOL_LOG_DEBUG : CGPOOL_LOG_INFO);

	ret = cli_run_command(cmd, &cli, argc, argv);
	cgpool_ctx_unref(cli.ctx);
	flushed = cli_flush();
	return ret ?: flushed;
}
