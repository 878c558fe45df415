// SPDX-License-Identifier: GPL-2.0
/*
 * The plugin of deepbind.c: it frees blocks of the C library and of the program,
 * and returns a block. Its own reallocarray() has to be the one it calls.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

static void __attribute__((constructor)) plugin_init(void)
{
	free(strdup("allocated by the C library, freed here"));
}

#ifdef STATIC
#define reallocarray plugin_reallocarray	/* the static library's is there already */
#endif

void *reallocarray(void *p, size_t n, size_t size)
{
	return (void *)plugin_use;
}

/* Returns a block of its own, or NULL if something was not as it should be. */
void *plugin_use(void *p)
{
	void *q;

	if (malloc_usable_size(p) < 10)
		return NULL;
	/* As long as RTLD_DEEPBIND means what it says. */
	if (reallocarray(NULL, 1, 1) != (void *)plugin_use)
		return NULL;
	q = realloc(p, 900);
	if (!q || memcmp(q, "0123456789", 10))
		return NULL;
	free(realloc(q, 5000));
	if (posix_memalign(&q, 64, 64))
		return NULL;
	free(q);
	return calloc(1, 40);
}
