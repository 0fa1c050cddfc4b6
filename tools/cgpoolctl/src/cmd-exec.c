// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a command in a cgroup of a pool. On v2 the child is born inside
 * (clone3 with CLONE_INTO_CGROUP), so the kernel never migrates it. On v1, and
 * where clone3() cannot, it is attached by cgroup.procs before it execs.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "cmd.h"
#ifdef CGPOOL_FAULT
#include "sys.h"
#else
#define sys_step(what) do { } while (0)
#endif

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

static const char usage[] =
	"Usage: cgpoolctl exec [options] POOL [--] COMMAND [ARGUMENT...]\n"
	"\n"
	"Take a cgroup, run COMMAND in it, wait, kill what is left and give it back.\n"
	"\n"
	"     --name NAME        of the cgroup (chosen otherwise)\n"
	" -w, --wait MS          wait for a free one when the pool is empty\n"
	" -f, --fallback         make a new cgroup when the pool is empty\n"
	"     --fresh            replace it by a new one afterwards (userspace pool)\n"
	" -h, --help             this text\n"
	"\n"
	"Exit status: that of COMMAND, 128 + n if signal n killed it, 125 if cgpoolctl\n"
	"failed, 126 if COMMAND cannot be run, 127 if it was not found.\n";

/* struct clone_args, in its first version that has the cgroup. */
struct clone_into {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};

static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };

/* What is changed for the parent and must be as before for the command. */
struct signals {
	sigset_t mask;
	struct sigaction pipe;
};

static void __attribute__((noreturn)) run_child(char **argv, const struct signals *old)
{
	int err;

	sigaction(SIGPIPE, &old->pipe, NULL);
	sigprocmask(SIG_SETMASK, &old->mask, NULL);
	execvp(argv[0], argv);
	err = errno;
	cli_error("%s: %s", argv[0], strerror(err));
	_exit(err == ENOENT ? CLI_EXEC_NOT_FOUND : CLI_EXEC_CANNOT);
}

/* The child waits on a pipe until it is where it belongs. */
static pid_t start_attached(struct cli *cli, struct cgpool *pool, int fd, char **argv,
			    const struct signals *old)
{
	int go[2], ret;
	char byte = 0;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC)) {
		cli_error("pipe: %s", strerror(errno));
		return -1;
	}
	sys_step("fork");
	pid = fork();
	if (pid < 0) {
		cli_error("fork: %s", strerror(errno));
		close(go[0]);
		close(go[1]);
		return -1;
	}
	if (!pid) {
		close(go[1]);
		/* End of file: the parent died or could not attach us. */
		if (read(go[0], &byte, 1) != 1)
			_exit(CLI_EXEC_OWN);
		run_child(argv, old);
	}
	close(go[0]);
	ret = cgpool_attach(pool, fd, pid);
	if (ret) {
		cli_fail(cli, ret);
		close(go[1]);
		waitpid(pid, NULL, 0);
		return -1;
	}
	sys_step("go");
	if (write(go[1], &byte, 1) != 1)
		cli_error("pipe: %s", strerror(errno));
	close(go[1]);
	return pid;
}

static pid_t start(struct cli *cli, struct cgpool *pool, int fd, char **argv,
		   const struct signals *old)
{
	struct clone_into args = {
		.flags		= CLONE_INTO_CGROUP,
		.exit_signal	= SIGCHLD,
		.cgroup		= (uint64_t)fd,
	};
	long pid;

	if (cgpool_cgroup_version(pool) == 1)
		return start_attached(cli, pool, fd, argv, old);
	sys_step("clone3");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		run_child(argv, old);
	if (pid < 0 && (errno == ENOSYS || errno == E2BIG || errno == EINVAL || errno == EBADF))
		return start_attached(cli, pool, fd, argv, old);
	if (pid < 0)
		cli_error("%s: clone3: %s", cgpool_path(pool), strerror(errno));
	return (pid_t)pid;
}

static int wait_child(pid_t pid, const sigset_t *set)
{
	siginfo_t info;
	int status, sig;

	for (;;) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done < 0) {
			cli_error("wait for pid %d: %s", pid, strerror(errno));
			return CLI_EXEC_OWN;
		}
		if (done) {
			if (WIFSIGNALED(status))
				return CLI_EXEC_SIGNAL + WTERMSIG(status);
			return WEXITSTATUS(status);
		}
		sig = sigwaitinfo(set, &info);
		/* The terminal sends its signals to the child as well. */
		if (sig > 0 && sig != SIGCHLD && info.si_code != SI_KERNEL)
			kill(pid, sig);
	}
}

int cmd_exec(struct cli *cli, int argc, char **argv)
{
	enum { OPT_NAME = 256, OPT_FRESH };
	static const struct option longopts[] = {
		{ "name",	required_argument,	NULL, OPT_NAME },
		{ "wait",	required_argument,	NULL, 'w' },
		{ "fallback",	no_argument,		NULL, 'f' },
		{ "fresh",	no_argument,		NULL, OPT_FRESH },
		{ "help",	no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct cgpool_take_opts opts = { .sz = sizeof(opts), .flags = CGPOOL_TAKE_LEASE };
	struct cgpool_put_opts put = { .sz = sizeof(put), .flags = CGPOOL_PUT_KILL };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct signals old;
	struct cgpool *pool;
	sigset_t set;
	int c, ret, status, fd;
	size_t i;
	pid_t pid;

	while ((c = getopt_long(argc, argv, "+w:fh", longopts, NULL)) != -1) {
		switch (c) {
		case OPT_NAME:
			opts.name = optarg;
			break;
		case 'w':
			if (!cli_uint(optarg, CLI_MAX_MS, &opts.timeout_ms)) {
				cli_usage("exec", "%s: not a number in range", optarg);
				return CLI_EXEC_OWN;
			}
			break;
		case 'f':
			opts.flags |= CGPOOL_TAKE_FALLBACK;
			break;
		case OPT_FRESH:
			put.flags |= CGPOOL_PUT_FRESH;
			break;
		case 'h':
			return cli_help(usage);
		default:
			cli_usage("exec", NULL);
			return CLI_EXEC_OWN;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc > 1 && !strcmp(argv[1], "--")) {
		argv[1] = argv[0];
		argc--;
		argv++;
	}
	if (argc < 2) {
		cli_usage("exec", "POOL and COMMAND are needed");
		return CLI_EXEC_OWN;
	}
	if (cli_open(cli, argv[0], &pool, &status))
		return CLI_EXEC_OWN;

	/* A parent that ignores SIGCHLD would have the kernel reap our child. */
	signal(SIGCHLD, SIG_DFL);
	/* Before the cgroup is ours, so that no signal ends us without giving it back. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, &old.mask);
	/* Whoever reads our pipe, or our errors, may be gone: an error, not our end. */
	sigaction(SIGPIPE, &ignore, &old.pipe);

	ret = cgpool_take(pool, &opts, &fd);
	if (ret) {
		cli_fail(cli, ret);
		cgpool_unref(pool);
		return CLI_EXEC_OWN;
	}
	pid = start(cli, pool, fd, argv + 1, &old);
	status = pid < 0 ? CLI_EXEC_OWN : wait_child(pid, &set);
	ret = cgpool_put(pool, fd, &put);
	/* The command's own failure says more than ours. */
	if (ret) {
		cli_fail(cli, ret);
		if (!status)
			status = CLI_EXEC_OWN;
	}
	close(fd);
	cgpool_unref(pool);
	return status;
}
