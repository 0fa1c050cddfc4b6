// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The library on a fake tree: ordinary directories that look like cgroupfs as
 * far as each test needs. Needs no root; extended attributes, which the
 * userspace pool lives on, must work in the directory (TMPDIR, or /tmp), else
 * its tests are skipped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libcgpool.h"

#define NO_PID	"2147483000"	/* above any pid_max */

struct tree {
	char root[128];
	int fd;
	struct cgpool_ctx *ctx;
	bool has_xattr;
};

static void make_file(int dfd, const char *path, const char *text)
{
	int fd = openat(dfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* One that the kernel lets nobody write. */
static void make_ro_file(int dfd, const char *path, const char *text)
{
	make_file(dfd, path, text);
	assert_int_equal(fchmodat(dfd, path, 0444, 0), 0);
}

static void read_file(int dfd, const char *path, char *buf, size_t size)
{
	int fd = openat(dfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, size - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	close(fd);
}

static void make_cgroup(struct tree *t, const char *path, bool is_v2)
{
	char name[256];

	assert_int_equal(mkdirat(t->fd, path, 0755), 0);
	snprintf(name, sizeof(name), "%s/cgroup.procs", path);
	make_file(t->fd, name, "");
	if (!is_v2)
		return;
	snprintf(name, sizeof(name), "%s/cgroup.controllers", path);
	make_file(t->fd, name, "cpu memory\n");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static struct cgpool_ctx *new_ctx(struct tree *t, enum cgpool_mode mode, unsigned int flags)
{
	struct cgpool_ctx_opts opts = {
		.sz = sizeof(opts), .root = t->root, .mode = mode,
		.flags = CGPOOL_CTX_FAKE | flags,
	};
	struct cgpool_ctx *ctx;

	assert_int_equal(cgpool_new(&ctx, &opts), 0);
	return ctx;
}

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(t);
	snprintf(t->root, sizeof(t->root), "%s/cgpool-test-XXXXXX", tmp ?: "/tmp");
	assert_non_null(mkdtemp(t->root));
	t->fd = open(t->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->fd >= 0);
	t->has_xattr = !fsetxattr(t->fd, "user.cgpool.test", "1", 1, 0) ||
		       !fsetxattr(t->fd, "trusted.cgpool.test", "1", 1, 0);
	make_file(t->fd, "cgroup.controllers", "cpu memory\n");
	make_cgroup(t, "p", true);
	make_cgroup(t, "one", false);
	t->ctx = new_ctx(t, CGPOOL_MODE_AUTO, 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;

	cgpool_ctx_unref(t->ctx);
	close(t->fd);
	nftw(t->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	return 0;
}

#define NEEDS_XATTR(t) do { if (!(t)->has_xattr) skip(); } while (0)

static struct cgpool *create(struct tree *t, const char *path, unsigned int max)
{
	struct cgpool_create_opts opts = {
		.sz = sizeof(opts), .max = max, .low = CGPOOL_LOW_DEFAULT,
	};
	struct cgpool *pool;
	int ret = cgpool_create(t->ctx, path, &opts, &pool);

	if (ret)
		print_error("%s\n", cgpool_errmsg(t->ctx));
	assert_int_equal(ret, 0);
	return pool;
}

static int take(struct cgpool *pool, const char *name, unsigned int flags)
{
	struct cgpool_take_opts opts = { .sz = sizeof(opts), .name = name, .flags = flags };
	int fd, ret = cgpool_take(pool, &opts, &fd);

	return ret ?: fd;
}

static uint64_t stat_free(struct cgpool *pool)
{
	struct cgpool_stats st = { .sz = sizeof(st) };

	assert_int_equal(cgpool_stats(pool, &st), 0);
	return st.free;
}

static ino_t inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void set_state(struct cgpool *pool, struct tree *t, const char *path, const char *value)
{
	int fd = openat(t->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[8];

	(void)pool;
	assert_true(fd >= 0);
	/* The namespace that the pool chose is the one its parent is marked in. */
	if (getxattr(t->root, "user.none", buf, 0) < 0 && geteuid() == 0 &&
	    !fsetxattr(fd, "trusted.cgpool.state", value, strlen(value), 0)) {
		close(fd);
		return;
	}
	assert_int_equal(fsetxattr(fd, "user.cgpool.state", value, strlen(value), 0), 0);
	close(fd);
}

/* --- contexts and paths --------------------------------------------------- */

static void new_refuses_what_is_not_cgroupfs(void **state)
{
	struct tree *t = *state;
	struct cgpool_ctx_opts opts = { .sz = sizeof(opts), .root = t->root };
	struct cgpool_ctx *ctx;

	assert_int_equal(cgpool_new(&ctx, &opts), -ENOTTY);
	assert_null(ctx);
	opts.root = "/no/such/directory";
	assert_int_equal(cgpool_new(&ctx, &opts), -ENOENT);
}

static void opts_of_other_versions(void **state)
{
	struct tree *t = *state;
	struct {
		struct cgpool_ctx_opts opts;
		char more[16];
	} big = { .opts = { .sz = sizeof(big), .root = t->root, .flags = CGPOOL_CTX_FAKE } };
	struct cgpool_ctx *ctx;
	struct cgpool_ctx_opts small = { .sz = 4 };

	assert_int_equal(cgpool_new(&ctx, &big.opts), 0);
	cgpool_ctx_unref(ctx);
	big.more[3] = 1;
	assert_int_equal(cgpool_new(&ctx, &big.opts), -E2BIG);
	assert_int_equal(cgpool_new(&ctx, &small), -EINVAL);
	big.more[3] = 0;
	big.opts.flags = 1U << 31;
	assert_int_equal(cgpool_new(&ctx, &big.opts), -EINVAL);
}

static void open_stays_below_the_root(struct tree *t, unsigned int flags)
{
	struct cgpool_ctx *ctx = new_ctx(t, CGPOOL_MODE_AUTO, flags);
	struct cgpool *pool;

	assert_int_equal(symlinkat("/tmp", t->fd, "link"), 0);
	assert_int_equal(symlinkat("p", t->fd, "inner"), 0);
	assert_int_equal(cgpool_open(ctx, "..", &pool), -EXDEV);
	assert_int_equal(cgpool_open(ctx, "p/../../x", &pool), -EXDEV);
	assert_true(cgpool_open(ctx, "link", &pool) < 0);
	assert_true(cgpool_open(ctx, "link/x", &pool) < 0);
	assert_true(cgpool_open(ctx, "inner", &pool) < 0);
	assert_int_equal(cgpool_open(ctx, "nothing", &pool), -ENOENT);
	assert_non_null(strstr(cgpool_errmsg(ctx), "nothing"));
	/* exists, but is no pool; a leading slash means the root given */
	assert_int_equal(cgpool_open(ctx, "p", &pool), -ENODATA);
	assert_int_equal(cgpool_open(ctx, "/p/", &pool), -ENODATA);
	assert_int_equal(cgpool_open(ctx, "./p/.", &pool), -ENODATA);
	cgpool_ctx_unref(ctx);
}

static void open_stays_below_with_openat2(void **state)
{
	open_stays_below_the_root(*state, 0);
}

static void open_stays_below_without_openat2(void **state)
{
	struct tree *t = *state;
	struct cgpool_ctx *ctx = new_ctx(t, CGPOOL_MODE_AUTO, CGPOOL_CTX_NO_OPENAT2);

	assert_int_equal(cgpool_probe(ctx, CGPOOL_FEATURE_OPENAT2), 0);
	cgpool_ctx_unref(ctx);
	open_stays_below_the_root(t, CGPOOL_CTX_NO_OPENAT2);
}

/* --- userspace, v2 -------------------------------------------------------- */

static void take_gives_an_o_path_directory(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	struct stat st;
	char name[64];
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 2);
	assert_int_equal(cgpool_mode(pool), CGPOOL_MODE_USERSPACE);
	assert_int_equal(cgpool_cgroup_version(pool), 2);
	assert_int_equal(stat_free(pool), 2);
	fd = take(pool, "web", 0);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_PATH | O_DIRECTORY), O_PATH | O_DIRECTORY);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(cgpool_dir_name(pool, fd, name, sizeof(name)), 0);
	assert_int_equal(strncmp(name, "cgpool-", 7), 0);
	assert_int_equal(stat_free(pool), 1);
	close(fd);
	cgpool_unref(pool);
}

static void take_when_empty_returns_eagain(void **state)
{
	struct tree *t = *state;
	struct cgpool_take_opts opts = { .sz = sizeof(opts), .timeout_ms = 30 };
	struct cgpool *pool;
	int a, b, fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	a = take(pool, NULL, 0);
	assert_true(a >= 0);
	assert_int_equal(take(pool, NULL, 0), -EAGAIN);
	assert_non_null(strstr(cgpool_errmsg(t->ctx), "empty"));
	assert_int_equal(cgpool_take(pool, &opts, &fd), -ETIMEDOUT);
	assert_int_equal(fd, -1);
	b = take(pool, NULL, CGPOOL_TAKE_FALLBACK);
	assert_true(b >= 0);
	assert_true(inode(a) != inode(b));
	close(a);
	close(b);
	cgpool_unref(pool);
}

static void take_refuses_a_name_in_use(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	int a, b;

	NEEDS_XATTR(t);
	pool = create(t, "p", 3);
	a = take(pool, "web", 0);
	assert_true(a >= 0);
	assert_int_equal(take(pool, "web", 0), -EEXIST);
	/* and what it had claimed is free again */
	assert_int_equal(stat_free(pool), 2);
	assert_int_equal(take(pool, "../x", 0), -EINVAL);
	assert_int_equal(cgpool_lookup(pool, "web", &b), 0);
	assert_true(inode(a) == inode(b));
	assert_int_equal(cgpool_lookup(pool, "other", &(int){ 0 }), -ENOENT);
	close(a);
	close(b);
	cgpool_unref(pool);
}

static void put_resets_by_writes(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char buf[128];
	int fd, dir;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = take(pool, "web", 0);
	assert_true(fd >= 0);
	make_file(fd, "cpu.max", "5000 100000\n");
	make_file(fd, "memory.max", "4096\n");
	make_file(fd, "io.max", "8:0 rbps=1 wbps=max riops=max wiops=max\n");
	make_file(fd, "pids.max", "max\n");
	make_file(fd, "hugetlb.2MB.max", "0\n");
	make_ro_file(fd, "memory.events", "oom 3\n");
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	read_file(dir, "cpu.max", buf, sizeof(buf));
	assert_string_equal(buf, "max 100000");
	read_file(dir, "memory.max", buf, sizeof(buf));
	assert_string_equal(buf, "max");
	read_file(dir, "io.max", buf, sizeof(buf));
	assert_string_equal(buf, "8:0 rbps=max wbps=max riops=max wiops=max");
	read_file(dir, "hugetlb.2MB.max", buf, sizeof(buf));
	assert_string_equal(buf, "max");
	/* not written when it has the value already, nor without a reset */
	read_file(dir, "pids.max", buf, sizeof(buf));
	assert_string_equal(buf, "max\n");
	read_file(dir, "memory.events", buf, sizeof(buf));
	assert_string_equal(buf, "oom 3\n");
	assert_int_equal(stat_free(pool), 1);
	close(dir);
	close(fd);
	cgpool_unref(pool);
}

static void put_twice_is_refused(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 2);
	fd = take(pool, "web", 0);
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	assert_int_equal(cgpool_put(pool, fd, NULL), -ESTALE);
	assert_int_equal(stat_free(pool), 2);
	close(fd);
	cgpool_unref(pool);
}

static void put_of_a_busy_one_names_the_pid(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = take(pool, "web", 0);
	make_file(fd, "cgroup.events", "populated 1\nfrozen 0\n");
	make_file(fd, "cgroup.procs", NO_PID "\n");
	assert_int_equal(cgpool_put(pool, fd, NULL), -EBUSY);
	assert_non_null(strstr(cgpool_errmsg(t->ctx), NO_PID));
	/* still taken */
	assert_int_equal(take(pool, NULL, 0), -EAGAIN);
	close(fd);
	cgpool_unref(pool);
}

static void put_never_kills_the_caller(void **state)
{
	struct tree *t = *state;
	struct cgpool_put_opts opts = { .sz = sizeof(opts), .flags = CGPOOL_PUT_KILL };
	struct cgpool *pool;
	char pid[16];
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = take(pool, "web", 0);
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	make_file(fd, "cgroup.events", "populated 1\nfrozen 0\n");
	make_file(fd, "cgroup.procs", pid);
	assert_int_equal(cgpool_put(pool, fd, &opts), -EDEADLK);
	assert_int_equal(take(pool, NULL, 0), -EAGAIN);
	close(fd);
	cgpool_unref(pool);
}

static void what_cannot_be_reset_is_never_reused(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct cgpool_put_opts opts = { .sz = sizeof(opts), .timeout_ms = 1 };
	struct cgpool *pool;
	int fd, other;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = take(pool, "web", 0);
	/* threaded cannot be undone, and the fake tree cannot rmdir with files in it */
	make_file(fd, "cgroup.type", "threaded\n");
	assert_true(cgpool_put(pool, fd, &opts) < 0);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.dirty, 1);
	assert_int_equal(take(pool, NULL, 0), -EAGAIN);
	/* once it can be removed, resize replaces it */
	assert_int_equal(unlinkat(fd, "cgroup.type", 0), 0);
	assert_int_equal(cgpool_resize(pool, 1), 0);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.dirty, 0);
	assert_int_equal(st.free, 1);
	other = take(pool, NULL, 0);
	assert_true(other >= 0);
	assert_true(inode(other) != inode(fd));
	close(fd);
	close(other);
	cgpool_unref(pool);
}

static void what_does_not_read_back_is_never_reused(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct cgpool_put_opts opts = { .sz = sizeof(opts), .timeout_ms = 1 };
	struct cgpool *pool;
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = take(pool, "web", 0);
	/* a plain file keeps the last line written, which is not what a new one has */
	make_file(fd, "io.weight", "default 50\n8:0 200\n");
	assert_true(cgpool_put(pool, fd, &opts) < 0);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.dirty, 1);
	assert_int_equal(take(pool, NULL, 0), -EAGAIN);
	close(fd);
	cgpool_unref(pool);
}

static int put_now(struct cgpool *pool, int fd)
{
	struct cgpool_put_opts opts = { .sz = sizeof(opts), .timeout_ms = 1 };

	return cgpool_put(pool, fd, &opts);
}

/*
 * Takes one, lets @spoil put files into it, puts it. It must not become free; a
 * fake tree cannot remove it with files in it, so it is left as a dirty one.
 */
static void must_be_replaced(struct tree *t, const char *path, void (*spoil)(int fd))
{
	struct cgpool *pool = create(t, path, 1);
	struct cgpool_stats st = { .sz = sizeof(st) };
	int fd = take(pool, "web", 0);

	assert_true(fd >= 0);
	spoil(fd);
	assert_true(put_now(pool, fd) < 0);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.dirty, 1);
	assert_int_equal(st.free, 0);
	assert_int_equal(take(pool, NULL, 0), -EAGAIN);
	close(fd);
	cgpool_unref(pool);
}

static void with_unknown_file(int fd)
{
	make_file(fd, "future.setting", "1\n");
}

static void an_unknown_writable_file_is_never_reused(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	int fd;

	NEEDS_XATTR(t);
	must_be_replaced(t, "p", with_unknown_file);
	must_be_replaced(t, "one", with_unknown_file);
	/* what nobody can write needs no reset */
	make_cgroup(t, "p2", true);
	pool = create(t, "p2", 1);
	fd = take(pool, "web", 0);
	make_ro_file(fd, "future.statistics", "1\n");
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	assert_int_equal(stat_free(pool), 1);
	close(fd);
	cgpool_unref(pool);
}

static void with_kernel_pool(int fd)
{
	make_file(fd, "cgroup.pool.max", "4\n");
	make_file(fd, "cgroup.pool.low", "2\n");
}

static void what_was_a_pool_of_the_kernel_is_never_reused(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	int fd;

	NEEDS_XATTR(t);
	must_be_replaced(t, "p", with_kernel_pool);
	make_cgroup(t, "p2", true);
	pool = create(t, "p2", 1);
	fd = take(pool, "web", 0);
	/* there on every cgroup of a kernel that has pools */
	make_file(fd, "cgroup.pool.max", "0\n");
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	assert_int_equal(stat_free(pool), 1);
	close(fd);
	cgpool_unref(pool);
}

static void with_other_mode(int fd)
{
	make_file(fd, "cgroup.procs", "");
	assert_int_equal(fchmodat(fd, "cgroup.procs", 0666, 0), 0);
}

static void with_xattr_on_file(int fd)
{
	int file;

	make_file(fd, "cgroup.procs", "");
	file = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsetxattr(file, "user.message", "1", 1, 0), 0);
	close(file);
}

static void files_opened_for_others_are_never_reused(void **state)
{
	struct tree *t = *state;

	NEEDS_XATTR(t);
	must_be_replaced(t, "p", with_other_mode);
	make_cgroup(t, "p2", true);
	must_be_replaced(t, "p2", with_xattr_on_file);
}

static void put_keeps_no_marks_of_the_former_user(void **state)
{
	struct tree *t = *state;
	static const char *const names[] = {
		"user.note", "user.cgpool.max", "user.cgpool.low", "user.cgpool.state.x",
		"trusted.cgpool.max",
	};
	struct cgpool *pool, *inner;
	char buf[32];
	size_t i;
	int fd, dir;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = take(pool, "web", 0);
	dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fsetxattr(dir, names[i], "8", 1, 0))
			assert_int_equal(strncmp(names[i], "trusted.", 8), 0);
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	assert_int_equal(stat_free(pool), 1);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(fgetxattr(dir, names[i], buf, sizeof(buf)) < 0);
	assert_int_equal(cgpool_open(t->ctx, "p/cgpool-00000", &inner), -ENODATA);
	close(dir);
	close(fd);
	cgpool_unref(pool);
}

static void a_free_one_that_others_may_write_is_not_handed_out(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct cgpool *pool;
	const char *path[] = { "p", "one" };
	char name[64];
	int i, fd;

	NEEDS_XATTR(t);
	for (i = 0; i < 2; i++) {
		pool = create(t, path[i], 1);
		snprintf(name, sizeof(name), "%s/cgpool-00000", path[i]);
		assert_int_equal(fchmodat(t->fd, name, 0777, 0), 0);
		assert_int_equal(cgpool_stats(pool, &st), 0);
		assert_int_equal(st.dirty, 1);
		assert_int_equal(take(pool, NULL, 0), -EAGAIN);
		assert_int_equal(cgpool_resize(pool, 1), 0);
		if (!geteuid()) {
			/* whoever owns it can take its mark away */
			assert_int_equal(fchownat(t->fd, name, 1234, 1234, 0), 0);
			assert_int_equal(take(pool, NULL, 0), -EAGAIN);
			assert_int_equal(cgpool_resize(pool, 1), 0);
		}
		assert_int_equal(cgpool_stats(pool, &st), 0);
		assert_int_equal(st.dirty, 0);
		assert_int_equal(st.free, 1);
		fd = take(pool, NULL, 0);
		assert_true(fd >= 0);
		close(fd);
		cgpool_unref(pool);
	}
}

static void messages_have_no_control_sequences(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	const char *p, *msg;
	char pid[16];
	int fd, ready[2], end[2];
	pid_t child;
	char byte;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = take(pool, "web", 0);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	child = fork();
	if (!child) {
		close(end[1]);
		prctl(PR_SET_NAME, "\033]0;x\007\302\2332J");
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(end[0], &byte, 1) != 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	snprintf(pid, sizeof(pid), "%d\n", child);
	make_ro_file(fd, "cgroup.events", "populated 1\nfrozen 0\n");
	make_file(fd, "cgroup.procs", pid);
	assert_int_equal(cgpool_put(pool, fd, NULL), -EBUSY);
	msg = cgpool_errmsg(t->ctx);
	assert_non_null(strstr(msg, "(?]0;x???2J)"));
	for (p = msg; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
	close(end[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(end[0]);
	close(ready[0]);
	close(ready[1]);
	close(fd);
	cgpool_unref(pool);
}

/* --- userspace, locks ------------------------------------------------------ */

/* The directory below which locks are made, as the caller would find it. */
static void make_run(struct tree *t, char dir[64])
{
	assert_int_equal(mkdirat(t->fd, "run", 0755), 0);
	strcpy(dir, "run");
	if (!geteuid())
		return;
	assert_int_equal(mkdirat(t->fd, "run/user", 0755), 0);
	snprintf(dir, 64, "run/user/%u", (unsigned int)geteuid());
	assert_int_equal(mkdirat(t->fd, dir, 0700), 0);
}

static void tenants_cannot_hold_a_lock(struct tree *t, const char *path)
{
	struct cgpool_destroy_opts opts = {
		.sz = sizeof(opts), .flags = CGPOOL_DESTROY_FORCE | CGPOOL_DESTROY_KEEP,
		.timeout_ms = 100,
	};
	struct cgpool *pool = create(t, path, 2);
	int fd, slot, up;

	fd = take(pool, "web", 0);
	assert_true(fd >= 0);
	/* all that this needs is the right to read a directory */
	slot = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	up = openat(t->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(slot, LOCK_EX), 0);
	assert_int_equal(flock(up, LOCK_EX), 0);
	assert_int_equal(put_now(pool, fd), 0);
	close(fd);
	assert_int_equal(cgpool_resize(pool, 3), 0);
	assert_int_equal(stat_free(pool), 3);
	fd = take(pool, "web", 0);
	assert_true(fd >= 0);
	assert_int_equal(cgpool_destroy(pool, &opts), 0);
	close(slot);
	close(up);
	close(fd);
	cgpool_unref(pool);
}

static void locks_are_out_of_reach_of_tenants(void **state)
{
	struct tree *t = *state;
	char dir[64], name[128];
	struct dirent *de;
	struct stat st;
	int nr = 0;
	DIR *d;

	NEEDS_XATTR(t);
	make_run(t, dir);
	tenants_cannot_hold_a_lock(t, "p");
	tenants_cannot_hold_a_lock(t, "one");
	strcat(dir, "/cgpool");
	assert_int_equal(fstatat(t->fd, dir, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	d = fdopendir(openat(t->fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	assert_non_null(d);
	while ((de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%.60s", dir, de->d_name);
		assert_int_equal(fstatat(t->fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		nr++;
	}
	/* one for all: both pools are on the same device */
	assert_int_equal(nr, 1);
	closedir(d);
}

static int lock_as_another(struct tree *t, const char *dir, int cgroup)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	char path[160];
	struct stat st;
	int fd;

	assert_int_equal(fstat(cgroup, &st), 0);
	snprintf(path, sizeof(path), "%s/cgpool/%u:%u", dir, major(st.st_dev), minor(st.st_dev));
	fd = openat(t->fd, path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	lock.l_start = (off_t)st.st_ino;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

static void locks_keep_others_out(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char dir[64];
	int fd, lock;

	NEEDS_XATTR(t);
	make_run(t, dir);
	pool = create(t, "p", 2);
	fd = take(pool, "web", 0);
	lock = lock_as_another(t, dir, fd);
	assert_int_equal(put_now(pool, fd), -ETIMEDOUT);
	assert_non_null(strstr(cgpool_errmsg(t->ctx), "being put by another process"));
	assert_int_equal(stat_free(pool), 1);
	/* and nobody but him: the pool itself is another byte */
	assert_int_equal(cgpool_resize(pool, 2), 0);
	assert_int_equal(stat_free(pool), 2);
	close(lock);
	assert_int_equal(put_now(pool, fd), 0);
	close(fd);
	cgpool_unref(pool);
}

static void without_a_place_for_it_the_lock_is_on_the_directory(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	int fd, slot;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = take(pool, "web", 0);
	slot = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(slot, LOCK_EX), 0);
	assert_int_equal(put_now(pool, fd), -ETIMEDOUT);
	assert_int_equal(flock(slot, LOCK_UN), 0);
	assert_int_equal(put_now(pool, fd), 0);
	assert_int_equal(stat_free(pool), 1);
	close(slot);
	close(fd);
	cgpool_unref(pool);
}

static void a_lock_directory_of_others_is_refused(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char dir[64];

	NEEDS_XATTR(t);
	make_run(t, dir);
	strcat(dir, "/cgpool");
	assert_int_equal(mkdirat(t->fd, dir, 0700), 0);
	pool = create(t, "p", 1);
	assert_int_equal(fchmodat(t->fd, dir, 0755, 0), 0);
	assert_int_equal(cgpool_resize(pool, 2), -EPERM);
	assert_non_null(strstr(cgpool_errmsg(t->ctx), dir));
	assert_int_equal(renameat(t->fd, dir, t->fd, "elsewhere"), 0);
	assert_int_equal(fchmodat(t->fd, "elsewhere", 0700, 0), 0);
	assert_int_equal(symlinkat("/tmp", t->fd, dir), 0);
	assert_int_equal(cgpool_resize(pool, 2), -EPERM);
	assert_int_equal(unlinkat(t->fd, dir, 0), 0);
	if (!geteuid()) {
		assert_int_equal(renameat(t->fd, "elsewhere", t->fd, dir), 0);
		assert_int_equal(fchownat(t->fd, dir, 1234, 1234, 0), 0);
		assert_int_equal(cgpool_resize(pool, 2), -EPERM);
		/* a pool of someone else, who has made no directory yet */
		assert_int_equal(mkdirat(t->fd, "run/user", 0755), 0);
		assert_int_equal(mkdirat(t->fd, "run/user/1234", 0700), 0);
		assert_int_equal(fchownat(t->fd, "p", 1234, 1234, 0), 0);
		assert_int_equal(cgpool_resize(pool, 2), -ENOLCK);
		assert_int_equal(faccessat(t->fd, "run/user/1234/cgpool", F_OK, 0), -1);
	}
	cgpool_unref(pool);
}

static void a_dirty_one_that_is_put_is_replaced(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char buf[8];
	int fd, old;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	old = openat(t->fd, "p/cgpool-00000", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(old >= 0);
	/* survives a reset, but not a removal */
	assert_int_equal(fsetxattr(old, "user.cgpool.witness", "1", 1, 0), 0);
	set_state(pool, t, "p/cgpool-00000", "dirty");
	assert_int_equal(cgpool_lookup(pool, "cgpool-00000", &fd), 0);
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	close(fd);
	close(old);
	assert_int_equal(stat_free(pool), 1);
	fd = openat(t->fd, "p/cgpool-00000", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(fgetxattr(fd, "user.cgpool.witness", buf, sizeof(buf)) < 0);
	close(fd);
	cgpool_unref(pool);
}

static void dirty_slots_are_replaced(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	ino_t before;
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	fd = openat(t->fd, "p/cgpool-00000", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	before = inode(fd);
	set_state(pool, t, "p/cgpool-00000", "dirty");
	assert_int_equal(take(pool, NULL, 0), -EAGAIN);
	assert_int_equal(cgpool_resize(pool, 1), 0);
	assert_int_equal(stat_free(pool), 1);
	close(fd);
	fd = take(pool, NULL, 0);
	assert_true(fd >= 0);
	/* a file system may reuse the number at once; then the mark must be gone */
	if (inode(fd) == before)
		assert_int_equal(stat_free(pool), 0);
	close(fd);
	cgpool_unref(pool);
}

static void set_taken(struct cgpool *pool, struct tree *t, const char *path, const char *pid,
		      int lease, bool has_own_ns)
{
	char value[128];
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	snprintf(value, sizeof(value), "taken pid=%s start=1 lease=%d id=0123456789abcdef ns=%llu name=a",
		 pid, lease, (unsigned long long)st.st_ino + !has_own_ns);
	set_state(pool, t, path, value);
}

static void a_lease_ends_with_its_process(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct cgpool *pool;

	NEEDS_XATTR(t);
	pool = create(t, "p", 3);
	set_taken(pool, t, "p/cgpool-00000", NO_PID, 1, true);
	set_taken(pool, t, "p/cgpool-00001", NO_PID, 0, true);
	set_taken(pool, t, "p/cgpool-00002", NO_PID, 1, true);
	make_file(t->fd, "p/cgpool-00002/cgroup.events", "populated 1\n");
	assert_int_equal(cgpool_resize(pool, 3), 0);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	/* a: gone; b: no lease; c: something still runs in it */
	assert_int_equal(st.claimed, 2);
	assert_int_equal(st.free, 3);
	cgpool_unref(pool);
}

static void a_lease_ends_only_if_its_process_is_dead_for_certain(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct cgpool_take_opts opts = { .sz = sizeof(opts), .flags = CGPOOL_TAKE_LEASE };
	struct cgpool *pool;
	char pid[16];
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 5);
	/* the number means another process there */
	set_taken(pool, t, "p/cgpool-00000", NO_PID, 1, false);
	set_state(pool, t, "p/cgpool-00001", "taken pid=" NO_PID " start=1 lease=1 id=1 name=b");
	/* "pid" of every process */
	set_taken(pool, t, "p/cgpool-00002", "0", 1, true);
	/* that of a process which is alive, but was started at another time */
	snprintf(pid, sizeof(pid), "%d", getpid());
	set_taken(pool, t, "p/cgpool-00003", pid, 1, true);
	/* our own one */
	assert_int_equal(cgpool_take(pool, &opts, &fd), 0);
	assert_int_equal(cgpool_resize(pool, 5), 0);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.claimed, 4);
	assert_int_equal(st.free, 5);
	close(fd);
	cgpool_unref(pool);
}

/* Takes with any number of descriptors left: either one, or nothing happened. */
static void take_without_descriptors(struct tree *t, struct cgpool *pool, const char *name,
				     unsigned int flags, int nr_children)
{
	struct rlimit old, few;
	int probe, i, fd, nr_failed = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	probe = fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
	assert_true(probe >= 0);
	close(probe);
	for (i = 0; i < 32; i++) {
		uint64_t before = cgpool_mode(pool) == CGPOOL_MODE_USERSPACE ? stat_free(pool) : 0;

		few = old;
		few.rlim_cur = (rlim_t)(probe + i);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		fd = take(pool, name, flags);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		if (fd >= 0)
			break;
		assert_int_equal(fd, -EMFILE);
		nr_failed++;
		if (cgpool_mode(pool) == CGPOOL_MODE_USERSPACE) {
			/* a new one may have been made, none may be taken */
			assert_true(stat_free(pool) >= before);
			assert_true(stat_free(pool) <= before + !!(flags & CGPOOL_TAKE_FALLBACK));
		} else {
			assert_int_equal(faccessat(t->fd, "p/web", F_OK, 0), -1);
		}
	}
	assert_true(fd >= 0);
	assert_true(nr_failed >= nr_children);
	close(fd);
}

static void take_v2_without_descriptors_takes_nothing(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char dir[64];

	NEEDS_XATTR(t);
	pool = create(t, "p", 2);
	take_without_descriptors(t, pool, "web", 0, 4);
	take_without_descriptors(t, pool, NULL, 0, 4);
	take_without_descriptors(t, pool, "more", CGPOOL_TAKE_FALLBACK, 1);
	/* and with a lock file instead of the directory */
	make_run(t, dir);
	assert_int_equal(cgpool_resize(pool, 2), 0);
	take_without_descriptors(t, pool, "run", 0, 4);
	cgpool_unref(pool);
}

static void take_v1_without_descriptors_takes_nothing(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char dir[64];

	NEEDS_XATTR(t);
	pool = create(t, "one", 2);
	take_without_descriptors(t, pool, "web", 0, 3);
	take_without_descriptors(t, pool, NULL, 0, 3);
	take_without_descriptors(t, pool, "more", CGPOOL_TAKE_FALLBACK, 1);
	make_run(t, dir);
	assert_int_equal(cgpool_resize(pool, 2), 0);
	take_without_descriptors(t, pool, "run", 0, 3);
	cgpool_unref(pool);
}

static void junk_in_the_mark_means_taken(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char big[2000];

	NEEDS_XATTR(t);
	pool = create(t, "p", 2);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	set_state(pool, t, "p/cgpool-00000", big);
	set_state(pool, t, "p/cgpool-00001", "\001\377 name=");
	assert_int_equal(take(pool, NULL, 0), -EAGAIN);
	cgpool_unref(pool);
}

static void low_mark_refills_at_put(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	int fd[4], i;

	NEEDS_XATTR(t);
	pool = create(t, "p", 4);
	assert_int_equal(cgpool_set_low(pool, 3), 0);
	for (i = 0; i < 4; i++)
		fd[i] = take(pool, NULL, 0);
	assert_int_equal(stat_free(pool), 0);
	assert_int_equal(cgpool_put(pool, fd[0], NULL), 0);
	assert_int_equal(stat_free(pool), 4);
	/* full: what is put now is removed */
	assert_int_equal(cgpool_put(pool, fd[1], NULL), 0);
	assert_int_equal(stat_free(pool), 4);
	for (i = 0; i < 4; i++)
		close(fd[i]);
	cgpool_unref(pool);
}

static void destroy_refuses_while_taken(void **state)
{
	struct tree *t = *state;
	struct cgpool_destroy_opts opts = { .sz = sizeof(opts), .flags = CGPOOL_DESTROY_KEEP };
	struct cgpool *pool;
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "p", 2);
	fd = take(pool, "web", 0);
	assert_int_equal(cgpool_destroy(pool, &opts), -EBUSY);
	assert_int_equal(stat_free(pool), 1);
	opts.flags |= CGPOOL_DESTROY_FORCE;
	assert_int_equal(cgpool_destroy(pool, &opts), 0);
	assert_int_equal(faccessat(t->fd, "p/cgpool-00000", F_OK, 0), -1);
	assert_int_equal(faccessat(t->fd, "p/cgpool-00001", F_OK, 0), -1);
	close(fd);
	cgpool_unref(pool);
	assert_int_equal(cgpool_open(t->ctx, "p", &pool), -ENODATA);
}

static void state_survives_in_the_directory_alone(void **state)
{
	struct tree *t = *state;
	struct cgpool_ctx *ctx;
	struct cgpool *pool;
	int a, b;

	NEEDS_XATTR(t);
	pool = create(t, "p", 3);
	a = take(pool, "web", 0);
	cgpool_unref(pool);
	/* another process, as it were */
	ctx = new_ctx(t, CGPOOL_MODE_AUTO, CGPOOL_CTX_NO_OPENAT2);
	assert_int_equal(cgpool_open(ctx, "p", &pool), 0);
	assert_int_equal(stat_free(pool), 2);
	assert_int_equal(cgpool_lookup(pool, "web", &b), 0);
	assert_true(inode(a) == inode(b));
	assert_int_equal(cgpool_put(pool, b, NULL), 0);
	assert_int_equal(stat_free(pool), 3);
	close(a);
	close(b);
	cgpool_unref(pool);
	cgpool_ctx_unref(ctx);
}

#define TAKERS	4
#define EACH	10

static void no_two_processes_get_the_same(struct tree *t, const char *path)
{
	struct cgpool *pool = create(t, path, TAKERS * EACH);
	ino_t all[TAKERS * EACH];
	int pipes[2], i, j, status;

	cgpool_unref(pool);
	assert_int_equal(pipe(pipes), 0);
	for (i = 0; i < TAKERS; i++) {
		if (fork())
			continue;
		if (cgpool_open(t->ctx, path, &pool))
			_exit(1);
		for (j = 0; j < EACH; j++) {
			int fd = take(pool, NULL, 0);
			struct stat st;

			if (fd < 0 || fstat(fd, &st) ||
			    write(pipes[1], &st.st_ino, sizeof(st.st_ino)) != sizeof(st.st_ino))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < TAKERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	for (i = 0; i < TAKERS * EACH; i++) {
		assert_int_equal(read(pipes[0], &all[i], sizeof(all[i])), sizeof(all[i]));
		for (j = 0; j < i; j++)
			assert_true(all[i] != all[j]);
	}
	close(pipes[0]);
	close(pipes[1]);
}

static void parallel_takes_differ_v2(void **state)
{
	struct tree *t = *state;

	NEEDS_XATTR(t);
	no_two_processes_get_the_same(t, "p");
}

static void parallel_takes_differ_v1(void **state)
{
	struct tree *t = *state;

	NEEDS_XATTR(t);
	no_two_processes_get_the_same(t, "one");
}

/* --- userspace, v1 -------------------------------------------------------- */

static void v1_take_renames_and_put_renames_back(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char buf[64];
	int fd;

	NEEDS_XATTR(t);
	pool = create(t, "one", 2);
	assert_int_equal(cgpool_cgroup_version(pool), 1);
	fd = take(pool, "web", 0);
	assert_true(fd >= 0);
	assert_int_equal(cgpool_dir_name(pool, fd, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "web");
	assert_int_equal(take(pool, "web", 0), -EEXIST);
	assert_int_equal(stat_free(pool), 1);
	make_file(fd, "cpu.shares", "77\n");
	make_file(fd, "memory.limit_in_bytes", "9223372036854771712\n");
	make_file(fd, "notify_on_release", "1\n");
	make_file(t->fd, "one/notify_on_release", "0\n");
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	assert_int_equal(faccessat(t->fd, "one/web", F_OK, 0), -1);
	assert_int_equal(stat_free(pool), 2);
	read_file(fd, "cpu.shares", buf, sizeof(buf));
	assert_string_equal(buf, "1024");
	/* inherited from the parent, as a new one would */
	read_file(fd, "notify_on_release", buf, sizeof(buf));
	assert_string_equal(buf, "0");
	close(fd);
	cgpool_unref(pool);
}

static void with_other_devices(int fd)
{
	make_file(fd, "devices.allow", "");
	make_ro_file(fd, "devices.list", "c 1:3 rwm\nc 10:232 rwm\n");
}

static void with_other_priomap(int fd)
{
	make_file(fd, "net_prio.ifpriomap", "lo 0\neth0 5\n");
}

static void v1_devices_are_those_of_the_parent(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char buf[64];
	int fd;

	NEEDS_XATTR(t);
	make_ro_file(t->fd, "one/devices.list", "a *:* rwm\n");
	make_file(t->fd, "one/net_prio.ifpriomap", "lo 0\neth0 0\n");
	must_be_replaced(t, "one", with_other_devices);
	make_cgroup(t, "one2", false);
	make_file(t->fd, "one2/net_prio.ifpriomap", "lo 0\neth0 0\n");
	must_be_replaced(t, "one2", with_other_priomap);

	/* denied of all: does not show, so it is taken back whatever the list says */
	make_cgroup(t, "one3", false);
	make_ro_file(t->fd, "one3/devices.list", "a *:* rwm\n");
	pool = create(t, "one3", 1);
	fd = take(pool, "web", 0);
	make_file(fd, "devices.allow", "");
	make_file(fd, "devices.deny", "");
	make_ro_file(fd, "devices.list", "a *:* rwm\n");
	make_file(fd, "cpu.rt_period_us", "500000\n");
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	assert_int_equal(stat_free(pool), 1);
	read_file(fd, "devices.allow", buf, sizeof(buf));
	assert_string_equal(buf, "a");
	read_file(fd, "cpu.rt_period_us", buf, sizeof(buf));
	assert_string_equal(buf, "1000000");
	close(fd);
	cgpool_unref(pool);

	/* the parent has a list of what is allowed: compared, never widened */
	make_cgroup(t, "one4", false);
	make_ro_file(t->fd, "one4/devices.list", "c 1:3 rwm\n");
	pool = create(t, "one4", 1);
	fd = take(pool, "web", 0);
	make_file(fd, "devices.allow", "");
	make_ro_file(fd, "devices.list", "c 1:3 rwm\n");
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	assert_int_equal(stat_free(pool), 1);
	read_file(fd, "devices.allow", buf, sizeof(buf));
	assert_string_equal(buf, "");
	close(fd);
	cgpool_unref(pool);
}

static void v1_leaves_strangers_alone(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct cgpool *pool;
	int fd;

	NEEDS_XATTR(t);
	make_cgroup(t, "one/mine", false);
	pool = create(t, "one", 1);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.claimed, 0);
	fd = openat(t->fd, "one/mine", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(cgpool_put(pool, fd, NULL), -EINVAL);
	assert_int_equal(faccessat(t->fd, "one/mine", F_OK, 0), 0);
	close(fd);
	cgpool_unref(pool);
}

static void v1_cleans_up_leftovers(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;

	NEEDS_XATTR(t);
	pool = create(t, "one", 1);
	assert_int_equal(mkdirat(t->fd, "one/cgpool-new-1-0-00000000", 0755), 0);
	assert_int_equal(mkdirat(t->fd, "one/cgpool-dead-1-0-00000000", 0755), 0);
	assert_int_equal(stat_free(pool), 1);
	assert_int_equal(cgpool_resize(pool, 1), 0);
	assert_int_equal(faccessat(t->fd, "one/cgpool-new-1-0-00000000", F_OK, 0), -1);
	assert_int_equal(faccessat(t->fd, "one/cgpool-dead-1-0-00000000", F_OK, 0), -1);
	assert_int_equal(stat_free(pool), 1);
	cgpool_unref(pool);
}

static void userspace_refuses_nest(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;

	NEEDS_XATTR(t);
	pool = create(t, "p", 1);
	assert_int_equal(cgpool_set_nest(pool, 2), -EOPNOTSUPP);
	assert_int_equal(cgpool_set_nest(pool, 0), 0);
	assert_int_equal(cgpool_resize(pool, CGPOOL_MAX_LIMIT + 1), -ERANGE);
	cgpool_unref(pool);
}

/* --- kernel --------------------------------------------------------------- */

static const char stat_text[] =
	"free 3\nbuilding 1\nclaimed 2\nclaims 40\nmisses 5\nmiss_empty 4\nmiss_cred 1\n"
	"miss_stale 0\nmiss_limit 0\ncreated 46\ndestroyed 0\nstale 0\nrefill_usec 1234\n"
	"refill_lock_busy 7\nrefill_failed 0\n";

static void make_kernel_pool(struct tree *t, const char *text)
{
	make_file(t->fd, "p/cgroup.pool.max", "8\n");
	make_file(t->fd, "p/cgroup.pool.low", "4\n");
	make_file(t->fd, "p/cgroup.pool.nest", "0\n");
	make_file(t->fd, "p/cgroup.pool.stat", text);
	make_file(t->fd, "p/cgroup.pool.events", "empty 9\nlow 1\n");
}

static void kernel_stats_are_read(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct cgpool *pool;

	make_kernel_pool(t, stat_text);
	assert_int_equal(cgpool_probe(t->ctx, CGPOOL_FEATURE_KERNEL_POOL), 1);
	assert_int_equal(cgpool_open(t->ctx, "p", &pool), 0);
	assert_int_equal(cgpool_mode(pool), CGPOOL_MODE_KERNEL);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.max, 8);
	assert_int_equal(st.low, 4);
	assert_int_equal(st.free, 3);
	assert_int_equal(st.claims, 40);
	assert_int_equal(st.miss_cred, 1);
	assert_int_equal(st.refill_usec, 1234);
	assert_int_equal(st.events_empty, 9);
	assert_int_equal(st.events_low, 1);
	assert_true(st.dirty == CGPOOL_UNKNOWN);
	cgpool_unref(pool);
}

static void kernel_stats_of_other_versions(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = offsetof(struct cgpool_stats, claimed) };
	struct cgpool *pool;

	make_kernel_pool(t, "free 3\nsomething_new 1\n");
	assert_int_equal(cgpool_open(t->ctx, "p", &pool), 0);
	/* an older caller has room for less */
	st.claimed = 4711;
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.free, 3);
	assert_int_equal(st.claimed, 4711);
	assert_true(st.building == CGPOOL_UNKNOWN);
	make_kernel_pool(t, "free lots\n");
	assert_int_equal(cgpool_stats(pool, &st), -EINVAL);
	cgpool_unref(pool);
}

static void kernel_take_is_mkdir(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	int fd;

	make_kernel_pool(t, stat_text);
	assert_int_equal(cgpool_open(t->ctx, "p", &pool), 0);
	fd = take(pool, "web", 0);
	assert_true(fd >= 0);
	assert_int_equal(faccessat(t->fd, "p/web", F_OK, 0), 0);
	assert_int_equal(take(pool, "web", 0), -EEXIST);
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	assert_int_equal(faccessat(t->fd, "p/web", F_OK, 0), -1);
	/* gone already is success */
	assert_int_equal(cgpool_put(pool, fd, NULL), 0);
	close(fd);
	make_kernel_pool(t, "free 0\n");
	assert_int_equal(take(pool, "web", 0), -EAGAIN);
	fd = take(pool, "web", CGPOOL_TAKE_FALLBACK);
	assert_true(fd >= 0);
	close(fd);
	cgpool_unref(pool);
}

static void kernel_drain_writes_zero_and_waits(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;
	char buf[32];

	make_kernel_pool(t, stat_text);
	assert_int_equal(cgpool_open(t->ctx, "p", &pool), 0);
	assert_int_equal(cgpool_drain(pool, 30), -ETIMEDOUT);
	read_file(t->fd, "p/cgroup.pool.max", buf, sizeof(buf));
	assert_string_equal(buf, "0");
	make_kernel_pool(t, "free 0\nbuilding 0\n");
	assert_int_equal(cgpool_drain(pool, 30), 0);
	/* made and neither claimed nor destroyed: outdated, and still there */
	make_kernel_pool(t, "free 0\nbuilding 0\nclaims 4\ncreated 10\ndestroyed 3\nstale 3\n");
	assert_int_equal(cgpool_drain(pool, 30), -ETIMEDOUT);
	assert_non_null(strstr(cgpool_errmsg(t->ctx), "3 outdated"));
	make_kernel_pool(t, "free 0\nbuilding 0\nclaims 4\ncreated 10\ndestroyed 6\nstale 3\n");
	assert_int_equal(cgpool_drain(pool, 30), 0);
	cgpool_unref(pool);
}

static void low_mark_by_default_is_never_zero(void **state)
{
	struct tree *t = *state;
	struct cgpool_stats st = { .sz = sizeof(st) };
	struct cgpool *pool;
	char buf[32];

	make_kernel_pool(t, stat_text);
	make_file(t->fd, "p/cgroup.pool.max", "1\n");
	assert_int_equal(cgpool_open(t->ctx, "p", &pool), 0);
	assert_int_equal(cgpool_set_low(pool, CGPOOL_LOW_DEFAULT), 0);
	read_file(t->fd, "p/cgroup.pool.low", buf, sizeof(buf));
	assert_string_equal(buf, "1");
	cgpool_unref(pool);
	NEEDS_XATTR(t);
	pool = create(t, "one", 5);
	assert_int_equal(cgpool_stats(pool, &st), 0);
	assert_int_equal(st.low, 3);
	cgpool_unref(pool);
}

static void kernel_take_without_descriptors_leaves_nothing(void **state)
{
	struct tree *t = *state;
	struct cgpool *pool;

	make_kernel_pool(t, stat_text);
	assert_int_equal(cgpool_open(t->ctx, "p", &pool), 0);
	take_without_descriptors(t, pool, "web", CGPOOL_TAKE_FALLBACK, 1);
	cgpool_unref(pool);
}

static void kernel_backend_needs_the_files(void **state)
{
	struct tree *t = *state;
	struct cgpool_ctx *ctx = new_ctx(t, CGPOOL_MODE_KERNEL, 0);
	struct cgpool *pool;

	assert_int_equal(cgpool_create(ctx, "p", NULL, &pool), -EOPNOTSUPP);
	assert_non_null(strstr(cgpool_errmsg(ctx), "no cgroup pool"));
	cgpool_ctx_unref(ctx);
}

static int count_pool(struct cgpool *pool, void *data)
{
	(void)pool;
	++*(int *)data;
	return 0;
}

static void walk_finds_both_kinds(void **state)
{
	struct tree *t = *state;
	int nr = 0;

	NEEDS_XATTR(t);
	assert_int_equal(cgpool_walk(t->ctx, count_pool, &nr), 0);
	assert_int_equal(nr, 0);
	cgpool_unref(create(t, "p", 1));
	make_cgroup(t, "one/deep", true);
	make_file(t->fd, "one/deep/cgroup.pool.stat", "free 0\n");
	assert_int_equal(cgpool_walk(t->ctx, count_pool, &nr), 0);
	assert_int_equal(nr, 2);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_refuses_what_is_not_cgroupfs),
		TEST(opts_of_other_versions),
		TEST(open_stays_below_with_openat2),
		TEST(open_stays_below_without_openat2),
		TEST(take_gives_an_o_path_directory),
		TEST(take_when_empty_returns_eagain),
		TEST(take_refuses_a_name_in_use),
		TEST(put_resets_by_writes),
		TEST(put_twice_is_refused),
		TEST(put_of_a_busy_one_names_the_pid),
		TEST(put_never_kills_the_caller),
		TEST(what_cannot_be_reset_is_never_reused),
		TEST(what_does_not_read_back_is_never_reused),
		TEST(an_unknown_writable_file_is_never_reused),
		TEST(what_was_a_pool_of_the_kernel_is_never_reused),
		TEST(files_opened_for_others_are_never_reused),
		TEST(put_keeps_no_marks_of_the_former_user),
		TEST(a_free_one_that_others_may_write_is_not_handed_out),
		TEST(messages_have_no_control_sequences),
		TEST(locks_are_out_of_reach_of_tenants),
		TEST(locks_keep_others_out),
		TEST(without_a_place_for_it_the_lock_is_on_the_directory),
		TEST(a_lock_directory_of_others_is_refused),
		TEST(a_dirty_one_that_is_put_is_replaced),
		TEST(dirty_slots_are_replaced),
		TEST(a_lease_ends_with_its_process),
		TEST(a_lease_ends_only_if_its_process_is_dead_for_certain),
		TEST(take_v2_without_descriptors_takes_nothing),
		TEST(take_v1_without_descriptors_takes_nothing),
		TEST(junk_in_the_mark_means_taken),
		TEST(low_mark_refills_at_put),
		TEST(destroy_refuses_while_taken),
		TEST(state_survives_in_the_directory_alone),
		TEST(parallel_takes_differ_v2),
		TEST(parallel_takes_differ_v1),
		TEST(v1_take_renames_and_put_renames_back),
		TEST(v1_devices_are_those_of_the_parent),
		TEST(v1_leaves_strangers_alone),
		TEST(v1_cleans_up_leftovers),
		TEST(userspace_refuses_nest),
		TEST(kernel_stats_are_read),
		TEST(kernel_stats_of_other_versions),
		TEST(kernel_take_is_mkdir),
		TEST(kernel_drain_writes_zero_and_waits),
		TEST(low_mark_by_default_is_never_zero),
		TEST(kernel_take_without_descriptors_leaves_nothing),
		TEST(kernel_backend_needs_the_files),
		TEST(walk_finds_both_kinds),
	};

	/* The modes that files have here are looked at. */
	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
