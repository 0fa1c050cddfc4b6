// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that is started to look at its memory. QEMU has a session of its own, so that all of it
 * can be ended, also what a wrapper has started: nothing of that process group outlives
 * qemu_stop(), or the end of the process that was started. What leaves the group on purpose
 * (-daemonize) is refused where it can be seen. If this program itself is killed, PDEATHSIG
 * reaches the process that was started, but not what a wrapper has below it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"

#define NR_OWN_ARGS	32

static void run_child(const struct qemu_opts *opts, char **args, int parent)
{
	int null, log;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	null = open("/dev/null", O_RDONLY);
	log = open(opts->log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(127);
	execvp(opts->program, args);
	dprintf(2, "%s: %s\n", opts->program, strerror(errno));
	_exit(127);
}

/*
 * As long as the child isn't reaped its number is that of no other process or group. It comes
 * first: a child that has no group yet has no children either, and a dead one gets no more.
 */
static void end_all(struct qemu *qemu)
{
	kill(qemu->pid, SIGKILL);
	kill(-qemu->pid, SIGKILL);
	while (waitpid(qemu->pid, NULL, 0) < 0 && errno == EINTR)
		;
	qemu->is_over = true;
}

int qemu_start(struct qemu *qemu, const struct qemu_opts *opts)
{
	char memory[32], *object = NULL, *serial = NULL, *ram, **args;
	int n = 0, i, parent = getpid();

	*qemu = (struct qemu){ .pid = -1, .pidfd = -1, .is_over = true };
	args = calloc((size_t)opts->nr_args + NR_OWN_ARGS, sizeof(*args));
	ram = cli_quote_qemu(opts->ram);
	if (!args || !ram || asprintf(&serial, "file:%s", opts->serial) < 0 ||
	    asprintf(&object, "memory-backend-file,id=kimg-ram,size=%" PRIu64
		     ",mem-path=%s,share=on", opts->ram_size, ram) < 0)
		goto err;
	snprintf(memory, sizeof(memory), "%" PRIu64 "M", opts->ram_size >> 20);
	args[n++] = (char *)opts->program;
	args[n++] = (char *)"-nodefaults";
	args[n++] = (char *)"-no-user-config";
	args[n++] = (char *)"-no-reboot";
	args[n++] = (char *)"-display";
	args[n++] = (char *)"none";
	args[n++] = (char *)"-serial";
	args[n++] = serial;
	args[n++] = (char *)"-m";
	args[n++] = memory;
	args[n++] = (char *)"-object";
	args[n++] = object;
	args[n++] = (char *)"-machine";
	args[n++] = (char *)"memory-backend=kimg-ram";
	args[n++] = (char *)"-kernel";
	args[n++] = (char *)opts->trampoline;
	args[n++] = (char *)"-append";
	args[n++] = (char *)opts->append;
	for (i = 0; i < opts->nr_args; i++)
		args[n++] = opts->args[i];

	qemu->pid = fork();
	if (!qemu->pid)
		run_child(opts, args, parent);
	if (qemu->pid < 0)
		goto err;
	qemu->is_over = false;
	qemu->pidfd = (int)syscall(SYS_pidfd_open, qemu->pid, 0);
	if (qemu->pidfd < 0) {
		int saved = errno;

		/* Not reaped yet, so the number is still this child's. */
		end_all(qemu);
		errno = saved;
		goto err;
	}
	free(args);
	free(ram);
	free(object);
	free(serial);
	return CLI_OK;
err:
	cli_error("%s: %s", opts->program, strerror(errno));
	free(args);
	free(ram);
	free(object);
	free(serial);
	return CLI_FAILED;
}

bool qemu_wait(struct qemu *qemu, int ms)
{
	struct pollfd pfd = { .fd = qemu->pidfd, .events = POLLIN };

	if (!qemu->is_over && poll(&pfd, 1, ms) > 0)
		end_all(qemu);
	return qemu->is_over;
}

void qemu_stop(struct qemu *qemu)
{
	if (!qemu->is_over)
		end_all(qemu);
	if (qemu->pidfd >= 0)
		close(qemu->pidfd);
	qemu->pidfd = -1;
}
