// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions per operation: meant for QEMU -icount shift=0, where the guest
 * clock counts instructions, 1 ns each.  One thread, nothing else running, so
 * the counts repeat; work of a kworker on another vCPU between two readings is
 * in them, hence the p50 is the cleanest figure.
 */
#include <stdlib.h>
#include <string.h>

#include "cgbench.h"

static const char *const comount[] = { "cpu,cpuacct,cpuset,blkio,memory,freezer" };

struct series {
	struct sandbox *sandboxes;
	uint64_t *ns;
	int nr;
	const char *hierarchy;
};

static void series_run(struct series *series, const struct parent *parent, const char *op,
		       step_fn step)
{
	struct arm arm = {
		.hierarchy = series->hierarchy,
		.arm = op,
		.step = op,
		.nr_threads = 1,
		.claims = -1,
		.misses = -1,
	};
	uint64_t start = now_ns();
	uint64_t before;
	int ret;
	int i;

	for (i = 0; i < series->nr; i++) {
		before = now_ns();
		ret = step(parent, &series->sandboxes[i], i);
		series->ns[i] = now_ns() - before;
		if (ret)
			fail("%s %s %d: %s", series->hierarchy, op, i, strerror(-ret));
	}
	result_arm(&arm, series->ns, series->nr, now_ns() - start);
}

static int step_nothing(const struct parent *parent, struct sandbox *sandbox, int idx)
{
	(void)parent;
	(void)sandbox;
	(void)idx;
	return 0;
}

static void claims_run(struct series *series, const struct parent *parent)
{
	struct pool_counts before;
	struct pool_counts after;

	pool_fill(parent, series->nr, 0);
	settle(parent->layout);
	pool_counts_read(parent, &before);
	series_run(series, parent, "claim", step_mkdir);
	pool_counts_read(parent, &after);
	if (after.claims - before.claims != series->nr)
		fail("%s: %d directories made, but %ld claims", series->hierarchy, series->nr,
		     after.claims - before.claims);
	series_run(series, parent, "claim_rmdir", step_rmdir);
	pool_drain(parent);
	settle(parent->layout);
}

static void hierarchy_run(struct series *series, struct layout *layout,
			  const struct options *options)
{
	struct parent plain;
	struct parent pooled;

	series->hierarchy = layout->name;
	parent_make(&plain, layout, "cgbench-plain");
	parent_make(&pooled, layout, "cgbench-pooled");
	settle(layout);
	series_run(series, &plain, "mkdir", step_mkdir);
	if (!layout->is_v2) {
		series_run(series, &plain, "rename", step_rename_to_slot);
		series_run(series, &plain, "rename_back", step_take_rename);
	}
	series_run(series, &plain, "limits", step_limits);
	series_run(series, &plain, "rmdir", step_rmdir);
	settle(layout);
	if (pool_is_supported(&pooled))
		claims_run(series, &pooled);
	else if (options->pool_required)
		fail("%s: this kernel has no cgroup.pool.max", layout->name);
	parent_remove(&pooled);
	parent_remove(&plain);
	layout_unmount(layout);
}

int plan_insn(const struct options *options)
{
	struct series series = { .nr = options->nr_ops };
	struct parent floor;
	struct layout layout;

	series.sandboxes = calloc(series.nr, sizeof(*series.sandboxes));
	series.ns = calloc(series.nr, sizeof(*series.ns));
	if (!series.sandboxes || !series.ns)
		fail("no memory for %d operations", series.nr);

	layout_mount_tmpfs(&layout);
	series.hierarchy = layout.name;
	parent_make(&floor, &layout, "cgbench-plain");
	series_run(&series, &floor, "clock", step_nothing);
	series_run(&series, &floor, "mkdir", step_mkdir);
	series_run(&series, &floor, "rmdir", step_rmdir);
	parent_remove(&floor);
	layout_unmount(&layout);

	layout_mount_v2(&layout);
	hierarchy_run(&series, &layout, options);
	layout_mount_v1(&layout, "v1-comount", comount, ARRAY_SIZE(comount));
	hierarchy_run(&series, &layout, options);
	free(series.sandboxes);
	free(series.ns);
	return 0;
}
