// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hierarchies, interface files and tasks for the cgroup pool selftests.
 *
 * Every wait has a deadline. A test works below its own directory of the v2
 * hierarchy or of a v1 hierarchy that it mounts itself, and what it found there
 * is put back.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup_pool_util.h"

#define FMT_RING	(4 << 20)
#define POLL_MS		5
#define DRAIN_ROUNDS	50
#define TOUCHED		262144

const struct cgp_who cgp_root_user = { .mask = 022 };

/*
 * A formatted string that lives until FMT_RING bytes more have been formatted,
 * tens of thousands of paths: longer than any wait with its polling takes. Not
 * for threads.
 */
const char *cgp_fmt(const char *fmt, ...)
{
	static char ring[FMT_RING];
	static size_t next;
	char *buf;
	va_list ap;
	int len;

	if (next > FMT_RING - PATH_MAX)
		next = 0;
	buf = ring + next;
	va_start(ap, fmt);
	len = vsnprintf(buf, PATH_MAX, fmt, ap);
	va_end(ap);
	next += len < PATH_MAX ? len + 1 : PATH_MAX;
	return buf;
}

/* Formats into an array of PATH_MAX bytes. */
void cgp_path(char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, PATH_MAX, fmt, ap);
	va_end(ap);
}

/*
 * How often a test repeats itself. With POOL_FEW_ROUNDS in the environment the
 * few that reach all code are done, for kernels on which each takes seconds.
 */
unsigned int cgp_rounds(unsigned int all, unsigned int few)
{
	return getenv("POOL_FEW_ROUNDS") ? few : all;
}

void cgp_msleep(unsigned int ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = (ms % 1000) * 1000000L,
	};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

long long cgp_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static ssize_t read_path(const char *path, char *buf, size_t len)
{
	size_t done = 0;
	ssize_t ret;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (done < len - 1) {
		ret = read(fd, buf + done, len - 1 - done);
		if (ret < 0) {
			ret = -errno;
			close(fd);
			return ret;
		}
		if (!ret)
			break;
		done += ret;
	}
	close(fd);
	buf[done] = '\0';
	return done;
}

ssize_t cgp_read(const char *dir, const char *file, char *buf, size_t len)
{
	return read_path(cgp_fmt("%s/%s", dir, file), buf, len);
}

int cgp_write_path(const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t ret;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, len);
	ret = ret < 0 ? -errno : ret == (ssize_t)len ? 0 : -EIO;
	close(fd);
	return ret;
}

int cgp_write(const char *dir, const char *file, const char *text)
{
	return cgp_write_path(cgp_fmt("%s/%s", dir, file), text);
}

int cgp_write_num(const char *dir, const char *file, long val)
{
	return cgp_write(dir, file, cgp_fmt("%ld", val));
}

bool cgp_exists(const char *dir, const char *file)
{
	return !access(cgp_fmt("%s/%s", dir, file), F_OK);
}

/* Compares without the newline at the end. */
bool cgp_text_is(const char *dir, const char *file, const char *text)
{
	char buf[4096];
	ssize_t len;

	len = cgp_read(dir, file, buf, sizeof(buf));
	if (len < 0) {
		ksft_print_msg("%s/%s: %s\n", dir, file, strerror(-len));
		return false;
	}
	if (len && buf[len - 1] == '\n')
		buf[len - 1] = '\0';
	if (!strcmp(buf, text))
		return true;
	ksft_print_msg("%s/%s: '%s', expected '%s'\n", dir, file, buf, text);
	return false;
}

long cgp_num(const char *dir, const char *file)
{
	char buf[64];
	ssize_t len;

	len = cgp_read(dir, file, buf, sizeof(buf));
	return len < 0 ? len : atol(buf);
}

static long find_key(const char *text, const char *key)
{
	size_t len = strlen(key);
	const char *line = text;

	while (line && *line) {
		if (!strncmp(line, key, len) && line[len] == ' ')
			return atol(line + len + 1);
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return -ENOENT;
}

/* Value of a key of a flat-keyed file. */
long cgp_key(const char *dir, const char *file, const char *key)
{
	char buf[4096];
	ssize_t len;

	len = cgp_read(dir, file, buf, sizeof(buf));
	return len < 0 ? len : find_key(buf, key);
}

long cgp_stat(const char *dir, const char *key)
{
	return cgp_key(dir, "cgroup.pool.stat", key);
}

/* num_cgroups of /proc/cgroups. */
long cgp_proc_cgroups(const char *controller)
{
	size_t len = strlen(controller);
	char buf[4096];
	char *line;
	long id, nr;

	if (read_path("/proc/cgroups", buf, sizeof(buf)) < 0)
		return -errno;
	for (line = strtok(buf, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, controller, len) || line[len] != '\t')
			continue;
		if (sscanf(line + len, "%ld %ld", &id, &nr) == 2)
			return nr;
	}
	return -ENOENT;
}

int cgp_wait_key(const char *dir, const char *file, const char *key, long val)
{
	long long end = cgp_now_ms() + CGP_WAIT_MS;
	long now;

	for (;;) {
		now = cgp_key(dir, file, key);
		if (now == val)
			return 0;
		if (now < 0) {
			ksft_print_msg("%s/%s: %s: %s\n", dir, file, key,
				       strerror(-now));
			return now;
		}
		if (cgp_now_ms() > end)
			break;
		cgp_msleep(POLL_MS);
	}
	ksft_print_msg("%s/%s: %s stays at %ld, expected %ld\n", dir, file, key,
		       now, val);
	return -ETIMEDOUT;
}

int cgp_wait_num(const char *dir, const char *file, long val)
{
	long long end = cgp_now_ms() + CGP_WAIT_MS;

	while (cgp_num(dir, file) != val) {
		if (cgp_now_ms() > end)
			return -ETIMEDOUT;
		cgp_msleep(POLL_MS);
	}
	return 0;
}

/*
 * Dying cgroups of @root, or children of a v1 root, which has no such counter.
 */
static long nr_undead(const char *root)
{
	long nr = cgp_key(root, "cgroup.stat", "nr_dying_descendants");

	return nr == -ENOENT ? cgp_proc_cgroups("memory") - 1 : nr;
}

/*
 * Waits until nothing is left of removed cgroups. What a task has touched last
 * may sit in a CPU's batch of folios for the LRU lists, with its charge, for as
 * long as nobody else faults there: dropping caches empties those.
 */
int cgp_wait_dead(const char *root)
{
	long long end = cgp_now_ms() + CGP_WAIT_MS;
	unsigned int round;

	for (round = 1; nr_undead(root); round++) {
		if (cgp_now_ms() > end) {
			ksft_print_msg("%s: %ld dead cgroups stay\n", root,
				       nr_undead(root));
			return -ETIMEDOUT;
		}
		if (!(round % DRAIN_ROUNDS))
			cgp_write_path("/proc/sys/vm/drop_caches", "1");
		cgp_msleep(POLL_MS);
	}
	return 0;
}

/* Waits until the pool neither builds nor has the wrong number of slots. */
int cgp_wait_idle(const char *dir)
{
	long max = cgp_num(dir, "cgroup.pool.max");
	int ret;

	if (max < 0)
		return max;
	ret = cgp_wait_key(dir, "cgroup.pool.stat", "free", max);
	return ret ?: cgp_wait_key(dir, "cgroup.pool.stat", "building", 0);
}

int cgp_fill(const char *dir, long nr)
{
	int ret;

	ret = cgp_write_num(dir, "cgroup.pool.max", nr);
	if (ret) {
		ksft_print_msg("%s: cgroup.pool.max: %s\n", dir, strerror(-ret));
		return ret;
	}
	return cgp_wait_idle(dir);
}

int cgp_drain(const char *dir)
{
	return cgp_fill(dir, 0);
}

static int mkdir_now(const struct cgp_who *who, const char *path, mode_t mode)
{
	mode_t old = umask(who->mask);
	int ret;

	ret = mkdir(path, mode) ? -errno : 0;
	umask(old);
	return ret;
}

/* mkdir(2) by another user happens in a child, which drops all groups. */
int cgp_mkdir_as(const struct cgp_who *who, const char *path, mode_t mode)
{
	int status;
	pid_t pid;

	if (who->uid == geteuid() && who->gid == getegid())
		return mkdir_now(who, path, mode);

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		if (setgroups(0, NULL) || setegid(who->gid) ||
		    seteuid(who->uid))
			_exit(255);
		_exit(-mkdir_now(who, path, mode));
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 255)
		return -EIO;
	return -WEXITSTATUS(status);
}

/* mkdir(2) that has to be a claim. */
int cgp_claim(const char *dir, const char *name)
{
	long claims = cgp_stat(dir, "claims");
	long now;

	if (claims < 0)
		return claims;
	if (mkdir(cgp_fmt("%s/%s", dir, name), 0755)) {
		int err = errno;

		ksft_print_msg("mkdir %s/%s: %s\n", dir, name, strerror(err));
		return -err;
	}
	now = cgp_stat(dir, "claims");
	if (now != claims + 1) {
		ksft_print_msg("mkdir %s/%s was no claim: claims %ld -> %ld\n",
			       dir, name, claims, now);
		return -ENOMSG;
	}
	return 0;
}

/* A zombie leaves the cgroup shortly after it was reaped: EBUSY is retried. */
int cgp_rmdir(const char *dir)
{
	long long end = cgp_now_ms() + CGP_WAIT_MS;

	while (rmdir(dir)) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || cgp_now_ms() > end)
			return -errno;
		cgp_msleep(POLL_MS);
	}
	return 0;
}

static void kill_tasks(const char *dir)
{
	char buf[CGP_TEXT_MAX];
	char *line;

	if (cgp_exists(dir, "freezer.state"))
		cgp_write(dir, "freezer.state", "THAWED");
	if (cgp_exists(dir, "cgroup.freeze"))
		cgp_write(dir, "cgroup.freeze", "0");
	if (cgp_read(dir, "cgroup.procs", buf, sizeof(buf)) <= 0)
		return;
	for (line = strtok(buf, "\n"); line; line = strtok(NULL, "\n")) {
		pid_t pid = atoi(line);

		if (pid > 0 && pid != getpid())
			kill(pid, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

/* Removes a cgroup with everything below it. */
int cgp_rm_tree(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *de;
	DIR *d;
	int ret = 0;

	if (!dir[0])
		return 0;
	if (cgp_exists(dir, "cgroup.pool.stat"))
		cgp_write(dir, "cgroup.pool.max", "0");
	kill_tasks(dir);
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((de = readdir(d))) {
		if (de->d_type != DT_DIR || !strcmp(de->d_name, ".") ||
		    !strcmp(de->d_name, ".."))
			continue;
		cgp_path(path, "%s/%s", dir, de->d_name);
		ret = cgp_rm_tree(path) ?: ret;
	}
	closedir(d);
	return ret ?: cgp_rmdir(dir);
}

/* Number of visible subdirectories or files. */
int cgp_count_entries(const char *dir, bool dirs)
{
	struct dirent *de;
	int nr = 0;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return -errno;
	while ((de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		nr += (de->d_type == DT_DIR) == dirs;
	}
	closedir(d);
	return nr;
}

pid_t cgp_spawn(int (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(arg));
	}
	return pid;
}

static int pause_fn(void *arg)
{
	for (;;)
		pause();
	return 0;
}

pid_t cgp_spawn_paused(void)
{
	return cgp_spawn(pause_fn, NULL);
}

/* A paused task that was born in @dir. */
pid_t cgp_clone_into(const char *dir)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;
	int fd;

	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	args.cgroup = fd;
	fflush(stdout);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		pid = -errno;
	if (!pid) {
		/* Memory of its own, to be seen in memory.current. */
		static char touched[TOUCHED];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		memset(touched, 1, sizeof(touched));
		_exit(pause_fn(NULL));
	}
	close(fd);
	return pid;
}

/* Exit status, or 128 plus the signal. */
int cgp_reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

int cgp_kill_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	return cgp_reap(pid);
}

int cgp_attach(const char *dir, pid_t pid)
{
	return cgp_write_num(dir, "cgroup.procs", pid);
}

/* The path of @dir as /proc/PID/cgroup shows it. */
const char *cgp_rel(const struct cgp_env *env, const char *dir)
{
	return dir + strlen(env->root);
}

/* True if a line of /proc/PID/cgroup ends with exactly this path. */
bool cgp_task_in(pid_t pid, const char *rel)
{
	char buf[CGP_TEXT_MAX];

	if (read_path(cgp_fmt("/proc/%d/cgroup", pid), buf, sizeof(buf)) < 0)
		return false;
	return strstr(buf, cgp_fmt(":%s\n", rel));
}

/* Enables for the children whatever the directory itself has. */
int cgp_enable_controllers(const char *dir)
{
	char buf[512];
	ssize_t len;
	char *name;
	int nr = 0;

	len = cgp_read(dir, "cgroup.controllers", buf, sizeof(buf));
	if (len < 0)
		return len;
	for (name = strtok(buf, "\n "); name; name = strtok(NULL, "\n "))
		nr += !cgp_write(dir, "cgroup.subtree_control",
				 cgp_fmt("+%s", name));
	return nr ? 0 : -ENODEV;
}

/* A directory with all controllers for its children. */
int cgp_make_parent(const struct cgp_env *env, const char *dir)
{
	if (mkdir(dir, 0755))
		return -errno;
	return env->v2 ? cgp_enable_controllers(dir) : 0;
}

static int find_mount(const char *type, char *where, size_t len)
{
	char buf[CGP_TEXT_MAX];
	char *line, *save;

	if (read_path("/proc/self/mounts", buf, sizeof(buf)) < 0)
		return -errno;
	for (line = strtok_r(buf, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char dir[1024], fs[64];

		if (sscanf(line, "%*s %1023s %63s", dir, fs) != 2)
			continue;
		if (strcmp(fs, type))
			continue;
		snprintf(where, len, "%s", dir);
		return 0;
	}
	return -ENOENT;
}

static int mount_tmp(const char *type, const char *opts, char *where)
{
	int err;

	snprintf(where, PATH_MAX, "/tmp/cgpool.XXXXXX");
	if (!mkdtemp(where))
		return -errno;
	if (!mount("cgpool", where, type, 0, opts))
		return 0;
	err = errno;
	rmdir(where);
	where[0] = '\0';
	return -err;
}

static int setup_v2(struct cgp_env *env, char *why, size_t len)
{
	int ret;

	ret = find_mount("cgroup2", env->root, sizeof(env->root));
	if (ret) {
		ret = mount_tmp("cgroup2", NULL, env->root);
		env->mounted = !ret;
	}
	if (ret) {
		snprintf(why, len, "cannot mount cgroup2: %s", strerror(-ret));
		return KSFT_SKIP;
	}
	cgp_read(env->root, "cgroup.subtree_control", env->saved_control,
		 sizeof(env->saved_control));
	if (cgp_enable_controllers(env->root)) {
		snprintf(why, len, "no controller is available on cgroup2");
		return KSFT_SKIP;
	}
	return 0;
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *at = list;

	for (; (at = strstr(at, word)); at += len) {
		if ((at == list || at[-1] == ' ') && strchr("\n ", at[len]))
			return true;
	}
	return false;
}

/* Takes the controllers of a directory away from its children. */
static void disable_controllers(const char *dir, const char *keep)
{
	char buf[512];
	char *name;

	if (cgp_read(dir, "cgroup.subtree_control", buf, sizeof(buf)) <= 0)
		return;
	for (name = strtok(buf, "\n "); name; name = strtok(NULL, "\n ")) {
		if (!has_word(keep, name))
			cgp_write(dir, "cgroup.subtree_control",
				  cgp_fmt("-%s", name));
	}
}

static int setup_v1(struct cgp_env *env, char *why, size_t len)
{
	long long end = cgp_now_ms() + CGP_WAIT_MS;
	char root2[PATH_MAX] = "";
	int ret;

	if (!find_mount("cgroup2", root2, sizeof(root2))) {
		if (cgp_key(root2, "cgroup.stat", "nr_descendants") > 0) {
			snprintf(why, len,
				 "cgroup2 is in use, its controllers cannot move to v1");
			return KSFT_SKIP;
		}
		cgp_read(root2, "cgroup.subtree_control", env->saved_control,
			 sizeof(env->saved_control));
		disable_controllers(root2, "");
	}
	/* Dying cgroups hold the controllers for a moment: EBUSY. */
	do {
		ret = mount_tmp("cgroup", CGP_V1_CONTROLLERS, env->root);
		if (ret != -EBUSY)
			break;
		cgp_msleep(50);
	} while (cgp_now_ms() < end);
	if (ret == -EBUSY && root2[0]) {
		snprintf(why, len, "controllers stay busy on cgroup2");
		return -EBUSY;
	}
	if (ret) {
		snprintf(why, len, "cannot mount v1 %s: %s", CGP_V1_CONTROLLERS,
			 strerror(-ret));
		return KSFT_SKIP;
	}
	env->mounted = true;
	ret = cgp_write(env->root, "cgroup.clone_children", "1");
	if (ret)
		snprintf(why, len, "cgroup.clone_children: %s", strerror(-ret));
	return ret;
}

/*
 * Returns 0, KSFT_SKIP with a reason in @why, or a negative errno with one.
 */
int cgp_env_setup(struct cgp_env *env, bool v2, char *why, size_t len)
{
	int ret;

	memset(env, 0, sizeof(*env));
	env->v2 = v2;
	if (geteuid()) {
		snprintf(why, len, "needs root");
		return KSFT_SKIP;
	}
	why[0] = '\0';
	ret = v2 ? setup_v2(env, why, len) : setup_v1(env, why, len);
	if (ret) {
		cgp_env_teardown(env);
		return ret;
	}

	cgp_path(env->base, "%s/cgpool.%d", env->root, getpid());
	cgp_path(env->parent, "%s/parent", env->base);
	ret = cgp_make_parent(env, env->base) ?:
	      cgp_make_parent(env, env->parent);
	if (ret) {
		snprintf(why, len, "cannot make %s: %s", env->parent,
			 strerror(-ret));
		cgp_env_teardown(env);
		return ret;
	}
	env->has_pool = cgp_exists(env->parent, "cgroup.pool.max");
	return 0;
}

int cgp_env_teardown(struct cgp_env *env)
{
	char root2[PATH_MAX];
	char *name;
	int ret;

	ret = cgp_rm_tree(env->base);
	if (ret)
		ksft_print_msg("cannot remove %s: %s\n", env->base,
			       strerror(-ret));
	if (env->v2) {
		ret = cgp_wait_dead(env->root) ?: ret;
		disable_controllers(env->root, env->saved_control);
	} else if (env->mounted) {
		/* The hierarchy ends with the mount only if it is empty. */
		ret = cgp_wait_dead(env->root) ?: ret;
	}
	if (env->mounted) {
		if (umount(env->root))
			ret = -errno;
		rmdir(env->root);
	}
	if (!env->v2 && !find_mount("cgroup2", root2, sizeof(root2))) {
		for (name = strtok(env->saved_control, "\n "); name;
		     name = strtok(NULL, "\n "))
			cgp_write(root2, "cgroup.subtree_control",
				  cgp_fmt("+%s", name));
	}
	return ret;
}
