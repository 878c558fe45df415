// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks of the program are freed by functions that are looked up in the C
 * library first: those of a plugin opened with RTLD_DEEPBIND, and free() as
 * dlsym() finds it in the C library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *block(void)
{
	return strcpy(malloc(11), "0123456789");
}

int main(int argc, char **argv)
{
	/* In a program at a fixed address this is a stub of the program. */
	void (*volatile our_free)(void *p) = free;
	void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND);
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	void *(*use)(void *p);
	void (*libc_free)(void *p);
	void *p;

	if (!plugin || !libc) {
		puts(dlerror());
		return 1;
	}
	use = dlsym(plugin, "plugin_use");
	p = use(block());
	if (!p)
		return 2;
	our_free(p);
	libc_free = dlsym(libc, "free");
	libc_free(block());
	libc_free = dlvsym(libc, "cfree", "GLIBC_2.2.5");
	if (libc_free)
		libc_free(strdup("another"));
	puts("fine");
	return 0;
}
