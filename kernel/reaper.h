/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reaper: task context in which whole slabs are released.
 */
#ifndef _HAK_REAPER_H
#define _HAK_REAPER_H

#include <linux/atomic.h>
#include <linux/irq_work.h>

/* How long a whole slab may wait in its pool to be used again, in ms. */
#define HAK_REAP_DELAY_MS	20

/* Is the reaper going to run? The irq_work queues it. For reaper.c and for fork() only. */
extern atomic_t hak_reap_armed;
extern struct irq_work hak_reap_irq;

void hak_reaper_init(void);
void hak_reaper_exit(void);
void hak_reaper_arm(void);
void hak_reap_all(void);
typedef void (*hak_reap_hook_t)(void);
void hak_reaper_hook(hak_reap_hook_t fn);
unsigned long hak_paranoid_scan(void);

#endif /* _HAK_REAPER_H */
