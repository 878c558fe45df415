/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * mempool_create(), mempool_alloc(), mempool_free() and mempool_destroy(), for
 * tests. Kept: elements come from the pool's function first, without its being
 * told to reclaim, then from the reserve; a free fills the reserve up first.
 * Not kept: nobody waits for an element, so mempool_alloc() may fail where the
 * kernel's would sleep.
 */
#ifndef _SHIM_LINUX_MEMPOOL_H
#define _SHIM_LINUX_MEMPOOL_H

#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

typedef void *(mempool_alloc_t)(gfp_t gfp_mask, void *pool_data);
typedef void (mempool_free_t)(void *element, void *pool_data);

typedef struct mempool {
	spinlock_t lock;
	int min_nr;
	int curr_nr;
	void *pool_data;
	mempool_alloc_t *alloc;
	mempool_free_t *free;
	void *elements[];
} mempool_t;

static inline void mempool_destroy(mempool_t *pool)
{
	if (!pool)
		return;
	while (pool->curr_nr)
		pool->free(pool->elements[--pool->curr_nr], pool->pool_data);
	kfree(pool);
}

static inline mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc_fn,
					mempool_free_t *free_fn, void *pool_data)
{
	mempool_t *pool = kzalloc(struct_size(pool, elements, min_nr), GFP_KERNEL);

	if (!pool)
		return NULL;
	spin_lock_init(&pool->lock);
	pool->min_nr = min_nr;
	pool->pool_data = pool_data;
	pool->alloc = alloc_fn;
	pool->free = free_fn;
	while (pool->curr_nr < min_nr) {
		void *p = alloc_fn(GFP_KERNEL, pool_data);

		if (!p) {
			mempool_destroy(pool);
			return NULL;
		}
		pool->elements[pool->curr_nr++] = p;
	}
	return pool;
}

static inline void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	void *p = pool->alloc((gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN,
			      pool->pool_data);

	if (p)
		return p;
	spin_lock(&pool->lock);
	if (pool->curr_nr)
		p = pool->elements[--pool->curr_nr];
	spin_unlock(&pool->lock);
	return p;
}

static inline void mempool_free(void *p, mempool_t *pool)
{
	if (!p)
		return;
	spin_lock(&pool->lock);
	if (pool->curr_nr < pool->min_nr) {
		pool->elements[pool->curr_nr++] = p;
		p = NULL;
	}
	spin_unlock(&pool->lock);
	if (p)
		pool->free(p, pool->pool_data);
}

#endif
