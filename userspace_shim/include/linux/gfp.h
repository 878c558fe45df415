/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Pages come from the shim's page source: naturally aligned blocks of orders 0 to
 * MAX_PAGE_ORDER of reserved address space, made writable when they are
 * allocated. When they are freed, the addresses are kept for reuse, without
 * memory. If the caller may block and holds no lock, alloc_pages() is also a point
 * where deferred work runs. It returns NULL if the system has no memory;
 * __GFP_NOFAIL retries for ever. free_pages_exact() gives
 * back the whole block of the order that holds the size, not page by page,
 * because blocks are never merged.
 */
#ifndef _SHIM_LINUX_GFP_H
#define _SHIM_LINUX_GFP_H

#include <linux/getorder.h>
#include <linux/gfp_types.h>
#include <linux/topology.h>
#include <linux/types.h>

struct page;

static inline bool gfpflags_allow_blocking(const gfp_t flags)
{
	return flags & __GFP_DIRECT_RECLAIM;
}

#define gfpflags_allow_spinning(flags)	(((flags) & __GFP_RECLAIM) != 0)

struct page *shim_alloc_pages(gfp_t gfp, unsigned int order);
void __free_pages(struct page *page, unsigned int order);

#define alloc_pages(gfp, order)			shim_alloc_pages(gfp, order)
#define alloc_pages_node(nid, gfp, order) \
	((void)(nid), shim_alloc_pages(gfp, order))
#define __alloc_pages_node(nid, gfp, order)	alloc_pages_node(nid, gfp, order)
#define __alloc_pages(gfp, order, nid, mask)	alloc_pages_node(nid, gfp, order)
#define alloc_page(gfp)				alloc_pages(gfp, 0)
#define __free_page(page)			__free_pages(page, 0)
#define __get_free_pages(gfp, order)	((unsigned long)alloc_pages(gfp, order))
#define __get_free_page(gfp)		__get_free_pages(gfp, 0)
#define get_zeroed_page(gfp)		__get_free_pages((gfp) | __GFP_ZERO, 0)
#define free_pages(addr, order)	__free_pages((struct page *)(addr), order)
#define free_page(addr)			free_pages(addr, 0)
#define free_pages_exact(p, size) \
	free_pages((unsigned long)(p), get_order(size))
#define gfp_pfmemalloc_allowed(gfp)	false

#endif
