/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that is added while hakmem is loaded. */
#ifndef _HAK_MEMORY_HOTPLUG_H
#define _HAK_MEMORY_HOTPLUG_H

struct pglist_data;

int hak_memory_hotplug_init(void);
void hak_memory_hotplug_exit(void);
int hak_registry_cover(unsigned long end);
unsigned long hak_node_ram_end(struct pglist_data *pgdat);

#endif /* _HAK_MEMORY_HOTPLUG_H */
