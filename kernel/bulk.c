// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk calls: many objects in one busy section.
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "core.h"
#include "fast_path.h"

/* At most so many objects of a bulk call are moved with preemption off. */
#define HAK_BULK_BATCH	64

/* Up to @n objects of the per-CPU cache, those freed last. */
static __always_inline unsigned int
hak_cpu_take_cached(struct hak_cpu_cache *cc, unsigned int n, void **p)
{
	n = min(n, cc->nr);
	cc->nr -= n;
	memcpy(p, cc->obj + cc->nr, n * sizeof(*p));
	return n;
}

/*
 * Up to @n objects when the per-CPU cache is empty. What others sent is received
 * into it; what the slab has goes to the caller without that detour.
 */
static unsigned int hak_cpu_take_more(struct hak_cache *c,
				      struct hak_cpu_cache *cc, unsigned int n,
				      void **p)
{
	int nid = hak_node_near(numa_mem_id());
	unsigned int got = 0;

	while (got < n && hak_depot_receive(c, cc, nid))
		got += hak_cpu_take_cached(cc, n - got, p + got);
	if (got < n)
		got += hak_cpu_take_from_slab(c, cc, nid, p + got, n - got);
	return got;
}

/**
 * hak_cpu_alloc_bulk() - allocate some of many objects
 * @c: the cache
 * @n: how many are wanted
 * @p: room for them
 *
 * What the per-CPU cache has first, then what other CPUs sent, then the slab's.
 *
 * Context: any but NMI.
 * Return: objects allocated, not zeroed; 0 if it takes hak_cpu_alloc_slow().
 */
unsigned int hak_cpu_alloc_bulk(struct hak_cache *c, unsigned int n, void **p)
{
	struct hak_cpu_cache *cc;
	unsigned int got = 0;

	n = min(n, HAK_BULK_BATCH);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	if (!static_branch_unlikely(&hak_modes) &&
	    likely(!in_nmi() && hak_cpu_is_ready(cc))) {
		hak_cpu_enter(cc);
		got = hak_cpu_take_cached(cc, n, p);
		if (got < n)
			got += hak_cpu_take_more(c, cc, n - got, p + got);
		hak_cpu_leave(cc);
	}
	preempt_enable();
	return got;
}

/* The cache of an object that may go into the per-CPU cache, else NULL. */
static __always_inline struct hak_cache *hak_local_object(const void *p)
{
	struct hak_entry *e = NULL;
	struct hak_cache *c = NULL;

	if (unlikely(!hak_find_object(p, &e, &c)))
		return NULL;
	if (hak_has_nodes() && e->nid != numa_mem_id())
		return NULL;
	return c;
}

/**
 * hak_cpu_free_bulk() - free some of many objects
 * @want: the cache they must be of, or NULL
 * @n: how many there are
 * @p: the objects
 *
 * Frees from the start as long as they are of one cache and nothing is special
 * about them.
 *
 * Context: any.
 * Return: objects freed; 0 if the first takes hak_free_slow().
 */
unsigned int hak_cpu_free_bulk(const struct hak_cache *want, unsigned int n,
			       void **p)
{
	struct hak_cpu_cache *cc;
	struct hak_cache *c;
	unsigned int i = 0;
	void *last;

	n = min(n, HAK_BULK_BATCH);
	preempt_disable();
	c = hak_local_object(p[0]);
	if (unlikely(!c) || (want && c != want) || in_nmi())
		goto out;
	cc = this_cpu_ptr(c->cpu);
	if (static_branch_unlikely(&hak_modes) || !hak_cpu_is_ready(cc) || !cc->cap)
		goto out;

	hak_cpu_enter(cc);
	last = hak_cpu_last(cc, cc->nr);
	do {
		/* Freed twice in a row. */
		if (unlikely(p[i] == last))
			break;
		last = p[i++];
		if (want_init_on_free())
			memset(last, 0, c->size);
		if (cc->nr >= cc->cap)
			hak_cpu_make_room(c, cc);
		cc->obj[cc->nr++] = last;
	} while (i < n && hak_local_object(p[i]) == c);
	hak_cpu_leave(cc);
out:
	preempt_enable();
	return i;
}
