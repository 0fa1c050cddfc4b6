// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgpoolctl top: live view of all pools, of cgroup_mutex and of dying cgroups.
 *
 * The screen is drawn with a handful of ANSI sequences and always put back, also
 * when a signal ends the program. Where stdout is not a terminal the samples are
 * printed one after the other.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "report.h"
#include "seconds.h"
#ifdef HAVE_BPF
#include "loader.h"
#endif

#define MSEC_PER_SEC		UINT64_C(1000)
#define NSEC_PER_MSEC		UINT64_C(1000000)
#define NSEC_PER_USEC		UINT64_C(1000)
#define DEFAULT_DELAY_MS	UINT64_C(2000)
#define MIN_DELAY_MS		UINT64_C(100)
#define DEFAULT_ROWS		24
#define DEFAULT_COLS		80
/* Lines of the screen above the first pool. */
#define NR_HEAD_LINES		5
#define CELL_LEN		24
#define LINE_LEN		512

#define ANSI_ENTER		"\033[?1049h\033[?25l"
#define ANSI_LEAVE		"\033[?25h\033[?1049l"
#define ANSI_HOME		"\033[H"
#define ANSI_CLEAR_LINE		"\033[K"
#define ANSI_CLEAR_BELOW	"\033[J"
#define ANSI_REVERSE		"\033[7m"
#define ANSI_NORMAL		"\033[0m"

struct top_pool {
	char *path;
	const char *mode;
	struct cgpool_stats now;
	struct cgpool_stats before;
	bool is_seen;
	/* Two readings exist, so there are rates. */
	bool has_before;
};

struct top {
	struct cgpool_ctx *ctx;
	struct top_pool *pools;
	size_t nr_pools;
	char v2_mount[sizeof(((struct cgpool_host *)0)->v2_mount)];
	/* CGPOOL_UNKNOWN where the kernel does not say. */
	uint64_t dying;
	uint64_t now_ms;
	uint64_t before_ms;
	uint64_t nr_samples;
#ifdef HAVE_BPF
	/* NULL: cgroup_mutex cannot be watched. */
	struct cgtrace *trace;
	struct cgtrace_sample trace_now;
	struct cgtrace_sample trace_before;
#endif
};

struct top_opts {
	uint64_t delay_ms;
	/* 0: until a signal. */
	unsigned int nr_samples;
	bool batch;
	bool no_mutex;
	bool json;
};

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * MSEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_MSEC;
}

/* Reading. */

static struct top_pool *find_pool(struct top *top, const char *path)
{
	struct top_pool *pools;
	size_t i;

	for (i = 0; i < top->nr_pools; i++)
		if (!strcmp(top->pools[i].path, path))
			return &top->pools[i];

	pools = reallocarray(top->pools, top->nr_pools + 1, sizeof(*pools));
	if (!pools)
		return NULL;
	top->pools = pools;
	memset(&pools[top->nr_pools], 0, sizeof(*pools));
	pools[top->nr_pools].path = strdup(path);
	if (!pools[top->nr_pools].path)
		return NULL;
	return &pools[top->nr_pools++];
}

static int read_pool(struct cgpool *pool, void *data)
{
	struct cgpool_stats stats = { .sz = sizeof(stats) };
	struct top *top = data;
	struct top_pool *entry;

	/* A pool may go away at any time; then it is not shown. */
	if (cgpool_stats(pool, &stats))
		return 0;
	entry = find_pool(top, cgpool_path(pool));
	if (!entry)
		return -ENOMEM;
	entry->has_before = entry->now.sz;
	entry->before = entry->now;
	entry->now = stats;
	entry->mode = cli_mode_name(cgpool_mode(pool));
	entry->is_seen = true;
	return 0;
}

static void forget_unseen(struct top *top)
{
	size_t from, to = 0;

	for (from = 0; from < top->nr_pools; from++) {
		if (!top->pools[from].is_seen)
			free(top->pools[from].path);
		else
			top->pools[to++] = top->pools[from];
	}
	top->nr_pools = to;
}

static uint64_t read_dying(const struct top *top)
{
	char path[sizeof(top->v2_mount) + 16], line[128];
	uint64_t dying = CGPOOL_UNKNOWN;
	FILE *file;

	if (!top->v2_mount[0])
		return dying;
	snprintf(path, sizeof(path), "%s/cgroup.stat", top->v2_mount);
	file = fopen(path, "re");
	if (!file)
		return dying;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "nr_dying_descendants %" SCNu64, &dying) == 1)
			break;
	fclose(file);
	return dying;
}

static uint64_t delta(uint64_t now, uint64_t before)
{
	if (now == CGPOOL_UNKNOWN || before == CGPOOL_UNKNOWN)
		return CGPOOL_UNKNOWN;
	/* A pool that was destroyed and created again begins anew. */
	return now >= before ? now - before : now;
}

static uint64_t claims_of(const struct top_pool *pool)
{
	return pool->has_before ? delta(pool->now.claims, pool->before.claims) : CGPOOL_UNKNOWN;
}

static uint64_t misses_of(const struct top_pool *pool)
{
	return pool->has_before ? delta(pool->now.misses, pool->before.misses) : CGPOOL_UNKNOWN;
}

/* Mean time to make one free cgroup in this interval, in ns. */
static uint64_t refill_of(const struct top_pool *pool)
{
	uint64_t created, usec;

	if (!pool->has_before)
		return CGPOOL_UNKNOWN;
	created = delta(pool->now.created, pool->before.created);
	usec = delta(pool->now.refill_usec, pool->before.refill_usec);
	if (created == CGPOOL_UNKNOWN || usec == CGPOOL_UNKNOWN || !created)
		return CGPOOL_UNKNOWN;
	return usec * NSEC_PER_USEC / created;
}

/* Busiest first, then by name, so that quiet pools do not jump about. */
static int compare_pools(const void *left, const void *right)
{
	const struct top_pool *one = left, *two = right;
	uint64_t busy_one = claims_of(one), busy_two = claims_of(two);

	if (busy_one == CGPOOL_UNKNOWN)
		busy_one = 0;
	if (busy_two == CGPOOL_UNKNOWN)
		busy_two = 0;
	if (busy_one != busy_two)
		return busy_one < busy_two ? 1 : -1;
	return strcmp(one->path, two->path);
}

static int read_all(struct top *top)
{
	size_t i;
	int ret;

	for (i = 0; i < top->nr_pools; i++)
		top->pools[i].is_seen = false;
	ret = cgpool_walk(top->ctx, read_pool, top);
	if (ret)
		return ret;
	forget_unseen(top);
	if (top->nr_pools)
		qsort(top->pools, top->nr_pools, sizeof(top->pools[0]), compare_pools);
	top->dying = read_dying(top);
	top->before_ms = top->now_ms;
	top->now_ms = clock_ms();
#ifdef HAVE_BPF
	if (top->trace) {
		top->trace_before = top->trace_now;
		ret = cgtrace_read(top->trace, &top->trace_now);
		if (!ret)
			ret = cgtrace_reset_maxima(top->trace);
	}
#endif
	return ret;
}

#ifdef HAVE_BPF
static void start_trace(struct top *top)
{
	struct cgtrace_opts opts = { .mutex = true };

	if (cgtrace_start(&opts, &top->trace))
		return;
	if (!cgtrace_get_caps(top->trace)->holds) {
		cgtrace_stop(top->trace);
		top->trace = NULL;
	}
}

static void stop_trace(struct top *top)
{
	cgtrace_stop(top->trace);
}

/* Share of the interval that cgroup_mutex was held, in 1/10000. */
static bool mutex_of(const struct top *top, uint64_t *share, struct cgtrace_sample *diff)
{
	uint64_t nsec = (top->now_ms - top->before_ms) * NSEC_PER_MSEC;
	uint64_t held;

	if (!top->trace || top->nr_samples < 2 || !nsec)
		return false;
	*diff = top->trace_now;
	cgtrace_subtract(diff, &top->trace_before);
	held = diff->hists[CGTRACE_MUTEX_HOLD].data.sum_ns;
	*share = held >= nsec ? 10000 : (uint64_t)((double)held * 10000.0 / (double)nsec);
	return true;
}
#else
static void start_trace(struct top *top)
{
	(void)top;
}

static void stop_trace(struct top *top)
{
	(void)top;
}
#endif

/* Printing. */

static void format_count(char *cell, uint64_t val)
{
	if (val == CGPOOL_UNKNOWN)
		snprintf(cell, CELL_LEN, "-");
	else
		snprintf(cell, CELL_LEN, "%" PRIu64, val);
}

static uint64_t per_second_tenths(const struct top *top, uint64_t count)
{
	uint64_t msec = top->now_ms - top->before_ms;

	if (count == CGPOOL_UNKNOWN || !msec)
		return CGPOOL_UNKNOWN;
	return count * 10 * MSEC_PER_SEC / msec;
}

static void format_rate(char *cell, const struct top *top, uint64_t count)
{
	uint64_t tenths = per_second_tenths(top, count);

	if (tenths == CGPOOL_UNKNOWN)
		snprintf(cell, CELL_LEN, "-");
	else
		snprintf(cell, CELL_LEN, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

static void format_time(char *cell, uint64_t nsec)
{
	if (nsec == CGPOOL_UNKNOWN)
		snprintf(cell, CELL_LEN, "-");
	else
		report_time(cell, CELL_LEN, nsec);
}

static void format_mutex(char *line, size_t size, const struct top *top)
{
#ifdef HAVE_BPF
	struct cgtrace_sample diff;
	char rate[CELL_LEN], wait[CELL_LEN];
	const struct hist *waits = &diff.hists[CGTRACE_MUTEX_WAIT];
	uint64_t share;

	if (mutex_of(top, &share, &diff)) {
		format_rate(rate, top, diff.counters[CGTRACE_C_ACQUIRED]);
		report_time(wait, sizeof(wait), hist_percentile_ns(waits, 990));
		snprintf(line, size, "held %" PRIu64 ".%" PRIu64 " %%, %s acquisitions/s, "
			 "p99 wait %s", share / 100, share % 100 / 10, rate, wait);
		return;
	}
#else
	(void)top;
#endif
	snprintf(line, size, "-");
}

static void add_known(uint64_t *sum, uint64_t val)
{
	if (val != CGPOOL_UNKNOWN)
		*sum = *sum == CGPOOL_UNKNOWN ? val : *sum + val;
}

/* Line idx of the head; the caller ends it. */
static void head_line(char *line, const struct top *top, unsigned int idx)
{
	uint64_t claims = CGPOOL_UNKNOWN, misses = CGPOOL_UNKNOWN, nr_free = 0, max = 0;
	char cells[2][CELL_LEN], mutex[LINE_LEN / 2], clock[CELL_LEN];
	time_t now = time(NULL);
	struct tm tm;
	size_t i;

	switch (idx) {
	case 0:
		for (i = 0; i < top->nr_pools; i++) {
			add_known(&nr_free, top->pools[i].now.free);
			add_known(&max, top->pools[i].now.max);
			add_known(&claims, claims_of(&top->pools[i]));
			add_known(&misses, misses_of(&top->pools[i]));
		}
		if (!localtime_r(&now, &tm) || !strftime(clock, sizeof(clock), "%H:%M:%S", &tm))
			clock[0] = '\0';
		format_rate(cells[0], top, claims);
		format_rate(cells[1], top, misses);
		snprintf(line, LINE_LEN, "%s  pools: %zu, %" PRIu64 " of %" PRIu64
			 " free, %s claims/s, %s misses/s", clock, top->nr_pools, nr_free, max,
			 cells[0], cells[1]);
		break;
	case 1:
		format_mutex(mutex, sizeof(mutex), top);
		snprintf(line, LINE_LEN, "cgroup_mutex: %s", mutex);
		break;
	case 2:
		format_count(cells[0], top->dying);
		snprintf(line, LINE_LEN, "dying cgroups: %s", cells[0]);
		break;
	case 3:
		line[0] = '\0';
		break;
	default:
		snprintf(line, LINE_LEN, "%7s %7s %7s %9s %9s %8s %8s %3s  %-9s %s", "FREE", "MAX",
			 "BUILD", "CLAIM/S", "MISS/S", "REFILL", "EMPTY", "LOW", "MODE", "POOL");
	}
}

static void pool_line(char *line, const struct top *top, const struct top_pool *pool)
{
	char nr_free[CELL_LEN], max[CELL_LEN], building[CELL_LEN], claims[CELL_LEN];
	char misses[CELL_LEN], refill[CELL_LEN], empty[CELL_LEN], low[CELL_LEN];

	format_count(nr_free, pool->now.free);
	format_count(max, pool->now.max);
	format_count(building, pool->now.building);
	format_rate(claims, top, claims_of(pool));
	format_rate(misses, top, misses_of(pool));
	format_time(refill, refill_of(pool));
	format_count(empty, pool->now.events_empty);
	if (pool->now.events_low == CGPOOL_UNKNOWN)
		snprintf(low, sizeof(low), "-");
	else
		snprintf(low, sizeof(low), "%s", pool->now.events_low ? "yes" : "no");
	snprintf(line, LINE_LEN, "%7s %7s %7s %9s %9s %8s %8s %3s  %-9s %s", nr_free, max, building,
		 claims, misses, refill, empty, low, pool->mode, pool->path);
}

static void print_batch(const struct top *top)
{
	char line[LINE_LEN];
	unsigned int idx;
	size_t i;

	if (top->nr_samples > 1)
		putchar('\n');
	for (idx = 0; idx < NR_HEAD_LINES; idx++) {
		head_line(line, top, idx);
		puts(line);
	}
	for (i = 0; i < top->nr_pools; i++) {
		pool_line(line, top, &top->pools[i]);
		puts(line);
	}
}

/* Cuts at the right margin; a byte of a longer character may go with it. */
static void screen_line(const char *line, unsigned int cols, bool is_reversed)
{
	size_t len = strlen(line);

	if (len > cols)
		len = cols;
	printf("%s%.*s%s" ANSI_CLEAR_LINE, is_reversed ? ANSI_REVERSE : "", (int)len, line,
	       is_reversed ? ANSI_NORMAL : "");
}

static void print_screen(const struct top *top)
{
	unsigned int rows = DEFAULT_ROWS, cols = DEFAULT_COLS, idx;
	struct winsize size;
	char line[LINE_LEN];
	size_t i;

	/* Asked each time, so a resize needs no more than a new drawing. */
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col) {
		rows = size.ws_row;
		cols = size.ws_col;
	}
	fputs(ANSI_HOME, stdout);
	for (idx = 0; idx < NR_HEAD_LINES && idx < rows; idx++) {
		head_line(line, top, idx);
		screen_line(line, cols, idx == NR_HEAD_LINES - 1);
		/* No newline on the last row, it would scroll. */
		if (idx + 1 < rows)
			fputs("\n", stdout);
	}
	for (i = 0; i < top->nr_pools && idx < rows; i++, idx++) {
		pool_line(line, top, &top->pools[i]);
		screen_line(line, cols, false);
		if (idx + 1 < rows)
			fputs("\n", stdout);
	}
	if (idx < rows)
		fputs(ANSI_CLEAR_BELOW, stdout);
}

static void json_count(const char *key, uint64_t val)
{
	if (val == CGPOOL_UNKNOWN)
		printf(", \"%s\": null", key);
	else
		printf(", \"%s\": %" PRIu64, key, val);
}

static void json_tenths(const char *key, uint64_t tenths)
{
	if (tenths == CGPOOL_UNKNOWN)
		printf(", \"%s\": null", key);
	else
		printf(", \"%s\": %" PRIu64 ".%" PRIu64, key, tenths / 10, tenths % 10);
}

static void json_mutex(const struct top *top)
{
#ifdef HAVE_BPF
	struct cgtrace_sample diff;
	uint64_t share;

	if (mutex_of(top, &share, &diff)) {
		printf("{\"held_share\": %" PRIu64 ".%04" PRIu64, share / 10000, share % 10000);
		json_count("acquired", diff.counters[CGTRACE_C_ACQUIRED]);
		json_count("contended", cgtrace_get_caps(top->trace)->contention ?
					diff.counters[CGTRACE_C_CONTENDED] : CGPOOL_UNKNOWN);
		putchar('}');
		return;
	}
#else
	(void)top;
#endif
	fputs("null", stdout);
}

static void print_json(const struct top *top)
{
	size_t i;

	printf("%s{\"interval_ms\": %" PRIu64, top->nr_samples > 2 ? ",\n  " : "\n  ",
	       top->now_ms - top->before_ms);
	json_count("dying", top->dying);
	fputs(", \"mutex\": ", stdout);
	json_mutex(top);
	fputs(",\n   \"pools\": [", stdout);
	for (i = 0; i < top->nr_pools; i++) {
		const struct top_pool *pool = &top->pools[i];

		printf("%s{\"path\": ", i ? ",\n    " : "\n    ");
		report_json_string(stdout, pool->path);
		printf(", \"mode\": \"%s\"", pool->mode);
		json_count("free", pool->now.free);
		json_count("max", pool->now.max);
		json_count("building", pool->now.building);
		json_count("claims", pool->now.claims);
		json_count("misses", pool->now.misses);
		json_tenths("claims_per_sec", per_second_tenths(top, claims_of(pool)));
		json_tenths("misses_per_sec", per_second_tenths(top, misses_of(pool)));
		json_count("refill_ns", refill_of(pool));
		json_count("empty", pool->now.events_empty);
		json_count("low", pool->now.events_low);
		putchar('}');
	}
	fputs("]}", stdout);
}

/* Terminal and loop. */

struct screen {
	struct termios saved;
	bool is_raw;
	bool is_entered;
};

static void screen_enter(struct screen *screen)
{
	struct termios raw;

	if (!tcgetattr(STDIN_FILENO, &screen->saved)) {
		raw = screen->saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		/* Stopped by ^Z, the screen could not be put back. */
		raw.c_cc[VSUSP] = _POSIX_VDISABLE;
		screen->is_raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs(ANSI_ENTER, stdout);
	screen->is_entered = true;
}

static void screen_leave(struct screen *screen)
{
	if (screen->is_entered) {
		fputs(ANSI_LEAVE, stdout);
		fflush(stdout);
	}
	if (screen->is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen->saved);
}

enum wake {
	WAKE_TIME,
	WAKE_REDRAW,
	WAKE_QUIT,
};

static enum wake wait_until(uint64_t until_ms, int signal_fd, bool watch_keys)
{
	struct signalfd_siginfo info;
	uint64_t now = clock_ms();
	struct pollfd fds[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = watch_keys ? STDIN_FILENO : -1, .events = POLLIN },
	};
	char key;

	if (now >= until_ms)
		return WAKE_TIME;
	if (poll(fds, 2, (int)(until_ms - now)) <= 0)
		return WAKE_TIME;
	if (fds[0].revents & POLLIN && read(signal_fd, &info, sizeof(info)) == sizeof(info))
		return info.ssi_signo == SIGWINCH ? WAKE_REDRAW : WAKE_QUIT;
	if (fds[1].revents) {
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
			return WAKE_QUIT;
		return WAKE_REDRAW;
	}
	return WAKE_TIME;
}

static void draw(const struct top *top, const struct top_opts *opts)
{
	if (opts->json) {
		/* The first reading has no rates. */
		if (top->nr_samples > 1)
			print_json(top);
	} else if (opts->batch) {
		print_batch(top);
	} else {
		print_screen(top);
	}
	fflush(stdout);
}

static int run_top(struct top *top, const struct top_opts *opts, int signal_fd,
		   bool watch_keys)
{
	/* JSON gives differences only, so it takes one reading more than it prints. */
	uint64_t wanted = opts->nr_samples && opts->json ? opts->nr_samples + 1ULL :
							  opts->nr_samples;
	uint64_t next_ms = clock_ms();
	bool is_screen = !opts->json && !opts->batch;
	enum wake wake = WAKE_TIME;
	int ret = 0;

	while (wake != WAKE_QUIT) {
		if (wake == WAKE_TIME) {
			ret = read_all(top);
			if (ret)
				break;
			top->nr_samples++;
			next_ms += opts->delay_ms;
			if (next_ms < top->now_ms)
				next_ms = top->now_ms + opts->delay_ms;
		}
		draw(top, opts);
		if (ferror(stdout)) {
			ret = -EIO;
			break;
		}
		if (wanted && top->nr_samples >= wanted)
			break;
		do {
			wake = wait_until(next_ms, signal_fd, watch_keys);
		} while (wake == WAKE_REDRAW && !is_screen);
	}
	return ret;
}

static const char usage[] =
	"Usage: cgpoolctl [--root DIR] top [options]\n"
	"\n"
	"Live view of all pools, of cgroup_mutex and of dying cgroups; q or ^C ends it.\n"
	"\n"
	" -d, --delay SEC        time between two views, 2 by default\n"
	" -n, --iterations N     end after N views\n"
	" -b, --batch            plain lines instead of a screen\n"
	" -M, --no-mutex         do not watch cgroup_mutex, put no probes into the kernel\n"
	" -J, --json             JSON, one view by default\n"
	" -h, --help             this text\n";

static void prepare(struct top *top, const struct top_opts *opts)
{
	struct cgpool_host host = { .sz = sizeof(host) };

	top->dying = CGPOOL_UNKNOWN;
	if (!cgpool_host_info(top->ctx, &host) && host.has_v2)
		memcpy(top->v2_mount, host.v2_mount, sizeof(top->v2_mount));
	if (!opts->no_mutex)
		start_trace(top);
}

static void finish(struct top *top)
{
	size_t i;

	stop_trace(top);
	for (i = 0; i < top->nr_pools; i++)
		free(top->pools[i].path);
	free(top->pools);
}

static int show(struct cgpool_ctx *ctx, const struct top_opts *opts)
{
	struct top top = { .ctx = ctx };
	struct screen screen = {};
	sigset_t signals, old;
	int signal_fd, ret;

	/* Blocked before anything is drawn: no signal can leave the screen behind. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, &old);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (signal_fd < 0) {
		ret = -errno;
		goto out_unblock;
	}
	prepare(&top, opts);
	if (opts->json)
		fputs("{\"version\": 1,\n \"samples\": [", stdout);
	else if (!opts->batch)
		screen_enter(&screen);
	ret = run_top(&top, opts, signal_fd, screen.is_raw);
	screen_leave(&screen);
	if (opts->json)
		puts("]}");
	finish(&top);
	close(signal_fd);
out_unblock:
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ret;
}

int cmd_top(struct cli *cli, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "delay",	required_argument,	NULL, 'd' },
		{ "iterations",	required_argument,	NULL, 'n' },
		{ "batch",	no_argument,		NULL, 'b' },
		{ "no-mutex",	no_argument,		NULL, 'M' },
		{ "json",	no_argument,		NULL, 'J' },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct top_opts opts = { .delay_ms = DEFAULT_DELAY_MS };
	int c, ret;

	while ((c = getopt_long(argc, argv, "d:n:bMJh", longopts, NULL)) != -1) {
		switch (c) {
		case 'd':
			if (seconds_parse(optarg, &opts.delay_ms) || opts.delay_ms < MIN_DELAY_MS)
				return cli_usage("top", "--delay: %s: not a time of 0.1 or more",
						 optarg);
			break;
		case 'n':
			if (!cli_uint(optarg, UINT_MAX, &opts.nr_samples) || !opts.nr_samples)
				return cli_usage("top", "--iterations: %s: not a number above 0",
						 optarg);
			break;
		case 'b':
			opts.batch = true;
			break;
		case 'M':
			opts.no_mutex = true;
			break;
		case 'J':
			opts.json = true;
			break;
		case 'h':
			return cli_help(usage);
		default:
			return cli_usage("top", NULL);
		}
	}
	if (optind < argc)
		return cli_usage("top", "%s: unexpected argument", argv[optind]);
	if (opts.json && !opts.nr_samples)
		opts.nr_samples = 1;
	if (!isatty(STDOUT_FILENO))
		opts.batch = true;
	ret = show(cli->ctx, &opts);
	if (!ret)
		return CLI_OK;
	/* What the library has to say is about more than the errno. */
	if (*cgpool_errmsg(cli->ctx))
		return cli_fail(cli, ret);
	cli_error("top: %s", strerror(-ret));
	return CLI_FAILED;
}
