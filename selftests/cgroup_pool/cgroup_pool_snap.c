// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparison of two cgroups: which files there are, and of the directory and of
 * each file type, mode, owner, link count, size, extended attributes and
 * content. A file that cannot be opened or read is compared by its errno.
 *
 * Nothing is normalised: no file of a cgroup without tasks depends on time.
 * Left out are only inode number and timestamps, which test_pool checks apart.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgroup_pool_util.h"

#define XATTR_MAX	4096
#define SHOWN		480

struct snap_file {
	char name[NAME_MAX + 1];
	struct stat st;
	int err;
	char *text;
	size_t len;
	char *xattr;
	size_t xattr_len;
};

struct cgp_snap {
	struct snap_file *files;
	size_t nr;
};

static int by_name(const void *a, const void *b)
{
	const struct snap_file *fa = a, *fb = b;

	return strcmp(fa->name, fb->name);
}

/* Names and values of all extended attributes, one after the other. */
static void take_xattrs(struct snap_file *f, const char *path)
{
	char names[XATTR_MAX];
	ssize_t len, vlen;
	char *name;

	len = llistxattr(path, names, sizeof(names));
	if (len <= 0)
		return;
	f->xattr = calloc(1, XATTR_MAX * 2);
	if (!f->xattr)
		return;
	for (name = names; name < names + len; name += strlen(name) + 1) {
		if (f->xattr_len + strlen(name) + 2 > XATTR_MAX)
			break;
		f->xattr_len += sprintf(f->xattr + f->xattr_len, "%s=", name);
		vlen = lgetxattr(path, name, f->xattr + f->xattr_len,
				 XATTR_MAX * 2 - f->xattr_len);
		if (vlen > 0)
			f->xattr_len += vlen;
	}
}

static void take_text(struct snap_file *f, const char *path)
{
	ssize_t ret;
	int fd;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		f->err = errno;
		return;
	}
	f->text = malloc(CGP_TEXT_MAX);
	while (f->text && f->len < CGP_TEXT_MAX) {
		ret = read(fd, f->text + f->len, CGP_TEXT_MAX - f->len);
		if (ret < 0)
			f->err = errno;
		if (ret <= 0)
			break;
		f->len += ret;
	}
	close(fd);
}

struct cgp_snap *cgp_snap_take(const char *dir)
{
	struct cgp_snap *snap;
	struct snap_file *f;
	struct dirent *de;
	DIR *d;

	snap = calloc(1, sizeof(*snap));
	d = opendir(dir);
	if (!snap || !d)
		goto err;
	while ((de = readdir(d))) {
		const char *path = cgp_fmt("%s/%s", dir, de->d_name);

		if (!strcmp(de->d_name, ".."))
			continue;
		f = reallocarray(snap->files, snap->nr + 1, sizeof(*f));
		if (!f)
			goto err;
		snap->files = f;
		f += snap->nr++;
		memset(f, 0, sizeof(*f));
		snprintf(f->name, sizeof(f->name), "%s", de->d_name);
		if (lstat(path, &f->st))
			f->err = errno;
		take_xattrs(f, path);
		if (S_ISREG(f->st.st_mode))
			take_text(f, path);
	}
	closedir(d);
	qsort(snap->files, snap->nr, sizeof(*snap->files), by_name);
	return snap;
err:
	ksft_print_msg("%s: %s\n", dir, strerror(errno));
	if (d)
		closedir(d);
	cgp_snap_free(snap);
	return NULL;
}

void cgp_snap_free(struct cgp_snap *snap)
{
	size_t i;

	if (!snap)
		return;
	for (i = 0; i < snap->nr; i++) {
		free(snap->files[i].text);
		free(snap->files[i].xattr);
	}
	free(snap->files);
	free(snap);
}

static int diff_num(const char *what, const char *name, const char *field,
		    unsigned long a, unsigned long b)
{
	if (a == b)
		return 0;
	ksft_print_msg("%s: %s: %s %#lx != %#lx\n", what, name, field, a, b);
	return 1;
}

/* On one line, with what cannot be printed replaced. */
static const char *one_line(const char *text, size_t len)
{
	static char bufs[2][SHOWN + 1];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];
	size_t i;

	for (i = 0; i < len && i < SHOWN; i++)
		buf[i] = isprint((unsigned char)text[i]) ? text[i] : '|';
	buf[i] = '\0';
	return buf;
}

static int diff_bytes(const char *what, const char *name, const char *field,
		      const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len == b_len && !memcmp(a ?: "", b ?: "", a_len))
		return 0;
	ksft_print_msg("%s: %s: %s '%s' != '%s'\n", what, name, field,
		       one_line(a, a_len), one_line(b, b_len));
	return 1;
}

static int diff_file(const struct snap_file *a, const struct snap_file *b,
		     const char *what)
{
	int nr = 0;

	nr += diff_num(what, a->name, "mode", a->st.st_mode, b->st.st_mode);
	nr += diff_num(what, a->name, "uid", a->st.st_uid, b->st.st_uid);
	nr += diff_num(what, a->name, "gid", a->st.st_gid, b->st.st_gid);
	nr += diff_num(what, a->name, "nlink", a->st.st_nlink, b->st.st_nlink);
	nr += diff_num(what, a->name, "size", a->st.st_size, b->st.st_size);
	nr += diff_num(what, a->name, "dev", a->st.st_dev, b->st.st_dev);
	nr += diff_num(what, a->name, "errno", a->err, b->err);
	nr += diff_bytes(what, a->name, "content", a->text, a->len, b->text,
			 b->len);
	nr += diff_bytes(what, a->name, "xattr", a->xattr, a->xattr_len,
			 b->xattr, b->xattr_len);
	return nr;
}

/* Prints every difference and returns how many there are. */
int cgp_snap_diff(const struct cgp_snap *a, const struct cgp_snap *b,
		  const char *what)
{
	size_t i = 0, j = 0;
	int nr = 0, cmp;

	while (i < a->nr || j < b->nr) {
		if (i == a->nr)
			cmp = 1;
		else if (j == b->nr)
			cmp = -1;
		else
			cmp = strcmp(a->files[i].name, b->files[j].name);
		if (!cmp) {
			nr += diff_file(&a->files[i++], &b->files[j++], what);
			continue;
		}
		ksft_print_msg("%s: %s only in the %s\n", what,
			       cmp < 0 ? a->files[i].name : b->files[j].name,
			       cmp < 0 ? "first" : "second");
		nr++;
		if (cmp < 0)
			i++;
		else
			j++;
	}
	return nr;
}

int cgp_diff_dirs(const char *a, const char *b, const char *what)
{
	struct cgp_snap *sa = cgp_snap_take(a), *sb = cgp_snap_take(b);
	int ret = -ENOENT;

	if (sa && sb)
		ret = cgp_snap_diff(sa, sb, what);
	cgp_snap_free(sa);
	cgp_snap_free(sb);
	return ret;
}

static int check_expect(const char *parent, long claims, enum cgp_expect expect,
			const char *what)
{
	long now = cgp_stat(parent, "claims") - claims;

	if ((expect == CGP_CLAIM && now != 1) ||
	    (expect == CGP_MISS && now != 0)) {
		ksft_print_msg("%s: claims went up by %ld\n", what, now);
		return -ENOMSG;
	}
	return 0;
}

/*
 * mkdir(2) in the pooled @parent as it stands, then with the pool off; how many
 * differences are there between the two? The pool is left off. Without a pool
 * this compares two ordinary cgroups.
 */
int cgp_diff_fresh(const char *parent, const struct cgp_who *who, mode_t mode,
		   enum cgp_expect expect, const char *what)
{
	struct cgp_snap *snap_a = NULL, *snap_b = NULL;
	bool pool = cgp_exists(parent, "cgroup.pool.stat");
	long claims = pool ? cgp_stat(parent, "claims") : 0;
	char a[PATH_MAX], b[PATH_MAX];
	int ret;

	cgp_path(a, "%s/diff_claim", parent);
	cgp_path(b, "%s/diff_fresh", parent);
	ret = cgp_mkdir_as(who, a, mode);
	if (!ret && pool)
		ret = check_expect(parent, claims, expect, what);
	if (ret)
		goto out;
	snap_a = cgp_snap_take(a);
	if (pool) {
		ret = cgp_drain(parent);
		if (ret)
			goto out;
		claims = cgp_stat(parent, "claims");
	}
	ret = cgp_mkdir_as(who, b, mode);
	if (!ret && pool)
		ret = check_expect(parent, claims, CGP_MISS, what);
	if (ret)
		goto out;
	snap_b = cgp_snap_take(b);
	ret = -ENOENT;
	if (snap_a && snap_b)
		ret = cgp_snap_diff(snap_a, snap_b, what);
out:
	if (ret < 0)
		ksft_print_msg("%s: %s\n", what, strerror(-ret));
	cgp_snap_free(snap_a);
	cgp_snap_free(snap_b);
	cgp_rmdir(a);
	cgp_rmdir(b);
	return ret;
}
