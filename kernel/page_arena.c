// SPDX-License-Identifier: GPL-2.0
/*
 * The page arena: the only code that asks the page allocator for superslabs.
 *
 * The pages have reference count 0, as slab pages have in newer kernels, so a stray
 * put_page() or kfree() cannot give them away. They are not compound, so that slots can be
 * freed one by one. They do not have the type of slab pages. So get_page() takes a reference,
 * as it does not of slab pages, and whoever drops it frees the page.
 *
 * Memory hotplug takes a page that is neither compound nor referenced for one that is
 * just being freed. To take its memory offline, it would wait for that for ever. So the
 * first page of every slot is marked reserved, and then it gives up at once.
 *
 * All pages are counted in NR_SLAB_UNRECLAIMABLE_B, so /proc/meminfo shows them under
 * Slab.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/kasan.h>
#include <linux/kmemleak.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/page_ref.h>
#include <linux/swap.h>

#include "core.h"

/**
 * struct hak_arena_node - the books of a memory node
 * @bytes: bytes of pages that hakmem holds
 * @returned: bytes that it has given back so far
 */
struct hak_arena_node {
	atomic64_t bytes;
	atomic64_t returned;
};

static struct hak_arena_node hak_arena_node[MAX_NUMNODES];

static struct hak_arena_node *hak_arena_node_of(void *addr)
{
	return &hak_arena_node[page_to_nid(virt_to_page(addr))];
}

/*
 * The flags of a request for a superslab. Of the caller's flags it keeps those that
 * bind it to a node or a cpuset.
 *
 * Every order is above 0, except that of a single slab where pages have 64 KiB. Direct
 * reclaim and compaction are not worth their time: in fragmented memory every object
 * would pay for them, and the fallback reclaims as the caller allows. Nor does it wake
 * kswapd, which would reclaim pages until there is a block of this order; requests for
 * single pages wake it when memory is low.
 *
 * Flags for zones, zeroing, mobility and accounting concern the object, not the pages.
 * __GFP_NOFAIL is left to the fallback. The reserves are for tasks that free memory, so
 * a superslab never comes from them.
 */
static gfp_t hak_arena_gfp(gfp_t gfp)
{
	return (gfp & (__GFP_HARDWALL | __GFP_THISNODE)) |
	       __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC;
}

/* Mark and count a block's pages as hakmem's (@ours), or undo that. */
static void hak_arena_mark(char *addr, unsigned int order, bool ours)
{
	long i, bytes = PAGE_SIZE << order;

	for (i = 0; i < bytes; i += HAK_SLAB_SIZE) {
		if (ours)
			SetPageReserved(virt_to_page(addr + i));
		else
			ClearPageReserved(virt_to_page(addr + i));
	}
	if (!ours)
		bytes = -bytes;
	mod_node_page_state(page_pgdat(virt_to_page(addr)),
			    NR_SLAB_UNRECLAIMABLE_B, bytes);
	atomic64_add(bytes, &hak_arena_node_of(addr)->bytes);
}

/*
 * Count a block that has been in use as given back. If the current task is reclaiming
 * memory, it learns that it made progress, as it does when SLUB frees a page.
 */
static void hak_arena_count_returned(struct hak_arena_node *node, long bytes)
{
	atomic64_add(bytes, &node->returned);
	mm_account_reclaimed_pages(bytes >> PAGE_SHIFT);
}

/**
 * hak_arena_alloc() - allocate a naturally aligned block of pages
 * @nid: node to prefer, or to insist on with __GFP_THISNODE
 * @order: page order, HAK_MIN_ORDER..HAK_MAX_ORDER
 * @gfp: the caller's flags
 *
 * It takes a free block, and neither reclaims nor compacts memory for one.
 *
 * With tagged KASAN the pages have a tag, which is part of their address. hakmem takes
 * it off, because the registry compares and subtracts addresses. Through an address
 * without a tag, memory with any tag may be accessed.
 *
 * Context: any in which the page allocator may be called.
 * Return: the block's first byte, or NULL.
 */
void *hak_arena_alloc(int nid, unsigned int order, gfp_t gfp)
{
	struct page *page;
	void *addr;

	if (hak_should_fail(PAGE_SIZE << order))
		return NULL;
	gfp = hak_arena_gfp(gfp);
	page = alloc_pages_node(nid, gfp, order);
	if (!page)
		return NULL;

	/* A speculative reader may hold a reference to what the page was before. */
	if (!page_ref_freeze(page, 1)) {
		__free_pages(page, order);
		return NULL;
	}
	addr = kasan_reset_tag(page_address(page));
	hak_arena_mark(addr, order, true);
	return addr;
}

/**
 * hak_arena_kmemleak_add() - have kmemleak scan a block for pointers
 * @addr: from hak_arena_alloc()
 * @order: likewise
 * @gfp: for kmemleak's own memory
 *
 * Every slot is an object of its own to kmemleak, because slots may be freed one by
 * one. kmemleak never reports one as a leak.
 *
 * Context: as for hak_arena_alloc().
 */
void hak_arena_kmemleak_add(void *addr, unsigned int order, gfp_t gfp)
{
	long i;

	for (i = 0; i < PAGE_SIZE << order; i += HAK_SLAB_SIZE)
		kmemleak_alloc(addr + i, HAK_SLAB_SIZE, 0, gfp);
}

/*
 * This may be called in atomic context. kmemleak_free() of a whole object allocates
 * nothing, whereas kmemleak_free_part() would allocate, with GFP_KERNEL.
 */
static void hak_arena_kmemleak_remove(void *addr, unsigned int order)
{
	long i;

	for (i = 0; i < PAGE_SIZE << order; i += HAK_SLAB_SIZE)
		kmemleak_free(addr + i);
}

/**
 * hak_arena_discard() - give back a block that was never used
 * @addr: from hak_arena_alloc(), and not given to hak_arena_kmemleak_add()
 * @order: likewise
 *
 * It is not counted as returned, because no more memory is free than before the block
 * was allocated.
 *
 * Context: as for hak_arena_alloc().
 */
void hak_arena_discard(void *addr, unsigned int order)
{
	struct page *page = virt_to_page(addr);

	hak_arena_mark(addr, order, false);
	page_ref_unfreeze(page, 1);
	__free_pages(page, order);
}

/**
 * hak_arena_free() - give a block back
 * @addr: from hak_arena_alloc(), given to hak_arena_kmemleak_add()
 * @order: likewise
 *
 * Context: any in which the page allocator may be called.
 */
void hak_arena_free(void *addr, unsigned int order)
{
	/* Memory hotplug may remove the struct page of a page that is free. */
	struct hak_arena_node *node = hak_arena_node_of(addr);

	hak_arena_kmemleak_remove(addr, order);
	hak_arena_discard(addr, order);
	hak_arena_count_returned(node, PAGE_SIZE << order);
}

/**
 * hak_arena_split() - split a block, so that its slots can be freed separately
 * @addr: from hak_arena_alloc()
 * @order: likewise
 *
 * The page allocator splits a block only if it has a reference count. So for a moment
 * every page has one, and a task that walks all pages may take another reference. In
 * that case hakmem keeps its own reference to the page until hak_arena_free_slot().
 *
 * Context: task; meanwhile no slot is given back to the page allocator. Slots in use may be
 * released and claimed.
 */
void hak_arena_split(void *addr, unsigned int order)
{
	long i;

	page_ref_unfreeze(virt_to_page(addr), 1);
	split_page(virt_to_page(addr), order);
	for (i = 0; i < PAGE_SIZE << order; i += PAGE_SIZE)
		page_ref_freeze(virt_to_page(addr + i), 1);
}

/**
 * hak_arena_free_slot() - give back one slot of a block that was split
 * @addr: its first byte
 *
 * Its pages are freed one by one, because split_page() has made each a page of its own,
 * accounted for by itself. If another task still has a reference to a page, the page is
 * freed when that task drops it.
 *
 * Context: any in which the page allocator may be called.
 */
void hak_arena_free_slot(void *addr)
{
	struct hak_arena_node *node = hak_arena_node_of(addr);
	long i;

	hak_arena_kmemleak_remove(addr, HAK_MIN_ORDER);
	hak_arena_mark(addr, HAK_MIN_ORDER, false);
	for (i = 0; i < HAK_SLAB_SIZE; i += PAGE_SIZE) {
		struct page *page = virt_to_page(addr + i);

		/* No task can take a reference to a page whose count is 0. */
		if (!page_ref_count(page))
			page_ref_unfreeze(page, 1);
	}
	free_pages_exact(addr, HAK_SLAB_SIZE);
	hak_arena_count_returned(node, HAK_SLAB_SIZE);
}

/* Bytes of a node that hakmem holds. */
u64 hak_arena_node_bytes(int nid)
{
	return atomic64_read(&hak_arena_node[nid].bytes);
}

/* Bytes of a node that hakmem has given back so far. */
u64 hak_arena_node_returned(int nid)
{
	return atomic64_read(&hak_arena_node[nid].returned);
}

/* Bytes that hakmem holds. */
u64 hak_arena_bytes(void)
{
	u64 sum = 0;
	int nid;

	for_each_node(nid)
		sum += hak_arena_node_bytes(nid);
	return sum;
}

/* Bytes that hakmem has given back so far. */
u64 hak_arena_returned(void)
{
	u64 sum = 0;
	int nid;

	for_each_node(nid)
		sum += hak_arena_node_returned(nid);
	return sum;
}
