/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF programs of "cgpoolctl trace" and their loader share: the
 * layout of the map values and the indices into the maps. Included by
 * cgtrace.bpf.c (target bpf) and by userspace, hence no includes here; the
 * includer provides __u32 and __u64.
 */
#ifndef CGTRACE_H
#define CGTRACE_H

/*
 * Slot 0 counts latencies below 1 us, slot i those in [2^(i-1), 2^i) us; the
 * last slot takes everything longer. Must be a power of two: the BPF verifier
 * is shown the bound by masking.
 */
#define CGTRACE_NR_SLOTS	32

/* One latency histogram; one per CPU and operation in the map "hists". */
struct cgtrace_hist {
	__u64 count;
	__u64 errors;
	__u64 sum_ns;
	__u64 slots[CGTRACE_NR_SLOTS];
};

enum cgtrace_op {
	CGTRACE_MKDIR,		/* every mkdir of a cgroup */
	CGTRACE_CLAIM,		/* those that were served by a pool */
	CGTRACE_MISS,		/* those in a pooled parent that were not */
	CGTRACE_ATTACH,		/* writes to cgroup.procs, cgroup.threads, tasks */
	CGTRACE_RMDIR,
	CGTRACE_MUTEX_WAIT,	/* from asking for cgroup_mutex to having it */
	CGTRACE_MUTEX_HOLD,	/* from having cgroup_mutex to giving it up */
	CGTRACE_NR_OPS,
};

enum cgtrace_counter {
	CGTRACE_C_ACQUIRED,	/* acquisitions of cgroup_mutex that have ended */
	CGTRACE_C_CONTENDED,	/* of these, those that found it taken */
	CGTRACE_C_CLAIM,	/* tracepoint cgroup_pool_claim */
	CGTRACE_C_MISS,
	CGTRACE_C_CREATED,	/* cgroups that refilling made, cgroup_pool_refill */
	CGTRACE_C_DESTROYED,	/* unclaimed ones that were given up, cgroup_pool_drain */
	CGTRACE_C_LOST,		/* events without a latency: a map was full */
	CGTRACE_NR_COUNTERS,
};

/* Tasks that can be inside a traced operation at the same time. */
#define CGTRACE_MAX_TASKS	16384

#endif /* CGTRACE_H */
