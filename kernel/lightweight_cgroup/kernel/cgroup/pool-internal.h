/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pools of ready-made cgroups: what the rest of the cgroup core calls.
 *
 * Everything here is nothing at all with CONFIG_CGROUP_POOL=n.
 */
#ifndef __CGROUP_POOL_INTERNAL_H
#define __CGROUP_POOL_INTERNAL_H

#include <linux/cgroup.h>
#include <linux/cleanup.h>
#include <linux/kernfs.h>
#include <linux/list.h>
#include <linux/string.h>
#include <linux/workqueue.h>

struct cftype;
struct seq_file;

#ifdef CONFIG_CGROUP_POOL

/* building blocks of mkdir(2) and rmdir(2) which the pool uses, too */
#define VISIBLE_IF_CGROUP_POOL
#define CGROUP_POOL_FEATURE	"pool\n"

/**
 * struct cgroup_pool_stat - what cgroup.pool.stat shows
 * @building: slots which are being made right now
 * @claimed: children which came from the pool and haven't been removed
 * @claims: times mkdir(2) took a slot
 * @miss_empty: times mkdir(2) found no slot
 * @miss_cred: times mkdir(2) was called by somebody the slots aren't for
 * @miss_stale: times a slot turned out to be outdated when it was published
 * @miss_limit: times cgroup.max.* forbade mkdir(2)
 * @created: slots made
 * @destroyed: slots which went without having been claimed
 * @stale: slots which were dropped because their parent has changed
 * @refill_nsec: time spent making slots
 * @refill_lock_busy: times making a slot was put off for others' cgroup_mutex
 * @refill_failed: times making a slot failed
 */
struct cgroup_pool_stat {
	unsigned int	building;
	unsigned int	claimed;
	u64		claims;
	u64		miss_empty;
	u64		miss_cred;
	u64		miss_stale;
	u64		miss_limit;
	u64		created;
	u64		destroyed;
	u64		stale;
	u64		refill_nsec;
	u64		refill_lock_busy;
	u64		refill_failed;
};

/**
 * struct cgroup_pool - the ready-made children of a cgroup
 *
 * See the head of pool.c for locking and lifetime.
 *
 * @cgrp: the pooled cgroup, owns this
 * @work: makes and destroys slots
 * @events_kn: "cgroup.pool.events", set once under cgroup_mutex
 * @cred: what slots are made with, protected by cgroup_mutex
 * @uid: fsuid of @cred
 * @gid: fsgid of @cred
 * @secid: LSM label of @cred
 * @free: slots up for grabs
 * @stale: slots to be destroyed
 * @nr_free: length of @free
 * @nr_stale: length of @stale
 * @max: free slots to keep, zero while the pool is off
 * @low: refill starts below this; follows @max unless @low_set
 * @low_set: "cgroup.pool.low" has been written to
 * @nest: slots of the pool inside of each slot
 * @gen: generation, slots which were begun in an earlier one are outdated
 * @hold: claims miss and nothing is made while this isn't zero
 * @filling: slots are made until there are @max
 * @starved: somebody found the pool empty and there are few slots yet
 * @check_owner: the owner of the directory may have changed
 * @was_low: what "cgroup.pool.events" was last notified of
 * @checked: when @check_owner was last set because of a label, in jiffies
 * @stat: statistics
 * @busy: times in a row that cgroup_mutex was taken when a slot was to be made
 * @delay: ms to wait after the last failure to make a slot
 * @reclaimed: when memory was last reclaimed for a slot, in jiffies
 */
struct cgroup_pool {
	struct cgroup		*cgrp;
	struct delayed_work	work;
	struct kernfs_node	*events_kn;
	const struct cred	*cred;

	/* the fields below are protected by css_set_lock */
	kuid_t			uid;
	kgid_t			gid;
	u32			secid;
	struct list_head	free;
	struct list_head	stale;
	unsigned int		nr_free;
	unsigned int		nr_stale;
	unsigned int		max;
	unsigned int		low;
	bool			low_set;
	unsigned int		nest;
	unsigned int		gen;
	unsigned int		hold;
	bool			filling;
	bool			starved;
	bool			check_owner;
	bool			was_low;
	unsigned long		checked;
	struct cgroup_pool_stat	stat;

	/* the fields below are for the worker alone */
	unsigned int		busy;
	unsigned int		delay;
	unsigned long		reclaimed;
};

/* a write to a file of @cgrp which may change what new children are like */
struct cgroup_pool_held {
	struct cgroup		*cgrp;
	struct cgroup_pool	*pool;
};

/* what cgroup_pool_pop() found */
enum cgroup_pool_verdict {
	CGROUP_POOL_CLAIM,
	CGROUP_POOL_OFF,
	CGROUP_POOL_MISS_EMPTY,
	CGROUP_POOL_MISS_CRED,
	CGROUP_POOL_MISS_STALE,
	CGROUP_POOL_MISS_LIMIT,
};

/**
 * cgroup_is_hidden - is this a free slot or has it died as one
 * @cgrp: the cgroup of interest
 *
 * Context: what a free slot is doesn't change with css_set_lock held, nor does
 *	    it once the slot is dying.
 * Return: %true if no user has ever seen @cgrp.
 */
static inline bool cgroup_is_hidden(const struct cgroup *cgrp)
{
	return test_bit(CGRP_POOL_HIDDEN, &cgrp->flags);
}

/* files of the pool come late and mustn't find their names taken */
static inline bool cgroup_pool_reserves(const char *name)
{
	return strstarts(name, "cgroup.pool.");
}

/* number of descendants which users made, needs css_set_lock to be exact */
static inline int cgroup_nr_visible(const struct cgroup *cgrp)
{
	return READ_ONCE(cgrp->nr_descendants) - READ_ONCE(cgrp->nr_hidden);
}

/* @cgrp, below @ancestor, has been created: called with css_set_lock held */
static inline void cgroup_pool_count(struct cgroup *ancestor,
				     struct cgroup *cgrp)
{
	if (cgroup_is_hidden(cgrp))
		ancestor->nr_hidden++;
}

/* @cgrp, below @ancestor, has been removed: called with css_set_lock held */
static inline void cgroup_pool_uncount(struct cgroup *ancestor,
				       struct cgroup *cgrp)
{
	if (cgroup_is_hidden(cgrp))
		ancestor->nr_hidden--;
}

/* a css of a free slot dies uncounted, and so it must when the slot is taken */
static inline bool cgroup_pool_css_killed(struct cgroup_subsys_state *css)
{
	if (!cgroup_is_hidden(css->cgroup))
		return false;
	css->flags |= CSS_POOL_UNCOUNTED;
	return true;
}

static inline bool cgroup_pool_css_uncounted(struct cgroup_subsys_state *css)
{
	return css->flags & CSS_POOL_UNCOUNTED;
}

struct kernfs_node *cgroup_pool_create_dir(struct cgroup *parent,
					   const char *name, umode_t mode,
					   struct cgroup *cgrp);
int cgroup_pool_claim(struct kernfs_node *parent_kn, const char *name,
		      umode_t mode);
bool cgroup_pool_overcommitted(struct cgroup *parent);
int cgroup_pool_rmdir(struct cgroup *cgrp);
void cgroup_pool_removed(struct cgroup *cgrp);
void cgroup_pool_free(struct cgroup *cgrp);
bool cgroup_pool_outdated(struct cgroup *cgrp);
void cgroup_pool_control_changed(struct cgroup *cgrp);
void cgroup_pool_layout_changed(void);
int cgroup_pool_nr_descendants(struct cgroup *cgrp);
int cgroup_pool_css_nr_descendants(struct cgroup_subsys_state *css);
int cgroup_pool_max_show(struct seq_file *seq, void *v);
ssize_t cgroup_pool_max_write(struct kernfs_open_file *of, char *buf,
			      size_t nbytes, loff_t off);
int cgroup_pool_init(void);

struct cgroup_pool_held cgroup_pool_hold(struct cgroup *cgrp,
					 const struct cftype *cft);
void cgroup_pool_unhold(struct cgroup_pool_held held);

#if IS_ENABLED(CONFIG_KUNIT)
void cgroup_pool_init_struct(struct cgroup_pool *pool, struct cgroup *cgrp);
enum cgroup_pool_verdict cgroup_pool_pop(struct cgroup_pool *pool, kuid_t uid,
					 kgid_t gid, u32 secid,
					 struct cgroup **slotp);
void cgroup_pool_unpop(struct cgroup_pool *pool, struct cgroup *slot);
bool cgroup_pool_push(struct cgroup_pool *pool, struct cgroup *slot);
void cgroup_pool_invalidate(struct cgroup_pool *pool);
void cgroup_pool_set_max(struct cgroup_pool *pool, unsigned int max);
unsigned int cgroup_pool_low(const struct cgroup_pool *pool);
unsigned int cgroup_pool_missing(const struct cgroup_pool *pool);
unsigned int cgroup_pool_surplus(const struct cgroup_pool *pool);
#endif

/* cgroup.c */
struct cgroup *cgroup_create(struct cgroup *parent, const char *name,
			     umode_t mode);
int cgroup_destroy_locked(struct cgroup *cgrp);
int css_populate_dir(struct cgroup_subsys_state *css);
int cgroup_apply_control_enable(struct cgroup *cgrp);
int cgroup_vet_subtree_control_enable(struct cgroup *cgrp, u16 enable);
void cgroup_propagate_control(struct cgroup *cgrp);
int cgroup_addrm_files(struct cgroup_subsys_state *css, struct cgroup *cgrp,
		       struct cftype cfts[], bool is_add);
int cgroup_init_cftypes(struct cgroup_subsys *ss, struct cftype *cfts);

/* cpuset.c */
void cpuset_pool_claimed(struct cgroup_subsys_state *css);

#else	/* CONFIG_CGROUP_POOL */

#define VISIBLE_IF_CGROUP_POOL	static
#define CGROUP_POOL_FEATURE	""

static inline bool cgroup_is_hidden(const struct cgroup *cgrp)
{
	return false;
}

static inline bool cgroup_pool_reserves(const char *name)
{
	return false;
}

static inline int cgroup_nr_visible(const struct cgroup *cgrp)
{
	return cgrp->nr_descendants;
}

static inline void cgroup_pool_count(struct cgroup *ancestor,
				     struct cgroup *cgrp)
{
}

static inline void cgroup_pool_uncount(struct cgroup *ancestor,
				       struct cgroup *cgrp)
{
}

static inline bool cgroup_pool_css_killed(struct cgroup_subsys_state *css)
{
	return false;
}

static inline bool cgroup_pool_css_uncounted(struct cgroup_subsys_state *css)
{
	return false;
}

static inline struct kernfs_node *cgroup_pool_create_dir(struct cgroup *parent,
							 const char *name,
							 umode_t mode,
							 struct cgroup *cgrp)
{
	return kernfs_create_dir_ns(parent->kn, name, mode, current_fsuid(),
				    current_fsgid(), cgrp, NULL);
}

static inline int cgroup_pool_claim(struct kernfs_node *parent_kn,
				    const char *name, umode_t mode)
{
	return -EAGAIN;
}

static inline bool cgroup_pool_overcommitted(struct cgroup *parent)
{
	return false;
}

static inline int cgroup_pool_rmdir(struct cgroup *cgrp)
{
	return 0;
}

static inline void cgroup_pool_removed(struct cgroup *cgrp)
{
}

static inline void cgroup_pool_free(struct cgroup *cgrp)
{
}

static inline bool cgroup_pool_outdated(struct cgroup *cgrp)
{
	return false;
}

static inline void cgroup_pool_control_changed(struct cgroup *cgrp)
{
}

static inline void cgroup_pool_layout_changed(void)
{
}

static inline int cgroup_pool_nr_descendants(struct cgroup *cgrp)
{
	return cgrp->nr_descendants;
}

static inline int
cgroup_pool_css_nr_descendants(struct cgroup_subsys_state *css)
{
	return css->nr_descendants;
}

static inline int cgroup_pool_init(void)
{
	return 0;
}

struct cgroup_pool_held { };

static inline struct cgroup_pool_held
cgroup_pool_hold(struct cgroup *cgrp, const struct cftype *cft)
{
	return (struct cgroup_pool_held){ };
}

static inline void cgroup_pool_unhold(struct cgroup_pool_held held)
{
}

#endif	/* CONFIG_CGROUP_POOL */

DEFINE_FREE(cgroup_pool_hold, struct cgroup_pool_held, cgroup_pool_unhold(_T))

#endif	/* __CGROUP_POOL_INTERNAL_H */
