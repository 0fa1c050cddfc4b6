/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcgpool: take ready-made cgroups from a pool and give them back.
 *
 * Guarantees: functions return 0 (or a count, where said) or a negative errno,
 * never print, never exit, and never touch signals, locale, umask or the
 * working directory. One cgroup is never handed out twice, even when a process
 * using the library is killed at any instruction.
 *
 * Not guaranteed: a context may not be used by two threads at once. A cgroup
 * that came from a userspace pool keeps state that the kernel offers no way to
 * reset; see cgpool_leaks().
 */
#ifndef _LIBCGPOOL_H
#define _LIBCGPOOL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cgpool_ctx;
struct cgpool;

enum cgpool_mode {
	CGPOOL_MODE_AUTO	= 0,	/* kernel if it has the pool, else userspace */
	CGPOOL_MODE_KERNEL	= 1,	/* cgroup.pool.* files */
	CGPOOL_MODE_USERSPACE	= 2,	/* fixed names (v2), rename (v1) */
};

enum cgpool_log_level {
	CGPOOL_LOG_ERR		= 3,
	CGPOOL_LOG_INFO		= 6,
	CGPOOL_LOG_DEBUG	= 7,
};

enum cgpool_feature {
	CGPOOL_FEATURE_KERNEL_POOL	= 0,	/* cgroup.pool.max */
	CGPOOL_FEATURE_V2		= 1,	/* a cgroup2 hierarchy is mounted */
	CGPOOL_FEATURE_V1		= 2,	/* a v1 hierarchy with controllers */
	CGPOOL_FEATURE_CLONE_INTO	= 3,	/* clone3(CLONE_INTO_CGROUP) */
	CGPOOL_FEATURE_KILL		= 4,	/* cgroup.kill */
	CGPOOL_FEATURE_OPENAT2		= 5,	/* openat2(RESOLVE_BENEATH) */
};

/* A counter that the backend does not have. */
#define CGPOOL_UNKNOWN		UINT64_MAX

/*
 * All option and result structures start with their size, set by the caller
 * to sizeof(). They only ever grow. A NULL pointer means all defaults.
 */

/* cgpool_ctx_opts.flags */
#define CGPOOL_CTX_FAKE		(1U << 0)	/* the root need not be cgroupfs (tests) */
#define CGPOOL_CTX_NO_OPENAT2	(1U << 1)	/* always use the old-kernel path walk */

struct cgpool_ctx_opts {
	size_t sz;
	const char *root;		/* NULL: the first cgroup2 mount */
	enum cgpool_mode mode;
	unsigned int flags;
};

struct cgpool_create_opts {
	size_t sz;
	unsigned int max;		/* free cgroups to keep */
	unsigned int low;		/* refill below this; CGPOOL_LOW_DEFAULT */
	unsigned int nest;		/* children made inside each free cgroup */
	const char *controllers;	/* "cpu memory ...": enabled in the parent (v2) */
};

#define CGPOOL_LOW_DEFAULT	UINT32_MAX	/* half of max, rounded up */
#define CGPOOL_MAX_LIMIT	4096U

/* cgpool_take_opts.flags */
#define CGPOOL_TAKE_FALLBACK	(1U << 0)	/* make a new one if the pool is empty */
#define CGPOOL_TAKE_LEASE	(1U << 1)	/* void when this process is dead and it is empty */

struct cgpool_take_opts {
	size_t sz;
	const char *name;		/* NULL: chosen by the library */
	unsigned int flags;
	unsigned int timeout_ms;	/* wait this long for a free one */
};

/* cgpool_put_opts.flags */
#define CGPOOL_PUT_KILL		(1U << 0)	/* kill what still runs inside */
#define CGPOOL_PUT_FRESH	(1U << 1)	/* destroy and make a new one, never reset */

struct cgpool_put_opts {
	size_t sz;
	unsigned int flags;
	unsigned int timeout_ms;	/* for the cgroup to become empty; 0: 5 s */
};

/* cgpool_destroy_opts.flags */
#define CGPOOL_DESTROY_FORCE	(1U << 0)	/* kill and remove taken ones too */
#define CGPOOL_DESTROY_KEEP	(1U << 1)	/* do not remove the parent itself */

struct cgpool_destroy_opts {
	size_t sz;
	unsigned int flags;
	unsigned int timeout_ms;
};

struct cgpool_stats {
	size_t sz;
	uint64_t max, low, nest;
	uint64_t free, building, claimed, dirty;
	uint64_t claims, misses;
	uint64_t miss_empty, miss_cred, miss_stale, miss_limit;
	uint64_t created, destroyed, stale;
	uint64_t refill_usec, refill_lock_busy, refill_failed;
	uint64_t events_empty, events_low;
};

enum cgpool_slot_state {
	CGPOOL_SLOT_FREE	= 0,
	CGPOOL_SLOT_TAKEN	= 1,
	CGPOOL_SLOT_DIRTY	= 2,	/* belongs to nobody, will be destroyed */
};

struct cgpool_slot {
	size_t sz;
	const char *dir;		/* directory name below the pool */
	const char *name;		/* name it was taken under */
	enum cgpool_slot_state state;
	pid_t pid;			/* who took it, 0 unknown */
	bool lease;
	bool is_populated;
};

struct cgpool_host {
	size_t sz;
	bool has_v2, has_v1, has_kernel_pool;
	bool favordynmods_v2, favordynmods_v1;
	char v2_mount[256], v1_mount[256];
	char v1_controllers[256];
	char v2_controllers[256];	/* enabled in the root's subtree_control */
	char unused_controllers[256];	/* enabled, but no limit is set anywhere */
	uint64_t superblocks;		/* distinct mounted filesystems, all namespaces seen */
	uint64_t dying;			/* CGPOOL_UNKNOWN if the kernel does not say */
	uint64_t cgroups;		/* cgroups looked at */
	bool is_truncated;		/* the survey stopped at its bound */
	char self_cgroup[256];		/* cgroup2 path of the caller */
	bool is_delegated;		/* systemd's Delegate= mark on it */
	bool is_writable;		/* may create children there */
	bool is_inner_busy;		/* holds processes, cannot have domain controllers below */
};

typedef void (*cgpool_log_fn)(void *data, int level, const char *msg);

int cgpool_new(struct cgpool_ctx **ret, const struct cgpool_ctx_opts *opts);
struct cgpool_ctx *cgpool_ctx_ref(struct cgpool_ctx *ctx);
struct cgpool_ctx *cgpool_ctx_unref(struct cgpool_ctx *ctx);
void cgpool_set_log_fn(struct cgpool_ctx *ctx, cgpool_log_fn fn, void *data, int level);
const char *cgpool_errmsg(const struct cgpool_ctx *ctx);
const char *cgpool_version(void);

/* 1 yes, 0 no, negative errno if it cannot be found out. */
int cgpool_probe(struct cgpool_ctx *ctx, enum cgpool_feature feature);
int cgpool_host_info(struct cgpool_ctx *ctx, struct cgpool_host *host);
/* Comma separated list of what a userspace pool cannot reset in this version. */
const char *cgpool_leaks(int cgroup_version);

int cgpool_open(struct cgpool_ctx *ctx, const char *path, struct cgpool **ret);
int cgpool_open_fd(struct cgpool_ctx *ctx, int fd, struct cgpool **ret);
int cgpool_create(struct cgpool_ctx *ctx, const char *path,
		  const struct cgpool_create_opts *opts, struct cgpool **ret);
struct cgpool *cgpool_ref(struct cgpool *pool);
struct cgpool *cgpool_unref(struct cgpool *pool);
enum cgpool_mode cgpool_mode(const struct cgpool *pool);
int cgpool_cgroup_version(const struct cgpool *pool);
const char *cgpool_path(const struct cgpool *pool);

int cgpool_resize(struct cgpool *pool, unsigned int max);
int cgpool_set_low(struct cgpool *pool, unsigned int low);
int cgpool_set_nest(struct cgpool *pool, unsigned int nest);
/* Wait until the pool holds max free cgroups; -ETIMEDOUT. */
int cgpool_wait_full(struct cgpool *pool, unsigned int timeout_ms);
int cgpool_stats(struct cgpool *pool, struct cgpool_stats *st);

/*
 * On success *fd is O_PATH|O_DIRECTORY|O_CLOEXEC, fit for CLONE_INTO_CGROUP on
 * v2. -EAGAIN: pool empty, -ETIMEDOUT: still empty after timeout_ms,
 * -EEXIST: the name is in use.
 */
int cgpool_take(struct cgpool *pool, const struct cgpool_take_opts *opts, int *fd);
int cgpool_lookup(struct cgpool *pool, const char *name, int *fd);
/* Directory name below the pool. */
int cgpool_dir_name(struct cgpool *pool, int fd, char *buf, size_t len);
/* Move a process; needed on v1, where clone3() cannot. */
int cgpool_attach(struct cgpool *pool, int fd, pid_t pid);
/* Says in cgpool_errmsg() which processes are inside. Returns their number. */
int cgpool_explain_busy(struct cgpool *pool, int fd);
int cgpool_put(struct cgpool *pool, int fd, const struct cgpool_put_opts *opts);

/* Remove every free cgroup and keep none. Taken ones are not touched. */
int cgpool_drain(struct cgpool *pool, unsigned int timeout_ms);
int cgpool_destroy(struct cgpool *pool, const struct cgpool_destroy_opts *opts);

/* Calls back once per cgroup of the pool; a non-zero result stops and is returned. */
int cgpool_slots(struct cgpool *pool,
		 int (*fn)(const struct cgpool_slot *slot, void *data), void *data);
/* Calls back once per pool below the root, or below every cgroup mount. */
int cgpool_walk(struct cgpool_ctx *ctx,
		int (*fn)(struct cgpool *pool, void *data), void *data);

#ifdef __cplusplus
}
#endif
#endif
