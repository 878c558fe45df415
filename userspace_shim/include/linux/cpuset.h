/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * No cpusets: every task may use the one node. The mask is one only for
 * node_isset() of nodemask.h.
 */
#ifndef _SHIM_LINUX_CPUSET_H
#define _SHIM_LINUX_CPUSET_H

#include <linux/nodemask.h>

#define cpuset_current_mems_allowed	0

#endif
