/* SPDX-License-Identifier: GPL-2.0 */
/* The sizes of slabs and superslabs. */
#ifndef _HAK_GEOMETRY_H
#define _HAK_GEOMETRY_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/mmzone.h>

#ifndef HAK_CHECKS
#define HAK_CHECKS	0
#endif

#define HAK_SLAB_SHIFT		16
#define HAK_SLAB_SIZE		BIT(HAK_SLAB_SHIFT)
#define HAK_SLAB_MASK		(HAK_SLAB_SIZE - 1)

/* A superslab has up to 2 MiB, and at least one slab. */
#define HAK_MIN_ORDER		(HAK_SLAB_SHIFT - PAGE_SHIFT)
#define HAK_MAX_ORDER		\
	(21 - PAGE_SHIFT < MAX_PAGE_ORDER ? 21 - PAGE_SHIFT : MAX_PAGE_ORDER)
#define HAK_NR_ORDERS		(HAK_MAX_ORDER - HAK_MIN_ORDER + 1)
#define HAK_MAX_SLOTS		(1U << (HAK_MAX_ORDER - HAK_MIN_ORDER))

#endif /* _HAK_GEOMETRY_H */
