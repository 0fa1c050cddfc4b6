// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wall time: plain and pooled parents interleaved in one boot (A B A B ...),
 * for one hierarchy after the other.
 *
 * Arms of a hierarchy:
 *   plain          mkdir(2) in a parent without a pool
 *   pooled         the pool is as large as the burst and is not refilled while
 *                  the burst runs (low = 0)
 *   pooled-refill  the same size with the default policy: refill starts at half
 *                  of max and competes with the burst for the CPUs
 *   pooled-small   the pool is an eighth of the burst: most creations miss
 *   user-fixed     userspace pool with fixed names, reset by writes (v2)
 *   user-rename    userspace pool by rename(2), as RunD does it (v1)
 *   mkdir          (tmpfs) the floor: a directory and nothing else
 * Before each run the removed cgroups of the last one have been freed and, if
 * there is a pool, it is full.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgbench.h"

#define SMALL_POOL_SHARE	8
#define NR_SANDBOXES		2000
#define NR_EXISTING		2500
#define IDLE_ATTACH_OPS		20
#define IDLE_ATTACH_PAUSE_MS	100

enum arm_kind {
	ARM_PLAIN,
	ARM_POOLED,
	ARM_POOLED_REFILL,
	ARM_POOLED_SMALL,
	ARM_USER,
	NR_ARM_KINDS,
};

#define ARM(kind)		(1U << (kind))
#define ARMS_PAIR		(ARM(ARM_PLAIN) | ARM(ARM_POOLED))
#define ARMS_ALL		((1U << NR_ARM_KINDS) - 1)

/* What is run in one hierarchy, for each number of threads. */
struct cell {
	int nr_threads;
	int nr_existing;
	int nr_blocks;
	unsigned int arms;
	unsigned int lifecycle_arms;
	unsigned int flags;
};

#define CREATE_ONLY		1U	/* of the steps only create and remove */
#define FAVORDYNMODS		2U	/* remounted with this option */

struct bench {
	struct layout layout;
	struct parent plain;
	struct parent pooled;
	struct parent existing;
	int nr_existing;
	int nr_sandboxes;
	bool has_pool;
	struct sandbox *sandboxes;
	uint64_t *ns;
	int nr_errors;
	/* Filled in for the run under way. */
	struct arm arm;
	enum arm_kind kind;
	struct pool_counts before;
};

static const struct phase v2_phases[] = {
	{ "create", { step_mkdir }, true },
	{ "limits", { step_limits }, true },
	{ "fork", { step_fork }, true },
	{ "attach_procs", { step_attach }, true },
	{ "kill", { step_kill }, false },
	{ "clone_into", { step_clone_into }, true },
	{ "kill", { step_kill }, false },
	{ "remove", { step_rmdir }, true },
};

static const struct phase v1_phases[] = {
	{ "create", { step_mkdir }, true },
	{ "limits", { step_limits }, true },
	{ "fork", { step_fork }, true },
	{ "attach_procs", { step_attach }, true },
	{ "kill", { step_kill }, false },
	{ "remove", { step_rmdir }, true },
};

static const struct phase create_phases[] = {
	{ "create", { step_mkdir }, true },
	{ "remove", { step_rmdir }, true },
};

static const struct phase v2_lifecycle = {
	"lifecycle", { step_mkdir, step_limits, step_clone_into, step_kill, step_rmdir }, true
};

static const struct phase v1_lifecycle = {
	"lifecycle",
	{ step_mkdir, step_limits, step_fork, step_attach, step_kill, step_rmdir }, true
};

static const char *arm_name(const struct bench *bench, enum arm_kind kind)
{
	switch (kind) {
	case ARM_PLAIN:
		return "plain";
	case ARM_POOLED:
		return "pooled";
	case ARM_POOLED_REFILL:
		return "pooled-refill";
	case ARM_POOLED_SMALL:
		return "pooled-small";
	default:
		return bench->layout.is_v2 ? "user-fixed" : "user-rename";
	}
}

static bool arm_is_pooled(enum arm_kind kind)
{
	return kind == ARM_POOLED || kind == ARM_POOLED_REFILL || kind == ARM_POOLED_SMALL;
}

static void phase_done(struct burst *burst, const struct phase *phase, void *arg)
{
	struct bench *bench = arg;
	struct arm *arm = &bench->arm;
	struct pool_counts now = {};

	if (burst->nr_errors) {
		bench->nr_errors += burst->nr_errors;
		say("%s %s T=%d %s: %d of %d operations failed, first: %s", arm->hierarchy,
		    arm->arm, arm->nr_threads, phase->name, burst->nr_errors, burst->nr,
		    strerror(-burst->first_error));
	}
	if (!phase->is_reported)
		return;
	arm->step = phase->name;
	arm->claims = -1;
	arm->misses = -1;
	if (arm_is_pooled(bench->kind) &&
	    (!strcmp(phase->name, "create") || !strcmp(phase->name, "lifecycle"))) {
		pool_counts_read(burst->parent, &now);
		arm->claims = now.claims - bench->before.claims;
		arm->misses = now.misses - bench->before.misses;
	}
	result_arm(arm, burst->ns, burst->nr, burst->wall_ns);
}

/* The same phases with the steps of a userspace pool instead of mkdir and rmdir. */
static void phases_for_user_pool(const struct bench *bench, struct phase *phases, int nr)
{
	bool is_v2 = bench->layout.is_v2;
	size_t step;
	int i;

	for (i = 0; i < nr; i++) {
		for (step = 0; step < ARRAY_SIZE(phases[i].chain); step++) {
			if (phases[i].chain[step] == step_mkdir)
				phases[i].chain[step] = is_v2 ? step_take_fixed : step_take_rename;
			else if (phases[i].chain[step] == step_rmdir)
				phases[i].chain[step] = is_v2 ? step_put_fixed : step_put_rename;
		}
	}
}

static void pool_prepare(struct bench *bench)
{
	struct arm *arm = &bench->arm;

	arm->pool_max = 0;
	arm->pool_low = 0;
	if (!arm_is_pooled(bench->kind))
		return;
	arm->pool_max = bench->nr_sandboxes;
	if (bench->kind == ARM_POOLED_SMALL)
		arm->pool_max /= SMALL_POOL_SHARE;
	if (bench->kind != ARM_POOLED)
		arm->pool_low = arm->pool_max / 2;
	pool_fill(&bench->pooled, arm->pool_max, arm->pool_low);
}

static void arm_run(struct bench *bench, const struct phase *phases, int nr_phases,
		    enum arm_kind kind, int nr_threads, int block)
{
	struct parent *parent = arm_is_pooled(kind) ? &bench->pooled : &bench->plain;
	struct phase used[ARRAY_SIZE(v2_phases)];
	struct burst burst = {
		.parent = parent,
		.sandboxes = bench->sandboxes,
		.ns = bench->ns,
		.nr = bench->nr_sandboxes,
		.nr_threads = nr_threads,
	};

	bench->kind = kind;
	bench->arm.hierarchy = bench->layout.name;
	bench->arm.arm = arm_name(bench, kind);
	bench->arm.nr_threads = nr_threads;
	bench->arm.nr_existing = bench->nr_existing;
	bench->arm.block = block;
	memcpy(used, phases, nr_phases * sizeof(*phases));
	if (kind == ARM_USER) {
		phases_for_user_pool(bench, used, nr_phases);
		slots_make(parent, 0, bench->nr_sandboxes);
	}
	pool_prepare(bench);
	settle(&bench->layout);
	if (arm_is_pooled(kind))
		pool_counts_read(parent, &bench->before);
	burst_run(&burst, used, nr_phases, phase_done, bench);
	if (kind == ARM_USER)
		slots_remove(parent, bench->nr_sandboxes);
	if (arm_is_pooled(kind))
		pool_drain(parent);
	settle(&bench->layout);
}

static void existing_set(struct bench *bench, int nr)
{
	if (nr == bench->nr_existing)
		return;
	if (bench->nr_existing) {
		slots_remove(&bench->existing, bench->nr_existing);
		parent_remove(&bench->existing);
	}
	if (nr) {
		say("%s: making %d sandboxes that are already there", bench->layout.name, nr);
		parent_make(&bench->existing, &bench->layout, "cgbench-existing");
		slots_make(&bench->existing, 0, nr);
	}
	bench->nr_existing = nr;
	settle(&bench->layout);
}

static void arms_run(struct bench *bench, const struct cell *cell, const struct phase *phases,
		     int nr_phases, unsigned int arms)
{
	int block;
	int kind;

	for (block = 0; block < cell->nr_blocks; block++) {
		for (kind = 0; kind < NR_ARM_KINDS; kind++) {
			if (!(arms & ARM(kind)) || (arm_is_pooled(kind) && !bench->has_pool))
				continue;
			arm_run(bench, phases, nr_phases, kind, cell->nr_threads, block);
		}
	}
}

static void cell_run(struct bench *bench, const struct cell *cell)
{
	bool is_v2 = bench->layout.is_v2;

	existing_set(bench, cell->nr_existing);
	bench->arm.favordynmods = cell->flags & FAVORDYNMODS;
	if (cell->flags & FAVORDYNMODS)
		layout_favordynmods(&bench->layout, true);
	if (cell->flags & CREATE_ONLY)
		arms_run(bench, cell, create_phases, ARRAY_SIZE(create_phases), cell->arms);
	else if (is_v2)
		arms_run(bench, cell, v2_phases, ARRAY_SIZE(v2_phases), cell->arms);
	else
		arms_run(bench, cell, v1_phases, ARRAY_SIZE(v1_phases), cell->arms);
	arms_run(bench, cell, is_v2 ? &v2_lifecycle : &v1_lifecycle, 1, cell->lifecycle_arms);
	if (cell->flags & FAVORDYNMODS)
		layout_favordynmods(&bench->layout, false);
}

static void bench_start(struct bench *bench, const struct options *options)
{
	parent_make(&bench->plain, &bench->layout, "cgbench-plain");
	parent_make(&bench->pooled, &bench->layout, "cgbench-pooled");
	bench->has_pool = pool_is_supported(&bench->pooled);
	if (!bench->has_pool && options->pool_required)
		fail("%s: this kernel has no cgroup.pool.max", bench->layout.name);
	if (!bench->has_pool)
		say("%s: no cgroup.pool.max: the pooled arms are left out", bench->layout.name);
	settle(&bench->layout);
}

static void bench_end(struct bench *bench)
{
	existing_set(bench, 0);
	parent_remove(&bench->pooled);
	parent_remove(&bench->plain);
	layout_unmount(&bench->layout);
}

static void bench_cells(struct bench *bench, const struct options *options,
			const struct cell *cells, int nr_cells)
{
	int i;

	bench_start(bench, options);
	for (i = 0; i < nr_cells; i++)
		cell_run(bench, &cells[i]);
	bench_end(bench);
}

/* A lone attach, far from any other: here the RCU grace period shows. */
static void idle_attach_run(struct bench *bench, bool favordynmods)
{
	struct sandbox *sandbox = &bench->sandboxes[0];
	struct parent *parent = &bench->plain;
	uint64_t sum = 0;
	int ret = 0;
	int i;

	bench->arm.hierarchy = bench->layout.name;
	bench->arm.arm = "plain";
	bench->arm.step = "attach_idle";
	bench->arm.nr_threads = 1;
	bench->arm.nr_existing = 0;
	bench->arm.block = 0;
	bench->arm.favordynmods = favordynmods;
	bench->arm.pool_max = 0;
	bench->arm.pool_low = 0;
	bench->arm.claims = -1;
	bench->arm.misses = -1;
	if (favordynmods)
		layout_favordynmods(&bench->layout, true);
	for (i = 0; i < 2 && !ret; i++)
		ret = step_mkdir(parent, &bench->sandboxes[i], i);
	if (!ret)
		ret = step_fork(parent, sandbox, 0);
	for (i = 0; i < IDLE_ATTACH_OPS && !ret; i++) {
		struct sandbox *target = &bench->sandboxes[i % 2];
		uint64_t before;

		sleep_ms(IDLE_ATTACH_PAUSE_MS);
		target->pid = sandbox->pid;
		before = now_ns();
		ret = step_attach(parent, target, 0);
		bench->ns[i] = now_ns() - before;
		sum += bench->ns[i];
	}
	if (!ret)
		ret = step_kill(parent, sandbox, 0);
	for (i = 0; i < 2 && !ret; i++)
		ret = step_rmdir(parent, &bench->sandboxes[i], i);
	if (ret)
		fail("%s: attach of an idle task: %s", bench->layout.name, strerror(-ret));
	result_arm(&bench->arm, bench->ns, IDLE_ATTACH_OPS, sum);
	if (favordynmods)
		layout_favordynmods(&bench->layout, false);
	settle(&bench->layout);
}

static void tmpfs_run(struct bench *bench, const int *threads, int nr_threads, int nr_blocks)
{
	int block;
	int i;

	layout_mount_tmpfs(&bench->layout);
	parent_make(&bench->plain, &bench->layout, "cgbench-plain");
	bench->arm.favordynmods = false;
	for (i = 0; i < nr_threads; i++) {
		for (block = 0; block < nr_blocks; block++)
			arm_run(bench, create_phases, ARRAY_SIZE(create_phases), ARM_PLAIN,
				threads[i], block);
	}
	parent_remove(&bench->plain);
	layout_unmount(&bench->layout);
}

static const char *const comount[] = { "cpu,cpuacct,cpuset,blkio,memory,freezer" };
static const char *const separate[] = { "cpu,cpuacct", "cpuset", "blkio", "memory", "freezer" };

/* Threads, sandboxes already there, blocks, arms, arms of the life cycle, flags. */
static const struct cell v2_quick[] = {
	{ 1, 0, 1, ARMS_PAIR, 0, CREATE_ONLY },
	{ 10, 0, 1, ARMS_PAIR, 0, CREATE_ONLY },
	{ 50, 0, 1, ARMS_PAIR, 0, CREATE_ONLY },
	{ 200, 0, 3, ARMS_PAIR, 0, CREATE_ONLY },
	{ 200, 0, 1, ARM(ARM_POOLED_REFILL) | ARM(ARM_POOLED_SMALL), ARMS_PAIR, CREATE_ONLY },
};

static const struct cell v1_quick[] = {
	{ 200, 0, 1, ARMS_PAIR, 0, CREATE_ONLY },
};

static const struct cell v2_default[] = {
	{ 1, 0, 1, ARMS_PAIR, ARMS_PAIR, 0 },
	{ 1, 0, 1, ARMS_PAIR, 0, CREATE_ONLY },
	{ 10, 0, 2, ARMS_PAIR, 0, CREATE_ONLY },
	{ 50, 0, 2, ARMS_PAIR, 0, CREATE_ONLY },
	{ 200, 0, 1, ARMS_ALL, ARMS_PAIR | ARM(ARM_POOLED_REFILL), 0 },
	{ 200, 0, 2, ARMS_PAIR, 0, CREATE_ONLY },
	{ 200, 0, 1, 0, ARMS_PAIR, 0 },
	{ 200, 0, 1, ARMS_PAIR, 0, FAVORDYNMODS },
	{ 200, NR_EXISTING, 1, ARMS_PAIR, 0, 0 },
};

static const struct cell v1_default[] = {
	{ 1, 0, 1, ARMS_PAIR, 0, CREATE_ONLY },
	{ 200, 0, 1, ARMS_PAIR | ARM(ARM_USER), ARMS_PAIR, 0 },
};

static const struct cell separate_default[] = {
	{ 200, 0, 1, ARMS_PAIR, 0, 0 },
};

static const struct cell full[] = {
	{ 1, 0, 3, ARMS_ALL, ARMS_ALL, 0 },
	{ 10, 0, 3, ARMS_ALL, ARMS_ALL, 0 },
	{ 50, 0, 3, ARMS_ALL, ARMS_ALL, 0 },
	{ 200, 0, 3, ARMS_ALL, ARMS_ALL, 0 },
	{ 1, NR_EXISTING, 3, ARMS_PAIR, ARMS_PAIR, 0 },
	{ 10, NR_EXISTING, 3, ARMS_PAIR, ARMS_PAIR, 0 },
	{ 50, NR_EXISTING, 3, ARMS_PAIR, ARMS_PAIR, 0 },
	{ 200, NR_EXISTING, 3, ARMS_ALL, ARMS_ALL, 0 },
};

static const struct cell full_favordynmods[] = {
	{ 1, 0, 3, ARMS_PAIR, ARMS_PAIR, FAVORDYNMODS },
	{ 200, 0, 3, ARMS_PAIR, ARMS_PAIR, FAVORDYNMODS },
};

static const int thread_counts[] = { 1, 10, 50, 200 };

static void quick_run(struct bench *bench, const struct options *options)
{
	layout_mount_v2(&bench->layout);
	bench_cells(bench, options, v2_quick, ARRAY_SIZE(v2_quick));
	tmpfs_run(bench, thread_counts, ARRAY_SIZE(thread_counts), 1);
	layout_mount_v1(&bench->layout, "v1-comount", comount, ARRAY_SIZE(comount));
	bench_cells(bench, options, v1_quick, ARRAY_SIZE(v1_quick));
}

static void idle_attach(struct bench *bench)
{
	layout_mount_v2(&bench->layout);
	parent_make(&bench->plain, &bench->layout, "cgbench-plain");
	idle_attach_run(bench, false);
	idle_attach_run(bench, true);
	parent_remove(&bench->plain);
	layout_unmount(&bench->layout);
}

static void default_run(struct bench *bench, const struct options *options)
{
	layout_mount_v2(&bench->layout);
	bench_cells(bench, options, v2_default, ARRAY_SIZE(v2_default));
	idle_attach(bench);
	tmpfs_run(bench, thread_counts, ARRAY_SIZE(thread_counts), 1);
	layout_mount_v1(&bench->layout, "v1-comount", comount, ARRAY_SIZE(comount));
	bench_cells(bench, options, v1_default, ARRAY_SIZE(v1_default));
	layout_mount_v1(&bench->layout, "v1-separate", separate, ARRAY_SIZE(separate));
	bench_cells(bench, options, separate_default, ARRAY_SIZE(separate_default));
}

static void full_run(struct bench *bench, const struct options *options)
{
	layout_mount_v2(&bench->layout);
	bench_cells(bench, options, full, ARRAY_SIZE(full));
	layout_mount_v2(&bench->layout);
	bench_cells(bench, options, full_favordynmods, ARRAY_SIZE(full_favordynmods));
	idle_attach(bench);
	tmpfs_run(bench, thread_counts, ARRAY_SIZE(thread_counts), 3);
	layout_mount_v1(&bench->layout, "v1-comount", comount, ARRAY_SIZE(comount));
	bench_cells(bench, options, full, ARRAY_SIZE(full));
	layout_mount_v1(&bench->layout, "v1-separate", separate, ARRAY_SIZE(separate));
	bench_cells(bench, options, full, ARRAY_SIZE(full));
}

int plan_wall(const struct options *options)
{
	struct bench bench = {};
	int nr_max;

	bench.nr_sandboxes = options->nr_sandboxes ? options->nr_sandboxes : NR_SANDBOXES;
	nr_max = bench.nr_sandboxes > IDLE_ATTACH_OPS ? bench.nr_sandboxes : IDLE_ATTACH_OPS;
	bench.sandboxes = calloc(nr_max, sizeof(*bench.sandboxes));
	bench.ns = calloc(nr_max, sizeof(*bench.ns));
	if (!bench.sandboxes || !bench.ns)
		fail("no memory for %d sandboxes", nr_max);
	if (options->size == PLAN_QUICK)
		quick_run(&bench, options);
	else if (options->size == PLAN_DEFAULT)
		default_run(&bench, options);
	else
		full_run(&bench, options);
	free(bench.sandboxes);
	free(bench.ns);
	return bench.nr_errors;
}
