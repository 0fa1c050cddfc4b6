// SPDX-License-Identifier: GPL-2.0-only
/*
 * How often does a claim take cgroup_mutex?  A kprobe event on every way to
 * take a mutex, filtered by the address of cgroup_mutex and by our own thread,
 * counts the acquisitions during N claims.
 *
 * The same count over N plain mkdir is the positive control: each must take
 * cgroup_mutex at least once.  If it does not, the probe sees nothing and the
 * zero of the claims would mean nothing, so that is a failure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgbench.h"

#define TRACING			"/sys/kernel/tracing/"
#define GROUP			"cgbench"
#define MAX_SYMBOLS		12

static const char *const lock_symbols[MAX_SYMBOLS] = {
	"mutex_lock", "mutex_lock_interruptible", "mutex_lock_killable", "mutex_trylock",
	"mutex_lock_io", "mutex_lock_nested", "mutex_lock_interruptible_nested",
	"mutex_lock_killable_nested", "mutex_lock_io_nested", "_mutex_lock_nest_lock",
	"_mutex_trylock_nest_lock", "_mutex_lock_killable",
};

struct probe {
	unsigned long long mutex_address;
	bool is_present[MAX_SYMBOLS];
};

static void kallsyms_read(struct probe *probe)
{
	unsigned long long address;
	char name[256];
	char type;
	FILE *file;
	int i;

	file = fopen("/proc/kallsyms", "r");
	if (!file)
		fail("open /proc/kallsyms: %s", strerror(errno));
	while (fscanf(file, "%llx %c %255s%*[^\n]", &address, &type, name) == 3) {
		if (!strcmp(name, "cgroup_mutex"))
			probe->mutex_address = address;
		for (i = 0; i < MAX_SYMBOLS; i++) {
			if ((type == 'T' || type == 't') && !strcmp(name, lock_symbols[i]))
				probe->is_present[i] = true;
		}
	}
	fclose(file);
	if (!probe->mutex_address)
		fail("/proc/kallsyms has no cgroup_mutex (needs CONFIG_KALLSYMS_ALL)");
}

static void tracing_write(const char *file, const char *text)
{
	char path[PATH_LEN];
	int ret;

	snprintf(path, sizeof(path), TRACING "%s", file);
	ret = file_write_at(-1, path, text);
	if (ret)
		fail("write '%s' to %s: %s", text, path, strerror(-ret));
}

static int probes_enable(const struct probe *probe)
{
	char text[PATH_LEN];
	char file[PATH_LEN];
	int nr = 0;
	int i;

	for (i = 0; i < MAX_SYMBOLS; i++) {
		if (!probe->is_present[i])
			continue;
		snprintf(text, sizeof(text), "p:%s/take%d %s lock=%%di:x64", GROUP, i,
			 lock_symbols[i]);
		tracing_write("kprobe_events", text);
		snprintf(file, sizeof(file), "events/%s/take%d/filter", GROUP, i);
		snprintf(text, sizeof(text), "lock==0x%llx && common_pid==%d",
			 probe->mutex_address, getpid());
		tracing_write(file, text);
		snprintf(file, sizeof(file), "events/%s/take%d/enable", GROUP, i);
		tracing_write(file, "1");
		nr++;
	}
	if (!nr)
		fail("no mutex function of this kernel can be probed");
	return nr;
}

static void probes_disable(const struct probe *probe)
{
	char text[PATH_LEN];
	int i;

	tracing_write("tracing_on", "0");
	for (i = 0; i < MAX_SYMBOLS; i++) {
		if (!probe->is_present[i])
			continue;
		snprintf(text, sizeof(text), "events/%s/take%d/enable", GROUP, i);
		tracing_write(text, "0");
		snprintf(text, sizeof(text), "-:%s/take%d", GROUP, i);
		tracing_write("kprobe_events", text);
	}
	tracing_write("tracing_on", "1");
}

static long hits_count(void)
{
	char line[1024];
	long nr = 0;
	FILE *file;

	file = fopen(TRACING "trace", "r");
	if (!file)
		fail("open " TRACING "trace: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (line[0] != '#' && strstr(line, ": take"))
			nr++;
	}
	fclose(file);
	return nr;
}

static long mkdirs_traced(const struct parent *parent, struct sandbox *sandboxes, int nr)
{
	long hits;
	int ret;
	int i;

	tracing_write("tracing_on", "0");
	tracing_write("trace", "\n");
	tracing_write("tracing_on", "1");
	for (i = 0; i < nr; i++) {
		ret = step_mkdir(parent, &sandboxes[i], i);
		if (ret)
			fail("mkdir %d in %s: %s", i, parent->name, strerror(-ret));
	}
	tracing_write("tracing_on", "0");
	hits = hits_count();
	for (i = 0; i < nr; i++) {
		ret = step_rmdir(parent, &sandboxes[i], i);
		if (ret)
			fail("rmdir %d in %s: %s", i, parent->name, strerror(-ret));
	}
	settle(parent->layout);
	return hits;
}

int plan_mutex(const struct options *options)
{
	struct pool_counts before = {};
	struct pool_counts after = {};
	struct sandbox *sandboxes;
	struct probe probe = {};
	struct parent pooled;
	struct layout layout;
	struct parent plain;
	long claim_hits = -1;
	long plain_hits;
	int nr_symbols;

	sandboxes = calloc(options->nr_ops, sizeof(*sandboxes));
	if (!sandboxes)
		fail("no memory for %d operations", options->nr_ops);
	kallsyms_read(&probe);
	layout_mount_v2(&layout);
	parent_make(&plain, &layout, "cgbench-plain");
	parent_make(&pooled, &layout, "cgbench-pooled");
	if (pool_is_supported(&pooled)) {
		pool_fill(&pooled, options->nr_ops, 0);
		settle(&layout);
		pool_counts_read(&pooled, &before);
	} else if (options->pool_required) {
		fail("this kernel has no cgroup.pool.max");
	}
	nr_symbols = probes_enable(&probe);
	if (pool_is_supported(&pooled)) {
		claim_hits = mkdirs_traced(&pooled, sandboxes, options->nr_ops);
		pool_counts_read(&pooled, &after);
		if (after.claims - before.claims != options->nr_ops)
			fail("%d directories made, but %ld claims", options->nr_ops,
			     after.claims - before.claims);
	}
	plain_hits = mkdirs_traced(&plain, sandboxes, options->nr_ops);
	probes_disable(&probe);
	if (pool_is_supported(&pooled))
		pool_drain(&pooled);
	parent_remove(&pooled);
	parent_remove(&plain);
	layout_unmount(&layout);
	free(sandboxes);

	say("cgroup_mutex taken: %ld times in %d claims, %ld times in %d plain mkdir (%d functions probed)",
	    claim_hits, options->nr_ops, plain_hits, options->nr_ops, nr_symbols);
	result_line("{\"kind\":\"mutex\",\"n\":%d,\"claim_hits\":%ld,\"plain_hits\":%ld,\"symbols\":%d}",
		    options->nr_ops, claim_hits, plain_hits, nr_symbols);
	if (plain_hits < options->nr_ops)
		fail("the probe saw %ld acquisitions in %d plain mkdir: it does not work here",
		     plain_hits, options->nr_ops);
	return claim_hits > 0;
}
