// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk calls: allocate or free many objects while the busy mark is set once.
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "core.h"
#include "fast_path.h"

/* Take up to @n objects, those freed last, from the per-CPU cache. */
static __always_inline unsigned int
hak_cpu_take_cached(struct hak_cpu_cache *cc, unsigned int n, void **p)
{
	n = min_t(unsigned int, n, cc->nr);
	hak_cpu_set_nr(cc, cc->nr - n);
	hak_move_objects(p, cc->obj + cc->nr, n);
	return n;
}

/*
 * Take up to @n objects when the per-CPU cache is empty. Magazines that other CPUs sent
 * are received into the cache and copied from there. Objects of the slab go to the
 * caller's array directly.
 */
static unsigned int hak_cpu_take_more(struct hak_cache *c,
				      struct hak_cpu_cache *cc, unsigned int n,
				      void **p)
{
	int nid = hak_node_near(numa_mem_id());
	unsigned int got = 0;

	if (unlikely(hak_cache_is_slub_only(c) || c->checks))
		return 0;
	while (got < n && hak_depot_receive(c, cc, nid))
		got += hak_cpu_take_cached(cc, n - got, p + got);
	if (got < n)
		got += hak_cpu_take_from_slab(c, cc, nid, p + got, n - got);
	return got;
}

/*
 * With hardened=1: mark the objects live. Those that are live already are removed from
 * @p. Returns how many are left.
 */
static unsigned int hak_bulk_mark_live(struct hak_cache *c, unsigned int n, void **p)
{
	unsigned int i, left = 0;

	for (i = 0; i < n; i++)
		if (likely(hak_mark_live(c, p[i])))
			p[left++] = p[i];
	return left;
}

/*
 * Allocate up to @n objects of @c into @p. They come from the per-CPU cache first, then
 * from magazines that other CPUs sent, then from the slab. They are not zeroed. Returns
 * how many it got; if that is 0, the caller has to allocate one by hak_cache_alloc().
 */
static unsigned int hak_cpu_alloc_bulk(struct hak_cache *c, unsigned int n, void **p)
{
	struct hak_cpu_cache *cc;
	unsigned int got = 0;

	n = min(n, HAK_BULK_BATCH);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	if (likely(!in_nmi() && hak_cpu_is_ready(cc))) {
		hak_cpu_enter(cc);
		got = hak_cpu_take_cached(cc, n, p);
		if (got < n)
			got += hak_cpu_take_more(c, cc, n - got, p + got);
		hak_cpu_leave(cc);
	} else if (hak_is_hardened() && hak_harden_may_enter(cc)) {
		hak_cpu_enter(cc);
		got = hak_cpu_take_cached(cc, n, p);
		hak_cpu_leave(cc);
	}
	preempt_enable();
	return hak_is_hardened() ? hak_bulk_mark_live(c, got, p) : got;
}

/**
 * struct hak_bulk_slab - a slab's part of the registry, to check its objects by
 * @addr: first byte of the slab
 * @recip: copy of the registry entry's @recip
 * @bound: copy of the registry entry's @bound
 * @cpu: copy of the registry entry's @cpu
 */
struct hak_bulk_slab {
	unsigned long addr;
	u32 recip;
	u32 bound;
	struct hak_cpu_cache __percpu *cpu;
};

/*
 * Look up the slab of @p. Returns false if @p is no object, or of another node than
 * this CPU.
 */
static bool hak_bulk_find(struct hak_bulk_slab *b, const void *p)
{
	struct hak_entry *e = NULL;

	if (unlikely(!hak_find_entry(p, &e)))
		return false;
	/* As in hak_free_object(), this may already be the node of another slab. */
	if (hak_has_nodes() && data_race(e->nid) != numa_mem_id())
		return false;
	b->addr = (unsigned long)p & ~HAK_SLAB_MASK;
	b->recip = READ_ONCE(e->recip);
	b->bound = READ_ONCE(e->bound);
	b->cpu = READ_ONCE(e->cpu);
	return true;
}

/*
 * Add objects from @p to @cc, which has room for @n, and stop at the first that is not an
 * object of the same cache, or is the one before it freed twice. Each address is
 * checked as hak_find_entry() checks it. The registry is asked again only if an object
 * is of another slab than the one before it. @last is the object that was freed before
 * these. If @hardened, it also stops at the first object that is not live. Returns how
 * many it added.
 */
static __always_inline unsigned int
hak_bulk_add(struct hak_cpu_cache *cc, struct hak_bulk_slab *b, void **p,
	     unsigned int n, const void *last, const bool hardened)
{
	struct hak_cpu_cache __percpu *cpu = b->cpu;
	void **to = cc->obj + cc->nr, **end = p + n, **from;
	struct hak_bulk_slab s = *b;

	for (from = p; from != end; from++) {
		void *q = *from;
		unsigned long off = (unsigned long)q - s.addr;

		if (unlikely(off >= HAK_SLAB_SIZE)) {
			if (!hak_bulk_find(b, q) || b->cpu != cpu)
				break;
			s = *b;
			off = (unsigned long)q & HAK_SLAB_MASK;
		}
		if (unlikely((u32)off * s.recip >= s.bound))
			break;
		/* The caller frees the same object twice in a row. */
		if (unlikely(q == last))
			break;
		if (hardened && unlikely(!hak_mark_free(cc->cache, q)))
			break;
		last = q;
		*to++ = q;
	}
	hak_cpu_set_nr(cc, cc->nr + (from - p));
	return from - p;
}

/*
 * Free up to @n objects from @p on into this CPU's cache. They have to be of @want if
 * that is not NULL. It stops at the first object that is of another cache than the first
 * one, or that the fast path would not free. Returns how many it freed; if that is 0,
 * the caller has to free the first by hak_free_slow().
 */
static unsigned int hak_cpu_free_bulk(const struct hak_cache *want, unsigned int n,
				      void **p)
{
	unsigned int i = 0, some, done;
	struct hak_cpu_cache *cc;
	struct hak_bulk_slab b;
	const void *last;

	n = min(n, HAK_BULK_BATCH);
	preempt_disable();
	if (unlikely(!hak_bulk_find(&b, p[0])) || (want && b.cpu != want->cpu) ||
	    in_nmi())
		goto out;
	cc = this_cpu_ptr(b.cpu);
	if (hak_is_hardened() ? !hak_harden_may_free(cc) || !cc->cap :
				!hak_cpu_is_open(cc))
		goto out;

	hak_cpu_enter(cc);
	do {
		/* Read it first, since making room may spill it. */
		last = hak_cpu_last(cc, cc->nr);
		if (unlikely(p[i] == last))
			break;
		if (cc->nr >= cc->cap)
			hak_cpu_make_room(cc->cache, cc);
		some = min(n - i, cc->cap - cc->nr);
		if (hak_is_hardened())
			done = hak_bulk_add(cc, &b, p + i, some, last, true);
		else
			done = hak_bulk_add(cc, &b, p + i, some, last, false);
		i += done;
	} while (done == some && i < n);
	hak_cpu_leave(cc);
out:
	preempt_enable();
	return i;
}

/* Free @n objects, which have to be of @want if that is not NULL. */
static void __hak_free_bulk(const struct hak_cache *want, unsigned int n, void **p,
			    unsigned long caller)
{
	unsigned int i, done;

	for (i = 0; i < n; i += done) {
		done = hak_cpu_free_bulk(want, n - i, p + i);
		if (!done && hak_has_nodes())
			done = hak_outbox_add_bulk(want, n - i, p + i);
		if (!done) {
			hak_free_slow(want, p[i], caller);
			done = 1;
		}
	}
}

/* Allocate @n objects of @c, or none. */
static unsigned int __hak_alloc_bulk(struct hak_cache *c, gfp_t gfp,
				     unsigned int n, void **p, unsigned long caller)
{
	unsigned int i, j, got;

	might_alloc(gfp);
	for (i = 0; i < n; i += got) {
		got = 0;
		if (likely(!(gfp & HAK_GFP_FOREIGN)))
			got = hak_cpu_alloc_bulk(c, n - i, p + i);
		if (likely(got)) {
			for (j = i; want_init_on_alloc(gfp) && j < i + got; j++)
				hak_object_init(c, p[j], gfp);
			continue;
		}
		p[i] = hak_cache_alloc(c, gfp);
		if (unlikely(!p[i])) {
			__hak_free_bulk(c, i, p, caller);
			return 0;
		}
		got = 1;
	}
	return n;
}

/**
 * hak_free_bulk() - free many objects
 * @n: how many
 * @p: the objects; entries may be NULL
 *
 * Context: as for hak_free().
 */
void hak_free_bulk(unsigned int n, void **p)
{
	__hak_free_bulk(NULL, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_free_bulk);

/**
 * hak_alloc_bulk() - allocate many objects of one size
 * @size: bytes of each
 * @gfp: as for hak_alloc()
 * @n: how many
 * @p: filled in
 *
 * Context: as for hak_alloc().
 * Return: @n, or 0 with nothing allocated. So if @n is 0, success and failure look
 * alike.
 */
unsigned int hak_alloc_bulk(size_t size, gfp_t gfp, unsigned int n, void **p)
{
	unsigned int i;

	if (likely(hak_is_tiny(size, gfp)))
		return __hak_alloc_bulk(hak_size_class(size), gfp, n, p, _RET_IP_);

	for (i = 0; i < n; i++) {
		p[i] = hak_alloc_other(size, gfp, NUMA_NO_NODE);
		if (unlikely(!p[i])) {
			hak_free_bulk(i, p);
			return 0;
		}
	}
	return n;
}
EXPORT_SYMBOL_GPL(hak_alloc_bulk);

/**
 * hak_cache_free_bulk() - free many objects of a cache
 * @c: the cache they must be of
 * @n: how many
 * @p: the objects; entries may be NULL
 *
 * Context: as for hak_free().
 */
void hak_cache_free_bulk(struct hak_cache *c, unsigned int n, void **p)
{
	__hak_free_bulk(c, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_cache_free_bulk);

/**
 * hak_cache_alloc_bulk() - allocate many objects of a cache
 * @c: the cache
 * @gfp: as for hak_cache_alloc()
 * @n: how many
 * @p: filled in
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc_bulk().
 */
unsigned int hak_cache_alloc_bulk(struct hak_cache *c, gfp_t gfp, unsigned int n,
				  void **p)
{
	return __hak_alloc_bulk(c, gfp, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_cache_alloc_bulk);
