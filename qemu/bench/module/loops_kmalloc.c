// SPDX-License-Identifier: GPL-2.0
/* SLUB's kmalloc() and kfree(). */
#include "bench.h"

#define LOOPS			bench_kmalloc
#define ALLOC(b, size, gfp)	kmalloc(size, gfp)
#define FREE(b, p)		kfree(p)
#define ANY_SIZE
#define FREE_RCU(b, p)		kfree_rcu(p, rcu)
/* Not exported: kvfree_rcu_barrier(). What a sheaf holds may come a little later. */
#define RCU_BARRIER()		rcu_barrier()

#include "loops.h"
