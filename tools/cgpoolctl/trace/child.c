// SPDX-License-Identifier: GPL-2.0-only
/*
 * A command that is made to wait until tracing has begun.
 *
 * The process exists before it may run, so that its pid can be made the filter
 * of the BPF programs before they are loaded, and nothing that the command does
 * is missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#define EXIT_CANNOT_EXEC	126
#define EXIT_NOT_FOUND		127
#define EXIT_SIGNALLED		128

static void run(int fd, char *const argv[], const sigset_t *mask)
{
	ssize_t len;
	int code;
	char go;

	do {
		len = read(fd, &go, sizeof(go));
	} while (len < 0 && errno == EINTR);
	/* The tracer gave up. */
	if (len != sizeof(go))
		_exit(EXIT_CANNOT_EXEC);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	code = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
	dprintf(STDERR_FILENO, "cgpoolctl: %s: %s\n", argv[0], strerror(errno));
	_exit(code);
}

/**
 * child_prepare() - make the process
 * @child: filled in
 * @argv: the command, NULL-terminated
 * @mask: signal mask the command starts with
 *
 * Return: 0 or -errno.
 */
int child_prepare(struct child *child, char *const argv[], const sigset_t *mask)
{
	int fds[2], ret;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	child->has_ended = false;
	child->pid = fork();
	if (child->pid < 0) {
		ret = -errno;
		close(fds[0]);
		close(fds[1]);
		return ret;
	}
	if (!child->pid) {
		close(fds[1]);
		run(fds[0], argv, mask);
	}
	close(fds[0]);
	child->go_fd = fds[1];
	return 0;
}

/**
 * child_go() - let the command run
 * @child: a prepared child
 *
 * Return: 0 or -errno.
 */
int child_go(struct child *child)
{
	ssize_t len = write(child->go_fd, "g", 1);
	int ret = len == 1 ? 0 : -errno;

	close(child->go_fd);
	child->go_fd = -1;
	return ret;
}

/**
 * child_poll() - find out whether the command has ended, without waiting
 * @child: a child
 */
void child_poll(struct child *child)
{
	if (child->has_ended)
		return;
	if (waitpid(child->pid, &child->wait_status, WNOHANG) == child->pid)
		child->has_ended = true;
}

/**
 * child_abandon() - end a child that was never told to go
 * @child: a prepared child
 */
void child_abandon(struct child *child)
{
	if (child->go_fd >= 0)
		close(child->go_fd);
	child->go_fd = -1;
	while (!child->has_ended) {
		if (waitpid(child->pid, &child->wait_status, 0) == child->pid || errno != EINTR)
			child->has_ended = true;
	}
}

/**
 * child_exit_code() - exit status to pass on, as a shell does
 * @child: a child that has ended
 *
 * Return: its status, or 128 + the signal that killed it.
 */
int child_exit_code(const struct child *child)
{
	if (WIFSIGNALED(child->wait_status))
		return EXIT_SIGNALLED + WTERMSIG(child->wait_status);
	return WEXITSTATUS(child->wait_status);
}
