// SPDX-License-Identifier: GPL-2.0
/* hakmem's size classes. */
#include "bench.h"

#define LOOPS			bench_hak
#define ALLOC(b, size, gfp)	hak_alloc(size, gfp)
#define FREE(b, p)		hak_free(p)
#define ALLOC_BULK(b, n, p)	hak_alloc_bulk((b)->size, GFP_KERNEL, n, p)
#define FREE_BULK(b, n, p)	hak_free_bulk(n, p)
#define ANY_SIZE
#define FREE_RCU(b, p)		hak_free_rcu(p, rcu)
#define RCU_BARRIER()		hak_free_rcu_barrier()

#include "loops.h"
