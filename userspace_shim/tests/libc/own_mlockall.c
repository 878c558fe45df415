// SPDX-License-Identifier: GPL-2.0
/* A program that has a mlockall() of its own. It may be linked with the library all the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int mlockall(int flags)
{
	return flags + 40;
}

int main(void)
{
	char *p = malloc(100);

	if (!p || mlockall(2) != 42)
		return 1;
	memset(p, 1, 100);
	free(p);
	puts("fine");
	return 0;
}
