/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * See mm.h: no page has state, every page counts as a slab page.
 */
#ifndef _SHIM_LINUX_PAGE_FLAGS_H
#define _SHIM_LINUX_PAGE_FLAGS_H

#include <linux/mm_types.h>

#define PageSlab(page)			((void)(page), true)
#define folio_test_slab(folio)		((void)(folio), true)
#define PageLargeKmalloc(page)		((void)(page), true)
#define folio_test_large_kmalloc(f)	((void)(f), true)
#define PageReserved(page)		((void)(page), false)
#define SetPageReserved(page)		do { (void)(page); } while (0)
#define ClearPageReserved(page)	do { (void)(page); } while (0)
#define PageHead(page)			((void)(page), true)
#define PageCompound(page)		((void)(page), false)

#endif
