/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * See spinlock.h.
 */
#ifndef _SHIM_LINUX_SPINLOCK_TYPES_H
#define _SHIM_LINUX_SPINLOCK_TYPES_H

#include <linux/shim_lock.h>

typedef struct raw_spinlock {
	struct shim_futex lock;
} raw_spinlock_t;

typedef struct spinlock {
	struct shim_futex lock;
} spinlock_t;

#define __RAW_SPIN_LOCK_UNLOCKED(name)	{ .lock = SHIM_LOCK_INIT }
#define __SPIN_LOCK_UNLOCKED(name)	{ .lock = SHIM_LOCK_INIT }
#define DEFINE_RAW_SPINLOCK(name) \
	raw_spinlock_t name = __RAW_SPIN_LOCK_UNLOCKED(name); \
	__SHIM_REGISTER_LOCK(name)
#define DEFINE_SPINLOCK(name) \
	spinlock_t name = __SPIN_LOCK_UNLOCKED(name); \
	__SHIM_REGISTER_LOCK(name)

#endif
