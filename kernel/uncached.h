/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fast_cap=0: the short ways of one object from the slab that this CPU owns to its user, and
 * back. They serve the common case only. If they cannot serve a request, they do nothing, and
 * hak_cpu_take_uncached() or hak_cpu_free_uncached() does the work.
 */
#ifndef _HAK_UNCACHED_H
#define _HAK_UNCACHED_H

#include <linux/compiler.h>
#include <linux/llist.h>
#include <linux/types.h>

#include "core.h"

/*
 * Take the first object off the freelist of @s, which the caller owns. The check of the link is
 * that of hak_find_entry(). Returns false if the freelist is empty, or the link is broken.
 * hak_cpu_cache.direct of the slab's cache is set.
 */
static __always_inline bool hak_slab_take_one(struct hak_slab *s, void **p)
{
	const struct hak_entry *e = s->entry;
	struct llist_node *n = s->freelist;
	unsigned long off = (unsigned long)n - s->addr;

	/* No slab is at the end of the address space, so NULL is out of bounds, too. */
	if (unlikely(off >= HAK_SLAB_SIZE) || unlikely((u32)off * e->recip >= e->bound))
		return false;
	s->freelist = n->next;
	WRITE_ONCE(s->taken, s->taken + 1);
	*p = n;
	return true;
}

/*
 * Carve one never-used object of @s, a slab of @c which has no free ones. Returns false if that
 * was all, or if its metadata is broken. hak_cpu_cache.direct of @c is set.
 */
static __always_inline bool hak_slab_carve_one(const struct hak_cache *c, struct hak_slab *s,
					       void **p)
{
	if (unlikely(s->bump >= c->capacity))
		return false;
	*p = (void *)(s->addr + (unsigned long)s->bump * c->size);
	WRITE_ONCE(s->bump, s->bump + 1);
	WRITE_ONCE(s->entry->bound, s->bump * c->step);
	WRITE_ONCE(s->taken, s->taken + 1);
	return true;
}

/*
 * Take the object that was freed last into the slab that this CPU owns. @cc is busy, or
 * nothing can interrupt its owner; its @direct is set. Returns false if there is no slab, or
 * if hak_slab_take_one() does.
 */
static __always_inline bool hak_cpu_take_direct(struct hak_cpu_cache *cc, void **p)
{
	struct hak_slab *s = cc->cur;

	if (unlikely(!s) || unlikely(!hak_slab_take_one(s, p)))
		return false;
	hak_cpu_count(&cc->refills);
	return true;
}

/*
 * Put @p back on the freelist of @s, which the caller owns. Returns false, with nothing done,
 * if @p is the object that was freed last into this slab, and so is being freed twice.
 * hak_cpu_cache.direct of the slab's cache is set.
 */
static __always_inline bool hak_slab_give_one(struct hak_slab *s, const void *p)
{
	struct llist_node *link = (void *)p;

	if (unlikely(s->freelist == link))
		return false;
	link->next = s->freelist;
	s->freelist = link;
	WRITE_ONCE(s->taken, s->taken - 1);
	return true;
}

#endif /* _HAK_UNCACHED_H */
