// SPDX-License-Identifier: GPL-2.0
/* A typed cache of hakmem's. */
#include "bench.h"

#define LOOPS			bench_hak_cache
#define ALLOC(b, size, gfp)	((void)(size), hak_cache_alloc((b)->hak, gfp))
#define FREE(b, p)		hak_cache_free((b)->hak, p)
#define FREE_RCU(b, p)		hak_free_rcu(p, rcu)
#define RCU_BARRIER()		hak_free_rcu_barrier()
#define CREATE(b)		((b)->hak = hak_cache_create("hak_bench_new", (b)->size, 0, 0, \
							     NULL))
#define DESTROY(b)		hak_cache_destroy((b)->hak)
#define SHRINK(b)		hak_cache_shrink((b)->hak)

#include "loops.h"
