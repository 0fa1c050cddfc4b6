// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgpoolctl trace: latencies of cgroup operations and of cgroup_mutex. Only the
 * options are here; the work is done in trace/.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd.h"
#include "report.h"
#include "seconds.h"
#ifdef HAVE_BPF
#include "run.h"
#endif

static const char usage[] =
	"Usage: cgpoolctl trace [options] [-- COMMAND [ARG...]]\n"
	"\n"
	"Print how long cgroups took to create, enter and remove, and how long tasks\n"
	"waited for and held cgroup_mutex.\n"
	"\n"
	" -d, --duration SEC     trace for this long; default: until ^C or COMMAND ends\n"
	" -i, --interval SEC     report at each interval\n"
	" -o, --output LIST      columns to show, separated by commas\n"
	" -J, --json             JSON instead of a table\n"
	" -c, --count-mutex      how often COMMAND itself acquired cgroup_mutex\n"
	" -h, --help             this text\n"
	"\n"
	"Columns: OP COUNT FAILED MEAN P50 P99 MAX SUM\n";

#ifdef HAVE_BPF
static int run(struct trace_run_opts *opts)
{
	opts->say = cli_error;
	return trace_run(opts);
}
#else
struct trace_run_opts {
	uint64_t duration_ms;
	uint64_t interval_ms;
	bool json;
	bool count_mutex;
	char **argv;
	const enum report_column *columns;
	size_t nr_columns;
};

static int run(struct trace_run_opts *opts)
{
	(void)opts;
	cli_error("trace: built without BPF");
	return CLI_UNSUPPORTED;
}
#endif

int cmd_trace(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "duration",		required_argument,	NULL, 'd' },
		{ "interval",		required_argument,	NULL, 'i' },
		{ "output",		required_argument,	NULL, 'o' },
		{ "json",		no_argument,		NULL, 'J' },
		{ "count-mutex",	no_argument,		NULL, 'c' },
		{ "help",		no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	enum report_column columns[REPORT_NR_COLUMNS];
	struct trace_run_opts opts = { 0 };
	int c;

	(void)cli;
	/* "+": the options of COMMAND are its own. */
	while ((c = getopt_long(argc, argv, "+d:i:o:Jch", longopts, NULL)) != -1) {
		switch (c) {
		case 'd':
			if (seconds_parse(optarg, &opts.duration_ms))
				return cli_usage("trace", "--duration: %s: not a time", optarg);
			break;
		case 'i':
			if (seconds_parse(optarg, &opts.interval_ms))
				return cli_usage("trace", "--interval: %s: not a time", optarg);
			break;
		case 'o':
			if (report_parse_columns(optarg, columns, &opts.nr_columns))
				return cli_usage("trace", "--output: %s: columns are %s", optarg,
						 report_column_names());
			opts.columns = columns;
			break;
		case 'J':
			opts.json = true;
			break;
		case 'c':
			opts.count_mutex = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("trace", NULL);
		}
	}
	if (optind < argc)
		opts.argv = argv + optind;
	if (opts.count_mutex && !opts.argv)
		return cli_usage("trace", "--count-mutex needs a command");
	if (opts.count_mutex && (opts.columns || opts.duration_ms || opts.interval_ms))
		return cli_usage("trace", "--count-mutex does not go with -o, -d and -i");
	if (opts.json && opts.columns)
		return cli_usage("trace", "--output does not go with --json");
	return run(&opts);
}
