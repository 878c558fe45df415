/* SPDX-License-Identifier: GPL-2.0 */
/* Frees that wait for a grace period: hak_free_rcu(). */
#ifndef _HAK_RCU_FREE_H
#define _HAK_RCU_FREE_H

#include <linux/spinlock_types.h>

raw_spinlock_t *hak_rcu_cpu_lock(unsigned int cpu);
int hak_rcu_free_init(void);
void hak_rcu_free_exit(void);

#endif /* _HAK_RCU_FREE_H */
