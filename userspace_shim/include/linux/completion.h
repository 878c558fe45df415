/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Completions, for tests only: what they call is linked into the tests
 * (tests/kunit_threads.c), not into the library.
 */
#ifndef _SHIM_LINUX_COMPLETION_H
#define _SHIM_LINUX_COMPLETION_H

struct completion {
	unsigned int done;
};

void init_completion(struct completion *x);
void complete(struct completion *x);
void complete_all(struct completion *x);
void wait_for_completion(struct completion *x);

#endif
