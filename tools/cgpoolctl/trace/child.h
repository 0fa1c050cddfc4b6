/* SPDX-License-Identifier: GPL-2.0-only */
/* A command that is made to wait until tracing has begun. */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	/* Writing end of the pipe that the child waits on. */
	int go_fd;
	bool has_ended;
	/* As of waitpid(2), once it has ended. */
	int wait_status;
};

int child_prepare(struct child *child, char *const argv[], const sigset_t *mask);
int child_go(struct child *child);
void child_poll(struct child *child);
void child_abandon(struct child *child);
int child_exit_code(const struct child *child);

#endif /* CHILD_H */
