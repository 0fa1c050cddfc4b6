// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times as arguments of options: "3", "0.5". Digits and one point only, so that
 * neither the locale nor the oddities of strtod(3) decide what is a number.
 */
#include <errno.h>
#include <limits.h>

#include "seconds.h"

#define MSEC_PER_SEC	UINT64_C(1000)

/**
 * seconds_parse() - parse a time above 0
 * @text: seconds, with at most 3 digits after the point being looked at
 * @msec: the time in milliseconds
 *
 * Return: 0; -EINVAL if it is not a time; -ERANGE if it is 0 or too long for an
 * int of milliseconds, which is what poll(2) takes.
 */
int seconds_parse(const char *text, uint64_t *msec)
{
	uint64_t scale = MSEC_PER_SEC / 10, val = 0;
	unsigned int nr_digits = 0;

	for (; *text >= '0' && *text <= '9'; text++, nr_digits++) {
		val = val * 10 + (uint64_t)(*text - '0');
		if (val > INT_MAX / MSEC_PER_SEC)
			return -ERANGE;
	}
	val *= MSEC_PER_SEC;
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9'; text++, nr_digits++) {
			val += scale * (uint64_t)(*text - '0');
			scale /= 10;
		}
	}
	if (*text || !nr_digits)
		return -EINVAL;
	if (!val || val > INT_MAX)
		return -ERANGE;
	*msec = val;
	return 0;
}
