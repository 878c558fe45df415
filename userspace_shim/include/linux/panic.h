/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * panic() prints its message and aborts the program.
 */
#ifndef _SHIM_LINUX_PANIC_H
#define _SHIM_LINUX_PANIC_H

#include <linux/compiler_types.h>

void __noreturn panic(const char *fmt, ...) __printf(1, 2);
static inline void add_taint(unsigned int flag, int ok)
{
}

#define TAINT_WARN		9
#define TAINT_BAD_PAGE		5
#define LOCKDEP_STILL_OK	1
#define LOCKDEP_NOW_UNRELIABLE	0

#endif
