/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * IS_ENABLED(), IS_BUILTIN() and IS_REACHABLE() in expressions, constant as in
 * the kernel; not in #if. The configuration: CONFIG_SMP and CONFIG_64BIT, no
 * CONFIG_NUMA, no CONFIG_PREEMPT_RT, no modules, and in debug builds
 * CONFIG_DEBUG_ATOMIC_SLEEP, CONFIG_MEM_ALLOC_PROFILING and CONFIG_PREEMPT_COUNT. The
 * shim's own calls of hakmem are not tagged.
 */
#ifndef _SHIM_LINUX_KCONFIG_H
#define _SHIM_LINUX_KCONFIG_H

#define CONFIG_64BIT 1
#define CONFIG_SMP 1
#define CONFIG_MMU 1
#define CONFIG_HOTPLUG_CPU 1
#define CONFIG_STACKTRACE 1
#ifdef HAK_SHIM_DEBUG
#define CONFIG_DEBUG_ATOMIC_SLEEP 1
#define CONFIG_MEM_ALLOC_PROFILING 1
#define CONFIG_PREEMPT_COUNT 1
#define HAKMEM_NO_TAGS
#endif

/* An option that is set expands to 1, one that is not stays its name. */
#define __shim_text(x)		#x
#define __shim_is_1(text)	(sizeof(text) == 2 && (text)[0] == '1')
#define __shim_expand(x)	__shim_text(x)
#define IS_ENABLED(option)	__shim_is_1(__shim_expand(option))
#define IS_BUILTIN(option)	IS_ENABLED(option)
#define IS_REACHABLE(option)	IS_ENABLED(option)
#define IS_MODULE(option)	0

#endif
