/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The harness, as the cgroup pool selftests use it. Every program has a fixture
 * with variants for cgroup v2 and a v1 hierarchy of several controllers.
 */
#ifndef CGROUP_POOL_FIXTURE_H
#define CGROUP_POOL_FIXTURE_H

#include "../kselftest_harness.h"
#include "cgroup_pool_util.h"

/* An emulated machine with a debug kernel is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240

#define NO_POOL "kernel without CONFIG_CGROUP_POOL"

#endif /* CGROUP_POOL_FIXTURE_H */
