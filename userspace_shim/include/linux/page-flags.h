/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * See mm.h: no page has state, and each that is not in the arena counts as a slab page.
 */
#ifndef _SHIM_LINUX_PAGE_FLAGS_H
#define _SHIM_LINUX_PAGE_FLAGS_H

#include <linux/compiler.h>
#include <linux/mm_types.h>
#include <linux/types.h>

bool shim_in_arena(const void *p);

#define PageSlab(page)			(!shim_in_arena(page))
#define folio_test_slab(folio)		(!shim_in_arena(folio))
#define PageLargeKmalloc(page)		(!shim_in_arena(page))
#define folio_test_large_kmalloc(f)	(!shim_in_arena(f))
#define PageReserved(page)		((void)(page), false)
#define SetPageReserved(page)		do { (void)(page); } while (0)
#define ClearPageReserved(page)	do { (void)(page); } while (0)
#define PageHead(page)			((void)(page), true)
#define PageCompound(page)		((void)(page), false)

#endif
