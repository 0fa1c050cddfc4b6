// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "cmd.h"

static const char usage[] =
	"Usage: kimg-prepatch apply -p PROFILE -o OUT VMLINUX\n"
	"\n"
	"Write a copy of VMLINUX that is patched for PROFILE. An image that is patched already\n"
	"is undone first. The same input gives the same output, bit for bit.\n"
	"\n"
	" -p, --profile FILE     what the guest will be like, see the command 'profile'\n"
	" -o, --output FILE      where to write\n"
	" -h, --help             this text\n";

int cmd_apply(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "profile",	required_argument,	NULL, 'p' },
		{ "output",	required_argument,	NULL, 'o' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *profile_path = NULL, *out = NULL, *path;
	struct x86_prepatch_profile profile;
	struct kimg_stats stats;
	struct kimg_err err;
	struct kimg img;
	int c, ret;

	while ((c = getopt_long(argc, argv, "+p:o:h", longopts, NULL)) != -1) {
		switch (c) {
		case 'p':
			profile_path = optarg;
			break;
		case 'o':
			out = optarg;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("apply", NULL);
		}
	}
	if (argc - optind != 1)
		return cli_usage("apply", "one VMLINUX is needed");
	if (!profile_path || !out)
		return cli_usage("apply", "%s is needed", profile_path ? "--output" : "--profile");
	path = argv[optind];
	if (file_is_same(out, profile_path))
		return cli_usage("apply", "%s: is the output, too", profile_path);

	ret = file_open_image(path, &img);
	if (!ret)
		ret = file_read_profile(profile_path, &profile);
	if (!ret) {
		ret = kimg_apply(&img, &profile, &stats, &err);
		if (ret)
			ret = cli_fail(path, ret, &err);
		else
			ret = emit_file(out, img.data, img.size, EMIT_KEPT);
	}
	if (!ret && cli->verbose)
		fprintf(stderr, "kimg-prepatch: %s: %" PRIu64 " bytes in %" PRIu64
			" pages patched, %" PRIu64 " of %" PRIu64 " bytes of undo data\n",
			out, stats.bytes, stats.pages, stats.undo_bytes, stats.undo_room);
	kimg_free(&img);
	return ret;
}
