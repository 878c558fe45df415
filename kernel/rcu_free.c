// SPDX-License-Identifier: GPL-2.0
/*
 * Frees that wait for a grace period: hak_free_rcu().
 *
 * Each CPU gathers pointers in a batch, so objects are not touched before they are
 * freed, and none costs a callback. When a batch is full the CPU seals it: it notes
 * the state of RCU in the batch, and queues the batch behind earlier ones. When the
 * next batch is full the CPU looks at the oldest one in the queue. If a grace period
 * has passed since that was sealed, the CPU frees its objects at once and fills it
 * again. So a CPU that keeps freeing needs no memory for batches, and its next
 * allocations get these objects. The CPU's work item does the rest: it seals a batch
 * that is not full after a few milliseconds, and frees batches if the CPU does not.
 *
 * A grace period is started for each batch as it is sealed, or by the work item if
 * interrupts are off then. None is expedited.
 *
 * A caller that may hold a raw spinlock neither allocates a batch nor frees one. It
 * takes a spare. The work item allocates spares, as many as such callers were short of
 * since it last ran, and keeps emptied batches as spares while objects wait.
 *
 * If there is no batch to be had, the object is chained by the caller's rcu_head. A
 * caller without an rcu_head may sleep, and waits for a grace period itself. Each chain is
 * walked before any of its objects is freed, see rcu_chain.c.
 *
 * RCU may miss that a grace period has passed, if another one was expedited meanwhile.
 * hak_free_rcu_barrier() therefore does not ask RCU. Each flush has a number, and what
 * is sealed has the number of the latest flush. After its own grace period a flush
 * frees all that was sealed with a smaller number than its own. Then it waits for what
 * others have taken off to free, but not for what they take off from then on: each CPU
 * counts in one of two phases, and a flush lets the other phase begin.
 *
 * The lock is held with interrupts on, so an interrupt may come while its own CPU
 * holds the lock. Therefore an interrupt only tries the lock. If it does not get it,
 * it chains the object on a lock-less list. A caller with interrupts or softirqs off
 * does the same, because it may hold a lock that such an interrupt spins for.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/math.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "core.h"

/* How many pointers a batch has room for, so that a batch takes 1 KiB. */
#define HAK_RCU_BATCH		125

/*
 * How many spare batches a CPU may have: enough for 1.6 million frees a second, if the
 * work item runs every 5 ms.
 */
#define HAK_RCU_SPARES		64

/* How long the work item waits before each of its runs, in ms. */
#define HAK_RCU_DELAY_MS	5

/**
 * struct hak_rcu_batch - objects to be freed after one grace period
 * @next: the batch that was sealed after this one
 * @state: the state of RCU when this batch was sealed
 * @nr: pointers in @obj
 * @phase: the phase in which it was taken off, while it is being freed
 * @flush: the number of the latest flush when this batch was sealed
 * @obj: the objects to free
 */
struct hak_rcu_batch {
	struct hak_rcu_batch *next;
	unsigned long state;
	u16 nr;
	u16 phase;
	unsigned int flush;
	const void *obj[HAK_RCU_BATCH];
};

struct hak_rcu_cpu __percpu *hak_rcu_cpu;
static struct workqueue_struct *hak_rcu_wq;

/* One flush at a time, so that none waits for a phase that another has let begin. */
static DEFINE_MUTEX(hak_rcu_mutex);

/* The number of the latest flush. It wraps around, and soon, so that this is tested. */
static atomic_t hak_rcu_flushes = ATOMIC_INIT(-2);

/*
 * Take the lock, or return false if it is held and the caller may not wait for it. An
 * interrupt may not, because the holder may be what it has interrupted. A task with
 * interrupts or softirqs off may not either: it may hold a lock for which an interrupt
 * spins, and that interrupt may have come on the holder's CPU.
 */
static bool hak_rcu_lock(struct hak_rcu_cpu *rc)
{
	if (likely(raw_spin_trylock(&rc->lock)))
		return true;
	if (in_interrupt() || irqs_disabled())
		return false;
	raw_spin_lock(&rc->lock);
	return true;
}

/*
 * May the caller call SLUB, and free objects? With interrupts off it may hold a lock that
 * the page allocator or the scheduler takes. With preemption off it may hold a raw
 * spinlock, and no other lock is taken under that. A kernel that does not count preemption
 * cannot tell, but there a raw spinlock is the same as any other.
 */
static bool hak_rcu_may_call_mm(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_COUNT) ? preemptible() : !irqs_disabled();
}

/* This CPU's structure. If the task moves to another CPU, it may still use it. */
static struct hak_rcu_cpu *hak_rcu_this(void)
{
	return raw_cpu_ptr(hak_rcu_cpu);
}

/* Do chained objects wait for a grace period? */
static bool __hak_rcu_chain_waits(const struct hak_rcu_cpu *rc)
{
	return rc->old_heads || rc->old_nested;
}

/*
 * Take all chained objects, which are to begin to wait. Returns false if others wait, or if
 * there are none. Both chains are taken at once, so that neither has to wait for the other.
 * They are not joined, because a chain in which an object is twice has no end.
 */
static bool __hak_rcu_take_heads(struct hak_rcu_cpu *rc)
{
	if (__hak_rcu_chain_waits(rc))
		return false;
	rc->old_heads = rc->heads;
	rc->heads = NULL;
	rc->old_nested = (struct rcu_head *)llist_del_all(&rc->nested);
	return __hak_rcu_chain_waits(rc);
}

/*
 * Seal the batch that is being filled, and let the chained objects begin to wait unless
 * others wait. Returns false if there is nothing to seal.
 */
static bool __hak_rcu_seal(struct hak_rcu_cpu *rc)
{
	bool heads = __hak_rcu_take_heads(rc);
	struct hak_rcu_batch *b = rc->cur;
	unsigned long state;
	unsigned int flush;

	lockdep_assert_held(&rc->lock);

	/* A caller without the lock may chain an object until now, and that waits as long. */
	state = get_state_synchronize_rcu();
	/* The line above is a full barrier; pairs with atomic_inc_return() in hak_rcu_flush(). */
	flush = atomic_read(&hak_rcu_flushes);
	if (heads) {
		rc->old_state = state;
		rc->old_flush = flush;
	}
	if (!b || !b->nr)
		return heads;
	rc->cur = NULL;
	b->state = state;
	b->flush = flush;
	b->next = NULL;
	if (rc->first)
		rc->last->next = b;
	else
		rc->first = b;
	rc->last = b;
	return true;
}

/*
 * Has a grace period passed since something was sealed, in the state @state of RCU, with
 * the number @sealed? A flush gives its own number: a grace period has passed since then.
 * Others give NULL, and RCU may miss one.
 */
static bool hak_rcu_ripe(unsigned long state, unsigned int sealed, const unsigned int *flush)
{
	if (flush)
		return (int)(sealed - *flush) < 0;
	return poll_state_synchronize_rcu(state);
}

/*
 * A batch or a chain is taken off, and the caller is about to free it. Returns the phase, for
 * hak_rcu_freed().
 */
static unsigned int __hak_rcu_freeing(struct hak_rcu_cpu *rc)
{
	unsigned int phase = rc->phase;

	lockdep_assert_held(&rc->lock);

	atomic_inc(&rc->freeing[phase]);
	return phase;
}

/*
 * Take the oldest batch off, if its grace period has passed. The caller frees its
 * objects. Returns NULL if there is no such batch.
 */
static struct hak_rcu_batch *__hak_rcu_take(struct hak_rcu_cpu *rc,
					    const unsigned int *flush)
{
	struct hak_rcu_batch *b = rc->first;

	lockdep_assert_held(&rc->lock);

	if (!b || !hak_rcu_ripe(b->state, b->flush, flush))
		return NULL;
	rc->first = b->next;
	b->phase = __hak_rcu_freeing(rc);
	return b;
}

/* Does @rc have objects that are not being freed yet? */
static bool __hak_rcu_pending(const struct hak_rcu_cpu *rc)
{
	return rc->first || rc->heads || __hak_rcu_chain_waits(rc) || (rc->cur && rc->cur->nr) ||
	       !llist_empty(&rc->nested);
}

/* Keep @b, which is empty, for callers that may not allocate. False if there are enough. */
static bool __hak_rcu_keep(struct hak_rcu_cpu *rc, struct hak_rcu_batch *b)
{
	lockdep_assert_held(&rc->lock);

	if (rc->nr_spare == HAK_RCU_SPARES)
		return false;
	b->next = rc->spare;
	rc->spare = b;
	rc->nr_spare++;
	return true;
}

/* Take a spare batch. Returns NULL if there is none. */
static struct hak_rcu_batch *__hak_rcu_take_spare(struct hak_rcu_cpu *rc)
{
	struct hak_rcu_batch *b = rc->spare;

	lockdep_assert_held(&rc->lock);

	if (!b)
		return NULL;
	rc->spare = b->next;
	rc->nr_spare--;
	return b;
}

/* The caller has freed a batch or a chain that it had taken from @rc in @phase. */
static void hak_rcu_freed(struct hak_rcu_cpu *rc, unsigned int phase)
{
	/* Pairs with atomic_read_acquire() in hak_rcu_is_freeing(): the frees come before. */
	(void)atomic_sub_return_release(1, &rc->freeing[phase]);
}

/* Is anything being freed that was taken from @rc in @phase? */
static bool hak_rcu_is_freeing(const struct hak_rcu_cpu *rc, unsigned int phase)
{
	/* Pairs with hak_rcu_freed(). */
	return atomic_read_acquire(&rc->freeing[phase]);
}

/*
 * Free the objects of @b, which was taken from @rc. If @rc has no batch to fill, it gets
 * @b. Otherwise @b becomes a spare batch while the work item is to come, or is freed.
 */
static void hak_rcu_free_batch(struct hak_rcu_cpu *rc, struct hak_rcu_batch *b)
{
	unsigned int phase = b->phase;

	hak_free_bulk(b->nr, (void **)b->obj);
	b->nr = 0;
	if (hak_rcu_lock(rc)) {
		if (!rc->cur) {
			rc->cur = b;
			b = NULL;
		} else if (rc->armed && __hak_rcu_keep(rc, b)) {
			b = NULL;
		}
		raw_spin_unlock(&rc->lock);
	}
	hak_rcu_freed(rc, phase);
	kfree(b);
}

/* Free the chained objects, if their grace period has passed. */
static void hak_rcu_free_heads(struct hak_rcu_cpu *rc, const unsigned int *flush)
{
	struct rcu_head *heads, *nested;
	unsigned int phase;

	raw_spin_lock(&rc->lock);
	if (!__hak_rcu_chain_waits(rc) || !hak_rcu_ripe(rc->old_state, rc->old_flush, flush)) {
		raw_spin_unlock(&rc->lock);
		return;
	}
	heads = rc->old_heads;
	rc->old_heads = NULL;
	nested = rc->old_nested;
	rc->old_nested = NULL;
	phase = __hak_rcu_freeing(rc);
	raw_spin_unlock(&rc->lock);
	hak_rcu_free_chain(heads);
	hak_rcu_free_chain(nested);
	hak_rcu_freed(rc, phase);
}

/*
 * Free all objects of @rc whose grace period has passed; @flush is as for hak_rcu_ripe().
 * Context: task, may sleep.
 */
static void hak_rcu_free_ripe(struct hak_rcu_cpu *rc, const unsigned int *flush)
{
	struct hak_rcu_batch *b;

	hak_rcu_free_heads(rc, flush);
	for (;;) {
		raw_spin_lock(&rc->lock);
		b = __hak_rcu_take(rc, flush);
		raw_spin_unlock(&rc->lock);
		if (!b)
			return;
		hak_rcu_free_batch(rc, b);
		cond_resched();
	}
}

static void hak_rcu_arm(struct hak_rcu_cpu *rc)
{
	queue_delayed_work(hak_rcu_wq, &rc->work,
			   msecs_to_jiffies(HAK_RCU_DELAY_MS));
}

/* Allocate an empty batch. Returns NULL if there is no memory for it. */
static struct hak_rcu_batch *hak_rcu_batch_new(bool can_sleep)
{
	gfp_t gfp = __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN;
	struct hak_rcu_batch *b;

	b = kmalloc(sizeof(*b), gfp | (can_sleep ? GFP_KERNEL : GFP_NOWAIT));
	if (b)
		b->nr = 0;
	return b;
}

/*
 * Allocate spare batches for @chained objects. It does not sleep for memory, because
 * memory may be waiting for the frees that are the work item's.
 */
static void hak_rcu_refill(struct hak_rcu_cpu *rc, unsigned int chained)
{
	unsigned int nr = DIV_ROUND_UP(chained, HAK_RCU_BATCH);
	struct hak_rcu_batch *b;
	bool kept = true;

	while (nr-- && kept) {
		b = hak_rcu_batch_new(false);
		if (!b)
			return;
		raw_spin_lock(&rc->lock);
		kept = __hak_rcu_keep(rc, b);
		raw_spin_unlock(&rc->lock);
		if (!kept)
			kfree(b);
	}
}

/* Free the spare batches. No object waits. */
static void hak_rcu_free_spares(struct hak_rcu_cpu *rc)
{
	struct hak_rcu_batch *b;

	do {
		raw_spin_lock(&rc->lock);
		b = rc->armed ? NULL : __hak_rcu_take_spare(rc);
		raw_spin_unlock(&rc->lock);
		kfree(b);
	} while (b);
}

static void hak_rcu_run(struct work_struct *work)
{
	struct hak_rcu_cpu *rc = container_of(to_delayed_work(work),
					      struct hak_rcu_cpu, work);
	unsigned int chained;
	bool more;

	hak_rcu_free_ripe(rc, NULL);
	raw_spin_lock(&rc->lock);
	__hak_rcu_seal(rc);
	more = __hak_rcu_pending(rc);
	rc->armed = more;
	chained = rc->chained;
	rc->chained = 0;
	raw_spin_unlock(&rc->lock);
	if (!more) {
		hak_rcu_free_spares(rc);
		return;
	}
	(void)start_poll_synchronize_rcu();
	hak_rcu_refill(rc, chained);
	hak_rcu_arm(rc);
}

/*
 * Note that @p is to be freed. It goes into the batch that is being filled. If there is
 * none, a spare becomes that batch, or else *@b, which is set to NULL. If *@b is NULL too,
 * @p is chained by @head. Returns false if there is no @head either.
 */
static bool __hak_rcu_add(struct hak_rcu_cpu *rc, const void *p,
			  struct rcu_head *head, struct hak_rcu_batch **b)
{
	lockdep_assert_held(&rc->lock);

	if (!rc->cur)
		rc->cur = __hak_rcu_take_spare(rc);
	if (!rc->cur) {
		rc->cur = *b;
		*b = NULL;
	}
	if (rc->cur) {
		rc->cur->obj[rc->cur->nr++] = p;
		return true;
	}
	if (!head)
		return false;
	head->func = (rcu_callback_t)p;
	head->next = rc->heads;
	rc->heads = head;
	rc->chained++;
	return true;
}

/*
 * Note that @p is to be freed, for a caller that did not get the lock. The first of
 * several objects queues the work item, which lets all of them begin to wait.
 */
static void hak_rcu_add_nested(struct hak_rcu_cpu *rc, const void *p,
			       struct rcu_head *head)
{
	BUILD_BUG_ON(offsetof(struct rcu_head, next) ||
		     offsetof(struct llist_node, next));

	/* A caller without an rcu_head may sleep, so it has waited for the lock. */
	if (WARN_ON_ONCE(!head))
		return;
	WRITE_ONCE(rc->used, true);
	head->func = (rcu_callback_t)p;
	if (llist_add((struct llist_node *)head, &rc->nested))
		hak_rcu_arm(rc);
}

/*
 * Free the oldest batch, if its grace period has passed. If the caller has preemption off,
 * this would keep it off for too long, so the work item does it.
 */
static void hak_rcu_free_oldest(void)
{
	struct hak_rcu_cpu *rc = hak_rcu_this();
	struct hak_rcu_batch *b;

	if (!hak_rcu_may_call_mm() || !hak_rcu_lock(rc))
		return;
	b = __hak_rcu_take(rc, NULL);
	raw_spin_unlock(&rc->lock);
	if (b)
		hak_rcu_free_batch(rc, b);
}

/* Seal this CPU's batch if it is full. Returns false if the lock is not to be had. */
static bool hak_rcu_seal_full(void)
{
	struct hak_rcu_cpu *rc = hak_rcu_this();
	bool sealed;

	if (!hak_rcu_lock(rc))
		return false;
	sealed = rc->cur && rc->cur->nr == HAK_RCU_BATCH && __hak_rcu_seal(rc);
	raw_spin_unlock(&rc->lock);
	/*
	 * This may wake the kthread of RCU. With interrupts off the caller may hold a lock of
	 * the scheduler, so the work item does it, which is queued while objects wait.
	 */
	if (sealed && !irqs_disabled())
		(void)start_poll_synchronize_rcu();
	return true;
}

/*
 * Lock this CPU's structure. If it has no batch to fill, and the caller may, allocate one
 * for *@b first, because SLUB is not called under the lock. Returns NULL if the lock is not
 * to be had.
 */
static struct hak_rcu_cpu *hak_rcu_lock_to_add(bool can_sleep,
					       struct hak_rcu_batch **b)
{
	struct hak_rcu_cpu *rc = hak_rcu_this();
	bool may_call_mm = hak_rcu_may_call_mm();

	if (!hak_rcu_lock(rc))
		return NULL;
	if (rc->cur || rc->spare || !may_call_mm)
		return rc;
	raw_spin_unlock(&rc->lock);
	*b = hak_rcu_batch_new(can_sleep);
	rc = hak_rcu_this();
	return hak_rcu_lock(rc) ? rc : NULL;
}

/*
 * hak_free_rcu() when the batch is full, or there is none, or no work is queued, or
 * the lock was taken.
 */
static noinline void hak_free_rcu_slow(const void *p, struct rcu_head *head)
{
	struct hak_rcu_batch *b = NULL;
	struct hak_rcu_cpu *rc = NULL;
	bool done, arm;

	if (hak_rcu_seal_full()) {
		hak_rcu_free_oldest();
		rc = hak_rcu_lock_to_add(!head, &b);
	}
	if (!rc) {
		hak_rcu_add_nested(hak_rcu_this(), p, head);
		kfree(b);
		return;
	}
	/* An interrupt may have filled a batch, or the caller is on another CPU now. */
	if (rc->cur && rc->cur->nr == HAK_RCU_BATCH)
		__hak_rcu_seal(rc);
	WRITE_ONCE(rc->used, true);
	done = __hak_rcu_add(rc, p, head, &b);
	arm = done && !rc->armed;
	if (arm)
		rc->armed = true;
	raw_spin_unlock(&rc->lock);
	if (arm)
		hak_rcu_arm(rc);
	kfree(b);
	if (done)
		return;
	synchronize_rcu();
	hak_free(p);
}

/* hak_free_rcu(). If @head is NULL, the caller may sleep. */
void __hak_free_rcu(const void *p, struct rcu_head *head)
{
	struct hak_rcu_cpu *rc = hak_rcu_this();
	struct hak_rcu_batch *b;

	if (likely(raw_spin_trylock(&rc->lock))) {
		b = rc->cur;
		if (likely(b && b->nr < HAK_RCU_BATCH && rc->armed)) {
			b->obj[b->nr++] = p;
			raw_spin_unlock(&rc->lock);
			return;
		}
		raw_spin_unlock(&rc->lock);
	}
	hak_free_rcu_slow(p, head);
}
EXPORT_SYMBOL_GPL(__hak_free_rcu);

/* Does any CPU have objects that are not freed yet? */
static bool hak_rcu_any(void)
{
	unsigned int cpu;
	bool any = false;

	for_each_possible_cpu(cpu) {
		struct hak_rcu_cpu *rc = per_cpu_ptr(hak_rcu_cpu, cpu);

		if (!READ_ONCE(rc->used))
			continue;
		raw_spin_lock(&rc->lock);
		any |= __hak_rcu_pending(rc) || hak_rcu_is_freeing(rc, 0) ||
		       hak_rcu_is_freeing(rc, 1);
		raw_spin_unlock(&rc->lock);
	}
	return any;
}

/*
 * Seal what all CPUs have. Returns true if chained objects have to wait until an earlier chain
 * is freed.
 */
static bool hak_rcu_seal_all(void)
{
	unsigned int cpu;
	bool late = false;

	for_each_possible_cpu(cpu) {
		struct hak_rcu_cpu *rc = per_cpu_ptr(hak_rcu_cpu, cpu);

		if (!READ_ONCE(rc->used))
			continue;
		raw_spin_lock(&rc->lock);
		__hak_rcu_seal(rc);
		late |= rc->heads || !llist_empty(&rc->nested);
		raw_spin_unlock(&rc->lock);
	}
	return late;
}

/*
 * Let the other phase of @rc begin. What was taken off when that was the phase before is
 * freed, because the flush before this one has waited for it.
 */
static void hak_rcu_next_phase(struct hak_rcu_cpu *rc)
{
	lockdep_assert_held(&hak_rcu_mutex);

	raw_spin_lock(&rc->lock);
	rc->phase = !rc->phase;
	raw_spin_unlock(&rc->lock);
}

/* Wait for what others took off in the phase that has ended, and may not have freed yet. */
static void hak_rcu_wait_phase(const struct hak_rcu_cpu *rc)
{
	lockdep_assert_held(&hak_rcu_mutex);

	while (hak_rcu_is_freeing(rc, !rc->phase))
		usleep_range(1000, 2000);
}

/*
 * Seal what all CPUs have, wait for a grace period, and free it. Returns true if chained
 * objects had to wait for an earlier chain.
 */
static bool hak_rcu_flush(void)
{
	bool late = hak_rcu_seal_all();
	unsigned int cpu, flush;

	lockdep_assert_held(&hak_rcu_mutex);

	/* Pairs with get_state_synchronize_rcu() in __hak_rcu_seal(). */
	flush = atomic_inc_return(&hak_rcu_flushes);
	synchronize_rcu();
	for_each_possible_cpu(cpu) {
		struct hak_rcu_cpu *rc = per_cpu_ptr(hak_rcu_cpu, cpu);

		if (!READ_ONCE(rc->used))
			continue;
		hak_rcu_free_ripe(rc, &flush);
		hak_rcu_next_phase(rc);
	}
	for_each_possible_cpu(cpu)
		hak_rcu_wait_phase(per_cpu_ptr(hak_rcu_cpu, cpu));
	return late;
}

/**
 * hak_free_rcu_barrier() - wait until hak_free_rcu() has freed its objects
 *
 * It waits for all objects that hak_free_rcu() was given before, on any CPU. If all of
 * them are freed, it returns at once. For what comes later it does not wait, except that
 * one call waits until another is done.
 *
 * Context: task, may sleep.
 */
void hak_free_rcu_barrier(void)
{
	might_sleep();
	if (!hak_rcu_any())
		return;
	mutex_lock(&hak_rcu_mutex);
	/* Another call may have freed all by now. */
	if (hak_rcu_any() && hak_rcu_flush())
		hak_rcu_flush();
	mutex_unlock(&hak_rcu_mutex);
}
EXPORT_SYMBOL_GPL(hak_free_rcu_barrier);

/* The lock of a CPU's objects, for tests that hold it while an interrupt comes. */
raw_spinlock_t *hak_rcu_cpu_lock(unsigned int cpu)
{
	return &per_cpu_ptr(hak_rcu_cpu, cpu)->lock;
}

int hak_rcu_free_init(void)
{
	unsigned int cpu;

	BUILD_BUG_ON(sizeof(struct hak_rcu_batch) > 1024);

	hak_rcu_cpu = hak_alloc_percpu(struct hak_rcu_cpu);
	if (!hak_rcu_cpu)
		return -ENOMEM;
	hak_rcu_wq = alloc_workqueue("hak_free_rcu",
				     WQ_MEM_RECLAIM | HAK_WQ_PERCPU, 0);
	if (!hak_rcu_wq) {
		free_percpu(hak_rcu_cpu);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu) {
		struct hak_rcu_cpu *rc = per_cpu_ptr(hak_rcu_cpu, cpu);

		raw_spin_lock_init(&rc->lock);
		init_llist_head(&rc->nested);
		atomic_set(&rc->freeing[0], 0);
		atomic_set(&rc->freeing[1], 0);
		INIT_DELAYED_WORK(&rc->work, hak_rcu_run);
	}
	return 0;
}

/* Free the objects that still wait. No caller of hak_free_rcu() is left. */
void hak_rcu_free_exit(void)
{
	unsigned int cpu;

	hak_free_rcu_barrier();
	for_each_possible_cpu(cpu) {
		struct hak_rcu_cpu *rc = per_cpu_ptr(hak_rcu_cpu, cpu);

		cancel_delayed_work_sync(&rc->work);
		rc->armed = false;
		hak_rcu_free_spares(rc);
		kfree(rc->cur);
		rc->cur = NULL;
	}
	destroy_workqueue(hak_rcu_wq);
	free_percpu(hak_rcu_cpu);
	hak_rcu_cpu = NULL;
}
