// SPDX-License-Identifier: GPL-2.0-only
/* What programs say, and the arguments that they read in the same way. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

void cli_error(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", cli_program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int cli_help(const char *text)
{
	fputs(text, stdout);
	return CLI_OK;
}

int cli_usage(const char *cmd, const char *fmt, ...)
{
	va_list ap;

	if (fmt) {
		fprintf(stderr, "%s: %s%s", cli_program, cmd ?: "", cmd ? ": " : "");
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fprintf(stderr, "Try '%s %s%s--help'.\n", cli_program, cmd ?: "", cmd ? " " : "");
	return CLI_USAGE;
}

int cli_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return CLI_OK;
	cli_error("stdout: %s", strerror(errno ?: EIO));
	return CLI_FAILED;
}

bool cli_uint(const char *text, unsigned int max, unsigned int *val)
{
	unsigned long v;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || v > max)
		return false;
	*val = (unsigned int)v;
	return true;
}
