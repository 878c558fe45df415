/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * BUILD_BUG_ON and friends are _Static_assert, so the condition has to be an
 * integer constant expression; the kernel also accepts what the optimiser can
 * decide.
 */
#ifndef _SHIM_LINUX_BUILD_BUG_H
#define _SHIM_LINUX_BUILD_BUG_H

#define BUILD_BUG_ON_ZERO(e)	((int)(sizeof(struct { int : (-!!(e)); })))
#define BUILD_BUG_ON_MSG(cond, msg) \
	do { _Static_assert(!(cond), msg); } while (0)
#define BUILD_BUG_ON(cond)	BUILD_BUG_ON_MSG(cond, "BUILD_BUG_ON: " #cond)
#define BUILD_BUG_ON_NOT_POWER_OF_2(n) \
	BUILD_BUG_ON((n) == 0 || (((n) & ((n) - 1)) != 0))
#define BUILD_BUG()		__builtin_trap()
#ifndef static_assert
#define static_assert(expr, ...)	__static_assert(expr, ##__VA_ARGS__, #expr)
#endif
#define __static_assert(expr, msg, ...)	_Static_assert(expr, msg)

#endif
