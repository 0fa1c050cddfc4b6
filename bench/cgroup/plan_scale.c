// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations whose cost may depend on what else there is: cpu.max by the number
 * of cgroups, teardown by the number of superblocks.
 *
 * For QEMU -icount shift=0 with one CPU.  A teardown is mostly done by kworkers
 * and in softirqs after rmdir(2) has returned, and waits for grace periods in
 * between; what is counted is all that the CPU did, without its idle time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgbench.h"

#define SUPERBLOCKS_DIR		"/tmp/cgbench-superblocks"
#define TEARDOWN_BLOCKS		5
#define TEARDOWN_NR		40	/* cgroups per block */
#define USED_SUPERBLOCKS	2	/* where each of them has made a file */

static const int cgroup_counts[] = { 10, 500, 2500 };
static const int superblock_counts[] = { 10, 1000, 4000 };

/* Nanoseconds that the CPU has been idle, exact, unlike /proc/stat. */
static uint64_t idle_ns(void)
{
	unsigned long long ns = 0;
	unsigned long long sum = 0;
	bool found = false;
	char line[LIST_LEN];
	FILE *file;

	file = fopen("/proc/timer_list", "r");
	if (!file)
		fail("open /proc/timer_list: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " .idle_sleeptime : %llu nsecs", &ns) != 1)
			continue;
		sum += ns;
		found = true;
	}
	fclose(file);
	if (!found)
		fail("/proc/timer_list has no idle_sleeptime");
	return sum;
}

static void report(const char *step, int nr_existing, const uint64_t *ns, int nr, uint64_t wall_ns)
{
	struct arm arm = {
		.hierarchy = "v2",
		.arm = "plain",
		.step = step,
		.nr_threads = 1,
		.nr_existing = nr_existing,
		.claims = -1,
		.misses = -1,
	};

	result_arm(&arm, ns, nr, wall_ns);
}

/* Limit one cgroup again and again; the others have no limit and no task. */
static void cpu_max_run(const struct parent *parent, int nr_ops)
{
	static const char *const values[] = { "50000 100000", "60000 100000" };
	uint64_t *ns = calloc(nr_ops, sizeof(*ns));
	char name[NAME_LEN];
	char path[NAME_LEN * 2];
	int nr_existing = 0;
	uint64_t start;
	uint64_t before;
	size_t count;
	int ret;
	int i;

	if (!ns)
		fail("no memory for %d operations", nr_ops);
	slot_name(name, 0);
	snprintf(path, sizeof(path), "%s/cpu.max", name);
	for (count = 0; count < ARRAY_SIZE(cgroup_counts); count++) {
		slots_make(parent, nr_existing, cgroup_counts[count]);
		nr_existing = cgroup_counts[count];
		settle(parent->layout);
		start = now_ns();
		for (i = 0; i < nr_ops; i++) {
			before = now_ns();
			ret = file_write_at(parent->dirfd[0], path, values[i % 2]);
			ns[i] = now_ns() - before;
			if (ret)
				fail("write %s: %s", path, strerror(-ret));
		}
		report("cpu_max", nr_existing, ns, nr_ops, now_ns() - start);
	}
	slots_remove(parent, nr_existing);
	settle(parent->layout);
	free(ns);
}

static void superblock_path(char *path, size_t len, int idx)
{
	snprintf(path, len, SUPERBLOCKS_DIR "/%d", idx);
}

static void superblock_mount(int idx)
{
	char path[PATH_LEN];

	superblock_path(path, sizeof(path), idx);
	if (mkdir(path, 0755) < 0 || mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
		fail("mount tmpfs on %s: %s", path, strerror(errno));
}

static void superblocks_unmount(int nr)
{
	char path[PATH_LEN];
	int i;

	for (i = 0; i < nr; i++) {
		superblock_path(path, sizeof(path), i);
		if (umount(path) < 0 || rmdir(path) < 0)
			fail("umount %s: %s", path, strerror(errno));
	}
	rmdir(SUPERBLOCKS_DIR);
}

/* What a tenant leaves in a cgroup: dentries and inodes of a few superblocks. */
static void tenant_run(const struct parent *parent, int idx)
{
	char path[PATH_LEN + NAME_LEN];
	char procs[NAME_LEN * 2];
	char name[NAME_LEN];
	int status;
	pid_t pid;
	int i;

	slot_name(name, idx);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", name);
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		if (file_write_at(parent->dirfd[0], procs, "0"))
			_exit(1);
		for (i = 0; i < USED_SUPERBLOCKS; i++) {
			snprintf(path, sizeof(path), SUPERBLOCKS_DIR "/%d/%s", i, name);
			if (mkdir(path, 0755) < 0 || rmdir(path) < 0)
				_exit(1);
		}
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		fail("a tenant of %s failed", name);
}

static uint64_t teardown_once(const struct parent *parent)
{
	uint64_t start;
	uint64_t idle;
	int i;

	slots_make(parent, 0, TEARDOWN_NR);
	for (i = 0; i < TEARDOWN_NR; i++)
		tenant_run(parent, i);
	settle(parent->layout);
	idle = idle_ns();
	start = now_ns();
	slots_remove(parent, TEARDOWN_NR);
	while (flat_key_read(parent->dirfd[0], "cgroup.stat", "nr_dying_descendants"))
		sleep_ms(20);
	return (now_ns() - start - (idle_ns() - idle)) / TEARDOWN_NR;
}

static void teardown_run(const struct parent *parent)
{
	uint64_t ns[TEARDOWN_BLOCKS];
	int nr_mounted = 0;
	uint64_t start;
	size_t count;
	int i;

	if (mkdir(SUPERBLOCKS_DIR, 0755) < 0 && errno != EEXIST)
		fail("mkdir " SUPERBLOCKS_DIR ": %s", strerror(errno));
	for (count = 0; count < ARRAY_SIZE(superblock_counts); count++) {
		while (nr_mounted < superblock_counts[count])
			superblock_mount(nr_mounted++);
		start = now_ns();
		for (i = 0; i < TEARDOWN_BLOCKS; i++)
			ns[i] = teardown_once(parent);
		report("teardown", nr_mounted, ns, TEARDOWN_BLOCKS, now_ns() - start);
	}
	superblocks_unmount(nr_mounted);
}

int plan_scale(const struct options *options)
{
	struct parent parent;
	struct layout layout;

	if (sysconf(_SC_NPROCESSORS_ONLN) != 1)
		fail("scale is for one CPU: others would count the same instruction");
	layout_mount_v2(&layout);
	parent_make(&parent, &layout, "cgbench-plain");
	cpu_max_run(&parent, options->nr_ops);
	teardown_run(&parent);
	parent_remove(&parent);
	layout_unmount(&layout);
	return 0;
}
