// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was traced, as data: names and differences. Pure functions, so that they
 * can be tested without BPF.
 */
#include "sample.h"

static const char * const op_names[CGTRACE_NR_OPS] = {
	[CGTRACE_MKDIR]		= "mkdir",
	[CGTRACE_CLAIM]		= "claim",
	[CGTRACE_MISS]		= "miss",
	[CGTRACE_ATTACH]	= "attach",
	[CGTRACE_RMDIR]		= "rmdir",
	[CGTRACE_MUTEX_WAIT]	= "mutex_wait",
	[CGTRACE_MUTEX_HOLD]	= "mutex_hold",
};

/**
 * cgtrace_subtract() - leave what was recorded since an earlier reading
 * @from: the later reading
 * @earlier: the earlier reading
 */
void cgtrace_subtract(struct cgtrace_sample *from, const struct cgtrace_sample *earlier)
{
	unsigned int i;

	for (i = 0; i < CGTRACE_NR_OPS; i++)
		hist_subtract(&from->hists[i], &earlier->hists[i]);
	for (i = 0; i < CGTRACE_NR_COUNTERS; i++)
		from->counters[i] -= earlier->counters[i];
	from->missed -= earlier->missed;
}

/**
 * cgtrace_op_name() - name of an operation in tables and JSON
 * @op: the operation
 *
 * Return: a constant string.
 */
const char *cgtrace_op_name(enum cgtrace_op op)
{
	return op_names[op];
}
