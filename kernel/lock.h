/* SPDX-License-Identifier: GPL-2.0 */
/* Taking the raw locks, with a count of each kind if lock_stats is on. */
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

/* Disable interrupts and take @lock; lock_stats counts it. */
#define hak_lock(lock, flags, kind)				\
	do {							\
		local_irq_save(flags);				\
		if (static_branch_unlikely(&hak_lock_stats_on))	\
			hak_lock_counted(lock, kind);		\
		else						\
			raw_spin_lock(lock);			\
	} while (0)

/*
 * Take @lock if it is free, and leave interrupts as they are; lock_stats counts
 * it.
 */
#define hak_trylock(lock, kind)						\
	(static_branch_unlikely(&hak_lock_stats_on) ?			\
	 hak_trylock_counted(lock, kind) : raw_spin_trylock(lock))

#define hak_unlock(lock, flags)	raw_spin_unlock_irqrestore(lock, flags)

#endif /* _HAK_LOCK_H */
