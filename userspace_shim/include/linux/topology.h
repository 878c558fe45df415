/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * One node, 0.
 */
#ifndef _SHIM_LINUX_TOPOLOGY_H
#define _SHIM_LINUX_TOPOLOGY_H

#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/smp.h>

#define numa_node_id()		0
#define numa_mem_id()		0
#define cpu_to_node(cpu)	((void)(cpu), 0)
#define cpu_to_mem(cpu)		((void)(cpu), 0)
#define node_distance(a, b)	10

#endif
