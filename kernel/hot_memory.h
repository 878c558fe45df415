/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that is added while hakmem is loaded.
 */
#ifndef _HAK_HOT_MEMORY_H
#define _HAK_HOT_MEMORY_H

int hak_hot_memory_init(void);
void hak_hot_memory_exit(void);
int hak_registry_cover(unsigned long end);

#endif /* _HAK_HOT_MEMORY_H */
