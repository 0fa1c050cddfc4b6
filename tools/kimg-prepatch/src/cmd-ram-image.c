// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

static const char usage[] =
	"Usage: kimg-prepatch ram-image [options] -o FILE VMLINUX\n"
	"\n"
	"Write a sparse file that is the memory of a guest with the kernel in it, pre-patched or\n"
	"not. On stdout: how to start a guest from it.\n"
	"\n"
	" -o, --output FILE      where to write\n"
	" -m, --memory SIZE      memory of the guest (128M)\n"
	"     --layout WHICH     qemu, cloud-hypervisor or raw (qemu)\n"
	" -t, --trampoline FILE  where to write the program that starts the kernel (OUTPUT.elf);\n"
	"                        the layout 'raw' has none unless this is given\n"
	" -h, --help             this text\n";

static int print_raw(const struct kimg *img, const char *out, uint64_t size)
{
	struct json_object *doc = json_object_new_object(), *ram = json_object_new_object();

	json_object_object_add(ram, "file", json_object_new_string(out));
	json_object_object_add(ram, "size", json_object_new_uint64(size));
	json_object_object_add(doc, "version", json_object_new_int(1));
	json_object_object_add(doc, "ram", ram);
	json_object_object_add(doc, "kernel", report_kernel(img));
	json_object_object_add(doc, "layout", report_layout(img));
	return report_print_json(doc);
}

/* The words are ready for a shell. */
static int print_how(const struct kimg *img, const char *layout, const char *out,
		     const char *trampoline, uint64_t size)
{
	char *path = NULL, *option = NULL, *word = NULL, *kernel = NULL;
	uint64_t mib = size >> 20;
	int ret = CLI_OK, n;

	if (!strcmp(layout, "raw"))
		return print_raw(img, out, size);
	if (!strcmp(layout, "qemu")) {
		path = cli_quote_qemu(out);
		n = path ? asprintf(&option, "memory-backend-file,id=ram,size=%" PRIu64
				    "M,mem-path=%s,share=off", mib, path) : -1;
	} else {
		n = asprintf(&option, "id=ram,size=%" PRIu64 "M,file=%s,shared=off", mib, out);
	}
	if (n < 0)
		option = NULL;
	word = option ? cli_quote_shell(option) : NULL;
	kernel = cli_quote_shell(trampoline);
	if (!word || !kernel)
		ret = cli_fail_errno(out, "name", ENOMEM);
	else if (!strcmp(layout, "qemu"))
		printf("-m %" PRIu64 "M -object %s -machine memory-backend=ram -kernel %s\n", mib,
		       word, kernel);
	else
		printf("--memory size=0 --memory-zone %s --kernel %s\n", word, kernel);
	free(path);
	free(option);
	free(word);
	free(kernel);
	return ret;
}

static int check_paths(const char *path, const char *layout, const char *out,
		       const char *trampoline)
{
	if (file_is_same(out, path) || (trampoline && file_is_same(trampoline, path)))
		return cli_usage("ram-image", "%s: is an output, too", path);
	if (trampoline && file_is_same(out, trampoline))
		return cli_usage("ram-image", "%s: is the memory and the trampoline", out);
	if (!strcmp(layout, "cloud-hypervisor") && strchr(out, ','))
		return cli_usage("ram-image", "%s: Cloud Hypervisor doesn't take commas", out);
	return CLI_OK;
}

/* Everything that can go wrong comes before either file is replaced: one alone is of no use. */
static int make(const struct kimg *img, const char *path, const char *layout, const char *out,
		const char *trampoline, uint64_t size)
{
	struct emit ram = EMIT_NONE, elf = EMIT_NONE;
	int ret = CLI_OK;

	if (trampoline)
		ret = ram_prepare_trampoline(&elf, img, path, trampoline, EMIT_KEPT);
	if (!ret)
		ret = ram_prepare(&ram, img, path, out, size, EMIT_KEPT);
	if (!ret)
		ret = print_how(img, layout, out, trampoline, size);
	if (!ret)
		ret = cli_flush();
	if (!ret && trampoline)
		ret = emit_commit(&elf);
	if (!ret)
		ret = emit_commit(&ram);
	emit_abort(&elf);
	emit_abort(&ram);
	return ret;
}

int cmd_ram_image(struct cli *cli, int argc, char **argv)
{
	enum { OPT_LAYOUT = 256 };
	static const struct option longopts[] = {
		{ "output",	required_argument,	NULL, 'o' },
		{ "memory",	required_argument,	NULL, 'm' },
		{ "layout",	required_argument,	NULL, OPT_LAYOUT },
		{ "trampoline",	required_argument,	NULL, 't' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *out = NULL, *trampoline = NULL, *layout = "qemu", *path;
	char *own = NULL;
	uint64_t size = DEFAULT_RAM;
	struct kimg img = { 0 };
	int c, ret;

	(void)cli;
	while ((c = getopt_long(argc, argv, "+o:m:t:h", longopts, NULL)) != -1) {
		switch (c) {
		case 'o':
			out = optarg;
			break;
		case 'm':
			if (!cli_size(optarg, &size) || !size || size % (1U << 20) ||
			    size > MAX_RAM_SIZE)
				return cli_usage("ram-image", "%s: not a number of whole MiB",
						 optarg);
			break;
		case OPT_LAYOUT:
			layout = optarg;
			break;
		case 't':
			trampoline = optarg;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("ram-image", NULL);
		}
	}
	if (argc - optind != 1)
		return cli_usage("ram-image", "one VMLINUX is needed");
	if (!out)
		return cli_usage("ram-image", "--output is needed");
	if (strcmp(layout, "raw") && strcmp(layout, "qemu") && strcmp(layout, "cloud-hypervisor"))
		return cli_usage("ram-image", "%s: layout is qemu, cloud-hypervisor or raw",
				 layout);
	path = argv[optind];
	if (!trampoline && strcmp(layout, "raw")) {
		if (asprintf(&own, "%s.elf", out) < 0)
			return cli_fail_errno(out, "name", ENOMEM);
		trampoline = own;
	}
	ret = check_paths(path, layout, out, trampoline);
	if (!ret)
		ret = file_open_any_image(path, &img);
	if (!ret)
		ret = make(&img, path, layout, out, trampoline, size);
	kimg_free(&img);
	free(own);
	return ret;
}
