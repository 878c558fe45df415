// SPDX-License-Identifier: GPL-2.0
/*
 * No allocator: the cost of the loops themselves. barrier() makes the compiler
 * forget the contents of memory, as a call would.
 */
#include "bench.h"

static char somewhere[2048] __aligned(64);

static __always_inline void *nothing(void)
{
	void *p = somewhere;

	barrier();
	OPTIMIZER_HIDE_VAR(p);
	return p;
}

#define LOOPS			bench_empty
#define ALLOC(b, size, gfp)	({ size_t __size = (size);		\
				   OPTIMIZER_HIDE_VAR(__size);		\
				   nothing(); })
#define FREE(b, p)		({ void *__p = (p);			\
				   OPTIMIZER_HIDE_VAR(__p);		\
				   barrier(); })
#define ALLOC_BULK(b, n, p)	(nothing() ? true : false)
#define FREE_BULK(b, n, p)	barrier()
#define ANY_SIZE
#define FREE_RCU(b, p)		FREE(b, p)
#define RCU_BARRIER()		barrier()
#define CREATE(b)		nothing()
#define DESTROY(b)		barrier()
#define SHRINK(b)		barrier()

#include "loops.h"
