// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>

#include "cmd.h"

static const char usage[] =
	"Usage: kimg-prepatch undo -o OUT VMLINUX\n"
	"\n"
	"Write the image that VMLINUX was made from, byte for byte.\n"
	"\n"
	" -o, --output FILE      where to write\n"
	" -h, --help             this text\n";

int cmd_undo(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "output",	required_argument,	NULL, 'o' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *out = NULL, *path;
	struct kimg_err err;
	struct kimg img;
	int c, ret;

	(void)cli;
	while ((c = getopt_long(argc, argv, "+o:h", longopts, NULL)) != -1) {
		switch (c) {
		case 'o':
			out = optarg;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("undo", NULL);
		}
	}
	if (argc - optind != 1)
		return cli_usage("undo", "one VMLINUX is needed");
	if (!out)
		return cli_usage("undo", "--output is needed");
	path = argv[optind];
	ret = file_open_image(path, &img);
	if (!ret) {
		ret = kimg_undo(&img, &err);
		ret = ret ? cli_fail(path, ret, &err) :
			    emit_file(out, img.data, img.size, EMIT_KEPT);
	}
	kimg_free(&img);
	return ret;
}
