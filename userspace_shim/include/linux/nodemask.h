/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * One node, 0, which is online and has memory.
 */
#ifndef _SHIM_LINUX_NODEMASK_H
#define _SHIM_LINUX_NODEMASK_H

#include <linux/numa.h>
#include <linux/types.h>

enum node_states { N_POSSIBLE, N_ONLINE, N_NORMAL_MEMORY, N_MEMORY, N_CPU };

#define nr_node_ids		1U
#define nr_online_nodes		1U
#define node_online(n)		((n) == 0)
#define node_possible(n)	((n) == 0)
#define node_state(n, s)	((n) == 0)
#define node_isset(n, mask)	((n) == 0)
#define first_online_node	0
#define first_memory_node	0
#define num_online_nodes()	1
#define num_possible_nodes()	1
#define num_node_state(s)	1
#define for_each_node(n)	for ((n) = 0; (n) < 1; (n)++)
#define for_each_online_node(n)	for_each_node(n)
#define for_each_node_state(n, s)	for_each_node(n)
#define next_node_in(n, m)	0

#endif
