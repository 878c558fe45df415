/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * At most ten messages in five seconds, whatever the state says; without a limit if its
 * interval is 0.
 */
#ifndef _SHIM_LINUX_RATELIMIT_H
#define _SHIM_LINUX_RATELIMIT_H

#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/printk.h>

struct ratelimit_state {
	int interval;
	struct shim_ratelimit rs;
};

#define RATELIMIT_STATE_INIT(name, interval, burst)	{ interval, { 0, 0 } }
#define DEFINE_RATELIMIT_STATE(name, interval, burst) \
	struct ratelimit_state name = RATELIMIT_STATE_INIT(name, interval, burst)
#define DEFAULT_RATELIMIT_INTERVAL	(5 * HZ)
#define DEFAULT_RATELIMIT_BURST		10
#define __ratelimit(state)	\
	(!READ_ONCE((state)->interval) || shim_ratelimit_ok(&(state)->rs))
#define printk_ratelimit()	true

#endif
