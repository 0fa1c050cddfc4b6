// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Parsers of kernel text. Input is taken as hostile: every length is checked
 * before use, numbers that overflow are errors, and unknown lines are skipped.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "parse.h"

#define SLOT_PREFIX	"cgpool-"
#define SLOT_DIGITS	5

static int digits_u64(const char *s, size_t len, uint64_t *val)
{
	uint64_t v = 0;
	size_t i;

	if (!len)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return -ERANGE;
	}
	*val = v;
	return 0;
}

int parse_u64(const char *s, uint64_t *val)
{
	size_t len = strlen(s);

	if (len && s[len - 1] == '\n')
		len--;
	return digits_u64(s, len, val);
}

int parse_flat_key(const char *text, size_t len, const char *key, uint64_t *val)
{
	size_t klen = strlen(key);

	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t line = nl ? (size_t)(nl - text) : len;

		if (line > klen && !memcmp(text, key, klen) && text[klen] == ' ')
			return digits_u64(text + klen + 1, line - klen - 1, val);
		if (!nl)
			break;
		text += line + 1;
		len -= line + 1;
	}
	return -ENOENT;
}

/* Undoes the \ooo escapes of mountinfo while copying a field. */
static int copy_field(char *dst, size_t size, const char *src, size_t len)
{
	size_t i = 0, o = 0;

	while (i < len) {
		char c = src[i++];

		if (c == '\\' && len - i >= 3 &&
		    src[i] >= '0' && src[i] <= '3' &&
		    src[i + 1] >= '0' && src[i + 1] <= '7' &&
		    src[i + 2] >= '0' && src[i + 2] <= '7') {
			c = (char)(((src[i] - '0') << 6) | ((src[i + 1] - '0') << 3) |
				   (src[i + 2] - '0'));
			i += 3;
		}
		if (!c)
			return -EINVAL;
		if (o + 1 >= size)
			return -ENAMETOOLONG;
		dst[o++] = c;
	}
	dst[o] = '\0';
	return 0;
}

static bool next_field(const char **p, const char *end, const char **field, size_t *len)
{
	const char *s = *p;

	while (s < end && *s == ' ')
		s++;
	if (s == end)
		return false;
	*field = s;
	while (s < end && *s != ' ')
		s++;
	*len = (size_t)(s - *field);
	*p = s;
	return true;
}

static int parse_line(const char *p, const char *end, struct mount_line *m)
{
	const char *f[6], *field, *colon;
	size_t flen[6], len;
	uint64_t major, minor;
	int i, ret;

	for (i = 0; i < 6; i++)
		if (!next_field(&p, end, &f[i], &flen[i]))
			return -EINVAL;
	colon = memchr(f[2], ':', flen[2]);
	if (!colon || digits_u64(f[2], (size_t)(colon - f[2]), &major) ||
	    digits_u64(colon + 1, flen[2] - (size_t)(colon - f[2]) - 1, &minor) ||
	    major > UINT_MAX || minor > UINT_MAX)
		return -EINVAL;
	m->major = (unsigned int)major;
	m->minor = (unsigned int)minor;
	ret = copy_field(m->root, sizeof(m->root), f[3], flen[3]);
	if (!ret)
		ret = copy_field(m->mountpoint, sizeof(m->mountpoint), f[4], flen[4]);
	if (ret)
		return ret;

	/* Any number of optional fields, then a lone dash. */
	do {
		if (!next_field(&p, end, &field, &len))
			return -EINVAL;
	} while (len != 1 || *field != '-');

	if (!next_field(&p, end, &field, &len))
		return -EINVAL;
	ret = copy_field(m->fstype, sizeof(m->fstype), field, len);
	if (ret)
		return ret;
	if (!next_field(&p, end, &field, &len) || !next_field(&p, end, &field, &len))
		return -EINVAL;
	return copy_field(m->super_opts, sizeof(m->super_opts), field, len);
}

int parse_mountinfo_line(const char **text, size_t *len, struct mount_line *m)
{
	const char *start = *text, *nl;
	size_t line;

	if (!*len)
		return 0;
	nl = memchr(start, '\n', *len);
	line = nl ? (size_t)(nl - start) : *len;
	*text = start + line + (nl ? 1 : 0);
	*len -= line + (nl ? 1 : 0);
	return parse_line(start, start + line, m) ?: 1;
}

static bool has_word(const char *list, const char *word, const char *sep)
{
	size_t wlen = strlen(word);

	while (*list) {
		size_t len = strcspn(list, sep);

		if (len == wlen && !memcmp(list, word, len))
			return true;
		list += len;
		list += strspn(list, sep);
	}
	return false;
}

bool opts_has(const char *opts, const char *opt)
{
	return has_word(opts, opt, ",");
}

bool list_has(const char *list, const char *word)
{
	return has_word(list, word, " \n\t");
}

int parse_next_pid(const char **text, long *pid)
{
	const char *s = *text;
	uint64_t v;
	size_t len;

	s += strspn(s, "\n");
	if (!*s)
		return 0;
	len = strcspn(s, "\n");
	*text = s + len;
	if (digits_u64(s, len, &v) || v > INT_MAX)
		return -EINVAL;
	*pid = (long)v;
	return 1;
}

int parse_slot_name(const char *name)
{
	size_t plen = sizeof(SLOT_PREFIX) - 1;
	uint64_t v;

	if (strncmp(name, SLOT_PREFIX, plen) || strlen(name + plen) != SLOT_DIGITS ||
	    digits_u64(name + plen, SLOT_DIGITS, &v))
		return -EINVAL;
	return (int)v;
}

int check_name(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	/* A blank would end the name in the mark of a userspace pool. */
	if (strpbrk(name, "/\n\t "))
		return -EINVAL;
	if (!strncmp(name, SLOT_PREFIX, sizeof(SLOT_PREFIX) - 1))
		return -EINVAL;
	return 0;
}
