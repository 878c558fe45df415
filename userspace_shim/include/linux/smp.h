/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * smp_processor_id() is the id of the calling thread; 0 before it is online
 * and after it has gone. Cross-calls do not exist: on_each_cpu() calls the
 * function for the calling thread alone, as hak_cpu_is_called() of
 * kernel/compat.h says.
 */
#ifndef _SHIM_LINUX_SMP_H
#define _SHIM_LINUX_SMP_H

#include <linux/percpu-defs.h>

#define raw_smp_processor_id()	shim_cpu
#define smp_processor_id()	shim_cpu
#define get_cpu()		({ preempt_disable(); smp_processor_id(); })
#define put_cpu()		preempt_enable()
#define hak_cpu_is_called(cpu)	((cpu) == shim_cpu)
#define on_each_cpu(fn, arg, wait) \
	({ (void)(wait); preempt_disable(); fn(arg); preempt_enable(); })

#endif
