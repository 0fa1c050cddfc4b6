// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: creators that claim, use and remove cgroups, while others
 * resize the pool, toggle controllers, nesting and owner, list the directory,
 * try to remove the parent, and memory runs short. Then everything is stopped,
 * checked and removed.
 *
 * A creator never sees an error that a kernel without pools would not give, a
 * claimed cgroup has all its files and its creator's owner, no slot is ever
 * listed, and nothing is left at the end.
 *
 * Usage: test_pool_race [-t SECONDS] [v1|v2]; or POOL_RACE_SECONDS.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "cgroup_pool_util.h"

#define DEFAULT_SECONDS	20
#define MAX_WORKERS	24
#define NR_CREATORS	4
#define NR_NAMES	6
#define UID_OTHER	1000
#define POOL_MAX	48
#define SQUEEZE_BYTES	"0"
#define MAX_PRINTED	20

/* Counters of all workers; only added to, with atomics. */
struct shared {
	unsigned int stop;
	unsigned int errors;
	unsigned int created;
	unsigned int tasks;
	unsigned int removed;
	unsigned int enomem;
	unsigned int resized;
	unsigned int toggled;
	unsigned int listed;
	unsigned int parent_rmdirs;
	unsigned int short_lived;
	unsigned int oom_kills;
};

struct race {
	struct cgp_env env;
	/* Removed and made again and again by one worker. */
	char volatile_dir[PATH_MAX];
	/* What every cgroup has, whatever is toggled. */
	char *core[256];
	size_t nr_core;
	/* Files of the controller that is toggled, as one name prefix. */
	const char *toggle;
	unsigned int seed;
};

static struct shared *sh;
static struct race race;

static unsigned int count(unsigned int *counter)
{
	return __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static bool stopped(void)
{
	return __atomic_load_n(&sh->stop, __ATOMIC_RELAXED);
}

static unsigned int rnd(unsigned int max)
{
	return rand_r(&race.seed) % max;
}

static void error_at(const char *what, const char *path, int err)
{
	if (count(&sh->errors) <= MAX_PRINTED)
		ksft_print_msg("%s %s: %s\n", what, path,
			       err ? strerror(err) : "wrong");
}

static bool is_core(const char *name)
{
	size_t i;

	for (i = 0; i < race.nr_core; i++) {
		if (!strcmp(race.core[i], name))
			return true;
	}
	return false;
}

/*
 * All core files are there, and every file belongs to the caller. A controller
 * that is being toggled has all of its files or is on its way.
 */
static void check_files(const char *dir, bool all)
{
	size_t nr = 0, others = 0;
	struct dirent *de;
	struct stat st;
	DIR *d;

	if (stat(dir, &st)) {
		error_at("stat", dir, errno);
		return;
	}
	if (st.st_uid != geteuid() || st.st_gid != getegid())
		error_at("owner of", dir, 0);
	d = opendir(dir);
	if (!d) {
		error_at("opendir", dir, errno);
		return;
	}
	while ((de = readdir(d))) {
		const char *path = cgp_fmt("%s/%s", dir, de->d_name);

		if (strchr(de->d_name, '\n'))
			error_at("slot listed in", dir, 0);
		if (de->d_type != DT_REG)
			continue;
		if (is_core(de->d_name))
			nr++;
		else
			others++;
		/* Files that a toggle adds later are those of its writer. */
		if (!all || !is_core(de->d_name))
			continue;
		if (stat(path, &st))
			error_at("stat", path, errno);
		else if (st.st_uid != geteuid() || st.st_gid != getegid())
			error_at("owner of", path, 0);
	}
	closedir(d);
	if (nr != race.nr_core) {
		error_at("files of", dir, 0);
		if (count(&sh->errors) <= MAX_PRINTED)
			ksft_print_msg("%zu of %zu files, %zu others\n", nr,
				       race.nr_core, others);
	}
}

/* In and out again; born inside or moved there. */
static void use_task(const char *dir)
{
	char path[PATH_MAX];
	pid_t pid;
	int ret;

	cgp_path(path, "%s", dir);
	if (race.env.v2 && rnd(2)) {
		pid = cgp_clone_into(path);
		if (pid == -EBUSY || pid == -EOPNOTSUPP)
			return;
		if (pid < 0) {
			if (pid != -ENOMEM && pid != -EAGAIN)
				error_at("clone into", path, -pid);
			return;
		}
	} else {
		pid = cgp_spawn_paused();
		if (pid < 0)
			return;
		ret = cgp_attach(path, pid);
		/* A nested claim has controllers for children: no tasks. */
		if (ret && ret != -EBUSY && ret != -EOPNOTSUPP &&
		    ret != -ENOMEM && ret != -EACCES && ret != -ESRCH)
			error_at("attach to", path, -ret);
	}
	count(&sh->tasks);
	cgp_kill_reap(pid);
}

static void remove_dir(const char *dir)
{
	char path[PATH_MAX];
	int ret;

	cgp_path(path, "%s", dir);
	ret = cgp_rmdir(path);
	if (ret)
		error_at("rmdir", path, -ret);
	else
		count(&sh->removed);
}

static void become(uid_t uid)
{
	if (!uid)
		return;
	if (setgroups(0, NULL) || setegid(uid) || seteuid(uid))
		error_at("setuid", "", errno);
}

/*
 * Some of the creators are foreign users for a while, as the owner of the
 * parent changes. The last few children of each stay to be checked at the end.
 */
static int creator(int id)
{
	unsigned int round;
	char dir[PATH_MAX];

	become(id == NR_CREATORS - 1 ? UID_OTHER : 0);
	for (round = 0; !stopped(); round++) {
		cgp_path(dir, "%s/c%d.%u", race.env.parent, id,
			 round % NR_NAMES);
		if (round >= NR_NAMES)
			remove_dir(dir);
		if (mkdir(dir, 0755)) {
			/* The parent is short of memory now and then. */
			if (errno == ENOMEM)
				count(&sh->enomem);
			else
				error_at("mkdir", dir, errno);
			continue;
		}
		count(&sh->created);
		check_files(dir, !rnd(16));
		if (!geteuid() && !rnd(3))
			use_task(dir);
		if (!race.env.v2 && !rnd(3)) {
			char to[PATH_MAX];

			cgp_path(to, "%s.r", dir);
			if (rename(dir, to) || rename(to, dir))
				error_at("rename", dir, errno);
		}
		/* A taken name stays taken. */
		if (!rnd(4) && (!mkdir(dir, 0755) || errno != EEXIST))
			error_at("second mkdir", dir, errno);
	}
	return 0;
}

/* mkdir in a parent that may vanish or appear at any time. */
static int hopeful(int id)
{
	char dir[PATH_MAX];
	unsigned int round;

	for (round = 0; !stopped(); round++) {
		cgp_path(dir, "%s/h%d", race.volatile_dir, id);
		if (!mkdir(dir, 0755)) {
			count(&sh->short_lived);
			cgp_msleep(rnd(3));
			remove_dir(dir);
		} else if (errno != ENOENT && errno != ENODEV &&
			   errno != ENOMEM) {
			error_at("mkdir", dir, errno);
		}
	}
	return 0;
}

/* The life of a pooled parent, with children or without. */
static int parent_maker(int id)
{
	const char *dir = race.volatile_dir;

	while (!stopped()) {
		if (mkdir(dir, 0755)) {
			if (errno != ENOMEM)
				error_at("mkdir", dir, errno);
			cgp_msleep(1);
			continue;
		}
		if (race.env.v2)
			cgp_enable_controllers(dir);
		cgp_write(dir, "cgroup.pool.max", rnd(2) ? "4" : "16");
		if (!rnd(3))
			cgp_write(dir, "cgroup.pool.nest", "1");
		cgp_msleep(rnd(30));
		while (rmdir(dir) && !stopped()) {
			if (errno != EBUSY)
				error_at("rmdir", dir, errno);
			cgp_msleep(1);
		}
		count(&sh->parent_rmdirs);
	}
	return 0;
}

/* The main parent always has a child: EBUSY, and the pool lives on. */
static int rmdir_attempts(int id)
{
	while (!stopped()) {
		if (!rmdir(race.env.parent) || errno != EBUSY)
			error_at("rmdir of the parent", race.env.parent, errno);
		cgp_msleep(rnd(5));
	}
	return 0;
}

static void write_or_error(const char *dir, const char *file, const char *val,
			   int allowed)
{
	int ret = cgp_write(dir, file, val);

	if (ret && ret != -allowed && ret != -ENOMEM)
		error_at(cgp_fmt("%s <-", val), cgp_fmt("%s/%s", dir, file),
			 -ret);
}

static int resizer(int id)
{
	const char *p = race.env.parent;

	while (!stopped()) {
		write_or_error(p, "cgroup.pool.max",
			       cgp_fmt("%u", rnd(POOL_MAX)), 0);
		if (!rnd(4))
			write_or_error(p, "cgroup.pool.low",
				       cgp_fmt("%u", rnd(POOL_MAX)), 0);
		count(&sh->resized);
		cgp_msleep(10 + rnd(40));
	}
	return 0;
}

/* v2: a controller comes and goes. v1: a setting that children copy. */
static int toggler(int id)
{
	const char *p = race.env.parent;
	bool on = false;

	while (!stopped()) {
		if (race.env.v2)
			/* EBUSY: a nested claim has it for its children. */
			write_or_error(p, "cgroup.subtree_control",
				       cgp_fmt("%c%s", on ? '+' : '-',
					       race.toggle), EBUSY);
		else
			write_or_error(p, "memory.swappiness",
				       on ? "60" : "30", 0);
		on = !on;
		count(&sh->toggled);
		/* On v1 each of these writes costs all slots. */
		cgp_msleep(race.env.v2 ? 10 + rnd(30) : 200 + rnd(200));
	}
	return 0;
}

static int nester(int id)
{
	while (!stopped()) {
		write_or_error(race.env.parent, "cgroup.pool.nest",
			       rnd(3) ? "0" : "2", 0);
		cgp_msleep(100 + rnd(300));
	}
	return 0;
}

/* The other user may write there all the time. */
static int chowner(int id)
{
	bool other = false;

	while (!stopped()) {
		uid_t uid = other ? UID_OTHER : 0;

		if (chown(race.env.parent, uid, uid))
			error_at("chown", race.env.parent, errno);
		other = !other;
		cgp_msleep(uid ? 50 : 300 + rnd(200));
	}
	return 0;
}

static int lister(int id)
{
	static const char * const dirs[] = { ".", "c0.0", "keeper" };
	struct dirent *de;
	DIR *d;

	while (!stopped()) {
		d = opendir(cgp_fmt("%s/%s", race.env.parent,
				    dirs[rnd(ARRAY_SIZE(dirs))]));
		while (d && (de = readdir(d))) {
			struct stat st;

			if (strchr(de->d_name, '\n'))
				error_at("slot listed:", de->d_name, 0);
			if (fstatat(dirfd(d), de->d_name, &st, 0) &&
			    errno != ENOENT && errno != ENODEV)
				error_at("stat", de->d_name, errno);
		}
		if (d)
			closedir(d);
		count(&sh->listed);
		/* Also the counters, while all move. */
		cgp_stat(race.env.parent, "free");
		cgp_key(race.env.base, "cgroup.stat", "nr_descendants");
	}
	return 0;
}

#define HOG_SIZE	(24 << 20)
#define HOG_STEP	4096

static int hog_fn(void *arg)
{
	char *mem = malloc(HOG_SIZE);
	size_t i;

	if (cgp_attach(arg, getpid()))
		return 1;
	for (i = 0; mem && i < HOG_SIZE && !stopped(); i += HOG_STEP)
		mem[i] = 1;
	return 0;
}

/*
 * A task next door that is killed for its appetite every second, and the limit
 * of the whole tree which drops below what a refill needs.
 */
static int memory_hog(int id)
{
	const char *limit = race.env.v2 ? "memory.max" :
					  "memory.limit_in_bytes";
	const char *none = race.env.v2 ? "max" : "-1";
	char dir[PATH_MAX];
	unsigned int round = 0;

	cgp_path(dir, "%s/hog", race.env.base);
	cgp_write_num(dir, limit, HOG_SIZE / 3);
	while (!stopped()) {
		if (!(round % 16) &&
		    cgp_reap(cgp_spawn(hog_fn, dir)) == 128 + SIGKILL)
			count(&sh->oom_kills);
		/* v1 refuses a limit below what is used. */
		if (round % 16 == 8) {
			cgp_write(race.env.parent, limit, SQUEEZE_BYTES);
			cgp_msleep(10);
			cgp_write(race.env.parent, limit, none);
		}
		round++;
		cgp_msleep(50 + rnd(50));
	}
	cgp_write(race.env.parent, limit, none);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(int id);
	int nr;
} kinds[] = {
	{ "creator", creator, NR_CREATORS },
	{ "hopeful", hopeful, 2 },
	{ "parent maker", parent_maker, 1 },
	{ "rmdir of the parent", rmdir_attempts, 1 },
	{ "resizer", resizer, 2 },
	{ "toggler", toggler, 1 },
	{ "nester", nester, 1 },
	{ "chowner", chowner, 1 },
	{ "lister", lister, 1 },
	{ "memory hog", memory_hog, 1 },
};

/* Files of a child made without any pool, without the toggled controller. */
static int learn_core(void)
{
	const char *dir = cgp_fmt("%s/model", race.env.base);
	size_t len = race.toggle ? strlen(race.toggle) : 0;
	struct dirent *de;
	DIR *d;

	race.nr_core = 0;
	if (mkdir(dir, 0755))
		return -errno;
	d = opendir(dir);
	if (!d)
		return -errno;
	while ((de = readdir(d)) && race.nr_core < ARRAY_SIZE(race.core)) {
		if (de->d_type != DT_REG)
			continue;
		if (len && !strncmp(de->d_name, race.toggle, len) &&
		    de->d_name[len] == '.')
			continue;
		race.core[race.nr_core++] = strdup(de->d_name);
	}
	closedir(d);
	return rmdir(dir) ? -errno : 0;
}

static int start(pid_t *pids)
{
	unsigned int i;
	int j, nr = 0;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (j = 0; j < kinds[i].nr; j++) {
			fflush(stdout);
			pids[nr] = fork();
			if (pids[nr] < 0)
				return -errno;
			if (!pids[nr]) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				race.seed = 1 + i * 16 + j;
				_exit(kinds[i].fn(j));
			}
			nr++;
		}
	}
	return nr;
}

static int stop(const pid_t *pids, int nr)
{
	long long end = cgp_now_ms() + CGP_WAIT_MS;
	int i, status, ret = 0;

	__atomic_store_n(&sh->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < nr; i++) {
		while (!waitpid(pids[i], &status, WNOHANG)) {
			if (cgp_now_ms() > end) {
				ksft_print_msg("worker %d hangs\n", i);
				kill(pids[i], SIGKILL);
				ret = -ETIMEDOUT;
				waitpid(pids[i], &status, 0);
				break;
			}
			cgp_msleep(20);
		}
		if (!ret && status) {
			ksft_print_msg("worker %d ended with %#x\n", i, status);
			ret = -ECHILD;
		}
	}
	return ret;
}

/* The survivors are complete, the pool still works, all can be removed. */
static int check_end(void)
{
	const char *p = race.env.parent;
	char path[PATH_MAX], fresh[PATH_MAX];
	struct dirent *de;
	int nr, ret;
	DIR *d;

	if (chown(p, 0, 0))
		return -errno;
	if (race.env.v2)
		ret = cgp_enable_controllers(p);
	else
		ret = cgp_write(p, "memory.swappiness", "60");
	ret = ret ?: cgp_write(p, "cgroup.pool.nest", "0");
	ret = ret ?: cgp_drain(p);
	if (ret)
		return ret;
	cgp_path(fresh, "%s/fresh", p);
	if (mkdir(fresh, 0755))
		return -errno;
	nr = cgp_count_entries(fresh, false);
	d = opendir(p);
	if (!d)
		return -errno;
	while ((de = readdir(d))) {
		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		if (strchr(de->d_name, '\n'))
			error_at("slot listed:", de->d_name, 0);
		cgp_path(path, "%s/%s", p, de->d_name);
		ret = cgp_count_entries(path, false);
		/* A nested claim has the four more files of a pool. */
		if (cgp_exists(path, "cgroup.pool.stat"))
			ret -= 4;
		if (ret != nr)
			error_at("number of files of", path, 0);
	}
	closedir(d);
	ret = cgp_fill(p, 4);
	if (ret)
		return ret;
	return cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_CLAIM,
			      "after the race");
}

static int prepare(void)
{
	char dir[PATH_MAX];

	cgp_path(race.volatile_dir, "%s/volatile", race.env.base);
	race.toggle = NULL;
	if (race.env.v2) {
		race.toggle = "pids";
		if (cgp_write(race.env.parent, "cgroup.subtree_control",
			      "+pids"))
			return -ENODEV;
	}
	cgp_path(dir, "%s/hog", race.env.base);
	if (mkdir(dir, 0755) || chmod(race.env.parent, 0777) ||
	    mkdir(cgp_fmt("%s/keeper", race.env.parent), 0755))
		return -errno;
	/* OOM reports without the list of all tasks. */
	cgp_write_path("/proc/sys/vm/oom_dump_tasks", "0");
	return learn_core() ?: cgp_fill(race.env.parent, POOL_MAX / 2);
}

static void run(bool v2, unsigned int seconds)
{
	const char *name = v2 ? "race on v2" : "race on v1";
	pid_t pids[MAX_WORKERS];
	char why[256] = "";
	int ret, nr;

	memset(sh, 0, sizeof(*sh));
	ret = cgp_env_setup(&race.env, v2, why, sizeof(why));
	if (!ret && !race.env.has_pool) {
		cgp_env_teardown(&race.env);
		snprintf(why, sizeof(why), "kernel without CONFIG_CGROUP_POOL");
		ret = KSFT_SKIP;
	}
	if (ret) {
		if (ret == KSFT_SKIP)
			ksft_test_result_skip("%s: %s\n", name, why);
		else
			ksft_test_result_fail("%s: %s\n", name, why);
		return;
	}
	ret = prepare();
	if (!ret) {
		nr = start(pids);
		if (nr > 0) {
			cgp_msleep(seconds * 1000);
			ret = stop(pids, nr);
		} else {
			ret = nr;
		}
		if (ret)
			ksft_print_msg("workers: %s\n", strerror(-ret));
	}
	if (!ret)
		ret = check_end();
	ksft_print_msg("created %u (ENOMEM %u) removed %u tasks %u\n",
		       sh->created, sh->enomem, sh->removed, sh->tasks);
	ksft_print_msg("resized %u toggled %u listed %u OOM kills %u\n",
		       sh->resized, sh->toggled, sh->listed, sh->oom_kills);
	ksft_print_msg("volatile parents %u, children in them %u\n",
		       sh->parent_rmdirs, sh->short_lived);
	ksft_print_msg("claims %ld misses %ld slots %ld - %ld, stale %ld failed %ld\n",
		       cgp_stat(race.env.parent, "claims"),
		       cgp_stat(race.env.parent, "misses"),
		       cgp_stat(race.env.parent, "created"),
		       cgp_stat(race.env.parent, "destroyed"),
		       cgp_stat(race.env.parent, "stale"),
		       cgp_stat(race.env.parent, "refill_failed"));
	/* A race that never claimed was none. */
	if (!ret && cgp_stat(race.env.parent, "claims") < 10)
		ret = -ENOMSG;
	/* Without its limits the tree can be left by all. */
	ret = cgp_env_teardown(&race.env) ?: ret;
	if (ret)
		ksft_print_msg("%s: %d\n", name, ret);
	ksft_test_result(!ret && !sh->errors, "%s\n", name);
}

int main(int argc, char **argv)
{
	const char *env = getenv("POOL_RACE_SECONDS");
	unsigned int seconds = env ? atoi(env) : DEFAULT_SECONDS;
	bool v1 = true, v2 = true;
	int opt;

	while ((opt = getopt(argc, argv, "t:")) != -1) {
		if (opt != 't') {
			fprintf(stderr, "Usage: %s [-t SECONDS] [v1|v2]\n",
				argv[0]);
			return KSFT_FAIL;
		}
		seconds = atoi(optarg);
	}
	if (optind < argc) {
		v1 = !strcmp(argv[optind], "v1");
		v2 = !strcmp(argv[optind], "v2");
	}

	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		return KSFT_FAIL;
	ksft_print_header();
	ksft_set_plan(v1 + v2);
	if (v2)
		run(true, seconds);
	if (v1)
		run(false, seconds);
	if (ksft_cnt.ksft_xskip == ksft_plan)
		return KSFT_SKIP;
	ksft_finished();
}
