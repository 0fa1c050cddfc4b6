// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the BPF programs and attaches each where the running kernel has a place
 * for it. A place that is missing is reported and the rest still works; only a
 * kernel that refuses BPF altogether is an error.
 *
 * Returns of operations are caught through kretprobes made in tracefs, because
 * only those can be told how many tasks may be inside at once (the default is
 * twice the number of CPUs, too few for 200 creators). They are removed at the
 * end; what a killed instance left behind is removed by the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgtrace.skel.h"
#include "ksyms.h"
#include "loader.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define EVENT_GROUP		"cgpoolctl"
#define EVENT_NAME_LEN		64
/* Largest value the kernel takes, KRETPROBE_MAXACTIVE_MAX. */
#define KRETPROBE_MAXACTIVE	4096
#define MAX_LINKS		48
#define MAX_EVENTS		16

static const char * const tracefs_dirs[] = {
	"/sys/kernel/tracing",
	"/sys/kernel/debug/tracing",
};

enum sym_idx {
	SYM_CGROUP_MUTEX,
	SYM_MUTEX_LOCK,
	SYM_MUTEX_LOCK_NESTED,
	SYM_MUTEX_LOCK_KILLABLE,
	SYM_MUTEX_LOCK_KILLABLE_NESTED,
	SYM_MUTEX_LOCK_INTERRUPTIBLE,
	SYM_MUTEX_LOCK_INTERRUPTIBLE_NESTED,
	SYM_MUTEX_TRYLOCK,
	SYM_MUTEX_UNLOCK,
	SYM_MKDIR,
	SYM_RMDIR,
	/* Their addresses are taken, so the compiler cannot make them vanish. */
	SYM_PROCS_WRITE,
	SYM_THREADS_WRITE,
	SYM_PROCS_WRITE_V1,
	SYM_TASKS_WRITE_V1,
	/* Fallbacks. */
	SYM_PROCS_WRITE_INNER,
	SYM_PROCS_WRITE_INNER_V1,
	SYM_ATTACH_TASK,
	NR_SYMS,
};

static const char * const sym_names[NR_SYMS] = {
	[SYM_CGROUP_MUTEX]			= "cgroup_mutex",
	[SYM_MUTEX_LOCK]			= "mutex_lock",
	[SYM_MUTEX_LOCK_NESTED]			= "mutex_lock_nested",
	[SYM_MUTEX_LOCK_KILLABLE]		= "mutex_lock_killable",
	[SYM_MUTEX_LOCK_KILLABLE_NESTED]	= "mutex_lock_killable_nested",
	[SYM_MUTEX_LOCK_INTERRUPTIBLE]		= "mutex_lock_interruptible",
	[SYM_MUTEX_LOCK_INTERRUPTIBLE_NESTED]	= "mutex_lock_interruptible_nested",
	[SYM_MUTEX_TRYLOCK]			= "mutex_trylock",
	[SYM_MUTEX_UNLOCK]			= "mutex_unlock",
	[SYM_MKDIR]				= "cgroup_mkdir",
	[SYM_RMDIR]				= "cgroup_rmdir",
	[SYM_PROCS_WRITE]			= "cgroup_procs_write",
	[SYM_THREADS_WRITE]			= "cgroup_threads_write",
	[SYM_PROCS_WRITE_V1]			= "cgroup1_procs_write",
	[SYM_TASKS_WRITE_V1]			= "cgroup1_tasks_write",
	[SYM_PROCS_WRITE_INNER]			= "__cgroup_procs_write",
	[SYM_PROCS_WRITE_INNER_V1]		= "__cgroup1_procs_write",
	[SYM_ATTACH_TASK]			= "cgroup_attach_task",
};

struct cgtrace {
	struct cgtrace_opts opts;
	struct cgtrace_caps caps;
	struct cgtrace_bpf *skel;
	struct bpf_link *links[MAX_LINKS];
	unsigned int nr_links;
	struct ksym syms[NR_SYMS];
	int nr_cpus;
	/* Directory of tracefs, NULL if it cannot be used. */
	const char *tracefs;
	char events[MAX_EVENTS][EVENT_NAME_LEN];
	unsigned int nr_events;
	/* The kernel has no kprobes; said once instead of for each function. */
	bool no_kprobes;
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int print_all(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	return vfprintf(stderr, format, args);
}

static void report(const struct cgtrace *trace, const char *what, const char *why)
{
	if (trace->opts.report)
		trace->opts.report(trace->opts.arg, what, why);
}

static bool have_sym(const struct cgtrace *trace, enum sym_idx idx)
{
	return trace->syms[idx].found[0];
}

static int keep_link(struct cgtrace *trace, struct bpf_link *link)
{
	if (!link)
		return -errno;
	if (trace->nr_links == MAX_LINKS) {
		bpf_link__destroy(link);
		return -ENOSPC;
	}
	trace->links[trace->nr_links++] = link;
	return 0;
}

/* tracefs: kretprobes with room for many tasks. */

static int tracefs_open(const char *dir, const char *file, int flags)
{
	char path[256];
	int fd, len;

	len = snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int tracefs_command(const char *dir, const char *command)
{
	ssize_t written, len = (ssize_t)strlen(command);
	int fd, ret = 0;

	fd = tracefs_open(dir, "kprobe_events", O_WRONLY | O_APPEND);
	if (fd < 0)
		return fd;
	written = write(fd, command, (size_t)len);
	if (written < 0)
		ret = -errno;
	else if (written != len)
		ret = -EIO;
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

static int tracefs_remove_event(const char *dir, const char *name)
{
	char command[EVENT_NAME_LEN + 32];

	snprintf(command, sizeof(command), "-:" EVENT_GROUP "/%s", name);
	return tracefs_command(dir, command);
}

/*
 * An event is named <what>_<pid>. One that is in use cannot be removed, so a
 * pid of another pid namespace, which looks dead from here, does no harm.
 */
static void tracefs_remove_stale(const char *dir)
{
	char line[512], name[EVENT_NAME_LEN];
	char stale[MAX_EVENTS][EVENT_NAME_LEN];
	unsigned int nr = 0;
	FILE *file;
	int fd;

	fd = tracefs_open(dir, "kprobe_events", O_RDONLY);
	if (fd < 0)
		return;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return;
	}
	while (nr < MAX_EVENTS && fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, ":" EVENT_GROUP "/");
		const char *pid;

		if (!at || sscanf(at, ":" EVENT_GROUP "/%63s", name) != 1)
			continue;
		pid = strrchr(name, '_');
		if (!pid || atoi(pid + 1) <= 0)
			continue;
		if (kill(atoi(pid + 1), 0) && errno == ESRCH)
			memcpy(stale[nr++], name, strlen(name) + 1);
	}
	fclose(file);
	while (nr)
		tracefs_remove_event(dir, stale[--nr]);
}

static const char *tracefs_find(void)
{
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(tracefs_dirs); i++) {
		fd = tracefs_open(tracefs_dirs[i], "kprobe_events", O_WRONLY | O_APPEND);
		if (fd >= 0) {
			close(fd);
			return tracefs_dirs[i];
		}
	}
	return NULL;
}

static int tracefs_event_fd(const char *dir, const char *name)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.wakeup_events = 1,
	};
	char path[EVENT_NAME_LEN + 32], id[32];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "events/" EVENT_GROUP "/%s/id", name);
	fd = tracefs_open(dir, path, O_RDONLY);
	if (fd < 0)
		return fd;
	len = read(fd, id, sizeof(id) - 1);
	close(fd);
	if (len <= 0)
		return -EIO;
	id[len] = '\0';
	attr.config = strtoull(id, NULL, 10);

	/* The program runs on all CPUs, whatever CPU the event is opened for. */
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int attach_kretprobe_tracefs(struct cgtrace *trace, struct bpf_program *prog,
				    const char *symbol)
{
	char command[KSYM_NAME_LEN + EVENT_NAME_LEN + 32];
	char *name = trace->events[trace->nr_events];
	struct bpf_link *link;
	int fd, ret;

	if (trace->nr_events == MAX_EVENTS)
		return -ENOSPC;
	snprintf(name, EVENT_NAME_LEN, "return%u_%d", trace->nr_events, (int)getpid());
	snprintf(command, sizeof(command), "r%d:" EVENT_GROUP "/%s %s", KRETPROBE_MAXACTIVE, name,
		 symbol);
	ret = tracefs_command(trace->tracefs, command);
	if (ret)
		return ret;
	trace->nr_events++;

	fd = tracefs_event_fd(trace->tracefs, name);
	if (fd < 0)
		return fd;
	link = bpf_program__attach_perf_event(prog, fd);
	if (!link) {
		ret = -errno;
		close(fd);
		return ret;
	}
	/* The link owns fd now. */
	return keep_link(trace, link);
}

static int attach_kretprobe(struct cgtrace *trace, struct bpf_program *prog, enum sym_idx idx)
{
	const char *symbol = trace->syms[idx].found;

	if (trace->tracefs && !attach_kretprobe_tracefs(trace, prog, symbol))
		return 0;
	return keep_link(trace, bpf_program__attach_kprobe(prog, true, symbol));
}

static int attach_kprobe(struct cgtrace *trace, struct bpf_program *prog, enum sym_idx idx)
{
	return keep_link(trace, bpf_program__attach_kprobe(prog, false, trace->syms[idx].found));
}

static int attach_tracepoint(struct cgtrace *trace, struct bpf_program *prog, const char *name)
{
	return keep_link(trace, bpf_program__attach_raw_tracepoint(prog, name));
}

/* A kernel without CONFIG_KPROBE_EVENTS has neither of the two interfaces. */
static bool kprobes_exist(const struct cgtrace *trace)
{
	return trace->tracefs ||
	       !access("/sys/bus/event_source/devices/kprobe/type", F_OK);
}

static void report_errno(const struct cgtrace *trace, const char *what, int ret)
{
	report(trace, what, strerror(-ret));
}

/* The return first: a return that was never entered is ignored, not the reverse. */
static int attach_function(struct cgtrace *trace, struct bpf_program *enter, enum sym_idx idx)
{
	int ret;

	if (!have_sym(trace, idx))
		return -ENOENT;
	ret = attach_kretprobe(trace, trace->skel->progs.op_exit, idx);
	if (!ret)
		ret = attach_kprobe(trace, enter, idx);
	if (ret)
		report_errno(trace, sym_names[idx], ret);
	return ret;
}

static void attach_op(struct cgtrace *trace, enum cgtrace_op op, struct bpf_program *enter,
		      const enum sym_idx *functions, size_t nr, struct bpf_program *counter,
		      const char *tracepoint)
{
	bool attached = false;
	size_t i;
	int ret;

	if (!trace->no_kprobes) {
		for (i = 0; i < nr; i++)
			if (!attach_function(trace, enter, functions[i]))
				attached = true;
	}
	if (attached) {
		trace->caps.ops_are_timed[op] = true;
		trace->caps.ops_are_counted[op] = true;
		return;
	}
	ret = attach_tracepoint(trace, counter, tracepoint);
	if (ret) {
		report(trace, cgtrace_op_name(op), "no function and no tracepoint to attach to");
		return;
	}
	trace->caps.ops_are_counted[op] = true;
	if (!trace->no_kprobes)
		report(trace, cgtrace_op_name(op), "no function to attach to, only counted");
}

static void attach_ops(struct cgtrace *trace)
{
	static const enum sym_idx mkdir_syms[] = { SYM_MKDIR };
	static const enum sym_idx rmdir_syms[] = { SYM_RMDIR };
	static const enum sym_idx attach_syms[] = {
		SYM_PROCS_WRITE, SYM_THREADS_WRITE, SYM_PROCS_WRITE_V1, SYM_TASKS_WRITE_V1,
	};
	static const enum sym_idx inner_syms[] = {
		SYM_PROCS_WRITE_INNER, SYM_PROCS_WRITE_INNER_V1,
	};
	static const enum sym_idx task_syms[] = { SYM_ATTACH_TASK };
	struct cgtrace_bpf *skel = trace->skel;
	const enum sym_idx *functions = attach_syms;
	size_t nr = ARRAY_SIZE(attach_syms);

	if (!have_sym(trace, SYM_PROCS_WRITE) && !have_sym(trace, SYM_PROCS_WRITE_V1)) {
		functions = inner_syms;
		nr = ARRAY_SIZE(inner_syms);
		if (!have_sym(trace, SYM_PROCS_WRITE_INNER) &&
		    !have_sym(trace, SYM_PROCS_WRITE_INNER_V1)) {
			functions = task_syms;
			nr = ARRAY_SIZE(task_syms);
			if (have_sym(trace, SYM_ATTACH_TASK) && !trace->no_kprobes)
				report(trace, cgtrace_op_name(CGTRACE_ATTACH),
				       "timed in cgroup_attach_task(), without the wait for cgroup_mutex");
		}
	}

	attach_op(trace, CGTRACE_MKDIR, skel->progs.mkdir_enter, mkdir_syms,
		  ARRAY_SIZE(mkdir_syms), skel->progs.mkdir_count, "cgroup_mkdir");
	attach_op(trace, CGTRACE_ATTACH, skel->progs.attach_enter, functions, nr,
		  skel->progs.attach_count, "cgroup_attach_task");
	attach_op(trace, CGTRACE_RMDIR, skel->progs.rmdir_enter, rmdir_syms,
		  ARRAY_SIZE(rmdir_syms), skel->progs.rmdir_count, "cgroup_rmdir");
}

static void attach_waits_only(struct cgtrace *trace)
{
	struct cgtrace_bpf *skel = trace->skel;
	int ret;

	ret = attach_tracepoint(trace, skel->progs.wait_end, "contention_end");
	if (!ret)
		ret = attach_tracepoint(trace, skel->progs.wait_begin, "contention_begin");
	if (ret) {
		report_errno(trace, "tracepoint lock:contention_begin", ret);
		return;
	}
	trace->caps.waits = true;
	trace->caps.contention = true;
}

/*
 * The order matters: nobody's lock may be seen without its unlock, or a stale
 * start would stay behind.
 */
static void attach_mutex(struct cgtrace *trace)
{
	static const enum sym_idx locks[] = {
		SYM_MUTEX_LOCK, SYM_MUTEX_LOCK_NESTED,
		SYM_MUTEX_LOCK_KILLABLE, SYM_MUTEX_LOCK_KILLABLE_NESTED,
		SYM_MUTEX_LOCK_INTERRUPTIBLE, SYM_MUTEX_LOCK_INTERRUPTIBLE_NESTED,
	};
	struct cgtrace_bpf *skel = trace->skel;
	bool locked = false;
	size_t i;
	int ret;

	if (!trace->skel->rodata->cgroup_mutex_addr)
		return;
	if (trace->no_kprobes) {
		attach_waits_only(trace);
		return;
	}

	ret = have_sym(trace, SYM_MUTEX_UNLOCK) ?
	      attach_kprobe(trace, skel->progs.unlock_enter, SYM_MUTEX_UNLOCK) : -ENOENT;
	if (ret) {
		report_errno(trace, "mutex_unlock", ret);
		attach_waits_only(trace);
		return;
	}
	trace->caps.acquisitions = true;

	trace->caps.contention =
		!attach_tracepoint(trace, skel->progs.lock_contended, "contention_end");
	if (have_sym(trace, SYM_MUTEX_TRYLOCK)) {
		ret = attach_kprobe(trace, skel->progs.trylock_enter, SYM_MUTEX_TRYLOCK);
		if (ret)
			report_errno(trace, "mutex_trylock", ret);
	}
	for (i = 0; i < ARRAY_SIZE(locks); i++) {
		if (!have_sym(trace, locks[i]))
			continue;
		ret = attach_kprobe(trace, skel->progs.lock_enter, locks[i]);
		if (!ret && !trace->caps.contention)
			ret = attach_kretprobe(trace, skel->progs.lock_exit, locks[i]);
		if (ret)
			report_errno(trace, sym_names[locks[i]], ret);
		else if (locks[i] == SYM_MUTEX_LOCK || locks[i] == SYM_MUTEX_LOCK_NESTED)
			locked = true;
	}
	if (!locked)
		report(trace, "mutex_lock", "cgroup_mutex is counted, but not timed");
	trace->caps.waits = locked;
	trace->caps.holds = locked;
}

static void attach_pool(struct cgtrace *trace)
{
	struct cgtrace_bpf *skel = trace->skel;
	const struct {
		struct bpf_program *prog;
		const char *name;
	} events[] = {
		{ skel->progs.pool_claim,	"cgroup_pool_claim" },
		{ skel->progs.pool_miss,	"cgroup_pool_miss" },
		{ skel->progs.pool_refill,	"cgroup_pool_refill" },
		{ skel->progs.pool_drain,	"cgroup_pool_drain" },
	};
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		ret = attach_tracepoint(trace, events[i].prog, events[i].name);
		/* Most kernels have no pool, and then there is nothing to report. */
		if (ret == -ENOENT && !i)
			return;
		if (ret)
			report_errno(trace, events[i].name, ret);
		else
			trace->caps.pool = true;
	}
	if (trace->caps.pool) {
		bool timed = trace->caps.ops_are_timed[CGTRACE_MKDIR];

		trace->caps.ops_are_timed[CGTRACE_CLAIM] = timed;
		trace->caps.ops_are_timed[CGTRACE_MISS] = timed;
	}
}

static int find_symbols(struct cgtrace *trace)
{
	FILE *file;
	size_t i;
	int ret;

	for (i = 0; i < NR_SYMS; i++)
		trace->syms[i].name = sym_names[i];
	file = fopen("/proc/kallsyms", "re");
	if (!file) {
		ret = -errno;
		report(trace, "/proc/kallsyms", strerror(-ret));
		return ret;
	}
	ret = ksyms_lookup(file, trace->syms, NR_SYMS);
	fclose(file);
	if (ret)
		report(trace, "/proc/kallsyms", strerror(-ret));
	return ret;
}

static void choose_programs(struct cgtrace *trace)
{
	const struct cgtrace_opts *opts = &trace->opts;
	struct cgtrace_bpf *skel = trace->skel;
	const struct {
		struct bpf_program *prog;
		bool wanted;
	} progs[] = {
		{ skel->progs.mkdir_enter,	opts->ops },
		{ skel->progs.rmdir_enter,	opts->ops },
		{ skel->progs.attach_enter,	opts->ops },
		{ skel->progs.op_exit,		opts->ops },
		{ skel->progs.mkdir_count,	opts->ops },
		{ skel->progs.rmdir_count,	opts->ops },
		{ skel->progs.attach_count,	opts->ops },
		{ skel->progs.lock_enter,	opts->mutex },
		{ skel->progs.trylock_enter,	opts->mutex },
		{ skel->progs.lock_contended,	opts->mutex },
		{ skel->progs.lock_exit,	opts->mutex },
		{ skel->progs.unlock_enter,	opts->mutex },
		{ skel->progs.wait_begin,	opts->mutex },
		{ skel->progs.wait_end,		opts->mutex },
		{ skel->progs.pool_claim,	opts->pool },
		{ skel->progs.pool_miss,	opts->pool },
		{ skel->progs.pool_refill,	opts->pool },
		{ skel->progs.pool_drain,	opts->pool },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(progs); i++)
		bpf_program__set_autoload(progs[i].prog, progs[i].wanted);
}

static void report_mutex_address(const struct cgtrace *trace)
{
	const struct ksym *sym = &trace->syms[SYM_CGROUP_MUTEX];

	if (!trace->opts.mutex || sym->addr)
		return;
	if (sym->found[0])
		report(trace, "cgroup_mutex",
		       "its address is hidden, see sysctl kernel.kptr_restrict");
	else
		report(trace, "cgroup_mutex",
		       "not in /proc/kallsyms, the kernel lacks CONFIG_KALLSYMS_ALL");
}

/**
 * cgtrace_start() - load the programs and attach them
 * @opts: what to trace
 * @ret: the running trace
 *
 * Return: 0; -EPERM without the privilege; -EOPNOTSUPP on a kernel without BPF
 * for tracing, or where nothing at all could be attached; another -errno.
 */
int cgtrace_start(const struct cgtrace_opts *opts, struct cgtrace **ret)
{
	struct cgtrace *trace;
	int err;

	trace = calloc(1, sizeof(*trace));
	if (!trace)
		return -ENOMEM;
	trace->opts = *opts;
	libbpf_set_print(getenv("CGPOOL_DEBUG") ? print_all : print_nothing);

	trace->nr_cpus = libbpf_num_possible_cpus();
	if (trace->nr_cpus < 0) {
		err = trace->nr_cpus;
		goto err_stop;
	}
	/* Without symbols the tracepoints still work. */
	find_symbols(trace);

	trace->skel = cgtrace_bpf__open();
	if (!trace->skel) {
		err = -errno;
		goto err_stop;
	}
	trace->skel->rodata->cgroup_mutex_addr = trace->syms[SYM_CGROUP_MUTEX].addr;
	trace->skel->rodata->filter_tgid = (uint32_t)opts->tgid;
	choose_programs(trace);
	err = cgtrace_bpf__load(trace->skel);
	if (err) {
		/* What a kernel says that does not know the program types. */
		if (err == -EINVAL || err == -ENOSYS)
			err = -EOPNOTSUPP;
		goto err_stop;
	}

	report_mutex_address(trace);
	trace->tracefs = tracefs_find();
	if (trace->tracefs)
		tracefs_remove_stale(trace->tracefs);
	trace->no_kprobes = !kprobes_exist(trace);
	if (trace->no_kprobes)
		report(trace, "kprobes", opts->ops ?
		       "the kernel lacks CONFIG_KPROBE_EVENTS, operations are counted but not timed" :
		       "the kernel lacks CONFIG_KPROBE_EVENTS, only contended waits are seen");

	if (opts->ops)
		attach_ops(trace);
	if (opts->mutex)
		attach_mutex(trace);
	if (opts->pool)
		attach_pool(trace);
	if (!trace->nr_links) {
		err = -EOPNOTSUPP;
		goto err_stop;
	}
	*ret = trace;
	return 0;

err_stop:
	cgtrace_stop(trace);
	return err;
}

/**
 * cgtrace_stop() - detach and free everything
 * @trace: the trace, may be NULL
 */
void cgtrace_stop(struct cgtrace *trace)
{
	if (!trace)
		return;
	while (trace->nr_links)
		bpf_link__destroy(trace->links[--trace->nr_links]);
	cgtrace_bpf__destroy(trace->skel);
	while (trace->nr_events)
		tracefs_remove_event(trace->tracefs, trace->events[--trace->nr_events]);
	free(trace);
}

/**
 * cgtrace_get_caps() - tell what is being traced
 * @trace: a running trace
 *
 * Return: valid until cgtrace_stop().
 */
const struct cgtrace_caps *cgtrace_get_caps(const struct cgtrace *trace)
{
	return &trace->caps;
}

/* kprobe_profile: one line "event hits misses" for each probe. */
static uint64_t read_missed(const struct cgtrace *trace)
{
	char line[512], name[EVENT_NAME_LEN];
	uint64_t hits, misses, sum = 0;
	unsigned int i;
	FILE *file;
	int fd;

	if (!trace->tracefs)
		return 0;
	fd = tracefs_open(trace->tracefs, "kprobe_profile", O_RDONLY);
	if (fd < 0)
		return 0;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return 0;
	}
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %63s %" SCNu64 " %" SCNu64, name, &hits, &misses) != 3)
			continue;
		for (i = 0; i < trace->nr_events; i++)
			if (!strcmp(name, trace->events[i]))
				sum += misses;
	}
	fclose(file);
	return sum;
}

/**
 * cgtrace_read() - read what was recorded since the start
 * @trace: a running trace
 * @sample: filled in
 *
 * Return: 0 or -errno.
 */
int cgtrace_read(struct cgtrace *trace, struct cgtrace_sample *sample)
{
	int hists_fd = bpf_map__fd(trace->skel->maps.hists);
	int maxima_fd = bpf_map__fd(trace->skel->maps.maxima);
	int counters_fd = bpf_map__fd(trace->skel->maps.counters);
	struct cgtrace_hist *hists;
	uint64_t *values;
	uint32_t idx;
	int cpu, ret = -ENOMEM;

	memset(sample, 0, sizeof(*sample));
	hists = calloc((size_t)trace->nr_cpus, sizeof(*hists));
	values = calloc((size_t)trace->nr_cpus, sizeof(*values));
	if (!hists || !values)
		goto out_free;

	for (idx = 0; idx < CGTRACE_NR_OPS; idx++) {
		ret = bpf_map_lookup_elem(hists_fd, &idx, hists);
		if (!ret)
			ret = bpf_map_lookup_elem(maxima_fd, &idx, values);
		if (ret)
			goto out_free;
		for (cpu = 0; cpu < trace->nr_cpus; cpu++) {
			struct hist part = { .data = hists[cpu], .max_ns = values[cpu] };

			hist_merge(&sample->hists[idx], &part);
		}
	}
	for (idx = 0; idx < CGTRACE_NR_COUNTERS; idx++) {
		ret = bpf_map_lookup_elem(counters_fd, &idx, values);
		if (ret)
			goto out_free;
		for (cpu = 0; cpu < trace->nr_cpus; cpu++)
			sample->counters[idx] += values[cpu];
	}
	sample->missed = read_missed(trace);

out_free:
	free(values);
	free(hists);
	return ret;
}

/**
 * cgtrace_reset_maxima() - begin a new interval for the largest latencies
 * @trace: a running trace
 *
 * Return: 0 or -errno.
 */
int cgtrace_reset_maxima(struct cgtrace *trace)
{
	uint64_t *zeroes;
	uint32_t op;
	int ret = 0;

	zeroes = calloc((size_t)trace->nr_cpus, sizeof(*zeroes));
	if (!zeroes)
		return -ENOMEM;
	for (op = 0; op < CGTRACE_NR_OPS && !ret; op++)
		ret = bpf_map_update_elem(bpf_map__fd(trace->skel->maps.maxima), &op, zeroes,
					  BPF_ANY);
	free(zeroes);
	return ret;
}
