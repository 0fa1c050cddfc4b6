/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Support code of the cgroup pool selftests: hierarchies, files, tasks and the
 * comparison of two cgroups.
 *
 * Functions return 0 (or a count) or a negative errno and print what failed as
 * a KTAP diagnostic where the caller could not know.
 */
#ifndef CGROUP_POOL_UTIL_H
#define CGROUP_POOL_UTIL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../kselftest.h"

#define CGP_TEXT_MAX		65536
/* Only what hangs waits this long; a busy host slows an emulated machine down. */
#define CGP_WAIT_MS		120000
#define CGP_V1_CONTROLLERS	"cpu,cpuacct,cpuset,blkio,memory,freezer"

/* One test's place in a hierarchy. */
struct cgp_env {
	bool v2;
	bool has_pool;
	bool mounted;
	char root[PATH_MAX];
	/* Tree of this test: root/cgpool.PID, with all controllers below. */
	char base[PATH_MAX];
	/* base/parent, the pooled directory of most tests. */
	char parent[PATH_MAX];
	/* Root's cgroup.subtree_control as it was found. */
	char saved_control[256];
};

/* Who calls mkdir(2). */
struct cgp_who {
	uid_t uid;
	gid_t gid;
	mode_t mask;
};

enum cgp_expect {
	CGP_ANY,
	CGP_CLAIM,
	CGP_MISS,
};

struct cgp_snap;

extern const struct cgp_who cgp_root_user;

__printf(1, 2) const char *cgp_fmt(const char *fmt, ...);
__printf(2, 3) void cgp_path(char *path, const char *fmt, ...);

int cgp_env_setup(struct cgp_env *env, bool v2, char *why, size_t len);
int cgp_env_teardown(struct cgp_env *env);
int cgp_make_parent(const struct cgp_env *env, const char *dir);
int cgp_enable_controllers(const char *dir);

ssize_t cgp_read(const char *dir, const char *file, char *buf, size_t len);
int cgp_write(const char *dir, const char *file, const char *text);
int cgp_write_num(const char *dir, const char *file, long val);
int cgp_write_path(const char *path, const char *text);
bool cgp_exists(const char *dir, const char *file);
bool cgp_text_is(const char *dir, const char *file, const char *text);
long cgp_num(const char *dir, const char *file);
long cgp_key(const char *dir, const char *file, const char *key);
long cgp_stat(const char *dir, const char *key);
long cgp_proc_cgroups(const char *controller);

int cgp_wait_key(const char *dir, const char *file, const char *key, long val);
int cgp_wait_num(const char *dir, const char *file, long val);
int cgp_wait_idle(const char *dir);
int cgp_wait_dead(const char *root);
int cgp_fill(const char *dir, long nr);
int cgp_drain(const char *dir);

int cgp_mkdir_as(const struct cgp_who *who, const char *path, mode_t mode);
int cgp_claim(const char *dir, const char *name);
int cgp_rmdir(const char *dir);
int cgp_rm_tree(const char *dir);
int cgp_count_entries(const char *dir, bool dirs);

pid_t cgp_spawn(int (*fn)(void *arg), void *arg);
pid_t cgp_spawn_paused(void);
pid_t cgp_clone_into(const char *dir);
int cgp_reap(pid_t pid);
int cgp_kill_reap(pid_t pid);
int cgp_attach(const char *dir, pid_t pid);
bool cgp_task_in(pid_t pid, const char *rel);
const char *cgp_rel(const struct cgp_env *env, const char *dir);

struct cgp_snap *cgp_snap_take(const char *dir);
void cgp_snap_free(struct cgp_snap *snap);
int cgp_snap_diff(const struct cgp_snap *a, const struct cgp_snap *b,
		  const char *what);
int cgp_diff_dirs(const char *a, const char *b, const char *what);
int cgp_diff_fresh(const char *parent, const struct cgp_who *who, mode_t mode,
		   enum cgp_expect expect, const char *what);

unsigned int cgp_rounds(unsigned int all, unsigned int few);
void cgp_msleep(unsigned int ms);
long long cgp_now_ms(void);

#endif /* CGROUP_POOL_UTIL_H */
