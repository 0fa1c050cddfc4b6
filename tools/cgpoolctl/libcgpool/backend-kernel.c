// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's pool: mkdir(2) in the pooled parent hands a ready-made child
 * out, rmdir(2) removes it, the kernel refills. Exclusivity is that of
 * mkdir(2), so a process killed at any point can at worst leave a cgroup that
 * nobody uses, under the name it asked for.
 */
#include <sys/stat.h>
#include <stdio.h>

#include "cgfs.h"
#include "parse.h"
#include "private.h"
#include "sys.h"

#define NAME_TRIES	1024

static int kernel_load(struct cgpool *pool)
{
	/* Appears with the first write to cgroup.pool.max and stays. */
	return cgfs_exists(pool->fd, "cgroup.pool.stat");
}

static int write_num(struct cgpool *pool, const char *file, unsigned int val)
{
	char text[16];
	int ret;

	snprintf(text, sizeof(text), "%u", val);
	ret = sys_write_at(pool->fd, file, text);
	if (ret == -ENOENT)
		ret = -EOPNOTSUPP;
	if (ret == -EOPNOTSUPP)
		return cgpool_err_plain(pool->ctx, ret,
					"%s: no %s: this kernel has no cgroup pool", pool->path,
					file);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: write %s to %s", pool->path, text, file);
	return 0;
}

static int kernel_resize(struct cgpool *pool, unsigned int max)
{
	return write_num(pool, "cgroup.pool.max", max);
}

static int kernel_set_low(struct cgpool *pool, unsigned int low)
{
	uint64_t max;
	int ret;

	if (low == CGPOOL_LOW_DEFAULT) {
		ret = cgfs_read_u64(pool->fd, "cgroup.pool.max", &max);
		if (ret)
			return cgpool_err(pool->ctx, ret, "%s: cgroup.pool.max", pool->path);
		/* as the kernel rounds it: zero would mean never */
		low = (unsigned int)((max + 1) / 2);
	}
	return write_num(pool, "cgroup.pool.low", low);
}

static int kernel_set_nest(struct cgpool *pool, unsigned int nest)
{
	return write_num(pool, "cgroup.pool.nest", nest);
}

static int kernel_create(struct cgpool *pool, unsigned int max, unsigned int low,
			 unsigned int nest)
{
	int ret;

	/* The other files exist after the first write; set them before anything is filled. */
	ret = write_num(pool, "cgroup.pool.max", 0);
	if (!ret && nest)
		ret = kernel_set_nest(pool, nest);
	if (!ret && low != CGPOOL_LOW_DEFAULT)
		ret = kernel_set_low(pool, low);
	if (!ret && max)
		ret = kernel_resize(pool, max);
	return ret;
}

static int kernel_stats(struct cgpool *pool, struct cgpool_stats *st)
{
	const struct {
		const char *key;
		uint64_t *val;
	} map[] = {
		{ "free",		&st->free },
		{ "building",		&st->building },
		{ "claimed",		&st->claimed },
		{ "claims",		&st->claims },
		{ "misses",		&st->misses },
		{ "miss_empty",		&st->miss_empty },
		{ "miss_cred",		&st->miss_cred },
		{ "miss_stale",		&st->miss_stale },
		{ "miss_limit",		&st->miss_limit },
		{ "created",		&st->created },
		{ "destroyed",		&st->destroyed },
		{ "stale",		&st->stale },
		{ "refill_usec",	&st->refill_usec },
		{ "refill_lock_busy",	&st->refill_lock_busy },
		{ "refill_failed",	&st->refill_failed },
	};
	_cleanup_free_ char *text = NULL, *events = NULL;
	size_t len, elen, i;
	int ret;

	ret = cgfs_read_all(pool->fd, "cgroup.pool.stat", &text, &len);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: cgroup.pool.stat", pool->path);
	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		/* A key that an older or newer kernel lacks stays unknown. */
		ret = parse_flat_key(text, len, map[i].key, map[i].val);
		if (ret && ret != -ENOENT)
			return cgpool_err(pool->ctx, ret, "%s: cgroup.pool.stat: %s", pool->path,
					  map[i].key);
	}
	if (!cgfs_read_all(pool->fd, "cgroup.pool.events", &events, &elen)) {
		parse_flat_key(events, elen, "empty", &st->events_empty);
		parse_flat_key(events, elen, "low", &st->events_low);
	}
	ret = cgfs_read_u64(pool->fd, "cgroup.pool.max", &st->max);
	if (!ret)
		ret = cgfs_read_u64(pool->fd, "cgroup.pool.low", &st->low);
	if (!ret)
		ret = cgfs_read_u64(pool->fd, "cgroup.pool.nest", &st->nest);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: cgroup.pool files", pool->path);
	return 0;
}

static int kernel_take(struct cgpool *pool, const char *name, unsigned int flags, int *fdp)
{
	_cleanup_free_ char *text = NULL;
	char gen[64];
	uint64_t nr_free;
	size_t len;
	int ret, fd, i;

	if (!(flags & CGPOOL_TAKE_FALLBACK)) {
		/*
		 * mkdir(2) does not say whether it hit the pool; another taker may
		 * be faster than this look, then it is an ordinary new cgroup.
		 */
		ret = cgfs_read_all(pool->fd, "cgroup.pool.stat", &text, &len);
		if (!ret)
			ret = parse_flat_key(text, len, "free", &nr_free);
		if (ret)
			return cgpool_err(pool->ctx, ret, "%s: cgroup.pool.stat", pool->path);
		if (!nr_free)
			return -EAGAIN;
	}
	for (i = 0; i < NAME_TRIES; i++) {
		if (!name)
			snprintf(gen, sizeof(gen), "cg-%d-%u", getpid(), pool->seq++);
		ret = sys_mkdirat(pool->fd, name ?: gen, 0755);
		if (ret != -EEXIST || name)
			break;
	}
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s/%s: mkdir", pool->path, name ?: gen);
	fd = cgfs_open_path(pool->fd, name ?: gen);
	if (fd < 0) {
		sys_rmdirat(pool->fd, name ?: gen);
		return cgpool_err(pool->ctx, fd, "%s/%s: open", pool->path, name ?: gen);
	}
	*fdp = fd;
	return 0;
}

static int kernel_lookup(struct cgpool *pool, const char *name, int *fdp)
{
	*fdp = cgfs_open_dir(pool->fd, name);
	return *fdp < 0 ? *fdp : 0;
}

static int kernel_put(struct cgpool *pool, int fd, unsigned int flags, unsigned int timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	char name[NAME_MAX + 1];
	int ret;

	ret = cgfs_name_of(pool->fd, fd, name, sizeof(name));
	if (ret == -ENOENT)
		return 0;
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: put", pool->path);
	ret = pool_empty_cgroup(pool, fd, flags & CGPOOL_PUT_KILL, deadline);
	if (ret) {
		if (ret == -EDEADLK)
			return cgpool_err_plain(pool->ctx, ret,
						"%s/%s: this very process runs inside", pool->path,
						name);
		if (cgpool_explain_busy(pool, fd) <= 0)
			cgpool_err(pool->ctx, ret, "%s/%s: put", pool->path, name);
		return ret;
	}
	for (;;) {
		if (!cgfs_is_same(pool->fd, name, fd))
			return 0;
		ret = sys_rmdirat(pool->fd, name);
		if (!ret || ret == -ENOENT)
			return 0;
		if (ret != -EBUSY || now_ms() >= deadline)
			break;
		sleep_ms(POLL_MS);
	}
	if (ret == -EBUSY && cgpool_explain_busy(pool, fd) > 0)
		return ret;
	return cgpool_err(pool->ctx, ret, "%s/%s: rmdir", pool->path, name);
}

/*
 * Outdated ones wait for their destruction and are not counted as free, but
 * whatever was made was claimed, was destroyed, is free, or is such a one.
 */
static uint64_t nr_outdated(const struct cgpool_stats *st)
{
	uint64_t gone;

	if (st->created == CGPOOL_UNKNOWN || st->claims == CGPOOL_UNKNOWN ||
	    st->destroyed == CGPOOL_UNKNOWN)
		return 0;
	gone = st->claims + st->destroyed + st->free;
	return st->created > gone ? st->created - gone : 0;
}

static int kernel_drain(struct cgpool *pool, unsigned int timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	struct cgpool_stats st = { .sz = sizeof(st) };
	int ret;

	ret = kernel_resize(pool, 0);
	if (ret)
		return ret;
	for (;;) {
		ret = kernel_stats(pool, &st);
		if (ret)
			return ret;
		if (!st.free && !nr_outdated(&st) &&
		    (!st.building || st.building == CGPOOL_UNKNOWN))
			return 0;
		if (now_ms() >= deadline)
			return cgpool_err_plain(pool->ctx, -ETIMEDOUT,
						"%s: %llu still free and %llu outdated after %u ms",
						pool->path, (unsigned long long)st.free,
						(unsigned long long)nr_outdated(&st), timeout_ms);
		sleep_ms(POLL_MS);
	}
}

static int kernel_forget(struct cgpool *pool)
{
	/* The files stay until the directory goes; a size of zero means off. */
	return kernel_resize(pool, 0);
}

static int kernel_slots(struct cgpool *pool,
			int (*fn)(const struct cgpool_slot *slot, void *data), void *data)
{
	_cleanup_dir_ DIR *dir = cgfs_opendir(pool->fd);
	struct dirent *de;
	int ret;

	if (!dir)
		return cgpool_err(pool->ctx, -errno, "%s: readdir", pool->path);
	while ((de = cgfs_next_dir(dir))) {
		_cleanup_close_ int fd = cgfs_open_dir(pool->fd, de->d_name);
		struct cgpool_slot slot = {
			.sz = sizeof(slot),
			.dir = de->d_name,
			.name = de->d_name,
			.state = CGPOOL_SLOT_TAKEN,
		};

		if (fd < 0)
			continue;
		slot.is_populated = cgfs_populated(fd) > 0;
		ret = fn(&slot, data);
		if (ret)
			return ret;
	}
	return 0;
}

const struct cgpool_ops cgpool_kernel_ops = {
	.mode		= CGPOOL_MODE_KERNEL,
	.load		= kernel_load,
	.create		= kernel_create,
	.resize		= kernel_resize,
	.set_low	= kernel_set_low,
	.set_nest	= kernel_set_nest,
	.take		= kernel_take,
	.lookup		= kernel_lookup,
	.put		= kernel_put,
	.stats		= kernel_stats,
	.drain		= kernel_drain,
	.forget		= kernel_forget,
	.slots		= kernel_slots,
};
