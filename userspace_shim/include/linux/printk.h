/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Messages go to stderr by write(2), formatted without malloc and
 * async-signal-safely (see sprintf.h). pr_debug() compiles to nothing in
 * release builds; in debug builds it prints when the environment has
 * HAKMEM_PR_DEBUG=1. Rate limiting is once per call site and 5 seconds at most
 * ten times.
 */
#ifndef _SHIM_LINUX_PRINTK_H
#define _SHIM_LINUX_PRINTK_H

#include <linux/compiler.h>
#include <linux/kern_levels.h>
#include <linux/types.h>

#ifndef pr_fmt
#define pr_fmt(fmt)	fmt
#endif

int _printk(const char *fmt, ...) __printf(1, 2);

#define printk(fmt, ...)	_printk(fmt, ##__VA_ARGS__)
#define no_printk(fmt, ...) \
	({ if (0) _printk(fmt, ##__VA_ARGS__); 0; })

#define pr_emerg(fmt, ...)	printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...)	printk(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...)	printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...)	printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...)	printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)	printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...)	printk(KERN_CONT fmt, ##__VA_ARGS__)

#ifdef HAK_SHIM_DEBUG
extern bool shim_pr_debug;
#define pr_debug(fmt, ...) \
	do { if (shim_pr_debug) printk(pr_fmt(fmt), ##__VA_ARGS__); } while (0)
#else
#define pr_debug(fmt, ...)	no_printk(pr_fmt(fmt), ##__VA_ARGS__)
#endif
#define pr_devel(fmt, ...)	no_printk(pr_fmt(fmt), ##__VA_ARGS__)

struct shim_ratelimit {
	unsigned long long begin;
	unsigned int printed;
};

bool shim_ratelimit_ok(struct shim_ratelimit *rs);

#define __printk_ratelimited(pr, fmt, ...)				\
do {									\
	static struct shim_ratelimit __rs;				\
	if (shim_ratelimit_ok(&__rs))					\
		pr(fmt, ##__VA_ARGS__);					\
} while (0)
#define __printk_once(pr, fmt, ...)					\
do {									\
	static bool __printed;						\
	if (unlikely(!__atomic_exchange_n(&__printed, true,		\
					  __ATOMIC_RELAXED)))		\
		pr(fmt, ##__VA_ARGS__);					\
} while (0)
#define printk_ratelimited(fmt, ...) \
	__printk_ratelimited(printk, fmt, ##__VA_ARGS__)
#define pr_emerg_ratelimited(fmt, ...) \
	__printk_ratelimited(pr_emerg, fmt, ##__VA_ARGS__)
#define pr_err_ratelimited(fmt, ...) \
	__printk_ratelimited(pr_err, fmt, ##__VA_ARGS__)
#define pr_warn_ratelimited(fmt, ...) \
	__printk_ratelimited(pr_warn, fmt, ##__VA_ARGS__)
#define pr_info_ratelimited(fmt, ...) \
	__printk_ratelimited(pr_info, fmt, ##__VA_ARGS__)
#define pr_debug_ratelimited(fmt, ...)	pr_debug(fmt, ##__VA_ARGS__)
#define printk_once(fmt, ...)	__printk_once(printk, fmt, ##__VA_ARGS__)
#define pr_err_once(fmt, ...)	__printk_once(pr_err, fmt, ##__VA_ARGS__)
#define pr_warn_once(fmt, ...)	__printk_once(pr_warn, fmt, ##__VA_ARGS__)
#define pr_info_once(fmt, ...)	__printk_once(pr_info, fmt, ##__VA_ARGS__)
#define printk_deferred(fmt, ...)	printk(fmt, ##__VA_ARGS__)
#define pr_warn_deferred(fmt, ...)	pr_warn(fmt, ##__VA_ARGS__)

#endif
