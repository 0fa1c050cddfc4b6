// SPDX-License-Identifier: GPL-2.0-only
/*
 * A claimed cgroup is indistinguishable from a fresh mkdir(2): same files, and
 * of the directory and every file the same mode, owner, links, attributes and
 * content. Tests change something about caller, parent or machine before the
 * pool is filled or after, claim one, switch the pool off, make one the slow
 * way in the same parent, and compare the two.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "cgroup_pool_fixture.h"

#define FILL		4
#define UID_OTHER	1000
#define GID_OTHER	2000
#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"

FIXTURE(fresh) {
	struct cgp_env env;
};

FIXTURE_VARIANT(fresh) {
	bool v2;
};

FIXTURE_VARIANT_ADD(fresh, v2) {
	.v2 = true,
};

FIXTURE_VARIANT_ADD(fresh, v1) {
	.v2 = false,
};

FIXTURE_SETUP(fresh)
{
	cgp_setup(_metadata, &self->env, variant->v2);
}

FIXTURE_TEARDOWN_PARENT(fresh)
{
	cgp_teardown(_metadata, &self->env);
}

struct setting {
	const char *file;
	const char *val;
};

/* Limits and switches of a parent; what a kernel lacks is passed over. */
static const struct setting limits_v2[] = {
	{ "cpuset.cpus", "0" },
	{ "cpuset.mems", "0" },
	{ "memory.max", "268435456" },
	{ "memory.high", "201326592" },
	{ "memory.low", "1048576" },
	{ "memory.min", "1048576" },
	{ "memory.oom.group", "1" },
	{ "memory.swap.max", "0" },
	{ "memory.zswap.max", "0" },
	{ "memory.zswap.writeback", "0" },
	{ "cpu.max", "50000 100000" },
	{ "cpu.max.burst", "10000" },
	{ "cpu.weight", "50" },
	{ "cpu.uclamp.max", "50" },
	{ "pids.max", "1000" },
	{ "io.weight", "default 50" },
	{ "hugetlb.2MB.max", "2097152" },
	{ "cgroup.max.depth", "5" },
	{ "cgroup.max.descendants", "50" },
	{ "cgroup.pressure", "0" },
};

static const struct setting limits_v1[] = {
	{ "cpuset.cpus", "0" },
	{ "cpuset.mems", "0" },
	{ "memory.limit_in_bytes", "268435456" },
	{ "memory.soft_limit_in_bytes", "201326592" },
	{ "memory.swappiness", "33" },
	{ "memory.oom_control", "1" },
	{ "cpu.shares", "512" },
	{ "cpu.cfs_quota_us", "50000" },
	{ "blkio.bfq.weight", "50" },
	{ "notify_on_release", "1" },
	{ "cpuset.memory_migrate", "1" },
	{ "cpuset.memory_spread_page", "1" },
	{ "cpuset.sched_load_balance", "0" },
};

static int apply(const struct cgp_env *env, const char *dir)
{
	const struct setting *s = env->v2 ? limits_v2 : limits_v1;
	size_t len = env->v2 ? ARRAY_SIZE(limits_v2) : ARRAY_SIZE(limits_v1);
	int nr = 0;
	size_t i;

	for (i = 0; i < len; i++)
		nr += !cgp_write(dir, s[i].file, s[i].val);
	return nr;
}

/* The comparison itself: two fresh cgroups are equal, on any kernel. */
TEST_F(fresh, two_plain_cgroups_are_equal)
{
	EXPECT_EQ(0, cgp_diff_fresh(self->env.parent, &cgp_root_user, 0755,
				    CGP_ANY, "plain"));
}

/* And what differs is found. */
TEST_F(fresh, comparison_finds_differences)
{
	const char *p = self->env.parent;
	const char *file = self->env.v2 ? "memory.max" : "cpu.shares";
	char a[PATH_MAX], b[PATH_MAX];

	cgp_path(a, "%s/a", p);
	cgp_path(b, "%s/b", p);
	ASSERT_EQ(0, mkdir(a, 0755));
	ASSERT_EQ(0, mkdir(b, 0755));
	ASSERT_EQ(0, cgp_diff_dirs(a, b, "same"));
	ASSERT_EQ(0, cgp_write(a, file, "1048576"));
	EXPECT_EQ(1, cgp_diff_dirs(a, b, "wanted: one value"));
	ASSERT_EQ(0, chmod(cgp_fmt("%s/cgroup.procs", b), 0600));
	EXPECT_EQ(2, cgp_diff_dirs(a, b, "wanted: and a mode"));
	ASSERT_EQ(0, chown(b, UID_OTHER, 0));
	EXPECT_EQ(3, cgp_diff_dirs(a, b, "wanted: and an owner"));
	if (!setxattr(b, "trusted.x", "y", 1, 0))
		EXPECT_EQ(4, cgp_diff_dirs(a, b, "wanted: and an attribute"));
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/child", b), 0755));
	EXPECT_LT(3, cgp_diff_dirs(a, b, "wanted: and a child"));
}

TEST_F(fresh, default_claim)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "default"));
}

/* Also of one made where there never was a pool. */
TEST_F(fresh, claim_and_unpooled_twin)
{
	char twin[PATH_MAX], a[PATH_MAX], b[PATH_MAX];
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	cgp_path(twin, "%s/twin", self->env.base);
	cgp_path(a, "%s/c", p);
	cgp_path(b, "%s/c", twin);
	ASSERT_EQ(0, cgp_make_parent(&self->env, twin));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	ASSERT_EQ(0, mkdir(b, 0755));
	EXPECT_EQ(0, cgp_diff_dirs(a, b, "claim and twin's child"));
}

/* Every slot, not only the first. */
TEST_F(fresh, all_slots_of_a_pool)
{
	const char *p = self->env.parent;
	unsigned int i;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	for (i = 0; i < FILL; i++)
		ASSERT_EQ(0, mkdir(cgp_fmt("%s/c%u", p, i), 0755));
	EXPECT_LT(0, cgp_stat(p, "claims"));
	ASSERT_EQ(0, cgp_drain(p));
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/fresh", p), 0755));
	for (i = 0; i < FILL; i++)
		EXPECT_EQ(0, cgp_diff_dirs(cgp_fmt("%s/c%u", p, i),
					   cgp_fmt("%s/fresh", p), "slot"));
}

TEST_F(fresh, modes_and_umasks)
{
	static const struct {
		mode_t mode;
		mode_t mask;
	} tries[] = {
		{ 0777, 0 }, { 0755, 077 }, { 0700, 022 }, { 0, 0 },
		{ 0555, 0 }, { 01777, 0 }, { 07777, 0 }, { 0755, 0777 },
		{ 02755, 02 },
	};
	const char *p = self->env.parent;
	unsigned int i;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	for (i = 0; i < cgp_rounds(ARRAY_SIZE(tries), 3); i++) {
		const struct cgp_who who = { .mask = tries[i].mask };

		ASSERT_EQ(0, cgp_fill(p, FILL));
		EXPECT_EQ(0, cgp_diff_fresh(p, &who, tries[i].mode, CGP_CLAIM,
					    cgp_fmt("mode %#o mask %#o",
						    tries[i].mode,
						    tries[i].mask)));
	}
}

TEST_F(fresh, set_gid_parent)
{
	static const struct cgp_who grouped = { .gid = GID_OTHER, .mask = 022 };
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	/* Set before the pool is filled. */
	ASSERT_EQ(0, chmod(p, 02775));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "set-gid before"));
	/* Taken away with free slots, and given again. */
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, chmod(p, 0755));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "set-gid taken away"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, chmod(p, 02775));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "set-gid with free slots"));
	/* With another group than that of the caller. */
	ASSERT_EQ(0, chown(p, 0, GID_OTHER));
	ASSERT_EQ(0, chmod(p, 02775));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "set-gid, new group"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "set-gid, filled for the new group"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &grouped, 0775, CGP_ANY,
				    "set-gid, caller of that group"));
}

TEST_F(fresh, owner_is_not_root)
{
	static const struct cgp_who owner = {
		.uid = UID_OTHER, .gid = GID_OTHER, .mask = 027,
	};
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, chown(p, UID_OTHER, GID_OTHER));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &owner, 0755, CGP_CLAIM, "owner"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_MISS,
				    "root in the owner's directory"));
	/* Only one of the two changes. */
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, chown(p, UID_OTHER, 0));
	EXPECT_EQ(0, cgp_diff_fresh(p, &owner, 0755, CGP_ANY, "new group"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, chown(p, 0, 0));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "back to root"));
}

/*
 * A controller comes by another user's hand while there are free slots: its
 * files are not those of that user.
 */
TEST_F(fresh, controller_enabled_by_another_user)
{
	static const struct cgp_who owner = {
		.uid = UID_OTHER, .gid = GID_OTHER, .mask = 022,
	};
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	if (!cgp_exists(p, "cgroup.subtree_control"))
		SKIP(return, "no cgroup.subtree_control");
	ASSERT_EQ(0, chown(p, UID_OTHER, GID_OTHER));
	ASSERT_EQ(0, cgp_write(p, "cgroup.subtree_control", "-pids -memory"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_write(p, "cgroup.subtree_control", "+pids +memory"));
	EXPECT_EQ(0, cgp_diff_fresh(p, &owner, 0755, CGP_ANY, "at once"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &owner, 0755, CGP_CLAIM, "later"));
}

static const struct cgp_who owner_1000 = {
	.uid = UID_OTHER, .gid = GID_OTHER, .mask = 022,
};

/* Claims from slots older than a second; when was that? */
static time_t claim_old_slot(const struct cgp_env *env,
			     const struct cgp_who *who, const char *name)
{
	struct timespec now;

	if (chown(env->parent, who->uid, who->gid) || cgp_drain(env->parent) ||
	    cgp_fill(env->parent, FILL))
		return 0;
	cgp_msleep(1500);
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (cgp_mkdir_as(who, cgp_fmt("%s/%s", env->parent, name), 0755))
		return 0;
	return cgp_stat(env->parent, "claims") > 0 ? now.tv_sec : 0;
}

/* A directory is not older than its mkdir(2), and its parent has changed. */
TEST_F(fresh, timestamps)
{
	const struct cgp_who *who[] = { &cgp_root_user, &owner_1000 };
	const char *p = self->env.parent;
	unsigned int i;
	struct stat st;
	time_t now;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	for (i = 0; i < ARRAY_SIZE(who); i++) {
		now = claim_old_slot(&self->env, who[i], cgp_fmt("t%u", i));
		ASSERT_NE(0, now);
		ASSERT_EQ(0, stat(cgp_fmt("%s/t%u", p, i), &st));
		EXPECT_LE(now, st.st_mtim.tv_sec)
			TH_LOG("uid %u", who[i]->uid);
		EXPECT_LE(now, st.st_ctim.tv_sec);
		EXPECT_LE(now, st.st_atim.tv_sec);
	}
	ASSERT_EQ(0, stat(p, &st));
	EXPECT_LE(now, st.st_mtim.tv_sec)
		TH_LOG("mtime of the parent");
}

/* Nor are the files in it. */
TEST_F(fresh, timestamps_of_files)
{
	const struct cgp_who *who[] = { &cgp_root_user, &owner_1000 };
	const char *p = self->env.parent;
	unsigned int i;
	struct stat st;
	time_t now;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	for (i = 0; i < ARRAY_SIZE(who); i++) {
		now = claim_old_slot(&self->env, who[i], cgp_fmt("t%u", i));
		ASSERT_NE(0, now);
		ASSERT_EQ(0, stat(cgp_fmt("%s/t%u/cgroup.procs", p, i), &st));
		EXPECT_LE(now, st.st_mtim.tv_sec)
			TH_LOG("uid %u", who[i]->uid);
		EXPECT_LE(now, st.st_ctim.tv_sec);
	}
}

TEST_F(fresh, attributes_of_the_parent)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	if (setxattr(p, "trusted.pool", "x", 1, 0))
		SKIP(return, "no trusted xattrs: %s", strerror(errno));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, setxattr(p, "trusted.later", "y", 1, 0));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "parent has attributes"));
}

TEST_F(fresh, limits_set_before_filling)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_LT(5, apply(&self->env, p));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "limits before"));
}

TEST_F(fresh, limits_set_with_free_slots)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_LT(5, apply(&self->env, p));
	/* At once, and after whatever refill the writes caused. */
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "limits just set"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "limits set a while ago"));
}

/* What is set further up reaches free slots through the hierarchy. */
TEST_F(fresh, limits_of_the_grandparent)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_LT(3, apply(&self->env, self->env.base));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "limits above"));
}

static int set_frozen(const struct cgp_env *env, bool frozen)
{
	if (env->v2)
		return cgp_write(env->parent, "cgroup.freeze",
				 frozen ? "1" : "0");
	return cgp_write(env->parent, "freezer.state",
			 frozen ? "FROZEN" : "THAWED");
}

TEST_F(fresh, frozen_parent)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, set_frozen(&self->env, true));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "frozen with free slots"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "filled while frozen"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, set_frozen(&self->env, false));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "thawed with free slots"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "filled after the thaw"));
}

TEST_F(fresh, threaded_parent)
{
	char dir[PATH_MAX];

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	if (!cgp_exists(self->env.parent, "cgroup.type"))
		SKIP(return, "no cgroup.type");
	/* Domain controllers do not go with threads. */
	cgp_path(dir, "%s/threads", self->env.base);
	ASSERT_EQ(0, mkdir(dir, 0755));
	ASSERT_EQ(0, cgp_fill(dir, FILL));
	/* One child is threaded: the others are "domain invalid". */
	ASSERT_EQ(0, cgp_claim(dir, "t"));
	ASSERT_EQ(0, cgp_write(dir, "t/cgroup.type", "threaded"));
	EXPECT_TRUE(cgp_text_is(dir, "cgroup.type", "domain threaded"));
	EXPECT_EQ(0, cgp_diff_fresh(dir, &cgp_root_user, 0755, CGP_ANY,
				    "next to a threaded child"));
	/* The pooled parent is itself threaded. */
	ASSERT_EQ(0, cgp_fill(cgp_fmt("%s/t", dir), FILL));
	EXPECT_EQ(0, cgp_diff_fresh(cgp_fmt("%s/t", dir), &cgp_root_user, 0755,
				    CGP_CLAIM, "below a threaded parent"));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/t", dir)));
	ASSERT_EQ(0, cgp_fill(dir, FILL));
	EXPECT_TRUE(cgp_text_is(dir, "cgroup.type", "domain"));
	EXPECT_EQ(0, cgp_diff_fresh(dir, &cgp_root_user, 0755, CGP_CLAIM,
				    "domain again"));
}

/* A pooled cgroup turns threaded while it has free slots. */
TEST_F(fresh, parent_turns_threaded)
{
	char dir[PATH_MAX], c[PATH_MAX];

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	if (!cgp_exists(self->env.parent, "cgroup.type"))
		SKIP(return, "no cgroup.type");
	cgp_path(dir, "%s/threads", self->env.base);
	cgp_path(c, "%s/c", dir);
	ASSERT_EQ(0, mkdir(dir, 0755));
	ASSERT_EQ(0, mkdir(c, 0755));
	ASSERT_EQ(0, cgp_fill(c, FILL));
	ASSERT_EQ(0, cgp_write(c, "cgroup.type", "threaded"));
	EXPECT_EQ(0, cgp_diff_fresh(c, &cgp_root_user, 0755, CGP_ANY,
				    "turned threaded"));
}

TEST_F(fresh, partition_parent)
{
	const char *p = self->env.parent;
	const char *base = self->env.base;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	if (!cgp_exists(p, "cpuset.cpus.partition"))
		SKIP(return, "no cpuset.cpus.partition");
	ASSERT_EQ(0, cgp_fill(p, FILL));
	if (cgp_write(base, "cpuset.cpus", "1") ||
	    cgp_write(base, "cpuset.cpus.partition", "root"))
		SKIP(return, "no CPU for a partition");
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "partition above"));
	ASSERT_EQ(0, cgp_write(base, "cpuset.cpus.partition", "member"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "partition gone"));
}

TEST_F(fresh, cpu_hotplug)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	if (access(CPU1_ONLINE, W_OK))
		SKIP(return, "%s is not writable", CPU1_ONLINE);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	if (cgp_write_path(CPU1_ONLINE, "0"))
		SKIP(return, "CPU 1 cannot go offline");
	/* v1 cpusets follow in a work item, claimed or not. */
	cgp_msleep(300);
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "CPU 1 gone"));
	EXPECT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_write_path(CPU1_ONLINE, "1"));
	cgp_msleep(300);
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "CPU 1 back"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "filled after"));
}

#define HOG_LIMIT	(16 << 20)
#define HOG_SIZE	(64 << 20)
#define HOG_STEP	4096

static int hog(void *arg)
{
	const char *dir = arg;
	char *mem;
	size_t i;

	if (cgp_attach(dir, getpid()))
		return 1;
	mem = malloc(HOG_SIZE);
	for (i = 0; mem && i < HOG_SIZE; i += HOG_STEP)
		mem[i] = 1;
	return 0;
}

/* Reclaim and OOM kills in the parent leave no trace in a free slot. */
TEST_F(fresh, memory_pressure)
{
	const char *p = self->env.parent;
	const char *file = self->env.v2 ? "memory.max" : "memory.limit_in_bytes";
	char dir[PATH_MAX];
	unsigned int i;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	cgp_path(dir, "%s/hog", p);
	ASSERT_EQ(0, mkdir(dir, 0755));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_write_num(p, file, HOG_LIMIT));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(128 + SIGKILL, cgp_reap(cgp_spawn(hog, dir)));
	ASSERT_EQ(0, cgp_write(p, file, self->env.v2 ? "max" : "-1"));
	ASSERT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "after OOM kills"));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	if (self->env.v2)
		cgp_write(p, "memory.reclaim", "1M");
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "after reclaim"));
}

/* Slots of a busy machine: tasks come and go next to them. */
TEST_F(fresh, busy_siblings)
{
	const char *p = self->env.parent;
	char dir[PATH_MAX];
	unsigned int i;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	cgp_path(dir, "%s/busy", p);
	ASSERT_EQ(0, mkdir(dir, 0755));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	for (i = 0; i < 10; i++) {
		pid_t pid = cgp_spawn_paused();

		ASSERT_LT(0, pid);
		EXPECT_EQ(0, cgp_attach(dir, pid));
		cgp_msleep(20);
		cgp_kill_reap(pid);
	}
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "busy"));
}

/* An idle slot does not age: averages and statistics stay at zero. */
TEST_F(fresh, old_slots)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	cgp_msleep(5000);
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
				    "five seconds old"));
}

TEST_HARNESS_MAIN
