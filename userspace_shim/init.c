// SPDX-License-Identifier: GPL-2.0
/*
 * Starting: whichever comes first, a malloc-family call or the constructor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

int shim_state;
unsigned int shim_redirect = 1;

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
	const char *crash, *redirect;

	params_from_environment();
	redirect = getenv("HAKMEM_REDIRECT_LIBC");
	shim_redirect = !redirect || *redirect != '0';
#ifdef HAK_SHIM_DEBUG
	shim_pr_debug = !!getenv("HAKMEM_PR_DEBUG");
#endif
	if (shim_percpu_init() || shim_thread_init() || shim_fork_init())
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

	/* Before anything else, see fork.c. */
	shim_fork_init();
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

/*
 * In the shared library this is the first constructor of the process, see fork.c.
 * The C library sets environ in one of its own, later, to the same.
 */
static void __attribute__((constructor(101)))
shim_constructor(int argc, char **argv, char **envp)
{
	if (!environ)
		environ = envp;
	/* Not in shim_init(): the first malloc() may be the dynamic linker's. */
	shim_kmalloc_init();
	shim_init();
	shim_stay();
	if (shim_redirect_libc)
		shim_redirect_libc();
}
