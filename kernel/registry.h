/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registry: is this address hakmem's, and which slab is it in?
 */
#ifndef _HAK_REGISTRY_H
#define _HAK_REGISTRY_H

#include <linux/compiler.h>
#include <linux/gfp_types.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "compat.h"
#include "geometry.h"

struct hak_cache;
struct hak_slab;

/**
 * struct hak_entry - what the registry knows of a slab's 64 KiB
 * @limit: bytes of it in which objects were ever allocated; 0 where there are
 *	none, so a free that is within the limit needs no other check that the
 *	address is hakmem's
 * @home: hak_cpu_tag() of the CPU that owned the slab last
 * @nid: memory node of the pages
 * @cache: whose objects they are; any that lasts where there are none
 * @slab: its metadata, NULL without a slab
 *
 * All that a free needs, on a line that is written only when a slab is claimed,
 * adopted, carved and released.
 */
struct hak_entry {
	u32 limit;
	u32 home;
	int nid;
	struct hak_cache *cache;
	struct hak_slab *slab;
} __aligned(32);

/* A leaf is a page, unless the build's own headers say otherwise. */
#ifndef HAK_LEAF_BITS
#define HAK_LEAF_BITS		(PAGE_SHIFT - 5)
#endif

/**
 * struct hak_registry - the entries, two levels of them
 * @base: first address covered
 * @nr: slabs covered
 * @leaf: entries of BIT(HAK_LEAF_BITS) slabs each, NULL while none is hakmem's;
 *	from hak_table_alloc()
 * @moving: @leaf is about to be replaced, and takes no new leaf
 *
 * Memory may be added while hakmem is loaded. Then hak_registry_cover() replaces
 * @leaf by a larger one, waits for a grace period, and raises @nr. So whoever
 * reads both with preemption off, in either order, and finds the new @nr, finds
 * the new @leaf, and needs no barrier for that.
 */
struct hak_registry {
	unsigned long base;
	unsigned long nr;
	struct hak_entry **leaf;
	bool moving;
};

extern struct hak_registry hak_registry;
int hak_registry_init(void);
void hak_registry_exit(void);
unsigned long hak_registry_leaves(unsigned long end);
bool hak_registry_covers(unsigned long addr, unsigned int nr);
int hak_registry_prepare(unsigned long addr, unsigned int nr, gfp_t gfp);
void hak_registry_set(struct hak_slab *s);
void hak_registry_clear(struct hak_slab *s);

/*
 * Is there an entry for the 64 KiB that hold @p? Then it is *@e. Preemption is
 * off, or the registry cannot grow. Tagged KASAN's tags are taken off: SLUB's
 * objects have them, and the page allocator's addresses, but not hakmem's.
 */
static __always_inline bool hak_registry_find(const void *p,
					      struct hak_entry **e)
{
	unsigned long i = ((unsigned long)kasan_reset_tag(p) -
			   hak_registry.base) >> HAK_SLAB_SHIFT;
	struct hak_entry *leaf;

	/* Plain reads, as any mixture of old and new will do; see above. */
	if (unlikely(i >= data_race(hak_registry.nr)))
		return false;
	/* Pairs with the cmpxchg in hak_registry_add_leaf(). */
	leaf = READ_ONCE(data_race(hak_registry.leaf)[i >> HAK_LEAF_BITS]);
	if (unlikely(!leaf))
		return false;
	*e = &leaf[i & (BIT(HAK_LEAF_BITS) - 1)];
	return true;
}

/* The slab that holds @p; NULL if that is none of hakmem's. Preemption is off. */
static __always_inline struct hak_slab *hak_slab_of(const void *p)
{
	struct hak_entry *e = NULL;

	if (unlikely(!hak_registry_find(p, &e)))
		return NULL;
	/* By address dependency, pairs with the release in hak_registry_set(). */
	return READ_ONCE(e->slab);
}

#endif /* _HAK_REGISTRY_H */
