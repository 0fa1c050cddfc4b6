/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef _CGPOOL_PRIVATE_H
#define _CGPOOL_PRIVATE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcgpool.h"

#define EXPORT __attribute__((visibility("default")))

static inline void close_fdp(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void free_ptrp(void *p)
{
	free(*(void **)p);
}

static inline void close_dirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_close_	__attribute__((cleanup(close_fdp)))
#define _cleanup_free_	__attribute__((cleanup(free_ptrp)))
#define _cleanup_dir_	__attribute__((cleanup(close_dirp)))

struct cgpool_ctx {
	int refs;
	int root_fd;			/* -1: no cgroup2 mount, absolute paths only */
	bool has_explicit_root;
	char *root_path;		/* for messages only */
	enum cgpool_mode mode;
	unsigned int flags;
	cgpool_log_fn log_fn;
	void *log_data;
	int log_level;
	char errmsg[512];
};

struct cgpool_ops;

struct cgpool {
	int refs;
	struct cgpool_ctx *ctx;
	int fd;				/* O_RDONLY|O_DIRECTORY, so that xattr works */
	int version;			/* 1 or 2 */
	char *path;			/* as the caller wrote it, for messages only */
	const struct cgpool_ops *ops;
	bool use_trusted;		/* userspace: which xattr namespace */
	unsigned int seq;
};

/*
 * What a backend offers. Every function but load and create may rely on the
 * pool having been loaded. fd arguments are O_RDONLY directories; what take
 * returns is O_PATH, opened before anything is claimed.
 */
struct cgpool_ops {
	enum cgpool_mode mode;
	/* 1: there is a pool of this kind, 0: there is none. */
	int (*load)(struct cgpool *pool);
	int (*create)(struct cgpool *pool, unsigned int max, unsigned int low, unsigned int nest);
	int (*resize)(struct cgpool *pool, unsigned int max);
	int (*set_low)(struct cgpool *pool, unsigned int low);
	int (*set_nest)(struct cgpool *pool, unsigned int nest);
	int (*take)(struct cgpool *pool, const char *name, unsigned int flags, int *fd);
	int (*lookup)(struct cgpool *pool, const char *name, int *fd);
	int (*put)(struct cgpool *pool, int fd, unsigned int flags, unsigned int timeout_ms);
	int (*stats)(struct cgpool *pool, struct cgpool_stats *st);
	int (*drain)(struct cgpool *pool, unsigned int timeout_ms);
	/* Forget the pool and what is left of it, before the parent goes. */
	int (*forget)(struct cgpool *pool);
	int (*slots)(struct cgpool *pool,
		     int (*fn)(const struct cgpool_slot *slot, void *data), void *data);
};

extern const struct cgpool_ops cgpool_kernel_ops;
extern const struct cgpool_ops cgpool_user_ops;

#define DEFAULT_TIMEOUT_MS	5000U
#define POLL_MS			10

/* Stores "<text>: <strerror>" and returns @err, which is negative. */
int cgpool_err(struct cgpool_ctx *ctx, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same without the errno text. */
int cgpool_err_plain(struct cgpool_ctx *ctx, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void cgpool_log(struct cgpool_ctx *ctx, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

/* Kills, waits and removes the children; the directory itself stays. */
int pool_empty_cgroup(struct cgpool *pool, int fd, bool kill, uint64_t deadline);

#endif
