// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const char usage[] =
	"Usage: kimg-prepatch profile [options] FILE\n"
	"\n"
	"Take the profile of a guest from FILE, check it, and store or show it. FILE is what\n"
	"the guest has in /sys/kernel/x86_prepatch/profile or, with --kernel, its memory.\n"
	"\n"
	" -k, --kernel VMLINUX   FILE is the memory of a guest that runs VMLINUX\n"
	"     --offset BYTES     where in FILE the physical address 0 of the guest is\n"
	" -o, --output FILE      store it here\n"
	" -J, --json             show it as one JSON document\n"
	" -h, --help             this text\n";

static int from_memory(const char *path, uint64_t offset, const char *kernel,
		       struct x86_prepatch_profile *profile)
{
	struct x86_prepatch_desc desc;
	struct kimg_err err;
	struct kimg img;
	struct ram ram;
	int ret;

	ret = file_open_image(kernel, &img);
	if (!ret)
		ret = ram_open_guest(&ram, path, offset, &img, kernel, &desc);
	if (ret)
		goto out;
	ram_close(&ram);
	if (!desc.actual.valid) {
		cli_error("%s: the guest has not recorded a profile yet", path);
		ret = CLI_FAILED;
	} else {
		*profile = desc.actual;
		ret = kimg_profile_fits(&img, profile, &err);
		if (ret)
			ret = cli_fail(path, ret, &err);
	}
out:
	kimg_free(&img);
	return ret;
}

static void print_text(const struct x86_prepatch_profile *p)
{
	char build_id[2 * KIMG_BUILD_ID_SIZE + 1];
	unsigned int i;

	report_hex(build_id, p->build_id, sizeof(p->build_id));
	printf("build id      %s\n", build_id);
	printf("return thunk  %#" PRIx64 "\n", (uint64_t)p->return_thunk);
	printf("user pointers up to %#" PRIx64 "\n", (uint64_t)p->user_ptr_max);
	printf("page tables   %s\n", p->flags & X86_PREPATCH_LA57 ? "5 levels" : "4 levels");
	printf("words        ");
	for (i = 0; i < p->nr_words; i++)
		printf(" %08x", p->words[i]);
	printf("\ncpuid\n");
	for (i = 0; i < p->nr_cpuid; i++)
		printf("  %08x.%x  %08x %08x %08x %08x\n", p->cpuid[i].leaf, p->cpuid[i].subleaf,
		       p->cpuid[i].eax, p->cpuid[i].ebx, p->cpuid[i].ecx, p->cpuid[i].edx);
}

int cmd_profile(struct cli *cli, int argc, char **argv)
{
	enum { OPT_OFFSET = 256 };
	static const struct option longopts[] = {
		{ "kernel",	required_argument,	NULL, 'k' },
		{ "offset",	required_argument,	NULL, OPT_OFFSET },
		{ "output",	required_argument,	NULL, 'o' },
		{ "json",	no_argument,		NULL, 'J' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *kernel = NULL, *out = NULL;
	struct x86_prepatch_profile profile;
	struct emit emit = EMIT_NONE;
	struct json_object *doc;
	uint64_t offset = 0;
	bool is_json = false;
	int c, ret;

	(void)cli;
	while ((c = getopt_long(argc, argv, "+k:o:Jh", longopts, NULL)) != -1) {
		switch (c) {
		case 'k':
			kernel = optarg;
			break;
		case OPT_OFFSET:
			if (!cli_size(optarg, &offset))
				return cli_usage("profile", "%s: not a number of bytes", optarg);
			break;
		case 'o':
			out = optarg;
			break;
		case 'J':
			is_json = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("profile", NULL);
		}
	}
	if (argc - optind != 1)
		return cli_usage("profile", "one FILE is needed");
	if (offset && !kernel)
		return cli_usage("profile", "--offset is for --kernel");
	if (out && kernel && (file_is_same(out, argv[optind]) || file_is_same(out, kernel)))
		return cli_usage("profile", "%s: is the output, too", out);
	ret = kernel ? from_memory(argv[optind], offset, kernel, &profile) :
		       file_read_profile(argv[optind], &profile);
	if (!ret && out)
		ret = emit_prepare_file(&emit, out, &profile, sizeof(profile), EMIT_KEPT);
	if (!ret && is_json) {
		doc = json_object_new_object();
		json_object_object_add(doc, "version", json_object_new_int(1));
		json_object_object_add(doc, "profile", report_profile(NULL, &profile));
		ret = report_print_json(doc);
	} else if (!ret && !out) {
		print_text(&profile);
	}
	/* What can't be said must not be done. */
	if (!ret)
		ret = cli_flush();
	if (!ret && out)
		ret = emit_commit(&emit);
	emit_abort(&emit);
	return ret;
}
