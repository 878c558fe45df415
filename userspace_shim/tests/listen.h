/* SPDX-License-Identifier: GPL-2.0 */
/* What the core writes to standard error, for the tests that look at its reports. */
#ifndef _SHIM_TEST_LISTEN_H
#define _SHIM_TEST_LISTEN_H

#include "test.h"

/* Run @f, and store what it writes to standard error in @text, of @size bytes. */
static inline void listen_to(void (*f)(void *arg), void *arg, char *text, size_t size)
{
	FILE *tmp = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(tmp);
	dup2(fileno(tmp), STDERR_FILENO);
	f(arg);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(tmp);
	n = fread(text, 1, size - 1, tmp);
	text[n] = 0;
	fclose(tmp);
}

#endif
