/* SPDX-License-Identifier: GPL-2.0-only */
/* One run of "cgpoolctl trace": from loading the programs to the last line. */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"

struct trace_run_opts {
	/* 0: until a signal, or until the command ends. */
	uint64_t duration_ms;
	/* 0: one report at the end. */
	uint64_t interval_ms;
	bool json;
	/* Trace the command alone and print how often it took cgroup_mutex. */
	bool count_mutex;
	/* NULL: no command. */
	char **argv;
	/* Without columns: the default ones, and the histograms are drawn. */
	const enum report_column *columns;
	size_t nr_columns;
	/* Prints a line for the user on stderr. */
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

int trace_run(const struct trace_run_opts *opts);
int trace_explain(int err, void (*say)(const char *format, ...)
		  __attribute__((format(printf, 1, 2))));

#endif /* RUN_H */
