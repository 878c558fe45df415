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
#include <linux/percpu.h>
#include <linux/types.h>

#include "compat.h"
#include "geometry.h"

struct hak_cpu_cache;
struct hak_slab;

/**
 * struct hak_entry - what the registry knows of a slab's 64 KiB
 * @recip: its cache's
 * @bound: objects ever allocated in it, times its cache's @step; 0 where there
 *	are none
 * @home: hak_cpu_tag() of the CPU that owned the slab last
 * @nid: memory node of the pages
 * @cpu: the per-CPU caches of the cache whose objects they are; of any that lasts
 *	where there are none
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
	struct hak_cpu_cache __percpu *cpu;
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
 * @base: first address covered, that of a leaf's first slab
 * @bytes: addresses covered
 * @leaf: entries of BIT(HAK_LEAF_BITS) slabs each, HAK_NO_LEAF while none is
 *	hakmem's; from hak_table_alloc()
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

/* The entries of addresses where nothing is hakmem's; never written. */
extern struct hak_entry hak_no_leaf[BIT(HAK_LEAF_BITS)];

/*
 * What stands in the table for the leaf that is not there: one without slabs, so
 * that a free need not ask. A build whose table is too long to be filled with
 * that has NULL.
 */
#ifndef HAK_TABLE_IS_ZERO
#define HAK_TABLE_IS_ZERO	0
#endif
#define HAK_NO_LEAF		(HAK_TABLE_IS_ZERO ? NULL : hak_no_leaf)

int hak_registry_init(void);
void hak_registry_exit(void);
unsigned long hak_registry_leaves(unsigned long end);
void hak_registry_no_leaves(struct hak_entry **leaf, unsigned long n);
bool hak_registry_covers(unsigned long addr, unsigned int nr);
int hak_registry_prepare(unsigned long addr, unsigned int nr, gfp_t gfp);
void hak_registry_set(struct hak_slab *s);
void hak_registry_clear(struct hak_slab *s);

/*
 * Does the registry cover the 64 KiB that hold @p? Then *@e is their entry.
 * Preemption is off, or the registry cannot grow. Tagged KASAN's tags are taken
 * off: SLUB's objects have them, and the page allocator's addresses, but not
 * hakmem's.
 */
static __always_inline bool hak_registry_find(const void *p,
					      struct hak_entry **e)
{
	const unsigned long mask = (sizeof(**e) << HAK_LEAF_BITS) - sizeof(**e);
	unsigned long addr = (unsigned long)kasan_reset_tag(p);
	unsigned long off = addr - hak_registry.base;
	struct hak_entry *leaf;

	BUILD_BUG_ON(sizeof(**e) != BIT(HAK_ENTRY_SHIFT));

	/* Plain reads, as any mixture of old and new will do; see above. */
	if (unlikely(off >= data_race(hak_registry.bytes)))
		return false;
	/* By address dependency, pairs with the cmpxchg in hak_registry_add_leaf(). */
	leaf = data_race(data_race(hak_registry.leaf)[off >> HAK_LEAF_SHIFT]);
	if (HAK_TABLE_IS_ZERO && unlikely(!leaf))
		return false;
	/* In one step what would be an index, and then an address. */
	addr >>= HAK_SLAB_SHIFT - HAK_ENTRY_SHIFT;
	addr = (addr & mask) + (unsigned long)leaf;
	/* Computed once, and the table read once. */
	OPTIMIZER_HIDE_VAR(addr);
	*e = (struct hak_entry *)addr;
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
