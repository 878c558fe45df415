/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The common beginning of every test of the shim: the C library first, then
 * cmocka.
 */
#ifndef _SHIM_TEST_H
#define _SHIM_TEST_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Sanitizers make everything about ten times slower, and so does an emulator. */
#if defined(HAK_SHIM_SANITIZER) || defined(HAK_SHIM_EMULATED)
#define SLOW	10
#else
#define SLOW	1
#endif

/* Keep the compiler from using what it knows about malloc(). */
#define opaque(p) \
	({ __auto_type __o = (p); __asm__("" : "+r"(__o) : : "memory"); __o; })

#define run_threads(n, f) \
	do {								\
		pthread_t __t[n];					\
		for (long __i = 0; __i < (n); __i++)			\
			assert_int_equal(pthread_create(&__t[__i], NULL, \
							f, (void *)__i), 0); \
		for (long __i = 0; __i < (n); __i++)			\
			assert_int_equal(pthread_join(__t[__i], NULL), 0); \
	} while (0)

/* Run @f in a child. Returns the child's status, as waitpid(). */
static inline int in_child(void (*f)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		f();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

#endif
