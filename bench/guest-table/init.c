// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of the guest: prints what the table is made of and ends the machine.  It is built
 * with the nolibc headers of the kernel source and stays small, since it is part of the figures.  Its
 * address is one where no kernel runs, so that its first instruction marks the end of the boot.
 */
static char buf[65536];

static void show(const char *path)
{
	int fd = open(path, O_RDONLY), n;

	if (fd < 0)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		write(1, buf, n);
	close(fd);
}

int main(void)
{
	int fd, n;

	/* The last allocations of the boot may still be on their way to be freed. */
	sleep(1);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	/* The console that the kernel was told to use. */
	if (write(1, "", 0) < 0) {
		mkdir("/dev", 0755);
		mount("dev", "/dev", "devtmpfs", 0, NULL);
		fd = open("/dev/console", O_RDWR);
		dup2(fd, 1);
	}
	write(1, "\n@begin\n", 8);
	show("/proc/meminfo");
	write(1, "Loadavg: ", 9);
	show("/proc/loadavg");
	n = syscall(__NR_syslog, 3, buf, sizeof(buf));
	if (n > 0)
		write(1, buf, n);
	write(1, "\n@end\n", 6);
	sleep(1);
	reboot(LINUX_REBOOT_CMD_RESTART);
	return 0;
}
