// SPDX-License-Identifier: GPL-2.0
/*
 * Starting: the first malloc-family call or the constructor, whichever is
 * earlier.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

int shim_state;

static int start(void)
{
	int err;

	shim_environment();
	err = shim_percpu_init();
	if (err)
		goto out;
	shim_arena_init();
	err = shim_thread_init();
	if (!err)
		err = shim_fork_init();
	if (!err)
		err = hak_core_init();
	if (err) {
		shim_percpu_exit();
		shim_arena_exit();
		goto out;
	}
	if (hak_trace_ring || shim_crash_report)
		hakmem_install_crash_report();
	shim_snapshot_init();
out:
	shim_say_started(err);
	return err;
}

/*
 * One thread starts the library. Until it is done the C library serves all calls,
 * including that thread's, and also calls from before the environment is there.
 */
void shim_init(void)
{
	enum shim_thread_state was = shim_thread;
	int state = SHIM_COLD, saved = errno;

	/* Before anything else, see fork.c. */
	shim_fork_init();
	if (!environ || !__atomic_compare_exchange_n(&shim_state, &state,
						     SHIM_STARTING, false,
						     __ATOMIC_ACQUIRE,
						     __ATOMIC_RELAXED))
		return;
	shim_thread = SHIM_MOVING;
	state = start() ? SHIM_FAILED : SHIM_READY;
	shim_thread = was;
	/* Pairs with smp_load_acquire() in shim_is_ready(). */
	smp_store_release(&shim_state, state);
	errno = saved;
}

/*
 * In the shared library this is the first constructor of the process, see fork.c.
 * The C library sets environ later, in a constructor of its own, to the same
 * value.
 */
static void __attribute__((constructor(101)))
shim_constructor(int argc, char **argv, char **envp)
{
	if (!environ)
		environ = envp;
	/*
	 * Not in shim_init(), because the dynamic linker may make the first
	 * malloc().
	 */
	shim_kmalloc_init();
	shim_init();
	shim_stay();
	if (shim_is_ready())
		shim_libc_keep_more();
	if (shim_redirect_libc)
		shim_redirect_libc();
}
