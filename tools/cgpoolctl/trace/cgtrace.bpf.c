// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF programs of "cgpoolctl trace" and "cgpoolctl top".
 *
 * They must load on every kernel with BPF, so they read nothing but function
 * arguments from pt_regs and raw tracepoint arguments: no CO-RE relocation, no
 * kernel structure, no kernel BTF. The loader decides which program goes where;
 * nothing here names a kernel function.
 *
 * Acquisitions of cgroup_mutex are timed without a kretprobe on mutex_lock():
 * the number of tasks in a kretprobe at the same time is limited, and with
 * hundreds of tasks asleep in mutex_lock() it would miss. Instead the state of
 * the asking task starts at the entry of mutex_lock(), moves at the tracepoint
 * contention_end, and is recorded at the entry of mutex_unlock(), which by the
 * rules of a mutex is called by the same task. Thus a failed mutex_trylock() is
 * not counted either.
 *
 * The per-CPU values need no atomics: kprobes and tracepoints run their BPF
 * programs with preemption disabled, and what an interrupt may put on top of
 * them (contention_end of some spinlock) fails the address test before it
 * touches a map.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "cgtrace.h"

#define NSEC_PER_USEC	1000

char LICENSE[] SEC("license") = "GPL";

/* Set by the loader before loading, constant afterwards. */
const volatile __u64 cgroup_mutex_addr;
/* Only this thread group is traced; 0 traces all. */
const volatile __u32 filter_tgid;

struct op_state {
	__u64 start;
	__u32 op;
	/* CGTRACE_CLAIM or CGTRACE_MISS once the pool said so, else 0. */
	__u32 pool;
};

struct lock_state {
	__u64 start;
	__u64 acquired;
	__u32 contended;
	/* Inside mutex_lock(); only lock_exit looks at it. */
	__u32 pending;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGTRACE_MAX_TASKS);
	__type(key, __u64);
	__type(value, struct op_state);
} ops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGTRACE_MAX_TASKS);
	__type(key, __u64);
	__type(value, struct lock_state);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CGTRACE_NR_OPS);
	__type(key, __u32);
	__type(value, struct cgtrace_hist);
} hists SEC(".maps");

/* Apart from the histograms because the reader resets it at each interval. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CGTRACE_NR_OPS);
	__type(key, __u32);
	__type(value, __u64);
} maxima SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CGTRACE_NR_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline bool task_is_wanted(__u64 task)
{
	return !filter_tgid || (__u32)(task >> 32) == filter_tgid;
}

static __always_inline void count_many(__u32 idx, __u64 nr)
{
	__u64 *val = bpf_map_lookup_elem(&counters, &idx);

	if (val)
		*val += nr;
}

static __always_inline void count(__u32 idx)
{
	count_many(idx, 1);
}

/* Floor of the binary logarithm by halving: loops need newer kernels. */
static __always_inline __u32 log2_floor(__u64 val)
{
	__u32 ret = 0;

	if (val >> 32) {
		val >>= 32;
		ret += 32;
	}
	if (val >> 16) {
		val >>= 16;
		ret += 16;
	}
	if (val >> 8) {
		val >>= 8;
		ret += 8;
	}
	if (val >> 4) {
		val >>= 4;
		ret += 4;
	}
	if (val >> 2) {
		val >>= 2;
		ret += 2;
	}
	if (val >> 1)
		ret += 1;
	return ret;
}

static __always_inline void record(__u32 op, __u64 nsec, bool failed)
{
	__u64 usec = nsec / NSEC_PER_USEC;
	struct cgtrace_hist *hist;
	__u32 slot = 0;
	__u64 *max;

	hist = bpf_map_lookup_elem(&hists, &op);
	max = bpf_map_lookup_elem(&maxima, &op);
	if (!hist || !max)
		return;

	if (usec)
		slot = log2_floor(usec) + 1;
	if (slot >= CGTRACE_NR_SLOTS)
		slot = CGTRACE_NR_SLOTS - 1;
	hist->slots[slot & (CGTRACE_NR_SLOTS - 1)]++;
	hist->count++;
	hist->sum_ns += nsec;
	if (failed)
		hist->errors++;
	if (nsec > *max)
		*max = nsec;
}

/* Operations: entry and return of the cgroup functions. */

static __always_inline int op_enter(__u32 op)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct op_state state = { .op = op };

	if (!task_is_wanted(task))
		return 0;
	state.start = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&ops, &task, &state, BPF_ANY))
		count(CGTRACE_C_LOST);
	return 0;
}

SEC("kprobe")
int mkdir_enter(struct pt_regs *regs)
{
	return op_enter(CGTRACE_MKDIR);
}

SEC("kprobe")
int rmdir_enter(struct pt_regs *regs)
{
	return op_enter(CGTRACE_RMDIR);
}

SEC("kprobe")
int attach_enter(struct pt_regs *regs)
{
	return op_enter(CGTRACE_ATTACH);
}

SEC("kretprobe")
int op_exit(struct pt_regs *regs)
{
	__u64 task = bpf_get_current_pid_tgid();
	/* int or ssize_t not above PAGE_SIZE: the low half tells the sign. */
	bool failed = (int)PT_REGS_RC(regs) < 0;
	struct op_state *state;
	__u64 nsec;

	state = bpf_map_lookup_elem(&ops, &task);
	if (!state)
		return 0;
	nsec = bpf_ktime_get_ns() - state->start;
	record(state->op, nsec, failed);
	if (state->pool == CGTRACE_CLAIM)
		record(CGTRACE_CLAIM, nsec, failed);
	else if (state->pool == CGTRACE_MISS)
		record(CGTRACE_MISS, nsec, failed);
	bpf_map_delete_elem(&ops, &task);
	return 0;
}

/* cgroup_mutex. */

static __always_inline bool is_cgroup_mutex(__u64 addr)
{
	return cgroup_mutex_addr && addr == cgroup_mutex_addr;
}

static __always_inline int lock_asked(__u64 addr, __u32 pending)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct lock_state state = { .pending = pending };

	if (!is_cgroup_mutex(addr) || !task_is_wanted(task))
		return 0;
	state.start = bpf_ktime_get_ns();
	state.acquired = state.start;
	if (bpf_map_update_elem(&locks, &task, &state, BPF_ANY))
		count(CGTRACE_C_LOST);
	return 0;
}

SEC("kprobe")
int lock_enter(struct pt_regs *regs)
{
	return lock_asked(PT_REGS_PARM1(regs), 1);
}

SEC("kprobe")
int trylock_enter(struct pt_regs *regs)
{
	return lock_asked(PT_REGS_PARM1(regs), 0);
}

SEC("raw_tracepoint")
int lock_contended(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct lock_state *state;

	/* void *lock, int ret */
	if (!is_cgroup_mutex(ctx->args[0]) || (int)ctx->args[1])
		return 0;
	state = bpf_map_lookup_elem(&locks, &task);
	if (!state)
		return 0;
	state->acquired = bpf_ktime_get_ns();
	state->contended = 1;
	state->pending = 0;
	return 0;
}

/* Stands in for lock_contended where the tracepoint is missing (before 5.19). */
SEC("kretprobe")
int lock_exit(struct pt_regs *regs)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct lock_state *state;

	/* The holder takes other mutexes too; their returns find it not pending. */
	state = bpf_map_lookup_elem(&locks, &task);
	if (state && state->pending) {
		state->acquired = bpf_ktime_get_ns();
		state->pending = 0;
	}
	return 0;
}

SEC("kprobe")
int unlock_enter(struct pt_regs *regs)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct lock_state *state;

	if (!is_cgroup_mutex(PT_REGS_PARM1(regs)) || !task_is_wanted(task))
		return 0;
	count(CGTRACE_C_ACQUIRED);
	state = bpf_map_lookup_elem(&locks, &task);
	if (!state)
		return 0;
	if (state->contended)
		count(CGTRACE_C_CONTENDED);
	record(CGTRACE_MUTEX_WAIT, state->acquired - state->start, false);
	record(CGTRACE_MUTEX_HOLD, bpf_ktime_get_ns() - state->acquired, false);
	bpf_map_delete_elem(&locks, &task);
	return 0;
}

/*
 * Without kprobes only contended acquisitions can be seen. contention_begin is
 * emitted again at each change between spinning and sleeping; the first counts.
 */
SEC("raw_tracepoint")
int wait_begin(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct lock_state state = {};

	if (!is_cgroup_mutex(ctx->args[0]) || !task_is_wanted(task))
		return 0;
	state.start = bpf_ktime_get_ns();
	/* BPF_NOEXIST keeps the first, and that it is there already is no loss. */
	if (bpf_map_update_elem(&locks, &task, &state, BPF_NOEXIST) &&
	    !bpf_map_lookup_elem(&locks, &task))
		count(CGTRACE_C_LOST);
	return 0;
}

SEC("raw_tracepoint")
int wait_end(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct lock_state *state;

	if (!is_cgroup_mutex(ctx->args[0]))
		return 0;
	state = bpf_map_lookup_elem(&locks, &task);
	if (!state)
		return 0;
	if (!(int)ctx->args[1]) {
		count(CGTRACE_C_CONTENDED);
		record(CGTRACE_MUTEX_WAIT, bpf_ktime_get_ns() - state->start, false);
	}
	bpf_map_delete_elem(&locks, &task);
	return 0;
}

/* Without kprobes operations can be counted, but not timed. */

static __always_inline int count_op(__u32 op)
{
	struct cgtrace_hist *hist;

	if (!task_is_wanted(bpf_get_current_pid_tgid()))
		return 0;
	hist = bpf_map_lookup_elem(&hists, &op);
	if (hist)
		hist->count++;
	return 0;
}

SEC("raw_tracepoint")
int mkdir_count(struct bpf_raw_tracepoint_args *ctx)
{
	return count_op(CGTRACE_MKDIR);
}

SEC("raw_tracepoint")
int rmdir_count(struct bpf_raw_tracepoint_args *ctx)
{
	return count_op(CGTRACE_RMDIR);
}

SEC("raw_tracepoint")
int attach_count(struct bpf_raw_tracepoint_args *ctx)
{
	return count_op(CGTRACE_ATTACH);
}

/* The pool. Claim and miss happen inside the mkdir, by the same task. */

static __always_inline int pool_event(__u32 counter, __u32 pool)
{
	__u64 task = bpf_get_current_pid_tgid();
	struct op_state *state;

	if (!task_is_wanted(task))
		return 0;
	count(counter);
	state = bpf_map_lookup_elem(&ops, &task);
	if (state && state->op == CGTRACE_MKDIR)
		state->pool = pool;
	return 0;
}

SEC("raw_tracepoint")
int pool_claim(struct bpf_raw_tracepoint_args *ctx)
{
	return pool_event(CGTRACE_C_CLAIM, CGTRACE_CLAIM);
}

SEC("raw_tracepoint")
int pool_miss(struct bpf_raw_tracepoint_args *ctx)
{
	return pool_event(CGTRACE_C_MISS, CGTRACE_MISS);
}

/*
 * Refill and drain run in workers: the task filter does not apply. Arguments:
 * struct cgroup *, const char *path, unsigned int nr, u64 nsec.
 */

SEC("raw_tracepoint")
int pool_refill(struct bpf_raw_tracepoint_args *ctx)
{
	count_many(CGTRACE_C_CREATED, (__u32)ctx->args[2]);
	return 0;
}

SEC("raw_tracepoint")
int pool_drain(struct bpf_raw_tracepoint_args *ctx)
{
	count_many(CGTRACE_C_DESTROYED, (__u32)ctx->args[2]);
	return 0;
}
