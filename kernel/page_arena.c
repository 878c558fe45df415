// SPDX-License-Identifier: GPL-2.0
/*
 * The page arena: the only code that asks the page allocator for superslabs.
 *
 * The pages carry reference count 0, as slab pages do, so a stray put_page() or
 * kfree() cannot give them away. They are not compound, so that slots can go
 * back one by one. A page that is neither compound nor referenced passes for one
 * that is just being freed, and taking its memory offline would wait for that
 * for ever; the first page of every slot is marked reserved, so that it fails at
 * once. All are counted in NR_SLAB_UNRECLAIMABLE_B, so /proc/meminfo shows them
 * under Slab.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/kasan.h>
#include <linux/kmemleak.h>
#include <linux/mmzone.h>
#include <linux/page_ref.h>

#include "core.h"

static atomic64_t hak_arena_total;
static atomic64_t hak_arena_gone;

/*
 * What a request for a superslab keeps of the caller's flags: whether the node
 * and the cpuset are binding. Every order is above 0, and none is worth direct
 * reclaim or compaction, whose cost each object would bear in memory that is
 * all crumbs; the fallback reclaims as the caller allows. Nor is kswapd woken,
 * which would reclaim pages until there is a block of that order: those who want
 * single pages wake it when there are few. Zones, zeroing, mobility and accounting
 * are about the object, __GFP_NOFAIL is the fallback's, and the reserves are for
 * those who give memory back.
 */
static gfp_t hak_arena_gfp(gfp_t gfp)
{
	return (gfp & (__GFP_HARDWALL | __GFP_THISNODE)) |
	       __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC;
}

/* The block becomes hakmem's, or the page allocator's again. */
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
	atomic64_add(bytes, &hak_arena_total);
}

/**
 * hak_arena_alloc() - get a naturally aligned block of pages
 * @nid: node to prefer, or to insist on with __GFP_THISNODE
 * @order: page order, HAK_MIN_ORDER..HAK_MAX_ORDER
 * @gfp: the caller's flags
 *
 * Takes what is free, and neither reclaims nor compacts memory for it.
 *
 * Tagged KASAN gives each block's pages a tag, and their addresses carry it.
 * hakmem takes it off, since the registry compares and subtracts addresses: an
 * address without a tag may touch memory of any.
 *
 * Context: any in which the page allocator may be called.
 * Return: the block's first byte, or NULL.
 */
void *hak_arena_alloc(int nid, unsigned int order, gfp_t gfp)
{
	struct page *page;
	void *addr;

	gfp = hak_arena_gfp(gfp);
	page = alloc_pages_node(nid, gfp, order);
	if (!page)
		return NULL;

	/* Somebody may still be looking at what the page was before. */
	if (!page_ref_freeze(page, 1)) {
		__free_pages(page, order);
		return NULL;
	}
	addr = kasan_reset_tag(page_address(page));
	hak_arena_mark(addr, order, true);
	return addr;
}

/**
 * hak_arena_watch() - have kmemleak look for pointers in a block
 * @addr: from hak_arena_alloc()
 * @order: likewise
 * @gfp: for kmemleak's own memory
 *
 * Every slot is an object of its own to kmemleak, for slots may go back one by
 * one. None is ever reported as a leak.
 *
 * Context: as for hak_arena_alloc().
 */
void hak_arena_watch(void *addr, unsigned int order, gfp_t gfp)
{
	long i;

	for (i = 0; i < PAGE_SIZE << order; i += HAK_SLAB_SIZE)
		kmemleak_alloc(addr + i, HAK_SLAB_SIZE, 0, gfp);
}

/*
 * kmemleak_free() of an object that kmemleak knows allocates nothing; to take
 * a part off an object would, with GFP_KERNEL.
 */
static void hak_arena_unwatch(void *addr, unsigned int order)
{
	long i;

	for (i = 0; i < PAGE_SIZE << order; i += HAK_SLAB_SIZE)
		kmemleak_free(addr + i);
}

/**
 * hak_arena_discard() - give back a block that nobody has used
 * @addr: from hak_arena_alloc(), and not given to hak_arena_watch()
 * @order: likewise
 *
 * It does not count as returned: nobody has more than before it was asked for.
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
 * @addr: from hak_arena_alloc(), given to hak_arena_watch()
 * @order: likewise
 *
 * Context: any in which the page allocator may be called.
 */
void hak_arena_free(void *addr, unsigned int order)
{
	hak_arena_unwatch(addr, order);
	hak_arena_discard(addr, order);
	atomic64_add(PAGE_SIZE << order, &hak_arena_gone);
}

/**
 * hak_arena_split() - make a block one whose slots can go back separately
 * @addr: from hak_arena_alloc()
 * @order: likewise
 *
 * The page allocator splits only what has a reference count, so that for a
 * moment each page has one, and somebody who walks the pages may take another
 * reference. Such a page keeps hakmem's: its count stays above 0 until
 * hak_arena_free_slot(), however soon the other reference is dropped.
 *
 * Context: task; no slot is handed out or given back meanwhile.
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
 * Its pages go one by one, as split_page() has made them: each is accounted for
 * by itself. A page that has kept its reference count may have other references
 * still, and then goes when the last is dropped.
 *
 * Context: any in which the page allocator may be called.
 */
void hak_arena_free_slot(void *addr)
{
	long i;

	hak_arena_unwatch(addr, HAK_MIN_ORDER);
	hak_arena_mark(addr, HAK_MIN_ORDER, false);
	for (i = 0; i < HAK_SLAB_SIZE; i += PAGE_SIZE) {
		struct page *page = virt_to_page(addr + i);

		/* Nobody can take a reference where there is none. */
		if (!page_ref_count(page))
			page_ref_unfreeze(page, 1);
	}
	free_pages_exact(addr, HAK_SLAB_SIZE);
	atomic64_add(HAK_SLAB_SIZE, &hak_arena_gone);
}

/* Bytes held. */
u64 hak_arena_bytes(void)
{
	return atomic64_read(&hak_arena_total);
}

/* Bytes given back so far. */
u64 hak_arena_returned(void)
{
	return atomic64_read(&hak_arena_gone);
}
