// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of what "cgpoolctl trace" does without a kernel: arithmetic on
 * histograms, printing of times, choice of columns, lookup of symbols. Needs
 * neither root nor BPF.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hist.h"
#include "ksyms.h"
#include "report.h"
#include "seconds.h"

#define USEC		HIST_NSEC_PER_USEC
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static void slot_bounds_agree_with_slot(void **state)
{
	unsigned int slot;

	(void)state;
	for (slot = 0; slot < CGTRACE_NR_SLOTS; slot++) {
		uint64_t from = hist_slot_from_us(slot) * USEC;
		uint64_t to = hist_slot_to_us(slot) * USEC;

		assert_int_equal(hist_slot(from), slot);
		assert_int_equal(hist_slot(to - 1), slot);
		if (slot < CGTRACE_NR_SLOTS - 1)
			assert_int_equal(hist_slot(to), slot + 1);
	}
}

static void last_slot_takes_everything_longer(void **state)
{
	(void)state;
	assert_int_equal(hist_slot(UINT64_MAX), CGTRACE_NR_SLOTS - 1);
	assert_int_equal(hist_slot(hist_slot_to_us(CGTRACE_NR_SLOTS - 1) * USEC),
			 CGTRACE_NR_SLOTS - 1);
}

static void below_one_microsecond_is_slot_0(void **state)
{
	(void)state;
	assert_int_equal(hist_slot(0), 0);
	assert_int_equal(hist_slot(999), 0);
	assert_int_equal(hist_slot(1000), 1);
	assert_int_equal(hist_slot(1999), 1);
	assert_int_equal(hist_slot(2000), 2);
}

static void empty_histogram_is_all_zero(void **state)
{
	struct hist hist = {};
	unsigned int first = 7;

	(void)state;
	assert_int_equal(hist_timed(&hist), 0);
	assert_int_equal(hist_mean_ns(&hist), 0);
	assert_int_equal(hist_percentile_ns(&hist, 500), 0);
	assert_int_equal(hist_used_slots(&hist, &first), 0);
	assert_int_equal(first, 0);
}

static void add_keeps_count_mean_and_max(void **state)
{
	struct hist hist = {};
	unsigned int first;

	(void)state;
	hist_add(&hist, 100 * USEC);
	hist_add(&hist, 200 * USEC);
	hist_add(&hist, 600 * USEC);
	assert_int_equal(hist.data.count, 3);
	assert_int_equal(hist_timed(&hist), 3);
	assert_int_equal(hist_mean_ns(&hist), 300 * USEC);
	assert_int_equal(hist.max_ns, 600 * USEC);
	/* [64, 128), [128, 256) and [512, 1024). */
	assert_int_equal(hist_used_slots(&hist, &first), 4);
	assert_int_equal(first, 7);
}

static void percentile_of_one_value_is_at_most_that_value(void **state)
{
	struct hist hist = {};
	unsigned int permille;

	(void)state;
	hist_add(&hist, 700 * USEC);
	for (permille = 0; permille <= 1000; permille += 10) {
		uint64_t nsec = hist_percentile_ns(&hist, permille);

		assert_in_range(nsec, 512 * USEC, 700 * USEC);
	}
	assert_int_equal(hist_percentile_ns(&hist, 1000), 700 * USEC);
	assert_int_equal(hist_percentile_ns(&hist, 5000), 700 * USEC);
}

static void percentile_below_one_microsecond_is_zero(void **state)
{
	struct hist hist = {};
	unsigned int i;

	(void)state;
	for (i = 0; i < 98; i++)
		hist_add(&hist, 0);
	hist_add(&hist, 900);
	hist_add(&hist, 300 * USEC);
	assert_int_equal(hist_timed(&hist), 100);
	assert_int_equal(hist_percentile_ns(&hist, 500), 0);
	assert_int_equal(hist_percentile_ns(&hist, 990), 0);
	assert_in_range(hist_percentile_ns(&hist, 991), 256 * USEC, 300 * USEC);
}

static void percentile_is_in_the_slot_of_the_true_value(void **state)
{
	struct hist hist = {};
	uint64_t usec;

	(void)state;
	for (usec = 1; usec <= 1000; usec++)
		hist_add(&hist, usec * USEC);
	/* The true values are 500 and 990 us. */
	assert_int_equal(hist_slot(hist_percentile_ns(&hist, 500)), hist_slot(500 * USEC));
	assert_int_equal(hist_slot(hist_percentile_ns(&hist, 990)), hist_slot(990 * USEC));
	/* Evenly spread values make the interpolation nearly exact. */
	assert_in_range(hist_percentile_ns(&hist, 500), 490 * USEC, 510 * USEC);
	assert_in_range(hist_percentile_ns(&hist, 990), 980 * USEC, 1000 * USEC);
}

static void percentiles_never_decrease(void **state)
{
	struct hist hist = {};
	uint64_t last = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < 40; i++)
		hist_add(&hist, (UINT64_C(1) << i) + i);
	for (i = 0; i <= 1000; i++) {
		uint64_t nsec = hist_percentile_ns(&hist, i);

		assert_true(nsec >= last);
		last = nsec;
	}
	assert_true(last <= hist.max_ns);
}

static void rank_does_not_overflow(void **state)
{
	struct hist hist = {};

	(void)state;
	hist.data.count = UINT64_MAX / 2;
	hist.data.slots[3] = UINT64_MAX / 2;
	assert_in_range(hist_percentile_ns(&hist, 990), 4 * USEC, 8 * USEC);
}

static void merge_sums_and_keeps_the_larger_max(void **state)
{
	struct hist sum = {}, one = {}, two = {};

	(void)state;
	hist_add(&one, 5 * USEC);
	hist_add(&one, 50 * USEC);
	hist_add(&two, 500 * USEC);
	two.data.errors = 1;
	hist_merge(&sum, &one);
	hist_merge(&sum, &two);
	assert_int_equal(sum.data.count, 3);
	assert_int_equal(sum.data.errors, 1);
	assert_int_equal(sum.data.sum_ns, 555 * USEC);
	assert_int_equal(sum.max_ns, 500 * USEC);
	hist_merge(&sum, &one);
	assert_int_equal(sum.max_ns, 500 * USEC);
	assert_int_equal(sum.data.slots[hist_slot(5 * USEC)], 2);
}

static void subtract_leaves_the_interval(void **state)
{
	struct hist earlier = {}, later, expected = {};

	(void)state;
	hist_add(&earlier, 3 * USEC);
	hist_add(&earlier, 300 * USEC);
	later = earlier;
	hist_add(&later, 30 * USEC);
	later.data.errors++;
	hist_subtract(&later, &earlier);

	hist_add(&expected, 30 * USEC);
	expected.data.errors = 1;
	assert_memory_equal(&later.data, &expected.data, sizeof(expected.data));
}

static void subtract_never_wraps(void **state)
{
	struct hist earlier = {}, later = {};

	(void)state;
	hist_add(&earlier, 3 * USEC);
	hist_subtract(&later, &earlier);
	assert_int_equal(later.data.count, 0);
	assert_int_equal(later.data.sum_ns, 0);
	assert_int_equal(hist_timed(&later), 0);
}

static void counts_without_times_have_no_mean(void **state)
{
	struct hist hist = {};

	(void)state;
	hist.data.count = 10;
	assert_int_equal(hist_timed(&hist), 0);
	assert_int_equal(hist_mean_ns(&hist), 0);
}

static void times_are_printed_with_three_digits(void **state)
{
	static const struct {
		uint64_t nsec;
		const char *text;
	} cases[] = {
		{ 0,			"0.00us" },
		{ 7,			"0.00us" },
		{ 70,			"0.07us" },
		{ 1234,			"1.23us" },
		{ 12345,		"12.3us" },
		{ 123456,		"123us" },
		{ 999999,		"999us" },
		{ 1000000,		"1.00ms" },
		{ 12345678,		"12.3ms" },
		{ 1234567890,		"1.23s" },
		{ 3600000000000,	"3600s" },
	};
	char buf[REPORT_TIME_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		report_time(buf, sizeof(buf), cases[i].nsec);
		assert_string_equal(buf, cases[i].text);
	}
}

static void columns_are_parsed_in_order(void **state)
{
	enum report_column columns[REPORT_NR_COLUMNS];
	size_t nr;

	(void)state;
	assert_int_equal(report_parse_columns("op,P99,count", columns, &nr), 0);
	assert_int_equal(nr, 3);
	assert_int_equal(columns[0], REPORT_OP);
	assert_int_equal(columns[1], REPORT_P99);
	assert_int_equal(columns[2], REPORT_COUNT);
	assert_int_equal(report_parse_columns(report_column_names(), columns, &nr), 0);
	assert_int_equal(nr, REPORT_NR_COLUMNS);
}

static void wrong_columns_are_rejected(void **state)
{
	static const char * const lists[] = {
		"", "op,", ",op", "op,nonsense", "op,op", "o", "opp",
	};
	enum report_column columns[REPORT_NR_COLUMNS];
	size_t i, nr;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		assert_int_equal(report_parse_columns(lists[i], columns, &nr), -EINVAL);
}

static int lookup(char *text, struct ksym *syms, size_t nr)
{
	FILE *file = fmemopen(text, strlen(text), "r");
	int ret;

	assert_non_null(file);
	ret = ksyms_lookup(file, syms, nr);
	fclose(file);
	return ret;
}

static void symbols_are_found(void **state)
{
	char text[] =
		"ffffffff81000000 t mutex_lock_nested_extra\n"
		"ffffffff81000010 T mutex_lock\n"
		"ffffffff81000020 t cgroup_procs_write.cold\n"
		"ffffffff81000030 t cgroup_procs_write.isra.0\n"
		"ffffffff81000040 t __helper.constprop.0.cold\n"
		"ffffffff81000050 t only_in_module\t[some_module]\n"
		"ffffffff82000000 D cgroup_mutex\n";
	struct ksym syms[] = {
		{ .name = "mutex_lock" },
		{ .name = "cgroup_procs_write" },
		{ .name = "__helper" },
		{ .name = "only_in_module" },
		{ .name = "cgroup_mutex" },
		{ .name = "absent" },
	};

	(void)state;
	assert_int_equal(lookup(text, syms, ARRAY_SIZE(syms)), 0);
	assert_string_equal(syms[0].found, "mutex_lock");
	assert_true(syms[0].addr == 0xffffffff81000010);
	assert_string_equal(syms[1].found, "cgroup_procs_write.isra.0");
	assert_string_equal(syms[2].found, "");
	assert_string_equal(syms[3].found, "");
	assert_true(syms[4].addr == 0xffffffff82000000);
	assert_string_equal(syms[5].found, "");
}

static void plain_symbol_wins_over_its_clone(void **state)
{
	char text[] =
		"ffffffff81000030 t cgroup_attach_task.isra.0\n"
		"ffffffff81000060 t cgroup_attach_task\n"
		"ffffffff81000090 t cgroup_attach_task.constprop.0\n";
	struct ksym sym = { .name = "cgroup_attach_task" };

	(void)state;
	assert_int_equal(lookup(text, &sym, 1), 0);
	assert_string_equal(sym.found, "cgroup_attach_task");
	assert_true(sym.addr == 0xffffffff81000060);
}

static void hidden_address_is_found_as_zero(void **state)
{
	char text[] = "0000000000000000 D cgroup_mutex\n";
	struct ksym sym = { .name = "cgroup_mutex" };

	(void)state;
	assert_int_equal(lookup(text, &sym, 1), 0);
	assert_string_equal(sym.found, "cgroup_mutex");
	assert_true(sym.addr == 0);
}

static void malformed_symbol_lines_are_skipped(void **state)
{
	char text[] =
		"\n12\nnot a symbol\nffffffff81000000\nffffffff81000000 \nffffffff81000000 T\n"
		"ffffffff81000000 T \n T good\nffffffff81000020 Tgood\n"
		"ffffffff81000010 T good\nffffffff81000030 T";
	struct ksym sym = { .name = "good" };

	(void)state;
	assert_int_equal(lookup(text, &sym, 1), 0);
	assert_string_equal(sym.found, "good");
	assert_true(sym.addr == 0xffffffff81000010);
}

static void json_strings_are_escaped(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	report_json_string(out, "a\"b\\c\n-\x01");
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "\"a\\\"b\\\\c\\u000a-\\u0001\"");
	free(text);
}

static void untraced_operations_are_null_in_json(void **state)
{
	struct cgtrace_sample data = {};
	struct cgtrace_caps caps = {};
	struct report_sample sample = { .data = &data, .caps = &caps, .to_ms = 1000 };
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	(void)state;
	out = open_memstream(&text, &size);
	assert_non_null(out);
	report_json_sample(out, &sample);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "{\"op\": \"mkdir\", \"count\": null, \"failed\": null"));
	assert_non_null(strstr(text, "\"acquired\": null"));
	assert_non_null(strstr(text, "\"pool\": null"));
	free(text);

	caps.ops_are_counted[CGTRACE_MKDIR] = true;
	caps.ops_are_timed[CGTRACE_MKDIR] = true;
	caps.holds = true;
	hist_add(&data.hists[CGTRACE_MKDIR], 3 * USEC);
	hist_add(&data.hists[CGTRACE_MUTEX_HOLD], 250000 * USEC);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	report_json_sample(out, &sample);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "{\"op\": \"mkdir\", \"count\": 1, \"failed\": 0, "
			       "\"mean_us\": 3.000"));
	assert_non_null(strstr(text, "[{\"from_us\": 2, \"to_us\": 4, \"count\": 1}]"));
	assert_non_null(strstr(text, "\"held_share\": 0.2500"));
	free(text);
}

static void seconds_are_parsed(void **state)
{
	static const struct {
		const char *text;
		uint64_t msec;
	} cases[] = {
		{ "3",		3000 },
		{ "0.5",	500 },
		{ ".25",	250 },
		{ "1.",		1000 },
		{ "0.0019",	1 },
		{ "2147483",	2147483000 },
	};
	uint64_t msec;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(seconds_parse(cases[i].text, &msec), 0);
		assert_int_equal(msec, cases[i].msec);
	}
}

static void wrong_seconds_are_rejected(void **state)
{
	static const char * const junk[] = { "", ".", "x", "1x", "-1", "+1", " 1", "1,5", "1.5.2",
					     "1e3", "0x10", "inf", "nan" };
	static const char * const range[] = { "0", "0.0", "0.0001", "2147484",
					      "99999999999999999999999" };
	uint64_t msec;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(junk); i++)
		assert_int_equal(seconds_parse(junk[i], &msec), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(range); i++)
		assert_int_equal(seconds_parse(range[i], &msec), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_bounds_agree_with_slot),
		cmocka_unit_test(last_slot_takes_everything_longer),
		cmocka_unit_test(below_one_microsecond_is_slot_0),
		cmocka_unit_test(empty_histogram_is_all_zero),
		cmocka_unit_test(add_keeps_count_mean_and_max),
		cmocka_unit_test(percentile_of_one_value_is_at_most_that_value),
		cmocka_unit_test(percentile_below_one_microsecond_is_zero),
		cmocka_unit_test(percentile_is_in_the_slot_of_the_true_value),
		cmocka_unit_test(percentiles_never_decrease),
		cmocka_unit_test(rank_does_not_overflow),
		cmocka_unit_test(merge_sums_and_keeps_the_larger_max),
		cmocka_unit_test(subtract_leaves_the_interval),
		cmocka_unit_test(subtract_never_wraps),
		cmocka_unit_test(counts_without_times_have_no_mean),
		cmocka_unit_test(times_are_printed_with_three_digits),
		cmocka_unit_test(columns_are_parsed_in_order),
		cmocka_unit_test(wrong_columns_are_rejected),
		cmocka_unit_test(symbols_are_found),
		cmocka_unit_test(plain_symbol_wins_over_its_clone),
		cmocka_unit_test(hidden_address_is_found_as_zero),
		cmocka_unit_test(malformed_symbol_lines_are_skipped),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(untraced_operations_are_null_in_json),
		cmocka_unit_test(seconds_are_parsed),
		cmocka_unit_test(wrong_seconds_are_rejected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
