/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * WARN*() print and go on, counted in shim_warnings; BUG*() print and abort().
 */
#ifndef _SHIM_LINUX_BUG_H
#define _SHIM_LINUX_BUG_H

#include <linux/compiler.h>
#include <linux/build_bug.h>
#include <linux/printk.h>

extern int shim_warnings;

void shim_warn(const char *file, int line, const char *fmt, ...) __printf(3, 4);
void __noreturn shim_bug(const char *file, int line, const char *what);

#define WARN(cond, fmt, ...)						\
({									\
	bool __w = !!(cond);						\
	if (unlikely(__w))						\
		shim_warn(__FILE__, __LINE__, fmt, ##__VA_ARGS__);	\
	unlikely(__w);							\
})
#define WARN_ON(cond)		WARN(cond, "%s\n", #cond)
#define WARN_ONCE(cond, fmt, ...)					\
({									\
	static bool __warned;						\
	bool __w = !!(cond);						\
	if (unlikely(__w) &&						\
	    !__atomic_exchange_n(&__warned, true, __ATOMIC_RELAXED))	\
		shim_warn(__FILE__, __LINE__, fmt, ##__VA_ARGS__);	\
	unlikely(__w);							\
})
#define WARN_ON_ONCE(cond)	WARN_ONCE(cond, "%s\n", #cond)
#define WARN_TAINT(cond, taint, fmt, ...)	WARN(cond, fmt, ##__VA_ARGS__)
#define BUG()			shim_bug(__FILE__, __LINE__, "BUG()")
#define BUG_ON(cond) \
	do { if (unlikely(cond)) shim_bug(__FILE__, __LINE__, #cond); } while (0)
#define VM_BUG_ON(cond)		BUILD_BUG_ON_INVALID(cond)
#define VM_WARN_ON_ONCE(cond)	BUILD_BUG_ON_INVALID(cond)
#define VM_WARN_ON(cond)	BUILD_BUG_ON_INVALID(cond)
#define BUILD_BUG_ON_INVALID(e)	((void)(sizeof((long)(e))))

#endif
