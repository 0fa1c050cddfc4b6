// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"

static const char usage[] =
	"Usage: cgpoolctl destroy [options] POOL\n"
	"\n"
	"Remove a pool with its cgroup. Refused while cgroups are taken.\n"
	"\n"
	" -f, --force            kill what runs in taken cgroups and remove them too\n"
	" -k, --keep             keep the cgroup POOL itself\n"
	" -t, --timeout MS       give up after this time (5000)\n"
	"     --dry-run          only say what would be removed\n"
	" -h, --help             this text\n";

static int print_slot(const struct cgpool_slot *slot, void *data)
{
	if (slot->state == CGPOOL_SLOT_TAKEN)
		printf("would remove %s/%s (taken%s)\n", (const char *)data, slot->dir,
		       slot->is_populated ? ", with processes in it" : "");
	return 0;
}

int cmd_destroy(struct cli *cli, int argc, char **argv)
{
	enum { OPT_DRY_RUN = 256 };
	static const struct option longopts[] = {
		{ "force",	no_argument,		NULL, 'f' },
		{ "keep",	no_argument,		NULL, 'k' },
		{ "timeout",	required_argument,	NULL, 't' },
		{ "dry-run",	no_argument,		NULL, OPT_DRY_RUN },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_destroy_opts opts = { .sz = sizeof(opts) };
	bool is_dry_run = false;
	struct cgpool *pool;
	int c, ret, status;

	while ((c = getopt_long(argc, argv, "+fkt:h", longopts, NULL)) != -1) {
		switch (c) {
		case 'f':
			opts.flags |= CGPOOL_DESTROY_FORCE;
			break;
		case 'k':
			opts.flags |= CGPOOL_DESTROY_KEEP;
			break;
		case 't':
			if (!cli_uint_arg("destroy", optarg, CLI_MAX_MS, &opts.timeout_ms))
				return CLI_USAGE;
			break;
		case OPT_DRY_RUN:
			is_dry_run = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("destroy", NULL);
		}
	}
	if (cli_open_only(cli, "destroy", argc, argv, &pool, &status))
		return status;
	if (!is_dry_run) {
		ret = cgpool_destroy(pool, &opts);
	} else {
		ret = cli_print_free(pool, argv[optind]);
		if (!ret && opts.flags & CGPOOL_DESTROY_FORCE)
			ret = cgpool_slots(pool, print_slot, argv[optind]);
		if (!ret && !(opts.flags & CGPOOL_DESTROY_KEEP))
			printf("would remove %s\n", argv[optind]);
	}
	cgpool_unref(pool);
	return ret ? cli_fail(cli, ret) : CLI_OK;
}
