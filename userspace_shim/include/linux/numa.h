/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * One node, 0.
 */
#ifndef _SHIM_LINUX_NUMA_H
#define _SHIM_LINUX_NUMA_H

#define NUMA_NO_NODE	(-1)
#define NODES_SHIFT	0
#define MAX_NUMNODES	1
#define numa_valid_node(nid)	((nid) == 0)

#endif
