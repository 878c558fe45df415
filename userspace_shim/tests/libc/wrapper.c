// SPDX-License-Identifier: GPL-2.0
/*
 * A library that is preloaded before hakmem, counts the calls and passes them on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

unsigned long wrapper_calls;

void *malloc(size_t size)
{
	static void *(*next)(size_t size);

	if (!next)
		next = dlsym(RTLD_NEXT, "malloc");
	wrapper_calls++;
	return next(size);
}

void free(void *p)
{
	static void (*next)(void *p);

	if (!next)
		next = dlsym(RTLD_NEXT, "free");
	wrapper_calls++;
	next(p);
}
