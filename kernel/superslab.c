// SPDX-License-Identifier: GPL-2.0
/*
 * Superslabs: naturally aligned blocks of 64 KiB slots, which all caches of a memory
 * node share. Slots are claimed and released, and superslabs declared dead, under the
 * node's lock. Pages are allocated and freed without it.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/nodemask.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "core.h"

LIST_HEAD(hak_superslabs);

static raw_spinlock_t hak_all_lock;
static atomic64_t hak_grown[HAK_NR_ORDERS];
static atomic64_t hak_shrunk;
static atomic64_t hak_broken;

static void hak_superslab_list(struct hak_superslab *ss)
{
	unsigned long flags;

	hak_lock(&hak_all_lock, flags, HAK_LOCK_ALL);
	list_add_rcu(&ss->all, &hak_superslabs);
	hak_unlock(&hak_all_lock, flags);
}

static void hak_superslab_unlist(struct hak_superslab *ss)
{
	unsigned long flags;

	hak_lock(&hak_all_lock, flags, HAK_LOCK_ALL);
	list_del_rcu(&ss->all);
	hak_unlock(&hak_all_lock, flags);
}

/* Count @ss as one that has no slot in use (@n is 1), or no longer (@n is -1). */
static void __hak_node_empty(struct hak_node *node, struct hak_superslab *ss,
			     int n)
{
	lockdep_assert_held(&node->lock);

	WRITE_ONCE(node->nr_empty, node->nr_empty + n);
	WRITE_ONCE(node->empty_pages, node->empty_pages + n * (1L << ss->order));
}

/* The list of hak_node.avail that @ss belongs on; 0 for none. */
static unsigned int hak_superslab_level(struct hak_superslab *ss)
{
	if (!ss->used)
		return HAK_LEVEL_EMPTY;
	if (ss->used == HAK_SS_DEAD)
		return 0;
	return hweight64(ss->full & ~ss->used);
}

/*
 * Put @ss first on its list, but behind smaller ones without a slot in use: these are
 * used first, and go back first. A node has few of them, see HAK_STOCK: no more than it has
 * CPUs that are growing it.
 */
static void hak_superslab_add(struct hak_superslab *ss, struct list_head *list)
{
	struct hak_superslab *at;

	if (ss->used) {
		list_add(&ss->avail, list);
		return;
	}
	list_for_each_entry(at, list, avail)
		if (at->order >= ss->order)
			break;
	/* If none is as large, @at is the head of the list. */
	list_add_tail(&ss->avail, &at->avail);
}

/* After slots of @ss were claimed or released, move it to the list it belongs on. */
static void __hak_node_place(struct hak_node *node, struct hak_superslab *ss)
{
	unsigned int was = ss->level, level = hak_superslab_level(ss);

	lockdep_assert_held(&node->lock);

	if (level == was)
		return;
	if (was) {
		list_del_init(&ss->avail);
		if (list_empty(&node->avail[was]))
			WRITE_ONCE(node->levels, node->levels & ~BIT_ULL(was));
	}
	if (level) {
		hak_superslab_add(ss, &node->avail[level]);
		WRITE_ONCE(node->levels, node->levels | BIT_ULL(level));
	}
	WRITE_ONCE(ss->level, level);
	if (was == HAK_LEVEL_EMPTY)
		__hak_node_empty(node, ss, -1);
	else if (level == HAK_LEVEL_EMPTY)
		__hak_node_empty(node, ss, 1);
}

/* @ss has come to @node, if @n is 1, or goes, if @n is -1; with all slots that it has. */
static void __hak_node_count(struct hak_node *node, struct hak_superslab *ss, int n)
{
	lockdep_assert_held(&node->lock);

	WRITE_ONCE(node->nr_superslabs, node->nr_superslabs + n);
	WRITE_ONCE(node->nr_slots, node->nr_slots + n * (long)hweight64(ss->full));
}

/* No slot of @ss is in use. From now on none can be claimed, and the caller frees it. */
static void __hak_node_remove(struct hak_node *node, struct hak_superslab *ss)
{
	WRITE_ONCE(ss->used, HAK_SS_DEAD);
	__hak_node_place(node, ss);
	__hak_node_count(node, ss, -1);
}

/* The first superslab of the first list from @level up that has any; or NULL. */
static struct hak_superslab *__hak_node_first(struct hak_node *node,
					      unsigned int level)
{
	u64 levels = node->levels & ~(BIT_ULL(level) - 1);

	lockdep_assert_held(&node->lock);

	if (!levels)
		return NULL;
	return list_first_entry(&node->avail[__ffs64(levels)],
				struct hak_superslab, avail);
}

/*
 * Allocate a superslab. Returns NULL if the node has no free block of this order,
 * and -ERANGE if the block is beyond the registry; in that case smaller blocks are
 * likely to be beyond it, too, and the caller does not try them.
 *
 * Nothing here waits for memory, neither for the pages nor for the metadata. If
 * either is missing, the fallback allocates the single object, and waits as the
 * caller allows.
 */
static struct hak_superslab *hak_superslab_new(int nid, unsigned int order,
					       gfp_t gfp)
{
	unsigned int i, nr = 1U << (order - HAK_MIN_ORDER);
	struct hak_superslab *ss;
	unsigned long addr;
	gfp_t meta;

	/* The pages come first, because most orders that are tried have no free block. */
	addr = (unsigned long)hak_arena_alloc(nid, order, gfp | __GFP_THISNODE);
	if (!addr)
		return NULL;
	if (unlikely(!hak_registry_covers(addr, nr))) {
		hak_count(HAK_EV_UNCOVERED);
		hak_arena_discard((void *)addr, order);
		return ERR_PTR(-ERANGE);
	}
	meta = (gfp & (__GFP_KSWAPD_RECLAIM | __GFP_HIGH)) |
	       __GFP_NORETRY | __GFP_NOWARN;
	ss = kzalloc_node(sizeof(*ss), meta, nid);
	if (!ss)
		goto free_pages;
	/* A power of two, so kmalloc() wastes nothing, and aligns it to cache lines. */
	ss->slab = kcalloc_node(nr, sizeof(*ss->slab), meta, nid);
	if (!ss->slab)
		goto free_ss;
	if (hak_registry_prepare(addr, nr, meta))
		goto free_slab;

	ss->addr = addr;
	ss->order = order;
	ss->nid = page_to_nid(virt_to_page((void *)ss->addr));
	ss->full = BIT_ULL(nr) - 1;
	for (i = 0; i < nr; i++) {
		struct hak_slab *s = &ss->slab[i];

		s->ss = ss;
		s->slot = i;
		s->nid = ss->nid;
		s->addr = ss->addr + i * HAK_SLAB_SIZE;
		if (hak_is_hardened())
			s->secret = get_random_long();
		atomic_set(&s->rc, HAK_UNUSED);
	}
	hak_arena_kmemleak_add((void *)addr, order, meta);
	return ss;

free_slab:
	kfree(ss->slab);
free_ss:
	kfree(ss);
free_pages:
	hak_arena_discard((void *)addr, order);
	return NULL;
}

/*
 * Does the page allocator clear the pages while the caller may not sleep? 2 MiB would
 * take it long, maybe with interrupts off. hakmem does not need it, but cannot stop it.
 */
static bool hak_cleared_in_atomic(gfp_t gfp)
{
	return want_init_on_alloc(0) && !want_init_on_free() &&
	       !gfpflags_allow_blocking(gfp);
}

/*
 * Allocate the largest superslab that the node has a free block for. A single slab is
 * tried only if another CPU is allocating one, if the node failed the last time, or if
 * the pages are cleared and the caller may not sleep.
 */
static struct hak_superslab *hak_superslab_get(int nid, gfp_t gfp)
{
	struct hak_node *node = hak_node[nid];
	bool alone = !atomic_xchg(&node->growing, 1);
	struct hak_superslab *ss;
	unsigned int order;

	order = HAK_MAX_ORDER;
	if (!alone || READ_ONCE(node->failed) || hak_cleared_in_atomic(gfp))
		order = HAK_MIN_ORDER;
	for (;; order--) {
		ss = hak_superslab_new(nid, order, gfp);
		if (ss || order == HAK_MIN_ORDER)
			break;
	}
	if (alone)
		atomic_set_release(&node->growing, 0);
	return ss;
}

/**
 * hak_superslab_grow() - allocate a superslab and make its slots claimable
 * @nid: the node, and no other
 * @gfp: the caller's flags
 *
 * It tries 2 MiB first, then half of that, and so on down to one slab. If another CPU
 * is allocating for the same node, it tries one slab only, so that many CPUs that
 * start at once do not take 2 MiB each. With init_on_alloc it does so, too, if the caller
 * may not sleep, because the page allocator clears the pages.
 *
 * No request reclaims or compacts memory. If the node has no free block, the caller
 * goes to the fallback, that is to SLUB, for the object. In fragmented memory every
 * allocation would come here in vain, so after a failure the node is left alone for
 * HAK_BACKOFF_MS. Then one caller tries again, for one slab.
 *
 * Context: any in which the page allocator may be called; no lock of hakmem is held.
 * Return: @nid, or -ENOMEM.
 */
int hak_superslab_grow(int nid, gfp_t gfp)
{
	struct hak_node *node = hak_node[nid];
	struct hak_superslab *ss;
	unsigned long flags;

	/* The caller's cpuset forbids this node. That does not count as its failure. */
	if (!hak_node_allowed(nid))
		return -ENOMEM;
	if (hak_node_backoff(node)) {
		hak_count(HAK_EV_BACKOFF);
		return -ENOMEM;
	}
	hak_count(HAK_EV_GROWN);
	ss = hak_superslab_get(nid, gfp);
	/* The free blocks of the node are beyond the registry. */
	if (IS_ERR(ss))
		ss = NULL;
	if (!ss) {
		WRITE_ONCE(node->failed, jiffies ?: 1);
		pr_debug("no superslab on node %d\n", nid);
		return -ENOMEM;
	}
	pr_debug("superslab of order %u on node %d\n", ss->order, nid);
	atomic64_inc(&hak_grown[ss->order - HAK_MIN_ORDER]);
	hak_trace(HAK_TR_SUPERSLAB_NEW, NULL, ss->addr, NULL, ss->order);
	hak_superslab_list(ss);
	WRITE_ONCE(node->failed, 0);
	hak_lock(&node->lock, flags, HAK_LOCK_NODE);
	__hak_node_count(node, ss, 1);
	__hak_node_place(node, ss);
	hak_unlock(&node->lock, flags);
	return nid;
}

/**
 * hak_superslab_claim() - take an unused slot for a cache
 * @c: the cache
 * @nid: the node, and no other
 *
 * The slot comes from the superslab that has the fewest unused slots, so that others
 * can become empty and go back. One without a slot in use is taken only if no other
 * superslab has an unused slot.
 *
 * Context: any but NMI. Takes the node's lock if the node has an unused slot.
 * Return: a slab owned by the caller, or NULL if every slot is in use.
 */
struct hak_slab *hak_superslab_claim(struct hak_cache *c, int nid)
{
	struct hak_node *node = hak_node[nid];
	struct hak_superslab *ss;
	struct hak_slab *s = NULL;
	unsigned long flags;

	if (!READ_ONCE(node->levels))
		return NULL;
	hak_lock(&node->lock, flags, HAK_LOCK_NODE);
	ss = __hak_node_first(node, 0);
	if (ss) {
		s = &ss->slab[__ffs64(ss->full & ~ss->used)];
		WRITE_ONCE(ss->used, ss->used | BIT_ULL(s->slot));
		WRITE_ONCE(node->nr_used, node->nr_used + 1);
		__hak_node_place(node, ss);
	}
	hak_unlock(&node->lock, flags);

	if (!s)
		return NULL;
	hak_slab_init(s, c);
	hak_count(HAK_EV_CLAIMED);
	hak_trace(HAK_TR_CLAIM, c, s->addr, NULL, 0);
	return s;
}

/* Does @ss still have the pages of all its slots? */
static bool hak_superslab_intact(struct hak_superslab *ss)
{
	return hweight64(ss->full) == 1U << (ss->order - HAK_MIN_ORDER);
}

static void hak_superslab_free_slots(struct hak_superslab *ss, u64 slots)
{
	unsigned int i;

	for (i = 0; slots >> i; i++)
		if (slots & BIT_ULL(i))
			hak_arena_free_slot((void *)(ss->addr +
						     i * HAK_SLAB_SIZE));
}

/*
 * Free the metadata of @ss after a grace period. Until then it is read by those that are
 * protected by RCU only: a pusher that has just counted, a caller that frees a stale
 * address, and whoever walks hak_superslabs.
 */
static void hak_superslab_free_meta(struct hak_superslab *ss)
{
	kfree_rcu(ss->slab, rcu);
	kfree_rcu(ss, rcu);
}

/*
 * Free @ss, which is dead: no slot is in use, and none can be claimed. The pages are
 * freed at once.
 */
static void hak_superslab_free(struct hak_superslab *ss)
{
	pr_debug("superslab of order %u on node %d goes back\n", ss->order,
		 ss->nid);
	hak_trace(HAK_TR_SUPERSLAB_FREE, NULL, ss->addr, NULL, ss->order);
	hak_superslab_unlist(ss);
	if (hak_superslab_intact(ss))
		hak_arena_free((void *)ss->addr, ss->order);
	else
		hak_superslab_free_slots(ss, ss->full);
	hak_superslab_free_meta(ss);
	atomic64_inc(&hak_shrunk);
}

static struct hak_superslab *hak_superslab_pop_empty(struct hak_node *node,
						     unsigned int keep)
{
	struct hak_superslab *ss = NULL;
	unsigned long flags;

	hak_lock(&node->lock, flags, HAK_LOCK_NODE);
	if (node->nr_empty > keep) {
		ss = __hak_node_first(node, HAK_LEVEL_EMPTY);
		__hak_node_remove(node, ss);
	}
	hak_unlock(&node->lock, flags);
	return ss;
}

/*
 * Free the empty superslabs of @node but for @keep. CPUs may get superslabs as fast as this
 * frees them, so it frees no more than there are when it begins.
 */
static void hak_node_trim(struct hak_node *node, unsigned int keep)
{
	unsigned int nr = READ_ONCE(node->nr_empty);
	struct hak_superslab *ss;

	while (nr-- && (ss = hak_superslab_pop_empty(node, keep)))
		hak_superslab_free(ss);
}

/**
 * hak_superslab_unclaim() - return a slot to its superslab
 * @s: an unused slab, its registry entry cleared
 *
 * A superslab that has lost pages is freed with its last slot in use. Others without a slot
 * in use are the node's stock. The stock may have more than HAK_STOCK after CPUs grew the
 * node at the same time, since all of them take slots from the fullest superslab. So this
 * frees all that are too many.
 *
 * Context: task. Takes the node lock.
 */
void hak_superslab_unclaim(struct hak_slab *s)
{
	struct hak_superslab *ss = s->ss;
	struct hak_node *node = hak_node[ss->nid];
	bool dead, many;
	unsigned long flags;

	hak_lock(&node->lock, flags, HAK_LOCK_NODE);
	WRITE_ONCE(ss->used, ss->used & ~BIT_ULL(s->slot));
	WRITE_ONCE(node->nr_used, node->nr_used - 1);
	dead = !ss->used && !hak_superslab_intact(ss);
	if (dead)
		__hak_node_remove(node, ss);
	else
		__hak_node_place(node, ss);
	many = node->nr_empty > HAK_STOCK;
	hak_unlock(&node->lock, flags);

	if (dead)
		hak_superslab_free(ss);
	if (many)
		hak_node_trim(node, HAK_STOCK);
}

/**
 * hak_superslab_trim() - free empty superslabs
 * @keep: how many each node may keep
 *
 * It frees no more than there are when it begins.
 *
 * Context: task.
 */
void hak_superslab_trim(unsigned int keep)
{
	int nid;

	for_each_node(nid)
		hak_node_trim(hak_node[nid], keep);
}

/*
 * Free the unused slots of one superslab that is in use. They are marked as in use
 * meanwhile, so that no CPU claims them and the superslab is not freed. False if no
 * superslab that is in use has an unused slot.
 */
static bool hak_superslab_break_one(struct hak_node *node)
{
	struct hak_superslab *ss;
	unsigned long flags;
	bool dead;
	u64 gone;

	hak_lock(&node->lock, flags, HAK_LOCK_NODE);
	ss = __hak_node_first(node, 0);
	if (ss && ss->used) {
		gone = ss->full & ~ss->used;
		WRITE_ONCE(ss->used, ss->full);
		__hak_node_place(node, ss);
	} else {
		ss = NULL;
	}
	hak_unlock(&node->lock, flags);
	if (!ss)
		return false;

	if (hak_superslab_intact(ss))
		hak_arena_split((void *)ss->addr, ss->order);
	hak_superslab_free_slots(ss, gone);
	atomic64_inc(&hak_broken);

	hak_lock(&node->lock, flags, HAK_LOCK_NODE);
	WRITE_ONCE(ss->full, ss->full & ~gone);
	WRITE_ONCE(ss->used, ss->used & ~gone);
	WRITE_ONCE(node->nr_slots, node->nr_slots - hweight64(gone));
	dead = !ss->used;
	if (dead)
		__hak_node_remove(node, ss);
	else
		__hak_node_place(node, ss);
	hak_unlock(&node->lock, flags);

	if (dead)
		hak_superslab_free(ss);
	return true;
}

/**
 * hak_superslab_break() - free the unused slots of all superslabs
 *
 * The slots in use stay usable. Slots that were freed never come back, and the
 * superslab is freed with its last one. This breaks up the page allocator's largest
 * blocks, so it is for an OOM notice and for a person who asks.
 *
 * CPUs may get superslabs, or release slots, as fast as this breaks superslabs up. So it
 * breaks up no more than there are when it begins.
 *
 * Context: task; one caller at a time.
 */
void hak_superslab_break(void)
{
	unsigned long nr;
	int nid;

	for_each_node(nid) {
		nr = READ_ONCE(hak_node[nid]->nr_superslabs);
		while (nr-- && hak_superslab_break_one(hak_node[nid]))
			cond_resched();
	}
}

/* How many pages of a node hak_superslab_shrink() could free now. */
unsigned long hak_superslab_empty_pages(int nid)
{
	return READ_ONCE(hak_node[nid]->empty_pages);
}

/**
 * hak_superslab_shrink() - free empty superslabs of a node
 * @nid: the node
 * @pages: how many to free; the last superslab may make it more
 *
 * Context: task.
 * Return: pages freed.
 */
unsigned long hak_superslab_shrink(int nid, unsigned long pages)
{
	struct hak_superslab *ss;
	unsigned long freed = 0;

	while (freed < pages) {
		ss = hak_superslab_pop_empty(hak_node[nid], 0);
		if (!ss)
			break;
		freed += 1UL << ss->order;
		hak_superslab_free(ss);
	}
	return freed;
}

/* Totals for the statistics. */
void hak_superslab_stats(struct hak_stats *st)
{
	unsigned int i;
	int nid;

	for (i = 0; i < HAK_NR_ORDERS; i++) {
		st->grown_order[i] = atomic64_read(&hak_grown[i]);
		st->grown += st->grown_order[i];
	}
	st->shrunk = atomic64_read(&hak_shrunk);
	st->broken = atomic64_read(&hak_broken);
	for_each_node(nid) {
		const struct hak_node *node = hak_node[nid];

		st->superslabs += READ_ONCE(node->nr_superslabs);
		st->superslabs_empty += READ_ONCE(node->nr_empty);
		st->pages += READ_ONCE(node->nr_slots) << HAK_MIN_ORDER;
		st->slots_used += READ_ONCE(node->nr_used);
	}
}

void hak_superslab_init(void)
{
	BUILD_BUG_ON(sizeof(struct hak_slab) != 128);
	BUILD_BUG_ON(offsetof(struct hak_slab, remote) != 64);

	raw_spin_lock_init(&hak_all_lock);
}

/*
 * Superslabs with a slot in use stay allocated, since there are live objects in them.
 * Nothing of hakmem refers to them from here on.
 */
void hak_superslab_exit(void)
{
	struct hak_superslab *ss, *next;

	hak_superslab_trim(0);
	list_for_each_entry_safe(ss, next, &hak_superslabs, all) {
		hak_superslab_unlist(ss);
		hak_superslab_free_meta(ss);
	}
}
