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

#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/sched.h>
#include <asm/barrier.h>
#include <asm/page.h>

#include "core.h"
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

/*
 * The same locks by the page that they begin in. Each chain has the numbers of its locks in
 * registry[], from 1 on. Other threads may follow a chain while it changes: @changes is odd
 * then, and different afterwards.
 */
#define CHAIN_BITS	12
static u16 chain[1 << CHAIN_BITS];
static u16 next_in_chain[SHIM_MAX_LOCKS];
static unsigned int changes;

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

static unsigned long page_of(const void *p)
{
	return (unsigned long)p >> PAGE_SHIFT;
}

static u16 *chain_of(unsigned long page)
{
	return &chain[hash_long(page, CHAIN_BITS)];
}

/* The functions whose names begin with __ are called under registry_lock. */
static void __change_begin(void)
{
	WRITE_ONCE(changes, changes + 1);
	/* Pairs with smp_rmb() in page_has_lock(). */
	smp_wmb();
}

static void __change_end(void)
{
	/* Pairs with smp_load_acquire() in page_has_lock(). */
	smp_store_release(&changes, changes + 1);
}

static void __chain_add(unsigned int i)
{
	u16 *first = chain_of(page_of(registry[i]));

	WRITE_ONCE(next_in_chain[i], *first);
	WRITE_ONCE(*first, i + 1);
}

static void __chain_remove(unsigned int i)
{
	u16 *at = chain_of(page_of(registry[i]));

	while (*at != i + 1)
		at = &next_in_chain[*at - 1];
	WRITE_ONCE(*at, next_in_chain[i]);
}

static bool is_between(const struct shim_futex *lock, unsigned long lo, unsigned long hi)
{
	unsigned long addr = (unsigned long)lock;

	return addr >= lo && addr < hi;
}

/* The number of a lock of the chain of @page that begins in [@lo, @hi); 0 if there is none. */
static unsigned int __lock_between(unsigned long page, unsigned long lo, unsigned long hi)
{
	unsigned int n;

	for (n = *chain_of(page); n; n = next_in_chain[n - 1]) {
		if (is_between(registry[n - 1], lo, hi))
			break;
	}
	return n;
}

static bool __lock_is_listed(const struct shim_futex *lock)
{
	unsigned long addr = (unsigned long)lock;

	return __lock_between(page_of(lock), addr, addr + 1);
}

static void __lock_init(struct shim_futex *lock)
{
	lock->word = 0;
	lock->owner = NULL;

	if (__lock_is_listed(lock))
		return;		/* initialised again */
	if (registry_nr == SHIM_MAX_LOCKS) {
		pr_warn_once("hakmem: too many locks, fork() is not safe\n");
		return;
	}
	__change_begin();
	WRITE_ONCE(registry[registry_nr], lock);
	__chain_add(registry_nr++);
	__change_end();
}

/* The last lock takes the place of the one with index @i. */
static void __lock_forget(unsigned int i)
{
	unsigned int last = registry_nr - 1;

	__change_begin();
	__chain_remove(i);
	if (i != last) {
		__chain_remove(last);
		WRITE_ONCE(registry[i], registry[last]);
		__chain_add(i);
	}
	registry_nr = last;
	__change_end();
}

static bool is_in_slab(const void *p)
{
	bool in;

	preempt_disable();
	in = hak_slab_of(p);
	preempt_enable();
	return in;
}

/*
 * A lock in an object of hakmem is not listed, because the short way of a free does not look
 * for locks. If it were, fork() would write to whatever the object is used for next, and might
 * wait for that for ever. All locks of the core are elsewhere.
 */
void shim_lock_init(struct shim_futex *lock)
{
	if (is_in_slab(lock)) {
		*lock = (struct shim_futex)SHIM_LOCK_INIT;
		return;
	}
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
	unsigned long page = page_of(start), end = page_of((char *)start + size - 1);
	unsigned int n;

	if (!size)
		return;
	shim_lock(&registry_lock);
	if (end - page < registry_nr) {
		for (; page <= end; page++)
			while ((n = __lock_between(page, lo, hi)))
				__lock_forget(n - 1);
	} else {
		for (n = registry_nr; n; n--)
			if (is_between(registry[n - 1], lo, hi))
				__lock_forget(n - 1);
	}
	shim_unlock(&registry_lock);
}

/* A chain that is longer than this counts as one that may have the lock. */
#define LONGEST	64

/* Does a lock begin in @page? If the chain changes meanwhile, one may. */
static bool page_has_lock(unsigned long page)
{
	/* Pairs with smp_store_release() in __change_end(). */
	unsigned int before = smp_load_acquire(&changes), i = 0, n;

	for (n = READ_ONCE(*chain_of(page)); n; n = READ_ONCE(next_in_chain[n - 1])) {
		if (page_of(READ_ONCE(registry[n - 1])) == page || ++i > LONGEST)
			return true;
	}
	/* Pairs with smp_wmb() in __change_begin(). */
	smp_rmb();
	return (before & 1) || READ_ONCE(changes) != before;
}

/**
 * shim_may_hold_lock() - may the first page or so of a block hold a lock?
 * @p: the block
 *
 * It takes no lock, since each free of a block of the C library asks.
 *
 * Context: any; the caller has the block, so no lock in it comes or goes.
 * Return: false if no lock begins in the same pages, and no thread is just initialising or
 * forgetting one.
 */
bool shim_may_hold_lock(const void *p)
{
	unsigned long first = page_of(p), last = page_of((const char *)p + PAGE_SIZE - 1);

	return page_has_lock(first) || (last != first && page_has_lock(last));
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
