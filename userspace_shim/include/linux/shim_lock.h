/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Not a kernel header: the futex lock under every spinlock and mutex of the
 * shim. A waiter spins briefly and then sleeps, since the thread that holds
 * the lock may itself not be running. Locks are registered, statically
 * defined ones by a linker section and others when they are initialised, so
 * that fork() can take them all and the child finds what they protect
 * consistent.
 */
#ifndef _SHIM_LINUX_SHIM_LOCK_H
#define _SHIM_LINUX_SHIM_LOCK_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/preempt.h>

struct shim_futex {
	u32 word;		/* 0 free, 1 held, 2 held and waited for */
	u32 registered;
	void *owner;		/* &shim_locks_held of the holder */
};

#define SHIM_LOCK_INIT		{ 0, 0, NULL }
/* The linker keeps the list, although only its begin and its end are referred to. */
#define __SHIM_LIST_LOCK(name, lock)					\
	static struct shim_futex * const __shim_lock_##name		\
	__used __attribute__((__retain__)) __section("hak_locks") = &lock
#define __SHIM_REGISTER_LOCK(name)	__SHIM_LIST_LOCK(name, name.lock)

void shim_lock_init(struct shim_futex *lock);
void shim_lock_destroy(struct shim_futex *lock);
void shim_lock_wait(struct shim_futex *lock);
void shim_lock_wake(struct shim_futex *lock);
void shim_lock_not_held(const struct shim_futex *lock);

/* The bare lock, without the count of locks held. */
static __always_inline bool __shim_trylock(struct shim_futex *lock)
{
	u32 old = 0;

	if (!__atomic_compare_exchange_n(&lock->word, &old, 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	WRITE_ONCE(lock->owner, (void *)&shim_locks_held);
	return true;
}

static __always_inline void __shim_unlock(struct shim_futex *lock)
{
	WRITE_ONCE(lock->owner, NULL);
	if (unlikely(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2))
		shim_lock_wake(lock);
}

static __always_inline bool shim_trylock(struct shim_futex *lock)
{
	if (!__shim_trylock(lock))
		return false;
	shim_locks_held++;
	return true;
}

static __always_inline void shim_lock(struct shim_futex *lock)
{
	if (unlikely(!__shim_trylock(lock)))
		shim_lock_wait(lock);
	shim_locks_held++;
}

static __always_inline void shim_unlock(struct shim_futex *lock)
{
	shim_locks_held--;
	__shim_unlock(lock);
}

static __always_inline bool shim_is_locked(const struct shim_futex *lock)
{
	return READ_ONCE(lock->word) != 0;
}

static __always_inline bool shim_lock_mine(const struct shim_futex *lock)
{
	return READ_ONCE(lock->owner) == (void *)&shim_locks_held;
}

#endif
