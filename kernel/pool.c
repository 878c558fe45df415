// SPDX-License-Identifier: GPL-2.0
/*
 * The pool: partial and empty slabs without an owner, per cache and node.
 * Putting is lock-free and may happen in NMI; popping takes the pool's lock
 * for a few instructions.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/sched.h>

#include "core.h"

/* Slabs moved or looked at under a pool's lock at once. */
#define HAK_REAP_BATCH	16

/* Slabs that are said to be whole, each with HAK_TOLD set; newest first. */
LLIST_HEAD(hak_told);

/**
 * hak_pool_tell() - say that a slab is whole, if it is
 * @s: the slab, which anybody may have by now
 * @rc: what it counted
 *
 * The mark is set by a cmpxchg of what was found whole, so nobody has adopted
 * or released the slab since. While it is set the slab is not released, so its
 * metadata stays, and one that sets it has @told to itself. If the cmpxchg
 * fails there is no need to say anything: either the slab has an owner, who
 * looks when it puts the slab back; or it is released; or somebody else has
 * set the mark, and the reaper, which clears it, looks after that.
 *
 * A caller that is late may find another slab's books in the metadata. If they
 * are whole, too, that slab's notice is as good as any; if not, nothing happens.
 *
 * Context: any, NMI included; preemption off.
 */
void hak_pool_tell(struct hak_slab *s, u32 rc)
{
	if (hak_rc_state(rc) != HAK_POOLED || rc & HAK_TOLD ||
	    !hak_rc_whole(s, rc))
		return;
	/* Pairs with atomic_fetch_andnot() in hak_told_slab(). */
	if (atomic_cmpxchg(&s->rc, rc, rc | HAK_TOLD) != rc)
		return;
	llist_add(&s->told, &hak_told);
	hak_reaper_arm();
}

/* The slab that @n is of, no longer marked: @n may be in the list again at once. */
static struct hak_slab *hak_told_slab(struct llist_node *n)
{
	struct hak_slab *s = llist_entry(n, struct hak_slab, told);

	lockdep_assert_held(&hak_cache_mutex);

	/*
	 * A full barrier: a count that saw the mark, and so said nothing, is
	 * seen by the look that follows.
	 */
	atomic_fetch_andnot(HAK_TOLD, &s->rc);
	return s;
}

/**
 * hak_pool_put() - make a slab findable
 * @s: a slab the caller has exclusively: as its owner, or as the pusher whose
 *	count is the first since it was parked
 * @from: the state it is in
 *
 * The state changes before the slab is on the list: a pusher that completes it
 * in between has the reaper look too early, and the look at the end makes good.
 *
 * Context: any, NMI included; preemption off.
 */
void hak_pool_put(struct hak_slab *s, enum hak_slab_state from)
{
	struct hak_pool *pool = s->cache->pool[s->nid];

	hak_trace(HAK_TR_POOL, s, NULL, 0);
	atomic_add(HAK_POOLED - from, &s->rc);
	atomic_inc(&pool->nr);
	llist_add(&s->link, &pool->incoming);
	/* Whoever pops it may have it by now: see hak_slab_count(). */
	hak_pool_tell(s, atomic_read(&s->rc));
	hak_count(HAK_EV_POOLED);
}

/* Take what has arrived, and put what is left of earlier arrivals below it. */
static void __hak_pool_take_arrivals(struct hak_pool *pool)
{
	if (llist_empty(&pool->incoming))
		return;
	if (pool->chain) {
		llist_entry(pool->chain, struct hak_slab, link)->below = pool->below;
		pool->below = pool->chain;
	}
	pool->chain = llist_del_all(&pool->incoming);
}

/*
 * The newest arrival. What was freed last is in the CPU's caches; if those that
 * had arrived earlier were used up first, a CPU that frees and allocates again
 * would go through every partial slab there is, and find each of them cold.
 */
static struct hak_slab *__hak_pool_pop_arrival(struct hak_pool *pool)
{
	struct hak_slab *s;

	__hak_pool_take_arrivals(pool);
	if (!pool->chain)
		return NULL;
	s = llist_entry(pool->chain, struct hak_slab, link);
	pool->chain = pool->chain->next;
	if (!pool->chain && pool->below) {
		pool->chain = pool->below;
		pool->below = llist_entry(pool->chain, struct hak_slab, link)->below;
	}
	return s;
}

static void __hak_pool_list(struct hak_pool *pool, struct hak_slab *s)
{
	list_add_tail(&s->list, &pool->list);
	s->listed = true;
}

static void __hak_pool_unlist(struct hak_slab *s)
{
	list_del(&s->list);
	s->listed = false;
}

/* Stays counted in @nr. */
static struct hak_slab *__hak_pool_pop(struct hak_pool *pool)
{
	struct hak_slab *s;

	lockdep_assert_held(&pool->lock);

	s = __hak_pool_pop_arrival(pool);
	if (s)
		return s;
	s = list_first_entry_or_null(&pool->list, struct hak_slab, list);
	if (s)
		__hak_pool_unlist(s);
	return s;
}

/**
 * hak_pool_adopt() - become the owner of a pooled slab
 * @c: the cache
 * @nid: the node, exactly
 *
 * Context: any but NMI; preemption off.
 * Return: the slab, or NULL if the pool is empty.
 */
struct hak_slab *hak_pool_adopt(struct hak_cache *c, int nid)
{
	struct hak_pool *pool = c->pool[nid];
	struct hak_slab *s;
	unsigned long flags;

	if (!atomic_read(&pool->nr))
		return NULL;

	hak_lock(&pool->lock, flags, HAK_LOCK_POOL);
	s = __hak_pool_pop(pool);
	if (s)
		atomic_dec(&pool->nr);
	hak_unlock(&pool->lock, flags);
	if (!s)
		return NULL;

	atomic_sub(HAK_POOLED - HAK_OWNED, &s->rc);
	hak_count(hak_slab_used(s) ? HAK_EV_ADOPTED : HAK_EV_ADOPTED_WHOLE);
	hak_trace(HAK_TR_ADOPT, s, NULL, 0);
	return s;
}

/*
 * Become the owner of a slab of @pool if it is whole. The cmpxchg fails if
 * somebody is just saying so, who is not to be left with a released slab; then
 * the reaper is called once more. A full barrier: all that pushers did to the
 * slab comes before what becomes of it.
 */
static bool __hak_pool_own_whole(struct hak_pool *pool, struct hak_slab *s)
{
	u32 rc = atomic_read(&s->rc);

	lockdep_assert_held(&pool->lock);

	hak_count(HAK_EV_LOOKED);
	return hak_rc_state(rc) == HAK_POOLED && !(rc & HAK_TOLD) &&
	       hak_rc_whole(s, rc) &&
	       atomic_cmpxchg(&s->rc, rc, rc - HAK_POOLED + HAK_OWNED) == rc;
}

/* Release a whole slab the caller owns; false if it had better be kept. */
static bool hak_pool_release(struct hak_slab *s)
{
	/* After a double free the books lie: keep its pages. */
	if ((HAK_CHECKS || hak_paranoid_drain) && !hak_slab_validate(s))
		return false;
	hak_slab_release(s);
	return true;
}

/*
 * Take @s out of the middle of its pool if it is whole. An arrival cannot be
 * taken from the middle, so arrivals are listed until @s is: each of them once,
 * however often the reaper comes. *@more: there may be others to list.
 */
static bool hak_pool_take_whole(struct hak_pool *pool, struct hak_slab *s,
				bool *more)
{
	struct hak_slab *arrival;
	unsigned long flags;
	unsigned int n;
	bool ours;

	hak_lock(&pool->lock, flags, HAK_LOCK_POOL);
	for (n = 0; !s->listed && n < HAK_REAP_BATCH; n++) {
		arrival = __hak_pool_pop_arrival(pool);
		if (!arrival)
			break;
		hak_count(HAK_EV_LOOKED);
		__hak_pool_list(pool, arrival);
	}
	*more = !s->listed && n == HAK_REAP_BATCH;
	ours = s->listed && __hak_pool_own_whole(pool, s);
	if (ours) {
		__hak_pool_unlist(s);
		atomic_dec(&pool->nr);
	}
	hak_unlock(&pool->lock, flags);
	return ours;
}

/*
 * Release @s, which is said to be whole, if it still is. If it is in its pool by
 * its state, but not found there, hak_pool_put() is just putting it, and says
 * once more that it is whole. A cache that is in nobody's list is not reaped.
 * Returns the pool it was in, or NULL.
 */
static struct hak_pool *hak_pool_reap_slab(struct hak_slab *s)
{
	struct hak_cache *c = READ_ONCE(s->cache);
	struct hak_pool *pool;
	bool more, ours;
	int left;

	/* Nobody releases it but who holds the mutex, so the cache stays. */
	if (hak_rc_state(atomic_read(&s->rc)) != HAK_POOLED || !c->listed)
		return NULL;
	pool = c->pool[s->nid];
	left = atomic_read(&pool->nr);
	do {
		ours = hak_pool_take_whole(pool, s, &more);
		left -= HAK_REAP_BATCH;
		cond_resched();
	} while (more && left > 0);
	/* They arrive as fast as they are listed: later. */
	if (more)
		hak_pool_tell(s, atomic_read(&s->rc));
	return ours && hak_pool_release(s) ? pool : NULL;
}

/* Release the slab that @n is of, if it is whole; true if it was one of @pool. */
static bool hak_told_reap(struct llist_node *n, const struct hak_pool *pool)
{
	struct hak_pool *from = hak_pool_reap_slab(hak_told_slab(n));

	return from && (!pool || from == pool);
}

/**
 * hak_pool_reap_told() - release slabs that are said to be whole
 * @max: look at so many at most
 * @pool: count those of this pool; NULL for all
 *
 * Takes as long as there are such slabs, whatever else the pools hold.
 *
 * Context: task; hak_cache_mutex held.
 * Return: slabs released.
 */
unsigned int hak_pool_reap_told(unsigned int max, const struct hak_pool *pool)
{
	unsigned int reaped = 0;
	struct llist_node *n;

	while (max-- && (n = llist_del_first(&hak_told)))
		reaped += hak_told_reap(n, pool);
	return reaped;
}

/*
 * Likewise, those that are said to be whole as it begins: CPUs may say so of others
 * as fast as these are released, and the mutex is held.
 */
static unsigned int hak_pool_reap_all_told(const struct hak_pool *pool)
{
	struct llist_node *n = llist_del_all(&hak_told), *next;
	unsigned int reaped = 0;

	for (; n; n = next) {
		next = n->next;
		reaped += hak_told_reap(n, pool);
	}
	return reaped;
}

/* Is any slab said to be whole? */
bool hak_pool_any_told(void)
{
	return !llist_empty(&hak_told);
}

/* Pop, look, and list again what is not whole; returns how many are, in @whole. */
static unsigned int hak_pool_look(struct hak_pool *pool, unsigned int nr,
				  struct hak_slab **whole)
{
	unsigned int i, n = 0;
	unsigned long flags;
	struct hak_slab *s;

	hak_lock(&pool->lock, flags, HAK_LOCK_POOL);
	for (i = 0; i < nr; i++) {
		s = __hak_pool_pop(pool);
		if (!s)
			break;
		if (__hak_pool_own_whole(pool, s)) {
			whole[n++] = s;
			atomic_dec(&pool->nr);
		} else {
			__hak_pool_list(pool, s);
		}
	}
	hak_unlock(&pool->lock, flags);
	return n;
}

/**
 * hak_pool_reap() - release the whole slabs of a pool, told of or not
 * @pool: the pool
 *
 * Looks at as many slabs as there were at the start, a few at a time. For when
 * nothing may be left: whole slabs of a cache that was in no list are not told
 * of, nor need those be that arrive meanwhile, since they are.
 *
 * Context: task; hak_cache_mutex held.
 * Return: slabs released.
 */
unsigned int hak_pool_reap(struct hak_pool *pool)
{
	unsigned int reaped = hak_pool_reap_all_told(pool);
	unsigned int i, n, nr, left = atomic_read(&pool->nr);
	struct hak_slab *whole[HAK_REAP_BATCH];

	for (; left; left -= nr) {
		nr = min(left, HAK_REAP_BATCH);
		n = hak_pool_look(pool, nr, whole);
		for (i = 0; i < n; i++)
			reaped += hak_pool_release(whole[i]);
		cond_resched();
	}
	return reaped;
}

void hak_pool_destroy(struct hak_cache *c)
{
	int nid;

	if (!c->pool)
		return;
	for_each_node(nid)
		kfree(c->pool[nid]);
	kfree(c->pool);
	c->pool = NULL;
}

int hak_pool_create(struct hak_cache *c)
{
	int nid;

	c->pool = kcalloc(nr_node_ids, sizeof(*c->pool), GFP_KERNEL);
	if (!c->pool)
		return -ENOMEM;

	for_each_node(nid) {
		struct hak_pool *pool;

		pool = kzalloc_node(sizeof(*pool), GFP_KERNEL,
				    node_state(nid, N_MEMORY) ?
				    nid : NUMA_NO_NODE);
		if (!pool) {
			hak_pool_destroy(c);
			return -ENOMEM;
		}
		raw_spin_lock_init(&pool->lock);
		init_llist_head(&pool->incoming);
		INIT_LIST_HEAD(&pool->list);
		hak_depot_init(&pool->depot);
		c->pool[nid] = pool;
	}
	return 0;
}
