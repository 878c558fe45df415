// SPDX-License-Identifier: GPL-2.0
/*
 * Heapsort in place.
 */
#include <linux/kernel.h>
#include <linux/sort.h>

static void swap_bytes(void *a, void *b, int size)
{
	char *x = a, *y = b;

	while (size--)
		swap(x[size], y[size]);
}

static void sift(char *base, size_t i, size_t n, size_t size,
		 cmp_func_t cmp_func, swap_func_t swap_func)
{
	size_t c;

	for (; (c = 2 * i + 1) < n; i = c) {
		if (c + 1 < n &&
		    cmp_func(base + c * size, base + (c + 1) * size) < 0)
			c++;
		if (cmp_func(base + i * size, base + c * size) >= 0)
			return;
		swap_func(base + i * size, base + c * size, size);
	}
}

void sort(void *base, size_t num, size_t size, cmp_func_t cmp_func,
	  swap_func_t swap_func)
{
	size_t i;

	if (!swap_func)
		swap_func = swap_bytes;
	for (i = num / 2; i-- > 0;)
		sift(base, i, num, size, cmp_func, swap_func);
	for (i = num; i-- > 1;) {
		swap_func(base, (char *)base + i * size, size);
		sift(base, 0, i, size, cmp_func, swap_func);
	}
}
