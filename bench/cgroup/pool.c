// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's pool of a parent (cgroup.pool.*), and waiting until nothing of
 * an earlier arm runs any more: a cgroup that was removed keeps kworkers busy
 * for a while, and they take cgroup_mutex.
 */
#include <string.h>
#include <unistd.h>

#include "cgbench.h"

#define WAIT_PAUSE_MS		20
#define WAIT_TRIES		15000	/* 5 minutes: a slow emulator fills 20 slots a second */
#define IDLE_WINDOW_MS		100
#define IDLE_WINDOWS		2
#define IDLE_BUSY_PERCENT	15

bool pool_is_supported(const struct parent *parent)
{
	return !faccessat(parent->dirfd[0], "cgroup.pool.max", F_OK, 0);
}

static void pool_write(const struct parent *parent, const char *file, long value)
{
	char text[NAME_LEN];
	int ret;
	int i;

	snprintf(text, sizeof(text), "%ld", value);
	for (i = 0; i < parent->layout->nr_mounts; i++) {
		ret = file_write_at(parent->dirfd[i], file, text);
		if (ret)
			fail("write %s to %s/%s: %s", text, parent->name, file, strerror(-ret));
	}
}

static void pool_wait_free(const struct parent *parent, long nr)
{
	long nr_free = 0;
	int tries;
	int i;

	for (i = 0; i < parent->layout->nr_mounts; i++) {
		for (tries = 0; tries < WAIT_TRIES; tries++) {
			nr_free = flat_key_read(parent->dirfd[i], "cgroup.pool.stat", "free");
			if (nr_free == nr)
				break;
			sleep_ms(WAIT_PAUSE_MS);
		}
		if (nr_free != nr)
			fail("%s: the pool stays at %ld free slots, wanted %ld", parent->name,
			     nr_free, nr);
	}
}

/*
 * Fill the pool and wait until it is full.  @low < 0 leaves the kernel's own
 * policy (refill starts at half of max); 0 means that nothing is refilled
 * while the burst runs.
 */
void pool_fill(const struct parent *parent, long max, long low)
{
	pool_write(parent, "cgroup.pool.max", 0);
	if (low >= 0)
		pool_write(parent, "cgroup.pool.low", low);
	else
		pool_write(parent, "cgroup.pool.low", max / 2);
	pool_write(parent, "cgroup.pool.max", max);
	pool_wait_free(parent, max);
}

void pool_drain(const struct parent *parent)
{
	pool_write(parent, "cgroup.pool.max", 0);
	pool_wait_free(parent, 0);
}

void pool_counts_read(const struct parent *parent, struct pool_counts *counts)
{
	int i;

	memset(counts, 0, sizeof(*counts));
	for (i = 0; i < parent->layout->nr_mounts; i++) {
		int dirfd = parent->dirfd[i];

		counts->claims += flat_key_read(dirfd, "cgroup.pool.stat", "claims");
		counts->misses += flat_key_read(dirfd, "cgroup.pool.stat", "misses");
	}
}

static void cpu_times_read(uint64_t *total, uint64_t *idle)
{
	unsigned long long value[8] = {};
	char text[4096];
	size_t i;

	if (file_read_at(-1, "/proc/stat", text, sizeof(text)) ||
	    sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &value[0], &value[1],
		   &value[2], &value[3], &value[4], &value[5], &value[6], &value[7]) != 8)
		fail("cannot read /proc/stat");
	*total = 0;
	for (i = 0; i < ARRAY_SIZE(value); i++)
		*total += value[i];
	*idle = value[3] + value[4];
}

static bool machine_is_idle(void)
{
	uint64_t total[2];
	uint64_t idle[2];

	cpu_times_read(&total[0], &idle[0]);
	sleep_ms(IDLE_WINDOW_MS);
	cpu_times_read(&total[1], &idle[1]);
	if (total[1] == total[0])
		return true;
	return (total[1] - total[0] - (idle[1] - idle[0])) * 100 <=
	       (total[1] - total[0]) * IDLE_BUSY_PERCENT;
}

/*
 * Wait until removed cgroups are really gone and the machine does nothing.
 * Free slots are hidden from every count, so the idle test is what sees a pool
 * that is still being torn down.
 */
void settle(const struct layout *layout)
{
	int idle = 0;
	int tries;

	if (!layout->is_cgroup)
		return;
	for (tries = 0; tries < WAIT_TRIES && idle < IDLE_WINDOWS; tries++) {
		if (layout->is_v2 && flat_key_read(-1, "/sys/fs/cgroup/cgroup.stat",
						   "nr_dying_descendants")) {
			idle = 0;
			sleep_ms(WAIT_PAUSE_MS);
			continue;
		}
		idle = machine_is_idle() ? idle + 1 : 0;
	}
	if (idle < IDLE_WINDOWS)
		fail("%s: dying cgroups or a busy machine do not go away", layout->name);
}
