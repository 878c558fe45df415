/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * One node; its page state counters are kept, see vmstat.h.
 */
#ifndef _SHIM_LINUX_MMZONE_H
#define _SHIM_LINUX_MMZONE_H

#include <linux/atomic.h>
#include <linux/nodemask.h>
#include <linux/types.h>

#define MAX_PAGE_ORDER		10
#define NR_PAGE_ORDERS		(MAX_PAGE_ORDER + 1)
#define MAX_ORDER_NR_PAGES	(1 << MAX_PAGE_ORDER)
#define PAGE_ALLOC_COSTLY_ORDER	3

enum node_stat_item {
	NR_SLAB_RECLAIMABLE_B,
	NR_SLAB_UNRECLAIMABLE_B,
	NR_VM_NODE_STAT_ITEMS
};

struct pglist_data {
	atomic_long_t vm_stat[NR_VM_NODE_STAT_ITEMS];
	int node_id;
};

typedef struct pglist_data pg_data_t;

extern pg_data_t shim_node;

#define NODE_DATA(nid)	((void)(nid), &shim_node)

#endif
