/* SPDX-License-Identifier: GPL-2.0 */
/* Frees that wait for a grace period: hak_free_rcu(). */
#ifndef _HAK_RCU_FREE_H
#define _HAK_RCU_FREE_H

#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct hak_rcu_batch;
struct rcu_head;

/**
 * struct hak_rcu_cpu - the objects that a CPU has to free
 * @lock: protects the fields from @cur to @chained, @phase and @armed. The CPU itself, its
 *	work item and hak_free_rcu_barrier() hold it for a few instructions, with
 *	interrupts on.
 * @cur: the batch that is being filled, or NULL
 * @first: the oldest sealed batch, or NULL
 * @last: the newest sealed batch; valid while @first is not NULL
 * @heads: objects without a batch, chained by their rcu_heads. The func of each points
 *	to its object.
 * @old_heads: a chain of the same kind that waits for a grace period
 * @old_nested: a chain from @nested that waits with @old_heads
 * @old_state: the state of RCU when @old_heads and @old_nested began to wait
 * @old_flush: the number of the latest flush then
 * @spare: empty batches; at most HAK_RCU_SPARES, and none once no object waits
 * @nr_spare: how many those are
 * @chained: objects that were put into @heads since @work last ran
 * @nested: objects of callers that did not get @lock and may not wait for it, chained
 *	as @heads are. A struct rcu_head begins with its link, as a struct llist_node
 *	does.
 * @freeing: how many batches and chains were taken off in each phase and are being freed
 * @phase: the phase that counts what is taken off now: 0 or 1
 * @armed: true while @work is queued or runs
 * @used: true once an object has been given to this CPU. Until then nothing is written
 *	to this structure.
 * @work: seals batches and frees them
 */
struct hak_rcu_cpu {
	raw_spinlock_t lock;
	struct hak_rcu_batch *cur;
	struct hak_rcu_batch *first;
	struct hak_rcu_batch *last;
	struct rcu_head *heads;
	struct rcu_head *old_heads;
	struct rcu_head *old_nested;
	unsigned long old_state;
	unsigned int old_flush;
	struct hak_rcu_batch *spare;
	unsigned int nr_spare;
	unsigned int chained;
	struct llist_head nested;
	atomic_t freeing[2];
	u8 phase;
	bool armed;
	bool used;
	struct delayed_work work;
};

extern struct hak_rcu_cpu __percpu *hak_rcu_cpu;

void hak_rcu_free_chain(struct rcu_head *head);
raw_spinlock_t *hak_rcu_cpu_lock(unsigned int cpu);
int hak_rcu_free_init(void);
void hak_rcu_free_exit(void);

#endif /* _HAK_RCU_FREE_H */
