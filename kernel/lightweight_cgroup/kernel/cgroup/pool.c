// SPDX-License-Identifier: GPL-2.0
/*
 * Pools of ready-made cgroups
 *
 * A cgroup whose "cgroup.pool.max" isn't zero is pooled: it keeps that many
 * ready-made children, called slots, out of sight.  mkdir(2) below it publishes
 * a slot under the name that it was asked for instead of making a new cgroup.
 *
 * What is guaranteed
 *
 *   A claimed slot is what mkdir(2) would have made at that moment.  Where that
 *   isn't certain, e.g. because somebody else than the owner of the pooled
 *   directory asks, mkdir(2) misses the pool, which means that it goes the
 *   ordinary way.  A miss is counted but is never an error.
 *
 *   Each slot is claimed once.  rmdir(2) of a claimed cgroup is the ordinary
 *   one, nothing a user has touched comes back.
 *
 *   Users can't tell that there are slots: they aren't in directories, their
 *   link counts and file handles, nor in /proc/cgroups, cgroup.stat and what
 *   cgroup.max.descendants limits.
 *
 *   Claims don't take cgroup_mutex.
 *
 * What isn't
 *
 *   That there is a free slot, or when there will be one: they are made one at
 *   a time by a worker which goes out of the way of others.  With a nested pool
 *   (cgroup.pool.nest) a claimed cgroup differs from a new one in that it comes
 *   with its parent's subtree_control and a pool of its own.
 *
 * The life of a slot
 *
 *	           cgroup_pool_push()          cgroup_pool_pop()  kernfs_publish()
 *	BUILDING ---------------------> FREE ----------> POPPED ----------> CLAIMED
 *	   |                            |  ^               |
 *	   | outdated, failed           |  +---------------+ cgroup_pool_unpop()
 *	   v              invalidated,  v                  |
 *	 dying <------------------- on ->stale <-----------+ outdated
 *	            surplus, rmdir(2)
 *
 *   CGRP_POOL_HIDDEN is set from before a slot is linked anywhere until it is
 *   popped, and stays set on one which is never claimed.
 *
 * Where slots live
 *
 *   A slot is an ordinary child of the pooled cgroup in all respects but one:
 *   its directory is detached, see kernfs_create_detached_dir().  Whatever
 *   walks css's sees it, so changes of limits, freezer state, BPF programs and
 *   CPU or memory hotplug reach slots as they reach any other empty child.
 *   ->nr_descendants and the likes count slots; ->nr_hidden says how many they
 *   are.  Dying csses of slots aren't counted in ->nr_dying_*.
 *
 *   State which is only copied from the parent when a child is made can become
 *   outdated.  cgroup v2 has none but who owns the files of a controller which
 *   is enabled later: changing subtree_control renews the pool.  v1 controllers
 *   copy many settings, so that any write to a file of a pooled v1 cgroup which
 *   isn't known to be harmless invalidates its slots.  cgroup_pool_hold() keeps
 *   claims away during such a write: slots popped before are real children for
 *   it, and no other slot comes to the light with the state from before.  The
 *   CPUs and memory nodes of a v1 cpuset would be in the way of others: a slot
 *   has none until it is popped.
 *
 * Locking
 *
 *   cgroup_mutex makes and destroys slots, installs cgroup->pool, and protects
 *   pool->cred.  css_set_lock, nested inside, protects everything else in the
 *   pool, ->nr_hidden, and the change from free to popped and back.  That is
 *   the lock which protects ->nr_descendants, so cgroup.max.descendants can't be
 *   exceeded by a claim; cgroup_pool_overcommitted() makes the same true for a
 *   mkdir(2) which misses and is overtaken by claims elsewhere.
 *
 *   A claim runs with the parent's directory locked by the VFS and an active
 *   reference to its kernfs_node, so that the parent and its pool stay.
 *   kernfs_publish() takes kernfs_rwsem, never under css_set_lock.
 *
 *   Files may be added to a slot while it is popped but not yet where
 *   kernfs_activate() of an ancestor can find it.  Who adds files increments
 *   cgroup_pool_layout (files of all cgroups) or ->gen (subtree_control of the
 *   parent) before kernfs_activate(), who publishes compares them after
 *   kernfs_publish().  As both take kernfs_rwsem, either the former finds the
 *   slot or the latter sees the new value and activates the files itself.
 *
 * Lifetime
 *
 *   The pool belongs to its cgroup and goes with it in css_free_rwork_fn().
 *   Pending work holds a reference on the cgroup.  rmdir(2) of a pooled cgroup
 *   destroys its slots first unless it will fail anyway.
 */
#include "cgroup-internal.h"

#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/uidgid.h>
#include <kunit/visibility.h>
#include <trace/events/cgroup.h>

#define CREATE_TRACE_POINTS
#include <trace/events/cgroup_pool.h>

/* limits of cgroup.pool.max and cgroup.pool.nest */
#define CGROUP_POOL_MAX_MAX		4096
#define CGROUP_POOL_NEST_MAX		16

/*
 * Free slots in a hierarchy, all pools together.  Memory cgroups have ids of 16
 * bits, leave most of them to users.
 */
#define CGROUP_POOL_TOTAL_MAX		16384

/* slots made or destroyed before the next pool has its turn */
#define CGROUP_POOL_BATCH		32

/* cgroups destroyed by rmdir(2) before others get cgroup_mutex */
#define CGROUP_POOL_RMDIR_BATCH		16

/* tries to get cgroup_mutex, 2, 4, ... ms apart, before an empty pool queues */
#define CGROUP_POOL_BUSY_MAX		4

/* range of the delay, in ms, after making a slot has failed */
#define CGROUP_POOL_FAIL_DELAY_MIN	10
#define CGROUP_POOL_FAIL_DELAY_MAX	1000

/* jiffies between attempts to reclaim for a pool which fails all the time */
#define CGROUP_POOL_RECLAIM_INTERVAL	(30 * HZ)

/*
 * Time in us which a waiter for cgroup_mutex has to wake up and take it between
 * two slots.
 */
#define CGROUP_POOL_PAUSE_MIN		20
#define CGROUP_POOL_PAUSE_MAX		50

/*
 * Pages to be free below the limits of memory before a slot is made, more than
 * it takes.  Nobody is to be throttled or killed for what nobody has asked for.
 */
#define CGROUP_POOL_HEADROOM		(64 + num_possible_cpus())

/* one worker for all pools, it would be of no use to have them fight */
static struct workqueue_struct *cgroup_pool_wq;

/* incremented under cgroup_mutex, see "Locking" */
static unsigned int cgroup_pool_layout;

static struct cftype cgroup_pool_files[];

static void cgroup_pool_workfn(struct work_struct *work);

static struct cgroup_pool *cgroup_pool_of(struct cgroup *cgrp)
{
	/* pairs with smp_store_release() in cgroup_pool_create() */
	return smp_load_acquire(&cgrp->pool);
}

static const char *cgroup_pool_verdict_name(enum cgroup_pool_verdict verdict)
{
	switch (verdict) {
	case CGROUP_POOL_MISS_EMPTY:
		return "empty";
	case CGROUP_POOL_MISS_CRED:
		return "cred";
	case CGROUP_POOL_MISS_STALE:
		return "stale";
	case CGROUP_POOL_MISS_LIMIT:
		return "limit";
	default:
		return "none";
	}
}

/*
 * Accounting.  css_set_lock is held throughout.
 */

/* how low is "low" */
VISIBLE_IF_KUNIT
unsigned int cgroup_pool_low(const struct cgroup_pool *pool)
{
	return pool->low_set ? pool->low : DIV_ROUND_UP(pool->max, 2);
}

/* how many slots are to be made */
VISIBLE_IF_KUNIT
unsigned int cgroup_pool_missing(const struct cgroup_pool *pool)
{
	lockdep_assert_held(&css_set_lock);

	if (pool->hold || !pool->filling || pool->nr_free >= pool->max)
		return 0;
	return pool->max - pool->nr_free;
}

/* how many slots are to be destroyed */
VISIBLE_IF_KUNIT
unsigned int cgroup_pool_surplus(const struct cgroup_pool *pool)
{
	lockdep_assert_held(&css_set_lock);

	return pool->nr_stale +
	       (pool->nr_free > pool->max ? pool->nr_free - pool->max : 0);
}

static bool cgroup_pool_is_low(const struct cgroup_pool *pool)
{
	return pool->max && pool->nr_free < cgroup_pool_low(pool);
}

/*
 * The number of slots or what is wanted of it has changed: start or stop
 * filling and find out whether "cgroup.pool.events" has changed.
 */
static bool cgroup_pool_adjust(struct cgroup_pool *pool)
{
	bool low = cgroup_pool_is_low(pool);
	bool changed = low != pool->was_low;

	lockdep_assert_held(&css_set_lock);

	pool->was_low = low;
	if (pool->nr_free >= pool->max)
		pool->filling = false;
	else if (low)
		pool->filling = true;
	return changed;
}

/* would a child of @parent exceed a limit of it or of an ancestor? */
static bool cgroup_pool_limited(struct cgroup *parent)
{
	struct cgroup *cgrp;
	int level = 0;

	for (cgrp = parent; cgrp; cgrp = cgroup_parent(cgrp), level++)
		if (level >= READ_ONCE(cgrp->max_depth) ||
		    cgroup_nr_visible(cgrp) >= READ_ONCE(cgrp->max_descendants))
			return true;
	return false;
}

/*
 * Is there room for another slot of @parent with @nest slots inside?  What can't
 * be claimed needn't be made, and pools don't get around the limits on cgroups:
 * slots are counted here.
 */
static bool cgroup_pool_has_room(struct cgroup *parent, unsigned int nest)
{
	int level = nest ? 1 : 0;
	struct cgroup *cgrp;

	lockdep_assert_held(&cgroup_mutex);

	for (cgrp = parent; cgrp; cgrp = cgroup_parent(cgrp), level++) {
		if (level >= cgrp->max_depth)
			return false;
		if (cgrp->nr_descendants >= cgrp->max_descendants ||
		    nest >= cgrp->max_descendants - cgrp->nr_descendants)
			return false;
		if (!cgroup_parent(cgrp) &&
		    READ_ONCE(cgrp->nr_hidden) + nest >= CGROUP_POOL_TOTAL_MAX)
			return false;
	}
	return true;
}

/* flip @slot between being one of the pool and being one of the users' */
static void cgroup_pool_set_hidden(struct cgroup *slot, bool hidden)
{
	struct cgroup *cgrp;

	lockdep_assert_held(&css_set_lock);

	for (cgrp = cgroup_parent(slot); cgrp; cgrp = cgroup_parent(cgrp))
		cgrp->nr_hidden += hidden ? 1 : -1;

	if (hidden) {
		atomic_dec(&slot->root->nr_cgrps);
		clear_bit(CGRP_POOL_CLAIMED, &slot->flags);
		set_bit(CGRP_POOL_HIDDEN, &slot->flags);
	} else {
		atomic_inc(&slot->root->nr_cgrps);
		clear_bit(CGRP_POOL_HIDDEN, &slot->flags);
		set_bit(CGRP_POOL_CLAIMED, &slot->flags);
	}
}

/**
 * cgroup_pool_pop - take a free slot
 * @pool: the pool
 * @uid: fsuid of who takes it
 * @gid: fsgid of who takes it
 * @secid: LSM label of who takes it
 * @slotp: where to put the slot
 *
 * Counts what comes out.
 *
 * Context: css_set_lock is held.
 * Return: CGROUP_POOL_CLAIM and *@slotp, which counts as a child made by a user
 *	   from here on, or why not.
 */
VISIBLE_IF_KUNIT
enum cgroup_pool_verdict cgroup_pool_pop(struct cgroup_pool *pool, kuid_t uid,
					 kgid_t gid, u32 secid,
					 struct cgroup **slotp)
{
	struct cgroup *slot;

	lockdep_assert_held(&css_set_lock);

	if (!pool->max)
		return CGROUP_POOL_OFF;

	if (!uid_eq(uid, pool->uid) || !gid_eq(gid, pool->gid) ||
	    secid != pool->secid) {
		pool->stat.miss_cred++;
		return CGROUP_POOL_MISS_CRED;
	}

	if (pool->hold) {
		pool->stat.miss_stale++;
		return CGROUP_POOL_MISS_STALE;
	}

	if (cgroup_pool_limited(pool->cgrp)) {
		pool->stat.miss_limit++;
		return CGROUP_POOL_MISS_LIMIT;
	}

	if (list_empty(&pool->free)) {
		pool->starved = true;
		pool->stat.miss_empty++;
		return CGROUP_POOL_MISS_EMPTY;
	}

	slot = list_first_entry(&pool->free, struct cgroup, pool_node);
	list_del_init(&slot->pool_node);
	pool->nr_free--;
	cgroup_pool_set_hidden(slot, false);
	pool->stat.claims++;
	pool->stat.claimed++;
	*slotp = slot;
	return CGROUP_POOL_CLAIM;
}

/**
 * cgroup_pool_unpop - undo cgroup_pool_pop()
 * @pool: the pool
 * @slot: the slot, not published
 *
 * Context: css_set_lock is held.
 */
VISIBLE_IF_KUNIT
void cgroup_pool_unpop(struct cgroup_pool *pool, struct cgroup *slot)
{
	lockdep_assert_held(&css_set_lock);

	cgroup_pool_set_hidden(slot, true);
	pool->stat.claims--;
	pool->stat.claimed--;
	pool->stat.miss_stale++;

	if (slot->pool_gen != pool->gen) {
		list_add_tail(&slot->pool_node, &pool->stale);
		pool->nr_stale++;
		pool->stat.stale++;
		pool->filling = true;
	} else {
		list_add(&slot->pool_node, &pool->free);
		pool->nr_free++;
	}
}

/**
 * cgroup_pool_push - a slot is ready
 * @pool: the pool
 * @slot: the slot
 *
 * Context: css_set_lock is held.
 * Return: %false if it is outdated already and to be destroyed.
 */
VISIBLE_IF_KUNIT
bool cgroup_pool_push(struct cgroup_pool *pool, struct cgroup *slot)
{
	lockdep_assert_held(&css_set_lock);

	pool->stat.created++;
	if (slot->pool_gen != pool->gen) {
		pool->stat.stale++;
		return false;
	}

	/* the latest one is what caches have most of */
	list_add(&slot->pool_node, &pool->free);
	pool->nr_free++;
	if (pool->nr_free >= pool->max)
		pool->filling = false;
	if (!cgroup_pool_is_low(pool) ||
	    pool->nr_free >= min_t(unsigned int, pool->max, CGROUP_POOL_BATCH))
		pool->starved = false;
	return true;
}

/**
 * cgroup_pool_invalidate - let nobody have a slot which there is now
 * @pool: the pool
 *
 * They are replaced even if the pool isn't to be filled up otherwise.
 *
 * Context: css_set_lock is held.
 */
VISIBLE_IF_KUNIT
void cgroup_pool_invalidate(struct cgroup_pool *pool)
{
	lockdep_assert_held(&css_set_lock);

	WRITE_ONCE(pool->gen, pool->gen + 1);
	if (pool->nr_free)
		pool->filling = true;
	list_splice_tail_init(&pool->free, &pool->stale);
	pool->nr_stale += pool->nr_free;
	pool->stat.stale += pool->nr_free;
	pool->nr_free = 0;
}

/**
 * cgroup_pool_set_max - set how many free slots there should be
 * @pool: the pool
 * @max: the number of slots, zero turns the pool off
 *
 * Context: css_set_lock is held.
 */
VISIBLE_IF_KUNIT
void cgroup_pool_set_max(struct cgroup_pool *pool, unsigned int max)
{
	lockdep_assert_held(&css_set_lock);

	pool->max = max;
	pool->filling = pool->nr_free < max;
}

/* take a slot which is to be destroyed: a surplus one or, with @any, any */
static struct cgroup *cgroup_pool_take(struct cgroup_pool *pool, bool any)
{
	struct cgroup *slot = NULL;

	spin_lock_irq(&css_set_lock);
	if (pool->nr_stale) {
		slot = list_first_entry(&pool->stale, struct cgroup, pool_node);
		pool->nr_stale--;
	} else if (pool->nr_free > (any ? 0 : pool->max)) {
		slot = list_last_entry(&pool->free, struct cgroup, pool_node);
		pool->nr_free--;
	}
	if (slot) {
		list_del_init(&slot->pool_node);
		pool->stat.destroyed++;
	}
	spin_unlock_irq(&css_set_lock);
	return slot;
}

/*
 * Events and the worker's wake-up.
 */

static void cgroup_pool_notify(struct cgroup_pool *pool)
{
	struct kernfs_node *kn = READ_ONCE(pool->events_kn);

	if (kn)
		kernfs_notify(kn);
}

/*
 * Have the worker look at @pool, which must be alive.  A kick which meets
 * cgroup_pool_kick_later() half-way comes late, after the delay of the latter.
 */
static void cgroup_pool_kick(struct cgroup_pool *pool)
{
	cgroup_get(pool->cgrp);
	if (queue_delayed_work(cgroup_pool_wq, &pool->work, 0))
		return;
	/* what is queued already mustn't lose its place in the queue */
	if (timer_pending(&pool->work.timer) &&
	    !mod_delayed_work(cgroup_pool_wq, &pool->work, 0))
		return;
	cgroup_put(pool->cgrp);
}

/* the same in @delay ms, or earlier if somebody else wants that */
static void cgroup_pool_kick_later(struct cgroup_pool *pool, unsigned int delay)
{
	cgroup_get(pool->cgrp);
	if (!queue_delayed_work(cgroup_pool_wq, &pool->work,
				msecs_to_jiffies(delay)))
		cgroup_put(pool->cgrp);
}

/*
 * What is wanted of @pool has been changed with css_set_lock held: release it,
 * tell who polls, and have the worker look.
 */
static void cgroup_pool_unlock_changed(struct cgroup_pool *pool)
	__releases(&css_set_lock)
{
	bool changed = cgroup_pool_adjust(pool);

	spin_unlock_irq(&css_set_lock);

	if (changed)
		cgroup_pool_notify(pool);
	cgroup_pool_kick(pool);
}

/* have all slots replaced */
static void cgroup_pool_renew(struct cgroup_pool *pool)
{
	spin_lock_irq(&css_set_lock);
	cgroup_pool_invalidate(pool);
	cgroup_pool_unlock_changed(pool);
}

/*
 * Making and destroying slots.  cgroup_mutex is held throughout.
 */

VISIBLE_IF_KUNIT
void cgroup_pool_init_struct(struct cgroup_pool *pool, struct cgroup *cgrp)
{
	pool->cgrp = cgrp;
	INIT_DELAYED_WORK(&pool->work, cgroup_pool_workfn);
	INIT_LIST_HEAD(&pool->free);
	INIT_LIST_HEAD(&pool->stale);
	pool->checked = jiffies - HZ;
}

/* the other files come with the first write to "cgroup.pool.max" */
static int cgroup_pool_add_files(struct cgroup_pool *pool)
{
	struct cgroup *cgrp = pool->cgrp;
	struct kernfs_node *kn;
	struct cftype *cft;
	int ret;

	if (pool->events_kn)
		return 0;

	ret = cgroup_addrm_files(&cgrp->self, cgrp, cgroup_pool_files, true);
	if (ret)
		return ret;

	/* not all of @cgrp, which may have many children */
	for (cft = cgroup_pool_files; cft->name[0] != '\0'; cft++) {
		kn = kernfs_find_and_get(cgrp->kn, cft->name);
		if (WARN_ON_ONCE(!kn))
			continue;
		kernfs_activate(kn);
		kernfs_put(kn);
	}

	WRITE_ONCE(pool->events_kn,
		   kernfs_find_and_get(cgrp->kn, "cgroup.pool.events"));
	return 0;
}

/*
 * Have slots made for the owner of the directory, on behalf of @cred: those who
 * may create children in it aren't always those who may set up the pool.
 */
static int cgroup_pool_set_cred(struct cgroup_pool *pool,
				const struct cred *cred)
{
	const struct cred *old;
	struct cred *new;
	u32 secid;

	lockdep_assert_held(&cgroup_mutex);

	/* ask for the label the way claims do, LSMs needn't agree otherwise */
	old = override_creds(cred);
	new = prepare_creds();
	security_current_getsecid_subj(&secid);
	revert_creds(old);
	if (!new)
		return -ENOMEM;

	kernfs_get_owner(pool->cgrp->kn, &new->fsuid, &new->fsgid);

	spin_lock_irq(&css_set_lock);
	if (!uid_eq(pool->uid, new->fsuid) || !gid_eq(pool->gid, new->fsgid) ||
	    pool->secid != secid) {
		cgroup_pool_invalidate(pool);
		pool->uid = new->fsuid;
		pool->gid = new->fsgid;
		pool->secid = secid;
	}
	pool->check_owner = false;
	spin_unlock_irq(&css_set_lock);

	if (pool->cred)
		put_cred(pool->cred);
	pool->cred = new;
	return 0;
}

/* give @cgrp, which has none, a pool which is off */
static struct cgroup_pool *cgroup_pool_create(struct cgroup *cgrp,
					      const struct cred *cred)
{
	struct cgroup_pool *pool;
	int ret;

	lockdep_assert_held(&cgroup_mutex);

	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);

	cgroup_pool_init_struct(pool, cgrp);
	ret = cgroup_pool_set_cred(pool, cred);
	if (ret)
		goto err_free;

	/* pairs with smp_load_acquire() in cgroup_pool_of() */
	smp_store_release(&cgrp->pool, pool);
	return pool;

err_free:
	kfree(pool);
	return ERR_PTR(ret);
}

/* returns the number of cgroups destroyed */
static unsigned int cgroup_pool_destroy_slot(struct cgroup *slot)
{
	struct cgroup *inner;
	unsigned int nr = 1;

	lockdep_assert_held(&cgroup_mutex);

	if (slot->pool) {
		while ((inner = cgroup_pool_take(slot->pool, true))) {
			WARN_ON_ONCE(cgroup_destroy_locked(inner));
			nr++;
		}
	}
	WARN_ON_ONCE(cgroup_destroy_locked(slot));
	return nr;
}

static int cgroup_pool_make_slot(struct cgroup_pool *pool);

/* let the new @slot have what @parent has: controllers and @nest slots */
static int cgroup_pool_nest(struct cgroup *slot, const struct cred *cred,
			    unsigned int nest)
{
	u16 control = cgroup_parent(slot)->subtree_control;
	struct cgroup_pool *pool;
	int ret;

	if (cgroup_on_dfl(slot) &&
	    !cgroup_vet_subtree_control_enable(slot, control)) {
		slot->subtree_control = control;
		cgroup_propagate_control(slot);
	}

	pool = cgroup_pool_create(slot, cred);
	if (IS_ERR(pool))
		return PTR_ERR(pool);

	ret = cgroup_pool_add_files(pool);
	if (ret)
		return ret;

	/* these are for the pod's start, more of them wait for a write */
	spin_lock_irq(&css_set_lock);
	pool->low = 0;
	pool->low_set = true;
	cgroup_pool_set_max(pool, nest);
	spin_unlock_irq(&css_set_lock);

	while (nest-- && !ret)
		ret = cgroup_pool_make_slot(pool);
	return ret;
}

/* make one slot and push it */
static int cgroup_pool_make_slot(struct cgroup_pool *pool)
{
	struct cgroup *slot;
	unsigned int nest;
	bool pushed;
	int ret;

	lockdep_assert_held(&cgroup_mutex);

	slot = cgroup_create(pool->cgrp, NULL, 0755);
	if (IS_ERR(slot))
		return PTR_ERR(slot);

	/* put in css_free_rwork_fn() */
	kernfs_get(slot->kn);

	spin_lock_irq(&css_set_lock);
	pool->stat.building++;
	nest = pool->nest;
	spin_unlock_irq(&css_set_lock);

	ret = css_populate_dir(&slot->self);
	if (!ret)
		ret = cgroup_apply_control_enable(slot);
	if (!ret && nest)
		ret = cgroup_pool_nest(slot, pool->cred, nest);
	if (!ret)
		kernfs_activate(slot->kn);

	spin_lock_irq(&css_set_lock);
	pool->stat.building--;
	pushed = !ret && cgroup_pool_push(pool, slot);
	if (!ret && !pushed)
		pool->stat.destroyed++;
	spin_unlock_irq(&css_set_lock);

	if (!pushed)
		cgroup_pool_destroy_slot(slot);
	return ret;
}

#ifdef CONFIG_MEMCG
static struct mem_cgroup *cgroup_pool_charge_to(struct cgroup *cgrp,
						struct cgroup_subsys_state **css)
{
	*css = cgroup_get_e_css(cgrp, &memory_cgrp_subsys);
	return mem_cgroup_from_css(*css);
}

static bool cgroup_pool_is_short(struct mem_cgroup *memcg,
				 unsigned long nr_pages)
{
	unsigned long limit = min(READ_ONCE(memcg->memory.max),
				  READ_ONCE(memcg->memory.high));

	if (page_counter_read(&memcg->memory) + nr_pages > limit)
		return true;

	return !cgroup_subsys_on_dfl(memory_cgrp_subsys) &&
	       page_counter_read(&memcg->memsw) + nr_pages >
	       READ_ONCE(memcg->memsw.max);
}

/*
 * Can @nr_pages be charged to @memcg without anybody being throttled or killed?
 * With @reclaim, cold page cache goes for it; better not under cgroup_mutex.
 *
 * All pools share one worker: it mustn't wait for the writeback of one of them,
 * which on v1 reclaim does unless told that it can't enter filesystems.
 */
static bool cgroup_pool_has_headroom(struct mem_cgroup *memcg,
				     unsigned long nr_pages, bool reclaim)
{
	for (; memcg && !mem_cgroup_is_root(memcg);
	     memcg = parent_mem_cgroup(memcg)) {
		if (!cgroup_pool_is_short(memcg, nr_pages))
			continue;
		/* what is much of the limit is wanted more by others */
		if (reclaim && nr_pages < READ_ONCE(memcg->memory.max) / 2)
			try_to_free_mem_cgroup_pages(memcg, nr_pages,
						     GFP_NOFS, 0, NULL);
		if (cgroup_pool_is_short(memcg, nr_pages))
			return false;
	}
	return true;
}
#else
static struct mem_cgroup *cgroup_pool_charge_to(struct cgroup *cgrp,
						struct cgroup_subsys_state **css)
{
	*css = NULL;
	return NULL;
}

static bool cgroup_pool_has_headroom(struct mem_cgroup *memcg,
				     unsigned long nr_pages, bool reclaim)
{
	return true;
}
#endif

/*
 * Get page cache out of the way before cgroup_mutex is taken.  Where that hasn't
 * helped for long it goes on at a rate which doesn't keep the cache cold.
 */
static void cgroup_pool_make_headroom(struct cgroup_pool *pool)
{
	struct cgroup_subsys_state *css;
	struct mem_cgroup *memcg;

	if (pool->delay == CGROUP_POOL_FAIL_DELAY_MAX &&
	    time_before(jiffies, pool->reclaimed + CGROUP_POOL_RECLAIM_INTERVAL))
		return;
	pool->reclaimed = jiffies;

	memcg = cgroup_pool_charge_to(pool->cgrp, &css);

	cgroup_pool_has_headroom(memcg, CGROUP_POOL_HEADROOM *
				 (1 + READ_ONCE(pool->nest)), true);
	if (css)
		css_put(css);
}

/*
 * Make one slot as the owner of the pool would, at the expense of the parent.
 * Returns the number of slots made, or an error.
 */
static int cgroup_pool_refill_one(struct cgroup_pool *pool)
{
	struct cgroup_subsys_state *memcg_css;
	struct mem_cgroup *memcg, *old_memcg;
	const struct cred *old_cred;
	unsigned int nest;
	u64 start;
	int ret;

	spin_lock_irq(&css_set_lock);
	nest = pool->nest;
	spin_unlock_irq(&css_set_lock);

	if (!cgroup_pool_has_room(pool->cgrp, nest) ||
	    kernfs_has_security_label(pool->cgrp->kn)) {
		/* the next claim or write tries again, or who left room */
		spin_lock_irq(&css_set_lock);
		pool->filling = pool->nr_stale;
		pool->starved = false;
		pool->stat.refill_failed++;
		spin_unlock_irq(&css_set_lock);
		return 0;
	}

	start = ktime_get_ns();
	memcg = cgroup_pool_charge_to(pool->cgrp, &memcg_css);
	if (cgroup_pool_has_headroom(memcg, CGROUP_POOL_HEADROOM * (1 + nest),
				     false)) {
		old_memcg = set_active_memcg(memcg);
		old_cred = override_creds(pool->cred);
		ret = cgroup_pool_make_slot(pool);
		revert_creds(old_cred);
		set_active_memcg(old_memcg);
	} else {
		ret = -ENOMEM;
	}
	if (memcg_css)
		css_put(memcg_css);

	spin_lock_irq(&css_set_lock);
	pool->stat.refill_nsec += ktime_get_ns() - start;
	if (ret)
		pool->stat.refill_failed++;
	spin_unlock_irq(&css_set_lock);

	/* out of ids of memory cgroups, not to be taken for a busy mutex */
	if (ret == -EBUSY)
		ret = -ENOSPC;
	return ret ?: 1;
}

/*
 * The worker.
 */

/* what a row of steps did, for the tracepoints */
struct cgroup_pool_row {
	unsigned int	made;
	unsigned int	destroyed;
	u64		made_nsec;
	u64		destroyed_nsec;
};

/*
 * Do one thing that there is to do.  Returns 1 if there may be more, 0 if
 * there isn't, -EBUSY if others want cgroup_mutex, or the error of a refill.
 */
static int cgroup_pool_step(struct cgroup_pool *pool,
			    struct cgroup_pool_row *row)
{
	bool refill, urgent, check_owner, surplus;
	struct cgroup *slot;
	int ret = 1;
	u64 start;

	spin_lock_irq(&css_set_lock);
	refill = cgroup_pool_missing(pool);
	urgent = refill && pool->starved && !pool->delay &&
		 pool->nr_stale <= pool->max;
	check_owner = pool->check_owner;
	surplus = cgroup_pool_surplus(pool);
	spin_unlock_irq(&css_set_lock);
	if (!refill && !check_owner && !surplus)
		return 0;

	/* the destruction of a slot gives memory back, that comes first */
	if (refill && (urgent || !surplus))
		cgroup_pool_make_headroom(pool);

	/*
	 * Others who want cgroup_mutex are users who wait.  Only if the pool
	 * has run dry do those in mkdir(2) wait, too, and then for the same
	 * mutex.
	 */
	if (!mutex_trylock(&cgroup_mutex)) {
		spin_lock_irq(&css_set_lock);
		pool->stat.refill_lock_busy++;
		spin_unlock_irq(&css_set_lock);
		if (pool->busy < CGROUP_POOL_BUSY_MAX)
			pool->busy++;
		if (!urgent || pool->busy < CGROUP_POOL_BUSY_MAX)
			return -EBUSY;
		cgroup_lock();
	} else if (!urgent) {
		pool->busy = 0;
	}

	if (cgroup_is_dead(pool->cgrp)) {
		ret = 0;
		goto out_unlock;
	}

	start = ktime_get_ns();
	if (check_owner) {
		ret = cgroup_pool_set_cred(pool, pool->cred) ?: 1;
		goto out_unlock;
	}

	/* let memory go before more is asked for, unless mkdir(2) waits */
	slot = urgent ? NULL : cgroup_pool_take(pool, false);
	if (slot) {
		cgroup_pool_destroy_slot(slot);
		row->destroyed++;
		row->destroyed_nsec += ktime_get_ns() - start;
	} else if (refill) {
		ret = cgroup_pool_refill_one(pool);
		if (ret > 0)
			row->made += ret;
		row->made_nsec += ktime_get_ns() - start;
		/* there may be a surplus even if there is nothing to be made */
		ret = ret < 0 ? ret : 1;
	}
out_unlock:
	cgroup_unlock();
	return ret;
}

static void cgroup_pool_workfn(struct work_struct *work)
{
	struct cgroup_pool *pool = container_of(to_delayed_work(work),
						struct cgroup_pool, work);
	struct cgroup *cgrp = pool->cgrp;
	struct cgroup_pool_row row = { };
	bool changed;
	int ret = 1;
	int i;

	for (i = 0; i < CGROUP_POOL_BATCH && ret > 0; i++) {
		if (i)
			usleep_range(CGROUP_POOL_PAUSE_MIN,
				     CGROUP_POOL_PAUSE_MAX);
		ret = cgroup_pool_step(pool, &row);
	}

	if (row.made)
		TRACE_CGROUP_PATH(pool_refill, cgrp, row.made, row.made_nsec);
	if (row.destroyed)
		TRACE_CGROUP_PATH(pool_drain, cgrp, row.destroyed,
				  row.destroyed_nsec);

	spin_lock_irq(&css_set_lock);
	changed = cgroup_pool_is_low(pool) != pool->was_low;
	pool->was_low ^= changed;
	spin_unlock_irq(&css_set_lock);
	if (changed)
		cgroup_pool_notify(pool);

	if (ret == -EBUSY) {
		cgroup_pool_kick_later(pool, 1U << pool->busy);
	} else if (ret < 0) {
		pool->delay = clamp(pool->delay * 2, CGROUP_POOL_FAIL_DELAY_MIN,
				    CGROUP_POOL_FAIL_DELAY_MAX);
		cgroup_pool_kick_later(pool, pool->delay);
	} else {
		pool->delay = 0;
		if (ret)
			cgroup_pool_kick_later(pool, 0);
	}

	cgroup_put(cgrp);
}

/*
 * Hooks of the cgroup core.
 */

/**
 * cgroup_pool_create_dir - create the directory of a new cgroup
 * @parent: the parent of the new cgroup
 * @name: its name, %NULL for a slot
 * @mode: permission bits of the directory
 * @cgrp: the new cgroup
 *
 * Context: cgroup_mutex is held, @cgrp isn't linked anywhere.
 * Return: the new directory or ERR_PTR().
 */
struct kernfs_node *cgroup_pool_create_dir(struct cgroup *parent,
					   const char *name, umode_t mode,
					   struct cgroup *cgrp)
{
	INIT_LIST_HEAD(&cgrp->pool_node);

	if (name)
		return kernfs_create_dir_ns(parent->kn, name, mode,
					    current_fsuid(), current_fsgid(),
					    cgrp, NULL);

	lockdep_assert_held(&cgroup_mutex);

	set_bit(CGRP_POOL_HIDDEN, &cgrp->flags);
	spin_lock_irq(&css_set_lock);
	cgrp->pool_gen = parent->pool->gen;
	spin_unlock_irq(&css_set_lock);
	cgrp->pool_layout = cgroup_pool_layout;

	return kernfs_create_detached_dir(parent->kn, mode, current_fsuid(),
					  current_fsgid(), cgrp);
}

/* files may have been added since @slot was made, see "Locking" */
static void cgroup_pool_activate_new(struct cgroup_pool *pool,
				     struct cgroup *slot)
{
	unsigned int layout = READ_ONCE(cgroup_pool_layout);

	if (likely(slot->pool_layout == layout &&
		   slot->pool_gen == READ_ONCE(pool->gen)))
		return;

	kernfs_activate(slot->kn);
	slot->pool_layout = layout;
}

#ifdef CONFIG_CPUSETS
/* what a slot doesn't copy from its parent before it is popped */
static void cgroup_pool_finish_v1(struct cgroup *slot)
{
	struct cgroup_subsys_state *css;

	if (cgroup_on_dfl(slot))
		return;

	/* @slot's csses stay, v1 has no subtree_control */
	css = rcu_dereference_protected(slot->subsys[cpuset_cgrp_id], true);
	if (css)
		cpuset_pool_claimed(css);
}
#else
static void cgroup_pool_finish_v1(struct cgroup *slot)
{
}
#endif

/**
 * cgroup_pool_claim - mkdir(2) from the pool
 * @parent_kn: directory of the parent
 * @name: name of the new cgroup
 * @mode: permission bits of the new directory
 *
 * Context: The VFS has locked the directory of the parent, the caller has an
 *	    active reference to @parent_kn.
 * Return: %0 if there is a new cgroup, -%EAGAIN if the caller is to make one.
 */
int cgroup_pool_claim(struct kernfs_node *parent_kn, const char *name,
		      umode_t mode)
{
	struct cgroup *parent = parent_kn->priv;
	struct cgroup_pool *pool = cgroup_pool_of(parent);
	kuid_t uid = current_fsuid();
	kgid_t gid = current_fsgid();
	enum cgroup_pool_verdict verdict;
	struct cgroup *slot = NULL;
	bool was_filling, kick, changed;
	unsigned int nr_free;
	u32 secid;
	int ret;

	/* racing with a write to cgroup.pool.max, either outcome is fine */
	if (!pool || !READ_ONCE(pool->max))
		return -EAGAIN;

	security_current_getsecid_subj(&secid);

	spin_lock_irq(&css_set_lock);
	was_filling = pool->filling;
	verdict = cgroup_pool_pop(pool, uid, gid, secid, &slot);
	changed = cgroup_pool_adjust(pool);
	changed |= verdict == CGROUP_POOL_MISS_EMPTY;
	kick = pool->filling && !was_filling;
	nr_free = pool->nr_free;
	spin_unlock_irq(&css_set_lock);

	if (slot) {
		cgroup_pool_activate_new(pool, slot);
		ret = kernfs_publish(slot->kn, name, mode, uid, gid);
		if (ret) {
			spin_lock_irq(&css_set_lock);
			/* where one is outdated the others are, too */
			if (ret == -ESTALE || ret == -EOPNOTSUPP) {
				cgroup_pool_invalidate(pool);
				pool->check_owner = true;
			}
			cgroup_pool_unpop(pool, slot);
			changed |= cgroup_pool_adjust(pool);
			spin_unlock_irq(&css_set_lock);
			verdict = CGROUP_POOL_MISS_STALE;
			kick = true;
		}
	} else if (verdict == CGROUP_POOL_MISS_CRED) {
		kuid_t owner;
		kgid_t group;

		/*
		 * Is that because the directory has been given to another, or
		 * because the label of the owner has changed?
		 */
		kernfs_get_owner(parent_kn, &owner, &group);
		spin_lock_irq(&css_set_lock);
		/* two labels of one owner mustn't keep the worker busy */
		if (!uid_eq(owner, pool->uid) || !gid_eq(group, pool->gid) ||
		    (uid_eq(owner, uid) && gid_eq(group, gid) &&
		     time_after(jiffies, pool->checked + HZ))) {
			pool->checked = jiffies;
			pool->check_owner = true;
			kick = true;
		}
		spin_unlock_irq(&css_set_lock);
	}

	if (kick)
		cgroup_pool_kick(pool);
	if (changed)
		cgroup_pool_notify(pool);

	if (verdict != CGROUP_POOL_CLAIM) {
		if (verdict != CGROUP_POOL_OFF)
			TRACE_CGROUP_PATH(pool_miss, parent,
					  cgroup_pool_verdict_name(verdict));
		return -EAGAIN;
	}

	cgroup_pool_activate_new(pool, slot);
	/* the VFS doesn't let anybody look before we return */
	cgroup_pool_finish_v1(slot);

	TRACE_CGROUP_PATH(mkdir, slot);
	TRACE_CGROUP_PATH(pool_claim, slot, nr_free);
	return 0;
}

/**
 * cgroup_pool_overcommitted - have claims overtaken mkdir(2)
 * @parent: parent of the cgroup that has just been made
 *
 * Context: cgroup_mutex has been held since cgroup_check_hierarchy_limits().
 * Return: %true if there are more cgroups than allowed now.
 */
bool cgroup_pool_overcommitted(struct cgroup *parent)
{
	struct cgroup *cgrp;
	bool ret = false;

	lockdep_assert_held(&cgroup_mutex);

	spin_lock_irq(&css_set_lock);
	for (cgrp = parent; cgrp && !ret; cgrp = cgroup_parent(cgrp))
		ret = cgroup_nr_visible(cgrp) > cgrp->max_descendants;
	spin_unlock_irq(&css_set_lock);
	return ret;
}

/**
 * cgroup_pool_rmdir - make way for rmdir(2) of a pooled cgroup
 * @cgrp: the cgroup which is to be removed
 *
 * Destroys all slots of @cgrp unless rmdir(2) is going to fail.  If it does,
 * the pool stays as it is or is filled again.
 *
 * Context: cgroup_mutex is held, and dropped from time to time.  The VFS keeps
 *	    mkdir(2) and rmdir(2) in @cgrp away.
 * Return: %0 if cgroup_destroy_locked(@cgrp) will succeed or if there is no
 *	   pool, -%EBUSY if there are tasks or real children, -%EINTR if the
 *	   caller has been killed.
 */
int cgroup_pool_rmdir(struct cgroup *cgrp)
{
	struct cgroup_pool *pool = cgrp->pool;
	struct cgroup *slot;
	unsigned int nr = 0, batch = 0;
	u64 start;
	int ret = 0;

	lockdep_assert_held(&cgroup_mutex);

	if (!pool)
		return 0;

	spin_lock_irq(&css_set_lock);
	pool->hold++;
	spin_unlock_irq(&css_set_lock);

	start = ktime_get_ns();
	/* walks all slots, and nobody can add a child while we are here */
	if (css_has_online_children(&cgrp->self))
		ret = -EBUSY;
	while (!ret) {
		if (cgroup_is_populated(cgrp)) {
			ret = -EBUSY;
			break;
		}

		slot = cgroup_pool_take(pool, true);
		if (!slot)
			break;
		batch += cgroup_pool_destroy_slot(slot);
		nr++;

		if (batch >= CGROUP_POOL_RMDIR_BATCH) {
			batch = 0;
			if (fatal_signal_pending(current)) {
				ret = -EINTR;
				break;
			}
			cgroup_unlock();
			cond_resched();
			cgroup_lock();
		}
	}

	if (nr)
		TRACE_CGROUP_PATH(pool_drain, cgrp, nr, ktime_get_ns() - start);

	if (!ret) {
		/* ->hold stays, @cgrp is about to die */
		if (cancel_delayed_work(&pool->work))
			cgroup_put(cgrp);
		return 0;
	}

	spin_lock_irq(&css_set_lock);
	pool->hold--;
	pool->filling |= nr;
	cgroup_pool_unlock_changed(pool);
	return ret;
}

/**
 * cgroup_pool_removed - a cgroup has been removed
 * @cgrp: the cgroup
 *
 * Context: cgroup_mutex and css_set_lock are held.
 */
void cgroup_pool_removed(struct cgroup *cgrp)
{
	lockdep_assert_held(&css_set_lock);

	if (test_bit(CGRP_POOL_CLAIMED, &cgrp->flags))
		cgroup_parent(cgrp)->pool->stat.claimed--;
}

/**
 * cgroup_pool_free - a cgroup is being freed
 * @cgrp: the cgroup
 *
 * Context: nobody has a reference to @cgrp any more.
 */
void cgroup_pool_free(struct cgroup *cgrp)
{
	struct cgroup_pool *pool = cgrp->pool;

	if (!pool)
		return;

	WARN_ON_ONCE(pool->nr_free || pool->nr_stale);
	put_cred(pool->cred);
	kernfs_put(pool->events_kn);
	kfree(pool);
}

/**
 * cgroup_pool_layout_changed - files have been added to all cgroups
 *
 * Context: cgroup_mutex is held, kernfs_activate() hasn't been called yet.
 */
void cgroup_pool_layout_changed(void)
{
	lockdep_assert_held(&cgroup_mutex);

	WRITE_ONCE(cgroup_pool_layout, cgroup_pool_layout + 1);
}

/**
 * cgroup_pool_outdated - is this a slot which is only waiting to be destroyed
 * @cgrp: the cgroup of interest
 *
 * Context: cgroup_mutex is held, so no slot is half-made.
 * Return: %true if nobody will ever be given @cgrp.
 */
bool cgroup_pool_outdated(struct cgroup *cgrp)
{
	lockdep_assert_held(&cgroup_mutex);

	return cgroup_is_hidden(cgrp) &&
	       cgrp->pool_gen != READ_ONCE(cgroup_parent(cgrp)->pool->gen);
}

/**
 * cgroup_pool_control_changed - subtree_control is going to change
 * @cgrp: the cgroup whose children get or lose controllers
 *
 * Slots of @cgrp follow like any other child, but their new files belong to who
 * changes subtree_control, and nested pools need one of their own: make new
 * slots.
 *
 * Context: cgroup_mutex is held.
 */
void cgroup_pool_control_changed(struct cgroup *cgrp)
{
	if (cgrp->pool)
		cgroup_pool_renew(cgrp->pool);
}

/*
 * Writing to these files of a v1 cgroup doesn't change what new children are
 * like: attaching, and the limits which are set for each new sandbox.
 */
static bool cgroup_pool_is_harmless(const struct cftype *cft)
{
	static const struct {
		const char *ss;
		const char *file;
	} harmless[] = {
		/* these controllers don't copy anything */
		{ "blkio",	NULL },
		{ "cpu",	NULL },
		{ "cpuacct",	NULL },
		{ "hugetlb",	NULL },
		{ "misc",	NULL },
		{ "pids",	NULL },
		{ "rdma",	NULL },
		/* copied when a slot is claimed, see cgroup_pool_finish_v1() */
		{ "cpuset",	"cpus" },
		{ "cpuset",	"mems" },
		{ "memory",	"failcnt" },
		{ "memory",	"force_empty" },
		{ "memory",	"kmem.limit_in_bytes" },
		{ "memory",	"kmem.tcp.limit_in_bytes" },
		{ "memory",	"limit_in_bytes" },
		{ "memory",	"max_usage_in_bytes" },
		{ "memory",	"memsw.limit_in_bytes" },
		{ "memory",	"soft_limit_in_bytes" },
	};
	int i;

	if (!strcmp(cft->name, "tasks") ||
	    !strcmp(cft->name, "cgroup.procs") ||
	    !strcmp(cft->name, "cgroup.event_control") ||
	    strstarts(cft->name, "cgroup.pool."))
		return true;

	for (i = 0; cft->ss && i < ARRAY_SIZE(harmless); i++)
		if (!strcmp(cft->ss->legacy_name, harmless[i].ss) &&
		    (!harmless[i].file || !strcmp(cft->name, harmless[i].file)))
			return true;
	return false;
}

/**
 * cgroup_pool_hold - a file of a cgroup is going to be written to
 * @cgrp: the cgroup
 * @cft: the file
 *
 * Return: what is to be passed to cgroup_pool_unhold() after the write.
 */
struct cgroup_pool_held cgroup_pool_hold(struct cgroup *cgrp,
					 const struct cftype *cft)
{
	struct cgroup_pool_held held = { };

	if (cgroup_on_dfl(cgrp) || cgroup_pool_is_harmless(cft))
		return held;

	cgroup_get(cgrp);
	held.cgrp = cgrp;
	held.pool = cgroup_pool_of(cgrp);
	if (held.pool) {
		spin_lock_irq(&css_set_lock);
		held.pool->hold++;
		spin_unlock_irq(&css_set_lock);
	}
	return held;
}

/**
 * cgroup_pool_unhold - a file of a cgroup has been written to
 * @held: what cgroup_pool_hold() returned
 */
void cgroup_pool_unhold(struct cgroup_pool_held held)
{
	struct cgroup_pool *pool;

	if (!held.cgrp)
		return;

	/* slots of a pool which came meanwhile may have copied old settings */
	pool = cgroup_pool_of(held.cgrp);
	if (pool) {
		spin_lock_irq(&css_set_lock);
		pool->hold -= !!held.pool;
		cgroup_pool_invalidate(pool);
		cgroup_pool_unlock_changed(pool);
	}
	cgroup_put(held.cgrp);
}

/**
 * cgroup_pool_nr_descendants - number of descendants which users made
 * @cgrp: the cgroup of interest
 *
 * Return: what cgroup.stat shows as nr_descendants.
 */
int cgroup_pool_nr_descendants(struct cgroup *cgrp)
{
	int ret;

	spin_lock_irq(&css_set_lock);
	ret = cgroup_nr_visible(cgrp);
	spin_unlock_irq(&css_set_lock);
	return ret;
}

/**
 * cgroup_pool_css_nr_descendants - number of csses below those of users' cgroups
 * @css: the css of interest
 *
 * css->nr_descendants counts those of slots.  Subtracting them would mean that
 * claims have to keep another counter for each controller at each level, for a
 * file which is seldom read: count instead where there are slots.
 *
 * Context: RCU read section.
 * Return: what cgroup.stat shows for this controller, less one.
 */
int cgroup_pool_css_nr_descendants(struct cgroup_subsys_state *css)
{
	struct cgroup_subsys_state *pos;
	bool hidden = READ_ONCE(css->cgroup->nr_hidden);
	int nr;

	/*
	 * A slot enters ->nr_hidden before its csses are counted and leaves it
	 * after that.  css_set_lock, taken and released to change ->nr_hidden,
	 * orders the writers; order the reads.
	 */
	smp_rmb();
	nr = READ_ONCE(css->nr_descendants);
	/* see above */
	smp_rmb();
	if (!hidden && !READ_ONCE(css->cgroup->nr_hidden))
		return nr;

	nr = 0;
	css_for_each_descendant_pre(pos, css)
		if (pos != css && !cgroup_is_hidden(pos->cgroup) &&
		    (pos->flags & (CSS_ONLINE | CSS_DYING)) == CSS_ONLINE)
			nr++;
	return nr;
}

/*
 * Interface files, see Documentation/ABI/testing/cgroup-pool.
 */

static struct cgroup_pool *seq_pool(struct seq_file *seq)
{
	return cgroup_pool_of(seq_css(seq)->cgroup);
}

/* parse the number in @buf, which mustn't be greater than @max */
static int cgroup_pool_parse(char *buf, unsigned int max, unsigned int *valp)
{
	int ret;

	ret = kstrtouint(strstrip(buf), 0, valp);
	if (ret)
		return ret;
	return *valp > max ? -ERANGE : 0;
}

int cgroup_pool_max_show(struct seq_file *seq, void *v)
{
	struct cgroup_pool *pool = seq_pool(seq);

	seq_printf(seq, "%u\n", pool ? READ_ONCE(pool->max) : 0);
	return 0;
}

ssize_t cgroup_pool_max_write(struct kernfs_open_file *of, char *buf,
			      size_t nbytes, loff_t off)
{
	struct cgroup_pool *pool;
	struct cgroup *cgrp;
	unsigned int max;
	int ret;

	ret = cgroup_pool_parse(buf, CGROUP_POOL_MAX_MAX, &max);
	if (ret)
		return ret;

	if (!cgroup_pool_wq)
		return -ENOMEM;

	cgrp = cgroup_kn_lock_live(of->kn, false);
	if (!cgrp)
		return -ENODEV;

	pool = cgrp->pool;
	if (pool) {
		ret = cgroup_pool_set_cred(pool, of->file->f_cred);
	} else {
		pool = cgroup_pool_create(cgrp, of->file->f_cred);
		ret = PTR_ERR_OR_ZERO(pool);
	}
	if (!ret)
		ret = cgroup_pool_add_files(pool);
	if (ret)
		goto out_unlock;

	spin_lock_irq(&css_set_lock);
	cgroup_pool_set_max(pool, max);
	cgroup_pool_unlock_changed(pool);
out_unlock:
	cgroup_kn_unlock(of->kn);
	return ret ?: nbytes;
}

static int cgroup_pool_low_show(struct seq_file *seq, void *v)
{
	struct cgroup_pool *pool = seq_pool(seq);
	unsigned int low;

	spin_lock_irq(&css_set_lock);
	low = cgroup_pool_low(pool);
	spin_unlock_irq(&css_set_lock);

	seq_printf(seq, "%u\n", low);
	return 0;
}

static ssize_t cgroup_pool_low_write(struct kernfs_open_file *of, char *buf,
				     size_t nbytes, loff_t off)
{
	struct cgroup_pool *pool;
	struct cgroup *cgrp;
	unsigned int low;
	int ret;

	ret = cgroup_pool_parse(buf, CGROUP_POOL_MAX_MAX, &low);
	if (ret)
		return ret;

	cgrp = cgroup_kn_lock_live(of->kn, false);
	if (!cgrp)
		return -ENODEV;
	pool = cgrp->pool;

	spin_lock_irq(&css_set_lock);
	pool->low = low;
	pool->low_set = true;
	cgroup_pool_unlock_changed(pool);
	cgroup_kn_unlock(of->kn);
	return nbytes;
}

static int cgroup_pool_nest_show(struct seq_file *seq, void *v)
{
	seq_printf(seq, "%u\n", READ_ONCE(seq_pool(seq)->nest));
	return 0;
}

static ssize_t cgroup_pool_nest_write(struct kernfs_open_file *of, char *buf,
				      size_t nbytes, loff_t off)
{
	struct cgroup_pool *pool;
	struct cgroup *cgrp;
	unsigned int nest;
	int ret;

	ret = cgroup_pool_parse(buf, CGROUP_POOL_NEST_MAX, &nest);
	if (ret)
		return ret;

	cgrp = cgroup_kn_lock_live(of->kn, false);
	if (!cgrp)
		return -ENODEV;
	pool = cgrp->pool;

	if (pool->nest != nest) {
		spin_lock_irq(&css_set_lock);
		WRITE_ONCE(pool->nest, nest);
		cgroup_pool_invalidate(pool);
		cgroup_pool_unlock_changed(pool);
	}
	cgroup_kn_unlock(of->kn);
	return nbytes;
}

static int cgroup_pool_stat_show(struct seq_file *seq, void *v)
{
	struct cgroup_pool *pool = seq_pool(seq);
	struct cgroup_pool_stat stat;
	unsigned int nr_free;

	spin_lock_irq(&css_set_lock);
	stat = pool->stat;
	nr_free = pool->nr_free;
	spin_unlock_irq(&css_set_lock);

	seq_printf(seq, "free %u\n", nr_free);
	seq_printf(seq, "building %u\n", stat.building);
	seq_printf(seq, "claimed %u\n", stat.claimed);
	seq_printf(seq, "claims %llu\n", stat.claims);
	seq_printf(seq, "misses %llu\n", stat.miss_empty + stat.miss_cred +
		   stat.miss_stale + stat.miss_limit);
	seq_printf(seq, "miss_empty %llu\n", stat.miss_empty);
	seq_printf(seq, "miss_cred %llu\n", stat.miss_cred);
	seq_printf(seq, "miss_stale %llu\n", stat.miss_stale);
	seq_printf(seq, "miss_limit %llu\n", stat.miss_limit);
	seq_printf(seq, "created %llu\n", stat.created);
	seq_printf(seq, "destroyed %llu\n", stat.destroyed);
	seq_printf(seq, "stale %llu\n", stat.stale);
	seq_printf(seq, "refill_usec %llu\n",
		   div_u64(stat.refill_nsec, NSEC_PER_USEC));
	seq_printf(seq, "refill_lock_busy %llu\n", stat.refill_lock_busy);
	seq_printf(seq, "refill_failed %llu\n", stat.refill_failed);
	return 0;
}

static int cgroup_pool_events_show(struct seq_file *seq, void *v)
{
	struct cgroup_pool *pool = seq_pool(seq);
	u64 empty;
	bool low;

	spin_lock_irq(&css_set_lock);
	empty = pool->stat.miss_empty;
	low = cgroup_pool_is_low(pool);
	spin_unlock_irq(&css_set_lock);

	seq_printf(seq, "empty %llu\n", empty);
	seq_printf(seq, "low %d\n", low);
	return 0;
}

/* next to cgroup.pool.max, from the first write to it on */
static struct cftype cgroup_pool_files[] = {
	{
		.name = "cgroup.pool.low",
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgroup_pool_low_show,
		.write = cgroup_pool_low_write,
	},
	{
		.name = "cgroup.pool.nest",
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgroup_pool_nest_show,
		.write = cgroup_pool_nest_write,
	},
	{
		.name = "cgroup.pool.stat",
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgroup_pool_stat_show,
	},
	{
		.name = "cgroup.pool.events",
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgroup_pool_events_show,
	},
	{ }	/* terminate */
};

int __init cgroup_pool_init(void)
{
	return cgroup_init_cftypes(NULL, cgroup_pool_files);
}

static int __init cgroup_pool_wq_init(void)
{
	cgroup_pool_wq = alloc_workqueue("cgroup_pool", WQ_UNBOUND, 1);
	return cgroup_pool_wq ? 0 : -ENOMEM;
}
core_initcall(cgroup_pool_wq_init);
