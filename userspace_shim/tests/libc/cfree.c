// SPDX-License-Identifier: GPL-2.0
/*
 * An old program: it calls cfree(), which cannot be linked with any more.
 */
#include <stdio.h>
#include <stdlib.h>

void old_cfree(void *p);
__asm__(".symver old_cfree, cfree@GLIBC_2.2.5");

int main(void)
{
	for (size_t n = 0; n < 2000; n++)
		old_cfree(malloc(n));
	puts("fine");
	return 0;
}
