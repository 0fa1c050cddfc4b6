// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

const char cli_program[] = "kimg-prepatch";

int cli_fail(const char *object, int ret, const struct kimg_err *err)
{
	cli_error("%s: %s", object, err->text);
	switch (ret) {
	case -EOPNOTSUPP:
		return CLI_UNSUPPORTED;
	case -EBADMSG:
		return CLI_DAMAGED;
	case -ESTALE:
		return CLI_STALE;
	case -ENOSPC:
		return CLI_NO_ROOM;
	}
	return CLI_FAILED;
}

int cli_fail_errno(const char *object, const char *what, int err)
{
	cli_error("%s: %s: %s", object, what, strerror(err));
	return CLI_FAILED;
}

char *cli_quote_shell(const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "@%+=:,./_-";
	char *quoted, *p;

	if (*text && !text[strspn(text, safe)])
		return strdup(text);
	/* A quote in quotes takes four bytes. */
	quoted = malloc(4 * strlen(text) + 3);
	if (!quoted)
		return NULL;
	p = quoted;
	*p++ = '\'';
	for (; *text; text++) {
		if (*text == '\'')
			p = stpcpy(p, "'\\''");
		else
			*p++ = *text;
	}
	*p++ = '\'';
	*p = '\0';
	return quoted;
}

char *cli_quote_qemu(const char *text)
{
	char *quoted = malloc(2 * strlen(text) + 1), *p = quoted;

	for (; p && *text; text++) {
		if (*text == ',')
			*p++ = ',';
		*p++ = *text;
	}
	if (p)
		*p = '\0';
	return quoted;
}

bool cli_seconds(const char *text, unsigned int max, int *val)
{
	unsigned int v;

	if (!cli_uint(text, max, &v) || !v)
		return false;
	*val = (int)v;
	return true;
}

bool cli_size(const char *text, uint64_t *val)
{
	unsigned long long v;
	unsigned int shift = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno)
		return false;
	switch (*end) {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	case '\0':
		*val = v;
		return true;
	}
	if (!shift || end[1] || v > UINT64_MAX >> shift)
		return false;
	*val = v << shift;
	return true;
}
