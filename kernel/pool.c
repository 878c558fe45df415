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

#define HAK_REAP_BATCH	16

/**
 * hak_pool_put() - make a slab findable
 * @s: a slab the caller has exclusively: as its owner, or as the pusher whose
 *	count is the first since it was parked
 * @from: the state it is in
 *
 * The state changes before the slab is on the list: a pusher that completes it
 * in between arms the reaper too early, and the check at the end makes good.
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
	if (hak_rc_whole(s, atomic_read(&s->rc)))
		hak_reaper_arm();
	hak_count(HAK_EV_POOLED);
}

static struct hak_slab *__hak_pool_pop(struct hak_pool *pool)
{
	struct hak_slab *s;

	lockdep_assert_held(&pool->lock);

	if (!pool->chain)
		pool->chain = llist_del_all(&pool->incoming);
	if (pool->chain) {
		s = llist_entry(pool->chain, struct hak_slab, link);
		pool->chain = pool->chain->next;
	} else {
		s = list_first_entry_or_null(&pool->list, struct hak_slab, list);
		if (!s)
			return NULL;
		list_del(&s->list);
	}
	atomic_dec(&pool->nr);
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
	hak_unlock(&pool->lock, flags);
	if (!s)
		return NULL;

	atomic_sub(HAK_POOLED - HAK_OWNED, &s->rc);
	hak_count(hak_slab_used(s) ? HAK_EV_ADOPTED : HAK_EV_ADOPTED_WHOLE);
	hak_trace(HAK_TR_ADOPT, s, NULL, 0);
	return s;
}

/**
 * hak_pool_reap() - release the whole slabs of a pool
 * @pool: the pool
 *
 * Looks at as many slabs as there were at the start, a few at a time; those
 * that are not whole go to the end of the pool's list. A slab that becomes
 * whole while it is out is noticed by its last pusher. New arrivals are popped
 * first, so for each that was not adopted one of the others may have been left
 * out; then the reaper is to come again.
 *
 * Context: task; hak_cache_mutex held.
 * Return: slabs released.
 */
unsigned int hak_pool_reap(struct hak_pool *pool)
{
	struct hak_slab *batch[HAK_REAP_BATCH];
	unsigned int start = atomic_read(&pool->nr), left = start;
	unsigned int i, n, reaped = 0;
	unsigned long flags;
	u32 rc;

	while (left) {
		hak_lock(&pool->lock, flags, HAK_LOCK_POOL);
		for (n = 0; n < min(left, HAK_REAP_BATCH); n++) {
			batch[n] = __hak_pool_pop(pool);
			if (!batch[n])
				break;
			hak_count(HAK_EV_LOOKED);
			/*
			 * Pairs with atomic_add_return() in hak_slab_count():
			 * all that pushers did to the slab comes before what
			 * becomes of it.
			 */
			rc = atomic_read_acquire(&batch[n]->rc);
			if (!hak_rc_whole(batch[n], rc)) {
				/* Counted again, as __hak_pool_pop() did not. */
				atomic_inc(&pool->nr);
				list_add_tail(&batch[n]->list, &pool->list);
				batch[n] = NULL;
			}
		}
		hak_unlock(&pool->lock, flags);
		if (!n)
			break;
		left -= n;
		for (i = 0; i < n; i++) {
			if (!batch[i])
				continue;
			reaped++;
			/* After a double free the books lie: keep its pages. */
			if ((HAK_CHECKS || hak_paranoid_drain) &&
			    !hak_slab_validate(batch[i]))
				continue;
			hak_slab_release(batch[i]);
		}
		cond_resched();
	}
	if (atomic_read(&pool->nr) + reaped > start)
		hak_reaper_arm();
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
