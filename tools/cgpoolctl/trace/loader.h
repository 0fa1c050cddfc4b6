/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads the BPF programs, attaches what the running kernel has a place for, and
 * reads the results. Needs CAP_BPF and CAP_PERFMON, in practice root.
 */
#ifndef LOADER_H
#define LOADER_H

#include <stdbool.h>
#include <sys/types.h>

#include "sample.h"

struct cgtrace;

struct cgtrace_opts {
	/* What to trace; the rest of the programs is not even loaded. */
	bool ops;
	bool mutex;
	bool pool;
	/* Trace only this thread group; 0: all. */
	pid_t tgid;
	/*
	 * Called once for each thing that cannot be traced, with its name and the
	 * reason. May be NULL.
	 */
	void (*report)(void *arg, const char *what, const char *why);
	void *arg;
};

int cgtrace_start(const struct cgtrace_opts *opts, struct cgtrace **ret);
void cgtrace_stop(struct cgtrace *trace);
const struct cgtrace_caps *cgtrace_get_caps(const struct cgtrace *trace);
int cgtrace_read(struct cgtrace *trace, struct cgtrace_sample *sample);
int cgtrace_reset_maxima(struct cgtrace *trace);

#endif /* LOADER_H */
