// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of a measured guest: say what the guest sees, optionally work for a while, then
 * sleep for ever so that the host can look at the guest's memory.
 *
 * It is linked with nothing and stays below 16 KiB: what it needs itself is part of every figure.
 * It sits at an address where no kernel code runs, so that its first instruction marks the end of
 * the boot.  "workload=SECONDS" on the kernel command line arrives in the environment.
 *
 * Output, on the console, a line each: "guest KEY VALUE".
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/in.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define BUFFER_SIZE	8192
#define FILE_BLOCKS	64
#define ANON_BYTES	(2 << 20)
#define PAGE_BYTES	4096
#define SIGCHLD_NR	17
#define AF_INET_NR	2
#define AF_UNIX_NR	1
#define STREAM		1
#define DGRAM		2

static char buffer[BUFFER_SIZE];

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			 "r"(r9) : "rcx", "r11", "memory");
	return ret;
}

#define CALL6(nr, a, b, c, d, e, f, ...) \
	call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CALL(nr, ...) CALL6(nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* GCC makes calls to these two even of code that has none. */
void *memset(void *to, int value, size_t len)
{
	for (char *p = to; len; len--)
		*p++ = (char)value;
	return to;
}

void *memcpy(void *to, const void *from, size_t len)
{
	const char *s = from;

	for (char *p = to; len; len--)
		*p++ = *s++;
	return to;
}

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* If @s begins with @start, what follows it, else NULL. */
static const char *after(const char *s, const char *start)
{
	while (*start)
		if (*s++ != *start++)
			return NULL;
	return s;
}

/* One write per line: the kernel's messages don't get in between. */
static void say_n(const char *key, const char *value, size_t len)
{
	static char line[512];
	size_t at = 0, part;

	for (int i = 0; i < 2; i++) {
		const char *s = i ? key : "guest ";

		part = length(s);
		if (at + part > sizeof(line) - 2)
			part = sizeof(line) - 2 - at;
		memcpy(line + at, s, part);
		at += part;
	}
	if (len)
		line[at++] = ' ';
	if (len > sizeof(line) - 1 - at)
		len = sizeof(line) - 1 - at;
	memcpy(line + at, value, len);
	at += len;
	line[at++] = '\n';
	CALL(SYS_write, 1, line, at);
}

static void say_number(const char *key, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	say_n(key, digits + at, sizeof(digits) - at);
}

static long slurp(const char *path)
{
	long fd = CALL(SYS_open, path, O_RDONLY), n;

	if (fd < 0)
		return fd;
	n = CALL(SYS_read, fd, buffer, sizeof(buffer) - 1);
	CALL(SYS_close, fd);
	buffer[n > 0 ? n : 0] = 0;
	return n;
}

/* The first line of a file. */
static void say_file(const char *key, const char *path)
{
	size_t n = 0;

	if (slurp(path) < 0)
		return;
	while (buffer[n] && buffer[n] != '\n')
		n++;
	say_n(key, buffer, n);
}

static void say_meminfo(void)
{
	static const char *const keys[] = {
		"MemTotal:", "MemFree:", "MemAvailable:", "Slab:", "SReclaimable:", "SUnreclaim:",
		"KernelStack:", "PageTables:", "Percpu:",
	};
	const char *line = buffer;

	if (slurp("/proc/meminfo") < 0)
		return;
	while (*line) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			const char *s = after(line, keys[i]);
			uint64_t value = 0;
			char key[16] = "";

			if (!s)
				continue;
			while (*s == ' ')
				s++;
			while (*s >= '0' && *s <= '9')
				value = value * 10 + (uint64_t)(*s++ - '0');
			memcpy(key, keys[i], length(keys[i]) - 1);
			say_number(key, value);
		}
		while (*line && *line != '\n')
			line++;
		if (*line)
			line++;
	}
}

static uint64_t seconds(void)
{
	long now[2] = { 0, 0 };

	CALL(SYS_clock_gettime, 1, now);
	return (uint64_t)now[0];
}

/* --- the workload; every step returns 0 if it went well ------------------------------------- */

static long processes(void)
{
	static char *const argv[] = { "/init", "child", NULL };
	int status = -1;
	long pid = CALL(SYS_clone, SIGCHLD_NR, 0, 0, 0, 0);

	if (!pid) {
		CALL(SYS_execve, argv[0], argv, NULL);
		CALL(SYS_exit_group, 1);
	}
	if (pid < 0 || CALL(SYS_wait4, pid, &status, 0, 0) != pid)
		return -1;
	return status;
}

static long files(void)
{
	long fd, bad = 0;
	char *map;

	bad |= CALL(SYS_mkdir, "/dir", 0755) < 0;
	fd = CALL(SYS_open, "/dir/a", O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < FILE_BLOCKS; i++)
		bad |= CALL(SYS_write, fd, buffer, PAGE_BYTES) != PAGE_BYTES;
	bad |= CALL(SYS_lseek, fd, 0, 0) != 0;
	bad |= CALL(SYS_read, fd, buffer, PAGE_BYTES) != PAGE_BYTES;
	map = (char *)CALL(SYS_mmap, 0, FILE_BLOCKS * PAGE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
	if ((unsigned long)map < -4096UL) {
		map[PAGE_BYTES] = 1;
		bad |= CALL(SYS_munmap, map, FILE_BLOCKS * PAGE_BYTES) < 0;
	} else {
		bad = 1;
	}
	bad |= CALL(SYS_close, fd) < 0;
	bad |= CALL(SYS_rename, "/dir/a", "/dir/b") < 0;
	bad |= CALL(SYS_unlink, "/dir/b") < 0;
	bad |= CALL(SYS_rmdir, "/dir") < 0;
	return bad;
}

static long memory(void)
{
	char *map = (char *)CALL(SYS_mmap, 0, ANON_BYTES, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if ((unsigned long)map >= -4096UL)
		return -1;
	for (long i = 0; i < ANON_BYTES; i += PAGE_BYTES)
		map[i] = 1;
	return CALL(SYS_munmap, map, ANON_BYTES);
}

/* Send and receive through a connected pair. */
static long talk(long from, long to)
{
	long bad = 0;

	for (int i = 0; i < 8; i++) {
		bad |= CALL(SYS_write, from, buffer, 1024) != 1024;
		bad |= CALL(SYS_read, to, buffer, 1024) <= 0;
	}
	return bad;
}

static long loopback_tcp(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET_NR, .sin_addr.s_addr = 0x0100007f };
	int len = sizeof(addr);
	long listener, client, server, bad = 0;

	listener = CALL(SYS_socket, AF_INET_NR, STREAM, 0);
	bad |= CALL(SYS_bind, listener, &addr, sizeof(addr)) < 0;
	bad |= CALL(SYS_listen, listener, 1) < 0;
	bad |= CALL(SYS_getsockname, listener, &addr, &len) < 0;
	client = CALL(SYS_socket, AF_INET_NR, STREAM, 0);
	bad |= CALL(SYS_connect, client, &addr, sizeof(addr)) < 0;
	/* Without a connection accept() would wait for ever. */
	if (!bad) {
		server = CALL(SYS_accept, listener, 0, 0);
		bad |= talk(client, server);
		CALL(SYS_close, server);
	}
	CALL(SYS_close, client);
	CALL(SYS_close, listener);
	return bad;
}

static long loopback_udp(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET_NR, .sin_addr.s_addr = 0x0100007f };
	int len = sizeof(addr);
	long from, to, bad = 0;

	to = CALL(SYS_socket, AF_INET_NR, DGRAM, 0);
	bad |= CALL(SYS_bind, to, &addr, sizeof(addr)) < 0;
	bad |= CALL(SYS_getsockname, to, &addr, &len) < 0;
	from = CALL(SYS_socket, AF_INET_NR, DGRAM, 0);
	bad |= CALL(SYS_connect, from, &addr, sizeof(addr)) < 0;
	if (!bad)
		bad |= talk(from, to);
	CALL(SYS_close, from);
	CALL(SYS_close, to);
	return bad;
}

static long local(void)
{
	int pair[2];
	long bad;

	if (CALL(SYS_socketpair, AF_UNIX_NR, STREAM, 0, pair) < 0)
		return -1;
	bad = talk(pair[0], pair[1]);
	CALL(SYS_close, pair[0]);
	CALL(SYS_close, pair[1]);
	if (CALL(SYS_pipe, pair) < 0)
		return -1;
	bad |= talk(pair[1], pair[0]);
	CALL(SYS_close, pair[0]);
	CALL(SYS_close, pair[1]);
	return bad;
}

static long waiting(void)
{
	long pause[2] = { 0, 1000000 };

	return CALL(SYS_nanosleep, pause, 0);
}

static const struct {
	const char *name;
	long (*step)(void);
} steps[] = {
	{ "workload.failed.process", processes },
	{ "workload.failed.file", files },
	{ "workload.failed.memory", memory },
	{ "workload.failed.tcp", loopback_tcp },
	{ "workload.failed.udp", loopback_udp },
	{ "workload.failed.local", local },
	{ "workload.failed.sleep", waiting },
};

#define NR_STEPS (sizeof(steps) / sizeof(*steps))

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	long fd = CALL(SYS_socket, AF_INET_NR, DGRAM, 0);

	CALL(SYS_ioctl, fd, SIOCSIFFLAGS, &request);
	CALL(SYS_close, fd);
}

static void work(uint64_t duration)
{
	uint64_t failed[NR_STEPS] = { 0 }, rounds = 0, end;

	loopback_up();
	for (end = seconds() + duration; seconds() < end; rounds++)
		for (size_t i = 0; i < NR_STEPS; i++)
			failed[i] += !!steps[i].step();
	say_number("workload.rounds", rounds);
	for (size_t i = 0; i < NR_STEPS; i++)
		if (failed[i])
			say_number(steps[i].name, failed[i]);
}

/* Called by _start with the stack as the kernel left it: argc, argv, 0, environment, 0. */
__attribute__((noreturn, used)) static void run(const char *const *stack)
{
	long argc = (long)stack[0];
	const char *const *env = stack + 1 + argc + 1;
	uint64_t duration = 0;
	struct utsname names;

	if (argc > 1 && after(stack[2], "child"))
		CALL(SYS_exit_group, 0);
	for (; *env; env++) {
		const char *s = after(*env, "workload=");

		while (s && *s >= '0' && *s <= '9')
			duration = duration * 10 + (uint64_t)(*s++ - '0');
	}
	/* Before anything is mounted or read: what the kernel alone has taken. */
	CALL(SYS_mkdir, "/proc", 0755);
	CALL(SYS_mkdir, "/sys", 0755);
	CALL(SYS_mount, "proc", "/proc", "proc", 0, 0);
	say_meminfo();
	CALL(SYS_mount, "sysfs", "/sys", "sysfs", 0, 0);
	if (!CALL(SYS_uname, &names)) {
		say_n("release", names.release, length(names.release));
		say_n("version", names.version, length(names.version));
	}
	say_file("uptime", "/proc/uptime");
	say_file("status", "/sys/kernel/x86_prepatch/status");
	say_file("reason", "/sys/kernel/x86_prepatch/reason");
	say_n("ready", NULL, 0);
	if (duration) {
		work(duration);
		say_meminfo();
		say_n("done", NULL, 0);
	}
	for (;;)
		CALL(SYS_pause, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor	%ebp, %ebp\n"
	"	mov	%rsp, %rdi\n"
	"	and	$-16, %rsp\n"
	"	call	run\n");
