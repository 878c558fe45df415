// SPDX-License-Identifier: GPL-2.0
/*
 * fork(), which has to find everything at rest.
 *
 * The prepare handler takes locks in this order: the C library's list of streams,
 * CPU hotplug, the runner of deferred work, all other locks of hakmem. fork()
 * then takes the C library's own locks.
 *
 *   A thread that flushes all streams holds the list and calls the streams' own
 *   functions, which may allocate. fork() takes the list after the prepare
 *   handlers, so the handler takes it before hakmem's locks. The list's lock is
 *   recursive, so fork() can take it again.
 *
 *   Prepare handlers run in the reverse order of their registration. A handler
 *   of another library may allocate, or wait for a lock whose holder allocates.
 *   So hakmem's handler has to run last and is registered first: the shared
 *   library is initialised before all others (-z initfirst).
 *
 *   If another library registered its handlers earlier, they run while the
 *   forking thread holds hakmem's locks. The forking thread is MOVING then: it
 *   allocates from the C library, and it frees by pushing. Neither takes a lock
 *   of hakmem.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/single_threaded.h>

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

#pragma weak __libc_single_threaded

/* Results of the prepare handler, for the handlers after the fork. */
static struct {
	bool alone;
	bool list_locked;
	enum shim_thread_state state;
	unsigned int cpu;
	unsigned long delta;
} forking;

/*
 * If the process never had a second thread, the handlers do nothing, as fork() does nothing
 * to the list of streams then. A lock that is held is held by the only thread, which
 * forks in a signal handler or in a function of a stream. It would wait for
 * itself. It goes on in the child where it was interrupted and finds what the
 * lock guards as it left it, so nothing but its id's lock has to be set right.
 */
static bool is_alone(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

static bool can_lock_list(void)
{
	return _IO_list_lock && _IO_list_unlock && _IO_list_resetlock;
}

static void step_aside(bool list_locked)
{
	forking.alone = false;
	forking.list_locked = list_locked;
	forking.state = shim_thread;
	forking.cpu = shim_cpu;
	forking.delta = shim_cpu_delta;
	WRITE_ONCE(shim_thread, SHIM_MOVING);
	if (shim_front_use)
		shim_front_use(false);
	barrier();
	shim_cpu = SHIM_NOBODY;
	shim_cpu_delta = 0;
}

/* Return: true if the prepare handler took the list. */
static bool step_back(void)
{
	shim_cpu_delta = forking.delta;
	shim_cpu = forking.cpu;
	barrier();
	WRITE_ONCE(shim_thread, forking.state);
	if (shim_front_use)
		shim_front_use(forking.state == SHIM_ONLINE);
	return forking.list_locked;
}

/*
 * Take all locks, and wait until no thread runs deferred work. The child's only
 * thread is then outside everything that a lock guards. Other threads may still
 * be inside a per-CPU cache; the core leaves those alone, see
 * shim_thread_bury_others().
 */
static void fork_prepare(void)
{
	bool list = can_lock_list();

	if (is_alone()) {
		forking.alone = true;
		return;
	}
	if (list)
		_IO_list_lock();
	shim_lock(&shim_hotplug_lock);
	shim_deferred_lock();
	shim_locks_take_all();
	step_aside(list);
}

static void fork_parent(void)
{
	bool list;

	if (forking.alone)
		return;
	list = step_back();
	shim_locks_release_all();
	shim_deferred_unlock();
	shim_unlock(&shim_hotplug_lock);
	if (list)
		_IO_list_unlock();
}

static void fork_child(void)
{
	int saved = errno;
	bool list;

	if (forking.alone) {
		shim_thread_forked();
		return;
	}
	list = step_back();
	/*
	 * fork() has done this, unless it found that the process never had a second
	 * thread.
	 */
	if (list)
		_IO_list_resetlock();
	shim_locks_release_all();
	shim_deferred_forked();
	if (shim_is_ready())
		shim_core_forked();
	shim_deferred_unlock();
	shim_thread_forked();
	shim_thread_bury_others();
	shim_unlock(&shim_hotplug_lock);
	errno = saved;
}

/**
 * shim_fork_init() - register the handlers of fork()
 *
 * Later calls do nothing.
 *
 * Return: 0 or a negative error, the same for each call.
 */
int shim_fork_init(void)
{
	static int registered, err;

	/* Until the library has started each call of malloc() comes here. */
	if (!READ_ONCE(registered) && !__atomic_exchange_n(&registered, 1, __ATOMIC_ACQ_REL))
		err = -pthread_atfork(fork_prepare, fork_parent, fork_child);
	return err;
}
