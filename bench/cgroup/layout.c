// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hierarchies of one arm: cgroup v2, RunD's co-mounted v1 hierarchy,
 * separate v1 hierarchies (one mkdir per hierarchy and sandbox, as Kata did),
 * and tmpfs, which is what any mkdir costs that only makes a directory.
 *
 * A controller serves one hierarchy at a time, so layouts follow each other
 * within a boot; plain and pooled parents always share one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgbench.h"

#define CGROUP2_DIR		"/sys/fs/cgroup"
#define SCRATCH_DIR		"/tmp/cgbench"
#define MOUNT_TRIES		300
#define MOUNT_PAUSE_MS		100
#define MEMORY_LIMIT		"268435456"
#define PIDS_LIMIT		"1024"

static void mount_with_patience(const char *type, const char *dir, unsigned long flags,
				const char *data)
{
	int i;

	/* A controller stays busy until its last dying cgroup is freed. */
	for (i = 0; i < MOUNT_TRIES; i++) {
		if (!mount(type, dir, type, flags, data))
			return;
		if (errno != EBUSY)
			break;
		sleep_ms(MOUNT_PAUSE_MS);
	}
	fail("mount %s (%s) on %s: %s", type, data ? data : "", dir, strerror(errno));
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		fail("mkdir %s: %s", path, strerror(errno));
}

static void read_text(const char *path, char *text, size_t len)
{
	int ret = file_read_at(AT_FDCWD, path, text, len);

	if (ret)
		fail("read %s: %s", path, strerror(-ret));
}

/* Remember a limit if the kernel has it: a small kernel may lack CFS bandwidth. */
static void limit_add(struct layout *layout, int mount_idx, int parent_fd, const char *file,
		      const char *value, const char *reset)
{
	struct limit *limit = &layout->limits[layout->nr_limits];

	if (faccessat(parent_fd, file, W_OK, 0) < 0)
		return;
	limit->file = file;
	limit->mount_idx = mount_idx;
	limit->reset = reset;
	snprintf(limit->value, sizeof(limit->value), "%s", value);
	layout->nr_limits++;
}

static void controllers_toggle(const char *dir, char sign)
{
	char controllers[LIST_LEN];
	char change[NAME_LEN];
	char path[PATH_LEN];
	char *state;
	char *word;
	int dirfd;
	int ret;

	dirfd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (dirfd < 0)
		fail("open %s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "cgroup.%s", sign == '+' ? "controllers" : "subtree_control");
	ret = file_read_at(dirfd, path, controllers, sizeof(controllers));
	if (ret)
		fail("read %s/%s: %s", dir, path, strerror(-ret));
	for (word = strtok_r(controllers, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
		snprintf(change, sizeof(change), "%c%s", sign, word);
		ret = file_write_at(dirfd, "cgroup.subtree_control", change);
		if (ret)
			fail("write %s to %s/cgroup.subtree_control: %s", change, dir,
			     strerror(-ret));
	}
	close(dirfd);
}

void layout_mount_v2(struct layout *layout)
{
	memset(layout, 0, sizeof(*layout));
	layout->name = "v2";
	layout->is_cgroup = true;
	layout->is_v2 = true;
	layout->nr_mounts = 1;
	snprintf(layout->mount_dir[0], PATH_LEN, "%s", CGROUP2_DIR);
	if (access(CGROUP2_DIR "/cgroup.controllers", F_OK) < 0)
		mount_with_patience("cgroup2", CGROUP2_DIR, 0, NULL);
	controllers_toggle(CGROUP2_DIR, '+');
}

void layout_mount_v1(struct layout *layout, const char *name, const char *const *controllers,
		     int nr_mounts)
{
	int i;

	memset(layout, 0, sizeof(*layout));
	layout->name = name;
	layout->is_cgroup = true;
	layout->nr_mounts = nr_mounts;
	make_dir(SCRATCH_DIR);
	for (i = 0; i < nr_mounts; i++) {
		snprintf(layout->mount_dir[i], PATH_LEN, "%s/%s-%d", SCRATCH_DIR, name, i);
		snprintf(layout->controller[i], NAME_LEN, "%.*s",
			 (int)strcspn(controllers[i], ","), controllers[i]);
		make_dir(layout->mount_dir[i]);
		mount_with_patience("cgroup", layout->mount_dir[i], 0, controllers[i]);
	}
}

void layout_mount_tmpfs(struct layout *layout)
{
	memset(layout, 0, sizeof(*layout));
	layout->name = "tmpfs";
	layout->nr_mounts = 1;
	make_dir(SCRATCH_DIR);
	snprintf(layout->mount_dir[0], PATH_LEN, "%s/floor", SCRATCH_DIR);
	make_dir(layout->mount_dir[0]);
	mount_with_patience("tmpfs", layout->mount_dir[0], 0, NULL);
}

void layout_unmount(struct layout *layout)
{
	int i;

	settle(layout);
	if (layout->is_v2) {
		controllers_toggle(CGROUP2_DIR, '-');
		settle(layout);
		return;
	}
	for (i = 0; i < layout->nr_mounts; i++) {
		if (umount(layout->mount_dir[i]) < 0)
			fail("umount %s: %s", layout->mount_dir[i], strerror(errno));
		rmdir(layout->mount_dir[i]);
	}
}

/* Stock answer to slow attaches: the threadgroup rwsem stays in slow mode. */
void layout_favordynmods(const struct layout *layout, bool on)
{
	const char *options = on ? "favordynmods" : NULL;

	if (mount("cgroup2", layout->mount_dir[0], "cgroup2", MS_REMOUNT, options) < 0)
		fail("remount %s with %s: %s", layout->mount_dir[0],
		     on ? "favordynmods" : "no options", strerror(errno));
}

static void limits_find(struct layout *layout, const struct parent *parent)
{
	char cpus[LIST_LEN];
	char mems[LIST_LEN];
	int i;

	for (i = 0; i < layout->nr_mounts; i++) {
		int dirfd = parent->dirfd[i];

		limit_add(layout, i, dirfd, layout->is_v2 ? "memory.max" : "memory.limit_in_bytes",
			  MEMORY_LIMIT, layout->is_v2 ? "max" : "-1");
		limit_add(layout, i, dirfd, layout->is_v2 ? "cpu.max" : "cpu.cfs_quota_us",
			  layout->is_v2 ? "100000 100000" : "100000",
			  layout->is_v2 ? "max 100000" : "-1");
		if (!file_read_at(dirfd, layout->is_v2 ? "cpuset.cpus.effective" : "cpuset.cpus",
				  cpus, sizeof(cpus)))
			limit_add(layout, i, dirfd, "cpuset.cpus", cpus,
				  layout->is_v2 ? "\n" : NULL);
		if (!file_read_at(dirfd, layout->is_v2 ? "cpuset.mems.effective" : "cpuset.mems",
				  mems, sizeof(mems)))
			limit_add(layout, i, dirfd, "cpuset.mems", mems,
				  layout->is_v2 ? "\n" : NULL);
		limit_add(layout, i, dirfd, "pids.max", PIDS_LIMIT, "max");
	}
	if (!layout->nr_limits)
		fail("%s: no limit file found: which controllers does this kernel have?",
		     layout->name);
}

/* A v1 cpuset starts empty and takes no task until it is filled in. */
static void cpuset_inherit(const struct layout *layout, int mount_idx, int dirfd)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char path[PATH_LEN + NAME_LEN];
	char text[LIST_LEN];
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", layout->mount_dir[mount_idx], files[i]);
		if (file_read_at(AT_FDCWD, path, text, sizeof(text)))
			continue;
		ret = file_write_at(dirfd, files[i], text);
		if (ret)
			fail("write %s: %s", files[i], strerror(-ret));
	}
}

void parent_make(struct parent *parent, struct layout *layout, const char *name)
{
	char path[PATH_LEN + NAME_LEN];
	int i;

	memset(parent, 0, sizeof(*parent));
	parent->layout = layout;
	snprintf(parent->name, sizeof(parent->name), "%s", name);
	for (i = 0; i < layout->nr_mounts; i++) {
		snprintf(path, sizeof(path), "%s/%s", layout->mount_dir[i], name);
		if (mkdir(path, 0755) < 0)
			fail("mkdir %s: %s", path, strerror(errno));
		parent->dirfd[i] = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
		if (parent->dirfd[i] < 0)
			fail("open %s: %s", path, strerror(errno));
		if (layout->is_v2)
			controllers_toggle(path, '+');
		else if (layout->is_cgroup)
			cpuset_inherit(layout, i, parent->dirfd[i]);
	}
	if (layout->is_cgroup && !layout->nr_limits)
		limits_find(layout, parent);
}

void parent_remove(struct parent *parent)
{
	char path[PATH_LEN + NAME_LEN];
	int i;

	for (i = 0; i < parent->layout->nr_mounts; i++) {
		close(parent->dirfd[i]);
		snprintf(path, sizeof(path), "%s/%s", parent->layout->mount_dir[i], parent->name);
		if (rmdir(path) < 0)
			fail("rmdir %s: %s", path, strerror(errno));
	}
}

/* Cgroups in the layout's first hierarchy, dying ones included, from /proc/cgroups. */
long layout_nr_cgroups(const struct layout *layout)
{
	const char *controller = layout->is_v2 ? "memory" : layout->controller[0];
	size_t len = strlen(controller);
	char text[4096];
	char *line;
	char *state;
	long nr;

	read_text("/proc/cgroups", text, sizeof(text));
	for (line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		if (!strncmp(line, controller, len) && line[len] == '\t' &&
		    sscanf(line + len, "%*d %ld", &nr) == 1)
			return nr;
	}
	fail("/proc/cgroups has no %s", controller);
}
