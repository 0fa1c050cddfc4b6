// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "cmd.h"

static const struct {
	const char *name;
	const char *options;
} mounts[] = {
	/* RunD's aggregated "lightweight cgroup": one v1 hierarchy instead of six. */
	{ "lightweight",	"cpu,cpuacct,cpuset,blkio,memory,freezer" },
};

static const char usage[] =
	"Usage: cgpoolctl mount [options] NAME DIR\n"
	"\n"
	"Mount a hierarchy known by name at DIR.\n"
	"\n"
	" lightweight            cgroup v1 with cpu, cpuacct, cpuset, blkio, memory, freezer\n"
	"\n"
	"     --favordynmods     with the mount option of that name: faster attach\n"
	" -h, --help             this text\n";

int cmd_mount(struct cli *cli, int argc, char **argv)
{
	enum { OPT_FAVORDYNMODS = 256 };
	static const struct option longopts[] = {
		{ "favordynmods",	no_argument,	NULL, OPT_FAVORDYNMODS },
		{ "help",		no_argument,	NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *name, *dir, *why = "";
	bool favor = false;
	char options[128];
	size_t i;
	int c, err;

	(void)cli;
	while ((c = getopt_long(argc, argv, "+h", longopts, NULL)) != -1) {
		switch (c) {
		case OPT_FAVORDYNMODS:
			favor = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("mount", NULL);
		}
	}
	if (argc - optind != 2)
		return cli_usage("mount", "NAME and DIR are needed");
	name = argv[optind];
	dir = argv[optind + 1];
	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		if (!strcmp(mounts[i].name, name))
			break;
	if (i == sizeof(mounts) / sizeof(mounts[0]))
		return cli_usage("mount", "%s: no such hierarchy", name);
	snprintf(options, sizeof(options), "%s%s", mounts[i].options,
		 favor ? ",favordynmods" : "");
	if (!mount(name, dir, "cgroup", 0, options))
		return CLI_OK;
	err = errno;
	if (err == EBUSY)
		why = " (a controller is used by another hierarchy, perhaps cgroup2)";
	else if (err == EINVAL || err == ENODEV || err == ENOENT)
		why = " (needs a kernel with CONFIG_MEMCG_V1=y and CONFIG_CPUSETS_V1=y)";
	cli_error("%s: mount %s: %s%s", dir, name, strerror(err), why);
	return err == EINVAL || err == ENODEV ? CLI_UNSUPPORTED : CLI_FAILED;
}
