/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that is added while hakmem is loaded. */
#ifndef _HAK_MEMORY_HOTPLUG_H
#define _HAK_MEMORY_HOTPLUG_H

int hak_memory_hotplug_init(void);
void hak_memory_hotplug_exit(void);
int hak_registry_cover(unsigned long end);

#endif /* _HAK_MEMORY_HOTPLUG_H */
