/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the raw locks are taken, so that lock_stats can count them.
 */
#ifndef _HAK_LOCK_H
#define _HAK_LOCK_H

#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/spinlock.h>

/* Kinds of raw locks, for lock_stats. */
enum hak_lock_kind {
	HAK_LOCK_POOL,
	HAK_LOCK_NODE,
	HAK_LOCK_ALL,
	HAK_LOCK_DEPOT,
	HAK_NR_LOCKS,
};

extern const char *const hak_lock_name[HAK_NR_LOCKS];
DECLARE_STATIC_KEY_FALSE(hak_lock_stats_on);
bool hak_trylock_counted(raw_spinlock_t *lock, enum hak_lock_kind kind);
void hak_lock_counted(raw_spinlock_t *lock, enum hak_lock_kind kind);

/* Interrupts off, then @lock; with lock_stats, counted. */
#define hak_lock(lock, flags, kind)				\
	do {							\
		local_irq_save(flags);				\
		if (static_branch_unlikely(&hak_lock_stats_on))	\
			hak_lock_counted(lock, kind);		\
		else						\
			raw_spin_lock(lock);			\
	} while (0)

/* @lock if it is free, interrupts as they are; with lock_stats, counted. */
#define hak_trylock(lock, kind)						\
	(static_branch_unlikely(&hak_lock_stats_on) ?			\
	 hak_trylock_counted(lock, kind) : raw_spin_trylock(lock))

#define hak_unlock(lock, flags)	raw_spin_unlock_irqrestore(lock, flags)

#endif /* _HAK_LOCK_H */
