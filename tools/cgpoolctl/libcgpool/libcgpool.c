// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "cgfs.h"
#include "parse.h"
#include "private.h"
#include "reset.h"
#include "sys.h"

#define WALK_DEPTH	32
#define BUSY_SHOWN	8

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

/*
 * Names of cgroups and of processes are chosen by those inside, and messages go
 * to a terminal: nothing in them may be a control sequence of any character set.
 */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void cgpool_log(struct cgpool_ctx *ctx, int level, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (!ctx->log_fn || level > ctx->log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	make_printable(msg);
	ctx->log_fn(ctx->log_data, level, msg);
}

static void set_errmsg(struct cgpool_ctx *ctx, int err, const char *fmt, va_list ap)
{
	char text[sizeof(ctx->errmsg)], reason[128] = "";

	vsnprintf(text, sizeof(text), fmt, ap);
	make_printable(text);
	if (err)
		snprintf(reason, sizeof(reason), ": %s", strerror(-err));
	/* Room for the reason comes first, a long path is cut. */
	snprintf(ctx->errmsg, sizeof(ctx->errmsg), "%.*s%s",
		 (int)(sizeof(ctx->errmsg) - sizeof(reason)), text, reason);
	cgpool_log(ctx, CGPOOL_LOG_DEBUG, "%s", ctx->errmsg);
}

int cgpool_err(struct cgpool_ctx *ctx, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_errmsg(ctx, err, fmt, ap);
	va_end(ap);
	return err;
}

int cgpool_err_plain(struct cgpool_ctx *ctx, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_errmsg(ctx, 0, fmt, ap);
	va_end(ap);
	return err;
}

EXPORT const char *cgpool_errmsg(const struct cgpool_ctx *ctx)
{
	return ctx->errmsg;
}

EXPORT const char *cgpool_version(void)
{
	return CGPOOL_VERSION;
}

/*
 * Copies an option structure of an older or newer caller: what the caller does
 * not know is zero, what we do not know must be zero.
 */
static int copy_opts(void *dst, size_t size, const void *src)
{
	size_t user;
	size_t i;

	memset(dst, 0, size);
	if (!src)
		return 0;
	memcpy(&user, src, sizeof(user));
	if (user < sizeof(size_t) || user > 4096)
		return -EINVAL;
	for (i = size; i < user; i++)
		if (((const unsigned char *)src)[i])
			return -E2BIG;
	memcpy(dst, src, user < size ? user : size);
	return 0;
}

#define COPY_OPTS(dst, src) copy_opts(dst, sizeof(*(dst)), src)

/* The same for results: fill no more than the caller has room for. */
static void copy_result(void *dst, size_t user, const void *src, size_t size)
{
	if (user > size)
		memset((char *)dst + size, 0, user - size);
	memcpy(dst, src, user < size ? user : size);
	memcpy(dst, &user, sizeof(user));
}

static int find_cgroup2(char *mountpoint, size_t size)
{
	_cleanup_free_ char *text = NULL;
	struct mount_line m;
	const char *p;
	size_t len;
	int ret;

	ret = cgfs_read_all(AT_FDCWD, "/proc/self/mountinfo", &text, &len);
	if (ret)
		return ret;
	p = text;
	while ((ret = parse_mountinfo_line(&p, &len, &m))) {
		if (ret < 0 || strcmp(m.fstype, "cgroup2"))
			continue;
		snprintf(mountpoint, size, "%s", m.mountpoint);
		return 0;
	}
	return -ENOENT;
}

EXPORT int cgpool_new(struct cgpool_ctx **retp, const struct cgpool_ctx_opts *uopts)
{
	/* A longer one is skipped when it is parsed, none is cut. */
	char mountpoint[sizeof(((struct mount_line *)NULL)->mountpoint)];
	struct cgpool_ctx_opts opts;
	const char *root;
	struct cgpool_ctx *ctx;
	int ret;

	*retp = NULL;
	ret = COPY_OPTS(&opts, uopts);
	if (ret)
		return ret;
	if (opts.flags & ~(CGPOOL_CTX_FAKE | CGPOOL_CTX_NO_OPENAT2) ||
	    opts.mode > CGPOOL_MODE_USERSPACE)
		return -EINVAL;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;
	ctx->refs = 1;
	ctx->root_fd = -1;
	ctx->mode = opts.mode;
	ctx->flags = opts.flags;
	ctx->has_explicit_root = opts.root != NULL;
	root = opts.root;
	if (!root && !find_cgroup2(mountpoint, sizeof(mountpoint)))
		root = mountpoint;
	if (root) {
		ctx->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (ctx->root_fd < 0) {
			ret = -errno;
			goto err_free;
		}
		if (!(ctx->flags & CGPOOL_CTX_FAKE) && cgfs_version(ctx->root_fd) <= 0) {
			ret = -ENOTTY;
			goto err_free;
		}
		ctx->root_path = strdup(root);
		if (!ctx->root_path) {
			ret = -ENOMEM;
			goto err_free;
		}
	}
	*retp = ctx;
	return 0;

err_free:
	cgpool_ctx_unref(ctx);
	return ret;
}

EXPORT struct cgpool_ctx *cgpool_ctx_ref(struct cgpool_ctx *ctx)
{
	ctx->refs++;
	return ctx;
}

EXPORT struct cgpool_ctx *cgpool_ctx_unref(struct cgpool_ctx *ctx)
{
	if (!ctx || --ctx->refs)
		return NULL;
	if (ctx->root_fd >= 0)
		close(ctx->root_fd);
	free(ctx->root_path);
	free(ctx);
	return NULL;
}

EXPORT void cgpool_set_log_fn(struct cgpool_ctx *ctx, cgpool_log_fn fn, void *data, int level)
{
	ctx->log_fn = fn;
	ctx->log_data = data;
	ctx->log_level = level;
}

/* --- pools ---------------------------------------------------------------- */

/* Takes over @fd, also on failure. */
static int pool_from_fd(struct cgpool_ctx *ctx, int fd, const char *path, struct cgpool **ret)
{
	struct cgpool *pool;
	int version = cgfs_version(fd);

	*ret = NULL;
	if (version <= 0) {
		if (!(ctx->flags & CGPOOL_CTX_FAKE)) {
			close(fd);
			return cgpool_err_plain(ctx, -ENOTTY, "%s: not a cgroup directory", path);
		}
		version = cgfs_exists(fd, "cgroup.controllers") ? 2 : 1;
	}
	pool = calloc(1, sizeof(*pool));
	if (pool)
		pool->path = strdup(path);
	if (!pool || !pool->path) {
		free(pool);
		close(fd);
		return cgpool_err(ctx, -ENOMEM, "%s", path);
	}
	pool->refs = 1;
	pool->fd = fd;
	pool->version = version;
	pool->ctx = cgpool_ctx_ref(ctx);
	*ret = pool;
	return 0;
}

/*
 * 0, or -ENODATA where there is no pool. A userspace pool that exists goes on
 * as one even on a kernel that has the pool: its cgroups are already there.
 */
static int pool_load(struct cgpool *pool)
{
	const struct cgpool_ops *order[] = { &cgpool_user_ops, &cgpool_kernel_ops };
	size_t i;
	int ret;

	for (i = 0; i < 2; i++) {
		if (pool->ctx->mode && pool->ctx->mode != order[i]->mode)
			continue;
		pool->ops = order[i];
		ret = order[i]->load(pool);
		if (ret < 0)
			return ret;
		if (ret)
			return 0;
	}
	pool->ops = NULL;
	return -ENODATA;
}

static int open_path(struct cgpool_ctx *ctx, const char *path)
{
	bool walk = ctx->flags & CGPOOL_CTX_NO_OPENAT2;
	int fd;

	if (*path == '/' && !ctx->has_explicit_root) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	if (ctx->root_fd < 0)
		return -ENODEV;
	return cgfs_open_beneath(ctx->root_fd, path + strspn(path, "/"), walk);
}

static int open_any(struct cgpool_ctx *ctx, const char *path, struct cgpool **ret)
{
	int fd = open_path(ctx, path);

	*ret = NULL;
	if (fd == -ENODEV && ctx->root_fd < 0)
		return cgpool_err_plain(ctx, fd, "%s: no cgroup2 is mounted", path);
	if (fd < 0)
		return cgpool_err(ctx, fd, "%s", path);
	return pool_from_fd(ctx, fd, path, ret);
}

static int finish_open(struct cgpool_ctx *ctx, struct cgpool *pool, struct cgpool **retp)
{
	int ret = pool_load(pool);

	if (ret == -ENODATA)
		cgpool_err_plain(ctx, ret, "%s: no pool here", pool->path);
	else if (ret)
		cgpool_err(ctx, ret, "%s", pool->path);
	if (ret) {
		cgpool_unref(pool);
		pool = NULL;
	}
	*retp = pool;
	return ret;
}

EXPORT int cgpool_open(struct cgpool_ctx *ctx, const char *path, struct cgpool **retp)
{
	struct cgpool *pool;
	int ret = open_any(ctx, path, &pool);

	*retp = NULL;
	return ret ?: finish_open(ctx, pool, retp);
}

EXPORT int cgpool_open_fd(struct cgpool_ctx *ctx, int fd, struct cgpool **retp)
{
	char path[32];
	struct cgpool *pool;
	int ret, own;

	*retp = NULL;
	snprintf(path, sizeof(path), "fd %d", fd);
	own = cgfs_reopen_dir(fd);
	if (own < 0)
		return cgpool_err(ctx, own, "%s", path);
	ret = pool_from_fd(ctx, own, path, &pool);
	return ret ?: finish_open(ctx, pool, retp);
}

/* Makes the last component only. */
static int make_parent(struct cgpool_ctx *ctx, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int dfd = -1;
	char *slash, *name;
	size_t len;
	int ret;

	if (!copy)
		return -ENOMEM;
	len = strlen(copy);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	slash = strrchr(copy, '/');
	name = slash ? slash + 1 : copy;
	ret = check_name(name);
	if (ret)
		return ret;
	if (slash == copy)
		dfd = open_path(ctx, "/");
	else if (slash)
		*slash = '\0', dfd = open_path(ctx, copy);
	else
		dfd = open_path(ctx, "");
	if (dfd < 0)
		return dfd;
	if (!(ctx->flags & CGPOOL_CTX_FAKE) && cgfs_version(dfd) <= 0)
		return -ENOTTY;
	ret = sys_mkdirat(dfd, name, 0755);
	return ret == -EEXIST ? 0 : ret;
}

static int enable_controllers(struct cgpool *pool, const char *list)
{
	char word[64], line[80];
	size_t len;
	int ret;

	for (list += strspn(list, " ,"); *list; list += strspn(list, " ,")) {
		len = strcspn(list, " ,");
		if (len >= sizeof(word))
			return cgpool_err(pool->ctx, -EINVAL, "%s: controllers", pool->path);
		memcpy(word, list, len);
		word[len] = '\0';
		list += len;
		snprintf(line, sizeof(line), "+%s", word);
		ret = sys_write_at(pool->fd, "cgroup.subtree_control", line);
		if (ret == -EBUSY)
			return cgpool_err_plain(pool->ctx, ret,
						"%s: cannot enable %s: processes live in this inner cgroup",
						pool->path, word);
		if (ret == -ENOENT)
			return cgpool_err_plain(pool->ctx, ret,
						"%s: controller %s is not available here (see cgroup.controllers)",
						pool->path, word);
		if (ret)
			return cgpool_err(pool->ctx, ret, "%s: enable %s", pool->path, word);
	}
	return 0;
}

static bool is_root_cgroup(const struct cgpool *pool)
{
	if (pool->ctx->flags & CGPOOL_CTX_FAKE)
		return false;
	return pool->version == 2 ? !cgfs_exists(pool->fd, "cgroup.type") :
				    cgfs_exists(pool->fd, "release_agent");
}

EXPORT int cgpool_create(struct cgpool_ctx *ctx, const char *path,
			 const struct cgpool_create_opts *uopts, struct cgpool **retp)
{
	struct cgpool_create_opts opts;
	struct cgpool *pool;
	int ret;

	*retp = NULL;
	ret = COPY_OPTS(&opts, uopts);
	if (ret)
		return cgpool_err(ctx, ret, "%s: options", path);
	if (!uopts)
		opts.low = CGPOOL_LOW_DEFAULT;
	if (opts.max > CGPOOL_MAX_LIMIT)
		return cgpool_err(ctx, -ERANGE, "%s: size %u", path, opts.max);
	ret = open_path(ctx, path);
	if (ret == -ENOENT) {
		ret = make_parent(ctx, path);
		if (ret)
			return cgpool_err(ctx, ret, "%s: mkdir", path);
	} else if (ret >= 0) {
		close(ret);
	}
	ret = open_any(ctx, path, &pool);
	if (ret)
		return ret;
	if (is_root_cgroup(pool)) {
		ret = cgpool_err_plain(ctx, -EINVAL, "%s: the root cgroup cannot be a pool", path);
		goto err_unref;
	}
	if (opts.controllers) {
		ret = pool->version == 2 ? enable_controllers(pool, opts.controllers) :
		      cgpool_err_plain(ctx, -EOPNOTSUPP, "%s: v1 has no controllers to enable",
				       path);
		if (ret)
			goto err_unref;
	}

	ret = pool_load(pool);
	if (!ret) {
		ret = cgpool_err(ctx, -EEXIST, "%s: pool", path);
		goto err_unref;
	}
	if (ret != -ENODATA) {
		cgpool_err(ctx, ret, "%s", path);
		goto err_unref;
	}
	if (ctx->mode == CGPOOL_MODE_KERNEL ||
	    (!ctx->mode && cgfs_exists(pool->fd, "cgroup.pool.max")))
		pool->ops = &cgpool_kernel_ops;
	else
		pool->ops = &cgpool_user_ops;
	ret = pool->ops->create(pool, opts.max, opts.low, opts.nest);
	if (ret)
		goto err_unref;
	*retp = pool;
	return 0;

err_unref:
	cgpool_unref(pool);
	return ret;
}

EXPORT struct cgpool *cgpool_ref(struct cgpool *pool)
{
	pool->refs++;
	return pool;
}

EXPORT struct cgpool *cgpool_unref(struct cgpool *pool)
{
	if (!pool || --pool->refs)
		return NULL;
	close(pool->fd);
	free(pool->path);
	cgpool_ctx_unref(pool->ctx);
	free(pool);
	return NULL;
}

EXPORT enum cgpool_mode cgpool_mode(const struct cgpool *pool)
{
	return pool->ops->mode;
}

EXPORT int cgpool_cgroup_version(const struct cgpool *pool)
{
	return pool->version;
}

EXPORT const char *cgpool_path(const struct cgpool *pool)
{
	return pool->path;
}

EXPORT int cgpool_resize(struct cgpool *pool, unsigned int max)
{
	if (max > CGPOOL_MAX_LIMIT)
		return cgpool_err(pool->ctx, -ERANGE, "%s: size %u", pool->path, max);
	return pool->ops->resize(pool, max);
}

EXPORT int cgpool_set_low(struct cgpool *pool, unsigned int low)
{
	if (low != CGPOOL_LOW_DEFAULT && low > CGPOOL_MAX_LIMIT)
		return cgpool_err(pool->ctx, -ERANGE, "%s: low %u", pool->path, low);
	return pool->ops->set_low(pool, low);
}

EXPORT int cgpool_set_nest(struct cgpool *pool, unsigned int nest)
{
	return pool->ops->set_nest(pool, nest);
}

static int get_stats(struct cgpool *pool, struct cgpool_stats *st)
{
	size_t i;
	/* All fields behind sz are counters. */
	uint64_t *val = &st->max;

	for (i = 0; i < (sizeof(*st) - offsetof(struct cgpool_stats, max)) / sizeof(*val); i++)
		val[i] = CGPOOL_UNKNOWN;
	return pool->ops->stats(pool, st);
}

EXPORT int cgpool_stats(struct cgpool *pool, struct cgpool_stats *st)
{
	struct cgpool_stats all;
	int ret;

	if (st->sz < sizeof(size_t))
		return cgpool_err(pool->ctx, -EINVAL, "%s: stats", pool->path);
	ret = get_stats(pool, &all);
	if (!ret)
		copy_result(st, st->sz, &all, sizeof(all));
	return ret;
}

EXPORT int cgpool_wait_full(struct cgpool *pool, unsigned int timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	struct cgpool_stats st;
	int ret;

	for (;;) {
		ret = get_stats(pool, &st);
		if (ret)
			return ret;
		if (st.free >= st.max)
			return 0;
		if (now_ms() >= deadline)
			return cgpool_err_plain(pool->ctx, -ETIMEDOUT,
						"%s: %llu of %llu free after %u ms", pool->path,
						(unsigned long long)st.free,
						(unsigned long long)st.max, timeout_ms);
		sleep_ms(POLL_MS);
	}
}

EXPORT int cgpool_take(struct cgpool *pool, const struct cgpool_take_opts *uopts, int *fdp)
{
	struct cgpool_take_opts opts;
	uint64_t deadline;
	int ret;

	*fdp = -1;
	ret = COPY_OPTS(&opts, uopts);
	if (!ret && opts.flags & ~(CGPOOL_TAKE_FALLBACK | CGPOOL_TAKE_LEASE))
		ret = -EINVAL;
	if (!ret && opts.name)
		ret = check_name(opts.name);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: name %s", pool->path, opts.name ?: "");
	deadline = now_ms() + opts.timeout_ms;
	for (;;) {
		ret = pool->ops->take(pool, opts.name, opts.flags, fdp);
		if (ret != -EAGAIN)
			break;
		if (now_ms() >= deadline) {
			ret = opts.timeout_ms ? -ETIMEDOUT : -EAGAIN;
			return cgpool_err_plain(pool->ctx, ret, "%s: pool is empty", pool->path);
		}
		sleep_ms(POLL_MS);
	}
	return ret;
}

EXPORT int cgpool_lookup(struct cgpool *pool, const char *name, int *fdp)
{
	int ret, fd;

	*fdp = -1;
	ret = !*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ?
	      -EINVAL : 0;
	if (!ret)
		ret = pool->ops->lookup(pool, name, &fd);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s/%s", pool->path, name);
	*fdp = cgfs_reopen_path(fd);
	close(fd);
	if (*fdp < 0)
		return cgpool_err(pool->ctx, *fdp, "%s/%s: reopen", pool->path, name);
	return 0;
}

EXPORT int cgpool_dir_name(struct cgpool *pool, int fd, char *buf, size_t len)
{
	int ret = cgfs_name_of(pool->fd, fd, buf, len);

	return ret ? cgpool_err(pool->ctx, ret, "%s: cgroup of fd %d", pool->path, fd) : 0;
}

EXPORT int cgpool_attach(struct cgpool *pool, int fd, pid_t pid)
{
	char text[16];
	int ret;

	snprintf(text, sizeof(text), "%d", pid);
	ret = sys_write_at(fd, "cgroup.procs", text);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: attach pid %d", pool->path, pid);
	return 0;
}

struct busy {
	char text[384];
	size_t len;
	int nr;
};

static int note_pid(int fd, long pid, void *data)
{
	struct busy *busy = data;
	char path[64], comm[32];
	int n;

	(void)fd;
	if (busy->nr++ >= BUSY_SHOWN)
		return 0;
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	if (cgfs_read(AT_FDCWD, path, comm, sizeof(comm)))
		strcpy(comm, "?");
	n = snprintf(busy->text + busy->len, sizeof(busy->text) - busy->len, "%s%ld (%s)",
		     busy->len ? ", " : "", pid, comm);
	if (n > 0 && busy->len + (size_t)n < sizeof(busy->text))
		busy->len += (size_t)n;
	else
		busy->text[busy->len] = '\0';
	return 0;
}

EXPORT int cgpool_explain_busy(struct cgpool *pool, int fd)
{
	char name[NAME_MAX + 1];
	struct busy busy = { .len = 0 };
	char more[32] = "";
	int ret;

	if (cgfs_name_of(pool->fd, fd, name, sizeof(name)))
		strcpy(name, "?");
	ret = cgfs_for_each_pid(fd, note_pid, &busy);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s/%s: list processes", pool->path, name);
	if (busy.nr > BUSY_SHOWN)
		snprintf(more, sizeof(more), " and %d more", busy.nr - BUSY_SHOWN);
	if (busy.nr)
		cgpool_err_plain(pool->ctx, -EBUSY, "%s/%s: in use by pid %s%s", pool->path, name,
				 busy.text, more);
	return busy.nr;
}

EXPORT int cgpool_put(struct cgpool *pool, int fd, const struct cgpool_put_opts *uopts)
{
	_cleanup_close_ int dir = -1;
	struct cgpool_put_opts opts;
	int ret;

	ret = COPY_OPTS(&opts, uopts);
	if (!ret && opts.flags & ~(CGPOOL_PUT_KILL | CGPOOL_PUT_FRESH))
		ret = -EINVAL;
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: put options", pool->path);
	if (cgfs_is_dead(fd))
		return 0;
	dir = cgfs_reopen_dir(fd);
	if (dir == -ENOENT || dir == -ENODEV)
		return 0;
	if (dir < 0)
		return cgpool_err(pool->ctx, dir, "%s: reopen fd %d", pool->path, fd);
	return pool->ops->put(pool, dir, opts.flags, opts.timeout_ms ?: DEFAULT_TIMEOUT_MS);
}

EXPORT int cgpool_drain(struct cgpool *pool, unsigned int timeout_ms)
{
	return pool->ops->drain(pool, timeout_ms ?: DEFAULT_TIMEOUT_MS);
}

EXPORT int cgpool_slots(struct cgpool *pool,
			int (*fn)(const struct cgpool_slot *slot, void *data), void *data)
{
	return pool->ops->slots(pool, fn, data);
}

struct first_taken {
	char dir[NAME_MAX + 1];
	int nr;
};

static int note_taken(const struct cgpool_slot *slot, void *data)
{
	struct first_taken *first = data;

	if (slot->state != CGPOOL_SLOT_TAKEN)
		return 0;
	if (!first->nr++)
		snprintf(first->dir, sizeof(first->dir), "%s", slot->dir);
	return 0;
}

static int remove_parent(struct cgpool *pool)
{
	_cleanup_close_ int up = -1;
	char name[NAME_MAX + 1];
	int ret;

	up = cgfs_open_dir(pool->fd, "..");
	if (up < 0)
		return cgpool_err(pool->ctx, up, "%s: open parent", pool->path);
	if (!(pool->ctx->flags & CGPOOL_CTX_FAKE) && cgfs_version(up) != pool->version)
		return cgpool_err(pool->ctx, -EBUSY, "%s: top of its mount", pool->path);
	ret = cgfs_name_of(up, pool->fd, name, sizeof(name));
	if (ret == -ENOENT)
		return 0;
	if (!ret)
		ret = sys_rmdirat(up, name);
	if (ret == -EBUSY && cgpool_explain_busy(pool, pool->fd) > 0)
		return ret;
	if (ret && ret != -ENOENT)
		return cgpool_err(pool->ctx, ret, "%s: rmdir", pool->path);
	return 0;
}

EXPORT int cgpool_destroy(struct cgpool *pool, const struct cgpool_destroy_opts *uopts)
{
	struct cgpool_destroy_opts opts;
	unsigned int timeout;
	struct first_taken first;
	int ret, round;

	ret = COPY_OPTS(&opts, uopts);
	if (!ret && opts.flags & ~(CGPOOL_DESTROY_FORCE | CGPOOL_DESTROY_KEEP))
		ret = -EINVAL;
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: destroy options", pool->path);
	timeout = opts.timeout_ms ?: DEFAULT_TIMEOUT_MS;

	first.nr = 0;
	ret = pool->ops->slots(pool, note_taken, &first);
	if (ret < 0)
		return ret;
	if (first.nr && !(opts.flags & CGPOOL_DESTROY_FORCE))
		return cgpool_err_plain(pool->ctx, -EBUSY, "%s: %d cgroups are taken (%s%s)",
					pool->path, first.nr, first.dir,
					first.nr > 1 ? ", ..." : "");
	ret = pool->ops->drain(pool, timeout);
	if (ret)
		return ret;
	/* With a size of zero nothing that is put comes back. */
	for (round = 0; opts.flags & CGPOOL_DESTROY_FORCE; round++) {
		_cleanup_close_ int fd = -1;

		first.nr = 0;
		ret = pool->ops->slots(pool, note_taken, &first);
		if (ret < 0)
			return ret;
		if (!first.nr)
			break;
		if (round > (int)CGPOOL_MAX_LIMIT)
			return cgpool_err(pool->ctx, -EBUSY, "%s: still being used", pool->path);
		fd = cgfs_open_dir(pool->fd, first.dir);
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return cgpool_err(pool->ctx, fd, "%s/%s", pool->path, first.dir);
		ret = pool->ops->put(pool, fd, CGPOOL_PUT_KILL, timeout);
		if (ret && ret != -ENOENT && ret != -ESTALE)
			return ret;
	}
	ret = pool->ops->forget(pool);
	if (ret)
		return ret;
	return opts.flags & CGPOOL_DESTROY_KEEP ? 0 : remove_parent(pool);
}

/* --- emptying a cgroup ---------------------------------------------------- */

static int is_self(int fd, long pid, void *data)
{
	(void)fd;
	(void)data;
	return pid == getpid() ? -EDEADLK : 0;
}

static int pid_is_listed(int fd, long pid)
{
	_cleanup_free_ char *text = NULL;
	const char *p;
	long other;

	if (cgfs_read_all(fd, "cgroup.procs", &text, NULL))
		return 0;
	p = text;
	while (parse_next_pid(&p, &other) > 0)
		if (other == pid)
			return 1;
	return 0;
}

static int kill_pid(int fd, long pid, void *data)
{
	_cleanup_close_ int pidfd = -1;

	(void)data;
	/* Seen as 0: lives in a pid namespace that is not ours. */
	if (pid <= 0)
		return -EBUSY;
	pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (pidfd < 0 && errno == ESRCH)
		return 0;
	/* The number may have been reused; the pidfd is fixed, so look again. */
	if (!pid_is_listed(fd, pid))
		return 0;
	sys_pidfd_kill(pidfd, (pid_t)pid);
	return 0;
}

static int kill_all(struct cgpool *pool, int fd)
{
	char state[32];
	int ret;

	if (pool->version == 2) {
		ret = sys_write_at(fd, "cgroup.kill", "1");
		if (!ret || (ret != -ENOENT && ret != -EOPNOTSUPP))
			return ret;
	} else if (!cgfs_read(fd, "freezer.state", state, sizeof(state)) &&
		   strcmp(state, "THAWED")) {
		/* A v1 frozen task does not die. */
		sys_write_at(fd, "freezer.state", "THAWED");
	}
	return cgfs_for_each_pid(fd, kill_pid, NULL);
}

static int rmdir_children(int fd, uint64_t deadline, int depth)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *de;
	int ret;

	if (depth > WALK_DEPTH)
		return -ELOOP;
	dir = cgfs_opendir(fd);
	if (!dir)
		return -errno;
	while ((de = cgfs_next_dir(dir))) {
		_cleanup_close_ int child = cgfs_open_dir(fd, de->d_name);

		if (child == -ENOENT)
			continue;
		if (child < 0)
			return child;
		ret = rmdir_children(child, deadline, depth + 1);
		if (ret)
			return ret;
		while ((ret = sys_rmdirat(fd, de->d_name)) == -EBUSY && now_ms() < deadline)
			sleep_ms(POLL_MS);
		if (ret && ret != -ENOENT)
			return ret;
	}
	return 0;
}

int pool_empty_cgroup(struct cgpool *pool, int fd, bool kill, uint64_t deadline)
{
	unsigned int wait = 1;
	int ret;

	ret = cgfs_populated(fd);
	if (ret > 0 && !kill)
		return -EBUSY;
	if (ret > 0) {
		ret = cgfs_for_each_pid(fd, is_self, NULL);
		if (ret)
			return ret;
		ret = 1;
	}
	while (ret > 0) {
		ret = kill_all(pool, fd);
		if (ret < 0 && ret != -EBUSY)
			return ret;
		sleep_ms(wait);
		wait = wait < POLL_MS ? wait * 2 : POLL_MS;
		ret = cgfs_populated(fd);
		if (ret > 0 && now_ms() >= deadline)
			return -ETIMEDOUT;
	}
	if (ret < 0)
		return ret == -ENODEV || ret == -ENOENT ? 0 : ret;
	ret = rmdir_children(fd, deadline, 0);
	return ret == -ENODEV || ret == -ENOENT ? 0 : ret;
}

/* --- finding pools -------------------------------------------------------- */

struct walk {
	struct cgpool_ctx *ctx;
	int (*fn)(struct cgpool *pool, void *data);
	void *data;
};

static int walk_dir(struct walk *w, int fd, const char *path, int depth)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct cgpool *pool;
	struct dirent *de;
	int ret, own;

	own = cgfs_reopen_dir(fd);
	if (own < 0)
		return 0;
	ret = pool_from_fd(w->ctx, own, path, &pool);
	if (ret)
		return ret == -ENOTTY ? 0 : ret;
	ret = pool_load(pool);
	if (!ret)
		ret = w->fn(pool, w->data);
	else
		ret = 0;
	cgpool_unref(pool);
	if (ret || depth >= WALK_DEPTH)
		return ret;
	dir = cgfs_opendir(fd);
	if (!dir)
		return 0;
	while ((de = cgfs_next_dir(dir))) {
		_cleanup_free_ char *sub = NULL;
		_cleanup_close_ int child = -1;

		if (parse_slot_name(de->d_name) >= 0)
			continue;
		/* May have gone meanwhile, or may not be ours to read. */
		child = cgfs_open_dir(fd, de->d_name);
		if (child < 0)
			continue;
		if (asprintf(&sub, "%s%s%s", path,
			     *path && path[strlen(path) - 1] != '/' ? "/" : "", de->d_name) < 0) {
			sub = NULL;
			return -ENOMEM;
		}
		ret = walk_dir(w, child, sub, depth + 1);
		if (ret)
			return ret;
	}
	return 0;
}

EXPORT int cgpool_walk(struct cgpool_ctx *ctx, int (*fn)(struct cgpool *pool, void *data),
		       void *data)
{
	struct walk w = { .ctx = ctx, .fn = fn, .data = data };
	_cleanup_free_ char *text = NULL;
	struct { unsigned int major, minor; } seen[64];
	size_t nr_seen = 0, len, i;
	struct mount_line m;
	const char *p;
	int ret;

	if (ctx->has_explicit_root)
		return walk_dir(&w, ctx->root_fd, "", 0);
	ret = cgfs_read_all(AT_FDCWD, "/proc/self/mountinfo", &text, &len);
	if (ret)
		return cgpool_err(ctx, ret, "/proc/self/mountinfo");
	p = text;
	while ((ret = parse_mountinfo_line(&p, &len, &m))) {
		_cleanup_close_ int fd = -1;

		if (ret < 0 || (strcmp(m.fstype, "cgroup2") && strcmp(m.fstype, "cgroup")))
			continue;
		for (i = 0; i < nr_seen; i++)
			if (seen[i].major == m.major && seen[i].minor == m.minor)
				break;
		if (i < nr_seen || nr_seen == sizeof(seen) / sizeof(seen[0]))
			continue;
		seen[nr_seen].major = m.major;
		seen[nr_seen++].minor = m.minor;
		fd = open(m.mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ret = walk_dir(&w, fd, m.mountpoint, 0);
		if (ret)
			return ret;
	}
	return 0;
}
