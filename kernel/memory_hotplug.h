/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that is added while hakmem is loaded. */
#ifndef _HAK_MEMORY_HOTPLUG_H
#define _HAK_MEMORY_HOTPLUG_H

#include <linux/types.h>

struct notifier_block;
struct pglist_data;

int hak_memory_hotplug_init(void);
void hak_memory_hotplug_exit(void);
int hak_memory_notify(struct notifier_block *nb, unsigned long what, void *data);
int hak_registry_cover(unsigned long start, unsigned long end);
bool hak_node_ram_span(struct pglist_data *pgdat, unsigned long *first,
		       unsigned long *end);

#endif /* _HAK_MEMORY_HOTPLUG_H */
