// SPDX-License-Identifier: GPL-2.0
/*
 * The spill: what a CPU does when its per-CPU cache is full. The older half of the
 * objects leaves. If they came from another CPU's slabs they are sent to the depot,
 * else they go back to their slabs: to the freelist if this CPU owns the slab, and
 * onto the remote list if not.
 *
 * Nothing here calls the page allocator or SLUB.
 */
#include <linux/bitops.h>

#include "core.h"
#include "fast_path.h"
#include "uncached.h"

/* How many slabs a spill gathers objects of at the same time. */
#define HAK_SPILL_GROUPS	16

/**
 * struct hak_spill_group - objects of one slab
 * @nr: the upper bits of their addresses, from HAK_SLAB_SHIFT on
 * @slab: the slab
 * @first: chain of their links
 * @last: its end
 * @n: objects in it
 */
struct hak_spill_group {
	unsigned long nr;
	struct hak_slab *slab;
	struct llist_node *first;
	struct llist_node *last;
	unsigned int n;
};

/**
 * hak_cpu_give() - give a chain of objects back to their slab
 * @cc: the per-CPU cache, busy; NULL for a caller that owns no slab
 * @s: the slab
 * @first: chain of the objects' links
 * @last: its end
 * @n: objects in it
 *
 * If this CPU owns the slab, they go to its freelist. If not, they are pushed.
 */
void hak_cpu_give(struct hak_cpu_cache *cc, struct hak_slab *s,
		  struct llist_node *first, struct llist_node *last, unsigned int n)
{
	if (cc && s == cc->cur) {
		hak_slab_give(s, first, last, n);
		return;
	}
	if (cc)
		hak_cpu_count(&cc->pushes);
	hak_slab_push(s, first, last, n);
}

/* Give the objects of @g to their slab. */
static void hak_spill_give(struct hak_cpu_cache *cc, const struct hak_spill_group *g)
{
	hak_cpu_give(cc, g->slab, g->first, g->last, g->n);
}

/*
 * Begin group @g with the object whose link is @node. If @used, @g holds another group,
 * which is given to its slab first. Returns false if the object's slab is gone.
 */
static noinline bool hak_spill_begin(struct hak_cpu_cache *cc,
				     struct hak_spill_group *g, bool used,
				     struct llist_node *node)
{
	if (used)
		hak_spill_give(cc, g);
	g->nr = (unsigned long)node >> HAK_SLAB_SHIFT;
	g->slab = hak_slab_of(node);
	g->first = node;
	g->last = node;
	g->n = 1;
	return g->slab;
}

/*
 * Report the objects from @obj on whose slab is gone, which means that some object was
 * freed twice. Their memory may have another user by now, so nothing is written into it.
 * Returns where the objects of another slab begin, or @end.
 */
static noinline void **hak_spill_stray(struct hak_cache *c, void **obj, void **end)
{
	void **begin = obj;

	while (++obj != end && !(((unsigned long)*obj ^ (unsigned long)*begin) >>
				 HAK_SLAB_SHIFT))
		;
	hak_report_stray(c, *begin, obj - begin);
	return obj;
}

/*
 * Put the objects from @obj up to @end before the chain of @g, and stop at the first
 * that is not of the same slab. Four at a time are compared: if none differs from the
 * slab's address in the upper bits, all are of the slab. Returns where it stopped.
 */
static __always_inline void **hak_spill_run(struct hak_spill_group *g, u32 link,
					    void **obj, void **end)
{
	const unsigned long addr = g->nr << HAK_SLAB_SHIFT;
	struct llist_node *first = g->first;
	void **begin = obj, **four = obj + (end - obj) / 4 * 4;

	/* With hardened=1 the caller links the objects one by one, with encoded links. */
	if (hak_is_hardened())
		return obj;
	for (; obj != four; obj += 4) {
		struct llist_node *a = obj[0] + link, *b = obj[1] + link;
		struct llist_node *c = obj[2] + link, *d = obj[3] + link;

		if ((((unsigned long)a ^ addr) | ((unsigned long)b ^ addr) |
		     ((unsigned long)c ^ addr) | ((unsigned long)d ^ addr)) >=
		    HAK_SLAB_SIZE)
			break;
		a->next = first;
		b->next = a;
		c->next = b;
		d->next = c;
		first = d;
	}
	for (; obj != end; obj++) {
		struct llist_node *a = *obj + link;

		if (((unsigned long)a ^ addr) >= HAK_SLAB_SIZE)
			break;
		a->next = first;
		first = a;
	}
	g->first = first;
	g->n += obj - begin;
	return obj;
}

/**
 * hak_cpu_spill() - give objects back to the slabs they came from
 * @c: their cache
 * @cc: the per-CPU cache, busy; NULL for a caller that owns no slab
 * @obj: the objects
 * @n: how many
 *
 * The objects are sorted into groups, one for each slab, and each group is given to its
 * slab by hak_cpu_give(). The groups are in a small direct-mapped table. If two slabs
 * have the same place in it, the earlier group is given away first.
 */
void hak_cpu_spill(struct hak_cache *c, struct hak_cpu_cache *cc,
		   void **obj, unsigned int n)
{
	struct hak_spill_group group[HAK_SPILL_GROUPS] __uninitialized;
	unsigned long used = 0;	/* a bit for each group in use */
	void **end = obj + n;
	const u32 link = c->link;

	while (obj != end) {
		struct llist_node *node = *obj++ + link;
		unsigned long nr = (unsigned long)node >> HAK_SLAB_SHIFT;
		unsigned int i = nr % HAK_SPILL_GROUPS;
		struct hak_spill_group *g = &group[i];

		if (used & BIT(i) && g->nr == nr) {
			hak_link_set(g->slab, node, g->first);
			g->first = node;
			g->n++;
		} else if (likely(hak_spill_begin(cc, g, used & BIT(i), node))) {
			used |= BIT(i);
		} else {
			used &= ~BIT(i);
			obj = hak_spill_stray(c, obj - 1, end);
			continue;
		}
		if (obj != end && ((unsigned long)*obj >> HAK_SLAB_SHIFT) == nr)
			obj = hak_spill_run(g, link, obj, end);
	}
	for (; used; used &= used - 1)
		hak_spill_give(cc, &group[__ffs(used)]);
	if (cc) {
		hak_cpu_count(&cc->spills);
		hak_trim_kick();
	}
	hak_trace(HAK_TR_SPILL, c, 0, NULL, n);
}

/* Add @p to the bits that are set in all addresses, and to those set in any. */
static __always_inline void hak_spill_add_bits(const void *p, unsigned long *all,
					       unsigned long *any)
{
	*all &= (unsigned long)p;
	*any |= (unsigned long)p;
}

/*
 * Are all @n objects from @obj on of one slab? If so, the upper bits of their addresses
 * are the same.
 */
static __always_inline bool hak_spill_is_one(void **obj, unsigned int n)
{
	void **end = obj + n, **eight = obj + n / 8 * 8;
	unsigned long all = -1UL, any = 0;

	/* If objects were freed in random order, three of them show it. */
	if (((unsigned long)obj[0] ^ (unsigned long)obj[n / 2]) >= HAK_SLAB_SIZE ||
	    ((unsigned long)obj[0] ^ (unsigned long)obj[n - 1]) >= HAK_SLAB_SIZE)
		return false;

	for (; obj != eight; obj += 8) {
		hak_spill_add_bits(obj[0], &all, &any);
		hak_spill_add_bits(obj[1], &all, &any);
		hak_spill_add_bits(obj[2], &all, &any);
		hak_spill_add_bits(obj[3], &all, &any);
		hak_spill_add_bits(obj[4], &all, &any);
		hak_spill_add_bits(obj[5], &all, &any);
		hak_spill_add_bits(obj[6], &all, &any);
		hak_spill_add_bits(obj[7], &all, &any);
	}
	for (; obj != end; obj++)
		hak_spill_add_bits(obj[0], &all, &any);
	return (all ^ any) < HAK_SLAB_SIZE;
}

/* Put @p before the chain *@first, by its link at @link. */
static __always_inline void hak_spill_link(void *p, const u32 link,
					   struct llist_node **first)
{
	struct llist_node *node = p + link;

	node->next = *first;
	*first = node;
}

/*
 * Chain the @n objects from @obj on by links at @link. Returns the chain, which begins
 * with the last of them.
 */
static __always_inline struct llist_node *hak_spill_chain(void **obj, unsigned int n,
							  const u32 link)
{
	void **end = obj + n, **eight = obj + n / 8 * 8;
	struct llist_node *first = NULL;

	for (; obj != eight; obj += 8) {
		hak_spill_link(obj[0], link, &first);
		hak_spill_link(obj[1], link, &first);
		hak_spill_link(obj[2], link, &first);
		hak_spill_link(obj[3], link, &first);
		hak_spill_link(obj[4], link, &first);
		hak_spill_link(obj[5], link, &first);
		hak_spill_link(obj[6], link, &first);
		hak_spill_link(obj[7], link, &first);
	}
	for (; obj != end; obj++)
		hak_spill_link(obj[0], link, &first);
	return first;
}

/*
 * Do what hak_cpu_spill() does for the first @n objects of @cc, if all of them are of
 * slab @s, as they mostly are if objects are freed in the order in which they were
 * allocated. Returns false, with nothing done, if they are not.
 */
static __always_inline bool hak_cpu_spill_one(struct hak_cache *c,
					      struct hak_cpu_cache *cc,
					      struct hak_slab *s, unsigned int n)
{
	struct llist_node *first, *last;

	if (hak_is_hardened() || !hak_spill_is_one(cc->obj, n))
		return false;
	last = hak_to_link(c, cc->obj[0]);
	if (likely(!c->link))
		first = hak_spill_chain(cc->obj, n, 0);
	else
		first = hak_spill_chain(cc->obj, n, c->link);
	hak_cpu_count(&cc->spills);
	hak_cpu_give(cc, s, first, last, n);
	hak_trim_kick();
	hak_trace(HAK_TR_SPILL, c, 0, NULL, n);
	return true;
}

/*
 * Remove the older half of the objects of a full cache. If they came from another CPU's
 * slabs, they are sent to the depot, where CPUs that allocate find them. If they are of
 * this CPU's slabs, or if they cannot be sent, they are spilled. So objects that only
 * one CPU uses stay with it, and do not keep its slabs from becoming whole. One look at
 * the oldest object decides for all, since only speed depends on it.
 */
static __always_inline void __hak_cpu_make_room(struct hak_cache *c,
						struct hak_cpu_cache *cc)
{
	unsigned int n = hak_cpu_batch(cc);
	struct hak_entry *e = NULL;
	struct hak_slab *s;

	if (unlikely(!hak_registry_find(cc->obj[0], &e)))
		goto spill;
	if (READ_ONCE(e->owner_tag) != hak_cpu_tag(cc) && hak_depot_send(c, cc))
		goto sent;
	s = READ_ONCE(e->slab);
	if (likely(s) && hak_cpu_spill_one(c, cc, s, n))
		goto sent;
spill:
	hak_cpu_spill(c, cc, cc->obj, n);
sent:
	hak_cpu_set_nr(cc, cc->nr - n);
	hak_move_objects(cc->obj, cc->obj + n, cc->nr);
}

/**
 * hak_cpu_make_room() - remove the older half of the objects of a full cache
 * @c: the cache
 * @cc: its per-CPU cache, busy and full; its @cap is not 0
 */
void hak_cpu_make_room(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	__hak_cpu_make_room(c, cc);
}

/**
 * hak_cpu_free_uncached() - free an object while the cache is off (fast_cap=0)
 * @cc: this CPU's cache of the object's cache
 * @s: the object's slab; NULL if it is gone
 * @p: the object, its address checked
 *
 * Context: any but NMI; preemption off.
 * Return: false if nothing was done, and hak_free_slow() has to free @p or refuse it: the
 * cache is not ready, or its @direct is not set; or @p is seen to be free already.
 */
bool hak_cpu_free_uncached(struct hak_cpu_cache *cc, struct hak_slab *s, const void *p)
{
	struct llist_node *link = (void *)p;
	bool freed;

	if (unlikely(!cc->direct) || unlikely(!hak_cpu_is_ready(cc)))
		return false;
	/* If @p is being freed twice, its slab may be gone, or of another cache. */
	if (unlikely(!s) || unlikely(READ_ONCE(s->cache) != cc->cache))
		return false;
	hak_cpu_enter(cc);
	if (s != cc->cur) {
		hak_cpu_count(&cc->pushes);
		hak_slab_push(s, link, link, 1);
		freed = true;
	} else {
		freed = hak_slab_give_one(s, p);
	}
	hak_cpu_leave(cc);
	return freed;
}

/**
 * hak_free_full() - free an object that the fast path could not add to its cache
 * @want: the cache it must be of, or NULL
 * @p: the object, its address checked
 * @caller: return address of the caller
 * @cpu: the per-CPU caches of its cache
 *
 * Most likely this CPU's cache is full, or off. In any other case hak_free_slow() frees @p.
 *
 * Context: any; preemption is off, and is on again at the end.
 */
noinline void hak_free_full(const struct hak_cache *want, const void *p,
			    unsigned long caller, struct hak_cpu_cache __percpu *cpu)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(cpu);
	bool freed;

	if (unlikely(!hak_cpu_is_open(cc) || in_nmi()))
		goto slow;
	hak_cpu_enter(cc);
	/* If @p is the object freed last, it is being freed twice. */
	if (unlikely(hak_cpu_last(cc, cc->nr) == p)) {
		hak_cpu_leave(cc);
		goto slow;
	}
	if (likely(cc->nr >= cc->cap))
		__hak_cpu_make_room(cc->cache, cc);
	hak_cpu_push_last(cc, p);
	hak_cpu_leave(cc);
	preempt_enable();
	return;
slow:
	/* A cache that is off is never open. */
	freed = cc->direct && !in_nmi() && hak_cpu_free_uncached(cc, hak_slab_of(p), p);
	preempt_enable();
	if (!freed)
		hak_free_slow(want, p, caller);
}
