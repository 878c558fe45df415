// SPDX-License-Identifier: GPL-2.0
/*
 * Whose function is it that dlsym() finds in the C library as its free()? Is its mlockall() from
 * there, too? And can the table be written that it was found in?
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_writable(const void *at)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long begin, end;
	char prot[5], line[512];
	bool yes = true;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &begin, &end, prot) == 3 &&
		    (unsigned long)at - begin < end - begin)
			yes = strchr(prot, 'w');
	return yes;
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	void *found = libc ? dlsym(libc, "free") : NULL;
	Dl_info there, that, lock;
	Elf64_Sym *entry;

	if (!found || !dladdr(found, &there) ||
	    !dladdr1(dlsym(libc, "puts"), &that, (void **)&entry, RTLD_DL_SYMENT))
		return 1;
	if (is_writable(entry))
		return 2;
	if (!dladdr(dlsym(libc, "mlockall"), &lock) || lock.dli_fbase != there.dli_fbase)
		return 3;
	puts(there.dli_fbase == that.dli_fbase ? "its own" : "other");
	return 0;
}
