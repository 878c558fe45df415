/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * struct mutex is the futex lock of shim_lock.h. mutex_lock() checks in debug
 * builds that sleeping is allowed. Not fair, not recursive, no wound/wait.
 */
#ifndef _SHIM_LINUX_MUTEX_H
#define _SHIM_LINUX_MUTEX_H

#include <linux/shim_lock.h>
#include <linux/lockdep.h>

struct mutex {
	struct shim_futex lock;
};

#define __MUTEX_INITIALIZER(name)	{ .lock = SHIM_LOCK_INIT }
#define DEFINE_MUTEX(name) \
	struct mutex name = __MUTEX_INITIALIZER(name); \
	__SHIM_REGISTER_LOCK(name)

#define mutex_init(m)		shim_lock_init(&(m)->lock)
#define mutex_destroy(m)	shim_lock_destroy(&(m)->lock)
#define mutex_lock(m)		do { might_sleep(); shim_lock(&(m)->lock); } while (0)
#define mutex_lock_nested(m, c)	mutex_lock(m)
#define mutex_lock_killable(m)	({ mutex_lock(m); 0; })
#define mutex_lock_interruptible(m)	({ mutex_lock(m); 0; })
#define mutex_trylock(m)	shim_trylock(&(m)->lock)
#define mutex_unlock(m)		shim_unlock(&(m)->lock)
#define mutex_is_locked(m)	shim_is_locked(&(m)->lock)

#endif
