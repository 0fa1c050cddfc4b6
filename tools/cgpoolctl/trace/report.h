/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints what was traced: table, histograms, JSON. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sample.h"

#define REPORT_TIME_LEN		24
#define REPORT_MAX_UNTRACED	16

enum report_column {
	REPORT_OP,
	REPORT_COUNT,
	REPORT_FAILED,
	REPORT_MEAN,
	REPORT_P50,
	REPORT_P99,
	REPORT_MAX,
	REPORT_SUM,
	REPORT_NR_COLUMNS,
};

/* What cannot be traced on this kernel, and why. */
struct report_untraced {
	size_t nr;
	struct {
		char what[48];
		char why[128];
	} entries[REPORT_MAX_UNTRACED];
};

struct report_sample {
	const struct cgtrace_sample *data;
	const struct cgtrace_caps *caps;
	uint64_t from_ms;
	uint64_t to_ms;
};

/* A time as people read it: 3 digits and a unit. */
void report_time(char *buf, size_t size, uint64_t nsec);
int report_parse_columns(const char *list, enum report_column *columns, size_t *nr);
const char *report_column_names(void);
size_t report_default_columns(enum report_column *columns);

bool report_op_is_known(const struct report_sample *sample, enum cgtrace_op op);
int report_table(FILE *out, const struct report_sample *sample,
		 const enum report_column *columns, size_t nr);
void report_histograms(FILE *out, const struct report_sample *sample);
void report_summary(FILE *out, const struct report_sample *sample);
void report_json_string(FILE *out, const char *text);
void report_json_sample(FILE *out, const struct report_sample *sample);
void report_json_untraced(FILE *out, const struct report_untraced *untraced);

#endif /* REPORT_H */
