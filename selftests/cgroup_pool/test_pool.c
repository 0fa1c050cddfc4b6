// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interface of a cgroup pool: control files, counters and events, what the
 * outside can see of free slots, hierarchy limits, owners, life time.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cgroup_pool_fixture.h"

#define FILL		8
#define UID_OTHER	1000
#define GID_OTHER	2000

FIXTURE(pool) {
	struct cgp_env env;
};

FIXTURE_VARIANT(pool) {
	bool v2;
};

FIXTURE_VARIANT_ADD(pool, v2) {
	.v2 = true,
};

FIXTURE_VARIANT_ADD(pool, v1) {
	.v2 = false,
};

FIXTURE_SETUP(pool)
{
	cgp_setup(_metadata, &self->env, variant->v2);
}

FIXTURE_TEARDOWN_PARENT(pool)
{
	cgp_teardown(_metadata, &self->env);
}

FIXTURE(pool_v2) {
	struct cgp_env env;
};

FIXTURE_VARIANT(pool_v2) {
	bool v2;
};

FIXTURE_VARIANT_ADD(pool_v2, only) {
	.v2 = true,
};

FIXTURE_SETUP(pool_v2)
{
	cgp_setup(_metadata, &self->env, variant->v2);
}

FIXTURE_TEARDOWN_PARENT(pool_v2)
{
	cgp_teardown(_metadata, &self->env);
}

static const char * const late_files[] = {
	"cgroup.pool.low", "cgroup.pool.nest", "cgroup.pool.stat",
	"cgroup.pool.events",
};

static const char * const stat_keys[] = {
	"free", "building", "claimed", "claims", "misses", "miss_empty",
	"miss_cred", "miss_stale", "miss_limit", "created", "destroyed",
	"stale", "refill_usec", "refill_lock_busy", "refill_failed",
};

static mode_t file_mode(const char *dir, const char *file)
{
	struct stat st;

	if (stat(cgp_fmt("%s/%s", dir, file), &st))
		return 0;
	return st.st_mode & 07777;
}

static int nr_pool_files(const char *dir)
{
	struct dirent *de;
	int nr = 0;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return -errno;
	while ((de = readdir(d)))
		nr += !strncmp(de->d_name, "cgroup.pool.", 12);
	closedir(d);
	return nr;
}

/* /sys/kernel/cgroup/features and the files tell the same. */
TEST_F(pool, features_match_files)
{
	char buf[4096];
	bool listed;

	ASSERT_LT(0, cgp_read("/sys/kernel/cgroup", "features", buf,
			      sizeof(buf)));
	listed = !strncmp(buf, "pool\n", 5) || strstr(buf, "\npool\n");
	EXPECT_EQ(self->env.has_pool, listed);
	EXPECT_FALSE(cgp_exists(self->env.root, "cgroup.pool.max"));
}

TEST_F(pool, default_is_off)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	EXPECT_EQ(1, nr_pool_files(p));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.max", "0"));
	EXPECT_EQ(0644, file_mode(p, "cgroup.pool.max"));
	EXPECT_EQ(0, nr_pool_files(self->env.root));
}

TEST_F(pool, first_write_adds_files_that_stay)
{
	const char *p = self->env.parent;
	char buf[4096], key[64];
	char *line, *save;
	unsigned int i;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	ASSERT_EQ(5, nr_pool_files(p));
	for (i = 0; i < ARRAY_SIZE(late_files); i++) {
		EXPECT_EQ(i < 2 ? 0644 : 0444, file_mode(p, late_files[i]))
			TH_LOG("%s", late_files[i]);
	}
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.max", "0"));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.low", "0"));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.nest", "0"));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.events", "empty 0\nlow 0"));

	ASSERT_LT(0, cgp_read(p, "cgroup.pool.stat", buf, sizeof(buf)));
	i = 0;
	for (line = strtok_r(buf, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned long long val;

		if (sscanf(line, "%63s %llu", key, &val) != 2)
			key[0] = '\0';
		ASSERT_GT(ARRAY_SIZE(stat_keys), i);
		EXPECT_STREQ(stat_keys[i], key);
		EXPECT_EQ(0, val);
		i++;
	}
	EXPECT_EQ(ARRAY_SIZE(stat_keys), i);

	ASSERT_EQ(0, cgp_fill(p, 2));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	EXPECT_EQ(1, nr_pool_files(cgp_fmt("%s/c", p)));
	ASSERT_EQ(0, cgp_drain(p));
	EXPECT_EQ(5, nr_pool_files(p));
}

TEST_F(pool, rejects_junk_and_range)
{
	static const struct {
		const char *file;
		const char *text;
		int err;
	} bad[] = {
		{ "cgroup.pool.max", "4097", -ERANGE },
		{ "cgroup.pool.max", "99999999999999999999", -ERANGE },
		{ "cgroup.pool.max", "\n", -EINVAL },
		{ "cgroup.pool.max", "x", -EINVAL },
		{ "cgroup.pool.max", "8x", -EINVAL },
		{ "cgroup.pool.max", "8 8", -EINVAL },
		{ "cgroup.pool.max", "max", -EINVAL },
		{ "cgroup.pool.max", "1.5", -EINVAL },
		{ "cgroup.pool.nest", "17", -ERANGE },
		{ "cgroup.pool.nest", "4294967296", -ERANGE },
		{ "cgroup.pool.nest", "x", -EINVAL },
		{ "cgroup.pool.nest", "\n", -EINVAL },
		{ "cgroup.pool.low", "x", -EINVAL },
		{ "cgroup.pool.low", "4097", -ERANGE },
	};
	const char *p = self->env.parent;
	unsigned int i;
	int ret;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	/* A refused first write makes no pool. */
	EXPECT_EQ(-EINVAL, cgp_write(p, "cgroup.pool.max", "x"));
	EXPECT_EQ(-ERANGE, cgp_write(p, "cgroup.pool.max", "4097"));

	ASSERT_EQ(0, cgp_fill(p, 2));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(bad[i].err, cgp_write(p, bad[i].file, bad[i].text))
			TH_LOG("%s <- '%s'", bad[i].file, bad[i].text);
	}
	ret = cgp_write(p, "cgroup.pool.max", "-1");
	EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE)
		TH_LOG("-1: %d", ret);
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.max", "2"));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.nest", "0"));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.low", "1"));
	EXPECT_NE(0, cgp_write(p, "cgroup.pool.stat", "0"));

	/* The whole range is valid, white space around it too. */
	EXPECT_EQ(0, cgp_write(p, "cgroup.pool.max", " 3\n"));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.max", "3"));
	EXPECT_EQ(0, cgp_write(p, "cgroup.pool.max", "4096"));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.max", "4096"));
	EXPECT_EQ(0, cgp_write(p, "cgroup.pool.nest", "16"));
	EXPECT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	EXPECT_EQ(0, cgp_write(p, "cgroup.pool.nest", "0"));
	EXPECT_EQ(0, cgp_wait_idle(p));
}

TEST_F(pool, fills_shrinks_and_grows)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 12));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.max", "12"));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.low", "6"));
	EXPECT_EQ(12, cgp_stat(p, "created"));
	ASSERT_EQ(0, cgp_fill(p, 3));
	EXPECT_EQ(9, cgp_stat(p, "destroyed"));
	/* Half of an odd number is rounded up. */
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.low", "2"));
	ASSERT_EQ(0, cgp_fill(p, 10));
	EXPECT_EQ(19, cgp_stat(p, "created"));
	ASSERT_EQ(0, cgp_drain(p));
	EXPECT_EQ(19, cgp_stat(p, "destroyed"));
	/* What it gave away stays. */
	ASSERT_EQ(0, cgp_fill(p, 2));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	ASSERT_EQ(0, cgp_drain(p));
	EXPECT_TRUE(cgp_exists(p, "c/cgroup.procs"));
	EXPECT_EQ(1, cgp_stat(p, "claimed"));
}

TEST_F(pool, low_decides_when_to_refill)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 4));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.low", "2"));
	ASSERT_EQ(0, cgp_claim(p, "a"));
	ASSERT_EQ(0, cgp_claim(p, "b"));
	cgp_msleep(300);
	EXPECT_EQ(2, cgp_stat(p, "free"));
	EXPECT_EQ(4, cgp_stat(p, "created"));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	EXPECT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(7, cgp_stat(p, "created"));

	/* A written value no longer follows max. */
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.low", "3"));
	ASSERT_EQ(0, cgp_fill(p, 10));
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.low", "3"));
}

TEST_F(pool, low_zero_never_refills)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.low", "0"));
	ASSERT_EQ(0, cgp_fill(p, 2));
	ASSERT_EQ(0, cgp_claim(p, "a"));
	ASSERT_EQ(0, cgp_claim(p, "b"));
	EXPECT_EQ(0, mkdir(cgp_fmt("%s/c", p), 0755));
	cgp_msleep(300);
	EXPECT_EQ(0, cgp_stat(p, "free"));
	EXPECT_EQ(2, cgp_stat(p, "created"));
	ASSERT_EQ(0, cgp_fill(p, 2));
	EXPECT_EQ(4, cgp_stat(p, "created"));
}

TEST_F(pool, miss_takes_the_slow_path)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.low", "0"));
	ASSERT_EQ(0, cgp_fill(p, 1));
	ASSERT_EQ(0, cgp_claim(p, "hit"));
	EXPECT_EQ(0, cgp_stat(p, "misses"));
	EXPECT_EQ(0, mkdir(cgp_fmt("%s/miss", p), 0755));
	EXPECT_EQ(1, cgp_stat(p, "misses"));
	EXPECT_EQ(1, cgp_stat(p, "miss_empty"));
	EXPECT_EQ(1, cgp_stat(p, "claims"));
	EXPECT_EQ(1, cgp_stat(p, "claimed"));
	EXPECT_EQ(1, cgp_key(p, "cgroup.pool.events", "empty"));
	EXPECT_EQ(0, cgp_diff_dirs(cgp_fmt("%s/hit", p),
				   cgp_fmt("%s/miss", p), "hit and miss"));
}

TEST_F(pool, counters_add_up)
{
	const char *p = self->env.parent;
	unsigned int i;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 4));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, mkdir(cgp_fmt("%s/c%u", p, i), 0755));
	ASSERT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(10, cgp_stat(p, "claims") + cgp_stat(p, "misses"));
	EXPECT_EQ(cgp_stat(p, "claims"), cgp_stat(p, "claimed"));
	EXPECT_EQ(cgp_stat(p, "created") - cgp_stat(p, "destroyed"),
		  cgp_stat(p, "free") + cgp_stat(p, "claimed"));
	EXPECT_EQ(cgp_stat(p, "misses"),
		  cgp_stat(p, "miss_empty") + cgp_stat(p, "miss_cred") +
		  cgp_stat(p, "miss_stale") + cgp_stat(p, "miss_limit"));
	EXPECT_EQ(0, cgp_stat(p, "stale"));
	EXPECT_EQ(0, cgp_stat(p, "refill_failed"));
	EXPECT_LT(0, cgp_stat(p, "refill_usec"));
	/* Claimed counts those that still exist, whoever removes them. */
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, cgp_rmdir(cgp_fmt("%s/c%u", p, i)));
	EXPECT_EQ(0, cgp_stat(p, "claimed"));
	EXPECT_EQ(4, cgp_stat(p, "free"));
}

TEST_F(pool, mkdir_errors_are_the_same)
{
	const char *p = self->env.parent;
	char name[NAME_MAX + 2], path[PATH_MAX + 1];
	int plain;

	if (self->env.has_pool) {
		/* Names of files that may come one day are taken. */
		EXPECT_EQ(-1, mkdir(cgp_fmt("%s/cgroup.pool.low", p), 0755));
		EXPECT_EQ(EEXIST, errno);
		ASSERT_EQ(0, cgp_fill(p, FILL));
		EXPECT_EQ(-1, mkdir(cgp_fmt("%s/cgroup.pool.x", p), 0755));
		EXPECT_EQ(EEXIST, errno);
	}
	/* With the pool on if there is one: the errors are those of stock. */
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/a", p), 0755));
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/a", p), 0755));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/cgroup.procs", p), 0755));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/a\nb", p), 0755));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/\n", p), 0755));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/nope/a", p), 0755));
	EXPECT_EQ(ENOENT, errno);
	memset(path, 'n', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memcpy(path, p, strlen(p));
	path[strlen(p)] = '/';
	EXPECT_EQ(-1, mkdir(path, 0755));
	EXPECT_EQ(ENAMETOOLONG, errno);
	/* Longer than NAME_MAX: cgroupfs does not mind, nor does the pool. */
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	plain = mkdir(cgp_fmt("%s/%s", self->env.base, name), 0755);
	EXPECT_EQ(plain, mkdir(cgp_fmt("%s/%s", p, name), 0755));
	if (!plain) {
		EXPECT_EQ(0, rmdir(cgp_fmt("%s/%s", self->env.base, name)));
		EXPECT_EQ(0, rmdir(cgp_fmt("%s/%s", p, name)));
	}
	name[NAME_MAX] = '\0';
	EXPECT_EQ(0, mkdir(cgp_fmt("%s/%s", p, name), 0755));
	EXPECT_TRUE(cgp_exists(p, name));
	EXPECT_EQ(0, rmdir(cgp_fmt("%s/%s", p, name)));
	EXPECT_FALSE(cgp_exists(p, name));
	/* A name that is free again can be used again. */
	EXPECT_EQ(0, mkdir(cgp_fmt("%s/%s", p, name), 0755));

	if (self->env.has_pool) {
		EXPECT_EQ(plain ? 3 : 4, cgp_stat(p, "claims"));
		EXPECT_EQ(0, cgp_stat(p, "misses"));
	}
}

TEST_F(pool, slots_are_not_in_the_directory)
{
	static const char * const guess[] = {
		"\npool-%u", "\n%u", "pool-%u", "\npool.%u", "\npool%u",
		"\nslot-%u", "\nslot%u", ".pool-%u",
	};
	const char *p = self->env.parent;
	struct stat before, after;
	unsigned int i, j;
	int files;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	files = cgp_count_entries(p, false);
	ASSERT_EQ(0, stat(p, &before));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, stat(p, &after));
	EXPECT_EQ(before.st_nlink, after.st_nlink);
	EXPECT_EQ(0, cgp_count_entries(p, true));
	EXPECT_EQ(files, cgp_count_entries(p, false));
	for (i = 0; i < ARRAY_SIZE(guess); i++) {
		for (j = 0; j < 4 * FILL; j++) {
			char name[64];

			/* NOLINTNEXTLINE: the format is one of guess[] */
			snprintf(name, sizeof(name), guess[i], j);
			EXPECT_EQ(-1, stat(cgp_fmt("%s/%s", p, name), &after));
			EXPECT_EQ(ENOENT, errno);
			EXPECT_EQ(-1, rmdir(cgp_fmt("%s/%s", p, name)));
			EXPECT_EQ(ENOENT, errno);
		}
	}
	ASSERT_EQ(0, cgp_claim(p, "c"));
	ASSERT_EQ(0, stat(p, &after));
	EXPECT_EQ(before.st_nlink + 1, after.st_nlink);
	EXPECT_EQ(1, cgp_count_entries(p, true));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
	ASSERT_EQ(0, stat(p, &after));
	EXPECT_EQ(before.st_nlink, after.st_nlink);
}

/* A directory stream that was open before a claim does not trip over it. */
TEST_F(pool, readdir_across_claims)
{
	const char *p = self->env.parent;
	struct dirent *de;
	unsigned int i = 0;
	DIR *d;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	d = opendir(p);
	ASSERT_NE(NULL, d);
	while ((de = readdir(d)) && i < 1000) {
		EXPECT_EQ(NULL, strchr(de->d_name, '\n'))
			TH_LOG("'%s'", de->d_name);
		if (i < FILL)
			ASSERT_EQ(0, mkdir(cgp_fmt("%s/c%u", p, i), 0755));
		i++;
	}
	EXPECT_GT(1000, i);
	rewinddir(d);
	i = 0;
	while ((de = readdir(d)))
		i += de->d_type == DT_DIR && de->d_name[0] == 'c';
	EXPECT_EQ(FILL, i);
	closedir(d);
}

#define HANDLE_BYTES	8
#define MAX_VISIBLE	65536
#define MAX_IDS		20000

static unsigned long long visible[MAX_VISIBLE];
static size_t nr_visible;

static int add_visible(const char *path, const struct stat *st, int type,
		       struct FTW *ftw)
{
	if (nr_visible < MAX_VISIBLE)
		visible[nr_visible++] = st->st_ino;
	return 0;
}

static bool is_visible(unsigned long long id)
{
	size_t i;

	for (i = 0; i < nr_visible; i++) {
		if (visible[i] == id)
			return true;
	}
	return false;
}

/* Neither directories nor files of free slots can be had by a guessed handle. */
TEST_F(pool, slots_have_no_file_handle)
{
	const char *p = self->env.parent;
	unsigned long long first, last, id;
	unsigned int opened = 0, hidden = 0;
	struct {
		struct file_handle fh;
		unsigned char bytes[MAX_HANDLE_SZ];
	} h = { .fh = { .handle_bytes = MAX_HANDLE_SZ } };
	int mount_id, root, fd;
	struct stat st;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	/* Ids grow: those of the slots lie between these two. */
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/first", self->env.base), 0755));
	ASSERT_EQ(0, cgp_fill(p, 4));
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/last", self->env.base), 0755));
	if (name_to_handle_at(AT_FDCWD, cgp_fmt("%s/first", self->env.base),
			      &h.fh, &mount_id, 0))
		SKIP(return, "no file handles: %s", strerror(errno));
	ASSERT_EQ(HANDLE_BYTES, h.fh.handle_bytes);
	memcpy(&first, h.fh.f_handle, sizeof(first));
	ASSERT_EQ(0, name_to_handle_at(AT_FDCWD,
				       cgp_fmt("%s/last", self->env.base),
				       &h.fh, &mount_id, 0));
	memcpy(&last, h.fh.f_handle, sizeof(last));
	if (last <= first || last - first > MAX_IDS)
		SKIP(return, "ids wrapped around: %llx ... %llx", first, last);

	nr_visible = 0;
	ASSERT_EQ(0, nftw(self->env.root, add_visible, 64, FTW_PHYS));
	ASSERT_GT(MAX_VISIBLE, nr_visible);
	root = open(self->env.root, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, root);
	/* All files of "last" come after it, so a little further. */
	for (id = first; id <= last + 20; id++) {
		memcpy(h.fh.f_handle, &id, sizeof(id));
		fd = open_by_handle_at(root, &h.fh, O_PATH);
		if (fd < 0)
			continue;
		opened++;
		ASSERT_EQ(0, fstat(fd, &st));
		if (!is_visible(st.st_ino) && !hidden++) {
			char link[PATH_MAX] = "";

			readlink(cgp_fmt("/proc/self/fd/%d", fd), link,
				 sizeof(link) - 1);
			TH_LOG("id %llx opens %s '%s'", id,
			       S_ISDIR(st.st_mode) ? "directory" : "file",
			       link);
		}
		close(fd);
	}
	close(root);
	/* The handles of "first" and "last" themselves do open. */
	EXPECT_LE(2, opened);
	EXPECT_EQ(0, hidden);
}

TEST_F(pool, handle_of_a_claimed_child_works)
{
	const char *p = self->env.parent;
	struct {
		struct file_handle fh;
		unsigned char bytes[MAX_HANDLE_SZ];
	} h = { .fh = { .handle_bytes = MAX_HANDLE_SZ } };
	int mount_id, root, fd;
	char link[PATH_MAX] = "";

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 2));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	if (name_to_handle_at(AT_FDCWD, cgp_fmt("%s/c", p), &h.fh, &mount_id,
			      0))
		SKIP(return, "no file handles: %s", strerror(errno));
	root = open(self->env.root, O_RDONLY | O_DIRECTORY);
	fd = open_by_handle_at(root, &h.fh, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, readlink(cgp_fmt("/proc/self/fd/%d", fd), link,
			      sizeof(link) - 1));
	EXPECT_STREQ(cgp_fmt("%s/c", p), link);
	close(fd);
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
	EXPECT_EQ(-1, open_by_handle_at(root, &h.fh, O_RDONLY));
	EXPECT_EQ(ESTALE, errno);
	close(root);
}

/* Stops moving once earlier tests' cgroups are gone. */
static long settled_cgroups(void)
{
	long long end = cgp_now_ms() + CGP_WAIT_MS;
	unsigned int same = 0;
	long nr, last = -1;

	while (same < 20 && cgp_now_ms() < end) {
		nr = cgp_proc_cgroups("memory");
		same = nr == last ? same + 1 : 0;
		last = nr;
		cgp_msleep(20);
	}
	return last;
}

TEST_F(pool, slots_are_not_in_proc_cgroups)
{
	const char *p = self->env.parent;
	unsigned int i;
	long nr;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	nr = settled_cgroups();
	ASSERT_LT(0, nr);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	EXPECT_EQ(nr, cgp_proc_cgroups("memory"));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	EXPECT_EQ(nr + 1, cgp_proc_cgroups("memory"));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
	EXPECT_EQ(nr, settled_cgroups());
	/* Nor while they go. */
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(nr, cgp_proc_cgroups("memory"));
		cgp_msleep(2);
	}
	EXPECT_EQ(nr, settled_cgroups());
}

/* cgroup.stat of the parent and of all above it counts what users made. */
TEST_F(pool_v2, slots_are_not_in_cgroup_stat)
{
	const char *p = self->env.parent;
	const char * const dirs[] = { p, self->env.base, self->env.root };
	char before[3][4096], now[4096];
	unsigned int i, j;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	ASSERT_EQ(0, cgp_wait_dead(self->env.root));
	settled_cgroups();
	for (i = 0; i < 3; i++)
		ASSERT_LT(0, cgp_read(dirs[i], "cgroup.stat", before[i],
				      sizeof(before[i])));
	ASSERT_EQ(0, cgp_fill(p, FILL));
	for (i = 0; i < 3; i++) {
		ASSERT_LT(0, cgp_read(dirs[i], "cgroup.stat", now,
				      sizeof(now)));
		EXPECT_STREQ(before[i], now)
			TH_LOG("%s with free slots", dirs[i]);
	}
	/* Nor while they go: dying slots are nobody's cgroups either. */
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	for (j = 0; j < 100; j++) {
		for (i = 0; i < 3; i++) {
			ASSERT_LT(0, cgp_read(dirs[i], "cgroup.stat", now,
					      sizeof(now)));
			ASSERT_STREQ(before[i], now)
				TH_LOG("%s while the pool drains", dirs[i]);
		}
		cgp_msleep(2);
	}
	/* A claimed one is counted like any other, alive and dying. */
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	ASSERT_EQ(0, cgp_drain(p));
	for (i = 0; i < 3; i++)
		ASSERT_LT(0, cgp_read(dirs[i], "cgroup.stat", before[i],
				      sizeof(before[i])));
	EXPECT_EQ(1, cgp_key(p, "cgroup.stat", "nr_descendants"));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/plain", p), 0755));
	ASSERT_EQ(0, cgp_wait_dead(self->env.root));
	settled_cgroups();
	for (i = 0; i < 3; i++) {
		ASSERT_LT(0, cgp_read(dirs[i], "cgroup.stat", now,
				      sizeof(now)));
		EXPECT_STREQ(before[i], now)
			TH_LOG("%s: claimed and plain child differ", dirs[i]);
	}
}

TEST_F(pool, foreign_user_takes_the_slow_path)
{
	static const struct cgp_who other = {
		.uid = UID_OTHER, .gid = GID_OTHER, .mask = 022,
	};
	static const struct cgp_who other_group = {
		.uid = 0, .gid = GID_OTHER, .mask = 022,
	};
	const char *p = self->env.parent;
	struct stat st;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 4));
	ASSERT_EQ(0, chmod(p, 0777));
	EXPECT_EQ(0, cgp_mkdir_as(&other, cgp_fmt("%s/u", p), 0755));
	EXPECT_EQ(1, cgp_stat(p, "miss_cred"));
	EXPECT_EQ(0, cgp_stat(p, "claims"));
	ASSERT_EQ(0, stat(cgp_fmt("%s/u", p), &st));
	EXPECT_EQ(UID_OTHER, st.st_uid);
	EXPECT_EQ(GID_OTHER, st.st_gid);
	ASSERT_EQ(0, stat(cgp_fmt("%s/u/cgroup.procs", p), &st));
	EXPECT_EQ(UID_OTHER, st.st_uid);
	EXPECT_EQ(0, cgp_mkdir_as(&other_group, cgp_fmt("%s/g", p), 0755));
	EXPECT_EQ(2, cgp_stat(p, "miss_cred"));
	ASSERT_EQ(0, stat(cgp_fmt("%s/g", p), &st));
	EXPECT_EQ(GID_OTHER, st.st_gid);
	EXPECT_EQ(4, cgp_stat(p, "free"));
	/* No permission is no permission: nothing is claimed. */
	ASSERT_EQ(0, chmod(p, 0755));
	EXPECT_EQ(-EACCES, cgp_mkdir_as(&other, cgp_fmt("%s/v", p), 0755));
	EXPECT_EQ(4, cgp_stat(p, "free"));
	EXPECT_EQ(0, cgp_stat(p, "claims"));
	/* The owner still claims. */
	EXPECT_EQ(0, cgp_claim(p, "root"));
}

/* Another security label than that of whoever set up the pool: a miss. */
static int mkdir_labelled(void *arg)
{
	if (cgp_write_path("/proc/self/attr/current", "other"))
		return KSFT_SKIP;
	return mkdir(arg, 0755) ? 1 : 0;
}

TEST_F(pool, foreign_label_takes_the_slow_path)
{
	const char *p = self->env.parent;
	char label[256] = "";
	int ret;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	/* Smack's "floor" label; others have labels that are longer. */
	if (cgp_read("/proc/self/attr", "current", label, sizeof(label)) < 0 ||
	    strncmp(label, "_", 2))
		SKIP(return, "not booted with lsm=smack");
	ASSERT_EQ(0, cgp_fill(p, 4));
	ret = cgp_reap(cgp_spawn(mkdir_labelled,
				 (void *)cgp_fmt("%s/foreign", p)));
	if (ret == KSFT_SKIP)
		SKIP(return, "cannot change the label");
	EXPECT_EQ(0, ret);
	EXPECT_EQ(1, cgp_stat(p, "miss_cred"));
	EXPECT_EQ(0, cgp_stat(p, "claims"));
	EXPECT_EQ(0, cgp_claim(p, "own"));
}

TEST_F(pool, chown_gives_the_pool_to_the_new_owner)
{
	static const struct cgp_who owner = {
		.uid = UID_OTHER, .gid = GID_OTHER, .mask = 022,
	};
	long long end = cgp_now_ms() + CGP_WAIT_MS;
	const char *p = self->env.parent;
	char name[PATH_MAX];
	unsigned int i = 0;
	struct stat st;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 4));
	ASSERT_EQ(0, chown(p, UID_OTHER, GID_OTHER));
	/* A miss is what makes the pool look at its owner again. */
	do {
		cgp_path(name, "%s/u%u", p, i++);
		ASSERT_EQ(0, cgp_mkdir_as(&owner, name, 0755));
		ASSERT_EQ(0, stat(name, &st));
		ASSERT_EQ(UID_OTHER, st.st_uid);
		ASSERT_EQ(GID_OTHER, st.st_gid);
		if (cgp_stat(p, "claims"))
			break;
		cgp_msleep(50);
	} while (cgp_now_ms() < end);
	EXPECT_EQ(1, cgp_stat(p, "claims"));
	EXPECT_GE(10, i)
		TH_LOG("%u misses before the pool knew its new owner", i);
	ASSERT_EQ(0, stat(cgp_fmt("%s/cgroup.procs", name), &st));
	EXPECT_EQ(UID_OTHER, st.st_uid);
	EXPECT_EQ(GID_OTHER, st.st_gid);
	/* Root is a stranger now. */
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/r", p), 0755));
	ASSERT_EQ(0, stat(cgp_fmt("%s/r", p), &st));
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(1, cgp_stat(p, "claims"));
}

/* A delegatee runs a pool of its own, its slots are its own. */
static int delegatee(void *arg)
{
	struct cgp_env *env = arg;
	const char *sub = cgp_fmt("%s/sub", env->parent);

	if (setegid(GID_OTHER) || seteuid(UID_OTHER))
		return 1;
	if (mkdir(sub, 0755))
		return 2;
	if (cgp_fill(sub, 2))
		return 3;
	if (cgp_claim(sub, "c"))
		return 4;
	if (cgp_write(sub, "c/cgroup.procs", "") == -EACCES)
		return 5;
	if (cgp_write(sub, "cgroup.pool.max", "0"))
		return 6;
	return 0;
}

TEST_F(pool, delegatee_runs_its_own_pool)
{
	const char *p = self->env.parent;
	struct stat st;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, chown(p, UID_OTHER, GID_OTHER));
	EXPECT_EQ(0, cgp_reap(cgp_spawn(delegatee, &self->env)));
	ASSERT_EQ(0, stat(cgp_fmt("%s/sub/c", p), &st));
	EXPECT_EQ(UID_OTHER, st.st_uid);
	EXPECT_EQ(GID_OTHER, st.st_gid);
	/* The parent itself has no pool: only root may write there. */
	ASSERT_EQ(0, stat(cgp_fmt("%s/cgroup.pool.max", p), &st));
	EXPECT_EQ(0, st.st_uid);
}

TEST_F(pool, events_wake_poll)
{
	const char *p = self->env.parent;
	struct pollfd pfd = { .events = POLLPRI };
	char buf[256];
	unsigned int i;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 2));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.low", "0"));
	pfd.fd = open(cgp_fmt("%s/cgroup.pool.events", p), O_RDONLY);
	ASSERT_LE(0, pfd.fd);
	ASSERT_LT(0, read(pfd.fd, buf, sizeof(buf)));
	/* Consume what filling may have queued. */
	cgp_msleep(100);
	ASSERT_EQ(0, lseek(pfd.fd, 0, SEEK_SET));
	ASSERT_LT(0, read(pfd.fd, buf, sizeof(buf)));
	EXPECT_EQ(0, poll(&pfd, 1, 100));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mkdir(cgp_fmt("%s/c%u", p, i), 0755));
	ASSERT_EQ(1, poll(&pfd, 1, CGP_WAIT_MS));
	EXPECT_NE(0, pfd.revents & POLLPRI);
	EXPECT_EQ(1, cgp_key(p, "cgroup.pool.events", "empty"));
	close(pfd.fd);
}

TEST_F(pool, events_low_wakes_inotify)
{
	const char *p = self->env.parent;
	struct pollfd pfd = { .events = POLLIN };
	char buf[4096];

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 4));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.low", "4"));
	EXPECT_EQ(0, cgp_key(p, "cgroup.pool.events", "low"));
	cgp_msleep(100);
	pfd.fd = inotify_init1(IN_NONBLOCK);
	ASSERT_LE(0, pfd.fd);
	ASSERT_LE(0, inotify_add_watch(pfd.fd,
				       cgp_fmt("%s/cgroup.pool.events", p),
				       IN_MODIFY));
	EXPECT_EQ(0, poll(&pfd, 1, 100));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	ASSERT_EQ(1, poll(&pfd, 1, CGP_WAIT_MS));
	EXPECT_LT(0, read(pfd.fd, buf, sizeof(buf)));
	/* And full again, low is over. */
	ASSERT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(0, cgp_wait_key(p, "cgroup.pool.events", "low", 0));
	close(pfd.fd);
}

TEST_F(pool, claim_is_an_inotify_event)
{
	const char *p = self->env.parent;
	union {
		struct inotify_event ev;
		char buf[4096];
	} in;
	struct pollfd pfd = { .events = POLLIN };
	ssize_t len;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	pfd.fd = inotify_init1(IN_NONBLOCK);
	ASSERT_LE(0, inotify_add_watch(pfd.fd, p, IN_CREATE | IN_DELETE |
						  IN_MOVE));
	/* Filling is not seen. */
	ASSERT_EQ(0, cgp_fill(p, 4));
	EXPECT_EQ(0, poll(&pfd, 1, 100));
	ASSERT_EQ(0, cgp_claim(p, "child"));
	ASSERT_EQ(1, poll(&pfd, 1, CGP_WAIT_MS));
	len = read(pfd.fd, &in, sizeof(in));
	ASSERT_LT(0, len);
	EXPECT_EQ(IN_CREATE | IN_ISDIR, in.ev.mask);
	EXPECT_STREQ("child", in.ev.name);
	EXPECT_EQ(len, (ssize_t)(sizeof(in.ev) + in.ev.len));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/child", p)));
	ASSERT_EQ(1, poll(&pfd, 1, CGP_WAIT_MS));
	ASSERT_LT(0, read(pfd.fd, &in, sizeof(in)));
	EXPECT_EQ(IN_DELETE | IN_ISDIR, in.ev.mask);
	EXPECT_STREQ("child", in.ev.name);
	/* Draining is not seen. */
	ASSERT_EQ(0, cgp_drain(p));
	EXPECT_EQ(0, poll(&pfd, 1, 100));
	close(pfd.fd);
}

TEST_F(pool, claims_have_their_own_ids)
{
	const char *p = self->env.parent;
	unsigned long long ids[3 * FILL];
	unsigned int i, j;
	struct stat st;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		/* The same name over and over, never the same cgroup. */
		ASSERT_EQ(0, mkdir(cgp_fmt("%s/c", p), 0755));
		ASSERT_EQ(0, stat(cgp_fmt("%s/c", p), &st));
		ids[i] = st.st_ino;
		for (j = 0; j < i; j++)
			ASSERT_NE(ids[j], ids[i]);
		ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
		if (cgp_stat(p, "free") < FILL / 2)
			ASSERT_EQ(0, cgp_wait_idle(p));
	}
	EXPECT_LT(FILL, cgp_stat(p, "claims"));
}

TEST_F(pool, limits_apply_when_claimed)
{
	const char *p = self->env.parent;
	long before;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	if (!cgp_exists(p, "cgroup.max.descendants"))
		SKIP(return, "no cgroup.max.descendants");
	/* The parent is the only descendant of base that is allowed. */
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_write(self->env.base, "cgroup.max.descendants", "1"));
	EXPECT_EQ(0, cgp_stat(p, "refill_failed"));
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/a", p), 0755));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(1, cgp_stat(p, "miss_limit"));
	EXPECT_EQ(FILL, cgp_stat(p, "free"));
	ASSERT_EQ(0, cgp_write(self->env.base, "cgroup.max.descendants", "2"));
	EXPECT_EQ(0, cgp_claim(p, "a"));
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/b", p), 0755));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/b", self->env.base), 0755));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_FALSE(cgp_exists(p, "b"));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/a", p)));
	EXPECT_EQ(0, cgp_claim(p, "b"));
	ASSERT_EQ(0, cgp_write(self->env.base, "cgroup.max.descendants",
			       "max"));
	/* Depth, counted from any ancestor. */
	ASSERT_EQ(0, cgp_write(self->env.base, "cgroup.max.depth", "1"));
	before = cgp_stat(p, "claims");
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/c", p), 0755));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, cgp_write(self->env.base, "cgroup.max.depth", "2"));
	EXPECT_EQ(0, cgp_claim(p, "c"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.max.depth", "0"));
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/d", p), 0755));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(before + 1, cgp_stat(p, "claims"));
}

/* A refill that a limit has stopped goes on when the limit is gone. */
TEST_F(pool_v2, refill_after_a_limit)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.max.descendants", "1"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "4"));
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/a", p), 0755));
	cgp_msleep(300);
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/b", p), 0755));
	EXPECT_EQ(EAGAIN, errno);
	/* no room is one of the reasons that this counts */
	EXPECT_LT(0, cgp_stat(p, "refill_failed"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.max.descendants", "max"));
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/b", p), 0755));
	EXPECT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(0, cgp_claim(p, "c"));
}

/* A lower limit than there are children: the same as without a pool. */
TEST_F(pool_v2, limit_below_usage)
{
	const char *p = self->env.parent;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_claim(p, "a"));
	ASSERT_EQ(0, cgp_claim(p, "b"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.max.descendants", "1"));
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/c", p), 0755));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/a", p)));
	EXPECT_EQ(-1, mkdir(cgp_fmt("%s/c", p), 0755));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/b", p)));
	EXPECT_EQ(0, cgp_claim(p, "c"));
}

TEST_F(pool, rmdir_of_the_parent)
{
	const char *p = self->env.parent;
	unsigned int i;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	/* Only real children keep a parent. */
	ASSERT_EQ(0, cgp_fill(p, FILL));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	EXPECT_EQ(-1, rmdir(p));
	EXPECT_EQ(EBUSY, errno);
	/* The pool is as it was. */
	EXPECT_TRUE(cgp_text_is(p, "cgroup.pool.max", "8"));
	EXPECT_EQ(FILL - 1, cgp_stat(p, "free"));
	EXPECT_EQ(0, cgp_claim(p, "d"));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/d", p)));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
	EXPECT_EQ(0, rmdir(p));
	EXPECT_FALSE(cgp_exists(self->env.base, "parent"));

	/* The next of that name starts without a pool. */
	for (i = 0; i < cgp_rounds(10, 4); i++) {
		ASSERT_EQ(0, cgp_make_parent(&self->env, p));
		ASSERT_EQ(1, nr_pool_files(p));
		ASSERT_TRUE(cgp_text_is(p, "cgroup.pool.max", "0"));
		/* Sometimes full, sometimes still filling. */
		ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "8"));
		if (i & 1)
			ASSERT_EQ(0, cgp_wait_idle(p));
		ASSERT_EQ(0, rmdir(p))
			TH_LOG("round %u", i);
	}
}

TEST_F(pool, rmdir_of_a_parent_with_a_task)
{
	const char *p = cgp_fmt("%s/with_task", self->env.base);
	char dir[PATH_MAX];
	pid_t pid;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	cgp_path(dir, "%s", p);
	ASSERT_EQ(0, mkdir(dir, 0755));
	pid = cgp_spawn_paused();
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, cgp_attach(dir, pid));
	ASSERT_EQ(0, cgp_fill(dir, 4));
	EXPECT_EQ(-1, rmdir(dir));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(0, cgp_wait_idle(dir));
	EXPECT_EQ(0, cgp_claim(dir, "c"));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", dir)));
	cgp_kill_reap(pid);
	EXPECT_EQ(0, cgp_rmdir(dir));
}

TEST_F(pool, old_fds_are_dead_after_rmdir)
{
	const char *p = self->env.parent;
	char buf[64];
	int max, procs, dir;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 4));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	procs = open(cgp_fmt("%s/c/cgroup.procs", p), O_RDWR);
	dir = open(cgp_fmt("%s/c", p), O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, procs);
	ASSERT_LE(0, dir);
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
	EXPECT_EQ(-1, read(procs, buf, sizeof(buf)));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, write(procs, "0", 1));
	EXPECT_EQ(ENODEV, errno);
	/* Also when another child has taken the name. */
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/c", p), 0755));
	EXPECT_EQ(-1, read(procs, buf, sizeof(buf)));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, openat(dir, "cgroup.procs", O_RDONLY));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, mkdirat(dir, "x", 0755));
	EXPECT_EQ(ENOENT, errno);
	close(procs);
	close(dir);

	max = open(cgp_fmt("%s/cgroup.pool.max", p), O_RDWR);
	dir = open(p, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, max);
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
	ASSERT_EQ(0, rmdir(p));
	EXPECT_EQ(-1, write(max, "4", 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, read(max, buf, sizeof(buf)));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, mkdirat(dir, "x", 0755));
	EXPECT_EQ(ENOENT, errno);
	close(max);
	close(dir);
}

static long meminfo_kb(const char *key)
{
	char buf[8192];
	const char *at;

	if (cgp_read("/proc", "meminfo", buf, sizeof(buf)) < 0)
		return -1;
	at = strstr(buf, key);
	return at ? atol(at + strlen(key)) : -1;
}

#define PER_CYCLE	6
/* What a leak of one slot a cycle would cost at the very least. */
#define LEAK_KB		8

/* All memory of a pool goes with its parent. */
TEST_F(pool, memory_goes_with_the_parent)
{
	const char *p = self->env.parent;
	const int cycles = cgp_rounds(50, 10);
	const int warm_up = cgp_rounds(10, 4);
	long percpu = 0, nr = 0, slab = 0;
	int i, j;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	for (i = 0; i < warm_up + cycles; i++) {
		if (i == warm_up) {
			nr = settled_cgroups();
			percpu = meminfo_kb("Percpu:");
			slab = meminfo_kb("SUnreclaim:");
		}
		ASSERT_EQ(0, cgp_fill(p, PER_CYCLE));
		for (j = 0; j < PER_CYCLE / 2; j++)
			ASSERT_EQ(0, mkdir(cgp_fmt("%s/c%d", p, j), 0755));
		for (j = 0; j < PER_CYCLE / 2; j++)
			ASSERT_EQ(0, rmdir(cgp_fmt("%s/c%d", p, j)));
		ASSERT_EQ(0, rmdir(p));
		ASSERT_EQ(0, cgp_make_parent(&self->env, p));
	}
	if (self->env.v2)
		EXPECT_EQ(0, cgp_wait_dead(self->env.root));
	EXPECT_EQ(nr, settled_cgroups());
	TH_LOG("Percpu %+ld kB, SUnreclaim %+ld kB in %d cycles",
	       meminfo_kb("Percpu:") - percpu,
	       meminfo_kb("SUnreclaim:") - slab, cycles);
	EXPECT_GT(cycles * LEAK_KB, meminfo_kb("Percpu:") - percpu);
}

/* Inside a namespace with nsdelegate its root's pool is not the tenant's. */
static const char * const ns_files[] = {
	"cgroup.pool.max", "cgroup.pool.low", "cgroup.pool.nest",
	"cgroup.max.descendants",
};

static int write_in_ns(void *arg)
{
	const char *dir = arg;
	unsigned int i;

	if (cgp_attach(dir, getpid()))
		return 100;
	if (unshare(CLONE_NEWCGROUP))
		return 101;
	for (i = 0; i < ARRAY_SIZE(ns_files); i++) {
		if (cgp_write(dir, ns_files[i], "1") != -EPERM)
			return 1 + i;
	}
	/* One level down everything is the tenant's. */
	if (mkdir(cgp_fmt("%s/in", dir), 0755))
		return 50;
	if (cgp_fill(cgp_fmt("%s/in", dir), 1))
		return 51;
	if (cgp_claim(cgp_fmt("%s/in", dir), "c"))
		return 52;
	if (rmdir(cgp_fmt("%s/in/c", dir)) || rmdir(cgp_fmt("%s/in", dir)))
		return 53;
	return 0;
}

static int mount_has(const char *root, const char *option)
{
	char line[4096];
	bool found = false;
	FILE *f;

	f = fopen("/proc/self/mounts", "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		char dir[1024], opts[1024];

		if (sscanf(line, "%*s %1023s %*s %1023s", dir, opts) == 2 &&
		    !strcmp(dir, root) && strstr(opts, option))
			found = true;
	}
	fclose(f);
	return found;
}

TEST_F(pool_v2, namespace_root_is_not_delegated)
{
	char dir[PATH_MAX], opts[128] = "nsdelegate";
	int has, ret;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	/* Without controllers for children it may have tasks. */
	cgp_path(dir, "%s/ns", self->env.base);
	ASSERT_EQ(0, mkdir(dir, 0755));
	ASSERT_EQ(0, cgp_fill(dir, 2));
	has = mount_has(self->env.root, "nsdelegate");
	if (mount_has(self->env.root, "favordynmods") > 0)
		strcat(opts, ",favordynmods");
	if (!has && mount(NULL, self->env.root, NULL, MS_REMOUNT, opts))
		SKIP(return, "cannot mount with nsdelegate: %s",
		     strerror(errno));
	ret = cgp_reap(cgp_spawn(write_in_ns, dir));
	if (!has)
		mount(NULL, self->env.root, NULL, MS_REMOUNT,
		      opts[10] ? opts + 11 : "");
	EXPECT_EQ(0, ret)
		TH_LOG("step %d (1 based file of ns_files, or see write_in_ns)",
		       ret);
	EXPECT_TRUE(cgp_text_is(dir, "cgroup.pool.max", "2"));
}

/* Two levels ready-made: the child and its children. */
TEST_F(pool, nested_pools)
{
	const char *p = self->env.parent;
	char control[256] = "", inner[256] = "";
	char c[PATH_MAX];

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	cgp_path(c, "%s/pod", p);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.nest", "2"));
	ASSERT_EQ(0, cgp_fill(p, 3));
	ASSERT_EQ(0, cgp_claim(p, "pod"));
	EXPECT_TRUE(cgp_text_is(c, "cgroup.pool.max", "2"));
	EXPECT_TRUE(cgp_text_is(c, "cgroup.pool.low", "0"));
	EXPECT_TRUE(cgp_text_is(c, "cgroup.pool.nest", "0"));
	EXPECT_EQ(2, cgp_stat(c, "free"));
	EXPECT_EQ(0, cgp_stat(c, "claims"));
	EXPECT_EQ(0, cgp_count_entries(c, true));
	if (self->env.v2) {
		ASSERT_LT(0, cgp_read(p, "cgroup.subtree_control", control,
				      sizeof(control)));
		ASSERT_LT(0, cgp_read(c, "cgroup.subtree_control", inner,
				      sizeof(inner)));
		EXPECT_STREQ(control, inner);
		EXPECT_EQ(0, cgp_key(c, "cgroup.stat", "nr_descendants"));
		EXPECT_EQ(1, cgp_key(p, "cgroup.stat", "nr_descendants"));
	}
	ASSERT_EQ(0, cgp_claim(c, "one"));
	ASSERT_EQ(0, cgp_claim(c, "two"));
	EXPECT_EQ(0, cgp_stat(c, "free"));
	/* Never refilled by itself. */
	ASSERT_EQ(0, mkdir(cgp_fmt("%s/three", c), 0755));
	cgp_msleep(200);
	EXPECT_EQ(0, cgp_stat(c, "free"));
	EXPECT_EQ(1, cgp_stat(c, "miss_empty"));
	EXPECT_EQ(0, cgp_diff_dirs(cgp_fmt("%s/one", c), cgp_fmt("%s/three", c),
				   "inner claim and miss"));
	if (self->env.v2) {
		EXPECT_EQ(3, cgp_key(c, "cgroup.stat", "nr_descendants"));
		EXPECT_EQ(4, cgp_key(p, "cgroup.stat", "nr_descendants"));
	}
	EXPECT_EQ(-1, rmdir(c));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/one", c)));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/two", c)));
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/three", c)));
	EXPECT_EQ(0, rmdir(c));
	/* With its inner slots unused it goes as well. */
	ASSERT_EQ(0, cgp_claim(p, "pod"));
	EXPECT_EQ(0, rmdir(c));

	/* Back to one level, what comes next is an ordinary cgroup. */
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.nest", "0"));
	ASSERT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "after nest"));
}

/* The switch of nest itself reaches the slots that are there. */
TEST_F(pool, nest_changes_existing_slots)
{
	const char *p = self->env.parent;
	long long end = cgp_now_ms() + CGP_WAIT_MS;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 2));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.nest", "1"));
	/* The old ones have to be replaced, which takes a moment. */
	for (;;) {
		int ret;

		ASSERT_EQ(0, cgp_wait_idle(p));
		ASSERT_EQ(0, mkdir(cgp_fmt("%s/c", p), 0755));
		ret = cgp_exists(p, "c/cgroup.pool.stat");
		if (ret || cgp_now_ms() > end)
			break;
		ASSERT_EQ(0, rmdir(cgp_fmt("%s/c", p)));
		cgp_msleep(20);
	}
	EXPECT_EQ(1, cgp_stat(cgp_fmt("%s/c", p), "free"));
}

/* A pool inside a claimed child is like any other. */
TEST_F(pool, pool_below_a_pool)
{
	const char *p = self->env.parent;
	char c[PATH_MAX];

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	cgp_path(c, "%s/c", p);
	ASSERT_EQ(0, cgp_fill(p, 2));
	ASSERT_EQ(0, cgp_claim(p, "c"));
	ASSERT_EQ(0, cgp_fill(c, 2));
	ASSERT_EQ(0, cgp_claim(c, "d"));
	EXPECT_EQ(1, cgp_stat(p, "claimed"));
	EXPECT_EQ(-1, rmdir(c));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, rmdir(cgp_fmt("%s/d", c)));
	EXPECT_EQ(0, rmdir(c));
	EXPECT_EQ(0, cgp_stat(p, "claimed"));
}

static long nr_files_of(const char *dir, const char *prefix)
{
	struct dirent *de;
	long nr = 0;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return -errno;
	while ((de = readdir(d)))
		nr += !strncmp(de->d_name, prefix, strlen(prefix));
	closedir(d);
	return nr;
}

TEST_F(pool_v2, subtree_control_with_free_slots)
{
	const char *p = self->env.parent;
	unsigned int i;
	long pids;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 4));
	ASSERT_EQ(0, cgp_claim(p, "ref"));
	pids = nr_files_of(cgp_fmt("%s/ref", p), "pids.");
	if (!pids)
		SKIP(return, "no pids controller");
	for (i = 0; i < 4; i++) {
		bool on = i & 1;
		long want = on ? pids : 0;

		ASSERT_EQ(0, cgp_write(p, "cgroup.subtree_control",
				       on ? "+pids" : "-pids"));
		/* At once, claim or miss. */
		ASSERT_EQ(0, mkdir(cgp_fmt("%s/now", p), 0755));
		EXPECT_EQ(want, nr_files_of(cgp_fmt("%s/now", p), "pids."));
		EXPECT_EQ(want, nr_files_of(cgp_fmt("%s/ref", p), "pids."));
		EXPECT_EQ(cgp_count_entries(cgp_fmt("%s/ref", p), false),
			  cgp_count_entries(cgp_fmt("%s/now", p), false));
		ASSERT_EQ(0, rmdir(cgp_fmt("%s/now", p)));
		EXPECT_EQ(0, cgp_count_entries(p, true) - 1);
		/* And after the refill. */
		ASSERT_EQ(0, cgp_fill(p, 4));
		ASSERT_EQ(0, cgp_claim(p, "later"));
		ASSERT_EQ(0, cgp_wait_key(p, "ref/cgroup.stat",
					  "nr_dying_subsys_pids", 0));
		EXPECT_EQ(0, cgp_diff_dirs(cgp_fmt("%s/later", p),
					   cgp_fmt("%s/ref", p), "later"));
		ASSERT_EQ(0, rmdir(cgp_fmt("%s/later", p)));
	}
}

TEST_F(pool_v2, no_op_subtree_control_keeps_the_slots)
{
	const char *p = self->env.parent;
	char control[256];
	long created;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_fill(p, 4));
	created = cgp_stat(p, "created");
	ASSERT_EQ(0, cgp_enable_controllers(p));
	EXPECT_EQ(4, cgp_stat(p, "free"));
	ASSERT_LT(0, cgp_read(p, "cgroup.subtree_control", control,
			      sizeof(control)));
	cgp_msleep(200);
	EXPECT_EQ(created, cgp_stat(p, "created"));
	EXPECT_EQ(0, cgp_stat(p, "destroyed"));
	EXPECT_EQ(0, cgp_claim(p, "c"));
	/* Nor does one that fails. */
	EXPECT_EQ(-EINVAL, cgp_write(p, "cgroup.subtree_control", "+nothing"));
	EXPECT_EQ(0, cgp_stat(p, "destroyed"));
}

/* Free slots are no reason to refuse anything about subtree_control. */
TEST_F(pool_v2, slots_do_not_hold_controllers)
{
	const char *p = self->env.parent;
	char control[256];
	char *name;

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.max", "0"));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.nest", "2"));
	ASSERT_EQ(0, cgp_fill(p, 3));
	ASSERT_LT(0, cgp_read(p, "cgroup.subtree_control", control,
			      sizeof(control)));
	for (name = strtok(control, "\n "); name; name = strtok(NULL, "\n ")) {
		EXPECT_EQ(0, cgp_write(p, "cgroup.subtree_control",
				       cgp_fmt("-%s", name)))
			TH_LOG("-%s with free nested slots", name);
		EXPECT_EQ(0, cgp_write(self->env.base, "cgroup.subtree_control",
				       cgp_fmt("-%s", name)))
			TH_LOG("-%s above it", name);
	}
	EXPECT_TRUE(cgp_text_is(p, "cgroup.subtree_control", ""));
	ASSERT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(0, cgp_claim(p, "bare"));
	ASSERT_EQ(0, cgp_enable_controllers(self->env.base));
	ASSERT_EQ(0, cgp_write(p, "cgroup.pool.nest", "0"));
	ASSERT_EQ(0, cgp_wait_idle(p));
	EXPECT_EQ(0, cgp_diff_fresh(p, &cgp_root_user, 0755, CGP_ANY,
				    "controllers gone and back"));
}

/* A parent without controllers pools plain core cgroups. */
TEST_F(pool_v2, parent_without_controllers)
{
	char dir[PATH_MAX];

	if (!self->env.has_pool)
		SKIP(return, NO_POOL);
	cgp_path(dir, "%s/bare", self->env.base);
	ASSERT_EQ(0, mkdir(dir, 0755));
	ASSERT_EQ(0, cgp_fill(dir, 4));
	EXPECT_EQ(0, cgp_diff_fresh(dir, &cgp_root_user, 0755, CGP_CLAIM,
				    "no controllers"));
}

TEST_HARNESS_MAIN
