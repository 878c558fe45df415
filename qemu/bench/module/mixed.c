// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes as a kernel asks for them: all 29,074 requests of up to 1024 bytes of
 * kmem:kmalloc while Debian's 6.12 for clouds booted on two CPUs and then ran
 * find, sort, gzip, ls -lR /sys, cp, cat /proc/N/maps, ps and mount eight
 * times, scaled to BENCH_NR_MIXED. (Another 9,541 were larger.)
 */
#include <linux/kernel.h>

#include "bench.h"
#include "mixed.h"

static const struct {
	u16 size;
	u16 times;
} recorded[] = {
	{ 2, 3 }, { 3, 3 }, { 4, 3 }, { 5, 8 }, { 6, 11 }, { 7, 6 }, { 8, 154 },
	{ 9, 5 }, { 10, 9 }, { 11, 12 }, { 12, 4 }, { 13, 12 }, { 14, 2 }, { 15, 13 },
	{ 16, 26 }, { 17, 4 }, { 18, 4 }, { 19, 8 }, { 20, 4 }, { 21, 1 }, { 22, 1 },
	{ 23, 3 }, { 24, 96 }, { 25, 2 }, { 26, 2 }, { 27, 2 }, { 28, 1 }, { 29, 1 },
	{ 31, 1 }, { 32, 84 }, { 33, 2 }, { 35, 1 }, { 37, 1 }, { 38, 1 }, { 40, 13 },
	{ 44, 1 }, { 48, 35 }, { 54, 1 }, { 55, 1 }, { 56, 16 }, { 64, 230 },
	{ 72, 9 }, { 80, 2 }, { 81, 1 }, { 84, 1 }, { 88, 118 }, { 96, 9 },
	{ 104, 25 }, { 112, 8 }, { 120, 2 }, { 128, 4 }, { 136, 1 }, { 152, 4 },
	{ 168, 3 }, { 176, 2 }, { 184, 1 }, { 189, 1 }, { 192, 1 }, { 216, 10 },
	{ 224, 1 }, { 240, 1 }, { 256, 4 }, { 260, 2 }, { 296, 2 }, { 304, 1 },
	{ 312, 1 }, { 320, 1 }, { 336, 1 }, { 360, 1 }, { 416, 3 }, { 432, 2 },
	{ 448, 1 }, { 512, 1 }, { 516, 1 }, { 560, 2 }, { 576, 2 }, { 592, 1 },
	{ 640, 1 }, { 760, 5 }, { 832, 1 },
};

u16 bench_mixed[BENCH_NR_MIXED];

/* One entry for every time, to be drawn from at random. */
void __init bench_mixed_init(void)
{
	unsigned int i, times, n = 0;

	for (i = 0; i < ARRAY_SIZE(recorded); i++)
		for (times = recorded[i].times; times && n < BENCH_NR_MIXED; times--)
			bench_mixed[n++] = recorded[i].size;
}
