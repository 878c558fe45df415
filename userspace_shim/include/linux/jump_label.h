/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Static keys are plain booleans read with READ_ONCE(); switching one is
 * immediate and unsynchronised.
 */
#ifndef _SHIM_LINUX_JUMP_LABEL_H
#define _SHIM_LINUX_JUMP_LABEL_H

#include <linux/compiler.h>
#include <linux/types.h>

struct static_key {
	int enabled;
};

struct static_key_true {
	struct static_key key;
};

struct static_key_false {
	struct static_key key;
};

#define STATIC_KEY_TRUE_INIT	{ .key = { 1 } }
#define STATIC_KEY_FALSE_INIT	{ .key = { 0 } }
#define DEFINE_STATIC_KEY_TRUE(n) \
	struct static_key_true n = STATIC_KEY_TRUE_INIT
#define DEFINE_STATIC_KEY_FALSE(n) \
	struct static_key_false n = STATIC_KEY_FALSE_INIT
#define DECLARE_STATIC_KEY_TRUE(n)	extern struct static_key_true n
#define DECLARE_STATIC_KEY_FALSE(n)	extern struct static_key_false n
#define DEFINE_STATIC_KEY_TRUE_RO(n)	DEFINE_STATIC_KEY_TRUE(n)
#define DEFINE_STATIC_KEY_FALSE_RO(n)	DEFINE_STATIC_KEY_FALSE(n)

#define static_key_enabled(k) \
	(READ_ONCE(((const struct static_key *)(k))->enabled) > 0)
#define static_branch_likely(k)		likely(READ_ONCE((k)->key.enabled) > 0)
#define static_branch_unlikely(k)	unlikely(READ_ONCE((k)->key.enabled) > 0)
#define static_branch_enable(k)		WRITE_ONCE((k)->key.enabled, 1)
#define static_branch_disable(k)	WRITE_ONCE((k)->key.enabled, 0)
#define static_branch_inc(k) \
	((void)__atomic_fetch_add(&(k)->key.enabled, 1, __ATOMIC_RELAXED))
#define static_branch_dec(k) \
	((void)__atomic_fetch_sub(&(k)->key.enabled, 1, __ATOMIC_RELAXED))
#define static_branch_enable_cpuslocked(k)	static_branch_enable(k)
#define static_branch_disable_cpuslocked(k)	static_branch_disable(k)

#endif
