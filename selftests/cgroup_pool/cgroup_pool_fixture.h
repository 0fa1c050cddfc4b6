/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The harness, as the cgroup pool selftests use it. Every program has a fixture
 * with variants for cgroup v2 and a v1 hierarchy of several controllers.
 */
#ifndef CGROUP_POOL_FIXTURE_H
#define CGROUP_POOL_FIXTURE_H

#include "../kselftest_harness.h"
#include "cgroup_pool_util.h"

/* An emulated machine with a debug kernel is slow; see also CGP_WAIT_MS. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

#define NO_POOL "kernel without CONFIG_CGROUP_POOL"

/*
 * What all set-ups begin with: the test's own place in a hierarchy. Anything but
 * 0 says that the test is skipped and the set-up has to return.
 */
static inline int cgp_setup(struct __test_metadata *_metadata,
			    struct cgp_env *env, bool v2)
{
	char why[256];
	int ret = cgp_env_setup(env, v2, why, sizeof(why));

	if (ret == KSFT_SKIP)
		SKIP(return ret, "%s", why);
	ASSERT_EQ(0, ret)
		TH_LOG("setup: %s", why);
	return 0;
}

static inline void cgp_teardown(struct __test_metadata *_metadata,
				struct cgp_env *env)
{
	EXPECT_EQ(0, cgp_env_teardown(env));
}

#endif /* CGROUP_POOL_FIXTURE_H */
