// SPDX-License-Identifier: GPL-2.0
/*
 * The registry: is this address hakmem's, and which slab is it in? It has an entry of 32
 * bytes for each 64 KiB of the kernel's linear map. An entry has all that a free needs,
 * so a free does not touch the slab's metadata. A table leads to leaves of entries. When
 * hakmem is loaded, the registry covers the linear map from the lowest memory to the
 * highest, and as much more as fills the last page of the table. If memory is added beyond
 * that, the table grows. Memory that is not covered is never hakmem's.
 */
#include <linux/errno.h>
#include <linux/math.h>

#include "core.h"

struct hak_registry hak_registry __read_mostly;

struct hak_entry hak_no_leaf[BIT(HAK_LEAF_BITS)] __aligned(64);

/* Make a leaf without slabs. Even so every entry has valid per-CPU caches. */
static struct hak_entry *hak_registry_new_leaf(unsigned long addr, gfp_t gfp)
{
	struct hak_entry *leaf;
	unsigned long i;

	leaf = hak_leaf_alloc(addr, HAK_LEAF_BYTES, gfp);
	for (i = 0; leaf && i < BIT(HAK_LEAF_BITS); i++)
		leaf[i].cpu = hak_class[0].cpu;
	return leaf;
}

static void hak_registry_free_leaf(struct hak_entry *leaf)
{
	if (leaf != HAK_NO_LEAF)
		hak_leaf_free(leaf, HAK_LEAF_BYTES);
}

/**
 * hak_registry_no_leaves() - initialise a part of a table to have no leaves
 * @leaf: the part, as hak_table_alloc() made it
 * @n: how many leaves it has room for
 */
void hak_registry_no_leaves(struct hak_entry **leaf, unsigned long n)
{
	unsigned long i;

	if (HAK_TABLE_IS_ZERO)
		return;
	for (i = 0; i < n; i++)
		leaf[i] = hak_no_leaf;
}

/*
 * How many leaves cover the addresses below @end? The number is rounded up, so that the
 * table is made of whole pages.
 */
unsigned long hak_registry_leaves(unsigned long end)
{
	unsigned long bytes = end - hak_registry.base;
	unsigned long leaves = DIV_ROUND_UP(bytes, HAK_SLAB_SIZE << HAK_LEAF_BITS);

	return round_up(leaves, PAGE_SIZE / sizeof(*hak_registry.leaf));
}

int hak_registry_init(void)
{
	unsigned long leaves;

	BUILD_BUG_ON(sizeof(unsigned long) != 8);
	BUILD_BUG_ON((sizeof(struct hak_entry) << HAK_LEAF_BITS) % PAGE_SIZE);

	hak_registry.base = hak_ram_start() & -(1UL << HAK_LEAF_SHIFT);
	leaves = hak_registry_leaves((unsigned long)high_memory);
	hak_registry.leaf = hak_table_alloc(leaves, sizeof(*hak_registry.leaf));
	if (!hak_registry.leaf)
		return -ENOMEM;
	hak_registry_no_leaves(hak_registry.leaf, leaves);
	hak_registry.bytes = leaves << HAK_LEAF_SHIFT;
	return 0;
}

void hak_registry_exit(void)
{
	unsigned long i, n = hak_registry.bytes >> HAK_LEAF_SHIFT;

	for (i = 0; i < n; i++)
		hak_registry_free_leaf(hak_registry_leaf(i));
	hak_registry.bytes = 0;
	hak_table_free(hak_registry.leaf, n, sizeof(*hak_registry.leaf));
	hak_registry.leaf = NULL;
}

/**
 * hak_registry_covers() - may these addresses be hakmem's?
 * @addr: first byte of a superslab
 * @nr: slabs in it
 *
 * Return: true if the table covers them all.
 */
bool hak_registry_covers(unsigned long addr, unsigned int nr)
{
	return addr >= hak_registry.base &&
	       addr - hak_registry.base + nr * HAK_SLAB_SIZE <=
	       READ_ONCE(hak_registry.bytes);
}

static bool hak_registry_has_leaf(unsigned long addr)
{
	unsigned long i = (addr - hak_registry.base) >> HAK_LEAF_SHIFT;
	struct hak_entry *leaf = HAK_NO_LEAF;

	preempt_disable();
	if (hak_table_is_open(hak_registry.leaf, i))
		/*
		 * Pairs with the cmpxchg in hak_registry_add_leaf(): if another CPU made the
		 * leaf, the caller writes entries only after it sees them initialised.
		 */
		leaf = smp_load_acquire(&READ_ONCE(hak_registry.leaf)[i]);
	preempt_enable();
	return leaf != HAK_NO_LEAF;
}

/*
 * Add a leaf for @addr. While preemption is off, hak_registry_cover() waits, so the table
 * is not replaced before the leaf is in it.
 */
static int hak_registry_add_leaf(unsigned long addr, gfp_t gfp)
{
	unsigned long i = (addr - hak_registry.base) >> HAK_LEAF_SHIFT;
	struct hak_entry *leaf;
	int err = -EAGAIN;

	if (hak_table_open(hak_registry.leaf, i))
		return -ENOMEM;
	leaf = hak_registry_new_leaf(addr, gfp);
	if (!leaf)
		return -ENOMEM;
	preempt_disable();
	if (!READ_ONCE(hak_registry.moving)) {
		/* Pairs with the reads in hak_registry_find() and _has_leaf(). */
		if (cmpxchg(&READ_ONCE(hak_registry.leaf)[i], HAK_NO_LEAF,
			    leaf) == HAK_NO_LEAF)
			leaf = HAK_NO_LEAF;
		err = 0;
	}
	preempt_enable();
	hak_registry_free_leaf(leaf);
	return err;
}

/**
 * hak_registry_prepare() - make room for the entries of a superslab
 * @addr: its first byte
 * @nr: slabs in it
 * @gfp: for the leaves
 *
 * Return: 0, -ENOMEM, -ERANGE for memory the registry does not cover, or -EAGAIN
 * for the moment in which it grows.
 */
int hak_registry_prepare(unsigned long addr, unsigned int nr, gfp_t gfp)
{
	unsigned long end = addr + nr * HAK_SLAB_SIZE;
	unsigned long step = HAK_SLAB_SIZE << HAK_LEAF_BITS;
	int err;

	if (!hak_registry_covers(addr, nr))
		return -ERANGE;

	for (; addr < end; addr += step - (addr - hak_registry.base) % step) {
		if (hak_registry_has_leaf(addr))
			continue;
		err = hak_registry_add_leaf(addr, gfp);
		if (err)
			return err;
	}
	return 0;
}

/**
 * hak_registry_set() - make a slab known
 * @s: the slab, with nothing carved; the leaf is there
 *
 * A free finds it once hak_slab_carve() raises the bound.
 */
void hak_registry_set(struct hak_slab *s)
{
	struct hak_entry *e = NULL;
	bool found;

	preempt_disable();
	found = hak_registry_find((void *)s->addr, &e);
	preempt_enable();
	if (WARN_ON_ONCE(!found || !hak_registry_has_leaf(s->addr)))
		return;
	s->entry = e;
	WRITE_ONCE(e->recip, s->cache->recip);
	WRITE_ONCE(e->nid, s->nid);
	WRITE_ONCE(e->cpu, s->cache->cpu);
	/* Pairs with the read in hak_slab_of(). */
	smp_store_release(&e->slab, s);
}

/*
 * The owner of slab @s releases it, so its addresses are no objects from now on. The
 * entry must not keep the cache's per-CPU caches, since the cache may be destroyed as
 * soon as RCU readers are done.
 */
void hak_registry_clear(struct hak_slab *s)
{
	WRITE_ONCE(s->entry->bound, 0);
	WRITE_ONCE(s->entry->slab, NULL);
	WRITE_ONCE(s->entry->cpu, hak_class[0].cpu);
}
