// SPDX-License-Identifier: GPL-2.0
/*
 * Starting: whichever comes first, a malloc-family call or the constructor.
 * And fork(), which has to find everything at rest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

int shim_state;

/*
 * All locks, and nobody running deferred work: the child's only thread is then
 * outside everything that a lock guards. Threads may still have been inside a
 * per-CPU cache; the core leaves those alone, see shim_thread_bury_others().
 */
static void fork_prepare(void)
{
	shim_lock(&shim_hotplug_lock);
	shim_deferred_lock();
	shim_locks_take_all();
}

static void fork_parent(void)
{
	shim_locks_release_all();
	shim_deferred_unlock();
	shim_unlock(&shim_hotplug_lock);
}

static void fork_child(void)
{
	int saved = errno;

	shim_locks_release_all();
	shim_deferred_forked();
	if (shim_is_ready())
		shim_core_forked();
	shim_deferred_unlock();
	shim_thread_bury_others();
	shim_unlock(&shim_hotplug_lock);
	errno = saved;
}

/* A value that is refused ends the program: it was told why. */
static void params_from_environment(void)
{
	unsigned int i;

	for (i = 0; i < hak_nr_params; i++) {
		const char *val = getenv(hak_params[i].env);

		if (val && hak_param_set(&hak_params[i], val))
			_exit(2);
	}
}

static bool start(void)
{
	const char *crash;

	params_from_environment();
#ifdef HAK_SHIM_DEBUG
	shim_pr_debug = !!getenv("HAKMEM_PR_DEBUG");
#endif
	if (shim_percpu_init() || shim_thread_init() ||
	    pthread_atfork(fork_prepare, fork_parent, fork_child))
		return false;
	if (hak_core_init())
		return false;
	if (shim_malloc_init)
		shim_malloc_init();
	crash = getenv("HAKMEM_CRASH_REPORT");
	if (hak_trace_ring || (crash && *crash == '1'))
		hakmem_install_crash_report();
	return true;
}

/*
 * One thread starts; calls that come meanwhile, its own included, are the C
 * library's. So are those from before there is an environment to look at.
 */
void shim_init(void)
{
	enum shim_thread_state was = shim_thread;
	int state = SHIM_COLD, saved = errno;

	if (!environ || !__atomic_compare_exchange_n(&shim_state, &state,
						     SHIM_STARTING, false,
						     __ATOMIC_ACQUIRE,
						     __ATOMIC_RELAXED))
		return;
	shim_thread = SHIM_MOVING;
	state = start() ? SHIM_READY : SHIM_FAILED;
	shim_thread = was;
	/* Pairs with smp_load_acquire() in shim_is_ready(). */
	smp_store_release(&shim_state, state);
	errno = saved;
}

static void __attribute__((constructor(101))) shim_constructor(void)
{
	/* Not in shim_init(): the first malloc() may be the dynamic linker's. */
	shim_kmalloc_init();
	shim_init();
}
