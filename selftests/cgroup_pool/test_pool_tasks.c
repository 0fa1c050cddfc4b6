// SPDX-License-Identifier: GPL-2.0-only
/*
 * A claimed cgroup works: tasks get in by every way, limits act, kill, freeze
 * and OOM reach exactly the right cgroups, events arrive. And free slots are in
 * nobody's way while their parent is frozen, killed or watched.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cgroup_pool_fixture.h"

#define FILL	4

FIXTURE(tasks) {
	struct cgp_env env;
	char c[PATH_MAX];
};

FIXTURE_VARIANT(tasks) {
	bool v2;
};

FIXTURE_VARIANT_ADD(tasks, v2) {
	.v2 = true,
};

FIXTURE_VARIANT_ADD(tasks, v1) {
	.v2 = false,
};

FIXTURE_SETUP(tasks)
{
	int ret;

	if (cgp_setup(_metadata, &self->env, variant->v2))
		return;
	cgp_path(self->c, "%s/child", self->env.parent);
	/* There is no teardown after a setup that gave up. */
	if (!self->env.has_pool) {
		cgp_env_teardown(&self->env);
		SKIP(return, NO_POOL);
	}
	ret = cgp_fill(self->env.parent, FILL) ?:
	      cgp_claim(self->env.parent, "child");
	if (ret)
		cgp_env_teardown(&self->env);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN_PARENT(tasks)
{
	cgp_teardown(_metadata, &self->env);
}

TEST_F(tasks, attach_by_procs)
{
	const char *rel = cgp_rel(&self->env, self->c);
	pid_t pid = cgp_spawn_paused();

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, cgp_attach(self->c, pid));
	EXPECT_TRUE(cgp_task_in(pid, rel));
	EXPECT_TRUE(cgp_text_is(self->c, "cgroup.procs", cgp_fmt("%d", pid)));
	EXPECT_EQ(-1, rmdir(self->c));
	EXPECT_EQ(EBUSY, errno);
	cgp_kill_reap(pid);
	EXPECT_TRUE(cgp_text_is(self->c, "cgroup.procs", ""));
	EXPECT_EQ(0, cgp_rmdir(self->c));
}

TEST_F(tasks, clone_into)
{
	pid_t pid;

	if (!cgp_exists(self->c, "cgroup.kill"))
		SKIP(return, "no cgroup.kill");
	pid = cgp_clone_into(self->c);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(cgp_task_in(pid, cgp_rel(&self->env, self->c)));
	EXPECT_EQ(1, cgp_key(self->c, "cgroup.events", "populated"));
	cgp_kill_reap(pid);
	EXPECT_EQ(0, cgp_rmdir(self->c));
}

/* An O_PATH fd from before a rename or from a claim of long ago. */
TEST_F(tasks, clone_into_every_slot)
{
	unsigned int i;

	if (!cgp_exists(self->c, "cgroup.kill"))
		SKIP(return, "no cgroup.kill");
	for (i = 0; i < 3 * FILL; i++) {
		char dir[PATH_MAX];
		pid_t pid;

		cgp_path(dir, "%s/k%u", self->env.parent, i);
		ASSERT_EQ(0, mkdir(dir, 0755));
		pid = cgp_clone_into(dir);
		ASSERT_LT(0, pid);
		EXPECT_TRUE(cgp_task_in(pid, cgp_rel(&self->env, dir)));
		cgp_kill_reap(pid);
		EXPECT_EQ(0, cgp_rmdir(dir));
	}
	EXPECT_LE(FILL, cgp_stat(self->env.parent, "claims"));
}

struct thread_arg {
	const char *file;
	pid_t tid;
	int ret;
};

static void *thread_fn(void *data)
{
	struct thread_arg *arg = data;

	arg->tid = syscall(SYS_gettid);
	arg->ret = cgp_write_path(arg->file, cgp_fmt("%d", arg->tid));
	return NULL;
}

TEST_F(tasks, threads)
{
	char dir[PATH_MAX];
	struct thread_arg arg = { .ret = -1 };
	pthread_t thread;

	if (self->env.v2) {
		/* Domain controllers do not go with threads. */
		cgp_path(dir, "%s/threads", self->env.base);
		ASSERT_EQ(0, mkdir(dir, 0755));
		ASSERT_EQ(0, cgp_fill(dir, FILL));
		ASSERT_EQ(0, cgp_claim(dir, "t"));
		ASSERT_EQ(0, cgp_write(dir, "t/cgroup.type", "threaded"));
		ASSERT_EQ(0, cgp_attach(dir, getpid()));
		arg.file = cgp_fmt("%s/t/cgroup.threads", dir);
	} else {
		arg.file = cgp_fmt("%s/tasks", self->c);
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_fn, &arg));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, arg.ret);
	EXPECT_EQ(0, cgp_attach(self->env.root, getpid()));
}

TEST_F(tasks, limits_act)
{
	const char *file = self->env.v2 ? "pids.max" : "cpu.shares";
	pid_t a, b;

	if (!cgp_exists(self->c, file))
		SKIP(return, "no %s", file);
	ASSERT_EQ(0, cgp_write(self->c, file, "2"));
	EXPECT_TRUE(cgp_text_is(self->c, file, "2"));
	if (!self->env.v2)
		return;
	a = cgp_clone_into(self->c);
	b = cgp_clone_into(self->c);
	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	EXPECT_EQ(-EAGAIN, cgp_clone_into(self->c));
	EXPECT_TRUE(cgp_text_is(self->c, "pids.current", "2"));
	/* Only there. */
	EXPECT_TRUE(cgp_text_is(self->env.parent, "pids.max", "max"));
	cgp_kill_reap(a);
	cgp_kill_reap(b);
}

TEST_F(tasks, every_limit_can_be_written)
{
	static const char * const v2[][2] = {
		{ "memory.max", "67108864" }, { "memory.high", "33554432" },
		{ "cpu.max", "50000 100000" }, { "cpu.weight", "10" },
		{ "cpuset.cpus", "0" }, { "cpuset.mems", "0" },
		{ "pids.max", "7" }, { "cgroup.max.depth", "3" },
		{ "memory.oom.group", "1" }, { "cpu.idle", "1" },
	};
	static const char * const v1[][2] = {
		{ "memory.limit_in_bytes", "67108864" },
		{ "memory.swappiness", "12" }, { "cpu.shares", "100" },
		{ "cpu.cfs_quota_us", "20000" }, { "cpuset.cpus", "0" },
		{ "cpuset.mems", "0" }, { "notify_on_release", "0" },
	};
	const char * const (*set)[2] = self->env.v2 ? v2 : v1;
	size_t len = self->env.v2 ? ARRAY_SIZE(v2) : ARRAY_SIZE(v1);
	size_t i;

	for (i = 0; i < len; i++) {
		EXPECT_EQ(0, cgp_write(self->c, set[i][0], set[i][1]));
		EXPECT_TRUE(cgp_text_is(self->c, set[i][0], set[i][1]));
	}
	/* The next claim has none of it. */
	EXPECT_EQ(0, cgp_diff_fresh(self->env.parent, &cgp_root_user, 0755,
				    CGP_CLAIM, "next claim"));
}

TEST_F(tasks, kill_reaches_claimed_children)
{
	pid_t a, b;

	if (!cgp_exists(self->c, "cgroup.kill"))
		SKIP(return, "no cgroup.kill");
	a = cgp_clone_into(self->c);
	ASSERT_LT(0, a);
	ASSERT_EQ(0, cgp_write(self->c, "cgroup.kill", "1"));
	EXPECT_EQ(128 + SIGKILL, cgp_reap(a));
	/* From above, with free slots in between. */
	a = cgp_clone_into(self->c);
	ASSERT_LT(0, a);
	ASSERT_EQ(0, cgp_write(self->env.parent, "cgroup.kill", "1"));
	EXPECT_EQ(128 + SIGKILL, cgp_reap(a));
	/* A slot that lived through a kill does not kill newcomers. */
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/next", self->env.parent), 0755));
	b = cgp_clone_into(cgp_fmt("%s/next", self->env.parent));
	ASSERT_LT(0, b);
	cgp_msleep(100);
	EXPECT_EQ(0, kill(b, 0));
	EXPECT_EQ(0, waitpid(b, NULL, WNOHANG));
	cgp_kill_reap(b);
}

static int wait_frozen(const struct cgp_env *env, const char *dir, bool frozen)
{
	long long end = cgp_now_ms() + CGP_WAIT_MS;
	char buf[64];

	if (env->v2)
		return cgp_wait_key(dir, "cgroup.events", "frozen", frozen);
	do {
		if (cgp_read(dir, "freezer.state", buf, sizeof(buf)) < 0)
			return -ENOENT;
		if (!strcmp(buf, frozen ? "FROZEN\n" : "THAWED\n"))
			return 0;
		cgp_msleep(5);
	} while (cgp_now_ms() < end);
	ksft_print_msg("%s: freezer.state %s", dir, buf);
	return -ETIMEDOUT;
}

static int set_frozen(const struct cgp_env *env, const char *dir, bool on)
{
	if (env->v2)
		return cgp_write(dir, "cgroup.freeze", on ? "1" : "0");
	return cgp_write(dir, "freezer.state", on ? "FROZEN" : "THAWED");
}

TEST_F(tasks, freeze_child)
{
	pid_t pid = cgp_spawn_paused();

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, cgp_attach(self->c, pid));
	ASSERT_EQ(0, set_frozen(&self->env, self->c, true));
	EXPECT_EQ(0, wait_frozen(&self->env, self->c, true));
	EXPECT_EQ(0, wait_frozen(&self->env, self->env.parent, false));
	ASSERT_EQ(0, set_frozen(&self->env, self->c, false));
	EXPECT_EQ(0, wait_frozen(&self->env, self->c, false));
	cgp_kill_reap(pid);
}

/* The frozen state of the parent and above is right with free slots around. */
TEST_F(tasks, freeze_parent)
{
	const char *p = self->env.parent;
	pid_t pid = cgp_spawn_paused();
	unsigned int i;

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, cgp_attach(self->c, pid));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, set_frozen(&self->env, p, true));
		EXPECT_EQ(0, wait_frozen(&self->env, p, true));
		EXPECT_EQ(0, wait_frozen(&self->env, self->c, true));
		EXPECT_EQ(0, wait_frozen(&self->env, self->env.base, false));
		/* Claim, refill and drain while frozen. */
		ASSERT_EQ(0, mkdir(cgp_fmt("%s/f%u", p, i), 0755));
		EXPECT_EQ(0, wait_frozen(&self->env, cgp_fmt("%s/f%u", p, i),
					 true));
		if (i == 1)
			ASSERT_EQ(0, cgp_drain(p));
		if (i == 2)
			ASSERT_EQ(0, cgp_fill(p, 2 * FILL));
		EXPECT_EQ(0, wait_frozen(&self->env, p, true));
		ASSERT_EQ(0, rmdir(cgp_fmt("%s/f%u", p, i)));
		ASSERT_EQ(0, set_frozen(&self->env, p, false));
		EXPECT_EQ(0, wait_frozen(&self->env, p, false));
		EXPECT_EQ(0, wait_frozen(&self->env, self->c, false));
	}
	/* From further up, where the slots are deeper. */
	ASSERT_EQ(0, set_frozen(&self->env, self->env.base, true));
	EXPECT_EQ(0, wait_frozen(&self->env, self->env.base, true));
	EXPECT_EQ(0, wait_frozen(&self->env, p, true));
	ASSERT_EQ(0, set_frozen(&self->env, self->env.base, false));
	EXPECT_EQ(0, wait_frozen(&self->env, self->env.base, false));
	cgp_kill_reap(pid);
}

/*
 * The parent is not frozen, all its visible children are: its state must not
 * be confused by slots that are not.
 */
TEST_F(tasks, freeze_all_children)
{
	const char *p = self->env.parent;
	pid_t pid = cgp_spawn_paused();

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, cgp_attach(self->c, pid));
	ASSERT_EQ(0, set_frozen(&self->env, self->c, true));
	ASSERT_EQ(0, wait_frozen(&self->env, self->c, true));
	ASSERT_EQ(0, set_frozen(&self->env, p, true));
	EXPECT_EQ(0, wait_frozen(&self->env, p, true));
	/* One thawed task in a new child unfreezes nothing. */
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/other", p), 0755));
	EXPECT_EQ(0, wait_frozen(&self->env, p, true));
	ASSERT_EQ(0, set_frozen(&self->env, p, false));
	EXPECT_EQ(0, wait_frozen(&self->env, p, false));
	EXPECT_EQ(0, wait_frozen(&self->env, self->c, true));
	ASSERT_EQ(0, set_frozen(&self->env, self->c, false));
	cgp_kill_reap(pid);
}

/* A task that is attached to a claim below a frozen parent freezes. */
TEST_F(tasks, attach_below_frozen_parent)
{
	const char *p = self->env.parent;
	char dir[PATH_MAX];
	pid_t pid;

	if (!cgp_exists(p, "cgroup.freeze"))
		SKIP(return, "no cgroup.freeze");
	ASSERT_EQ(0, set_frozen(&self->env, p, true));
	ASSERT_EQ(0, cgp_claim(p, "late"));
	cgp_path(dir, "%s/late", p);
	pid = cgp_spawn_paused();
	ASSERT_EQ(0, cgp_attach(dir, pid));
	EXPECT_EQ(0, wait_frozen(&self->env, dir, true));
	EXPECT_EQ(0, wait_frozen(&self->env, p, true));
	ASSERT_EQ(0, set_frozen(&self->env, p, false));
	EXPECT_EQ(0, wait_frozen(&self->env, dir, false));
	cgp_kill_reap(pid);
}

#define OOM_LIMIT	(8 << 20)
#define OOM_SIZE	(64 << 20)
#define OOM_STEP	4096

static int eat(void *arg)
{
	const char *dir = arg;
	char *mem;
	size_t i;

	if (cgp_attach(dir, getpid()))
		return 1;
	mem = malloc(OOM_SIZE);
	for (i = 0; mem && i < OOM_SIZE; i += OOM_STEP)
		mem[i] = 1;
	return 0;
}

TEST_F(tasks, oom_kill_is_counted_where_it_happened)
{
	const char *p = self->env.parent;
	const char *file = self->env.v2 ? "memory.events" :
					  "memory.oom_control";

	ASSERT_EQ(0, cgp_write_num(self->c, self->env.v2 ?
				   "memory.max" : "memory.limit_in_bytes",
				   OOM_LIMIT));
	if (self->env.v2)
		cgp_write(self->c, "memory.swap.max", "0");
	ASSERT_EQ(0, cgp_claim(p, "sibling"));
	EXPECT_EQ(128 + SIGKILL, cgp_reap(cgp_spawn(eat, self->c)));
	EXPECT_EQ(1, cgp_key(self->c, file, "oom_kill"));
	EXPECT_EQ(0, cgp_key(p, cgp_fmt("sibling/%s", file), "oom_kill"));
	if (self->env.v2) {
		EXPECT_EQ(1, cgp_key(p, file, "oom_kill"));
		EXPECT_EQ(0, cgp_key(p, "memory.events.local", "oom_kill"));
	}
}

/* populated 0 -> 1 -> 0 wakes poll, in the child and in the parent. */
TEST_F(tasks, populated_events)
{
	struct pollfd pfd[2];
	char buf[256];
	unsigned int i;
	pid_t pid;

	if (!cgp_exists(self->c, "cgroup.events"))
		SKIP(return, "no cgroup.events");
	pfd[0].fd = open(cgp_fmt("%s/cgroup.events", self->c), O_RDONLY);
	pfd[1].fd = open(cgp_fmt("%s/cgroup.events", self->env.parent),
			 O_RDONLY);
	for (i = 0; i < 2; i++) {
		pfd[i].events = POLLPRI;
		ASSERT_LT(0, read(pfd[i].fd, buf, sizeof(buf)));
	}
	pid = cgp_spawn_paused();
	ASSERT_EQ(0, cgp_attach(self->c, pid));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, poll(&pfd[i], 1, CGP_WAIT_MS));
		ASSERT_EQ(0, lseek(pfd[i].fd, 0, SEEK_SET));
		ASSERT_LT(0, read(pfd[i].fd, buf, sizeof(buf)));
		EXPECT_NE(NULL, strstr(buf, "populated 1"));
	}
	cgp_kill_reap(pid);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, poll(&pfd[i], 1, CGP_WAIT_MS));
		close(pfd[i].fd);
	}
	EXPECT_EQ(0, cgp_wait_key(self->env.parent, "cgroup.events",
				  "populated", 0));
}

TEST_F(tasks, usage_is_accounted)
{
	const char *p = self->env.parent;
	unsigned int i;
	pid_t pid;

	if (!cgp_exists(self->c, "memory.current"))
		SKIP(return, "no memory.current");
	pid = cgp_clone_into(self->c);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(cgp_text_is(self->c, "pids.current", "1"));
	EXPECT_TRUE(cgp_text_is(p, "pids.current", "1"));
	/* The task has to get as far as that. */
	for (i = 0; !cgp_num(self->c, "memory.current") && i < 500; i++)
		cgp_msleep(10);
	EXPECT_LT(0, cgp_num(self->c, "memory.current"));
	EXPECT_LE(0, cgp_key(self->c, "cpu.stat", "usage_usec"));
	cgp_kill_reap(pid);
	EXPECT_EQ(0, cgp_wait_num(p, "pids.current", 0));
}

/*
 * What refilling costs is the parent's, as with mkdir(2): a limit of the parent
 * stops it, which is counted, and it goes on when the limit is gone.
 */
TEST_F(tasks, refill_is_charged_to_the_parent)
{
	const char *p = self->env.parent;
	long long end = cgp_now_ms() + CGP_WAIT_MS;

	if (!cgp_exists(self->c, "memory.current"))
		SKIP(return, "no memory controller on v2");
	ASSERT_EQ(0, cgp_write(p, "memory.max", "128K"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "300"));
	while (!cgp_stat(p, "refill_failed") && cgp_now_ms() < end)
		cgp_msleep(20);
	EXPECT_LT(0, cgp_stat(p, "refill_failed"));
	EXPECT_GT(300, cgp_stat(p, "free"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "64"));
	ASSERT_EQ(0, cgp_write(p, "memory.max", "max"));
	EXPECT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(0, cgp_claim(p, "later"));
}

/* A psi trigger on a claimed cgroup. */
TEST_F(tasks, psi_trigger)
{
	static const char trigger[] = "some 500000 1000000";
	struct pollfd pfd = { .events = POLLPRI };

	if (!cgp_exists(self->c, "memory.pressure"))
		SKIP(return, "no memory.pressure");
	pfd.fd = open(cgp_fmt("%s/memory.pressure", self->c), O_RDWR);
	ASSERT_LE(0, pfd.fd);
	EXPECT_EQ(sizeof(trigger), write(pfd.fd, trigger, sizeof(trigger)));
	EXPECT_EQ(0, poll(&pfd, 1, 50));
	/* An fd with a trigger outlives its cgroup. */
	ASSERT_EQ(0, cgp_rmdir(self->c));
	EXPECT_EQ(1, poll(&pfd, 1, CGP_WAIT_MS));
	EXPECT_NE(0, pfd.revents & POLLERR);
	close(pfd.fd);
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* A program that forbids to create sockets. */
static int load_forbid(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_SOCK;
	attr.expected_attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (uintptr_t)"GPL";
	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach_bpf(const char *dir, int prog, int cmd)
{
	union bpf_attr attr;
	int ret;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	attr.attach_bpf_fd = prog;
	attr.attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	if (cmd == BPF_PROG_ATTACH)
		attr.attach_flags = BPF_F_ALLOW_MULTI;
	ret = bpf(cmd, &attr) ? -errno : 0;
	close(attr.target_fd);
	return ret;
}

/* 0 or errno of a socket that is made in @dir. */
static int socket_in(void *arg)
{
	if (cgp_attach(arg, getpid()))
		return 255;
	return socket(AF_INET, SOCK_DGRAM, 0) < 0 ? errno : 0;
}

/* Programs of the parent act in a claim, attached before or after filling. */
TEST_F(tasks, bpf_programs_of_the_parent)
{
	const char *p = self->env.parent;
	int prog, ret;

	if (!self->env.v2)
		SKIP(return, "cgroup BPF is for v2");
	prog = load_forbid();
	if (prog < 0)
		SKIP(return, "no cgroup BPF: %s", strerror(errno));
	ret = cgp_reap(cgp_spawn(socket_in, self->c));
	if (ret == EAFNOSUPPORT)
		SKIP(return, "no sockets to forbid");
	EXPECT_EQ(0, ret);
	/* With free slots. */
	ASSERT_EQ(0, attach_bpf(p, prog, BPF_PROG_ATTACH));
	ASSERT_EQ(0, cgp_claim(p, "filled_before"));
	EXPECT_EQ(EPERM, cgp_reap(cgp_spawn(socket_in, (void *)
					    cgp_fmt("%s/filled_before", p))));
	EXPECT_EQ(EPERM, cgp_reap(cgp_spawn(socket_in, self->c)));
	/* Before they are made. */
	ASSERT_EQ(0, cgp_drain(p));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_claim(p, "filled_after"));
	EXPECT_EQ(EPERM, cgp_reap(cgp_spawn(socket_in, (void *)
					    cgp_fmt("%s/filled_after", p))));
	/* And not when they are gone again. */
	ASSERT_EQ(0, attach_bpf(p, prog, BPF_PROG_DETACH));
	ASSERT_EQ(0, cgp_claim(p, "detached"));
	EXPECT_EQ(0, cgp_reap(cgp_spawn(socket_in, (void *)
					cgp_fmt("%s/detached", p))));
	close(prog);
}

/* A domain with tasks may have a pool: the slots are no internal children. */
TEST_F(tasks, parent_with_tasks)
{
	char dir[PATH_MAX];
	pid_t pid;

	cgp_path(dir, "%s/inner", self->env.base);
	ASSERT_EQ(0, mkdir(dir, 0755));
	ASSERT_EQ(0, cgp_fill(dir, FILL));
	pid = cgp_spawn_paused();
	EXPECT_EQ(0, cgp_attach(dir, pid));
	EXPECT_EQ(0, cgp_claim(dir, "c"));
	EXPECT_EQ(0, cgp_attach(cgp_fmt("%s/c", dir), pid));
	cgp_kill_reap(pid);
}

TEST_HARNESS_MAIN
