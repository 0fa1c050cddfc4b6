// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of pools of ready-made cgroups: the accounting of pool.c on
 * cgroups which aren't linked anywhere, and kernfs_publish() in a hierarchy of
 * its own.
 */
#include "cgroup-internal.h"

#include <linux/err.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <kunit/test.h>

#define TEST_UID	KUIDT_INIT(1000)
#define TEST_GID	KGIDT_INIT(100)
#define TEST_SECID	7
#define NR_SLOTS	4

/*
 * A grandparent and a parent with a pool of it, and some slots
 */

struct pool_fixture {
	struct cgroup_root	*root;
	struct cgroup		*top;
	struct cgroup		*parent;
	struct cgroup		*slots[NR_SLOTS];
	struct cgroup_pool	*pool;
};

static struct cgroup *fake_cgroup(struct kunit *test, struct cgroup *parent,
				  struct cgroup_root *root)
{
	struct cgroup *cgrp, *pos;

	cgrp = kunit_kzalloc(test, sizeof(*cgrp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cgrp);
	cgrp->self.cgroup = cgrp;
	cgrp->self.parent = parent ? &parent->self : NULL;
	cgrp->root = root;
	cgrp->max_descendants = INT_MAX;
	cgrp->max_depth = INT_MAX;
	INIT_LIST_HEAD(&cgrp->pool_node);
	for (pos = parent; pos; pos = cgroup_parent(pos))
		pos->nr_descendants++;
	atomic_inc(&root->nr_cgrps);
	return cgrp;
}

static int pool_test_init(struct kunit *test)
{
	struct pool_fixture *f;
	struct cgroup *pos;
	int i;

	f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f);
	f->root = kunit_kzalloc(test, sizeof(*f->root), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->root);
	f->pool = kunit_kzalloc(test, sizeof(*f->pool), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->pool);

	f->top = fake_cgroup(test, NULL, f->root);
	f->parent = fake_cgroup(test, f->top, f->root);
	for (i = 0; i < NR_SLOTS; i++) {
		f->slots[i] = fake_cgroup(test, f->parent, f->root);
		/* what cgroup_create() does for a slot */
		set_bit(CGRP_POOL_HIDDEN, &f->slots[i]->flags);
		atomic_dec(&f->root->nr_cgrps);
		for (pos = f->parent; pos; pos = cgroup_parent(pos))
			cgroup_pool_count(pos, f->slots[i]);
	}

	cgroup_pool_init_struct(f->pool, f->parent);
	f->parent->pool = f->pool;
	f->pool->uid = TEST_UID;
	f->pool->gid = TEST_GID;
	f->pool->secid = TEST_SECID;
	test->priv = f;
	return 0;
}

static void fill(struct kunit *test, unsigned int nr)
{
	struct pool_fixture *f = test->priv;
	unsigned int i;

	cgroup_pool_set_max(f->pool, nr);
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_TRUE(test, cgroup_pool_push(f->pool, f->slots[i]));
}

static enum cgroup_pool_verdict pop(struct pool_fixture *f, struct cgroup **slot)
{
	*slot = NULL;
	return cgroup_pool_pop(f->pool, TEST_UID, TEST_GID, TEST_SECID, slot);
}

static void pop_of_disabled_pool_is_off(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot;

	spin_lock_irq(&css_set_lock);
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_OFF);
	KUNIT_EXPECT_NULL(test, slot);
	KUNIT_EXPECT_EQ(test, f->pool->stat.miss_empty, 0);
	spin_unlock_irq(&css_set_lock);
}

static void pop_of_empty_pool_is_counted(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot;

	spin_lock_irq(&css_set_lock);
	cgroup_pool_set_max(f->pool, 2);
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_EMPTY);
	KUNIT_EXPECT_NULL(test, slot);
	KUNIT_EXPECT_EQ(test, f->pool->stat.miss_empty, 1);
	KUNIT_EXPECT_EQ(test, f->pool->stat.claims, 0);
	spin_unlock_irq(&css_set_lock);
}

static void each_slot_is_popped_once(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *seen[NR_SLOTS], *slot;
	int i, j;

	spin_lock_irq(&css_set_lock);
	fill(test, NR_SLOTS);
	for (i = 0; i < NR_SLOTS; i++) {
		KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_CLAIM);
		KUNIT_EXPECT_EQ(test, f->pool->nr_free, NR_SLOTS - 1 - i);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, slot, seen[j]);
		seen[i] = slot;
	}
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_EMPTY);
	KUNIT_EXPECT_EQ(test, f->pool->stat.claims, NR_SLOTS);
	KUNIT_EXPECT_EQ(test, f->pool->stat.claimed, NR_SLOTS);
	spin_unlock_irq(&css_set_lock);
}

static void foreign_credentials_miss(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot = NULL;

	spin_lock_irq(&css_set_lock);
	fill(test, 1);
	KUNIT_EXPECT_EQ(test, CGROUP_POOL_MISS_CRED,
			cgroup_pool_pop(f->pool, KUIDT_INIT(1), TEST_GID,
					TEST_SECID, &slot));
	KUNIT_EXPECT_EQ(test, CGROUP_POOL_MISS_CRED,
			cgroup_pool_pop(f->pool, TEST_UID, KGIDT_INIT(1),
					TEST_SECID, &slot));
	KUNIT_EXPECT_EQ(test, CGROUP_POOL_MISS_CRED,
			cgroup_pool_pop(f->pool, TEST_UID, TEST_GID,
					TEST_SECID + 1, &slot));
	KUNIT_EXPECT_NULL(test, slot);
	KUNIT_EXPECT_EQ(test, f->pool->stat.miss_cred, 3);
	KUNIT_EXPECT_EQ(test, f->pool->nr_free, 1);
	spin_unlock_irq(&css_set_lock);
}

static void pool_on_hold_misses(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot;

	spin_lock_irq(&css_set_lock);
	fill(test, 1);
	f->pool->hold++;
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_STALE);
	f->pool->hold--;
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_CLAIM);
	spin_unlock_irq(&css_set_lock);
}

static void users_see_what_was_popped(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	int nr_cgrps = atomic_read(&f->root->nr_cgrps);
	struct cgroup *slot;

	spin_lock_irq(&css_set_lock);
	fill(test, NR_SLOTS);
	KUNIT_EXPECT_EQ(test, cgroup_nr_visible(f->parent), 0);
	KUNIT_EXPECT_EQ(test, cgroup_nr_visible(f->top), 1);

	KUNIT_ASSERT_EQ(test, pop(f, &slot), CGROUP_POOL_CLAIM);
	KUNIT_EXPECT_FALSE(test, cgroup_is_hidden(slot));
	KUNIT_EXPECT_EQ(test, cgroup_nr_visible(f->parent), 1);
	KUNIT_EXPECT_EQ(test, cgroup_nr_visible(f->top), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->root->nr_cgrps), nr_cgrps + 1);

	cgroup_pool_unpop(f->pool, slot);
	KUNIT_EXPECT_TRUE(test, cgroup_is_hidden(slot));
	KUNIT_EXPECT_EQ(test, cgroup_nr_visible(f->parent), 0);
	KUNIT_EXPECT_EQ(test, cgroup_nr_visible(f->top), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->root->nr_cgrps), nr_cgrps);
	KUNIT_EXPECT_EQ(test, f->pool->stat.claimed, 0);
	KUNIT_EXPECT_EQ(test, f->pool->nr_free, NR_SLOTS);
	spin_unlock_irq(&css_set_lock);
}

static void limits_apply_to_what_users_see(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot;

	spin_lock_irq(&css_set_lock);
	fill(test, NR_SLOTS);

	/* the parent itself and one more */
	f->top->max_descendants = 2;
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_CLAIM);
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_LIMIT);
	f->top->max_descendants = INT_MAX;
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_CLAIM);

	f->parent->max_depth = 0;
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_LIMIT);
	f->parent->max_depth = 1;
	f->top->max_depth = 1;
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_LIMIT);
	f->top->max_depth = 2;
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_CLAIM);
	KUNIT_EXPECT_EQ(test, f->pool->stat.miss_limit, 3);
	spin_unlock_irq(&css_set_lock);
}

static void invalidated_slots_are_not_popped(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot, *popped;

	spin_lock_irq(&css_set_lock);
	fill(test, 3);
	KUNIT_ASSERT_EQ(test, pop(f, &popped), CGROUP_POOL_CLAIM);

	cgroup_pool_invalidate(f->pool);
	KUNIT_EXPECT_EQ(test, f->pool->nr_free, 0);
	KUNIT_EXPECT_EQ(test, cgroup_pool_surplus(f->pool), 2);
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_EMPTY);

	/* begun before, ready after it */
	KUNIT_EXPECT_FALSE(test, cgroup_pool_push(f->pool, f->slots[3]));
	KUNIT_EXPECT_EQ(test, f->pool->nr_free, 0);

	/* popped before, to be put back after it */
	cgroup_pool_unpop(f->pool, popped);
	KUNIT_EXPECT_EQ(test, f->pool->nr_free, 0);
	KUNIT_EXPECT_EQ(test, cgroup_pool_surplus(f->pool), 3);
	KUNIT_EXPECT_EQ(test, f->pool->stat.stale, 4);
	spin_unlock_irq(&css_set_lock);
}

static void invalidated_slots_are_replaced(struct kunit *test)
{
	struct pool_fixture *f = test->priv;

	spin_lock_irq(&css_set_lock);
	f->pool->low_set = true;
	fill(test, 2);
	KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 0);
	cgroup_pool_invalidate(f->pool);
	KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 2);
	spin_unlock_irq(&css_set_lock);
}

static void outdated_slot_is_not_put_back(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot;

	spin_lock_irq(&css_set_lock);
	f->pool->low_set = true;
	fill(test, 1);
	KUNIT_ASSERT_EQ(test, pop(f, &slot), CGROUP_POOL_CLAIM);
	/* the last slot is popped: there is none to be dropped */
	cgroup_pool_invalidate(f->pool);
	cgroup_pool_unpop(f->pool, slot);
	KUNIT_EXPECT_EQ(test, f->pool->nr_free, 0);
	KUNIT_EXPECT_EQ(test, cgroup_pool_surplus(f->pool), 1);
	KUNIT_EXPECT_EQ(test, f->pool->stat.miss_stale, 1);
	/* but it is to be replaced nevertheless */
	KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 1);
	spin_unlock_irq(&css_set_lock);
}

static void starved_until_there_are_some(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot;

	spin_lock_irq(&css_set_lock);
	cgroup_pool_set_max(f->pool, NR_SLOTS);
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_EMPTY);
	KUNIT_EXPECT_TRUE(test, f->pool->starved);
	cgroup_pool_push(f->pool, f->slots[0]);
	KUNIT_EXPECT_TRUE(test, f->pool->starved);
	/* low is half of max */
	cgroup_pool_push(f->pool, f->slots[1]);
	KUNIT_EXPECT_FALSE(test, f->pool->starved);
	spin_unlock_irq(&css_set_lock);
}

static void full_pool_is_not_starved(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *slot;

	spin_lock_irq(&css_set_lock);
	cgroup_pool_set_max(f->pool, NR_SLOTS);
	/* more than there will ever be */
	f->pool->low = 2 * NR_SLOTS;
	f->pool->low_set = true;
	KUNIT_EXPECT_EQ(test, pop(f, &slot), CGROUP_POOL_MISS_EMPTY);
	KUNIT_EXPECT_TRUE(test, f->pool->starved);
	fill(test, NR_SLOTS);
	KUNIT_EXPECT_FALSE(test, f->pool->starved);
	spin_unlock_irq(&css_set_lock);
}

static void only_old_slots_are_outdated(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	struct cgroup *old, *slot;

	cgroup_lock();
	spin_lock_irq(&css_set_lock);
	fill(test, 2);
	KUNIT_EXPECT_EQ(test, pop(f, &old), CGROUP_POOL_CLAIM);
	slot = list_first_entry(&f->pool->free, struct cgroup, pool_node);
	KUNIT_EXPECT_FALSE(test, cgroup_pool_outdated(slot));
	cgroup_pool_invalidate(f->pool);
	KUNIT_EXPECT_TRUE(test, cgroup_pool_outdated(slot));
	/* a user has got this one */
	KUNIT_EXPECT_FALSE(test, cgroup_pool_outdated(old));
	KUNIT_EXPECT_FALSE(test, cgroup_pool_outdated(f->parent));
	spin_unlock_irq(&css_set_lock);
	cgroup_unlock();
}

static void low_follows_max_until_it_is_set(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	static const struct {
		unsigned int max, low;
	} cases[] = {
		{ 0, 0 }, { 1, 1 }, { 2, 1 }, { 3, 2 }, { 256, 128 },
		{ 16384, 8192 },
	};
	int i;

	spin_lock_irq(&css_set_lock);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		cgroup_pool_set_max(f->pool, cases[i].max);
		KUNIT_EXPECT_EQ(test, cgroup_pool_low(f->pool), cases[i].low);
	}
	f->pool->low_set = true;
	f->pool->low = 5;
	cgroup_pool_set_max(f->pool, 2);
	KUNIT_EXPECT_EQ(test, cgroup_pool_low(f->pool), 5);
	spin_unlock_irq(&css_set_lock);
}

static void filling_stops_at_max(struct kunit *test)
{
	struct pool_fixture *f = test->priv;
	int i;

	spin_lock_irq(&css_set_lock);
	KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 0);
	cgroup_pool_set_max(f->pool, 3);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 3 - i);
		cgroup_pool_push(f->pool, f->slots[i]);
	}
	KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 0);
	KUNIT_EXPECT_FALSE(test, f->pool->filling);

	f->pool->filling = true;
	f->pool->nr_free = 1;
	KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 2);
	f->pool->hold = 1;
	KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 0);
	spin_unlock_irq(&css_set_lock);
}

static void shrinking_leaves_a_surplus(struct kunit *test)
{
	struct pool_fixture *f = test->priv;

	spin_lock_irq(&css_set_lock);
	fill(test, NR_SLOTS);
	KUNIT_EXPECT_EQ(test, cgroup_pool_surplus(f->pool), 0);
	cgroup_pool_set_max(f->pool, 1);
	KUNIT_EXPECT_EQ(test, cgroup_pool_surplus(f->pool), NR_SLOTS - 1);
	cgroup_pool_set_max(f->pool, 0);
	KUNIT_EXPECT_EQ(test, cgroup_pool_surplus(f->pool), NR_SLOTS);
	KUNIT_EXPECT_EQ(test, cgroup_pool_missing(f->pool), 0);
	spin_unlock_irq(&css_set_lock);
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(pop_of_disabled_pool_is_off),
	KUNIT_CASE(pop_of_empty_pool_is_counted),
	KUNIT_CASE(each_slot_is_popped_once),
	KUNIT_CASE(foreign_credentials_miss),
	KUNIT_CASE(pool_on_hold_misses),
	KUNIT_CASE(users_see_what_was_popped),
	KUNIT_CASE(limits_apply_to_what_users_see),
	KUNIT_CASE(invalidated_slots_are_not_popped),
	KUNIT_CASE(invalidated_slots_are_replaced),
	KUNIT_CASE(outdated_slot_is_not_put_back),
	KUNIT_CASE(starved_until_there_are_some),
	KUNIT_CASE(full_pool_is_not_starved),
	KUNIT_CASE(only_old_slots_are_outdated),
	KUNIT_CASE(low_follows_max_until_it_is_set),
	KUNIT_CASE(filling_stops_at_max),
	KUNIT_CASE(shrinking_leaves_a_surplus),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "cgroup_pool",
	.init = pool_test_init,
	.test_cases = pool_cases,
};

/*
 * A kernfs hierarchy like those of cgroups, with a directory "parent" and a
 * detached directory with an active subdirectory "inside" for it
 */

struct publish_fixture {
	struct kernfs_root	*root;
	struct kernfs_node	*parent;
	struct kernfs_node	*kn;
	struct kernfs_node	*inside;
};

static int publish_test_init(struct kunit *test)
{
	struct publish_fixture *f;

	f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;

	f->root = kernfs_create_root(NULL, KERNFS_ROOT_CREATE_DEACTIVATED, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->root);
	f->parent = kernfs_create_dir_ns(kernfs_root_to_node(f->root), "parent",
					 0755, GLOBAL_ROOT_UID, GLOBAL_ROOT_GID,
					 NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->parent));
	kernfs_activate(f->parent);

	f->kn = kernfs_create_detached_dir(f->parent, 0700, GLOBAL_ROOT_UID,
					   GLOBAL_ROOT_GID, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->kn));
	f->inside = kernfs_create_dir_ns(f->kn, "inside", 0755, GLOBAL_ROOT_UID,
					 GLOBAL_ROOT_GID, NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->inside));
	kernfs_activate(f->kn);
	return 0;
}

static void publish_test_exit(struct kunit *test)
{
	struct publish_fixture *f = test->priv;

	if (!f || IS_ERR_OR_NULL(f->root))
		return;
	/* a detached directory isn't found from above */
	if (!IS_ERR_OR_NULL(f->kn))
		kernfs_remove(f->kn);
	kernfs_destroy_root(f->root);
}

static int publish(struct publish_fixture *f, const char *name)
{
	return kernfs_publish(f->kn, name, 0755, GLOBAL_ROOT_UID,
			      GLOBAL_ROOT_GID);
}

static bool exists(struct kernfs_node *parent, const char *name)
{
	struct kernfs_node *kn = kernfs_find_and_get(parent, name);

	kernfs_put(kn);
	return kn;
}

static bool has_id(struct publish_fixture *f, struct kernfs_node *node)
{
	struct kernfs_node *kn = kernfs_find_and_get_node_by_id(f->root,
								node->id);

	kernfs_put(kn);
	return kn;
}

static void detached_is_invisible(struct kunit *test)
{
	struct publish_fixture *f = test->priv;
	unsigned long rev = f->parent->dir.rev;

	KUNIT_EXPECT_EQ(test, f->parent->dir.subdirs, 0);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&f->parent->dir.children));
	KUNIT_EXPECT_FALSE(test, exists(f->parent, f->kn->name));
	KUNIT_EXPECT_FALSE(test, has_id(f, f->kn));
	/* active but not to be found by its id */
	KUNIT_EXPECT_GE(test, atomic_read(&f->inside->active), 0);
	KUNIT_EXPECT_FALSE(test, has_id(f, f->inside));

	kernfs_activate(f->parent);
	kernfs_activate(f->kn);
	KUNIT_EXPECT_LT(test, atomic_read(&f->kn->active), 0);
	KUNIT_EXPECT_EQ(test, f->parent->dir.rev, rev);
}

static void publish_makes_visible(struct kunit *test)
{
	struct publish_fixture *f = test->priv;
	unsigned long rev = f->parent->dir.rev;
	char name[] = "name";

	KUNIT_ASSERT_EQ(test, publish(f, name), 0);
	/* the name is copied */
	name[0] = 'X';
	KUNIT_EXPECT_STREQ(test, f->kn->name, "name");
	KUNIT_EXPECT_EQ(test, f->kn->mode, S_IFDIR | 0755);
	KUNIT_EXPECT_EQ(test, f->parent->dir.subdirs, 1);
	/* negative dentries are looked up again */
	KUNIT_EXPECT_NE(test, f->parent->dir.rev, rev);
	KUNIT_EXPECT_TRUE(test, exists(f->parent, "name"));
	KUNIT_EXPECT_TRUE(test, has_id(f, f->kn));
	KUNIT_EXPECT_TRUE(test, has_id(f, f->inside));
	KUNIT_EXPECT_GE(test, atomic_read(&f->kn->active), 0);
}

static void publish_refuses_taken_name(struct kunit *test)
{
	struct publish_fixture *f = test->priv;
	struct kernfs_node *other;

	/* lookup doesn't find it as it isn't active */
	other = kernfs_create_dir_ns(f->parent, "name", 0755, GLOBAL_ROOT_UID,
				     GLOBAL_ROOT_GID, NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, publish(f, "name"), -EEXIST);
	KUNIT_EXPECT_FALSE(test, has_id(f, f->kn));
	KUNIT_EXPECT_EQ(test, f->parent->dir.subdirs, 1);

	KUNIT_EXPECT_EQ(test, publish(f, "another"), 0);
	KUNIT_EXPECT_EQ(test, f->parent->dir.subdirs, 2);
}

static void publish_refuses_other_owner(struct kunit *test)
{
	struct publish_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, -ESTALE,
			kernfs_publish(f->kn, "name", 0755, TEST_UID,
				       GLOBAL_ROOT_GID));
	KUNIT_EXPECT_EQ(test, -ESTALE,
			kernfs_publish(f->kn, "name", 0755, GLOBAL_ROOT_UID,
				       TEST_GID));
	/* a new directory would get the set-group-ID bit now */
	f->parent->mode |= S_ISGID;
	KUNIT_EXPECT_EQ(test, publish(f, "name"), -ESTALE);
	f->parent->mode &= ~S_ISGID;
	KUNIT_EXPECT_FALSE(test, exists(f->parent, "name"));
	KUNIT_EXPECT_EQ(test, publish(f, "name"), 0);
}

static void publish_fails_in_removed_parent(struct kunit *test)
{
	struct publish_fixture *f = test->priv;

	kernfs_get(f->parent);
	kernfs_remove(f->parent);
	KUNIT_EXPECT_EQ(test, publish(f, "name"), -ENOENT);
	kernfs_put(f->parent);
}

static void removed_detached_is_freed(struct kunit *test)
{
	struct publish_fixture *f = test->priv;
	unsigned long rev = f->parent->dir.rev;
	int parent_refs = atomic_read(&f->parent->count);

	kernfs_get(f->kn);
	kernfs_remove(f->kn);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->kn->count), 1);
	KUNIT_EXPECT_EQ(test, publish(f, "name"), -ENOENT);
	KUNIT_EXPECT_EQ(test, f->parent->dir.rev, rev);
	kernfs_put(f->kn);
	f->kn = NULL;
	KUNIT_EXPECT_EQ(test, atomic_read(&f->parent->count), parent_refs - 1);
}

static struct kunit_case publish_cases[] = {
	KUNIT_CASE(detached_is_invisible),
	KUNIT_CASE(publish_makes_visible),
	KUNIT_CASE(publish_refuses_taken_name),
	KUNIT_CASE(publish_refuses_other_owner),
	KUNIT_CASE(publish_fails_in_removed_parent),
	KUNIT_CASE(removed_detached_is_freed),
	{}
};

static struct kunit_suite publish_suite = {
	.name = "kernfs_publish",
	.init = publish_test_init,
	.exit = publish_test_exit,
	.test_cases = publish_cases,
};

kunit_test_suites(&pool_suite, &publish_suite);
