/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * A possible CPU is an id that was ever used, 0 up to a high-water mark that
 * only rises; id 0 is possible and never online. nr_cpu_ids is the limit on
 * ids. Masks as objects do not exist, only the iterators and questions.
 */
#ifndef _SHIM_LINUX_CPUMASK_H
#define _SHIM_LINUX_CPUMASK_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/threads.h>
#include <linux/types.h>
#include <asm/barrier.h>

#define nr_cpu_ids	((unsigned int)NR_CPUS)

extern unsigned int shim_cpus_used;
extern unsigned int shim_cpus_online;
extern unsigned long shim_online_map[];

#define num_possible_cpus()	smp_load_acquire(&shim_cpus_used)
#define num_present_cpus()	num_possible_cpus()
#define num_online_cpus()	READ_ONCE(shim_cpus_online)
#define cpu_possible(cpu)	((unsigned int)(cpu) < num_possible_cpus())
#define cpu_present(cpu)	cpu_possible(cpu)
#define cpu_online(cpu)		test_bit_acquire((cpu), shim_online_map)
#define cpu_active(cpu)		cpu_online(cpu)
#define cpumask_of(cpu)		((void)(cpu), NULL)

#define for_each_possible_cpu(cpu) \
	for ((cpu) = 0; (cpu) < num_possible_cpus(); (cpu)++)
#define for_each_present_cpu(cpu)	for_each_possible_cpu(cpu)
#define for_each_online_cpu(cpu)		\
	for_each_possible_cpu(cpu)		\
		if (!cpu_online(cpu))		\
			continue;		\
		else

#endif
