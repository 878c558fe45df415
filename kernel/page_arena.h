/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The page arena: superslabs' pages.
 */
#ifndef _HAK_PAGE_ARENA_H
#define _HAK_PAGE_ARENA_H

#include <linux/gfp_types.h>
#include <linux/types.h>

void *hak_arena_alloc(int nid, unsigned int order, gfp_t gfp);
void hak_arena_kmemleak_add(void *addr, unsigned int order, gfp_t gfp);
void hak_arena_discard(void *addr, unsigned int order);
void hak_arena_free(void *addr, unsigned int order);
void hak_arena_split(void *addr, unsigned int order);
void hak_arena_free_slot(void *addr);
u64 hak_arena_node_bytes(int nid);
u64 hak_arena_node_returned(int nid);
u64 hak_arena_bytes(void);
u64 hak_arena_returned(void);

#endif /* _HAK_PAGE_ARENA_H */
