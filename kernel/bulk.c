// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk calls: many objects in one busy section.
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "core.h"
#include "fast_path.h"

/* Up to @n objects of the per-CPU cache, those freed last. */
static __always_inline unsigned int
hak_cpu_take_cached(struct hak_cpu_cache *cc, unsigned int n, void **p)
{
	n = min_t(unsigned int, n, cc->nr);
	hak_cpu_set_nr(cc, cc->nr - n);
	hak_move_objects(p, cc->obj + cc->nr, n);
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

	if (unlikely(hak_cache_is_slubs(c)))
		return 0;
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
	if (likely(!in_nmi() && hak_cpu_is_ready(cc))) {
		hak_cpu_enter(cc);
		got = hak_cpu_take_cached(cc, n, p);
		if (got < n)
			got += hak_cpu_take_more(c, cc, n - got, p + got);
		hak_cpu_leave(cc);
	}
	preempt_enable();
	return got;
}

/**
 * struct hak_bulk_slab - what all objects of one slab are checked by
 * @addr: its first byte
 * @recip: of its entry in the registry
 * @bound: likewise
 * @cpu: the per-CPU caches its objects may go into
 */
struct hak_bulk_slab {
	unsigned long addr;
	u32 recip;
	u32 bound;
	struct hak_cpu_cache __percpu *cpu;
};

/* The slab of @p; false if that is none, or of another node. */
static bool hak_bulk_find(struct hak_bulk_slab *b, const void *p)
{
	struct hak_entry *e = NULL;

	if (unlikely(!hak_find_entry(p, &e)))
		return false;
	if (hak_has_nodes() && e->nid != numa_mem_id())
		return false;
	b->addr = (unsigned long)p & ~HAK_SLAB_MASK;
	b->recip = READ_ONCE(e->recip);
	b->bound = READ_ONCE(e->bound);
	b->cpu = READ_ONCE(e->cpu);
	return true;
}

/*
 * Put the first of @n objects into @cc, which has room for as many: all that are of
 * its cache. Each is checked as hak_find_entry() does it, but only where the slab
 * changes is it looked up. @last was freed just before. Returns how many.
 */
static unsigned int hak_bulk_add(struct hak_cpu_cache *cc, struct hak_bulk_slab *b,
				 void **p, unsigned int n, const void *last)
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
		/* Freed twice in a row. */
		if (unlikely(q == last))
			break;
		last = q;
		*to++ = q;
	}
	hak_cpu_set_nr(cc, cc->nr + (from - p));
	return from - p;
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
	if (!hak_cpu_is_ready(cc) || !cc->limit)
		goto out;

	hak_cpu_enter(cc);
	do {
		/* Looked at before it may be spilled. */
		last = hak_cpu_last(cc, cc->nr);
		if (unlikely(p[i] == last))
			break;
		if (cc->nr >= cc->cap)
			hak_cpu_make_room(cc->cache, cc);
		some = min(n - i, cc->cap - cc->nr);
		done = hak_bulk_add(cc, &b, p + i, some, last);
		i += done;
	} while (done == some && i < n);
	hak_cpu_leave(cc);
out:
	preempt_enable();
	return i;
}
