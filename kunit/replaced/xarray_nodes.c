// SPDX-License-Identifier: GPL-2.0
/* The nodes of XArrays, from a cache of hakmem's with a constructor. */
#include "hakmem_replace.h"
#include "private_exports.h"

#include "xarray_nodes.h"

#include "radix-tree.c"

int xarray_nodes_init(void)
{
	radix_tree_node_cachep =
		kmem_cache_create("replaced_node", sizeof(struct radix_tree_node),
				  0, SLAB_RECLAIM_ACCOUNT, radix_tree_node_ctor);
	return radix_tree_node_cachep ? 0 : -ENOMEM;
}

void xarray_nodes_exit(void)
{
	/* Nodes are freed by RCU callbacks. */
	rcu_barrier();
	kmem_cache_destroy(radix_tree_node_cachep);
}
