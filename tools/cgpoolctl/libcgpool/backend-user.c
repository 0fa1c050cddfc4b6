// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The userspace pool, for kernels without cgroup.pool.*.
 *
 * All state lives in the directory itself: names, and extended attributes of
 * cgroupfs. There is no database and no daemon, so there is nothing that a
 * crash could put out of step. Attributes are trusted.cgpool.* where the caller
 * may write those (a tenant to whom a cgroup was chowned cannot forge them),
 * else user.cgpool.*.
 *
 *   parent:  cgpool.max, cgpool.low	size of the pool; their presence is the pool
 *   child:   cgpool.state		"taken ..." or "dirty"
 *   child:   cgpool.slot		v1 only: this directory came from the pool
 *
 * v2 has no rename(2): a slot keeps its name cgpool-NNNNN for life.
 *
 *              mkdir                   setxattr(XATTR_CREATE)
 *   (none) -------------> FREE ---------------------------------> TAKEN
 *     ^                no state  \                              "taken ..."
 *     |                           \ setxattr(XATTR_CREATE)          |
 *     |                            v                                | setxattr
 *     +------------- rmdir ------ DIRTY <---------------------------+ (put)
 *                                "dirty" -- reset, removexattr --> FREE
 *
 * The claim is the one call setxattr(XATTR_CREATE), which the kernel makes
 * exclusive and which carries who took it. A process killed before it has
 * nothing; killed after it, the slot stays taken until someone puts it (list
 * and show name it), or, if it was taken with a lease (cgpoolctl exec), until
 * the process is dead and the cgroup empty.
 *
 * v1: the claim is rename("cgpool-NNNNN", name), of which exactly one of any
 * number of callers succeeds, because the source is gone for the others. The
 * attribute that follows only describes. FREE is: named cgpool-NNNNN.
 *
 *   mkdir cgpool-new-*, mark as slot, rename to cgpool-NNNNN     (FREE)
 *   rename to the requested name                                  (TAKEN)
 *   put: "dirty", reset, removexattr, rename to cgpool-NNNNN      (FREE)
 *   remove: rename to cgpool-dead-*, rmdir
 *
 * Only put goes back from TAKEN, and the publishing step (removexattr on v2,
 * rename on v1) is its last. Whoever dies before it leaves a DIRTY slot (or, on
 * v1, a clean one still under its name, to be put again). A DIRTY slot, and a
 * leftover cgpool-new-* or cgpool-dead-*, belongs to nobody: the next resize,
 * put or drain destroys it and makes a new one. It is never reset and reused,
 * so a process that still holds a descriptor of it is left with a dead cgroup
 * and not with somebody else's.
 *
 * Two more locks, both dying with their process: one on the slot while it is
 * DIRTY (put against put, put against cleanup; whoever gets it reads the state
 * again and checks that the name still is this inode), and one on the parent
 * while the number of slots is changed. Where they are, see lock_cgroup().
 *
 * A FREE slot that another user owns or may write to is DIRTY: who can write
 * user.* attributes of it could have made it look free.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "cgfs.h"
#include "parse.h"
#include "private.h"
#include "reset.h"
#include "sys.h"

#define XATTR_STATE	"cgpool.state"
#define XATTR_SLOT	"cgpool.slot"
#define XATTR_MAX	"cgpool.max"
#define XATTR_LOW	"cgpool.low"
#define STATE_DIRTY	"dirty"
#define PREFIX_NEW	"cgpool-new-"
#define PREFIX_DEAD	"cgpool-dead-"
#define NR_NUMBERS	100000
#define NAME_TRIES	1024
#define TAKE_ROUNDS	16
#define LOCK_DIR	"cgpool"

struct slot_info {
	enum cgpool_slot_state state;
	char value[NAME_MAX + 128];	/* of the state attribute, "" if there is none */
	char name[NAME_MAX + 1];	/* taken under */
	int pid;
	unsigned long long start, pid_ns;
	bool is_lease;
};

static const char *xname(const struct cgpool *pool, const char *base, char buf[64])
{
	snprintf(buf, 64, "%s.%s", pool->use_trusted ? "trusted" : "user", base);
	return buf;
}

/* Length >= 0, or -errno; no attribute is -ENODATA. */
static int get_xattr(const struct cgpool *pool, int fd, const char *base, char *buf, size_t size)
{
	char name[64];
	ssize_t len = fgetxattr(fd, xname(pool, base, name), buf, size - 1);

	if (len < 0)
		return -errno;
	buf[len] = '\0';
	return (int)len;
}

static int set_xattr(const struct cgpool *pool, int fd, const char *base, const char *value,
		     int flags)
{
	char name[64];

	return sys_setxattr(fd, xname(pool, base, name), value, flags);
}

static int remove_xattr(const struct cgpool *pool, int fd, const char *base)
{
	char name[64];

	return sys_removexattr(fd, xname(pool, base, name));
}

/* 0 if it cannot be read, for whatever reason. */
static unsigned long long start_time(int pid)
{
	char path[32], text[1024], *p;
	unsigned long long start;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (cgfs_read(AT_FDCWD, path, text, sizeof(text)))
		return 0;
	/* The command may hold blanks and parentheses; count behind the last one. */
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u"
			 " %*u %*u %*u %*u %llu", &start) != 1)
		return 0;
	return start;
}

/* In which pids mean what they mean here; 0 unknown. */
static unsigned long long own_pid_ns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? 0 : (unsigned long long)st.st_ino;
}

/* Nobody but the caller and the owner of the pool may write to it. */
static bool is_ours(struct cgpool *pool, int fd)
{
	struct stat st, up;

	return !fstat(fd, &st) && !fstat(pool->fd, &up) &&
	       (st.st_uid == geteuid() || st.st_uid == up.st_uid) &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* Reads the state of a child. 0; -ENOENT: not of this pool; -errno. */
static int classify(struct cgpool *pool, const char *dir, int fd, struct slot_info *info)
{
	bool has_slot_name = parse_slot_name(dir) >= 0, lease = false;
	unsigned int is_lease = 0;
	char mark[16];
	int ret;

	memset(info, 0, sizeof(*info));
	if (pool->version == 2 && !has_slot_name)
		return -ENOENT;
	ret = get_xattr(pool, fd, XATTR_STATE, info->value, sizeof(info->value));
	if (ret == -ENODATA)
		info->value[0] = '\0';
	else if (ret == -ERANGE)
		strcpy(info->value, "?");	/* not written by us, so not free either */
	else if (ret < 0)
		return ret;

	if (pool->version == 1 && !has_slot_name) {
		if (!strncmp(dir, PREFIX_NEW, strlen(PREFIX_NEW)) ||
		    !strncmp(dir, PREFIX_DEAD, strlen(PREFIX_DEAD))) {
			info->state = CGPOOL_SLOT_DIRTY;
			return 0;
		}
		ret = get_xattr(pool, fd, XATTR_SLOT, mark, sizeof(mark));
		if (ret == -ENODATA && !info->value[0])
			return -ENOENT;
		if (ret < 0 && ret != -ENODATA)
			return ret;
		snprintf(info->name, sizeof(info->name), "%s", dir);
	}
	if (!strcmp(info->value, STATE_DIRTY))
		info->state = CGPOOL_SLOT_DIRTY;
	else if (pool->version == 1)
		info->state = has_slot_name ? CGPOOL_SLOT_FREE : CGPOOL_SLOT_TAKEN;
	else
		info->state = info->value[0] ? CGPOOL_SLOT_TAKEN : CGPOOL_SLOT_FREE;
	if (info->value[0] && info->state == CGPOOL_SLOT_TAKEN) {
		char *name = strstr(info->value, " name=");

		if (sscanf(info->value, "taken pid=%d start=%llu lease=%u id=%*[0-9a-f] ns=%llu",
			   &info->pid, &info->start, &is_lease, &info->pid_ns) >= 3)
			lease = is_lease;
		if (name && pool->version == 2)
			snprintf(info->name, sizeof(info->name), "%s", name + strlen(" name="));
	}
	if (info->state == CGPOOL_SLOT_FREE && !is_ours(pool, fd))
		info->state = CGPOOL_SLOT_DIRTY;
	info->is_lease = lease;
	return 0;
}

typedef int (*slot_fn)(struct cgpool *pool, const char *dir, int fd,
		       const struct slot_info *info, void *data);

static int for_each_slot(struct cgpool *pool, slot_fn fn, void *data)
{
	_cleanup_dir_ DIR *dir = cgfs_opendir(pool->fd);
	struct slot_info info;
	struct dirent *de;
	int ret;

	if (!dir)
		return cgpool_err(pool->ctx, -errno, "%s: readdir", pool->path);
	while ((de = cgfs_next_dir(dir))) {
		_cleanup_close_ int fd = -1;

		if (pool->version == 2 && parse_slot_name(de->d_name) < 0)
			continue;
		fd = cgfs_open_dir(pool->fd, de->d_name);
		if (fd == -ENOENT || fd == -ENODEV)
			continue;
		if (fd < 0)
			return cgpool_err(pool->ctx, fd, "%s/%s", pool->path, de->d_name);
		ret = classify(pool, de->d_name, fd, &info);
		if (ret == -ENOENT || ret == -ENODEV)
			continue;
		if (ret)
			return cgpool_err(pool->ctx, ret, "%s/%s: state", pool->path, de->d_name);
		ret = fn(pool, de->d_name, fd, &info, data);
		if (ret)
			return ret;
	}
	return 0;
}

/* --- locks ---------------------------------------------------------------- */

/*
 * Opens the file with the locks of all cgroups on the device of @cgroup. *@fdp
 * is -1 if there is no place for one, which is so for all who use this pool.
 * All other failures are errors: who takes another lock than the rest has none.
 */
static int open_lock_file(struct cgpool *pool, const struct stat *cgroup, int *fdp)
{
	bool is_fake = pool->ctx->flags & CGPOOL_CTX_FAKE, is_owner;
	int base = is_fake ? pool->ctx->root_fd : AT_FDCWD;
	char path[128], *name;
	struct stat up, st;
	int ret, fd;

	*fdp = -1;
	if (fstat(pool->fd, &up))
		return cgpool_err(pool->ctx, -errno, "%s: lock", pool->path);
	is_owner = up.st_uid == geteuid();
	/* That of the pool's owner, so that he and root find the same one. */
	strcpy(path, is_fake ? "run" : "/run");
	if (up.st_uid)
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "/user/%u",
			 (unsigned int)up.st_uid);
	if (fstatat(base, path, &st, 0)) {
		if (errno == ENOENT || errno == EACCES)
			return 0;
		return cgpool_err(pool->ctx, -errno, "%s: lock: %s", pool->path, path);
	}
	name = path + strlen(path);
	strcpy(name, "/" LOCK_DIR);
	if (is_owner && fstatat(base, path, &st, AT_SYMLINK_NOFOLLOW)) {
		ret = sys_mkdirat(base, path, 0700);
		if (ret == -EACCES || ret == -EPERM || ret == -EROFS)
			return 0;
		if (ret && ret != -EEXIST)
			return cgpool_err(pool->ctx, ret, "%s: lock: mkdir %s", pool->path, path);
	}
	/* The owner makes it before anything else, so root need not do that for him. */
	if (fstatat(base, path, &st, AT_SYMLINK_NOFOLLOW)) {
		cgpool_err(pool->ctx, -errno, "%s: lock: %s", pool->path, path);
		return -ENOLCK;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != up.st_uid || st.st_mode & 077)
		return cgpool_err_plain(pool->ctx, -EPERM,
					"%s: lock: %s is not a directory that only the owner of the pool can enter",
					pool->path, path);
	name = path + strlen(path);
	snprintf(name, sizeof(path) - (size_t)(name - path), "/%u:%u", major(cgroup->st_dev),
		 minor(cgroup->st_dev));
	fd = sys_open_lock(base, path, is_owner);
	if (fd == -EROFS && is_owner)
		return 0;
	if (fd < 0) {
		cgpool_err(pool->ctx, fd, "%s: lock: %s", pool->path, path);
		return fd == -ENOENT ? -ENOLCK : fd;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != up.st_uid) {
		close(fd);
		return cgpool_err_plain(pool->ctx, -EPERM,
					"%s: lock: %s is not a file of the owner of the pool",
					pool->path, path);
	}
	*fdp = fd;
	return 0;
}

/*
 * Locks the cgroup @fd. Returns a descriptor of its own with which the lock
 * goes, also when we are killed; -ETIMEDOUT while somebody else has it (a
 * @deadline of 0: do not wait), -ENOENT if the cgroup is gone, or another
 * -errno, with a message.
 *
 * flock(2) on the directory would need no more than the right to read it, which
 * everybody has: whoever runs inside, or anywhere on the host, could keep it
 * for good. So the lock is one byte of a file that only the owner of the pool
 * and root can open: /run/cgpool/MAJOR:MINOR, or below /run/user/UID if the pool
 * belongs to an unprivileged user. The byte is that of the inode number, which
 * no two cgroups on a device have; the file is never written or removed.
 *
 * Only where that directory cannot be (no /run, or not a writable one; an owner
 * without /run/user/UID) the lock is the directory's own after all.
 */
static int lock_cgroup(struct cgpool *pool, int fd, uint64_t deadline)
{
	struct stat st;
	bool has_file;
	int lock, ret;

	if (fstat(fd, &st))
		return cgpool_err(pool->ctx, -errno, "%s: lock", pool->path);
	ret = open_lock_file(pool, &st, &lock);
	if (ret)
		return ret;
	has_file = lock >= 0;
	if (!has_file)
		lock = cgfs_reopen_dir(fd);
	if (lock == -ENOENT || lock == -ENODEV)
		return -ENOENT;
	if (lock < 0)
		return cgpool_err(pool->ctx, lock, "%s: lock", pool->path);
	for (;;) {
		ret = has_file ? sys_lock_byte(lock, st.st_ino) : sys_flock(lock);
		if (!ret)
			return lock;
		if (ret == -EWOULDBLOCK && now_ms() >= deadline)
			ret = -ETIMEDOUT;
		if (ret != -EWOULDBLOCK)
			break;
		sleep_ms(POLL_MS);
	}
	close(lock);
	return ret == -ETIMEDOUT ? ret : cgpool_err(pool->ctx, ret, "%s: lock", pool->path);
}

static int lock_pool(struct cgpool *pool, uint64_t deadline)
{
	int fd = lock_cgroup(pool, pool->fd, deadline);

	if (fd == -ETIMEDOUT)
		return cgpool_err(pool->ctx, fd, "%s: another cgpoolctl changes this pool",
				  pool->path);
	if (fd == -ENOENT)
		return cgpool_err(pool->ctx, fd, "%s: lock", pool->path);
	return fd;
}

/* --- making and destroying ------------------------------------------------ */

static int temp_name(struct cgpool *pool, const char *prefix, char name[64])
{
	unsigned int salt = 0;

	if (getrandom(&salt, sizeof(salt), GRND_NONBLOCK) < 0)
		salt = 0;
	return snprintf(name, 64, "%s%d-%u-%08x", prefix, getpid(), pool->seq++, salt);
}

/* Gives @from the first unused slot name from *@number on (v1). */
static int rename_to_slot(struct cgpool *pool, const char *from, int *number)
{
	char name[64];
	int ret;

	for (; *number < NR_NUMBERS; (*number)++) {
		snprintf(name, sizeof(name), "cgpool-%05d", *number);
		if (cgfs_exists(pool->fd, name))
			continue;
		ret = sys_renameat(pool->fd, from, name);
		/* A fake tree replaces an empty directory, cgroupfs never does. */
		if (ret != -EEXIST && ret != -ENOTEMPTY)
			return ret;
	}
	return -ENOSPC;
}

/* v1: a new, marked cgroup under a name that nobody takes. */
static int make_hidden_v1(struct cgpool *pool, char name[64])
{
	_cleanup_close_ int fd = -1;
	int ret, i;

	for (i = 0; i < NAME_TRIES; i++) {
		temp_name(pool, PREFIX_NEW, name);
		ret = sys_mkdirat(pool->fd, name, 0755);
		if (ret != -EEXIST)
			break;
	}
	if (ret)
		return ret;
	fd = cgfs_open_dir(pool->fd, name);
	ret = fd < 0 ? fd : set_xattr(pool, fd, XATTR_SLOT, "1", 0);
	if (ret)
		sys_rmdirat(pool->fd, name);
	return ret;
}

static int create_slot(struct cgpool *pool, int *number)
{
	char name[64];
	int ret;

	if (pool->version == 1) {
		int i;

		/* A cleanup may take our unfinished one for a leftover: again. */
		for (i = 0; i < TAKE_ROUNDS; i++) {
			ret = make_hidden_v1(pool, name);
			if (!ret)
				ret = rename_to_slot(pool, name, number);
			if (ret != -ENOENT && ret != -ENODEV)
				break;
		}
	} else {
		ret = -ENOSPC;
		for (; *number < NR_NUMBERS; (*number)++) {
			snprintf(name, sizeof(name), "cgpool-%05d", *number);
			ret = sys_mkdirat(pool->fd, name, 0755);
			if (ret != -EEXIST)
				break;
		}
	}
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: make a cgroup", pool->path);
	cgpool_log(pool->ctx, CGPOOL_LOG_INFO, "%s: made slot %d", pool->path, *number);
	(*number)++;
	return 0;
}

/*
 * Removes a slot that is DIRTY. The caller holds its lock, so nobody else
 * removes it and gives its name to a new one between the look and the rmdir.
 * Unless @kill is set, -EBUSY when something runs inside.
 */
static int destroy_locked(struct cgpool *pool, const char *dir, int fd, bool kill,
			  uint64_t deadline)
{
	int ret = pool_empty_cgroup(pool, fd, kill, deadline);

	if (ret)
		return ret;
	for (;;) {
		if (!cgfs_is_same(pool->fd, dir, fd))
			return 0;
		ret = sys_rmdirat(pool->fd, dir);
		if (ret == -ENOENT)
			return 0;
		if (ret != -EBUSY || now_ms() >= deadline)
			return ret;
		if (!kill && cgfs_populated(fd) > 0)
			return ret;
		sleep_ms(POLL_MS);
	}
}

struct sweep {
	uint64_t deadline;
	unsigned int nr_surplus;	/* FREE ones to remove */
	unsigned int nr_removed;
	int error;			/* first one; the sweep goes on */
};

/*
 * Only when its process is dead for certain: /proc may hide it (hidepid), or
 * there may be no descriptor to read it with, and in another pid namespace the
 * number means another process.
 */
static bool lease_is_void(const struct slot_info *info, int fd)
{
	unsigned long long start;

	if (info->state != CGPOOL_SLOT_TAKEN || !info->is_lease || !info->start ||
	    info->pid <= 0 || !info->pid_ns || info->pid_ns != own_pid_ns())
		return false;
	if (!kill(info->pid, 0) || errno != ESRCH) {
		start = start_time(info->pid);
		if (!start || start == info->start)
			return false;
	}
	return cgfs_populated(fd) == 0;
}

static int sweep_one(struct cgpool *pool, const char *dir, int fd, const struct slot_info *info,
		     void *data)
{
	/* Looks free, but is not ours: nobody takes it, but it is not marked yet. */
	bool is_foreign = info->state == CGPOOL_SLOT_DIRTY && !info->value[0] &&
			  parse_slot_name(dir) >= 0;
	_cleanup_close_ int lock = -1, other = -1;
	bool is_lease = false;
	struct sweep *sweep = data;
	struct slot_info now;
	char dead[64];
	int ret;

	if (!strncmp(dir, PREFIX_NEW, strlen(PREFIX_NEW))) {
		/*
		 * Its maker may be alive and about to rename it, so touch it by
		 * name only: either it is still a leftover, or it is not there.
		 */
		ret = sys_rmdirat(pool->fd, dir);
		if (ret == -ENOENT)
			ret = 0;
		goto out;
	}
	if (info->state == CGPOOL_SLOT_FREE || is_foreign) {
		/* Processes that somebody put into a free one are not ours to kill. */
		if (!is_foreign && (!sweep->nr_surplus || cgfs_populated(fd) > 0))
			return 0;
		/* Claim it like a taker would. */
		if (pool->version == 2) {
			ret = set_xattr(pool, fd, XATTR_STATE, STATE_DIRTY, XATTR_CREATE);
			if (ret == -EEXIST)
				return 0;
		} else {
			temp_name(pool, PREFIX_DEAD, dead);
			ret = sys_renameat(pool->fd, dir, dead);
			if (ret == -ENOENT)
				return 0;
			/*
			 * The name may have passed to another free slot since it was
			 * opened; remove that one, it was free just as well.
			 */
			if (!ret && !cgfs_is_same(pool->fd, dead, fd)) {
				other = cgfs_open_dir(pool->fd, dead);
				if (!is_foreign)
					sweep->nr_surplus--;
				if (other < 0)
					return 0;
				lock = lock_cgroup(pool, other, sweep->deadline);
				ret = lock < 0 ? lock : destroy_locked(pool, dead, other, true,
								       sweep->deadline);
				goto out;
			}
			dir = dead;
		}
		if (ret)
			goto out;
		if (!is_foreign)
			sweep->nr_surplus--;
	} else if (info->state == CGPOOL_SLOT_TAKEN && !lease_is_void(info, fd)) {
		return 0;
	}

	/* A put that is alive holds the lock and will finish by itself. */
	lock = lock_cgroup(pool, fd, 0);
	if (lock == -ETIMEDOUT || lock == -ENOENT)
		return 0;
	ret = lock < 0 ? lock : classify(pool, dir, fd, &now);
	if (!ret && now.state == CGPOOL_SLOT_TAKEN) {
		if (strcmp(now.value, info->value) || !lease_is_void(&now, fd))
			return 0;
		is_lease = true;
		ret = set_xattr(pool, fd, XATTR_STATE, STATE_DIRTY, XATTR_REPLACE);
	} else if (!ret && now.state != CGPOOL_SLOT_DIRTY) {
		return 0;
	}
	if (!ret)
		ret = destroy_locked(pool, dir, fd, !is_lease, sweep->deadline);
	/* Something was born or moved in meanwhile: then it is in use, as before. */
	if (ret == -EBUSY && is_lease) {
		ret = set_xattr(pool, fd, XATTR_STATE, now.value, XATTR_REPLACE);
		if (!ret)
			return 0;
	}
	if (ret == -ENOENT)
		ret = 0;
out:
	if (!ret)
		sweep->nr_removed++;
	else if (!sweep->error)
		sweep->error = cgpool_err(pool->ctx, ret, "%s/%s: remove", pool->path, dir);
	return 0;
}

/* Destroys what is DIRTY, and @surplus FREE ones. */
static int sweep(struct cgpool *pool, unsigned int surplus, uint64_t deadline)
{
	struct sweep sweep = { .deadline = deadline, .nr_surplus = surplus };
	int ret = for_each_slot(pool, sweep_one, &sweep);

	return ret ?: sweep.error;
}

struct count {
	unsigned int nr_free, nr_taken, nr_dirty;
};

static int count_one(struct cgpool *pool, const char *dir, int fd, const struct slot_info *info,
		     void *data)
{
	struct count *count = data;

	(void)pool;
	(void)dir;
	(void)fd;
	count->nr_free += info->state == CGPOOL_SLOT_FREE;
	count->nr_taken += info->state == CGPOOL_SLOT_TAKEN;
	count->nr_dirty += info->state == CGPOOL_SLOT_DIRTY;
	return 0;
}

static int count_slots(struct cgpool *pool, struct count *count)
{
	memset(count, 0, sizeof(*count));
	return for_each_slot(pool, count_one, count);
}

static int get_limit(struct cgpool *pool, const char *base, unsigned int *val)
{
	char text[32];
	uint64_t num;
	int ret = get_xattr(pool, pool->fd, base, text, sizeof(text));

	if (ret >= 0)
		ret = parse_u64(text, &num);
	if (!ret && num > UINT32_MAX)
		ret = -ERANGE;
	if (ret)
		return ret;
	*val = (unsigned int)num;
	return 0;
}

static int get_limits(struct cgpool *pool, unsigned int *max, unsigned int *low)
{
	int ret = get_limit(pool, XATTR_MAX, max);

	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: size of the pool", pool->path);
	ret = get_limit(pool, XATTR_LOW, low);
	if (ret == -ENODATA) {
		*low = (*max + 1) / 2;
		ret = 0;
	}
	return ret ? cgpool_err(pool->ctx, ret, "%s: low mark of the pool", pool->path) : 0;
}

static int set_limit(struct cgpool *pool, const char *base, unsigned int val)
{
	char text[16];
	int ret;

	snprintf(text, sizeof(text), "%u", val);
	ret = set_xattr(pool, pool->fd, base, text, 0);
	return ret ? cgpool_err(pool->ctx, ret, "%s: set %s", pool->path, base) : 0;
}

/* Cleans up, then makes free slots until there are @target. Pool lock held. */
static int grow(struct cgpool *pool, unsigned int target, uint64_t deadline)
{
	struct count count;
	int ret, number = 0, err;

	/* What cannot be cleaned up must not keep the pool from being filled. */
	err = sweep(pool, 0, deadline);
	ret = count_slots(pool, &count);
	while (!ret && count.nr_free < target) {
		ret = create_slot(pool, &number);
		count.nr_free++;
	}
	return ret ?: err;
}

/* The same, and removes what is above @max. */
static int adjust(struct cgpool *pool, unsigned int max, uint64_t deadline)
{
	struct count count;
	int ret, err;

	err = grow(pool, max, deadline);
	ret = count_slots(pool, &count);
	if (!ret && count.nr_free > max)
		ret = sweep(pool, count.nr_free - max, deadline);
	return ret ?: err;
}

/* --- operations ----------------------------------------------------------- */

static int user_load(struct cgpool *pool)
{
	char text[32];
	int ret;

	pool->use_trusted = true;
	ret = get_xattr(pool, pool->fd, XATTR_MAX, text, sizeof(text));
	if (ret >= 0)
		return 1;
	pool->use_trusted = false;
	ret = get_xattr(pool, pool->fd, XATTR_MAX, text, sizeof(text));
	if (ret >= 0)
		return 1;
	return ret == -ENODATA || ret == -EOPNOTSUPP ? 0 : ret;
}

static int user_resize(struct cgpool *pool, unsigned int max)
{
	uint64_t deadline = now_ms() + DEFAULT_TIMEOUT_MS;
	_cleanup_close_ int lock = lock_pool(pool, deadline);
	int ret;

	if (lock < 0)
		return lock;
	ret = set_limit(pool, XATTR_MAX, max);
	return ret ?: adjust(pool, max, deadline);
}

static int user_set_low(struct cgpool *pool, unsigned int low)
{
	int ret;

	if (low != CGPOOL_LOW_DEFAULT)
		return set_limit(pool, XATTR_LOW, low);
	ret = remove_xattr(pool, pool->fd, XATTR_LOW);
	if (ret && ret != -ENODATA)
		return cgpool_err(pool->ctx, ret, "%s: low mark", pool->path);
	return 0;
}

static int user_set_nest(struct cgpool *pool, unsigned int nest)
{
	if (!nest)
		return 0;
	return cgpool_err_plain(pool->ctx, -EOPNOTSUPP,
				"%s: a userspace pool cannot nest, that needs the kernel's pool",
				pool->path);
}

static int user_create(struct cgpool *pool, unsigned int max, unsigned int low, unsigned int nest)
{
	int ret;

	ret = user_set_nest(pool, nest);
	if (ret)
		return ret;
	/* trusted.* needs CAP_SYS_ADMIN, user.* a kernel that has it on cgroupfs (5.7). */
	pool->use_trusted = true;
	ret = set_xattr(pool, pool->fd, XATTR_MAX, "0", 0);
	if (ret == -EPERM || ret == -EACCES || ret == -EOPNOTSUPP) {
		pool->use_trusted = false;
		ret = set_xattr(pool, pool->fd, XATTR_MAX, "0", 0);
	}
	if (ret == -EOPNOTSUPP)
		return cgpool_err_plain(pool->ctx, ret,
					"%s: no extended attributes here, a userspace pool needs them",
					pool->path);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: mark as pool", pool->path);
	if (low != CGPOOL_LOW_DEFAULT)
		ret = user_set_low(pool, low);
	return ret ?: user_resize(pool, max);
}

static int count_state(struct cgpool *pool, struct cgpool_stats *st)
{
	struct count count;
	int ret = count_slots(pool, &count);

	if (ret)
		return ret;
	st->free = count.nr_free;
	st->claimed = count.nr_taken;
	st->dirty = count.nr_dirty;
	return 0;
}

static int user_stats(struct cgpool *pool, struct cgpool_stats *st)
{
	unsigned int max, low;
	int ret = get_limits(pool, &max, &low);

	if (ret)
		return ret;
	st->max = max;
	st->low = low;
	st->nest = 0;
	st->building = 0;
	return count_state(pool, st);
}

struct take {
	const char *name;
	char value[NAME_MAX + 128];
	int fd;		/* readable, to look and to give back */
	int path;	/* O_PATH, for the caller */
};

static void close_take(struct take *take)
{
	close_fdp(&take->fd);
	close_fdp(&take->path);
	take->fd = -1;
	take->path = -1;
}

/* Before a claim: who has no descriptors left must not claim anything. */
static int open_take(struct take *take, int fd)
{
	take->fd = cgfs_reopen_dir(fd);
	if (take->fd < 0)
		return take->fd;
	take->path = cgfs_reopen_path(fd);
	if (take->path < 0) {
		int ret = take->path;

		close_take(take);
		return ret;
	}
	return 0;
}

static int is_name(struct cgpool *pool, const char *dir, int fd, const struct slot_info *info,
		   void *data)
{
	struct take *take = data;

	(void)pool;
	(void)dir;
	if (info->state != CGPOOL_SLOT_TAKEN || strcmp(info->name, take->name) ||
	    !strcmp(info->value, take->value))
		return 0;
	take->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return take->fd < 0 ? -errno : 1;
}

/*
 * Gives a claim back that was never used. Under the lock, because a put may
 * have found it by name meanwhile; then that one finishes it.
 */
static void release_claim(struct cgpool *pool, struct take *take)
{
	_cleanup_close_ int lock = -1;
	char now[sizeof(take->value)];

	/* Where it fails for want of descriptors, this makes room for the lock. */
	close_fdp(&take->path);
	take->path = -1;
	lock = lock_cgroup(pool, take->fd, now_ms() + DEFAULT_TIMEOUT_MS);
	if (lock >= 0 && get_xattr(pool, take->fd, XATTR_STATE, now, sizeof(now)) >= 0 &&
	    !strcmp(now, take->value))
		remove_xattr(pool, take->fd, XATTR_STATE);
	close_take(take);
}

/* Is a slot that seems free unfit? 1 entered, or gone; -errno if that cannot be told. */
static int is_unfit(int fd)
{
	/* Somebody may have put a process into a free one behind our back. */
	int ret = cgfs_populated(fd);

	return ret == -ENOENT || ret == -ENODEV ? 1 : ret;
}

static int take_one_v2(struct cgpool *pool, const char *dir, int fd, const struct slot_info *info,
		       void *data)
{
	struct take *take = data;
	int ret;

	if (info->state != CGPOOL_SLOT_FREE)
		return 0;
	ret = is_unfit(fd);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = open_take(take, fd);
	if (!ret) {
		ret = set_xattr(pool, fd, XATTR_STATE, take->value, XATTR_CREATE);
		if (ret)
			close_take(take);
	}
	if (ret == -EEXIST || ret == -ENOENT || ret == -ENODEV)
		return 0;
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s/%s: claim", pool->path, dir);
	/* From here on it is ours. It may still have been removed, or entered. */
	if (cgfs_is_dead(fd)) {
		close_take(take);
		return 0;
	}
	ret = is_unfit(fd);
	if (!ret)
		return 1;
	release_claim(pool, take);
	return ret < 0 ? ret : 0;
}

static int take_v2(struct cgpool *pool, struct take *take)
{
	struct take same = *take;
	int ret;

	ret = for_each_slot(pool, take_one_v2, take);
	if (ret < 0)
		return ret;
	if (!ret)
		return -EAGAIN;
	/*
	 * The claim is exclusive in the slot, not in the name. Two that ask for
	 * the same name at once may both see the other and both give up, but
	 * never both keep it.
	 */
	same.fd = -1;
	ret = for_each_slot(pool, is_name, &same);
	close_fdp(&same.fd);
	if (!ret)
		return 0;
	release_claim(pool, take);
	return ret > 0 ? -EEXIST : ret;
}

/*
 * v1: back to a free name. The lock keeps away a put that would let the name
 * pass to another cgroup between the look and the rename.
 */
static void release_name(struct cgpool *pool, struct take *take)
{
	_cleanup_close_ int lock = -1;
	int number = 0;

	close_fdp(&take->path);
	take->path = -1;
	lock = lock_cgroup(pool, take->fd, now_ms() + DEFAULT_TIMEOUT_MS);
	if (lock >= 0 && cgfs_is_same(pool->fd, take->name, take->fd))
		rename_to_slot(pool, take->name, &number);
	close_take(take);
}

/* @from is a cgroup that only we know, or a free slot. */
static int claim_v1(struct cgpool *pool, const char *from, struct take *take)
{
	_cleanup_close_ int fd = -1;
	int ret;

	/* rename(2) would move a fake tree's directory over an empty one. */
	if (cgfs_exists(pool->fd, take->name))
		return -EEXIST;
	fd = cgfs_open_dir(pool->fd, from);
	if (fd < 0)
		return fd;
	ret = open_take(take, fd);
	if (ret)
		return ret;
	ret = sys_renameat(pool->fd, from, take->name);
	if (ret) {
		close_take(take);
		return ret == -ENOTEMPTY ? -EEXIST : ret;
	}
	if (!cgfs_is_same(pool->fd, take->name, fd)) {
		/* @from had passed to another free slot. What was opened makes room. */
		close_take(take);
		close(fd);
		fd = cgfs_open_dir(pool->fd, take->name);
		ret = fd < 0 ? fd : open_take(take, fd);
		if (ret)
			return ret;
	}
	/* Entered while it was free: leave it to those inside. */
	ret = is_unfit(fd);
	if (ret > 0)
		ret = -EBUSY;
	if (!ret)
		ret = set_xattr(pool, fd, XATTR_SLOT, "1", 0);
	/* Exclusive against a put that found no attribute. */
	if (!ret) {
		ret = set_xattr(pool, fd, XATTR_STATE, take->value, XATTR_CREATE);
		if (ret == -EEXIST) {
			close_take(take);
			return -EBUSY;
		}
	}
	if (ret)
		release_name(pool, take);
	return ret;
}

static int take_one_v1(struct cgpool *pool, const char *dir, int fd, const struct slot_info *info,
		       void *data)
{
	int ret;

	if (info->state != CGPOOL_SLOT_FREE)
		return 0;
	ret = is_unfit(fd);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = claim_v1(pool, dir, data);
	/* Gone, or entered: the next one. */
	if (ret == -ENOENT || ret == -EBUSY)
		return 0;
	return ret ?: 1;
}

static int take_v1(struct cgpool *pool, struct take *take)
{
	int ret = for_each_slot(pool, take_one_v1, take);

	return ret > 0 ? 0 : ret ?: -EAGAIN;
}

static int take_new(struct cgpool *pool, struct take *take)
{
	char name[64];
	int ret, number = 0;

	if (pool->version == 1) {
		ret = make_hidden_v1(pool, name);
		return ret ?: claim_v1(pool, name, take);
	}
	/* It is free for all as soon as it exists; another one may be faster. */
	ret = create_slot(pool, &number);
	return ret ?: take_v2(pool, take);
}

static int user_take(struct cgpool *pool, const char *name, unsigned int flags, int *fdp)
{
	struct take take = { .fd = -1, .path = -1 };
	uint64_t id = 0;
	char gen[64];
	int ret, round, len;

	if (!name) {
		snprintf(gen, sizeof(gen), "cg-%d-%u", getpid(), pool->seq++);
		name = gen;
	}
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return cgpool_err(pool->ctx, -EIO, "%s: getrandom", pool->path);
	take.name = name;
	len = snprintf(take.value, sizeof(take.value),
		       "taken pid=%d start=%llu lease=%d id=%016llx ns=%llu name=%s", getpid(),
		       start_time(getpid()), flags & CGPOOL_TAKE_LEASE ? 1 : 0,
		       (unsigned long long)id, own_pid_ns(), name);
	if (len < 0 || (size_t)len >= sizeof(take.value))
		return cgpool_err(pool->ctx, -ENAMETOOLONG, "%s/%s: take", pool->path, name);

	ret = pool->version == 2 ? take_v2(pool, &take) : take_v1(pool, &take);
	for (round = 0; flags & CGPOOL_TAKE_FALLBACK && round < TAKE_ROUNDS; round++) {
		if (ret != -EAGAIN && ret != -ENOENT)
			break;
		ret = take_new(pool, &take);
	}
	if (ret == -EAGAIN)
		return ret;
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s/%s: take", pool->path, name);
	*fdp = take.path;
	take.path = -1;
	close_take(&take);
	return 0;
}

static int user_lookup(struct cgpool *pool, const char *name, int *fdp)
{
	struct take take = { .name = name, .fd = -1 };
	struct slot_info info;
	int ret, fd;

	if (pool->version == 2) {
		ret = for_each_slot(pool, is_name, &take);
		if (ret < 0)
			return ret;
		if (ret) {
			*fdp = take.fd;
			return 0;
		}
	}
	/* By directory name, as show prints it. */
	fd = cgfs_open_dir(pool->fd, name);
	if (fd < 0)
		return fd;
	ret = classify(pool, name, fd, &info);
	if (!ret && info.state == CGPOOL_SLOT_FREE)
		ret = -ENOENT;
	if (ret) {
		close(fd);
		return ret;
	}
	*fdp = fd;
	return 0;
}

/* Back to FREE. The last call publishes it. Slot lock held. */
static int reset_and_publish(struct cgpool *pool, const char *dir, int fd)
{
	char what[NAME_MAX + 32], state[64], slot[64];
	const char *const keep[] = {
		xname(pool, XATTR_STATE, state), xname(pool, XATTR_SLOT, slot), NULL,
	};
	int ret, number = 0;

	ret = reset_cgroup(fd, pool->fd, pool->version, keep, what, sizeof(what));
	if (ret) {
		cgpool_log(pool->ctx, CGPOOL_LOG_INFO, "%s/%s: %s cannot be reset: %s",
			   pool->path, dir, what, strerror(-ret));
		return ret;
	}
	ret = remove_xattr(pool, fd, XATTR_STATE);
	if (ret || pool->version == 2)
		return ret;
	if (!cgfs_is_same(pool->fd, dir, fd))
		return -ENOENT;
	return rename_to_slot(pool, dir, &number);
}

static int user_put(struct cgpool *pool, int fd, unsigned int flags, unsigned int timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	struct slot_info before, info;
	char dir[NAME_MAX + 1];
	struct count count = { 0 };
	_cleanup_close_ int slot_lock = -1;
	unsigned int max, low;
	int ret;

	ret = get_limits(pool, &max, &low);
	if (ret)
		return ret;
	ret = cgfs_name_of(pool->fd, fd, dir, sizeof(dir));
	if (ret == -ENOENT)
		return 0;
	if (!ret)
		ret = classify(pool, dir, fd, &before);
	if (ret == -ENOENT)
		return cgpool_err_plain(pool->ctx, -EINVAL, "%s/%s: not from this pool",
					pool->path, dir);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s: put", pool->path);

	slot_lock = lock_cgroup(pool, fd, deadline);
	if (slot_lock == -ENOENT)
		return 0;
	if (slot_lock == -ETIMEDOUT)
		return cgpool_err(pool->ctx, slot_lock, "%s/%s: being put by another process",
				  pool->path, dir);
	if (slot_lock < 0)
		return slot_lock;
	/*
	 * Whoever held the lock before us may have finished, and a third one may
	 * have taken it since: compare what we wanted to put with what is there.
	 */
	if (!cgfs_is_same(pool->fd, dir, fd))
		return 0;
	ret = classify(pool, dir, fd, &info);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s/%s: state", pool->path, dir);
	if (info.state == CGPOOL_SLOT_FREE || strcmp(info.value, before.value))
		return cgpool_err_plain(pool->ctx, -ESTALE, "%s/%s: not taken any more", pool->path,
					dir);
	if (!(flags & CGPOOL_PUT_KILL) && cgfs_populated(fd) > 0) {
		if (cgpool_explain_busy(pool, fd) <= 0)
			cgpool_err(pool->ctx, -EBUSY, "%s/%s: put", pool->path, dir);
		return -EBUSY;
	}
	/* Dirty before: its reset was cut short, so it is never reused. */
	if (info.state == CGPOOL_SLOT_DIRTY)
		flags |= CGPOOL_PUT_FRESH;
	/* No attribute: a v1 taker that died, or one that is just about to set it. */
	ret = set_xattr(pool, fd, XATTR_STATE, STATE_DIRTY,
			info.value[0] ? XATTR_REPLACE : XATTR_CREATE);
	if (ret)
		return cgpool_err(pool->ctx, ret, "%s/%s: mark as dirty", pool->path, dir);
	ret = pool_empty_cgroup(pool, fd, flags & CGPOOL_PUT_KILL, deadline);
	if (ret) {
		/* Nothing was reset, and the caller still owns it: as it was. */
		if (info.state == CGPOOL_SLOT_TAKEN) {
			if (info.value[0])
				set_xattr(pool, fd, XATTR_STATE, info.value, XATTR_REPLACE);
			else
				remove_xattr(pool, fd, XATTR_STATE);
		}
		if (ret == -EDEADLK)
			cgpool_err_plain(pool->ctx, ret, "%s/%s: this very process runs inside",
					 pool->path, dir);
		else if (cgpool_explain_busy(pool, fd) <= 0)
			cgpool_err(pool->ctx, ret, "%s/%s: put", pool->path, dir);
		return ret;
	}

	ret = count_slots(pool, &count);
	if (ret)
		return ret;
	if (flags & CGPOOL_PUT_FRESH || count.nr_free >= max ||
	    reset_and_publish(pool, dir, fd)) {
		ret = destroy_locked(pool, dir, fd, true, deadline);
		if (ret)
			return cgpool_err(pool->ctx, ret, "%s/%s: remove", pool->path, dir);
		/* Replace what came from the pool, and fill up below the low mark. */
		if (count.nr_free < max) {
			_cleanup_close_ int lock = lock_pool(pool, deadline);

			ret = lock < 0 ? lock :
			      grow(pool, count.nr_free < low ? max : count.nr_free + 1, deadline);
		}
	} else if (count.nr_free + 1 < low) {
		_cleanup_close_ int lock = lock_pool(pool, deadline);

		ret = lock < 0 ? lock : grow(pool, max, deadline);
	}
	return ret;
}

static int user_drain(struct cgpool *pool, unsigned int timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	_cleanup_close_ int lock = lock_pool(pool, deadline);
	struct count count;
	int ret;

	if (lock < 0)
		return lock;
	ret = set_limit(pool, XATTR_MAX, 0);
	while (!ret) {
		ret = adjust(pool, 0, deadline);
		if (!ret)
			ret = count_slots(pool, &count);
		if (ret || (!count.nr_free && !count.nr_dirty))
			break;
		if (now_ms() >= deadline)
			return cgpool_err_plain(pool->ctx, -ETIMEDOUT,
						"%s: %u free and %u dirty after %u ms", pool->path,
						count.nr_free, count.nr_dirty, timeout_ms);
		sleep_ms(POLL_MS);
	}
	return ret;
}

static int user_forget(struct cgpool *pool)
{
	int ret = remove_xattr(pool, pool->fd, XATTR_LOW);

	if (!ret || ret == -ENODATA)
		ret = remove_xattr(pool, pool->fd, XATTR_MAX);
	if (ret && ret != -ENODATA)
		return cgpool_err(pool->ctx, ret, "%s: unmark", pool->path);
	return 0;
}

struct slots_arg {
	int (*fn)(const struct cgpool_slot *slot, void *data);
	void *data;
};

static int slots_one(struct cgpool *pool, const char *dir, int fd, const struct slot_info *info,
		     void *data)
{
	struct slots_arg *arg = data;
	struct cgpool_slot slot = {
		.sz = sizeof(slot),
		.dir = dir,
		.name = info->name[0] ? info->name : NULL,
		.state = info->state,
		.pid = info->pid,
		.lease = info->is_lease,
		.is_populated = cgfs_populated(fd) > 0,
	};

	(void)pool;
	return arg->fn(&slot, arg->data);
}

static int user_slots(struct cgpool *pool, int (*fn)(const struct cgpool_slot *slot, void *data),
		      void *data)
{
	struct slots_arg arg = { .fn = fn, .data = data };

	return for_each_slot(pool, slots_one, &arg);
}

const struct cgpool_ops cgpool_user_ops = {
	.mode		= CGPOOL_MODE_USERSPACE,
	.load		= user_load,
	.create		= user_create,
	.resize		= user_resize,
	.set_low	= user_set_low,
	.set_nest	= user_set_nest,
	.take		= user_take,
	.lookup		= user_lookup,
	.put		= user_put,
	.stats		= user_stats,
	.drain		= user_drain,
	.forget		= user_forget,
	.slots		= user_slots,
};
