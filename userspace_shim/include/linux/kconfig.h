/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * IS_ENABLED and friends, as in the kernel. The configuration: CONFIG_SMP and
 * CONFIG_64BIT, no CONFIG_NUMA, no CONFIG_PREEMPT_RT, no debug options.
 */
#ifndef _SHIM_LINUX_KCONFIG_H
#define _SHIM_LINUX_KCONFIG_H

#define CONFIG_64BIT 1
#define CONFIG_SMP 1
#define CONFIG_MMU 1
#define CONFIG_HOTPLUG_CPU 1

#define __ARG_PLACEHOLDER_1 0,
#define __take_second_arg(__ignored, val, ...) val
#define __and(x, y)		___and(x, y)
#define ___and(x, y)		____and(__ARG_PLACEHOLDER_##x, y)
#define ____and(a, y)		__take_second_arg(a y, 0)
#define __or(x, y)		___or(x, y)
#define ___or(x, y)		____or(__ARG_PLACEHOLDER_##x, y)
#define ____or(a, y)		__take_second_arg(a 1, y)
#define __is_defined(x)		___is_defined(x)
#define ___is_defined(val)	____is_defined(__ARG_PLACEHOLDER_##val)
#define ____is_defined(a)	__take_second_arg(a 1, 0)
#define IS_BUILTIN(option)	__is_defined(option)
#define IS_MODULE(option)	__is_defined(option##_MODULE)
#define IS_REACHABLE(option)	IS_ENABLED(option)
#define IS_ENABLED(option)	__or(IS_BUILTIN(option), IS_MODULE(option))

#endif
