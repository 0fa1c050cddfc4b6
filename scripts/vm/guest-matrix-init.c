// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only process of a guest of scripts/guest-matrix: says on the console what the host cannot
 * read from the guest's memory, then sleeps for ever so that the host can read the rest.
 *
 * Each line begins with "@ " and is one write(), so that no message of the kernel comes between.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PREPATCH	"/sys/kernel/x86_prepatch/"
#define CPUS		"/sys/devices/system/cpu/"

static int console = 1;

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(console, line, len) != len)
		_exit(1);
}

/* The first line of a file, or why it can't be read. */
static const char *first_line(const char *path)
{
	static char buf[512];
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(buf, sizeof(buf), "(%s)", strerror(errno));
		return buf;
	}
	len = read(fd, buf, sizeof(buf) - 1);
	if (len < 0)
		len = snprintf(buf, sizeof(buf), "(%s)", strerror(errno));
	close(fd);
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void say_vulnerabilities(void)
{
	struct dirent **names;
	char path[512];
	int i, n;

	n = scandir(CPUS "vulnerabilities", &names, visible, by_name);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), CPUS "vulnerabilities/%s", names[i]->d_name);
		say("@ vulnerability %s: %s", names[i]->d_name, first_line(path));
	}
	say("@ vulnerabilities %d", n);
}

static void say_memory(void)
{
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "Mem", 3))
			say("@ memory %s", line);
	}
	if (f)
		fclose(f);
}

/* What the kernel has decided about the CPU: features, and what it has enabled for user space. */
static void say_cpu(void)
{
	unsigned int eax, ebx, ecx, edx, high;
	char line[4000];
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "flags", 5) || !strncmp(line, "bugs", 4))
			say("@ cpu %s", line);
	}
	if (f)
		fclose(f);
	say("@ cpu hwcap %lx %lx", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & bit_OSXSAVE) {
		__asm__ volatile("xgetbv" : "=a" (eax), "=d" (high) : "c" (0));
		say("@ cpu xcr0 %x %x", high, eax);
	}
	if (__get_cpuid_count(13, 0, &eax, &ebx, &ecx, &edx))
		say("@ cpu xsave %u bytes", ebx);
}

int main(void)
{
	struct timespec settle = { .tv_sec = 2 };
	struct utsname uts;
	unsigned int seed;

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
	mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	if (fcntl(console, F_GETFD) < 0)
		console = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

	/*
	 * What happens once some time after the boot changes text, too: wait for the random number
	 * generator, and for the clock sources to be chosen.
	 */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		say("@ error getrandom: %s", strerror(errno));
	nanosleep(&settle, NULL);

	uname(&uts);
	say("@ release %s", uts.release);
	say("@ status %s", first_line(PREPATCH "status"));
	say("@ reason %s", first_line(PREPATCH "reason"));
	say("@ online %s", first_line(CPUS "online"));
	say("@ possible %s", first_line(CPUS "possible"));
	say("@ clocksource %s",
	    first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"));
	say_memory();
	say_vulnerabilities();
	say_cpu();
	say("@ ready");
	for (;;)
		pause();
}
