// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints what was traced.
 *
 * Numbers are printed by integer arithmetic, so that no locale changes the bytes
 * of the JSON. What was not traced is null in JSON and "-" in a table, never 0.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include <libsmartcols.h>

#include "report.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define NSEC_PER_MSEC		UINT64_C(1000000)
#define NSEC_PER_SEC		UINT64_C(1000000000)
#define BAR_WIDTH		40
#define PERMILLE_P50		500
#define PERMILLE_P99		990

static const char * const column_names[REPORT_NR_COLUMNS] = {
	[REPORT_OP]	= "OP",
	[REPORT_COUNT]	= "COUNT",
	[REPORT_FAILED]	= "FAILED",
	[REPORT_MEAN]	= "MEAN",
	[REPORT_P50]	= "P50",
	[REPORT_P99]	= "P99",
	[REPORT_MAX]	= "MAX",
	[REPORT_SUM]	= "SUM",
};

void report_time(char *buf, size_t size, uint64_t nsec)
{
	static const struct {
		const char *name;
		uint64_t nsec;
	} units[] = {
		{ "s",	NSEC_PER_SEC },
		{ "ms",	NSEC_PER_MSEC },
		{ "us",	HIST_NSEC_PER_USEC },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(units) - 1; i++)
		if (nsec >= units[i].nsec)
			break;
	if (nsec >= 100 * units[i].nsec)
		snprintf(buf, size, "%" PRIu64 "%s", nsec / units[i].nsec, units[i].name);
	else if (nsec >= 10 * units[i].nsec)
		snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "%s", nsec / units[i].nsec,
			 nsec % units[i].nsec / (units[i].nsec / 10), units[i].name);
	else
		snprintf(buf, size, "%" PRIu64 ".%02" PRIu64 "%s", nsec / units[i].nsec,
			 nsec % units[i].nsec / (units[i].nsec / 100), units[i].name);
}

/**
 * report_parse_columns() - columns from a comma-separated list
 * @list: names, in any case
 * @columns: room for REPORT_NR_COLUMNS entries
 * @nr: number of entries filled in
 *
 * Return: 0; -EINVAL for an empty list, an unknown or a repeated name.
 */
int report_parse_columns(const char *list, enum report_column *columns, size_t *nr)
{
	unsigned int seen = 0;

	*nr = 0;
	for (;;) {
		size_t len = strcspn(list, ",");
		unsigned int i;

		for (i = 0; i < REPORT_NR_COLUMNS; i++)
			if (strlen(column_names[i]) == len &&
			    !strncasecmp(list, column_names[i], len))
				break;
		if (i == REPORT_NR_COLUMNS || seen & (1U << i))
			return -EINVAL;
		seen |= 1U << i;
		columns[(*nr)++] = (enum report_column)i;
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

const char *report_column_names(void)
{
	return "OP,COUNT,FAILED,MEAN,P50,P99,MAX,SUM";
}

size_t report_default_columns(enum report_column *columns)
{
	size_t i;

	for (i = 0; i < REPORT_SUM; i++)
		columns[i] = (enum report_column)i;
	return REPORT_SUM;
}

static bool op_is_counted(const struct cgtrace_caps *caps, enum cgtrace_op op)
{
	switch (op) {
	case CGTRACE_CLAIM:
	case CGTRACE_MISS:
		return caps->pool;
	case CGTRACE_MUTEX_WAIT:
		return caps->waits;
	case CGTRACE_MUTEX_HOLD:
		return caps->holds;
	default:
		return caps->ops_are_counted[op];
	}
}

static bool op_is_timed(const struct cgtrace_caps *caps, enum cgtrace_op op)
{
	switch (op) {
	case CGTRACE_MUTEX_WAIT:
		return caps->waits;
	case CGTRACE_MUTEX_HOLD:
		return caps->holds;
	default:
		return caps->ops_are_timed[op];
	}
}

/* Claims and misses are counted by their tracepoints even where nothing is timed. */
static uint64_t op_count(const struct report_sample *sample, enum cgtrace_op op)
{
	if (op == CGTRACE_CLAIM)
		return sample->data->counters[CGTRACE_C_CLAIM];
	if (op == CGTRACE_MISS)
		return sample->data->counters[CGTRACE_C_MISS];
	return sample->data->hists[op].data.count;
}

bool report_op_is_known(const struct report_sample *sample, enum cgtrace_op op)
{
	return op_is_counted(sample->caps, op);
}

static void format_cell(char *buf, size_t size, const struct report_sample *sample,
			enum cgtrace_op op, enum report_column column)
{
	const struct hist *hist = &sample->data->hists[op];

	if (column == REPORT_OP) {
		snprintf(buf, size, "%s", cgtrace_op_name(op));
		return;
	}
	snprintf(buf, size, "-");
	if (!op_is_counted(sample->caps, op))
		return;
	if (column == REPORT_COUNT) {
		snprintf(buf, size, "%" PRIu64, op_count(sample, op));
		return;
	}
	if (!op_is_timed(sample->caps, op))
		return;
	if (column == REPORT_FAILED) {
		snprintf(buf, size, "%" PRIu64, (uint64_t)hist->data.errors);
		return;
	}
	if (!hist_timed(hist))
		return;
	switch (column) {
	case REPORT_MEAN:
		report_time(buf, size, hist_mean_ns(hist));
		break;
	case REPORT_P50:
		report_time(buf, size, hist_percentile_ns(hist, PERMILLE_P50));
		break;
	case REPORT_P99:
		report_time(buf, size, hist_percentile_ns(hist, PERMILLE_P99));
		break;
	case REPORT_MAX:
		report_time(buf, size, hist->max_ns);
		break;
	default:
		report_time(buf, size, hist->data.sum_ns);
	}
}

/* The pool's rows appear only where there is a pool. */
static bool op_has_row(const struct report_sample *sample, enum cgtrace_op op)
{
	return (op != CGTRACE_CLAIM && op != CGTRACE_MISS) || sample->caps->pool;
}

/**
 * report_table() - print the table
 * @out: stream to print to
 * @sample: what to print
 * @columns: columns in their order
 * @nr: number of columns
 *
 * Return: 0 or -errno.
 */
int report_table(FILE *out, const struct report_sample *sample,
		 const enum report_column *columns, size_t nr)
{
	struct libscols_table *table;
	char cell[REPORT_TIME_LEN];
	int op, ret = -ENOMEM;
	size_t i;

	table = scols_new_table();
	if (!table)
		return -ENOMEM;
	scols_table_set_stream(table, out);
	for (i = 0; i < nr; i++)
		if (!scols_table_new_column(table, column_names[columns[i]], 0,
					    columns[i] == REPORT_OP ? 0 : SCOLS_FL_RIGHT))
			goto out_unref;
	for (op = 0; op < CGTRACE_NR_OPS; op++) {
		struct libscols_line *line;

		if (!op_has_row(sample, (enum cgtrace_op)op))
			continue;
		line = scols_table_new_line(table, NULL);
		if (!line)
			goto out_unref;
		for (i = 0; i < nr; i++) {
			format_cell(cell, sizeof(cell), sample, (enum cgtrace_op)op, columns[i]);
			ret = scols_line_set_data(line, i, cell);
			if (ret)
				goto out_unref;
		}
	}
	ret = scols_print_table(table);
out_unref:
	scols_unref_table(table);
	return ret;
}

/**
 * report_histograms() - draw the histogram of each operation that was timed
 * @out: stream to print to
 * @sample: what to print
 */
void report_histograms(FILE *out, const struct report_sample *sample)
{
	char from[REPORT_TIME_LEN], to[REPORT_TIME_LEN];
	int op;

	for (op = 0; op < CGTRACE_NR_OPS; op++) {
		const struct hist *hist = &sample->data->hists[op];
		unsigned int first, nr, i, bar;
		uint64_t most = 0;

		nr = hist_used_slots(hist, &first);
		if (!nr)
			continue;
		for (i = first; i < first + nr; i++)
			if (hist->data.slots[i] > most)
				most = hist->data.slots[i];
		fprintf(out, "\n%s:\n", cgtrace_op_name((enum cgtrace_op)op));
		for (i = first; i < first + nr; i++) {
			report_time(from, sizeof(from), hist_slot_from_us(i) * HIST_NSEC_PER_USEC);
			report_time(to, sizeof(to), hist_slot_to_us(i) * HIST_NSEC_PER_USEC);
			fprintf(out, "%8s .. %-8s %8" PRIu64 " |", from, to,
				(uint64_t)hist->data.slots[i]);
			bar = (unsigned int)(hist->data.slots[i] * BAR_WIDTH / most);
			while (bar--)
				fputc('#', out);
			fputc('\n', out);
		}
	}
}

/* Share of the time in which cgroup_mutex was held, in 1/10000. */
static uint64_t held_share(const struct report_sample *sample)
{
	uint64_t nsec = (sample->to_ms - sample->from_ms) * NSEC_PER_MSEC;
	uint64_t held = sample->data->hists[CGTRACE_MUTEX_HOLD].data.sum_ns;

	if (!nsec)
		return 0;
	/* A hold is counted when it ends, so a short interval may get more than it had. */
	return held >= nsec ? 10000 : (uint64_t)((double)held * 10000.0 / (double)nsec);
}

/**
 * report_summary() - print what is not a latency
 * @out: stream to print to
 * @sample: what to print
 */
void report_summary(FILE *out, const struct report_sample *sample)
{
	const uint64_t *counters = sample->data->counters;

	if (sample->caps->acquisitions && sample->caps->contention)
		fprintf(out, "cgroup_mutex: %" PRIu64 " acquisitions, %" PRIu64 " contended",
			counters[CGTRACE_C_ACQUIRED], counters[CGTRACE_C_CONTENDED]);
	else if (sample->caps->acquisitions)
		fprintf(out, "cgroup_mutex: %" PRIu64 " acquisitions",
			counters[CGTRACE_C_ACQUIRED]);
	else if (sample->caps->waits)
		fprintf(out, "cgroup_mutex: %" PRIu64 " contended acquisitions",
			counters[CGTRACE_C_CONTENDED]);
	if (sample->caps->holds)
		fprintf(out, ", held %" PRIu64 ".%02" PRIu64 " %% of the time",
			held_share(sample) / 100, held_share(sample) % 100);
	if (sample->caps->acquisitions || sample->caps->waits)
		fputc('\n', out);
	if (sample->caps->pool)
		fprintf(out, "pool: %" PRIu64 " claims, %" PRIu64 " misses, %" PRIu64
			" created, %" PRIu64 " destroyed unused\n", counters[CGTRACE_C_CLAIM],
			counters[CGTRACE_C_MISS], counters[CGTRACE_C_CREATED],
			counters[CGTRACE_C_DESTROYED]);
	if (counters[CGTRACE_C_LOST] || sample->data->missed)
		fprintf(out, "not timed: %" PRIu64 "\n",
			counters[CGTRACE_C_LOST] + sample->data->missed);
}

/**
 * report_json_string() - print a JSON string
 * @out: stream to print to
 * @text: the text; bytes above ASCII are passed through
 */
void report_json_string(FILE *out, const char *text)
{
	const unsigned char *at;

	fputc('"', out);
	for (at = (const unsigned char *)text; *at; at++) {
		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (*at < ' ')
			fprintf(out, "\\u%04x", *at);
		else
			fputc(*at, out);
	}
	fputc('"', out);
}

static void json_us(FILE *out, const char *key, bool known, uint64_t nsec)
{
	if (known)
		fprintf(out, ", \"%s\": %" PRIu64 ".%03" PRIu64, key, nsec / HIST_NSEC_PER_USEC,
			nsec % HIST_NSEC_PER_USEC);
	else
		fprintf(out, ", \"%s\": null", key);
}

static void json_u64(FILE *out, const char *key, bool known, uint64_t val)
{
	if (known)
		fprintf(out, "\"%s\": %" PRIu64, key, val);
	else
		fprintf(out, "\"%s\": null", key);
}

static void json_op(FILE *out, const struct report_sample *sample, enum cgtrace_op op)
{
	const struct hist *hist = &sample->data->hists[op];
	bool timed = op_is_timed(sample->caps, op) && hist_timed(hist);
	unsigned int first, nr, i;

	fprintf(out, "{\"op\": \"%s\", ", cgtrace_op_name(op));
	json_u64(out, "count", op_is_counted(sample->caps, op), op_count(sample, op));
	fputs(", ", out);
	json_u64(out, "failed", op_is_timed(sample->caps, op), hist->data.errors);
	json_us(out, "mean_us", timed, hist_mean_ns(hist));
	json_us(out, "p50_us", timed, hist_percentile_ns(hist, PERMILLE_P50));
	json_us(out, "p99_us", timed, hist_percentile_ns(hist, PERMILLE_P99));
	json_us(out, "max_us", timed, hist->max_ns);
	fputs(", \"histogram\": [", out);
	nr = hist_used_slots(hist, &first);
	for (i = first; i < first + nr; i++)
		fprintf(out, "%s{\"from_us\": %" PRIu64 ", \"to_us\": %" PRIu64 ", \"count\": %"
			PRIu64 "}", i == first ? "" : ", ", hist_slot_from_us(i),
			hist_slot_to_us(i), (uint64_t)hist->data.slots[i]);
	fputs("]}", out);
}

/**
 * report_json_sample() - print one interval as a JSON object
 * @out: stream to print to
 * @sample: what to print
 */
void report_json_sample(FILE *out, const struct report_sample *sample)
{
	const struct cgtrace_caps *caps = sample->caps;
	const uint64_t *counters = sample->data->counters;
	uint64_t share = held_share(sample);
	int op;

	fprintf(out, "{\"from_ms\": %" PRIu64 ", \"to_ms\": %" PRIu64 ", \"mutex\": {",
		sample->from_ms, sample->to_ms);
	json_u64(out, "acquired", caps->acquisitions, counters[CGTRACE_C_ACQUIRED]);
	fputs(", ", out);
	json_u64(out, "contended", caps->contention, counters[CGTRACE_C_CONTENDED]);
	if (caps->holds)
		fprintf(out, ", \"held_share\": %" PRIu64 ".%04" PRIu64 "}", share / 10000,
			share % 10000);
	else
		fputs(", \"held_share\": null}", out);
	if (caps->pool)
		fprintf(out, ", \"pool\": {\"claims\": %" PRIu64 ", \"misses\": %" PRIu64
			", \"created\": %" PRIu64 ", \"destroyed\": %" PRIu64 "}",
			counters[CGTRACE_C_CLAIM], counters[CGTRACE_C_MISS],
			counters[CGTRACE_C_CREATED], counters[CGTRACE_C_DESTROYED]);
	else
		fputs(", \"pool\": null", out);
	fprintf(out, ", \"not_timed\": %" PRIu64 ",\n   \"ops\": [",
		counters[CGTRACE_C_LOST] + sample->data->missed);
	for (op = 0; op < CGTRACE_NR_OPS; op++) {
		fputs(op ? ",\n    " : "\n    ", out);
		json_op(out, sample, (enum cgtrace_op)op);
	}
	fputs("]}", out);
}

/**
 * report_json_untraced() - print what could not be traced as a JSON array
 * @out: stream to print to
 * @untraced: what to print
 */
void report_json_untraced(FILE *out, const struct report_untraced *untraced)
{
	size_t i;

	fputc('[', out);
	for (i = 0; i < untraced->nr; i++) {
		fprintf(out, "%s{\"what\": ", i ? ", " : "");
		report_json_string(out, untraced->entries[i].what);
		fputs(", \"why\": ", out);
		report_json_string(out, untraced->entries[i].why);
		fputc('}', out);
	}
	fputc(']', out);
}
