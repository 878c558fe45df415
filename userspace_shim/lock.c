// SPDX-License-Identifier: GPL-2.0
/*
 * Locks: the slow paths of the futex lock, and the list of all locks, which
 * fork() takes so that the child finds everything consistent.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <asm/barrier.h>

#include "shim.h"

#define SHIM_SPINS	100
#define SHIM_MAX_LOCKS	16384	/* initialised at run time */

__thread int shim_locks_held;

extern struct shim_futex * const __start_hak_locks[] __hidden;
extern struct shim_futex * const __stop_hak_locks[] __hidden;

/*
 * Locks initialised at run time. registry_lock is not in the list: fork() takes
 * it first, and no thread takes another lock while it holds this one.
 */
static struct shim_futex registry_lock;
static struct shim_futex *registry[SHIM_MAX_LOCKS];
static unsigned int registry_nr;
unsigned long shim_marked_pages[SHIM_MARKED_PAGES / BITS_PER_LONG];

static long futex_call(u32 *word, int op, u32 val)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, NULL,
		       NULL, 0);
}

void shim_lock_wait(struct shim_futex *lock)
{
	int saved = errno;
	unsigned int i;

	for (i = 0; i < SHIM_SPINS; i++) {
		if (READ_ONCE(lock->word) == 0 && __shim_trylock(lock))
			return;
		cpu_relax();
	}
	/*
	 * 2 even if no other thread waits; the worst result is one wake-up too
	 * many.
	 */
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
		futex_call(&lock->word, FUTEX_WAIT, 2);
	WRITE_ONCE(lock->owner, (void *)&shim_locks_held);
	errno = saved;
}

void shim_lock_wake(struct shim_futex *lock)
{
	int saved = errno;

	futex_call(&lock->word, FUTEX_WAKE, 1);
	errno = saved;
}

void shim_lock_not_held(const struct shim_futex *lock)
{
	pr_emerg("lock %p: lockdep assertion failed\n", lock);
	abort();
}

/* The function whose name begins with __lock is called under registry_lock. */
static void __lock_init(struct shim_futex *lock)
{
	unsigned int i;

	lock->word = 0;
	lock->owner = NULL;

	for (i = 0; i < registry_nr; i++) {
		if (registry[i] == lock)
			return;	/* initialised again */
	}
	if (registry_nr == SHIM_MAX_LOCKS) {
		pr_warn_once("hakmem: too many locks, fork() is not safe\n");
		return;
	}
	registry[registry_nr++] = lock;
	shim_mark_page(lock);
}

void shim_lock_init(struct shim_futex *lock)
{
	shim_lock(&registry_lock);
	__lock_init(lock);
	shim_unlock(&registry_lock);
}

/**
 * shim_locks_copied() - memory was copied, so there are new locks
 * @start: the original
 * @size: its size
 * @delta: the distance from there to the copy
 *
 * They are free, even if a thread held one that was copied.
 */
void shim_locks_copied(const void *start, size_t size, unsigned long delta)
{
	unsigned int i, nr;

	shim_lock(&registry_lock);
	for (i = 0, nr = registry_nr; i < nr; i++) {
		unsigned long addr = (unsigned long)registry[i];

		if (addr - (unsigned long)start < size)
			__lock_init((void *)(addr + delta));
	}
	shim_unlock(&registry_lock);
}

void shim_lock_destroy(struct shim_futex *lock)
{
	shim_locks_forget(lock, sizeof(*lock));
}

/* The memory is being freed, so forget the locks in it. */
void shim_locks_forget(const void *start, size_t size)
{
	unsigned long lo = (unsigned long)start, hi = lo + size;
	unsigned int i;

	shim_lock(&registry_lock);
	for (i = 0; i < registry_nr;) {
		unsigned long addr = (unsigned long)registry[i];

		if (addr >= lo && addr < hi)
			registry[i] = registry[--registry_nr];
		else
			i++;
	}
	shim_unlock(&registry_lock);
}

static unsigned int static_locks(void)
{
	return __stop_hak_locks - __start_hak_locks;
}

static struct shim_futex *nth_lock(unsigned int n)
{
	return n < static_locks() ? __start_hak_locks[n] :
				    registry[n - static_locks()];
}

static bool try_all(void)
{
	unsigned int i, n = static_locks() + registry_nr;

	for (i = 0; i < n; i++) {
		if (__shim_trylock(nth_lock(i)))
			continue;
		while (i--)
			__shim_unlock(nth_lock(i));
		return false;
	}
	return true;
}

/*
 * Take all locks or none, and try again, so the order in which threads nest them
 * does not matter. If the scheduler prefers this thread to the one that holds a lock, that one
 * runs only while this one sleeps.
 */
void shim_locks_take_all(void)
{
	unsigned int tries = 0;

	for (;;) {
		if (__shim_trylock(&registry_lock)) {
			if (try_all())
				return;
			__shim_unlock(&registry_lock);
		}
		if (++tries < SHIM_SPINS)
			shim_yield();
		else
			shim_sleep_ns(200000);
	}
}

void shim_locks_release_all(void)
{
	unsigned int i, n = static_locks() + registry_nr;

	for (i = 0; i < n; i++)
		__shim_unlock(nth_lock(i));
	__shim_unlock(&registry_lock);
}
