// SPDX-License-Identifier: GPL-2.0
/*
 * With wrapper.c and hakmem preloaded, blocks have to be hakmem's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	unsigned long *calls = dlsym(RTLD_DEFAULT, "wrapper_calls");
	size_t (*usable)(const void *p) = dlsym(RTLD_DEFAULT, "hak_usable_size");
	void *p = malloc(40), *q = aligned_alloc(16, 48);

	if (!usable || !calls || !*calls)
		return 1;
	/* The C library's blocks are of 40 and of 56. */
	if (usable(p) != 48 || usable(q) != 48)
		return 2;
	free(p);
	free(q);
	puts("fine");
	return 0;
}
