// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that patches kernel text after boot, on a kernel whose text may have been patched
 * before it was booted: static keys, static calls, kprobes, ftrace, BPF trampolines, CPU hotplug,
 * modules. Each has its effect, and after it was undone the text is what it was.
 *
 * PREPATCH_STATUS   what /sys/kernel/x86_prepatch/status has to say
 * PREPATCH_MODULES  modules to load and remove, in this order, with spaces between
 * PREPATCH_NO_SKIP  a kernel that lacks an option fails the test
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/types.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"

/* An emulated machine with a debug kernel is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#define SYSFS		"/sys/kernel/x86_prepatch/"
#define TRACEFS		"/sys/kernel/tracing/"
#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define SCHEDSTATS	"/proc/sys/kernel/sched_schedstats"
#define PREEMPT		"/sys/kernel/debug/sched/preempt"
#define VMLINUX_BTF	"/sys/kernel/btf/vmlinux"

/* A function that only this program calls. */
#define VICTIM		"__x64_sys_getpgid"
#define CALLS		10

/* Fail instead of skipping where the kernel is meant to have everything. */
#define MISSING(statement, ...)						\
	do {								\
		ASSERT_EQ(NULL, getenv("PREPATCH_NO_SKIP"));		\
		SKIP(statement, __VA_ARGS__);				\
	} while (0)

static int write_file(const char *path, const char *text)
{
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

static int append_file(const char *path, const char *text)
{
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ret = -errno;
	close(fd);
	return ret;
}

/* The whole file; its length in @len if that is not NULL. The caller frees it. */
static char *read_file(const char *path, size_t *len)
{
	size_t size = 0, room = 65536;
	char *buf = malloc(room + 1);
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !buf) {
		if (fd >= 0)
			close(fd);
		free(buf);
		return NULL;
	}
	while ((n = read(fd, buf + size, room - size)) > 0) {
		size += n;
		if (size == room) {
			char *more = realloc(buf, 2 * room + 1);

			if (!more)
				break;
			buf = more;
			room *= 2;
		}
	}
	close(fd);
	if (n) {
		free(buf);
		return NULL;
	}
	buf[size] = '\0';
	if (len)
		*len = size;
	return buf;
}

static __u64 symbol_address(const char *name)
{
	unsigned long long addr;
	__u64 found = 0;
	char line[512], sym[256];
	FILE *f = fopen("/proc/kallsyms", "re");

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %*c %255s", &addr, sym) == 2 && !strcmp(sym, name))
			found = addr;
	}
	if (f)
		fclose(f);
	return found;
}

/* A program header of a 64-bit ELF file, and where the file says how many there are. */
struct kcore_segment {
	__u32 type, flags;
	__u64 offset, vaddr, paddr, filesz, memsz, align;
};

#define ELF_PHOFF	32
#define ELF_PHNUM	56
#define ELF_PT_LOAD	1

/* Bytes of the kernel as they are now. */
static int read_kernel(__u64 addr, void *buf, size_t len)
{
	struct kcore_segment seg;
	int fd, i, ret = -ENXIO;
	__u64 phoff;
	__u16 phnum;

	fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &phoff, sizeof(phoff), ELF_PHOFF) != sizeof(phoff) ||
	    pread(fd, &phnum, sizeof(phnum), ELF_PHNUM) != sizeof(phnum))
		goto out;
	for (i = 0; i < phnum; i++) {
		if (pread(fd, &seg, sizeof(seg), phoff + i * sizeof(seg)) != sizeof(seg))
			break;
		if (seg.type != ELF_PT_LOAD || addr < seg.vaddr || addr - seg.vaddr >= seg.memsz)
			continue;
		addr -= seg.vaddr;
		ret = pread(fd, buf, len, seg.offset + addr) == (ssize_t)len ? 0 : -EIO;
		break;
	}
out:
	close(fd);
	return ret;
}

static void call_victim(void)
{
	int i;

	for (i = 0; i < CALLS; i++)
		syscall(SYS_getpgid, 0);
}

/* All of the kernel's text, as it was at the beginning of a test. */
struct snapshot {
	__u64 start, size;
	char *before, *after;
};

/* 0, or a negative errno. */
static int take_snapshot(struct snapshot *snap)
{
	__u64 end = symbol_address("_etext");

	snap->start = symbol_address("_text");
	if (!snap->start || end <= snap->start)
		return -ENOENT;
	snap->size = end - snap->start;
	snap->before = malloc(snap->size);
	snap->after = malloc(snap->size);
	if (!snap->before || !snap->after)
		return -ENOMEM;
	return read_kernel(snap->start, snap->before, snap->size);
}

/* The number of bytes of text that are not what they were. */
static long changed_bytes(struct snapshot *snap)
{
	long changed = 0;
	__u64 i;
	int ret;

	ret = read_kernel(snap->start, snap->after, snap->size);
	if (ret)
		return ret;
	for (i = 0; i < snap->size; i++)
		changed += snap->before[i] != snap->after[i];
	return changed;
}

FIXTURE(text) {
	struct snapshot snap;
};

FIXTURE_SETUP(text)
{
	if (take_snapshot(&self->snap))
		MISSING(return, "no /proc/kallsyms or no /proc/kcore, or not root");
}

FIXTURE_TEARDOWN(text)
{
	free(self->snap.before);
	free(self->snap.after);
}

/* The same for tests that run on the entry and on the return of a function. */
FIXTURE(hook) {
	struct snapshot snap;
};

FIXTURE_VARIANT(hook) {
	const char *probe;		/* for kprobe_events */
	enum bpf_attach_type attach;
};

FIXTURE_VARIANT_ADD(hook, entry) {
	.probe = "p:prepatch_test " VICTIM,
	.attach = BPF_TRACE_FENTRY,
};

FIXTURE_VARIANT_ADD(hook, return) {
	.probe = "r:prepatch_test " VICTIM,
	.attach = BPF_TRACE_FEXIT,
};

FIXTURE_SETUP(hook)
{
	if (take_snapshot(&self->snap))
		MISSING(return, "no /proc/kallsyms or no /proc/kcore, or not root");
}

FIXTURE_TEARDOWN(hook)
{
	free(self->snap.before);
	free(self->snap.after);
}

/* What the kernel says about itself */

TEST(status_is_as_expected)
{
	static const char * const known[] = {
		"stock", "match", "mismatch", "off", "verified", "different",
	};
	const char *expected = getenv("PREPATCH_STATUS");
	char *status = read_file(SYSFS "status", NULL);
	bool found = false;
	unsigned int i;

	if (!status)
		MISSING(return, "kernel without CONFIG_X86_PREPATCH");
	status[strcspn(status, "\n")] = '\0';
	for (i = 0; i < ARRAY_SIZE(known); i++)
		found |= !strcmp(status, known[i]);
	EXPECT_TRUE(found)
		TH_LOG("unknown status %s", status);
	if (expected)
		EXPECT_STREQ(expected, status);
	free(status);
}

static __u32 crc32_bytes(const __u8 *data, size_t len)
{
	__u32 crc = ~0U;
	int bit;

	while (len--) {
		crc ^= *data++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

TEST(profile_is_complete)
{
	__u32 valid, crc;
	size_t len = 0;
	char *profile;

	if (access(SYSFS, F_OK))
		MISSING(return, "kernel without CONFIG_X86_PREPATCH");
	profile = read_file(SYSFS "profile", &len);
	ASSERT_NE(NULL, profile);
	ASSERT_LT(8, len);
	memcpy(&valid, profile, sizeof(valid));
	memcpy(&crc, profile + 4, sizeof(crc));
	EXPECT_EQ(1, valid);
	EXPECT_EQ(crc32_bytes((__u8 *)profile + 8, len - 8), crc);
	free(profile);
}

/* Static keys and calls */

/* /proc/PID/sched has these lines while the static key is on. */
static bool has_schedstats(void)
{
	char *sched = read_file("/proc/self/sched", NULL);
	bool has = sched && strstr(sched, "wait_max");

	free(sched);
	return has;
}

TEST_F(text, static_key_is_switched)
{
	char *old = read_file(SCHEDSTATS, NULL);
	int i;

	if (!old || access("/proc/self/sched", R_OK))
		MISSING(return, "no CONFIG_SCHEDSTATS or CONFIG_SCHED_DEBUG");
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, write_file(SCHEDSTATS, "1"));
		ASSERT_TRUE(has_schedstats());
		EXPECT_LT(0, changed_bytes(&self->snap));
		ASSERT_EQ(0, write_file(SCHEDSTATS, "0"));
		ASSERT_FALSE(has_schedstats());
	}
	if (old[0] == '0')
		EXPECT_EQ(0, changed_bytes(&self->snap));
	ASSERT_EQ(0, write_file(SCHEDSTATS, old));
	free(old);
}

/* The mode in brackets. */
static void preempt_mode(char *mode, size_t size)
{
	char *all = read_file(PREEMPT, NULL), *open, *close;

	mode[0] = '\0';
	open = all ? strchr(all, '(') : NULL;
	close = open ? strchr(open, ')') : NULL;
	if (close)
		snprintf(mode, size, "%.*s", (int)(close - open - 1), open + 1);
	free(all);
}

TEST_F(text, static_calls_follow_the_preemption_mode)
{
	static const char * const modes[] = { "none", "voluntary", "full" };
	char old[32], mode[32];
	unsigned int i;

	preempt_mode(old, sizeof(old));
	if (!old[0])
		MISSING(return, "no CONFIG_PREEMPT_DYNAMIC");
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, write_file(PREEMPT, modes[i % 3]));
		preempt_mode(mode, sizeof(mode));
		ASSERT_STREQ(modes[i % 3], mode);
		if (strcmp(mode, old))
			EXPECT_LT(0, changed_bytes(&self->snap));
		call_victim();
	}
	ASSERT_EQ(0, write_file(PREEMPT, old));
	EXPECT_EQ(0, changed_bytes(&self->snap));
}

/* Kprobes */

static long probe_hits(void)
{
	char *profile = read_file(TRACEFS "kprobe_profile", NULL);
	char *line = profile ? strstr(profile, "prepatch_test") : NULL;
	long hits = -1;

	if (line && sscanf(line, "%*s %ld", &hits) != 1)
		hits = -1;
	free(profile);
	return hits;
}

TEST_F(hook, kprobe_hits_and_leaves_no_trace)
{
	int i;

	if (access(TRACEFS "kprobe_events", W_OK))
		MISSING(return, "no CONFIG_KPROBE_EVENTS");
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, append_file(TRACEFS "kprobe_events", variant->probe));
		ASSERT_EQ(0, write_file(TRACEFS "events/kprobes/prepatch_test/enable", "1"));
		EXPECT_LT(0, changed_bytes(&self->snap));
		call_victim();
		EXPECT_EQ(CALLS, probe_hits());
		ASSERT_EQ(0, write_file(TRACEFS "events/kprobes/prepatch_test/enable", "0"));
		ASSERT_EQ(0, append_file(TRACEFS "kprobe_events", "-:prepatch_test"));
		EXPECT_EQ(0, changed_bytes(&self->snap));
	}
}

/* Ftrace */

static bool has_function_tracer(void)
{
	char *tracers = read_file(TRACEFS "available_tracers", NULL);
	bool has = tracers && strstr(tracers, "function");

	free(tracers);
	return has;
}

static int count_lines(const char *path, const char *word)
{
	char *text = read_file(path, NULL), *at = text;
	int count = 0;

	while (at && (at = strstr(at, word))) {
		count++;
		at += strlen(word);
	}
	free(text);
	return count;
}

TEST_F(text, ftrace_of_one_function)
{
	char entry[64];

	if (!has_function_tracer())
		MISSING(return, "no CONFIG_FUNCTION_TRACER");
	snprintf(entry, sizeof(entry), ": %s ", VICTIM);
	ASSERT_EQ(0, write_file(TRACEFS "set_ftrace_filter", VICTIM));
	ASSERT_EQ(0, write_file(TRACEFS "trace", ""));
	ASSERT_EQ(0, write_file(TRACEFS "current_tracer", "function"));
	EXPECT_LT(0, changed_bytes(&self->snap));
	call_victim();
	ASSERT_EQ(0, write_file(TRACEFS "tracing_on", "0"));
	EXPECT_EQ(CALLS, count_lines(TRACEFS "trace", entry));
	ASSERT_EQ(0, write_file(TRACEFS "current_tracer", "nop"));
	ASSERT_EQ(0, write_file(TRACEFS "set_ftrace_filter", ""));
	ASSERT_EQ(0, write_file(TRACEFS "tracing_on", "1"));
	EXPECT_EQ(0, changed_bytes(&self->snap));
}

TEST_F(text, ftrace_of_all_functions)
{
	int i;

	if (!has_function_tracer())
		MISSING(return, "no CONFIG_FUNCTION_TRACER");
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, write_file(TRACEFS "current_tracer", "function"));
		EXPECT_LT(10000, changed_bytes(&self->snap));
		call_victim();
		ASSERT_EQ(0, write_file(TRACEFS "current_tracer", "nop"));
		EXPECT_EQ(0, changed_bytes(&self->snap));
	}
	EXPECT_EQ(0, write_file(TRACEFS "trace", ""));
}

/* BPF */

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* How long the data is that follows a struct btf_type. */
static size_t btf_extra(__u32 info)
{
	__u32 vlen = BTF_INFO_VLEN(info);

	switch (BTF_INFO_KIND(info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return vlen * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return vlen * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return vlen * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return vlen * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return vlen * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

static int btf_function(const char *name)
{
	const struct btf_header *header;
	struct btf_type type;
	int id = 0, found = 0;
	size_t len, at, end;
	char *btf;

	btf = read_file(VMLINUX_BTF, &len);
	if (!btf)
		return 0;
	header = (const struct btf_header *)btf;
	at = header->hdr_len + header->type_off;
	end = at + header->type_len;
	while (!found && at + sizeof(type) <= end && end <= len) {
		memcpy(&type, btf + at, sizeof(type));
		id++;
		if (BTF_INFO_KIND(type.info) == BTF_KIND_FUNC &&
		    !strcmp(btf + header->hdr_len + header->str_off + type.name_off, name))
			found = id;
		at += sizeof(type) + btf_extra(type.info);
	}
	free(btf);
	return found;
}

TEST_F(hook, bpf_trampoline_is_called)
{
	__u64 count = 0;
	__u32 key = 0;
	union bpf_attr attr;
	int map, prog, link, id, i;
	char log[4096] = "";

	id = btf_function("bpf_fentry_test1");
	if (!id)
		MISSING(return, "no BTF, or no bpf_fentry_test1 in it");

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = sizeof(key);
	attr.value_size = sizeof(count);
	attr.max_entries = 1;
	map = bpf(BPF_MAP_CREATE, &attr);
	ASSERT_LE(0, map);

	/* ++*(u64 *)map; return 0; */
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = map },
		{ },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 1 },
		{ .code = BPF_STX | BPF_DW | BPF_ATOMIC, .dst_reg = 1, .src_reg = 2,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = variant->attach;
	attr.attach_btf_id = id;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (uintptr_t)"GPL";
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	prog = bpf(BPF_PROG_LOAD, &attr);
	ASSERT_LE(0, prog)
		TH_LOG("%s: %s", strerror(errno), log);

	for (i = 1; i <= 3; i++) {
		memset(&attr, 0, sizeof(attr));
		attr.raw_tracepoint.prog_fd = prog;
		link = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
		ASSERT_LE(0, link);
		EXPECT_LT(0, changed_bytes(&self->snap));

		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = prog;
		ASSERT_EQ(0, bpf(BPF_PROG_TEST_RUN, &attr));

		memset(&attr, 0, sizeof(attr));
		attr.map_fd = map;
		attr.key = (uintptr_t)&key;
		attr.value = (uintptr_t)&count;
		ASSERT_EQ(0, bpf(BPF_MAP_LOOKUP_ELEM, &attr));
		EXPECT_EQ(i, count);

		ASSERT_EQ(0, close(link));
		/* A trampoline goes away when no task can be in it any more. */
		for (int tries = 0; tries < 50 && changed_bytes(&self->snap); tries++)
			usleep(100000);
		EXPECT_EQ(0, changed_bytes(&self->snap));
	}
	close(prog);
	close(map);
}

/* CPU hotplug */

static void *run_on_cpu1(void *arg)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return (void *)(intptr_t)errno;
	call_victim();
	return (void *)(intptr_t)(sched_getcpu() == 1 ? 0 : EXDEV);
}

TEST_F(text, cpu_comes_back)
{
	pthread_t thread;
	void *ret;
	int i;

	if (access(CPU1_ONLINE, W_OK))
		MISSING(return, "one CPU only, or no CONFIG_HOTPLUG_CPU");
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));
		call_victim();
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_on_cpu1, NULL));
		ASSERT_EQ(0, pthread_join(thread, &ret));
		EXPECT_EQ(0, (intptr_t)ret);
	}
	EXPECT_EQ(0, changed_bytes(&self->snap));
}

/* Modules */

TEST_F(text, modules_load_and_go)
{
	char *list = getenv("PREPATCH_MODULES"), *names[8], *name, *dot;
	int fd, i, n = 0;

	if (!list || !list[0])
		MISSING(return, "no PREPATCH_MODULES");
	list = strdup(list);
	for (name = strtok(list, " "); name && n < 8; name = strtok(NULL, " "))
		names[n++] = name;
	for (i = 0; i < n; i++) {
		fd = open(names[i], O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd)
			TH_LOG("%s: %s", names[i], strerror(errno));
		ASSERT_EQ(0, syscall(SYS_finit_module, fd, "", 0))
			TH_LOG("%s: %s", names[i], strerror(errno));
		close(fd);
	}
	for (i = n - 1; i >= 0; i--) {
		name = strrchr(names[i], '/');
		name = name ? name + 1 : names[i];
		dot = strchr(name, '.');
		if (dot)
			*dot = '\0';
		ASSERT_EQ(0, syscall(SYS_delete_module, name, O_NONBLOCK))
			TH_LOG("%s: %s", name, strerror(errno));
	}
	EXPECT_EQ(0, changed_bytes(&self->snap));
	free(list);
}

TEST_HARNESS_MAIN
