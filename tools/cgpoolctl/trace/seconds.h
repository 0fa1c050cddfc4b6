/* SPDX-License-Identifier: GPL-2.0-only */
/* Times as arguments of options. */
#ifndef SECONDS_H
#define SECONDS_H

#include <stdint.h>

int seconds_parse(const char *text, uint64_t *msec);

#endif /* SECONDS_H */
