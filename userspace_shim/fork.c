// SPDX-License-Identifier: GPL-2.0
/*
 * fork(), which has to find everything at rest.
 *
 * The order of locks is: those of other libraries' prepare handlers, the C
 * library's list of streams, CPU hotplug, the runner of deferred work, all
 * others, and at last what the C library's fork() takes itself.
 *
 *   A thread that flushes all streams holds the list and may call a stream's
 *   own function, which allocates. The C library's fork() takes the list after
 *   the handlers, so here it is taken before hakmem's locks. The list's lock
 *   may be taken again by its holder, so that fork() still takes it, too.
 *
 *   Prepare handlers run in the reverse order of their registration. They may
 *   allocate, and wait for a lock whose holder allocates, so hakmem's handler
 *   has to be the last to run and is registered as early as can be: the shared
 *   library is initialised before any other (-z initfirst).
 *
 *   If some library was earlier all the same, its handlers run while this
 *   thread holds all locks. What they allocate is the C library's then, and
 *   what they free is pushed, neither of which takes a lock of hakmem's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/single_threaded.h>

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

/* The C library's; other ones have no such thing. */
#pragma weak __libc_single_threaded
void __weak _IO_list_lock(void);
void __weak _IO_list_unlock(void);
void __weak _IO_list_resetlock(void);

/* The forking thread as it was, for its handlers after the fork. */
static struct {
	bool list_locked;
	enum shim_thread_state state;
	unsigned int cpu;
	unsigned long delta;
} forking;

/*
 * Where fork() does not take the list because there is one thread only, it does
 * not initialise its lock in the child either, and the thread may be inside.
 */
static bool must_lock_list(void)
{
	if (!_IO_list_lock || !_IO_list_unlock || !_IO_list_resetlock)
		return false;
	return !&__libc_single_threaded || !__libc_single_threaded;
}

static void step_aside(bool list_locked)
{
	forking.list_locked = list_locked;
	forking.state = shim_thread;
	forking.cpu = shim_cpu;
	forking.delta = shim_cpu_delta;
	WRITE_ONCE(shim_thread, SHIM_MOVING);
	barrier();
	shim_cpu = SHIM_NOBODY;
	shim_cpu_delta = 0;
}

/* Returns whether the list was locked. */
static bool step_back(void)
{
	shim_cpu_delta = forking.delta;
	shim_cpu = forking.cpu;
	barrier();
	WRITE_ONCE(shim_thread, forking.state);
	return forking.list_locked;
}

/*
 * All locks, and nobody running deferred work: the child's only thread is then
 * outside everything that a lock guards. Threads may still have been inside a
 * per-CPU cache; the core leaves those alone, see shim_thread_bury_others().
 */
static void fork_prepare(void)
{
	bool list = must_lock_list();

	if (list)
		_IO_list_lock();
	shim_lock(&shim_hotplug_lock);
	shim_deferred_lock();
	shim_locks_take_all();
	step_aside(list);
}

static void fork_parent(void)
{
	bool list = step_back();

	shim_locks_release_all();
	shim_deferred_unlock();
	shim_unlock(&shim_hotplug_lock);
	if (list)
		_IO_list_unlock();
}

static void fork_child(void)
{
	bool list = step_back();
	int saved = errno;

	/* fork() has done so, unless it took the process for one thread alone. */
	if (list)
		_IO_list_resetlock();
	shim_locks_release_all();
	shim_deferred_forked();
	if (shim_is_ready())
		shim_core_forked();
	shim_deferred_unlock();
	shim_thread_bury_others();
	shim_unlock(&shim_hotplug_lock);
	errno = saved;
}

/**
 * shim_fork_init() - register what fork() has to call
 *
 * Does nothing but the first time.
 *
 * Return: 0 or a negative error, the same each time.
 */
int shim_fork_init(void)
{
	static int registered, err;

	if (!__atomic_exchange_n(&registered, 1, __ATOMIC_ACQ_REL))
		err = -pthread_atfork(fork_prepare, fork_parent, fork_child);
	return err;
}
