// SPDX-License-Identifier: GPL-2.0
/*
 * A program whose only malloc() is of a large block. It says how many bytes it may use of a
 * small block from another function: 24 of the C library's, 32 of hakmem's.
 */
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
	void *large = malloc(2000), *small = calloc(1, 20);
	size_t usable = malloc_usable_size(small);
	char line[] = "00\n";

	line[0] += usable / 10;
	line[1] += usable % 10;
	free(small);
	free(large);
	/* No stream, since that would have a buffer. */
	return write(STDOUT_FILENO, line, 3) != 3;
}
