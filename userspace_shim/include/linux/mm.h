/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * A struct page pointer is the address of its page. There are no page structures:
 * reference counts and flags are accepted and ignored. Every address up to
 * high_memory is valid. Those that are not in the arena, which is hakmem's, count as
 * slab pages, because kfree() ends in the C library's free(), which makes its own
 * checks.
 */
#ifndef _SHIM_LINUX_MM_H
#define _SHIM_LINUX_MM_H

#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/mmzone.h>
#include <linux/types.h>
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/page-flags.h>
#include <linux/vmstat.h>
#include <asm/page.h>

#ifdef __aarch64__
#define SHIM_VA_BITS		48
#else
#define SHIM_VA_BITS		47
#endif
#define high_memory		((void *)(1UL << SHIM_VA_BITS))
#define virt_addr_valid(p)	((unsigned long)(p) < (1UL << SHIM_VA_BITS))
#define page_address(page)	((void *)(page))
#define lowmem_page_address(page)	page_address(page)
#define virt_to_page(p)		((struct page *)((unsigned long)(p) & PAGE_MASK))
#define virt_to_head_page(p)	virt_to_page(p)
#define compound_head(page)	(page)
#define virt_to_folio(p)	((struct folio *)virt_to_page(p))
#define page_folio(page)	((struct folio *)(page))
#define folio_page(folio, n)	((struct page *)((unsigned long)(folio) + (n) * PAGE_SIZE))
#define folio_address(folio)	((void *)(folio))
#define page_to_pfn(page)	((unsigned long)(page) >> PAGE_SHIFT)
#define pfn_to_page(pfn)	((struct page *)((unsigned long)(pfn) << PAGE_SHIFT))
#define pfn_valid(pfn)		((pfn) < (1UL << (SHIM_VA_BITS - PAGE_SHIFT)))
#define virt_to_pfn(p)		((unsigned long)(p) >> PAGE_SHIFT)
#define nth_page(page, n)	((struct page *)((unsigned long)(page) + (n) * PAGE_SIZE))
#define page_to_nid(page)	((void)(page), 0)
#define page_pgdat(page)	((void)(page), &shim_node)
#define set_page_count(page, n)	do { (void)(page); } while (0)
#define init_page_count(page)	do { (void)(page); } while (0)
#define page_count(page)	((void)(page), 1)
#define page_ref_count(page)	page_count(page)
#define page_ref_freeze(page, n)	({ (void)(page); true; })
#define page_ref_unfreeze(page, n)	do { (void)(page); } while (0)
#define split_page(page, order)	do { (void)(page); } while (0)
#define PAGE_ALIGN(a)		ALIGN(a, PAGE_SIZE)
#define PAGE_ALIGNED(a)		IS_ALIGNED((unsigned long)(a), PAGE_SIZE)
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
#define is_vmalloc_addr(p)	((void)(p), false)
#define want_init_on_alloc(gfp)	(((gfp) & __GFP_ZERO) != 0)
#define want_init_on_free()	false

unsigned long totalram_pages(void);

#include <linux/slab.h>

#endif
