// SPDX-License-Identifier: GPL-2.0
/* A typed cache of hakmem's. */
#include "bench.h"

#define LOOPS			bench_hak_cache
#define ALLOC(b, size, gfp)	((void)(size), hak_cache_alloc((b)->hak, gfp))
#define FREE(b, p)		hak_cache_free((b)->hak, p)

#include "loops.h"
