/* SPDX-License-Identifier: GPL-2.0-only */
/* What was traced, as data. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "hist.h"

struct cgtrace_sample {
	struct hist hists[CGTRACE_NR_OPS];
	uint64_t counters[CGTRACE_NR_COUNTERS];
	/* Returns of operations that the kernel could not catch. */
	uint64_t missed;
};

/* What is traced after all; set by cgtrace_start(). */
struct cgtrace_caps {
	/* Latencies of mkdir, attach and rmdir; false: at most their counts. */
	bool ops_are_timed[CGTRACE_NR_OPS];
	bool ops_are_counted[CGTRACE_NR_OPS];
	/* All acquisitions of cgroup_mutex are seen, not only contended ones. */
	bool acquisitions;
	/* Which of them found the lock taken is seen. */
	bool contention;
	bool waits;
	bool holds;
	bool pool;
};

void cgtrace_subtract(struct cgtrace_sample *from, const struct cgtrace_sample *earlier);
const char *cgtrace_op_name(enum cgtrace_op op);

#endif /* SAMPLE_H */
