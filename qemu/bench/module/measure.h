/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_BENCH_MEASURE_H
#define _HAK_BENCH_MEASURE_H

#include "bench.h"

/**
 * struct bench_spec - specification of a measurement, one line of debugfs's "run"
 * @workload: name in the table in measure.c
 * @loops: which allocator
 * @order: fifo, lifo or random
 * @seed: seed of all random numbers
 *
 * The others are those of struct bench.
 */
struct bench_spec {
	char workload[16];
	char loops[16];
	char order[8];
	unsigned int size, max, n, holes, threads, lives;
	u64 ops;
	u32 seed;
};

struct bench_result {
	u64 ops;	/* of all threads */
	u64 ns[2];	/* of the phases, or of all threads: elapsed and CPU time */
	u64 elapsed;	/* ns, setting the stage included */
};

int bench_measure(const struct bench_spec *spec, struct bench_result *res);
void bench_destroy_caches(void);

#endif /* _HAK_BENCH_MEASURE_H */
