/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread that reads for as long as a test wants.
 */
#ifndef _SHIM_TEST_READER_H
#define _SHIM_TEST_READER_H

#include <linux/rcupdate.h>

static pthread_barrier_t reads;

static void *read_for_long(void *arg)
{
	rcu_read_lock();
	pthread_barrier_wait(&reads);
	pthread_barrier_wait(&reads);
	rcu_read_unlock();
	return arg;
}

#endif
