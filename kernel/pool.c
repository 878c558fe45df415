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

/* Slabs that were found whole, for the reaper; each has HAK_REAP_QUEUED. Newest first. */
LLIST_HEAD(hak_reap_queue);

/* Those that the reaper has taken off the queue in this run. Under hak_cache_mutex. */
static struct llist_node *hak_reap_taken;

/**
 * hak_pool_queue_reap() - queue a slab for the reaper, if the slab is whole
 * @s: the slab; another CPU may have adopted or released it by now
 * @rc: the value of @s->rc that the caller read or counted
 *
 * The cmpxchg sets HAK_REAP_QUEUED only if @rc is unchanged, so the slab was neither
 * adopted nor released since the caller found it whole. The reaper does not release a
 * slab while HAK_REAP_QUEUED is set, so the metadata stays valid, and the one caller
 * whose cmpxchg succeeds may use @s->reap_link.
 *
 * If the cmpxchg fails, this caller has nothing to do. Either the slab has an owner,
 * which checks again when it puts the slab back; or the slab was released; or another
 * caller has set HAK_REAP_QUEUED, and the reaper checks the slab after it clears that.
 *
 * If the caller is so late that the metadata describes the slot's next slab, that slab
 * is judged in its place. If that one is whole, it belongs into the queue; if it is
 * not, nothing happens.
 *
 * Context: any, NMI included; preemption off.
 */
void hak_pool_queue_reap(struct hak_slab *s, u32 rc)
{
	if (hak_rc_state(rc) != HAK_POOLED || rc & HAK_REAP_QUEUED ||
	    !hak_rc_whole(s, rc))
		return;
	/* Pairs with atomic_fetch_andnot() in hak_reap_unqueue(). */
	if (atomic_cmpxchg(&s->rc, rc, rc | HAK_REAP_QUEUED) != rc)
		return;
	llist_add(&s->reap_link, &hak_reap_queue);
	hak_reaper_arm();
}

/*
 * The reaper has taken @n off the queue. Clear HAK_REAP_QUEUED of the slab that contains
 * @n, and return the slab. From then on another CPU may queue it again.
 */
static struct hak_slab *hak_reap_unqueue(struct llist_node *n)
{
	struct hak_slab *s = llist_entry(n, struct hak_slab, reap_link);

	lockdep_assert_held(&hak_cache_mutex);

	/*
	 * A full barrier: if a pusher saw the bit and therefore did not queue the slab,
	 * its count is visible to the reaper's check that follows.
	 */
	atomic_fetch_andnot(HAK_REAP_QUEUED, &s->rc);
	return s;
}

/**
 * hak_pool_put() - make a slab findable
 * @s: a slab that only the caller may move: it is the slab's owner, or the pusher
 *	whose count was the first after the slab was parked
 * @from: the state the slab is in
 *
 * The state becomes POOLED before the slab is on the list. If a pusher makes the slab
 * whole in between, the reaper may search for it too early and not find it. So the
 * caller queues the slab for the reaper once more when it is on the list.
 *
 * Context: any, NMI included; preemption off.
 */
void hak_pool_put(struct hak_slab *s, enum hak_slab_state from)
{
	struct hak_pool *pool = s->cache->pool[s->nid];

	hak_trace(HAK_TR_PUBLISH, s->cache, s->addr, NULL, from == HAK_PARKED);
	atomic_add(HAK_POOLED - from, &s->rc);
	atomic_inc(&pool->nr);
	llist_add(&s->link, &pool->incoming);
	/* An adopter may own the slab by now: see hak_slab_count(). */
	hak_pool_queue_reap(s, atomic_read(&s->rc));
	hak_count(HAK_EV_POOLED);
}

/* Take all new arrivals. If earlier ones are left, they become the chain below. */
static void __hak_pool_take_arrivals(struct hak_pool *pool)
{
	struct hak_arrivals *a = &pool->fresh;

	if (llist_empty(&pool->incoming))
		return;
	if (a->chain) {
		llist_entry(a->chain, struct hak_slab, link)->below = a->below;
		a->below = a->chain;
	}
	a->chain = llist_del_all(&pool->incoming);
}

/* Pop the slab of @a that arrived last; NULL if there is none. */
static struct hak_slab *hak_arrivals_pop(struct hak_arrivals *a)
{
	struct hak_slab *s;

	if (!a->chain)
		return NULL;
	s = llist_entry(a->chain, struct hak_slab, link);
	a->chain = a->chain->next;
	if (!a->chain && a->below) {
		a->chain = a->below;
		a->below = llist_entry(a->chain, struct hak_slab, link)->below;
	}
	return s;
}

/*
 * Pop the slab that arrived last. Its objects were freed most recently, so they are
 * likely to be in the CPU's hardware caches. If older slabs came first, a CPU that
 * frees and allocates in turn would go through all partial slabs and find each of
 * them cold.
 */
static struct hak_slab *__hak_pool_pop_arrival(struct hak_pool *pool)
{
	__hak_pool_take_arrivals(pool);
	return hak_arrivals_pop(&pool->fresh) ?: hak_arrivals_pop(&pool->old);
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

/* Pop a slab. @pool->nr still counts it; the caller decides whether it leaves. */
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
	hak_trace(HAK_TR_ADOPT, c, s->addr, NULL, 0);
	return s;
}

/*
 * Become the owner of @s, a slab of @pool, if it is whole. If another CPU sets
 * HAK_REAP_QUEUED at this moment, the cmpxchg fails: that CPU is about to put the slab
 * into the queue, so it must not be released yet, and the reaper runs again. The
 * cmpxchg is a full barrier: everything that pushers did to the slab happens before
 * the slab is used for something else.
 */
static bool __hak_pool_own_whole(struct hak_pool *pool, struct hak_slab *s)
{
	u32 rc = atomic_read(&s->rc);

	lockdep_assert_held(&pool->lock);

	hak_count(HAK_EV_LOOKED);
	return hak_rc_state(rc) == HAK_POOLED && !(rc & HAK_REAP_QUEUED) &&
	       hak_rc_whole(s, rc) &&
	       atomic_cmpxchg(&s->rc, rc, rc - HAK_POOLED + HAK_OWNED) == rc;
}

/*
 * Release a whole slab that the caller owns: at once, or after a grace period if
 * readers may still look at its objects. False if the slab has to be kept.
 */
static bool hak_pool_release(struct hak_slab *s)
{
	if (!hak_check_release(s))
		return false;
	/* After a double free the counts are wrong: keep the pages. */
	if ((HAK_CHECKS || hak_paranoid_drain) && !hak_slab_validate(s))
		return false;
	if (unlikely(s->cache->flags & SLAB_TYPESAFE_BY_RCU))
		hak_limbo_put(s);
	else
		hak_slab_release(s);
	return true;
}

/*
 * Take @s out of its pool if it is whole. A slab cannot leave the middle of the
 * arrivals' chain, so the reaper moves arrivals to the list, from which it can,
 * until @s is there. Each slab is moved once, however often the reaper runs. *@more
 * is set if @s was not found yet and there may be further arrivals.
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
 * Release @s, which was in the queue, if it is still whole. If its state is POOLED but it
 * is not in the pool, another CPU is inside hak_pool_put(), which queues it again at the
 * end. Slabs of a cache that is not in hak_caches are left alone. Returns the pool the
 * slab was in, or NULL if it was not released.
 */
static struct hak_pool *hak_pool_reap_slab(struct hak_slab *s)
{
	struct hak_pool *pool;
	struct hak_cache *c;
	bool more, ours;
	int left, nid;

	/* Only a holder of the mutex releases a slab, so the cache stays. */
	if (hak_rc_state(atomic_read(&s->rc)) != HAK_POOLED)
		return NULL;
	c = hak_check_owner(s, &nid);
	if (!c->listed)
		return NULL;
	pool = c->pool[nid];
	left = atomic_read(&pool->nr);
	do {
		ours = hak_pool_take_whole(pool, s, &more);
		left -= HAK_REAP_BATCH;
		cond_resched();
	} while (more && left > 0);
	/* Slabs arrive as fast as the reaper lists them, so it comes again later. */
	if (more) {
		preempt_disable();
		hak_pool_queue_reap(s, atomic_read(&s->rc));
		preempt_enable();
	}
	return ours && hak_pool_release(s) ? pool : NULL;
}

/*
 * Release the slab that contains @n if it is whole. True if it was released and was
 * one of @pool, or of any pool if that is NULL.
 */
static bool hak_pool_reap_entry(struct llist_node *n, const struct hak_pool *pool)
{
	struct hak_pool *from = hak_pool_reap_slab(hak_reap_unqueue(n));

	return from && (!pool || from == pool);
}

/**
 * hak_pool_take_queue() - begin a run of the reaper
 *
 * The run is for the slabs that are in the queue now. CPUs may queue others as fast as the
 * reaper releases these; those are for its next run.
 *
 * Context: task; hak_cache_mutex held.
 */
void hak_pool_take_queue(void)
{
	lockdep_assert_held(&hak_cache_mutex);

	/* If the reaper is in the middle of a run, that run comes first. */
	if (!hak_reap_taken)
		WRITE_ONCE(hak_reap_taken, llist_del_all(&hak_reap_queue));
}

/**
 * hak_pool_reap_taken() - release the slabs of this run that are still whole
 * @max: most slabs to check
 * @pool: the pool whose slabs are counted; NULL for all pools
 *
 * Only the slabs that arrived in their pools after those are gone through as well.
 *
 * Context: task; hak_cache_mutex held.
 * Return: slabs released.
 */
unsigned int hak_pool_reap_taken(unsigned int max, const struct hak_pool *pool)
{
	unsigned int reaped = 0;
	struct llist_node *n;

	while (max-- && (n = hak_reap_taken)) {
		/* Once its mark is cleared, the slab may be queued again. */
		WRITE_ONCE(hak_reap_taken, n->next);
		reaped += hak_pool_reap_entry(n, pool);
	}
	return reaped;
}

/* Are slabs of the reaper's run left? */
bool hak_pool_any_taken(void)
{
	return READ_ONCE(hak_reap_taken);
}

/* Likewise, those of a run that has begun and those in the queue, as this begins. */
static unsigned int hak_pool_reap_all_queued(const struct hak_pool *pool)
{
	unsigned int reaped = hak_pool_reap_taken(UINT_MAX, pool);

	hak_pool_take_queue();
	return reaped + hak_pool_reap_taken(UINT_MAX, pool);
}

/**
 * struct hak_pool_walk - a walk of a pool: first what has arrived, and then the list
 * @pool: the pool
 * @listed: so many slabs of the list may still be looked at
 * @first: the first slab that the walk has put on the list, where the walk ends
 */
struct hak_pool_walk {
	struct hak_pool *pool;
	unsigned int listed;
	struct hak_slab *first;
};

/*
 * Begin a walk. What has arrived becomes old, so that what arrives from now on does not come
 * between. The walk before has left nothing that is old.
 */
static void hak_pool_walk_begin(struct hak_pool_walk *w)
{
	struct hak_pool *pool = w->pool;
	unsigned long flags;

	lockdep_assert_held(&hak_cache_mutex);

	hak_lock(&pool->lock, flags, HAK_LOCK_POOL);
	__hak_pool_take_arrivals(pool);
	pool->old = pool->fresh;
	pool->fresh = (struct hak_arrivals){};
	w->listed = atomic_read(&pool->nr);
	hak_unlock(&pool->lock, flags);
}

/* Pop the next slab of the walk; NULL at its end. */
static struct hak_slab *__hak_pool_walk(struct hak_pool_walk *w)
{
	struct hak_slab *s = hak_arrivals_pop(&w->pool->old);

	if (s)
		return s;
	s = list_first_entry_or_null(&w->pool->list, struct hak_slab, list);
	if (!s || s == w->first || !w->listed)
		return NULL;
	w->listed--;
	__hak_pool_unlist(s);
	return s;
}

/*
 * Look at up to HAK_REAP_BATCH slabs. Those that are whole become the caller's, in @whole;
 * the others go to the end of the pool's list. *@nr is the number of whole ones. False at
 * the end of the walk.
 */
static bool hak_pool_scan(struct hak_pool_walk *w, struct hak_slab **whole, unsigned int *nr)
{
	struct hak_pool *pool = w->pool;
	struct hak_slab *s = NULL;
	unsigned long flags;
	unsigned int i;

	*nr = 0;
	hak_lock(&pool->lock, flags, HAK_LOCK_POOL);
	for (i = 0; i < HAK_REAP_BATCH; i++) {
		s = __hak_pool_walk(w);
		if (!s)
			break;
		if (__hak_pool_own_whole(pool, s)) {
			whole[(*nr)++] = s;
			atomic_dec(&pool->nr);
		} else {
			__hak_pool_list(pool, s);
			w->first = w->first ?: s;
		}
	}
	hak_unlock(&pool->lock, flags);
	return s;
}

/**
 * hak_pool_reap() - release every whole slab of a pool
 * @pool: the pool
 *
 * Checks the slabs that the pool held at the start, a few at a time. So it also finds whole
 * slabs that the reaper took off the queue while their cache was not in hak_caches. Slabs
 * that arrive meanwhile do not keep it from those on the list. Slabs that become whole
 * meanwhile are queued for the reaper.
 *
 * Context: task; hak_cache_mutex held.
 * Return: slabs released.
 */
unsigned int hak_pool_reap(struct hak_pool *pool)
{
	unsigned int i, n, reaped = hak_pool_reap_all_queued(pool);
	struct hak_pool_walk w = { .pool = pool };
	struct hak_slab *whole[HAK_REAP_BATCH];
	bool more = atomic_read(&pool->nr);

	if (more)
		hak_pool_walk_begin(&w);
	while (more) {
		more = hak_pool_scan(&w, whole, &n);
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
