// SPDX-License-Identifier: GPL-2.0
/*
 * Maple trees whose nodes are hakmem's; where the kernel's take nodes ahead in a
 * sheaf of SLUB's, these take them ahead in an array.
 */

/* The trace events are the kernel's, which has them under the same names. */
#define NOTRACE

#include <linux/maple_tree.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "hakmem_replace.h"
#include "private_exports.h"
#include "maple_nodes.h"

/* Not this file once more, which has the same name. */
#include <../lib/maple_tree.c>

void __init maple_nodes_init(void)
{
	maple_tree_init();
}

void maple_nodes_exit(void)
{
	/* Whole trees are freed by RCU callbacks. */
	rcu_barrier();
	kmem_cache_destroy(maple_node_cache);
}
