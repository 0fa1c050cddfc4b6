// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cmd.h"

static const char usage[] =
	"Usage: kimg-prepatch verify [options] -r MEMORY VMLINUX\n"
	"\n"
	"Compare the text and the read-only data of VMLINUX with the memory of a guest, and say\n"
	"which table names the bytes that differ. A byte that no table names is an error.\n"
	"\n"
	" -r, --ram FILE         memory of the guest: its file, a dump, or /proc/PID/mem\n"
	"     --offset BYTES     where in FILE the physical address 0 of the guest is\n"
	" -x, --exact            an error, too: bytes that VMLINUX should have had right\n"
	" -J, --json             one JSON document\n"
	" -h, --help             this text\n";

int cmd_verify(struct cli *cli, int argc, char **argv)
{
	enum { OPT_OFFSET = 256 };
	static const struct option longopts[] = {
		{ "ram",	required_argument,	NULL, 'r' },
		{ "offset",	required_argument,	NULL, OPT_OFFSET },
		{ "exact",	no_argument,		NULL, 'x' },
		{ "json",	no_argument,		NULL, 'J' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	bool is_json = false, is_exact = false;
	struct x86_prepatch_desc desc;
	const char *path, *ram_path = NULL;
	struct kimg_verify result;
	struct json_object *doc;
	uint64_t offset = 0, wrong = 0;
	struct kimg_err err;
	struct kimg img;
	struct ram ram;
	int c, ret;

	(void)cli;
	while ((c = getopt_long(argc, argv, "+r:xJh", longopts, NULL)) != -1) {
		switch (c) {
		case 'r':
			ram_path = optarg;
			break;
		case OPT_OFFSET:
			if (!cli_size(optarg, &offset))
				return cli_usage("verify", "%s: not a number of bytes", optarg);
			break;
		case 'x':
			is_exact = true;
			break;
		case 'J':
			is_json = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("verify", NULL);
		}
	}
	if (argc - optind != 1)
		return cli_usage("verify", "one VMLINUX is needed");
	if (!ram_path)
		return cli_usage("verify", "--ram is needed");
	path = argv[optind];

	ret = file_open_image(path, &img);
	if (!ret)
		ret = ram_open_guest(&ram, ram_path, offset, &img, path, &desc);
	if (ret)
		goto out_image;
	ret = kimg_verify(&img, ram_read, &ram, &result, &err);
	if (ret) {
		ret = cli_fail(path, ret, &err);
		goto out;
	}
	for (c = 0; c < KIMG_NR_CLASSES; c++)
		if (KIMG_CLASS_BIT(c) & (KIMG_CLASSES_CPU | KIMG_CLASSES_CONST))
			wrong += result.classes[c].bytes;
	if (is_json) {
		doc = json_object_new_object();
		json_object_object_add(doc, "version", json_object_new_int(1));
		json_object_object_add(doc, "status",
				       json_object_new_string(report_status_name(desc.status)));
		json_object_object_add(doc, "wrong_bytes", json_object_new_uint64(wrong));
		json_object_object_add(doc, "memory", report_verify(&result));
		ret = report_print_json(doc);
	} else {
		printf("status    %s\n\n", report_status_name(desc.status));
		report_print_verify(&result);
	}
	if (!ret && result.unknown_bytes) {
		cli_error("%s: %" PRIu64
			  " bytes differ that no table names, the first at %#" PRIx64,
			  path, result.unknown_bytes, result.unknown_first);
		ret = CLI_DIFFERENT;
	} else if (!ret && is_exact && wrong) {
		cli_error("%s: %" PRIu64 " bytes differ that should have been right", path, wrong);
		ret = CLI_DIFFERENT;
	}
out:
	ram_close(&ram);
out_image:
	kimg_free(&img);
	return ret;
}
