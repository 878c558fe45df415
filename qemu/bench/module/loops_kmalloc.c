// SPDX-License-Identifier: GPL-2.0
/* SLUB's kmalloc() and kfree(). */
#include "bench.h"

#define LOOPS			bench_kmalloc
#define ALLOC(b, size, gfp)	kmalloc(size, gfp)
#define FREE(b, p)		kfree(p)
#define ANY_SIZE

#include "loops.h"
