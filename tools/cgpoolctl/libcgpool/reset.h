/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a cgroup looks like when new, and how to get back there by writes. */
#ifndef _CGPOOL_RESET_H
#define _CGPOOL_RESET_H

#include <stdbool.h>

/*
 * Brings every writable file of @fd back to the value of a new cgroup and
 * checks it. @parent is asked for values that a new child copies (v1). Of the
 * attributes only those in @keep, which ends with NULL, stay.
 * 0, or -errno when something did not come back, or is writable and not known
 * here: then @fd must be destroyed. @what receives the name of the offender.
 */
int reset_cgroup(int fd, int parent, int version, const char *const *keep,
		 char *what, size_t size);

/* Does @fd differ from a new cgroup in a file of @controller? */
bool reset_is_limited(int fd, int version, const char *controller);

#endif
