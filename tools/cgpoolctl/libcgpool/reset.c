// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reset by writes. One table says what a new cgroup has in each writable file,
 * another one which writable files have nothing to reset. A file in neither is
 * one of a kernel newer than this: then the cgroup is not reset but replaced.
 * Files are read first and only written when they differ: some writes are
 * expensive (cpu.max walks all task groups). What has no reset write (events,
 * peaks, statistics, page cache that stays charged) is not undone here; that
 * is the known leak of every userspace pool, see cgpool_leaks().
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "cgfs.h"
#include "parse.h"
#include "private.h"
#include "reset.h"
#include "sys.h"

enum rule_kind {
	RULE_VALUE,	/* reads and takes this text */
	RULE_EMPTY,	/* empty; a newline clears it */
	RULE_UNLIMITED,	/* v1: a huge number; -1 restores it */
	RULE_KEYED,	/* lines "key rest"; "key <value>" for each */
	RULE_WEIGHT,	/* "default 100" and lines "dev weight" */
	RULE_INHERIT,	/* a new child copies it from the parent */
	RULE_SAME,	/* likewise, and there is no one write that would do it */
	RULE_WRITE,	/* write only, cannot be read back */
};

struct rule {
	int version;
	enum rule_kind kind;
	const char *glob;
	const char *value;
};

static const struct rule rules[] = {
	{ 2, RULE_VALUE,	"cgroup.freeze",		"0" },
	{ 2, RULE_VALUE,	"cgroup.max.depth",		"max" },
	{ 2, RULE_VALUE,	"cgroup.max.descendants",	"max" },
	{ 2, RULE_VALUE,	"cgroup.pressure",		"1" },
	{ 2, RULE_VALUE,	"cpu.max",			"max 100000" },
	{ 2, RULE_VALUE,	"cpu.max.burst",		"0" },
	{ 2, RULE_VALUE,	"cpu.idle",			"0" },
	{ 2, RULE_VALUE,	"cpu.weight",			"100" },
	{ 2, RULE_VALUE,	"cpu.uclamp.min",		"0.00" },
	{ 2, RULE_VALUE,	"cpu.uclamp.max",		"max" },
	{ 2, RULE_VALUE,	"cpuset.cpus.partition",	"member" },
	{ 2, RULE_EMPTY,	"cpuset.cpus.exclusive",	NULL },
	{ 2, RULE_EMPTY,	"cpuset.cpus",			NULL },
	{ 2, RULE_EMPTY,	"cpuset.mems",			NULL },
	{ 2, RULE_VALUE,	"memory.min",			"0" },
	{ 2, RULE_VALUE,	"memory.low",			"0" },
	{ 2, RULE_VALUE,	"memory.high",			"max" },
	{ 2, RULE_VALUE,	"memory.max",			"max" },
	{ 2, RULE_VALUE,	"memory.oom.group",		"0" },
	{ 2, RULE_VALUE,	"memory.swap.high",		"max" },
	{ 2, RULE_VALUE,	"memory.swap.max",		"max" },
	{ 2, RULE_VALUE,	"memory.zswap.max",		"max" },
	{ 2, RULE_VALUE,	"memory.zswap.writeback",	"1" },
	{ 2, RULE_WEIGHT,	"io.weight",			"default 100" },
	{ 2, RULE_WEIGHT,	"io.bfq.weight",		"default 100" },
	{ 2, RULE_KEYED,	"io.max",	"rbps=max wbps=max riops=max wiops=max" },
	{ 2, RULE_KEYED,	"io.latency",			"target=0" },
	{ 2, RULE_VALUE,	"io.prio.class",		"no-change" },
	{ 2, RULE_VALUE,	"pids.max",			"max" },
	{ 2, RULE_VALUE,	"hugetlb.*.max",		"max" },
	{ 2, RULE_KEYED,	"rdma.max",	"hca_handle=max hca_object=max" },
	{ 2, RULE_KEYED,	"misc.max",			"max" },
	{ 2, RULE_KEYED,	"dmem.max",			"max" },
	{ 2, RULE_KEYED,	"dmem.min",			"0" },
	{ 2, RULE_KEYED,	"dmem.low",			"0" },

	{ 1, RULE_VALUE,	"freezer.state",		"THAWED" },
	{ 1, RULE_INHERIT,	"notify_on_release",		NULL },
	{ 1, RULE_INHERIT,	"cgroup.clone_children",	NULL },
	{ 1, RULE_VALUE,	"cpu.cfs_quota_us",		"-1" },
	{ 1, RULE_VALUE,	"cpu.cfs_period_us",		"100000" },
	{ 1, RULE_VALUE,	"cpu.cfs_burst_us",		"0" },
	{ 1, RULE_VALUE,	"cpu.idle",			"0" },
	{ 1, RULE_VALUE,	"cpu.shares",			"1024" },
	{ 1, RULE_VALUE,	"cpu.rt_runtime_us",		"0" },
	{ 1, RULE_VALUE,	"cpu.rt_period_us",		"1000000" },
	{ 1, RULE_VALUE,	"cpu.uclamp.min",		"0.00" },
	{ 1, RULE_VALUE,	"cpu.uclamp.max",		"max" },
	{ 1, RULE_WRITE,	"cpuacct.usage",		"0" },
	{ 1, RULE_VALUE,	"cpuset.cpu_exclusive",		"0" },
	{ 1, RULE_VALUE,	"cpuset.mem_exclusive",		"0" },
	{ 1, RULE_VALUE,	"cpuset.mem_hardwall",		"0" },
	{ 1, RULE_VALUE,	"cpuset.sched_load_balance",	"1" },
	{ 1, RULE_VALUE,	"cpuset.sched_relax_domain_level", "-1" },
	{ 1, RULE_VALUE,	"cpuset.memory_migrate",	"0" },
	{ 1, RULE_INHERIT,	"cpuset.memory_spread_page",	NULL },
	{ 1, RULE_INHERIT,	"cpuset.memory_spread_slab",	NULL },
	/* memsw may not be below the limit: raise it first. */
	{ 1, RULE_UNLIMITED,	"memory.memsw.limit_in_bytes",	"-1" },
	{ 1, RULE_UNLIMITED,	"memory.limit_in_bytes",	"-1" },
	{ 1, RULE_UNLIMITED,	"memory.soft_limit_in_bytes",	"-1" },
	{ 1, RULE_UNLIMITED,	"memory.kmem.limit_in_bytes",	"-1" },
	{ 1, RULE_UNLIMITED,	"memory.kmem.tcp.limit_in_bytes", "-1" },
	{ 1, RULE_INHERIT,	"memory.use_hierarchy",		NULL },
	{ 1, RULE_INHERIT,	"memory.swappiness",		NULL },
	{ 1, RULE_INHERIT,	"memory.oom_control",		NULL },
	{ 1, RULE_VALUE,	"memory.move_charge_at_immigrate", "0" },
	{ 1, RULE_WRITE,	"memory.max_usage_in_bytes",	"0" },
	{ 1, RULE_WRITE,	"memory.failcnt",		"0" },
	{ 1, RULE_WRITE,	"memory.memsw.max_usage_in_bytes", "0" },
	{ 1, RULE_WRITE,	"memory.memsw.failcnt",		"0" },
	{ 1, RULE_WRITE,	"memory.kmem.max_usage_in_bytes", "0" },
	{ 1, RULE_WRITE,	"memory.kmem.failcnt",		"0" },
	{ 1, RULE_WRITE,	"memory.kmem.tcp.max_usage_in_bytes", "0" },
	{ 1, RULE_WRITE,	"memory.kmem.tcp.failcnt",	"0" },
	{ 1, RULE_KEYED,	"blkio.throttle.*_device",	"0" },
	{ 1, RULE_VALUE,	"blkio.bfq.weight",		"100" },
	{ 1, RULE_WEIGHT,	"blkio.bfq.weight_device",	"default 100" },
	{ 1, RULE_VALUE,	"blkio.prio.class",		"no-change" },
	{ 1, RULE_WRITE,	"blkio.reset_stats",		"1" },
	{ 1, RULE_VALUE,	"pids.max",			"max" },
	{ 1, RULE_UNLIMITED,	"hugetlb.*.limit_in_bytes",	"-1" },
	{ 1, RULE_WRITE,	"hugetlb.*.max_usage_in_bytes",	"0" },
	{ 1, RULE_WRITE,	"hugetlb.*.failcnt",		"0" },
	{ 1, RULE_INHERIT,	"net_cls.classid",		NULL },
	{ 1, RULE_SAME,		"net_prio.ifpriomap",		NULL },
	{ 1, RULE_KEYED,	"rdma.max",	"hca_handle=max hca_object=max" },
	{ 1, RULE_KEYED,	"misc.max",			"max" },
};

#define NR_RULES	(sizeof(rules) / sizeof(rules[0]))

/*
 * Writable, but what was written does not stay, or is dealt with elsewhere. Not
 * in here: cgroup.pool.low and .nest, which a cgroup only has when its former
 * user has made it a pool of the kernel's.
 */
static const struct {
	int version;
	const char *glob;
} harmless[] = {
	{ 2, "cgroup.kill" },
	{ 2, "cgroup.pool.max" },
	{ 2, "cgroup.procs" },
	{ 2, "cgroup.subtree_control" },
	{ 2, "cgroup.threads" },
	{ 2, "cgroup.type" },
	{ 2, "cpu.weight.nice" },	/* another view of cpu.weight */
	/* Triggers, and the start of a peak, go with the descriptor. */
	{ 2, "cpu.pressure" },
	{ 2, "io.pressure" },
	{ 2, "irq.pressure" },
	{ 2, "memory.pressure" },
	{ 2, "memory.peak" },
	{ 2, "memory.swap.peak" },
	{ 2, "memory.reclaim" },

	{ 1, "cgroup.event_control" },
	{ 1, "cgroup.pool.max" },
	{ 1, "cgroup.procs" },
	{ 1, "cpuset.cpus" },
	{ 1, "cpuset.mems" },
	{ 1, "devices.allow" },
	{ 1, "devices.deny" },
	{ 1, "memory.force_empty" },
	{ 1, "tasks" },
};

#define NR_HARMLESS	(sizeof(harmless) / sizeof(harmless[0]))
#define UNLIMITED_FROM	(UINT64_C(1) << 62)

static size_t chomp(char *text)
{
	size_t len = strlen(text);

	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	return len;
}

/* 1 default, 0 not, -errno. */
static int value_is_default(const struct rule *rule, char *text, int parent, const char *name)
{
	_cleanup_free_ char *inherited = NULL;
	char *line, *save = NULL;
	uint64_t num;
	int ret;

	switch (rule->kind) {
	case RULE_VALUE:
		chomp(text);
		return !strcmp(text, rule->value);
	case RULE_EMPTY:
		return !chomp(text);
	case RULE_UNLIMITED:
		chomp(text);
		ret = parse_u64(text, &num);
		return ret ? ret : num >= UNLIMITED_FROM;
	case RULE_KEYED:
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			char *rest = strchr(line, ' ');

			chomp(line);
			if (!rest || strcmp(rest + 1, rule->value))
				return 0;
		}
		return 1;
	case RULE_WEIGHT:
		chomp(text);
		return !*text || !strcmp(text, rule->value);
	case RULE_INHERIT:
	case RULE_SAME:
		if (parent < 0)
			return 1;
		ret = cgfs_read_all(parent, name, &inherited, NULL);
		if (ret == -ENOENT)
			return 1;
		if (ret)
			return ret;
		if (rule->kind == RULE_SAME)
			return !strcmp(text, inherited);
		/* memory.oom_control has counters behind its first line. */
		text[strcspn(text, "\n")] = '\0';
		inherited[strcspn(inherited, "\n")] = '\0';
		return !strcmp(text, inherited);
	case RULE_WRITE:
		return 1;
	}
	return -EINVAL;
}

static int write_default(const struct rule *rule, char *text, int fd, int parent,
			 const char *name)
{
	_cleanup_free_ char *inherited = NULL;
	char *line, *save = NULL, *num;
	char out[512];
	int ret;

	switch (rule->kind) {
	case RULE_VALUE:
	case RULE_UNLIMITED:
	case RULE_WRITE:
		return sys_write_at(fd, name, rule->value);
	case RULE_EMPTY:
		return sys_write_at(fd, name, "\n");
	case RULE_KEYED:
	case RULE_WEIGHT:
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			size_t klen = strcspn(line, " ");

			if (rule->kind == RULE_KEYED)
				snprintf(out, sizeof(out), "%.*s %s", (int)klen, line, rule->value);
			else if (!strncmp(line, "default ", 8))
				snprintf(out, sizeof(out), "%s", rule->value);
			else
				snprintf(out, sizeof(out), "%.*s default", (int)klen, line);
			ret = sys_write_at(fd, name, out);
			if (ret)
				return ret;
		}
		return 0;
	case RULE_INHERIT:
		ret = cgfs_read_all(parent, name, &inherited, NULL);
		if (ret)
			return ret;
		/* "oom_kill_disable 0": only the number is written. */
		inherited[strcspn(inherited, "\n")] = '\0';
		num = strrchr(inherited, ' ');
		return sys_write_at(fd, name, num ? num + 1 : inherited);
	case RULE_SAME:
		return -ENOTRECOVERABLE;
	}
	return -EINVAL;
}

static int apply_rule(const struct rule *rule, int fd, int parent, const char *name)
{
	int ret, round;

	if (rule->kind == RULE_WRITE)
		return write_default(rule, NULL, fd, parent, name);
	/* Look, write if needed, look again. */
	for (round = 0; round < 2; round++) {
		_cleanup_free_ char *text = NULL, *copy = NULL;

		ret = cgfs_read_all(fd, name, &text, NULL);
		/* cpu.idle hides cpu.weight, psi can be off: nothing to reset then. */
		if (ret == -ENOENT || ret == -EOPNOTSUPP)
			return 0;
		if (ret)
			return ret;
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
		ret = value_is_default(rule, copy, parent, name);
		if (ret)
			return ret < 0 ? ret : 0;
		if (round)
			break;
		ret = write_default(rule, text, fd, parent, name);
		if (ret)
			return ret;
	}
	return -ENOTRECOVERABLE;
}

/* cpuset v1: empty, or the parent's when it clones its children. */
static int reset_v1_cpuset(int fd, int parent)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char clone[8] = "0", value[1024];
	size_t i;
	int ret;

	if (!cgfs_exists(fd, "cpuset.cpus"))
		return 0;
	cgfs_read(parent, "cgroup.clone_children", clone, sizeof(clone));
	for (i = 0; i < 2; i++) {
		strcpy(value, "");
		if (!strcmp(clone, "1")) {
			ret = cgfs_read(parent, files[i], value, sizeof(value));
			if (ret)
				return ret;
		}
		ret = sys_write_at(fd, files[i], *value ? value : "\n");
		if (ret)
			return ret;
	}
	return 0;
}

/* v1: a new one has the parent's list, and the parent's default. */
static int reset_v1_devices(int fd, int parent)
{
	_cleanup_free_ char *ours = NULL, *theirs = NULL;
	int ret;

	if (!cgfs_exists(fd, "devices.list"))
		return 0;
	ret = cgfs_read_all(parent, "devices.list", &theirs, NULL);
	if (ret)
		return ret;
	/* This does not show what was denied of all; the write copies that, too. */
	if (!strcmp(theirs, "a *:* rwm\n")) {
		ret = sys_write_at(fd, "devices.allow", "a");
		if (ret)
			return ret;
	}
	ret = cgfs_read_all(fd, "devices.list", &ours, NULL);
	if (ret)
		return ret;
	return strcmp(ours, theirs) ? -ENOTRECOVERABLE : 0;
}

static int drop_subtree_control(int fd)
{
	char enabled[512], line[80], *word, *save = NULL;
	int ret;

	ret = cgfs_read(fd, "cgroup.subtree_control", enabled, sizeof(enabled));
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	for (word = strtok_r(enabled, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		snprintf(line, sizeof(line), "-%s", word);
		ret = sys_write_at(fd, "cgroup.subtree_control", line);
		if (ret)
			return ret;
	}
	return 0;
}

/* Others are the system's: security labels. */
static bool is_users_xattr(const char *name)
{
	return !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8);
}

static int drop_xattrs(int fd, const char *const *keep, char *what, size_t size)
{
	char names[4096];
	ssize_t len = flistxattr(fd, names, sizeof(names));
	const char *name;
	int ret, i;

	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (name = names; name < names + len; name += strlen(name) + 1) {
		for (i = 0; keep[i] && strcmp(name, keep[i]); i++)
			;
		if (keep[i] || !is_users_xattr(name))
			continue;
		snprintf(what, size, "%s", name);
		ret = sys_removexattr(fd, name);
		if (ret && ret != -ENODATA)
			return ret;
	}
	return 0;
}

static bool has_users_xattr(int fd, const char *file)
{
	char path[NAME_MAX + 64], names[4096];
	const char *name;
	ssize_t len;

	/* Some files cannot be opened for reading. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fd, file);
	len = llistxattr(path, names, sizeof(names));
	if (len < 0)
		return errno != EOPNOTSUPP;
	for (name = names; name < names + len; name += strlen(name) + 1)
		if (is_users_xattr(name))
			return true;
	return false;
}

static bool is_known(int version, const char *file)
{
	size_t i;

	for (i = 0; i < NR_RULES; i++)
		if (rules[i].version == version && !fnmatch(rules[i].glob, file, 0))
			return true;
	for (i = 0; i < NR_HARMLESS; i++)
		if (harmless[i].version == version && !fnmatch(harmless[i].glob, file, 0))
			return true;
	return false;
}

/* Does @file look like what the kernel makes, and do we know how to reset it? */
static bool is_resettable(int fd, int version, const char *file, const struct stat *st)
{
	mode_t mode = st->st_mode & 07777;

	/* Made since the children were removed: whoever did that is still here. */
	if (!S_ISREG(st->st_mode))
		return false;
	if (st->st_uid != geteuid() || st->st_gid != getegid())
		return false;
	/* cgroup.event_control is the only one that is everybody's. */
	if (mode && mode != 0444 && mode != 0200 && mode != 0644 &&
	    (mode != 0222 || strcmp(file, "cgroup.event_control")))
		return false;
	return (!(mode & 0222) || is_known(version, file)) && !has_users_xattr(fd, file);
}

int reset_cgroup(int fd, int parent, int version, const char *const *keep,
		 char *what, size_t size)
{
	_cleanup_dir_ DIR *dir = cgfs_opendir(fd);
	char type[32];
	struct dirent *de;
	struct stat st;
	size_t i;
	int ret;

	snprintf(what, size, "readdir");
	if (!dir)
		return -errno;
	/* Chowned or chmodded for a tenant: only a new one is clean. */
	snprintf(what, size, "owner or mode");
	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() || st.st_gid != getegid() || (st.st_mode & 07777) != 0755)
		return -ENOTRECOVERABLE;
	while ((de = readdir(dir))) {
		if (de->d_name[0] == '.')
			continue;
		if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW))
			return -errno;
		if (!is_resettable(fd, version, de->d_name, &st)) {
			snprintf(what, size, "%s", de->d_name);
			return -ENOTRECOVERABLE;
		}
	}
	ret = drop_xattrs(fd, keep, what, size);
	if (ret)
		return ret;
	if (version == 2) {
		snprintf(what, size, "cgroup.type");
		/* threaded cannot be undone */
		if (!cgfs_read(fd, "cgroup.type", type, sizeof(type)) &&
		    strcmp(type, "domain"))
			return -ENOTRECOVERABLE;
		snprintf(what, size, "cgroup.subtree_control");
		ret = drop_subtree_control(fd);
		if (ret)
			return ret;
	} else {
		snprintf(what, size, "cpuset");
		ret = reset_v1_cpuset(fd, parent);
		if (ret)
			return ret;
		snprintf(what, size, "devices.list");
		ret = reset_v1_devices(fd, parent);
		if (ret)
			return ret;
	}
	for (i = 0; i < NR_RULES; i++) {
		if (rules[i].version != version)
			continue;
		if (!strpbrk(rules[i].glob, "*")) {
			snprintf(what, size, "%s", rules[i].glob);
			if (!cgfs_exists(fd, rules[i].glob))
				continue;
			ret = apply_rule(&rules[i], fd, parent, rules[i].glob);
			if (ret)
				return ret;
			continue;
		}
		rewinddir(dir);
		while ((de = readdir(dir))) {
			if (fnmatch(rules[i].glob, de->d_name, 0))
				continue;
			snprintf(what, size, "%s", de->d_name);
			ret = apply_rule(&rules[i], fd, parent, de->d_name);
			if (ret)
				return ret;
		}
	}
	return 0;
}

bool reset_is_limited(int fd, int version, const char *controller)
{
	_cleanup_dir_ DIR *dir = NULL;
	size_t i, len = strlen(controller);
	struct dirent *de;

	for (i = 0; i < NR_RULES; i++) {
		const struct rule *rule = &rules[i];

		if (rule->version != version || strncmp(rule->glob, controller, len) ||
		    rule->glob[len] != '.' || rule->kind == RULE_INHERIT ||
		    rule->kind == RULE_SAME || rule->kind == RULE_WRITE)
			continue;
		if (!dir)
			dir = cgfs_opendir(fd);
		if (!dir)
			return false;
		rewinddir(dir);
		while ((de = readdir(dir))) {
			_cleanup_free_ char *text = NULL;

			if (fnmatch(rule->glob, de->d_name, 0) ||
			    cgfs_read_all(fd, de->d_name, &text, NULL))
				continue;
			if (!value_is_default(rule, text, -1, de->d_name))
				return true;
		}
	}
	return false;
}
