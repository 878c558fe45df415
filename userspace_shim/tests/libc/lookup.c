// SPDX-License-Identifier: GPL-2.0
/*
 * Whose function is it that dlsym() finds in the C library as its free()?
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	void *found = libc ? dlsym(libc, "free") : NULL;
	Dl_info there, that;

	if (!found || !dladdr(found, &there) || !dladdr(dlsym(libc, "puts"), &that))
		return 1;
	puts(there.dli_fbase == that.dli_fbase ? "its own" : "other");
	return 0;
}
