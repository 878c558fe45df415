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
 * struct hak_entry - what the registry knows of 64 KiB that may be a slab
 * @recip: copy of the cache's @recip
 * @bound: objects of the slab that were ever allocated, times the cache's @step; 0 if
 *	there is no slab
 * @owner_tag: hak_cpu_tag() of the CPU that owned the slab last
 * @nid: memory node of the pages
 * @cpu: the per-CPU caches of the slab's cache. If there is no slab, those of the
 *	first size class, so that the pointer is always valid.
 * @slab: the slab's metadata; NULL if there is no slab
 *
 * An entry has all that a free needs. It is written only when a slab is claimed, adopted,
 * carved or released, so CPUs that free objects share its cache line. An address is that
 * of an object that was ever allocated exactly if its offset in the slab times @recip is
 * below @bound, see hak_find_entry(). That also shows that the address is hakmem's.
 */
struct hak_entry {
	u32 recip;
	u32 bound;
	u32 owner_tag;
	int nid;
	struct hak_cpu_cache __percpu *cpu;
	struct hak_slab *slab;
} __aligned(32);

#define HAK_ENTRY_SHIFT		5

/* A leaf is one page, unless a header of the build has defined another size. */
#ifndef HAK_LEAF_BITS
#define HAK_LEAF_BITS		(PAGE_SHIFT - HAK_ENTRY_SHIFT)
#endif
#define HAK_LEAF_SHIFT		(HAK_LEAF_BITS + HAK_SLAB_SHIFT)
#define HAK_LEAF_BYTES		(sizeof(struct hak_entry) << HAK_LEAF_BITS)

/**
 * struct hak_registry - a table of leaves, which have the entries
 * @base: the first address covered, where the first leaf begins
 * @bytes: how many bytes of addresses are covered
 * @leaf: the table, from hak_table_alloc(). Each leaf has the entries of
 *	BIT(HAK_LEAF_BITS) slabs. If none of them is hakmem's, HAK_NO_LEAF is in its place.
 * @moving: true while @leaf is being replaced; no leaf may be added then
 *
 * If memory is added while hakmem is loaded, hak_registry_cover() replaces @leaf by a
 * larger table, waits for a grace period, and then raises @bytes. A reader reads both
 * with preemption off, in any order and without a barrier. If it finds the new @bytes,
 * the grace period makes sure that it finds the new @leaf as well.
 */
struct hak_registry {
	unsigned long base;
	unsigned long bytes;
	struct hak_entry **leaf;
	bool moving;
};

extern struct hak_registry hak_registry;

/* A leaf whose addresses are not hakmem's. It is never written. */
extern struct hak_entry hak_no_leaf[BIT(HAK_LEAF_BITS)];

/*
 * The table's value for addresses that have no leaf. It is a leaf without slabs, so that
 * a free does not need to test for it. A build whose table is too long to be filled has
 * NULL there, and a test.
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
 * The leaf with number @i, or HAK_NO_LEAF. A build whose table is opened page by page has
 * no leaves where it is not open.
 */
static __always_inline struct hak_entry *hak_registry_leaf(unsigned long i)
{
	if (!hak_table_is_open(hak_registry.leaf, i))
		return HAK_NO_LEAF;
	/* By address dependency, pairs with the cmpxchg in hak_registry_add_leaf(). */
	return data_race(data_race(hak_registry.leaf)[i]);
}

/*
 * Find the entry of the 64 KiB that @p is in. If the registry covers @p, *@e is the
 * entry, and the result is true. The caller has preemption off, or knows that the
 * registry does not grow. @p may be any address: SLUB's objects and pages have a tag
 * under tagged KASAN, and hakmem's objects have none, so the tag is removed.
 */
static __always_inline bool hak_registry_find(const void *p,
					      struct hak_entry **e)
{
	const unsigned long mask = (sizeof(**e) << HAK_LEAF_BITS) - sizeof(**e);
	unsigned long addr = (unsigned long)kasan_reset_tag(p);
	unsigned long off = addr - hak_registry.base;
	struct hak_entry *leaf;

	BUILD_BUG_ON(sizeof(**e) != BIT(HAK_ENTRY_SHIFT));

	/* Plain reads, since old and new values may be mixed; see struct hak_registry. */
	if (unlikely(off >= data_race(hak_registry.bytes)))
		return false;
	leaf = hak_registry_leaf(off >> HAK_LEAF_SHIFT);
	if (HAK_TABLE_IS_ZERO && unlikely(!leaf))
		return false;
	/* One shift gives the offset of the entry, without an index in between. */
	addr >>= HAK_SLAB_SHIFT - HAK_ENTRY_SHIFT;
	addr = (addr & mask) + (unsigned long)leaf;
	/* This keeps the compiler from computing it again, and from a second read. */
	OPTIMIZER_HIDE_VAR(addr);
	*e = (struct hak_entry *)addr;
	return true;
}

/*
 * Find the slab that @p is in. Returns NULL if it is in none. The caller has preemption
 * off.
 */
static __always_inline struct hak_slab *hak_slab_of(const void *p)
{
	struct hak_entry *e = NULL;

	if (unlikely(!hak_registry_find(p, &e)))
		return NULL;
	/* By address dependency, pairs with the release in hak_registry_set(). */
	return READ_ONCE(e->slab);
}

#endif /* _HAK_REGISTRY_H */
