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
#include <linux/kmemleak.h>
#include <linux/mmzone.h>
#include <linux/page_ref.h>

#include "core.h"

static atomic64_t hak_arena_total;
static atomic64_t hak_arena_gone;

/*
 * What a request for a superslab keeps of the caller's flags: how it may
 * reclaim. It drops zones, zeroing, mobility and accounting, which are about
 * the object; __GFP_NOFAIL, which the fallback keeps; and access to reserves.
 */
static gfp_t hak_arena_gfp(gfp_t gfp, unsigned int order)
{
	gfp &= __GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL |
	       __GFP_THISNODE;
	if (order > HAK_MIN_ORDER)
		gfp &= ~__GFP_RECLAIM;
	return gfp | __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC;
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
 * @gfp: the caller's flags; only those for reclaim are used, and none of
 *	those unless @order is HAK_MIN_ORDER
 *
 * Context: any in which the page allocator may be called.
 * Return: the block's first byte, or NULL.
 */
void *hak_arena_alloc(int nid, unsigned int order, gfp_t gfp)
{
	struct page *page;

	gfp = hak_arena_gfp(gfp, order);
	page = alloc_pages_node(nid, gfp, order);
	if (!page)
		return NULL;

	/* Somebody may still be looking at what the page was before. */
	if (!page_ref_freeze(page, 1)) {
		__free_pages(page, order);
		return NULL;
	}
	/* Never reported as a leak, but looked through for pointers. */
	kmemleak_alloc(page_address(page), PAGE_SIZE << order, 0, gfp);
	hak_arena_mark(page_address(page), order, true);
	return page_address(page);
}

/**
 * hak_arena_split() - make a block one of pages that can go back separately
 * @addr: from hak_arena_alloc()
 * @order: likewise
 *
 * Context: task.
 */
void hak_arena_split(void *addr, unsigned int order)
{
	unsigned long i;

	page_ref_unfreeze(virt_to_page(addr), 1);
	split_page(virt_to_page(addr), order);
	/* They have been hakmem's too long for anybody to hold a reference. */
	for (i = 0; i < PAGE_SIZE << order; i += PAGE_SIZE)
		set_page_count(virt_to_page((char *)addr + i), 0);
}

/**
 * hak_arena_free() - give a block back
 * @addr: from hak_arena_alloc(), or a part of that after hak_arena_split()
 * @order: its order
 *
 * Context: task.
 */
void hak_arena_free(void *addr, unsigned int order)
{
	struct page *page = virt_to_page(addr);

	kmemleak_free_part(addr, PAGE_SIZE << order);
	hak_arena_mark(addr, order, false);
	page_ref_unfreeze(page, 1);
	__free_pages(page, order);
	atomic64_add(PAGE_SIZE << order, &hak_arena_gone);
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
