/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registry: is this address hakmem's, and which slab is it in?
 */
#ifndef _HAK_REGISTRY_H
#define _HAK_REGISTRY_H

#include <linux/build_bug.h>
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
 * @recip: its cache's
 * @bound: objects ever allocated in it, times its cache's @step; 0 where there
 *	are none
 * @home: hak_cpu_tag() of the CPU that owned the slab last
 * @nid: memory node of the pages
 * @cache: whose objects they are; any that lasts where there are none
 * @slab: its metadata, NULL without a slab
 *
 * All that a free needs, on a line that is written only when a slab is claimed,
 * adopted, carved and released. An address is that of an object that was ever
 * allocated exactly when its offset times @recip is below @bound, see
 * hak_find_object(); no other check is needed that it is hakmem's.
 */
struct hak_entry {
	u32 recip;
	u32 bound;
	u32 home;
	int nid;
	struct hak_cache *cache;
	struct hak_slab *slab;
} __aligned(32);

#define HAK_ENTRY_SHIFT		5

/* A leaf is a page, unless the build's own headers say otherwise. */
#ifndef HAK_LEAF_BITS
#define HAK_LEAF_BITS		(PAGE_SHIFT - HAK_ENTRY_SHIFT)
#endif
#define HAK_LEAF_SHIFT		(HAK_LEAF_BITS + HAK_SLAB_SHIFT)
#define HAK_LEAF_BYTES		(sizeof(struct hak_entry) << HAK_LEAF_BITS)

/**
 * struct hak_registry - the entries, two levels of them
 * @base: first address covered
 * @bytes: addresses covered
 * @leaf: entries of BIT(HAK_LEAF_BITS) slabs each, NULL while none is hakmem's;
 *	from hak_table_alloc()
 * @moving: @leaf is about to be replaced, and takes no new leaf
 *
 * Memory may be added while hakmem is loaded. Then hak_registry_cover() replaces
 * @leaf by a larger one, waits for a grace period, and raises @bytes. So whoever
 * reads both with preemption off, in either order, and finds the new @bytes, finds
 * the new @leaf, and needs no barrier for that.
 */
struct hak_registry {
	unsigned long base;
	unsigned long bytes;
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
	const unsigned long mask = (sizeof(**e) << HAK_LEAF_BITS) - sizeof(**e);
	unsigned long off = (unsigned long)kasan_reset_tag(p) - hak_registry.base;
	struct hak_entry *leaf;

	BUILD_BUG_ON(sizeof(**e) != BIT(HAK_ENTRY_SHIFT));

	/* Plain reads, as any mixture of old and new will do; see above. */
	if (unlikely(off >= data_race(hak_registry.bytes)))
		return false;
	/* Pairs with the cmpxchg in hak_registry_add_leaf(). */
	leaf = READ_ONCE(data_race(hak_registry.leaf)[off >> HAK_LEAF_SHIFT]);
	if (unlikely(!leaf))
		return false;
	/* In one step what would be an index, and then an address. */
	off >>= HAK_SLAB_SHIFT - HAK_ENTRY_SHIFT;
	*e = (void *)leaf + (off & mask);
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
