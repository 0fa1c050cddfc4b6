// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cmd.h"

static const char usage[] =
	"Usage: kimg-prepatch inspect [options] VMLINUX\n"
	"\n"
	"Say whether VMLINUX is pre-patched, for which features, and how many sites, bytes and\n"
	"pages of each class.\n"
	"\n"
	" -J, --json             one JSON document\n"
	" -h, --help             this text\n";

static int print_json(const struct kimg *img, const struct kimg_stats *stats)
{
	bool is_baked = kimg_is_baked(img);
	struct json_object *doc = json_object_new_object();

	json_object_object_add(doc, "version", json_object_new_int(1));
	json_object_object_add(doc, "prepatched", json_object_new_boolean(is_baked));
	json_object_object_add(doc, "kernel", report_kernel(img));
	json_object_object_add(doc, "layout", report_layout(img));
	json_object_object_add(doc, "patches", report_stats(img, stats));
	json_object_object_add(doc, "features", report_features(img));
	json_object_object_add(doc, "profile",
			       is_baked ? report_profile(img, &img->desc.expected) : NULL);
	return report_print_json(doc);
}

static void print_text(const struct kimg *img, const struct kimg_stats *stats)
{
	char build_id[2 * KIMG_BUILD_ID_SIZE + 1], text[64];
	uint32_t words[X86_PREPATCH_MAX_WORDS];
	struct kimg_err err;
	const char *banner;
	unsigned int i;
	size_t len;

	report_hex(build_id, img->build_id, sizeof(img->build_id));
	banner = kimg_banner(img, &len);
	if (banner)
		printf("kernel    %.*s\n", (int)len, banner);
	printf("build id  %s\n", build_id);
	printf("state     %s\n", kimg_is_baked(img) ? "pre-patched" : "stock");
	printf("undo      %" PRIu64 " of %" PRIu64 " KiB\n", (stats->undo_bytes + 1023) / 1024,
	       stats->undo_room / 1024);
	printf("text      %" PRIu64 " pages\n", stats->text_pages);
	if (kimg_is_baked(img) && !kimg_required_features(img, words, &err)) {
		printf("features ");
		for (i = 0; i < X86_PREPATCH_MAX_WORDS * 32; i++) {
			if (!(words[i / 32] >> i % 32 & 1))
				continue;
			report_feature(text, sizeof(text), i);
			printf(" %s", text);
		}
		putchar('\n');
	}
	putchar('\n');
	report_print_stats(stats);
}

int cmd_inspect(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "json",	no_argument,		NULL, 'J' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct kimg_stats stats;
	bool is_json = false;
	struct kimg_err err;
	struct kimg img;
	int c, ret;

	(void)cli;
	while ((c = getopt_long(argc, argv, "+Jh", longopts, NULL)) != -1) {
		switch (c) {
		case 'J':
			is_json = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("inspect", NULL);
		}
	}
	if (argc - optind != 1)
		return cli_usage("inspect", "one VMLINUX is needed");
	ret = file_open_image(argv[optind], &img);
	if (!ret) {
		ret = kimg_inspect(&img, &stats, &err);
		if (ret)
			ret = cli_fail(argv[optind], ret, &err);
		else if (is_json)
			ret = print_json(&img, &stats);
		else
			print_text(&img, &stats);
	}
	kimg_free(&img);
	return ret;
}
