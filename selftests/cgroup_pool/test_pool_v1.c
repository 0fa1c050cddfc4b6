// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only cgroup v1 has: settings that a child copies from its parent when it
 * is made, rename(2), the release agent, exclusive cpusets.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_pool_fixture.h"

#define FILL	4

FIXTURE(v1) {
	struct cgp_env env;
};

FIXTURE_VARIANT(v1) {
	bool v2;
};

FIXTURE_VARIANT_ADD(v1, comount) {
	.v2 = false,
};

FIXTURE_SETUP(v1)
{
	cgp_setup(_metadata, &self->env, variant->v2);
}

FIXTURE_TEARDOWN_PARENT(v1)
{
	cgp_teardown(_metadata, &self->env);
}

static const struct {
	const char *file;
	const char *on;
	const char *off;
} inherited[] = {
	{ "memory.swappiness", "33", "60" },
	{ "memory.oom_control", "1", "0" },
	{ "cgroup.clone_children", "0", "1" },
	{ "notify_on_release", "1", "0" },
	{ "cpuset.memory_spread_page", "1", "0" },
	{ "cpuset.memory_spread_slab", "1", "0" },
	{ "cpuset.cpus", "0", "0-1" },
	{ "cpuset.mems", "0", "0" },
};

/* Each of them alone: written with free slots, it is in the next claim. */
TEST_F(v1, inherited_settings_reach_the_next_claim)
{
	const char *p = self->env.parent;
	unsigned int i, j;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	for (i = 0; i < ARRAY_SIZE(inherited); i++) {
		const char *file = inherited[i].file;

		if (!cgp_exists(p, file))
			continue;
		for (j = 0; j < 2; j++) {
			const char *val = j ? inherited[i].off :
					      inherited[i].on;

			if (j >= cgp_rounds(2, 1)) {
				cgp_write(p, file, val);
				continue;
			}
			ASSERT_EQ(0, cgp_fill(p, FILL));
			if (cgp_write(p, file, val)) {
				TH_LOG("%s <- %s is refused", file, val);
				continue;
			}
			/* At once, whether that hits or misses. */
			EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755,
						    CGP_ANY,
						    cgp_fmt("%s=%s, at once",
							    file, val)));
			ASSERT_EQ(0, cgp_fill(p, FILL));
			EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755,
						    CGP_CLAIM,
						    cgp_fmt("%s=%s, later",
							    file, val)));
		}
	}
}

TEST_F(v1, write_drops_the_slots_and_refills)
{
	const char *p = self->env.parent;
	long created;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	created = cgp_stat(p, "created");
	ASSERT_EQ(0, cgp_write(p, "memory.swappiness", "12"));
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/c", p), 0755));
	EXPECT_TRUE(cgp_text_is(p, "c/memory.swappiness", "12"));
	ASSERT_EQ(0, cgp_wait_idle(p));
	EXPECT_LE(created + FILL, cgp_stat(p, "created"));
	EXPECT_EQ(0, cgp_claim(p, "d"));
	EXPECT_TRUE(cgp_text_is(p, "d/memory.swappiness", "12"));
}

/* Tasks and the pool's own files change nothing that a child copies. */
TEST_F(v1, attach_keeps_the_slots)
{
	const char *p = self->env.parent;
	long created;
	pid_t pid;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	created = cgp_stat(p, "created");
	pid = cgp_spawn_paused();
	ASSERT_EQ(0, cgp_attach(p, pid));
	ASSERT_EQ(0, cgp_write_num(p, "tasks", pid));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.low", "1"));
	EXPECT_EQ(FILL, cgp_stat(p, "free"));
	cgp_msleep(200);
	EXPECT_EQ(created, cgp_stat(p, "created"));
	EXPECT_EQ(0, cgp_stat(p, "destroyed"));
	cgp_kill_reap(pid);
}

/*
 * With clone_children free slots have CPUs and memory nodes of their own. The
 * parent must still be able to give its own away: it has no visible child that
 * uses them.
 */
TEST_F(v1, slots_do_not_pin_cpus_of_the_parent)
{
	const char *p = self->env.parent;

	if (cgp_write(p, "cpuset.cpus", "0-1"))
		SKIP(return, "needs two CPUs");
	if (self->env.has_pool)
		ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_write(p, "cpuset.cpus", "0"));
	EXPECT_TRUE(cgp_text_is(p, "cpuset.cpus", "0"));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "one CPU"));
	if (self->env.has_pool)
		ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_write(p, "cpuset.cpus", "\n"));
	EXPECT_TRUE(cgp_text_is(p, "cpuset.cpus", ""));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "no CPU"));
}

/* Nor do they stand in the way of a sibling that wants its CPUs alone. */
TEST_F(v1, slots_do_not_share_exclusive_cpus)
{
	const char *p = self->env.parent;

	ASSERT_EQ(0, cgp_write(self->env.base, "cpuset.cpu_exclusive", "1"));
	ASSERT_EQ(0, cgp_write(p, "cpuset.cpu_exclusive", "1"));
	/* On a stock kernel this shows what is expected of the pool. */
	if (self->env.has_pool)
		ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/a", p), 0755));
	EXPECT_EQ(0, cgp_write(p, "a/cpuset.cpu_exclusive", "1"))
		TH_LOG("the only visible child cannot be exclusive");
	if (!self->env.has_pool)
		return;
	/* Made next to an exclusive one, a child gets no CPUs. */
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "next to an exclusive sibling"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "filled next to an exclusive sibling"));
	ASSERT_EQ(0, cgp_write(p, "a/cpuset.cpu_exclusive", "0"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "no longer exclusive"));
}

TEST_F(v1, rename_of_a_claimed_child)
{
	const char *p = self->env.parent;
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st, st2;
	pid_t pid;
	int fd;

	/* As on stock: the same with the pool on, if there is one. */
	if (self->env.has_pool)
		ASSERT_EQ(0, cgp_fill(p, FILL));
	cgp_path(from, "%s/a", p);
	cgp_path(to, "%s/b", p);
	ASSERT_EQ(0, mkdir(from, 0755));
	pid = cgp_spawn_paused();
	ASSERT_EQ(0, cgp_attach(from, pid));
	fd = open(cgp_fmt("%s/cgroup.procs", from), O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, stat(from, &st));

	EXPECT_EQ(0, rename(from, to));
	EXPECT_FALSE(cgp_exists(p, "a"));
	ASSERT_EQ(0, stat(to, &st2));
	EXPECT_EQ(st.st_ino, st2.st_ino);
	EXPECT_TRUE(cgp_task_in(pid, cgp_rel(&self->env, to)));
	/* An open file goes with it. */
	EXPECT_LT(0, read(fd, from, sizeof(from)));
	close(fd);
	cgp_path(from, "%s/a", p);

	/* The old name is free. */
	EXPECT_EQ(0, mkdir(from, 0755));
	EXPECT_EQ(-1, rename(from, to));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, rename(from, cgp_fmt("%s/x\ny", p)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, rename(from, cgp_fmt("%s/cgroup.procs", p)));
	if (self->env.has_pool)
		EXPECT_EQ(-1, rename(from, cgp_fmt("%s/cgroup.pool.x", p)));
	EXPECT_EQ(-1, rename(from, cgp_fmt("%s/elsewhere", self->env.base)));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, rename(cgp_fmt("%s/cgroup.procs", p),
			     cgp_fmt("%s/files", p)));
	EXPECT_EQ(-1, rename(cgp_fmt("%s/none", p), cgp_fmt("%s/c", p)));
	EXPECT_EQ(ENOENT, errno);
	cgp_kill_reap(pid);
	EXPECT_EQ(0, cgp_rmdir(to));
	EXPECT_EQ(0, cgp_rmdir(from));
}

/* A pooled parent can itself be renamed, its slots stay usable. */
TEST_F(v1, rename_of_a_pooled_parent)
{
	const char *p = self->env.parent;
	char to[PATH_MAX];
	pid_t pid;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	cgp_path(to, "%s/renamed", self->env.base);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, rename(p, to));
	ASSERT_EQ(0, cgp_claim(to, "c"));
	pid = cgp_spawn_paused();
	ASSERT_EQ(0, cgp_attach(cgp_fmt("%s/c", to), pid));
	EXPECT_TRUE(cgp_task_in(pid, cgp_rel(&self->env,
					     cgp_fmt("%s/c", to))));
	cgp_kill_reap(pid);
	ASSERT_EQ(0, cgp_rmdir(cgp_fmt("%s/c", to)));
	EXPECT_EQ(0, rmdir(to));
}

#define AGENT		"/tmp/cgpool.agent"
#define AGENT_LOG	"/tmp/cgpool.released"

static int install_agent(const struct cgp_env *env)
{
	static const char script[] =
		"#!/bin/sh\necho \"$1\" >>" AGENT_LOG "\n";
	int fd, ret = 0;

	unlink(AGENT_LOG);
	fd = open(AGENT, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);
	if (fd < 0 || write(fd, script, sizeof(script) - 1) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret ?: cgp_write(env->root, "release_agent", AGENT);
}

/* Waits until the agent was called for @rel; without it, for a second. */
static int count_released(const char *rel)
{
	long long end = cgp_now_ms() + (rel ? CGP_WAIT_MS : 1000);
	char line[PATH_MAX];
	int nr, all;
	FILE *f;

	do {
		nr = 0;
		all = 0;
		f = fopen(AGENT_LOG, "re");
		while (f && fgets(line, sizeof(line), f)) {
			line[strcspn(line, "\n")] = '\0';
			all++;
			nr += rel && !strcmp(line, rel);
		}
		if (f)
			fclose(f);
		if (nr)
			return nr;
		cgp_msleep(20);
	} while (cgp_now_ms() < end);
	return all;
}

TEST_F(v1, release_agent)
{
	const char *p = self->env.parent;
	const char *rel = cgp_rel(&self->env, p);

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "notify_on_release", "1"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	ASSERT_EQ(0, install_agent(&self->env));

	/* Neither a shrinking nor a growing pool releases anything. */
	ASSERT_EQ(0, cgp_fill(p, 1));
	ASSERT_EQ(0, cgp_fill(p, 2 * FILL));
	EXPECT_EQ(0, count_released(NULL))
		TH_LOG("agent called for slots");

	/* The last visible child goes: the parent is released. */
	ASSERT_EQ(0, cgp_write(p, "c/notify_on_release", "0"));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
	EXPECT_EQ(1, count_released(rel))
		TH_LOG("agent for %s, free slots in the way?", rel);

	/* Empty as it is, draining is not a second release. */
	unlink(AGENT_LOG);
	ASSERT_EQ(0, cgp_drain(p));
	EXPECT_EQ(0, count_released(NULL))
		TH_LOG("agent called by a drain");
	ASSERT_EQ(0, cgp_write(self->env.root, "release_agent", ""));
	unlink(AGENT);
	unlink(AGENT_LOG);
}

/* The last task of the parent goes, free slots are still there. */
TEST_F(v1, release_agent_after_last_task)
{
	const char *p = self->env.parent;
	const char *rel = cgp_rel(&self->env, p);
	pid_t pid;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "notify_on_release", "1"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, install_agent(&self->env));
	pid = cgp_spawn_paused();
	ASSERT_EQ(0, cgp_attach(p, pid));
	cgp_kill_reap(pid);
	EXPECT_EQ(1, count_released(rel));
	ASSERT_EQ(0, cgp_write(self->env.root, "release_agent", ""));
	unlink(AGENT);
	unlink(AGENT_LOG);
}

/* RunD's way: make many, rename to take, rename back to give. */
TEST_F(v1, userspace_pool_by_rename)
{
	const char *p = self->env.parent;
	struct pollfd pfd = { .events = POLLIN };
	union {
		struct inotify_event ev;
		char buf[4096];
	} in;
	unsigned int i;

	if (self->env.has_pool)
		ASSERT_EQ(0, cgp_fill(p, FILL));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, mkdir(cgp_fmt("%s/free.%u", p, i), 0755));
	pfd.fd = inotify_init1(IN_NONBLOCK);
	ASSERT_LE(0, inotify_add_watch(pfd.fd, p, IN_MOVE));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, rename(cgp_fmt("%s/free.%u", p, i),
				    cgp_fmt("%s/vm.%u", p, i)));
		ASSERT_EQ(1, poll(&pfd, 1, CGP_WAIT_MS));
		ASSERT_LT(0, read(pfd.fd, &in, sizeof(in)));
		EXPECT_EQ(IN_MOVED_FROM | IN_ISDIR, in.ev.mask);
	}
	close(pfd.fd);
	EXPECT_EQ(8, cgp_count_entries(p, true));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, rmdir(cgp_fmt("%s/vm.%u", p, i)));
}

TEST_HARNESS_MAIN
