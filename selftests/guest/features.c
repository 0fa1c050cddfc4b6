// SPDX-License-Identifier: GPL-2.0-only
/*
 * First process of a guest that runs the shipped kernel: uses every feature which
 * kconfig/guest-minimal.config keeps, for real, and reports as TAP on the virtio console.
 *
 * It speaks to selftests/guest/run over that console: lines that begin with "@" are requests, each is
 * answered by one line.  Static, no library but libc.  A test runs in a process of its own, which may
 * end in any way; it has failed unless it says otherwise.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/fanotify.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CG "/sys/fs/cgroup"
#define MiB (1024 * 1024UL)
/* Seconds that one test may take; a busy host without KVM is slow. */
#define TEST_SECONDS 120

static int tap = 2;
static int failures;
static char cmdline[4096];
static char why[512];

/* Ends the test with a reason.  The errno is the one of the call that is named in it. */
#define need(cond, ...)                                               \
	do {                                                          \
		int saved_errno = errno;                              \
                                                                      \
		if (!(cond))                                          \
			return fail(saved_errno, #cond, __VA_ARGS__); \
	} while (0)

static int __attribute__((format(printf, 3, 4)))
fail(int err, const char *cond, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len < sizeof(why))
		snprintf(why + len, sizeof(why) - len, " (%.120s; errno %s)", cond, strerror(err));
	return -1;
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	char buf[1200];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, sizeof(buf) - 1, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(buf) - 1)
		len = sizeof(buf) - 2;
	buf[len++] = '\n';
	if (write(tap, buf, len) != len)
		_exit(99);
}

/* Ask the runner; the answer is one line without its end. */
static int ask(char *answer, size_t size, const char *question)
{
	size_t len = 0;
	char c;

	say("@%s", question);
	while (len + 1 < size) {
		struct pollfd p = { .fd = tap, .events = POLLIN };

		if (poll(&p, 1, 60000) != 1 || read(tap, &c, 1) != 1)
			return -1;
		if (c == '\n')
			break;
		if (c != '\r')
			answer[len++] = c;
	}
	answer[len] = 0;
	return 0;
}

static bool option(const char *word)
{
	size_t len = strlen(word);
	const char *p = cmdline;

	while ((p = strstr(p, word))) {
		if ((p == cmdline || p[-1] == ' ') && (p[len] == ' ' || p[len] == 0))
			return true;
		p += len;
	}
	return false;
}

static int slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	buf[0] = 0;
	if (fd < 0)
		return -1;
	while ((size_t)len + 1 < size && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	buf[len] = 0;
	return len;
}

static int spew(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int create(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* The value after a name in a file like cpu.stat or /proc/meminfo; -1 when it is not there. */
static long long value(const char *path, const char *name)
{
	char buf[8192], *line;
	size_t len = strlen(name);

	if (slurp(path, buf, sizeof(buf)) < 0)
		return -1;
	for (line = buf; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, name, len) && (line[len] == ' ' || line[len] == ':'))
			return atoll(line + len + 1);
	return -1;
}

static bool contains(const char *path, const char *text)
{
	static char buf[65536];

	return slurp(path, buf, sizeof(buf)) >= 0 && strstr(buf, text);
}

static void nap(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* --- cgroups ----------------------------------------------------------------------------------- */

static int cg_path(char *buf, size_t size, const char *group, const char *file)
{
	return snprintf(buf, size, CG "/%s/%s", group, file);
}

static int cg_write(const char *group, const char *file, const char *text)
{
	char path[256];

	cg_path(path, sizeof(path), group, file);
	return spew(path, text);
}

static long long cg_value(const char *group, const char *file, const char *name)
{
	char path[256];

	cg_path(path, sizeof(path), group, file);
	return value(path, name);
}

static int cg_make(const char *group)
{
	char path[256];

	snprintf(path, sizeof(path), CG "/%s", group);
	return mkdir(path, 0755);
}

static int cg_remove(const char *group)
{
	char path[256];
	int tries;

	snprintf(path, sizeof(path), CG "/%s", group);
	for (tries = 0; tries < 100 && rmdir(path); tries++)
		nap(50);
	return access(path, F_OK) ? 0 : -1;
}

/* A child that has entered the group before it does anything. */
static pid_t cg_fork(const char *group)
{
	pid_t pid = fork();

	if (!pid && cg_write(group, "cgroup.procs", "0"))
		_exit(90);
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int t_controllers(void)
{
	char buf[256];

	need(slurp(CG "/cgroup.controllers", buf, sizeof(buf)) > 0, "cgroup.controllers");
	need(!strcmp(buf, "cpuset cpu io memory pids\n"), "controllers: %s", buf);
	return 0;
}

static int t_memory(void)
{
	int status;
	pid_t pid;

	need(!cg_make("mem"), "mkdir");
	need(!cg_write("mem", "memory.max", "16777216"), "memory.max");
	need(!cg_write("mem", "memory.oom.group", "1"), "memory.oom.group");
	pid = cg_fork("mem");
	if (!pid) {
		char *p = mmap(NULL, 64 * MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);

		memset(p, 1, 64 * MiB);
		_exit(0);
	}
	status = status_of(pid);
	need(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "not killed: %#x", status);
	need(cg_value("mem", "memory.events", "oom_kill") >= 1, "memory.events");
	need(cg_value("mem", "memory.stat", "anon") >= 0, "memory.stat");
	need(!cg_remove("mem"), "rmdir");
	return 0;
}

static int t_pids(void)
{
	int status, i;
	pid_t pid;

	need(!cg_make("pids"), "mkdir");
	need(!cg_write("pids", "pids.max", "3"), "pids.max");
	pid = cg_fork("pids");
	if (!pid) {
		for (i = 0; i < 10; i++) {
			pid_t child = fork();

			if (!child)
				pause();
			if (child < 0) {
				/* This one and two more are three. */
				int code = errno == EAGAIN && i == 2 ? 0 : 1;

				cg_write("pids", "cgroup.kill", "1");
				_exit(code);
			}
		}
		_exit(2);
	}
	status = status_of(pid);
	need((WIFEXITED(status) && !WEXITSTATUS(status)) ||
		     (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL),
	     "status %#x", status);
	need(cg_value("pids", "pids.events", "max") == 1, "pids.events");
	need(!cg_remove("pids"), "rmdir: cgroup.kill left somebody");
	return 0;
}

static int t_cpu_max(void)
{
	double end;
	pid_t pid;

	need(!cg_make("cpu"), "mkdir");
	need(!cg_write("cpu", "cpu.max", "10000 100000"), "cpu.max");
	need(!cg_write("cpu", "cpu.weight", "50"), "cpu.weight");
	pid = cg_fork("cpu");
	if (!pid) {
		end = now() + 1.5;
		while (now() < end)
			;
		_exit(0);
	}
	need(!status_of(pid), "child");
	need(cg_value("cpu", "cpu.stat", "nr_throttled") >= 3, "nr_throttled is %lld",
	     cg_value("cpu", "cpu.stat", "nr_throttled"));
	/* A tenth of 1.5 s, with room for what a tick overshoots. */
	need(cg_value("cpu", "cpu.stat", "usage_usec") < 900000, "usage_usec is %lld",
	     cg_value("cpu", "cpu.stat", "usage_usec"));
	need(!cg_remove("cpu"), "rmdir");
	return 0;
}

static int t_cpuset(void)
{
	int status;
	pid_t pid;

	need(!cg_make("set"), "mkdir");
	need(!cg_write("set", "cpuset.cpus", "1"), "cpuset.cpus");
	pid = cg_fork("set");
	if (!pid) {
		cpu_set_t set;

		sched_getaffinity(0, sizeof(set), &set);
		_exit(!(CPU_COUNT(&set) == 1 && CPU_ISSET(1, &set) && sched_getcpu() == 1));
	}
	status = status_of(pid);
	need(!status, "affinity does not follow: %#x", status);
	need(!cg_remove("set"), "rmdir");
	return 0;
}

static int t_freezer(void)
{
	volatile long *count =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long before;
	int tries;
	pid_t pid;

	need(count != MAP_FAILED, "mmap");
	need(!cg_make("frz"), "mkdir");
	pid = cg_fork("frz");
	if (!pid)
		for (;;) {
			(*count)++;
			nap(1);
		}
	for (tries = 0; tries < 1000 && !*count; tries++)
		nap(10);
	need(!cg_write("frz", "cgroup.freeze", "1"), "cgroup.freeze");
	for (tries = 0; tries < 1000 && cg_value("frz", "cgroup.events", "frozen") != 1; tries++)
		nap(10);
	need(cg_value("frz", "cgroup.events", "frozen") == 1, "never frozen");
	before = *count;
	nap(300);
	need(*count == before, "runs while frozen");
	need(!cg_write("frz", "cgroup.freeze", "0"), "cgroup.freeze");
	for (tries = 0; tries < 1000 && *count == before; tries++)
		nap(10);
	need(*count != before, "does not run again");
	need(!cg_write("frz", "cgroup.kill", "1"), "cgroup.kill");
	status_of(pid);
	need(!cg_remove("frz"), "rmdir");
	return 0;
}

static int t_io_max(void)
{
	char limit[64], *buf;
	struct stat st;
	double start, took;
	int status, fd;
	pid_t pid;

	need(!stat("/dev/vda", &st), "/dev/vda");
	need(!cg_make("io"), "mkdir");
	snprintf(limit, sizeof(limit), "%u:%u rbps=1048576", major(st.st_rdev), minor(st.st_rdev));
	need(!cg_write("io", "io.max", limit), "io.max");
	start = now();
	pid = cg_fork("io");
	if (!pid) {
		buf = aligned_alloc(4096, MiB);
		fd = open("/dev/vda", O_RDONLY | O_DIRECT);
		_exit(fd < 0 || read(fd, buf, MiB) != (ssize_t)MiB ||
		      read(fd, buf, MiB) != (ssize_t)MiB);
	}
	status = status_of(pid);
	took = now() - start;
	need(!status, "reading failed: %#x", status);
	need(took > 0.9, "2 MiB at 1 MiB/s took %.3f s", took);
	need(!cg_remove("io"), "rmdir");
	return 0;
}

/* A device program as container runtimes attach it: /dev/zero is allowed, nothing else. */
static int t_bpf_device(void)
{
	struct bpf_insn prog[] = {
		/* r2 = ctx->major; r3 = ctx->minor */
		{ BPF_LDX | BPF_W | BPF_MEM, BPF_REG_2, BPF_REG_1,
		  offsetof(struct bpf_cgroup_dev_ctx, major), 0 },
		{ BPF_LDX | BPF_W | BPF_MEM, BPF_REG_3, BPF_REG_1,
		  offsetof(struct bpf_cgroup_dev_ctx, minor), 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0 },
		{ BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 2, 1 },
		{ BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 1, 5 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr;
	int fd, dir, status;
	pid_t pid;

	need(!cg_make("dev"), "mkdir");
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = (uintptr_t)prog;
	attr.insn_cnt = sizeof(prog) / sizeof(prog[0]);
	attr.license = (uintptr_t) "GPL";
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	need(fd >= 0, "BPF_PROG_LOAD");
	dir = open(CG "/dev", O_RDONLY | O_DIRECTORY);
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = dir;
	attr.attach_bpf_fd = fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	need(!syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)), "BPF_PROG_ATTACH");
	pid = cg_fork("dev");
	if (!pid) {
		if (open("/dev/zero", O_RDONLY) < 0)
			_exit(1);
		_exit(open("/dev/null", O_RDONLY) >= 0 || errno != EPERM ? 2 : 0);
	}
	status = status_of(pid);
	need(!status, "the filter does not filter: %#x", status);
	close(dir);
	close(fd);
	need(!cg_remove("dev"), "rmdir");
	return 0;
}

/* --- namespaces and a container ---------------------------------------------------------------- */

static const char *const namespaces[] = { "cgroup", "ipc",  "mnt",  "net",
					  "pid",    "time", "user", "uts" };

static int write_map(pid_t pid, const char *file, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return spew(path, text);
}

static int inside(void *arg)
{
	char path[64], link[64];
	int *go = arg;
	size_t i;
	char c;

	if (read(go[0], &c, 1) != 1)
		return 10;
	if (getuid() || getpid() != 1)
		return 11;
	if (sethostname("inside", 6))
		return 12;
	if (mount("tmpfs", "/mnt", "tmpfs", 0, "size=1m"))
		return 13;
	if (mount("proc", "/proc", "proc", 0, NULL))
		return 14;
	if (access("/proc/1/exe", F_OK) || !access("/proc/2", F_OK))
		return 15;
	if (if_nametoindex("eth0") || !if_nametoindex("lo"))
		return 16;
	if (shmget(77, 4096, IPC_CREAT | 0600) < 0)
		return 17;
	/* Each namespace is another than the one of the outside, which was left in the environment. */
	for (i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[i]);
		n = readlink(path, link, sizeof(link) - 1);
		if (n <= 0)
			return 20 + i;
		link[n] = 0;
		if (!strcmp(getenv(namespaces[i]) ?: "", link))
			return 30 + i;
	}
	return 0;
}

static int t_namespaces(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	char path[64], link[64];
	int go[2], status;
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[i]);
		n = readlink(path, link, sizeof(link) - 1);
		need(n > 0, "%s", path);
		link[n] = 0;
		setenv(namespaces[i], link, 1);
	}
	need(!pipe(go), "pipe");
	/* The clock offsets are set between unshare() and the first child. */
	need(!unshare(CLONE_NEWTIME), "CLONE_NEWTIME");
	need(!spew("/proc/self/timens_offsets", "boottime 1000000 0\n"), "timens_offsets");
	pid = clone(inside, stack + sizeof(stack),
		    CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET |
			    CLONE_NEWUSER | CLONE_NEWCGROUP | SIGCHLD,
		    go);
	need(pid > 0, "clone");
	need(!write_map(pid, "uid_map", "0 0 4294967295\n"), "uid_map");
	need(!write_map(pid, "gid_map", "0 0 4294967295\n"), "gid_map");
	need(write(go[1], "x", 1) == 1, "pipe");
	status = status_of(pid);
	need(WIFEXITED(status) && !WEXITSTATUS(status), "inside: %#x", status);
	need(shmget(77, 4096, 0) < 0 && errno == ENOENT, "the segment is visible outside");
	return 0;
}

static int run_program(const char *out, char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		int fd = open(out, O_CREAT | O_TRUNC | O_WRONLY, 0600);

		dup2(fd, 1);
		dup2(fd, 2);
		execv(argv[0], argv);
		_exit(127);
	}
	return status_of(pid);
}

/* An unmodified runtime: overlay, all namespaces, limits, device and seccomp filter. */
static int t_crun(void)
{
	char *argv[] = {
		"/bin/crun", "--root", "/run/crun", "run", "-b", "/bundle", "feature", NULL
	};
	char buf[400];
	int status;

	status = run_program("/run/crun.out", argv);
	slurp("/run/crun.out", buf, sizeof(buf));
	need(!status, "crun: status %#x: %.300s", status, buf);
	need(strstr(buf, "in the container: pid 1, uid 0"), "it said: %.300s", buf);
	need(strstr(buf, "limits 33554432 20 20000 100000"), "it said: %.300s", buf);
	need(strstr(buf, "devices zero allowed sda refused"), "it said: %.300s", buf);
	need(strstr(buf, "seccomp refused"), "it said: %.300s", buf);
	return 0;
}

/* What the container runs: this program again, under another name. */
static int in_container(void)
{
	char mem[64], pids[64], cpu[64];
	int fd;

	printf("in the container: pid %d, uid %d\n", (int)getpid(), (int)getuid());
	slurp(CG "/memory.max", mem, sizeof(mem));
	slurp(CG "/pids.max", pids, sizeof(pids));
	slurp(CG "/cpu.max", cpu, sizeof(cpu));
	mem[strcspn(mem, "\n")] = pids[strcspn(pids, "\n")] = 0;
	printf("limits %s %s %s", mem, pids, cpu);
	mknod("/dev/disk", S_IFBLK | 0600, makedev(254, 0));
	fd = open("/dev/zero", O_RDONLY);
	printf("devices zero %s sda %s\n", fd >= 0 ? "allowed" : "refused",
	       open("/dev/disk", O_RDONLY) < 0 && errno == EPERM ? "refused" : "allowed");
	printf("seccomp %s\n", syscall(SYS_getcpu, NULL, NULL, NULL) < 0 && errno == EACCES ?
				       "refused" :
				       "allowed");
	return 0;
}

/* --- file systems ------------------------------------------------------------------------------ */

static bool mounted(const char *dir, const char *type, const char *opt)
{
	char buf[8192], *line, *save = NULL;

	slurp("/proc/mounts", buf, sizeof(buf));
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char d[256], t[64], o[1024];

		if (sscanf(line, "%*s %255s %63s %1023s", d, t, o) == 3 && !strcmp(d, dir) &&
		    !strcmp(t, type) && strstr(o, opt))
			return true;
	}
	return false;
}

static int t_proc_sys_dev(void)
{
	need(mounted("/proc", "proc", "rw") && mounted("/sys", "sysfs", "rw"), "/proc/mounts");
	need(mounted("/dev", "devtmpfs", "rw"), "devtmpfs");
	need(!access("/proc/sys/kernel/pid_max", W_OK), "sysctl");
	need(contains("/proc/self/smaps", "Private_Dirty:"), "smaps");
	need(!access("/proc/self/pagemap", R_OK), "pagemap");
	need(!access("/dev/null", W_OK) && !access("/dev/vda", R_OK), "devtmpfs is empty");
	return 0;
}

static int t_tmpfs(void)
{
	/* user::rw-,user:1000:r--,group::r--,mask::r--,other::--- */
	static const unsigned char acl[] = {
		2, 0,	0,   0,	  1,   0,   6,	0, 255, 255, 255, 255, 2,   0,	 4,
		0, 232, 3,   0,	  0,   4,   0,	4, 0,	255, 255, 255, 255, 16,	 0,
		4, 0,	255, 255, 255, 255, 32, 0, 0,	0,   255, 255, 255, 255,
	};
	const char *dirs[] = { "/tmp", "/data" };
	char path[64], buf[64];
	size_t i;

	/* On tmpfs and on ext4. */
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/attr", dirs[i]);
		need(!create(path, "x"), "%s", path);
		need(!setxattr(path, "user.test", "value", 5, 0), "%s: user xattr", path);
		need(getxattr(path, "user.test", buf, sizeof(buf)) == 5, "%s: user xattr", path);
		need(!setxattr(path, "trusted.overlay.test", "v", 1, 0), "%s: trusted xattr", path);
		need(!setxattr(path, "security.capability",
			       "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0),
		     "%s: file capabilities", path);
		need(!setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0), "%s: ACL",
		     path);
	}
	return 0;
}

static int t_erofs(void)
{
	char buf[64];

	need(mounted("/lower", "erofs", "ro"), "/lower");
	need(slurp("/lower/hello", buf, sizeof(buf)) > 0 && !strcmp(buf, "erofs lower\n"),
	     "content: %s", buf);
	need(create("/lower/hello", "x") && errno == EROFS, "writable");
	need(getxattr("/lower/hello", "user.image", buf, sizeof(buf)) == 3, "xattr of the image");
	return 0;
}

/* The pages of the file are the ones of the device, not copies in the page cache. */
static int t_dax(void)
{
	unsigned long cached, mapped;
	struct statx stx;
	char *p, sum = 0;
	int fd, i;

	need(mounted("/lower", "erofs", "dax"), "the mount is not dax");
	fd = open("/lower/big", O_RDONLY);
	need(fd >= 0, "/lower/big");
	need(!statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx), "statx");
	need(stx.stx_attributes & STATX_ATTR_DAX, "no STATX_ATTR_DAX");
	cached = value("/proc/meminfo", "Cached");
	p = mmap(NULL, 16 * MiB, PROT_READ, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED, "mmap");
	for (i = 0; i < 16 * 256; i++)
		sum |= p[i * 4096];
	need(sum == 'x', "content %#x", sum);
	mapped = value("/proc/meminfo", "Cached");
	need(mapped < cached + 4096, "16 MiB read, the page cache grew by %lu kB", mapped - cached);
	return 0;
}

static int t_ext4(void)
{
	struct statfs fs;
	int fd;

	need(!statfs("/data", &fs) && fs.f_type == 0xEF53, "/data");
	fd = open("/data/file", O_CREAT | O_RDWR, 0600);
	need(fd >= 0 && write(fd, "data", 4) == 4 && !fsync(fd), "write and fsync");
	need(!fallocate(fd, 0, 0, MiB) &&
		     !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
	     "fallocate");
	need(!rename("/data/file", "/data/renamed") && !unlink("/data/renamed"), "rename, unlink");
	return 0;
}

static int t_overlay(void)
{
	struct stat st;
	char buf[64];

	need(!mkdir("/merged", 0755) && !mkdir("/data/upper", 0755) && !mkdir("/data/work", 0755),
	     "mkdir");
	need(!mount("overlay", "/merged", "overlay", 0,
		    "lowerdir=/lower,upperdir=/data/upper,workdir=/data/work,"
		    "index=on,redirect_dir=on,metacopy=on"),
	     "mount with index, redirect_dir, metacopy");
	need(slurp("/merged/hello", buf, sizeof(buf)) > 0 && !strcmp(buf, "erofs lower\n"),
	     "lower file");
	need(!spew("/merged/hello", "upper"), "copy up");
	need(!access("/data/upper/hello", F_OK), "not copied up");
	need(!unlink("/merged/gone") && access("/merged/gone", F_OK), "whiteout");
	need(!stat("/data/upper/gone", &st) && S_ISCHR(st.st_mode) && !st.st_rdev, "no whiteout");
	need(!rename("/merged/dir", "/merged/moved"), "rename of a lower folder");
	need(slurp("/merged/moved/inner", buf, sizeof(buf)) > 0, "redirect");
	need(!chmod("/merged/big", 0600), "metadata copy up");
	need(!stat("/data/upper/big", &st) && st.st_blocks < 2048, "metacopy copied %ld blocks",
	     (long)st.st_blocks);
	need(!umount("/merged"), "umount");
	return 0;
}

/* Without virtiofsd on the host the driver is at least there. */
static int t_virtiofs_driver(void)
{
	char buf[4096];

	need(slurp("/proc/filesystems", buf, sizeof(buf)) > 0, "/proc/filesystems");
	need(strstr(buf, "\tvirtiofs\n"), "no virtiofs in /proc/filesystems");
	return 0;
}

static int t_virtiofs(void)
{
	char buf[64];

	need(!mkdir("/share", 0755), "mkdir");
	need(!mount("share", "/share", "virtiofs", 0, NULL), "mount");
	need(slurp("/share/from-host", buf, sizeof(buf)) > 0 && !strcmp(buf, "hello guest\n"),
	     "content %s", buf);
	need(!create("/share/from-guest", "hello host\n"), "write");
	need(!umount("/share"), "umount");
	return 0;
}

static int t_partitions(void)
{
	/* MBR on vda, GPT is recognized by the same code path on vdb when there is one. */
	need(!access("/dev/vda1", F_OK), "no partition on vda");
	return 0;
}

/* --- devices ----------------------------------------------------------------------------------- */

static int t_rng(void)
{
	char buf[64];
	int fd;

	need(slurp("/sys/class/misc/hw_random/rng_current", buf, sizeof(buf)) > 0, "rng_current");
	need(!strncmp(buf, "virtio_rng", 10), "rng_current is %s", buf);
	fd = open("/dev/hwrng", O_RDONLY);
	need(fd >= 0 && read(fd, buf, 32) == 32, "/dev/hwrng");
	return 0;
}

static int t_serial(void)
{
	int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	struct termios t;

	need(fd >= 0 && !tcgetattr(fd, &t), "/dev/ttyS0");
	need(write(fd, "serial port works\n", 18) == 18, "write");
	need(contains("/proc/consoles", "ttyS0"), "not a console");
	return 0;
}

static int t_hvc(void)
{
	char buf[64];

	need(!ask(buf, sizeof(buf), "echo 42") && !strcmp(buf, "42"), "the answer was '%s'", buf);
	return 0;
}

static int t_balloon(void)
{
	long long before = value("/proc/meminfo", "MemFree"), after = 0;
	char buf[64];
	int tries;

	need(!ask(buf, sizeof(buf), "balloon 64") && !strcmp(buf, "ok"), "QEMU: %s", buf);
	for (tries = 0; tries < 600; tries++) {
		after = value("/proc/meminfo", "MemFree");
		if (before - after > 48 * 1024)
			break;
		nap(50);
	}
	need(before - after > 48 * 1024, "MemFree %lld -> %lld kB", before, after);
	need(!ask(buf, sizeof(buf), "balloon 0") && !strcmp(buf, "ok"), "QEMU: %s", buf);
	for (tries = 0; tries < 600; tries++) {
		after = value("/proc/meminfo", "MemFree");
		if (before - after < 16 * 1024)
			return 0;
		nap(50);
	}
	need(0, "deflated: MemFree %lld -> %lld kB", before, after);
	return 0;
}

/* Memory that was used and freed goes back to the host by itself. */
static int t_page_reporting(void)
{
	char buf[64], *p;
	long used, freed = 0;
	int tries;

	p = mmap(NULL, 64 * MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(p != MAP_FAILED, "mmap");
	memset(p, 0x5a, 64 * MiB);
	need(!ask(buf, sizeof(buf), "rss"), "QEMU");
	used = atol(buf);
	munmap(p, 64 * MiB);
	for (tries = 0; tries < 40; tries++) {
		nap(500);
		need(!ask(buf, sizeof(buf), "rss"), "QEMU");
		freed = used - atol(buf);
		if (freed > 40 * 1024)
			return 0;
	}
	need(0, "the host got %ld of 65536 kB back", freed);
	return 0;
}

static int t_smp(void)
{
	cpu_set_t set;
	int i;

	need(sysconf(_SC_NPROCESSORS_ONLN) == 2, "%ld CPUs", sysconf(_SC_NPROCESSORS_ONLN));
	for (i = 0; i < 2; i++) {
		CPU_ZERO(&set);
		CPU_SET(i, &set);
		need(!sched_setaffinity(0, sizeof(set), &set) && sched_getcpu() == i, "CPU %d", i);
	}
	return 0;
}

/* --- network ----------------------------------------------------------------------------------- */

static int set_address(int fd, const char *ifname, int request, const char *address)
{
	struct ifreq ifr = { 0 };
	struct sockaddr_in *sin = (struct sockaddr_in *)&ifr.ifr_addr;

	strncpy(ifr.ifr_name, ifname, IFNAMSIZ - 1);
	sin->sin_family = AF_INET;
	inet_pton(AF_INET, address, &sin->sin_addr);
	return ioctl(fd, request, &ifr);
}

static int link_up(int fd, const char *ifname)
{
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, ifname, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		return -1;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &ifr);
}

static int setup_net(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), rc;

	if (fd < 0)
		return -1;
	rc = link_up(fd, "lo") | set_address(fd, "eth0", SIOCSIFADDR, "10.0.2.15") |
	     set_address(fd, "eth0", SIOCSIFNETMASK, "255.255.255.0") | link_up(fd, "eth0");
	close(fd);
	return rc;
}

static int echo_over(int fd)
{
	const char text[] = "round trip\n";
	char buf[64] = "";
	size_t len = 0;
	ssize_t n;

	if (write(fd, text, sizeof(text) - 1) != sizeof(text) - 1)
		return -1;
	while (len < sizeof(text) - 1 && (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += n;
	return strcmp(buf, text) ? -1 : 0;
}

static int t_net(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(7) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), tries;

	inet_pton(AF_INET, "10.0.2.100", &sin.sin_addr);
	for (tries = 0; tries < 20; tries++) {
		if (!connect(fd, (void *)&sin, sizeof(sin)))
			break;
		nap(200);
	}
	need(tries < 20, "connect");
	need(!echo_over(fd), "TCP to the host");
	return 0;
}

static int t_packet(void)
{
	unsigned char frame[64] = {
		255, 255, 255, 255, 255, 255, 0, 0,  0, 0, 0,  0, 8, 6, 0, 1, 8, 0,  6, 4, 0,
		1,   0,	  0,   0,   0,	 0,   0, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2,
	};
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	struct ifreq ifr = { .ifr_name = "eth0" };
	unsigned char reply[256];
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP)), tries;

	need(fd >= 0, "socket");
	need(!ioctl(fd, SIOCGIFHWADDR, &ifr), "SIOCGIFHWADDR");
	memcpy(frame + 6, ifr.ifr_hwaddr.sa_data, 6);
	memcpy(frame + 22, ifr.ifr_hwaddr.sa_data, 6);
	ll.sll_ifindex = if_nametoindex("eth0");
	need(!bind(fd, (void *)&ll, sizeof(ll)), "bind");
	need(write(fd, frame, 60) == 60, "write");
	for (tries = 0; tries < 20; tries++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 1000) == 1 && read(fd, reply, sizeof(reply)) >= 42 &&
		    reply[21] == 2 && !memcmp(reply + 28, "\12\0\2\2", 4))
			return 0;
	}
	need(0, "no ARP reply");
	return 0;
}

static int t_ipv6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(a);
	int s = socket(AF_INET6, SOCK_STREAM, 0), c = socket(AF_INET6, SOCK_STREAM, 0), p;
	char buf[8];

	need(!bind(s, (void *)&a, sizeof(a)) && !listen(s, 1) && !getsockname(s, (void *)&a, &len),
	     "listen");
	need(!connect(c, (void *)&a, sizeof(a)), "connect");
	p = accept(s, NULL, NULL);
	need(p >= 0 && write(c, "six", 3) == 3 && read(p, buf, 3) == 3 && !memcmp(buf, "six", 3),
	     "echo");
	need(contains("/proc/net/if_inet6", "eth0"), "no link-local address on eth0");
	return 0;
}

static int t_vsock(void)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK,
				  .svm_cid = VMADDR_CID_HOST,
				  .svm_port = 1234 };
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	unsigned int cid = 0;
	int dev = open("/dev/vsock", O_RDONLY);

	need(fd >= 0 && dev >= 0, "socket, /dev/vsock");
	need(!ioctl(dev, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) && cid == 42, "CID %u", cid);
	need(!connect(fd, (void *)&vm, sizeof(vm)), "connect");
	need(!echo_over(fd), "echo");
	return 0;
}

static int t_unix(void)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, buf[8];
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int sv[2], pipefd[2], got;

	need(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) && !pipe(pipefd), "socketpair");
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pipefd[0], sizeof(int));
	need(sendmsg(sv[0], &msg, 0) == 1, "SCM_RIGHTS");
	iov.iov_base = buf;
	need(recvmsg(sv[1], &msg, 0) == 1 && msg.msg_controllen == sizeof(control), "SCM_RIGHTS");
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	need(write(pipefd[1], "fd", 2) == 2 && read(got, buf, 2) == 2,
	     "the descriptor that was sent");
	need(!getsockopt(sv[0], SOL_SOCKET, SO_PEERCRED, &cred, &len) && cred.pid == getpid(),
	     "SO_PEERCRED");
	return 0;
}

/* --- system calls ------------------------------------------------------------------------------ */

static int t_io_uring(void)
{
	struct io_uring_params p = { 0 };
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	unsigned int *tail, *array, *cq_head;
	char *sq, *cq, buf[64] = "";
	int fd, file;

	fd = syscall(SYS_io_uring_setup, 4, &p);
	need(fd >= 0, "io_uring_setup");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   IORING_OFF_SQES);
	need(sq != MAP_FAILED && cq != MAP_FAILED && sqe != MAP_FAILED, "mmap");
	file = open("/lower/hello", O_RDONLY);
	sqe->opcode = IORING_OP_READ;
	sqe->fd = file;
	sqe->addr = (uintptr_t)buf;
	sqe->len = sizeof(buf) - 1;
	sqe->user_data = 4711;
	tail = (void *)(sq + p.sq_off.tail);
	array = (void *)(sq + p.sq_off.array);
	array[*tail & (p.sq_entries - 1)] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	need(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1,
	     "io_uring_enter");
	cq_head = (void *)(cq + p.cq_off.head);
	cqe = (void *)(cq + p.cq_off.cqes + (*cq_head & (p.cq_entries - 1)) * sizeof(*cqe));
	need(cqe->user_data == 4711 && cqe->res == 12, "result %d", cqe->res);
	need(!strcmp(buf, "erofs lower\n"), "content %s", buf);
	return 0;
}

static int t_aio(void)
{
	aio_context_t ctx = 0;
	struct iocb cb = { 0 }, *list[] = { &cb };
	struct io_event ev;
	char *buf = aligned_alloc(4096, 4096);
	int fd = open("/dev/vda", O_RDONLY | O_DIRECT);

	need(fd >= 0, "/dev/vda");
	need(!syscall(SYS_io_setup, 4, &ctx), "io_setup");
	cb.aio_lio_opcode = IOCB_CMD_PREAD;
	cb.aio_fildes = fd;
	cb.aio_buf = (uintptr_t)buf;
	cb.aio_nbytes = 4096;
	need(syscall(SYS_io_submit, ctx, 1, list) == 1, "io_submit");
	need(syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL) == 1 && ev.res == 4096,
	     "io_getevents");
	need((unsigned char)buf[510] == 0x55 && (unsigned char)buf[511] == 0xaa, "content");
	need(!syscall(SYS_io_destroy, ctx), "io_destroy");
	return 0;
}

static int t_seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(1);
		if (syscall(SYS_getpgrp) != -1 || errno != EXDEV)
			_exit(2);
		syscall(SYS_getppid);
		_exit(3);
	}
	status = status_of(pid);
	need(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %#x", status);
	return 0;
}

static int t_inotify(void)
{
	char buf[512] __attribute__((aligned(8)));
	struct inotify_event *ev = (void *)buf;
	int fd = inotify_init1(IN_CLOEXEC);

	need(fd >= 0 && inotify_add_watch(fd, "/tmp", IN_CREATE) >= 0, "inotify_add_watch");
	need(!create("/tmp/watched", "x"), "create");
	need(read(fd, buf, sizeof(buf)) > 0 && ev->mask & IN_CREATE && !strcmp(ev->name, "watched"),
	     "event");
	return 0;
}

static int t_fanotify(void)
{
	struct fanotify_event_metadata *ev;
	char buf[512] __attribute__((aligned(8)));
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME, 0), basic;

	need(fd >= 0, "fanotify_init");
	need(!fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CREATE | FAN_ONDIR,
			    AT_FDCWD, "/data"),
	     "fanotify_mark");
	need(!create("/data/fan", "x"), "create");
	need(read(fd, buf, sizeof(buf)) > 0, "read");
	ev = (void *)buf;
	need(ev->mask & FAN_CREATE && ev->event_len > sizeof(*ev), "event %#llx",
	     (unsigned long long)ev->mask);
	basic = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
	need(basic >= 0 && !fanotify_mark(basic, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD,
					  "/data"),
	     "mount mark");
	return 0;
}

static int t_keys(void)
{
	char buf[16] = "";
	int ring, key;

	ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.feature");
	need(ring > 0, "KEYCTL_JOIN_SESSION_KEYRING");
	key = syscall(SYS_add_key, "user", "feature", "secret", 6, KEY_SPEC_SESSION_KEYRING);
	need(key > 0, "add_key");
	need(syscall(SYS_keyctl, KEYCTL_READ, key, buf, sizeof(buf)) == 6 && !strcmp(buf, "secret"),
	     "KEYCTL_READ");
	return 0;
}

static int t_mqueue(void)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 16 };
	char buf[16];
	mqd_t q = mq_open("/feature", O_CREAT | O_RDWR, 0600, &attr);
	unsigned int prio = 0;

	need(q != (mqd_t)-1, "mq_open");
	need(!mq_send(q, "one", 3, 1) && !mq_send(q, "two", 3, 2), "mq_send");
	need(mq_receive(q, buf, sizeof(buf), &prio) == 3 && prio == 2 && !memcmp(buf, "two", 3),
	     "mq_receive");
	need(!mq_unlink("/feature"), "mq_unlink");
	return 0;
}

static int t_sysvipc(void)
{
	struct {
		long type;
		char text[4];
	} m = { 1, "abc" }, r;
	int shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600),
	    sem = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
	int msg = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	struct sembuf op = { 0, 1, 0 };
	char *p;

	need(shm >= 0 && sem >= 0 && msg >= 0, "shmget, semget, msgget");
	p = shmat(shm, NULL, 0);
	need(p != (char *)-1, "shmat");
	strcpy(p, "shared");
	need(!shmdt(p) && !shmctl(shm, IPC_RMID, NULL), "shmdt");
	need(!semop(sem, &op, 1) && semctl(sem, 0, GETVAL) == 1 && !semctl(sem, 0, IPC_RMID),
	     "semop");
	need(!msgsnd(msg, &m, 4, 0) && msgrcv(msg, &r, 4, 1, 0) == 4 && !strcmp(r.text, "abc"),
	     "message");
	need(!msgctl(msg, IPC_RMID, NULL), "msgctl");
	return 0;
}

static int t_fhandle(void)
{
	struct {
		struct file_handle h;
		unsigned char data[MAX_HANDLE_SZ];
	} fh = { .h.handle_bytes = MAX_HANDLE_SZ };
	int id, dir, fd;
	char buf[8] = "";

	need(!create("/data/handle", "by id"), "create");
	need(!name_to_handle_at(AT_FDCWD, "/data/handle", &fh.h, &id, 0), "name_to_handle_at");
	dir = open("/data", O_RDONLY | O_DIRECTORY);
	fd = open_by_handle_at(dir, &fh.h, O_RDONLY);
	need(fd >= 0 && read(fd, buf, 5) == 5 && !strcmp(buf, "by id"), "open_by_handle_at");
	/* crun and systemd identify cgroups in the same way. */
	fh.h.handle_bytes = MAX_HANDLE_SZ;
	need(!name_to_handle_at(AT_FDCWD, CG, &fh.h, &id, 0), "name_to_handle_at of a cgroup");
	return 0;
}

static int t_memfd(void)
{
	int fd = memfd_create("feature", MFD_ALLOW_SEALING);

	need(fd >= 0 && !ftruncate(fd, 4096), "memfd_create");
	need(!fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), "F_ADD_SEALS");
	need(write(fd, "x", 1) < 0 && errno == EPERM, "the seal does not hold");
	return 0;
}

static int t_membarrier(void)
{
	need(!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0), "register");
	need(!syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), "barrier");
	return 0;
}

static int t_rseq(void)
{
	/* libc has registered this thread already, with other parameters: that is an error, not ENOSYS. */
	need(syscall(SYS_rseq, NULL, 0, 0, 0) < 0 && errno != ENOSYS, "rseq");
	return 0;
}

static int t_event_fds(void)
{
	struct itimerspec its = { .it_value.tv_nsec = 10000000 };
	struct epoll_event ev = { .events = EPOLLIN };
	struct signalfd_siginfo si;
	int ep = epoll_create1(0), tfd = timerfd_create(CLOCK_MONOTONIC, 0), efd = eventfd(0, 0),
	    sfd;
	uint64_t n = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sfd = signalfd(-1, &set, 0);
	need(ep >= 0 && tfd >= 0 && efd >= 0 && sfd >= 0, "epoll, timerfd, eventfd, signalfd");
	need(!epoll_ctl(ep, EPOLL_CTL_ADD, tfd, &ev), "epoll_ctl");
	need(!timerfd_settime(tfd, 0, &its, NULL) && epoll_wait(ep, &ev, 1, 20000) == 1,
	     "the timer does not fire");
	need(read(tfd, &n, 8) == 8 && n == 1, "timerfd");
	n = 3;
	need(write(efd, &n, 8) == 8 && read(efd, &n, 8) == 8 && n == 3, "eventfd");
	raise(SIGUSR1);
	need(read(sfd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo == SIGUSR1, "signalfd");
	return 0;
}

static void *locker(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
	return NULL;
}

static int t_futex_timers(void)
{
	struct itimerspec its = { .it_value.tv_nsec = 1000000 };
	struct sigevent sev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	pthread_mutexattr_t attr;
	pthread_mutex_t mutex;
	pthread_t thread;
	timer_t timer;
	sigset_t set;
	int sig;

	/* With priority inheritance, which is a path of its own in the kernel. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	need(!pthread_mutex_init(&mutex, &attr), "PTHREAD_PRIO_INHERIT");
	pthread_mutex_lock(&mutex);
	need(!pthread_create(&thread, NULL, locker, &mutex), "pthread_create");
	nap(50);
	pthread_mutex_unlock(&mutex);
	need(!pthread_join(thread, NULL), "pthread_join");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	need(!timer_create(CLOCK_MONOTONIC, &sev, &timer) && !timer_settime(timer, 0, &its, NULL),
	     "timer_create");
	need(!sigwait(&set, &sig) && sig == SIGUSR2, "sigwait");
	return 0;
}

static int t_high_res(void)
{
	struct timespec res, ts = { 0, 200000 };
	double start, took, best = 1;
	int i;

	need(!clock_getres(CLOCK_MONOTONIC, &res) && res.tv_nsec == 1, "resolution %ld ns",
	     res.tv_nsec);
	/* A tick is 4 ms.  The best of many: the host may be busy. */
	for (i = 0; i < 1000 && best >= 0.003; i++) {
		start = now();
		nanosleep(&ts, NULL);
		took = now() - start;
		if (took < best)
			best = took;
	}
	need(best < 0.003, "0.2 ms took %.1f ms at least", best * 1000);
	return 0;
}

static int t_locks_advice(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd = open("/data/lock", O_CREAT | O_RDWR, 0600);
	char *p;

	need(fd >= 0 && !fcntl(fd, F_OFD_SETLK, &lock) && !fcntl(fd, F_SETLEASE, F_RDLCK) + 1,
	     "locks");
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(p != MAP_FAILED, "mmap");
	*p = 1;
	need(!madvise(p, 8192, MADV_DONTNEED) && !*p, "madvise");
	need(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "posix_fadvise");
	return 0;
}

static int t_script(void)
{
	char *argv[] = { "/tmp/script", NULL };
	char buf[64];

	need(!create("/tmp/script", "#!/init script\n") && !chmod("/tmp/script", 0755), "create");
	need(!run_program("/tmp/script.out", argv), "running it");
	slurp("/tmp/script.out", buf, sizeof(buf));
	need(!strcmp(buf, "ran as interpreter\n"), "it said: %s", buf);
	return 0;
}

static int t_ptys(void)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY), s;
	char buf[8];

	need(m >= 0 && !grantpt(m) && !unlockpt(m), "posix_openpt");
	s = open(ptsname(m), O_RDWR | O_NOCTTY);
	need(s >= 0 && write(s, "tty", 3) == 3 && read(m, buf, sizeof(buf)) == 3, "echo");
	return 0;
}

/* --- protection -------------------------------------------------------------------------------- */

static int t_mitigations(void)
{
	const char *dir = "/sys/devices/system/cpu/vulnerabilities";
	char path[320], buf[256];
	struct dirent *de;
	DIR *d = opendir(dir);
	int n = 0;

	need(d, "%s", dir);
	while ((de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, de->d_name);
		need(slurp(path, buf, sizeof(buf)) > 0, "%s", path);
		buf[strcspn(buf, "\n")] = 0;
		say("# %s: %s", de->d_name, buf);
		/* What the kernel could do something about without new microcode. */
		need(strncmp(buf, "Vulnerable", 10) || strstr(buf, "no microcode") ||
			     strstr(buf, "No microcode"),
		     "%s: %s", de->d_name, buf);
		n++;
	}
	closedir(d);
	need(n >= 10, "only %d files", n);
	slurp("/sys/devices/system/cpu/vulnerabilities/spectre_v2", buf, sizeof(buf));
	need(!strncmp(buf, "Mitigation:", 11), "spectre_v2: %s", buf);
	return 0;
}

/* An unprivileged process gets no BPF, and no address of the kernel. */
static int t_unprivileged(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct bpf_insn prog[] = { { BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
					   { BPF_JMP | BPF_EXIT, 0, 0, 0, 0 } };
		union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
					.insns = (uintptr_t)prog,
					.insn_cnt = 2,
					.license = (uintptr_t) "GPL" };

		if (setgid(1000) || setuid(1000))
			_exit(1);
		_exit(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) >= 0 || errno != EPERM ?
			      2 :
			      0);
	}
	status = status_of(pid);
	need(!status, "status %#x", status);
	return 0;
}

/* What must not be in the kernel's log. */
static int t_log(void)
{
	static const char *const bad[] = { "WARNING: ", "BUG: ", "Oops", "INFO: task", "stall" };
	static char log[65536];
	int len = syscall(SYS_syslog, 3, log, sizeof(log) - 1);
	size_t i;
	char *p;

	need(len > 0, "syslog");
	log[len] = 0;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p = strstr(log, bad[i]);
		if (p)
			p[strcspn(p, "\n")] = 0;
		need(!p, "%.200s", p);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
	/* A word on the command line without which the test is not for this boot. */
	const char *when;
} tests[] = {
	{ "proc_sysfs_devtmpfs", t_proc_sys_dev, NULL },
	{ "mitigations_are_on", t_mitigations, NULL },
	{ "unprivileged_bpf_is_refused", t_unprivileged, NULL },
	{ "two_cpus", t_smp, NULL },
	{ "virtio_console_round_trip", t_hvc, NULL },
	{ "serial_console", t_serial, NULL },
	{ "ptys", t_ptys, NULL },
	{ "virtio_rng", t_rng, NULL },
	{ "partitions", t_partitions, NULL },
	{ "ext4_on_virtio_blk", t_ext4, NULL },
	{ "erofs", t_erofs, NULL },
	{ "erofs_dax_on_virtio_pmem", t_dax, "features.pmem" },
	{ "xattr_acl_capabilities_on_tmpfs_and_ext4", t_tmpfs, NULL },
	{ "overlayfs_index_redirect_metacopy", t_overlay, NULL },
	{ "virtiofs_driver", t_virtiofs_driver, NULL },
	{ "virtiofs", t_virtiofs, "features.virtiofs" },
	{ "cgroup2_controllers", t_controllers, NULL },
	{ "memory_max_kills", t_memory, NULL },
	{ "pids_max_refuses", t_pids, NULL },
	{ "cpu_max_throttles", t_cpu_max, NULL },
	{ "cpuset_binds", t_cpuset, NULL },
	{ "io_max_slows", t_io_max, NULL },
	{ "freezer_stops", t_freezer, NULL },
	{ "bpf_device_filter", t_bpf_device, NULL },
	{ "all_namespaces", t_namespaces, NULL },
	{ "crun_container", t_crun, NULL },
	{ "seccomp_kills_and_refuses", t_seccomp, NULL },
	{ "io_uring_reads", t_io_uring, NULL },
	{ "aio_reads", t_aio, NULL },
	{ "inotify", t_inotify, NULL },
	{ "fanotify", t_fanotify, NULL },
	{ "keys", t_keys, NULL },
	{ "posix_message_queue", t_mqueue, NULL },
	{ "sysv_ipc", t_sysvipc, NULL },
	{ "file_handles", t_fhandle, NULL },
	{ "memfd_seals", t_memfd, NULL },
	{ "membarrier", t_membarrier, NULL },
	{ "rseq", t_rseq, NULL },
	{ "epoll_timerfd_eventfd_signalfd", t_event_fds, NULL },
	{ "futex_pi_and_posix_timers", t_futex_timers, NULL },
	{ "high_resolution_timers", t_high_res, NULL },
	{ "file_locks_and_advice", t_locks_advice, NULL },
	{ "scripts_are_run", t_script, NULL },
	{ "unix_sockets_pass_descriptors", t_unix, NULL },
	{ "ipv4_round_trip_over_virtio_net", t_net, NULL },
	{ "packet_socket", t_packet, NULL },
	{ "ipv6", t_ipv6, NULL },
	{ "vsock_round_trip", t_vsock, "features.vsock" },
	{ "balloon_inflates_and_deflates", t_balloon, NULL },
	{ "free_pages_are_reported", t_page_reporting, NULL },
	{ "no_complaint_in_the_kernel_log", t_log, NULL },
};

static void run_test(size_t i, int nr)
{
	int status, p[2];
	char reason[sizeof(why)] = "";
	pid_t pid;

	if (pipe(p))
		_exit(98);
	pid = fork();
	if (!pid) {
		int rc;

		alarm(TEST_SECONDS);
		close(p[0]);
		rc = tests[i].run();
		if (rc && write(p[1], why, strlen(why)) < 0)
			_exit(2);
		_exit(rc ? 1 : 0);
	}
	close(p[1]);
	status = status_of(pid);
	if (read(p[0], reason, sizeof(reason) - 1) < 0)
		reason[0] = 0;
	close(p[0]);
	if (!status) {
		say("ok %d - %s", nr, tests[i].name);
		return;
	}
	failures++;
	say("not ok %d - %s", nr, tests[i].name);
	say("# %s", reason[0] ? reason : "no reason given");
	if (WIFSIGNALED(status))
		say("# ended by signal %d", WTERMSIG(status));
}

/* features.only=NAME on the command line, once for each: the runner's option -o. */
static bool selected(size_t i)
{
	char word[128];

	if (tests[i].when && !option(tests[i].when))
		return false;
	snprintf(word, sizeof(word), "features.only=%s", tests[i].name);
	return !strstr(cmdline, "features.only=") || option(word);
}

static void complain(const char *what)
{
	say("# setup: %s: %s", what, strerror(errno));
}

static void setup(void)
{
	static const char *const dirs[] = { "/proc", "/sys",   "/dev",	"/tmp",	  "/run",
					    "/mnt",  "/lower", "/data", "/bundle" };
	static const char erofs_pmem[] = "dax=always";
	struct termios t;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(dirs[i], 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/hvc0", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		tap = fd;
		if (!tcgetattr(fd, &t)) {
			cfmakeraw(&t);
			tcsetattr(fd, TCSANOW, &t);
		}
	}
	slurp("/proc/cmdline", cmdline, sizeof(cmdline));
	cmdline[strcspn(cmdline, "\n")] = 0;
	say("TAP version 13");
	mkdir("/dev/pts", 0755);
	mkdir("/dev/mqueue", 0755);
	mkdir("/dev/shm", 0755);
	if (mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666"))
		complain("devpts");
	if (mount("mqueue", "/dev/mqueue", "mqueue", 0, NULL))
		complain("mqueue");
	if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) || mount("tmpfs", "/run", "tmpfs", 0, NULL))
		complain("tmpfs");
	if (mount("cgroup2", CG, "cgroup2", 0, NULL))
		complain("cgroup2");
	else if (spew(CG "/cgroup.subtree_control", "+cpuset +cpu +io +memory +pids"))
		complain("cgroup.subtree_control");
	if (option("features.pmem")) {
		if (mount("/dev/pmem0", "/lower", "erofs", MS_RDONLY, erofs_pmem))
			complain("erofs on pmem0");
	} else if (mount("/dev/vdb", "/lower", "erofs", MS_RDONLY, NULL)) {
		complain("erofs on vdb");
	}
	if (mount("/dev/vda1", "/data", "ext4", 0, NULL))
		complain("ext4 on vda1");
	if (setup_net())
		complain("eth0");
}

/* The rootfs of the container: erofs below, ext4 above. */
static void setup_bundle(void)
{
	mkdir("/bundle/rootfs", 0755);
	mkdir("/data/cupper", 0755);
	mkdir("/data/cwork", 0755);
	if (mount("overlay", "/bundle/rootfs", "overlay", 0,
		  "lowerdir=/lower,upperdir=/data/cupper,workdir=/data/cwork"))
		complain("overlay for the container");
}

/* The root must be a mount with a parent, so that pivot_root(2) works. */
static void leave_initramfs(void)
{
	mkdir("/newroot", 0755);
	if (mount("/", "/newroot", NULL, MS_BIND, NULL) || chdir("/newroot") ||
	    mount(".", "/", NULL, MS_MOVE, NULL) || chroot("."))
		complain("the root");
	if (chdir("/"))
		complain("chdir");
}

/*
 * Run on the host: the frequency of its time stamp counter, which is the guest's under TCG.  A guest
 * on a busy host fails to find it out by itself.
 */
static int print_tsc_khz(void)
{
	double start = now(), seconds;
	uint64_t ticks = __builtin_ia32_rdtsc();

	nap(100);
	ticks = __builtin_ia32_rdtsc() - ticks;
	seconds = now() - start;
	printf("%.0f\n", ticks / seconds / 1000);
	return 0;
}

int main(int argc, char **argv)
{
	size_t i;
	int nr = 0;

	if (argc > 1 && !strcmp(argv[1], "container"))
		return in_container();
	if (argc > 1 && !strcmp(argv[1], "tsc-khz"))
		return print_tsc_khz();
	if (argc > 1 && !strcmp(argv[1], "script")) {
		puts("ran as interpreter");
		return 0;
	}
	if (getpid() != 1) {
		fprintf(stderr, "this is the first process of a VM, see selftests/guest/run\n");
		return 2;
	}
	setenv("PATH", "/bin", 1);
	leave_initramfs();
	setup();
	setup_bundle();
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (selected(i))
			run_test(i, ++nr);
	say("1..%d", nr);
	say("# %d failed", failures);
	say("@end");
	nap(200);
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
