// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgbench: command line.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cgbench.h"

#define DEFAULT_NR_OPS		200

static void usage(FILE *out)
{
	fputs("usage: cgbench [options] wall|insn|mutex|scale\n"
	      "\n"
	      "Measure creating, limiting, attaching to and removing cgroups.  Mounts\n"
	      "hierarchies and needs all controllers for itself: for a machine made for it.\n"
	      "\n"
	      "  wall    plain and pooled parents interleaved, by 1 ... 200 threads\n"
	      "  insn    one thread, for QEMU -icount shift=0 (1 ns = 1 instruction)\n"
	      "  mutex   count acquisitions of cgroup_mutex by claims\n"
	      "  scale   cpu.max by number of cgroups, teardown by number of superblocks;\n"
	      "          for -icount with one CPU\n"
	      "\n"
	      "  -s, --size quick|default|full  how much of the matrix (default)\n"
	      "  -n, --sandboxes NR             sandboxes per run of wall (2000)\n"
	      "  -o, --ops NR                   operations of insn, mutex and cpu.max (200)\n"
	      "  -r, --result FILE              samples, JSON lines ($VMRUN_RESULT)\n"
	      "      --stock                    the kernel may lack the pool\n"
	      "  -h, --help                     this text\n", out);
}

/* What the guest calls its CPU; says "TCG" when it is emulated. */
static void machine_describe(void)
{
	char model[LIST_LEN] = "unknown";
	char line[LIST_LEN];
	struct utsname uts;
	FILE *file;

	file = fopen("/proc/cpuinfo", "r");
	if (!file)
		fail("cannot open /proc/cpuinfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "model name : %255[^\n\"\\]", model) == 1)
			break;
	}
	fclose(file);
	uname(&uts);
	result_line("{\"kind\":\"machine\",\"kernel\":\"%s\",\"cpus\":%ld,\"cpu\":\"%s\"}",
		    uts.release, sysconf(_SC_NPROCESSORS_ONLN), model);
}

static int number_parse(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || value < 1 || value > 65536)
		fail("%s: not a number from 1 to 65536", text);
	return value;
}

static enum plan_size size_parse(const char *text)
{
	if (!strcmp(text, "quick"))
		return PLAN_QUICK;
	if (!strcmp(text, "default"))
		return PLAN_DEFAULT;
	if (!strcmp(text, "full"))
		return PLAN_FULL;
	fail("%s: not quick, default or full", text);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "sandboxes", required_argument, NULL, 'n' },
		{ "ops", required_argument, NULL, 'o' },
		{ "result", required_argument, NULL, 'r' },
		{ "stock", no_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct options options = {
		.size = PLAN_DEFAULT,
		.nr_ops = DEFAULT_NR_OPS,
		.pool_required = true,
	};
	const char *result = getenv("VMRUN_RESULT");
	int option;
	int ret;

	while ((option = getopt_long(argc, argv, "s:n:o:r:h", long_options, NULL)) >= 0) {
		switch (option) {
		case 's':
			options.size = size_parse(optarg);
			break;
		case 'n':
			options.nr_sandboxes = number_parse(optarg);
			break;
		case 'o':
			options.nr_ops = number_parse(optarg);
			break;
		case 'r':
			result = optarg;
			break;
		case 'S':
			options.pool_required = false;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc - 1) {
		usage(stderr);
		return 2;
	}
	if (result)
		result_open(result);
	machine_describe();
	if (!strcmp(argv[optind], "wall"))
		ret = plan_wall(&options);
	else if (!strcmp(argv[optind], "insn"))
		ret = plan_insn(&options);
	else if (!strcmp(argv[optind], "mutex"))
		ret = plan_mutex(&options);
	else if (!strcmp(argv[optind], "scale"))
		ret = plan_scale(&options);
	else
		fail("%s: not wall, insn, mutex or scale", argv[optind]);
	result_line("{\"kind\":\"end\",\"errors\":%d}", ret);
	result_close();
	return ret ? 1 : 0;
}
