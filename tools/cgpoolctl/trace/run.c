// SPDX-License-Identifier: GPL-2.0-only
/*
 * One run of "cgpoolctl trace": from loading the programs to the last line.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "child.h"
#include "loader.h"
#include "run.h"

#define MSEC_PER_SEC	UINT64_C(1000)
#define NSEC_PER_MSEC	UINT64_C(1000000)

/* As documented in cgpoolctl(8): exit codes of all commands, and of "exec". */
#define EXIT_FAILED		1
#define EXIT_UNSUPPORTED	3
#define EXIT_OWN_ERROR		125

/* Inode of /proc/PID/ns/pid in the initial pid namespace, PROC_PID_INIT_INO. */
#define INITIAL_PIDNS_INODE	0xEFFFFFFCU

struct run {
	const struct trace_run_opts *opts;
	struct cgtrace *trace;
	struct report_untraced untraced;
	struct child child;
	sigset_t signals;
	uint64_t start_ms;
	uint64_t last_ms;
	struct cgtrace_sample last;
	size_t nr_printed;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * MSEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_MSEC;
}

static void untraced(void *arg, const char *what, const char *why)
{
	struct run *run = arg;
	size_t nr = run->untraced.nr;

	run->opts->say("trace: %s: %s", what, why);
	if (nr == REPORT_MAX_UNTRACED)
		return;
	snprintf(run->untraced.entries[nr].what, sizeof(run->untraced.entries[nr].what), "%s",
		 what);
	snprintf(run->untraced.entries[nr].why, sizeof(run->untraced.entries[nr].why), "%s", why);
	run->untraced.nr++;
}

/* BPF sees pids of the initial namespace; elsewhere the filter would match nobody. */
static bool pids_are_global(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino == INITIAL_PIDNS_INODE;
}

static void print_flat(const struct report_sample *sample)
{
	const uint64_t *counters = sample->data->counters;

	printf("acquisitions %" PRIu64 "\n", counters[CGTRACE_C_ACQUIRED]);
	if (sample->caps->contention)
		printf("contended %" PRIu64 "\n", counters[CGTRACE_C_CONTENDED]);
	if (report_op_is_known(sample, CGTRACE_MKDIR))
		printf("mkdir %" PRIu64 "\n",
		       (uint64_t)sample->data->hists[CGTRACE_MKDIR].data.count);
	if (sample->caps->pool)
		printf("claim %" PRIu64 "\nmiss %" PRIu64 "\n", counters[CGTRACE_C_CLAIM],
		       counters[CGTRACE_C_MISS]);
	if (report_op_is_known(sample, CGTRACE_ATTACH))
		printf("attach %" PRIu64 "\n",
		       (uint64_t)sample->data->hists[CGTRACE_ATTACH].data.count);
	if (report_op_is_known(sample, CGTRACE_RMDIR))
		printf("rmdir %" PRIu64 "\n",
		       (uint64_t)sample->data->hists[CGTRACE_RMDIR].data.count);
}

static int print_text(const struct run *run, const struct report_sample *sample)
{
	const struct trace_run_opts *opts = run->opts;
	enum report_column columns[REPORT_NR_COLUMNS];
	int ret;

	if (opts->count_mutex) {
		print_flat(sample);
		return 0;
	}
	if (opts->interval_ms)
		printf("%s%" PRIu64 ".%03" PRIu64 " s:\n", run->nr_printed ? "\n" : "",
		       sample->to_ms / MSEC_PER_SEC, sample->to_ms % MSEC_PER_SEC);
	if (opts->columns)
		return report_table(stdout, sample, opts->columns, opts->nr_columns);

	ret = report_table(stdout, sample, columns, report_default_columns(columns));
	if (ret)
		return ret;
	report_summary(stdout, sample);
	if (!opts->interval_ms)
		report_histograms(stdout, sample);
	return 0;
}

/* Prints what was recorded since the last call. */
static int print_sample(struct run *run)
{
	struct cgtrace_sample sample, diff;
	struct report_sample report = {
		.data = &diff,
		.caps = cgtrace_get_caps(run->trace),
		.from_ms = run->last_ms,
	};
	int ret;

	ret = cgtrace_read(run->trace, &sample);
	if (ret)
		return ret;
	report.to_ms = now_ms() - run->start_ms;
	diff = sample;
	cgtrace_subtract(&diff, &run->last);
	if (run->opts->interval_ms) {
		ret = cgtrace_reset_maxima(run->trace);
		if (ret)
			return ret;
	}
	run->last = sample;
	run->last_ms = report.to_ms;

	if (run->opts->json) {
		fputs(run->nr_printed ? ",\n  " : "\n  ", stdout);
		report_json_sample(stdout, &report);
	} else {
		ret = print_text(run, &report);
	}
	run->nr_printed++;
	fflush(stdout);
	return ret;
}

static void print_json_head(void)
{
	fputs("{\"version\": 1,\n \"samples\": [", stdout);
}

static void print_json_tail(const struct run *run)
{
	fputs("],\n \"command\": ", stdout);
	if (run->opts->argv)
		printf("{\"pid\": %d, \"status\": %d}", (int)run->child.pid,
		       child_exit_code(&run->child));
	else
		fputs("null", stdout);
	fputs(",\n \"untraced\": ", stdout);
	report_json_untraced(stdout, &run->untraced);
	fputs("}\n", stdout);
}

/*
 * Waits for a signal until the time given, 0 for no limit. Returns true when the
 * trace is to end.
 */
static bool wait_until(struct run *run, uint64_t until_ms)
{
	struct timespec timeout;
	siginfo_t info;
	uint64_t now;
	int sig;

	for (;;) {
		if (run->opts->argv) {
			child_poll(&run->child);
			if (run->child.has_ended)
				return true;
		}
		if (until_ms) {
			now = now_ms();
			if (now >= until_ms)
				return false;
			timeout.tv_sec = (time_t)((until_ms - now) / MSEC_PER_SEC);
			timeout.tv_nsec = (long)((until_ms - now) % MSEC_PER_SEC * NSEC_PER_MSEC);
			sig = sigtimedwait(&run->signals, &info, &timeout);
		} else {
			sig = sigwaitinfo(&run->signals, &info);
		}
		if (sig < 0 || sig == SIGCHLD)
			continue;
		if (!run->opts->argv)
			return true;
		/* The command decides what a signal means; one of the terminal it has got. */
		if (info.si_code <= SI_USER)
			kill(run->child.pid, sig);
	}
}

static int run_loop(struct run *run)
{
	const struct trace_run_opts *opts = run->opts;
	uint64_t end_ms = opts->duration_ms ? run->start_ms + opts->duration_ms : 0;
	uint64_t next_ms = opts->interval_ms ? run->start_ms + opts->interval_ms : 0;
	bool has_ended;
	int ret;

	for (;;) {
		uint64_t until_ms = next_ms && (!end_ms || next_ms < end_ms) ? next_ms : end_ms;

		has_ended = wait_until(run, until_ms);
		if (has_ended || until_ms == end_ms)
			break;
		ret = print_sample(run);
		if (ret)
			return ret;
		/* Never catch up with reports that a slow terminal held back. */
		do {
			next_ms += opts->interval_ms;
		} while (next_ms <= now_ms());
	}
	return print_sample(run);
}

/**
 * trace_explain() - say why tracing could not begin
 * @err: what cgtrace_start() returned
 * @say: prints a line on stderr
 *
 * Return: the exit code for it.
 */
int trace_explain(int err, void (*say)(const char *format, ...)
		  __attribute__((format(printf, 1, 2))))
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		say("trace: loading BPF programs needs CAP_BPF and CAP_PERFMON, usually root");
		return EXIT_FAILED;
	case -EOPNOTSUPP:
		say("trace: this kernel cannot trace with BPF (CONFIG_BPF_EVENTS)");
		return EXIT_UNSUPPORTED;
	default:
		say("trace: loading BPF programs: %s", strerror(-err));
		return EXIT_FAILED;
	}
}

static int run_traced(struct run *run)
{
	const struct trace_run_opts *opts = run->opts;
	int ret;

	ret = cgtrace_read(run->trace, &run->last);
	if (ret)
		goto err_say;
	run->start_ms = now_ms();
	if (opts->argv) {
		ret = child_go(&run->child);
		if (ret)
			goto err_say;
	} else if (opts->duration_ms) {
		opts->say("trace: tracing for %" PRIu64 ".%03" PRIu64 " s",
			  opts->duration_ms / MSEC_PER_SEC, opts->duration_ms % MSEC_PER_SEC);
	} else {
		opts->say("trace: tracing, ^C ends it");
	}

	if (opts->json)
		print_json_head();
	ret = run_loop(run);
	if (ret)
		goto err_say;
	if (opts->argv) {
		/* --duration may have ended the trace before the command. */
		while (!run->child.has_ended)
			wait_until(run, 0);
		ret = child_exit_code(&run->child);
	}
	if (opts->json)
		print_json_tail(run);
	return ret;

err_say:
	opts->say("trace: %s", strerror(-ret));
	return EXIT_FAILED;
}

/**
 * trace_run() - trace and print
 * @opts: what to do
 *
 * Blocks SIGINT, SIGTERM and SIGCHLD while it runs.
 *
 * Return: exit code of the program.
 */
int trace_run(const struct trace_run_opts *opts)
{
	struct run run = { .opts = opts };
	struct cgtrace_opts trace_opts = {
		.ops = true,
		.mutex = true,
		.pool = true,
		.report = untraced,
		.arg = &run,
	};
	sigset_t old;
	int ret, code;

	if (opts->count_mutex && !pids_are_global()) {
		opts->say("trace: --count-mutex works in the initial pid namespace only");
		return EXIT_OWN_ERROR;
	}
	sigemptyset(&run.signals);
	sigaddset(&run.signals, SIGINT);
	sigaddset(&run.signals, SIGTERM);
	sigaddset(&run.signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &run.signals, &old);

	if (opts->argv) {
		ret = child_prepare(&run.child, opts->argv, &old);
		if (ret) {
			opts->say("trace: %s: %s", opts->argv[0], strerror(-ret));
			code = EXIT_OWN_ERROR;
			goto out_unblock;
		}
		if (opts->count_mutex)
			trace_opts.tgid = run.child.pid;
	}
	ret = cgtrace_start(&trace_opts, &run.trace);
	if (ret) {
		code = trace_explain(ret, opts->say);
		goto out_abandon;
	}
	if (opts->count_mutex && !cgtrace_get_caps(run.trace)->acquisitions) {
		opts->say("trace: acquisitions of cgroup_mutex cannot be counted on this kernel");
		code = EXIT_UNSUPPORTED;
		goto out_abandon;
	}
	code = run_traced(&run);

out_abandon:
	cgtrace_stop(run.trace);
	if (opts->argv && !run.child.has_ended) {
		child_abandon(&run.child);
		code = EXIT_OWN_ERROR;
	}
out_unblock:
	sigprocmask(SIG_SETMASK, &old, NULL);
	return code;
}
