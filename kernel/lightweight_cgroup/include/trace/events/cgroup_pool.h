/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM cgroup_pool

#if !defined(_TRACE_CGROUP_POOL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_CGROUP_POOL_H

#include <linux/cgroup.h>
#include <linux/tracepoint.h>

/* mkdir(2) took a free slot of the parent's pool, @nr_free are left */
TRACE_EVENT(cgroup_pool_claim,

	TP_PROTO(struct cgroup *cgrp, const char *path, unsigned int nr_free),

	TP_ARGS(cgrp, path, nr_free),

	TP_STRUCT__entry(
		__field(	int,		root			)
		__field(	int,		level			)
		__field(	u64,		id			)
		__field(	unsigned int,	nr_free			)
		__string(	path,		path			)
	),

	TP_fast_assign(
		__entry->root = cgrp->root->hierarchy_id;
		__entry->level = cgrp->level;
		__entry->id = cgroup_id(cgrp);
		__entry->nr_free = nr_free;
		__assign_str(path);
	),

	TP_printk("root=%d id=%llu level=%d path=%s free=%u",
		  __entry->root, __entry->id, __entry->level,
		  __get_str(path), __entry->nr_free)
);

/* mkdir(2) below the pooled @cgrp went the ordinary way because of @reason */
TRACE_EVENT(cgroup_pool_miss,

	TP_PROTO(struct cgroup *cgrp, const char *path, const char *reason),

	TP_ARGS(cgrp, path, reason),

	TP_STRUCT__entry(
		__field(	int,		root			)
		__field(	u64,		id			)
		__string(	path,		path			)
		__string(	reason,		reason			)
	),

	TP_fast_assign(
		__entry->root = cgrp->root->hierarchy_id;
		__entry->id = cgroup_id(cgrp);
		__assign_str(path);
		__assign_str(reason);
	),

	TP_printk("root=%d id=%llu path=%s reason=%s",
		  __entry->root, __entry->id, __get_str(path),
		  __get_str(reason))
);

DECLARE_EVENT_CLASS(cgroup_pool_work,

	TP_PROTO(struct cgroup *cgrp, const char *path, unsigned int nr,
		 u64 nsec),

	TP_ARGS(cgrp, path, nr, nsec),

	TP_STRUCT__entry(
		__field(	int,		root			)
		__field(	u64,		id			)
		__field(	unsigned int,	nr			)
		__field(	u64,		nsec			)
		__string(	path,		path			)
	),

	TP_fast_assign(
		__entry->root = cgrp->root->hierarchy_id;
		__entry->id = cgroup_id(cgrp);
		__entry->nr = nr;
		__entry->nsec = nsec;
		__assign_str(path);
	),

	TP_printk("root=%d id=%llu path=%s nr=%u nsec=%llu",
		  __entry->root, __entry->id, __get_str(path), __entry->nr,
		  __entry->nsec)
);

/* the worker made @nr slots for the pooled @cgrp in a row, in @nsec */
DEFINE_EVENT(cgroup_pool_work, cgroup_pool_refill,

	TP_PROTO(struct cgroup *cgrp, const char *path, unsigned int nr,
		 u64 nsec),

	TP_ARGS(cgrp, path, nr, nsec)
);

/* @nr unclaimed slots of the pooled @cgrp were destroyed in a row, in @nsec */
DEFINE_EVENT(cgroup_pool_work, cgroup_pool_drain,

	TP_PROTO(struct cgroup *cgrp, const char *path, unsigned int nr,
		 u64 nsec),

	TP_ARGS(cgrp, path, nr, nsec)
);

#endif /* _TRACE_CGROUP_POOL_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
