// SPDX-License-Identifier: GPL-2.0
/* A kmem_cache that is merged with no other. */
#include "bench.h"

#define LOOPS			bench_kmem_cache
#define ALLOC(b, size, gfp)	((void)(size), kmem_cache_alloc((b)->slub, gfp))
#define FREE(b, p)		kmem_cache_free((b)->slub, p)
/* Returns the number before 7.0, a bool since. */
#define ALLOC_BULK(b, n, p)	kmem_cache_alloc_bulk((b)->slub, GFP_KERNEL, n, p)
#define FREE_BULK(b, n, p)	kmem_cache_free_bulk((b)->slub, n, p)
#define FREE_RCU(b, p)		kfree_rcu(p, rcu)
/* Not exported: kvfree_rcu_barrier(). What a sheaf holds may come a little later. */
#define RCU_BARRIER()		rcu_barrier()
#define CREATE(b)		((b)->slub = kmem_cache_create("hak_bench_new", (b)->size, 0, \
							       SLAB_NO_MERGE, NULL))
#define DESTROY(b)		kmem_cache_destroy((b)->slub)
#define SHRINK(b)		kmem_cache_shrink((b)->slub)

#include "loops.h"
