/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that fails, for the suites: this task's requests to the page allocator, to
 * kmalloc(), and for per-CPU memory are counted, and one of them fails. In a kernel
 * that is fault injection's doing, as set up by kunit/guest/fault; the userspace build
 * has a countdown of its own.
 */
#ifndef _HAK_TEST_FAULT_H
#define _HAK_TEST_FAULT_H

#include <linux/types.h>

/**
 * hak_test_fail() - have a request for memory fail
 * @n: requests that succeed before it
 * @all: likewise all that follow, until hak_test_fail_end()
 */
void hak_test_fail(unsigned int n, bool all);

/* No request fails any more. Return: did one? */
bool hak_test_fail_end(void);

#endif /* _HAK_TEST_FAULT_H */
