/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registry: is this address hakmem's, and which slab is it in?
 */
#ifndef _HAK_REGISTRY_H
#define _HAK_REGISTRY_H

#include <linux/compiler.h>
#include <linux/gfp_types.h>
#include <linux/mm.h>
#include <linux/types.h>

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

#define HAK_LEAF_BITS		(PAGE_SHIFT - 5)

/**
 * struct hak_registry - the entries, two levels of them
 * @base: first address covered
 * @nr: slabs covered
 * @leaf: entries of BIT(HAK_LEAF_BITS) slabs each, NULL while none is hakmem's
 */
struct hak_registry {
	unsigned long base;
	unsigned long nr;
	struct hak_entry **leaf;
};

extern struct hak_registry hak_registry;
int hak_registry_init(void);
void hak_registry_exit(void);
int hak_registry_prepare(unsigned long addr, unsigned int nr, gfp_t gfp);
void hak_registry_set(struct hak_slab *s);
void hak_registry_clear(struct hak_slab *s);

/* Is there an entry for the 64 KiB that hold @p? Then it is *@e. */
static __always_inline bool hak_registry_find(const void *p,
					      struct hak_entry **e)
{
	unsigned long i = ((unsigned long)p - hak_registry.base) >> HAK_SLAB_SHIFT;
	struct hak_entry *leaf;

	if (unlikely(i >= hak_registry.nr))
		return false;
	/* Pairs with the cmpxchg in hak_registry_prepare(). */
	leaf = READ_ONCE(hak_registry.leaf[i >> HAK_LEAF_BITS]);
	if (unlikely(!leaf))
		return false;
	*e = &leaf[i & (BIT(HAK_LEAF_BITS) - 1)];
	return true;
}

/* The slab that holds @p; NULL if that is none of hakmem's. */
static __always_inline struct hak_slab *hak_slab_of(const void *p)
{
	struct hak_entry *e = NULL;

	if (unlikely(!hak_registry_find(p, &e)))
		return NULL;
	/* By address dependency, pairs with the release in hak_registry_set(). */
	return READ_ONCE(e->slab);
}

#endif /* _HAK_REGISTRY_H */
