// SPDX-License-Identifier: GPL-2.0
/*
 * The registry: is this address hakmem's, and which slab is it in? Two levels,
 * an entry of 32 bytes for each 64 KiB of the kernel's linear map, with all that
 * a free needs, so that it does not touch the slab's metadata. Memory added
 * beyond the map's end at load is foreign.
 */
#include <linux/errno.h>
#include <linux/math.h>

#include "core.h"

struct hak_registry hak_registry __read_mostly;

/* No slab in it; but every entry leads to some cache. */
static struct hak_entry *hak_registry_new_leaf(gfp_t gfp)
{
	struct hak_entry *leaf;
	unsigned long i;

	leaf = kzalloc(sizeof(*leaf) << HAK_LEAF_BITS, gfp);
	for (i = 0; leaf && i < BIT(HAK_LEAF_BITS); i++)
		leaf[i].cache = &hak_class[0];
	return leaf;
}

static unsigned long hak_registry_leaves(void)
{
	return DIV_ROUND_UP(hak_registry.nr, BIT(HAK_LEAF_BITS));
}

int hak_registry_init(void)
{
	unsigned long end = (unsigned long)high_memory;

	BUILD_BUG_ON(sizeof(unsigned long) != 8);
	BUILD_BUG_ON(sizeof(struct hak_entry) << HAK_LEAF_BITS != PAGE_SIZE);

	hak_registry.base = PAGE_OFFSET & ~HAK_SLAB_MASK;
	hak_registry.nr = DIV_ROUND_UP(end - hak_registry.base, HAK_SLAB_SIZE);
	hak_registry.leaf = kvcalloc(hak_registry_leaves(),
				     sizeof(*hak_registry.leaf), GFP_KERNEL);
	if (!hak_registry.leaf) {
		hak_registry.nr = 0;
		return -ENOMEM;
	}
	return 0;
}

void hak_registry_exit(void)
{
	unsigned long i, n = hak_registry_leaves();

	for (i = 0; i < n; i++)
		kfree(hak_registry.leaf[i]);
	hak_registry.nr = 0;
	kvfree(hak_registry.leaf);
	hak_registry.leaf = NULL;
}

/**
 * hak_registry_prepare() - make room for the entries of a superslab
 * @addr: its first byte
 * @nr: slabs in it
 * @gfp: for the leaves
 *
 * Return: 0, -ENOMEM, or -ERANGE for memory the registry does not cover.
 */
int hak_registry_prepare(unsigned long addr, unsigned int nr, gfp_t gfp)
{
	unsigned long i = (addr - hak_registry.base) >> HAK_SLAB_SHIFT;
	unsigned long end = i + nr;
	struct hak_entry **slot, *leaf;

	if (addr < hak_registry.base || end > hak_registry.nr)
		return -ERANGE;

	for (; i < end; i = (i | (BIT(HAK_LEAF_BITS) - 1)) + 1) {
		slot = &hak_registry.leaf[i >> HAK_LEAF_BITS];
		if (READ_ONCE(*slot))
			continue;
		leaf = hak_registry_new_leaf(gfp);
		if (!leaf)
			return -ENOMEM;
		/* Pairs with the read in hak_registry_find(). */
		if (cmpxchg(slot, NULL, leaf))
			kfree(leaf);
	}
	return 0;
}

/**
 * hak_registry_set() - make a slab known
 * @s: the slab, with nothing carved; the leaf is there
 *
 * A free finds it once hak_slab_carve() raises the limit.
 */
void hak_registry_set(struct hak_slab *s)
{
	struct hak_entry *e = NULL;

	if (WARN_ON_ONCE(!hak_registry_find((void *)s->addr, &e)))
		return;
	s->entry = e;
	WRITE_ONCE(e->nid, s->nid);
	WRITE_ONCE(e->cache, s->cache);
	/* Pairs with the read in hak_slab_of(). */
	smp_store_release(&e->slab, s);
}

/*
 * The slab is released: its addresses are nobody's. Its cache may be destroyed
 * from now on, once RCU readers are done.
 */
void hak_registry_clear(struct hak_slab *s)
{
	WRITE_ONCE(s->entry->limit, 0);
	WRITE_ONCE(s->entry->slab, NULL);
	WRITE_ONCE(s->entry->cache, &hak_class[0]);
}
