/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Node page state is counted exactly and readable by node_page_state(). The
 * _B items are in bytes, as in the kernel.
 */
#ifndef _SHIM_LINUX_VMSTAT_H
#define _SHIM_LINUX_VMSTAT_H

#include <linux/mmzone.h>

static inline void mod_node_page_state(struct pglist_data *pgdat,
				       enum node_stat_item item, long delta)
{
	atomic_long_add(delta, &pgdat->vm_stat[item]);
}

static inline unsigned long
node_page_state(struct pglist_data *pgdat, enum node_stat_item item)
{
	return atomic_long_read(&pgdat->vm_stat[item]);
}

#define node_page_state_pages(pgdat, item)	node_page_state(pgdat, item)
#define __mod_node_page_state(p, i, d)	mod_node_page_state(p, i, d)

#endif
