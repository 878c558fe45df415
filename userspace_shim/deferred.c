// SPDX-License-Identifier: GPL-2.0
/*
 * Deferred work: work items, irq_work and RCU callbacks. The library has no thread of its
 * own, so a thread of the program runs the work that is due, when it holds no lock and
 * reaches one of these points:
 *
 *   an allocation by the core that may block and leaves its fast path (might_alloc()
 *   is called there; in debug builds by the fast path, too); alloc_pages() with such a
 *   gfp; a thread going offline; the malloc front end's slow paths; a flush;
 *   shim_run_pending()
 *
 * The core asks for superslabs by a gfp that never blocks, whatever its caller's is. So
 * the request itself cannot run work, and the work is run before.
 *
 * One thread at a time runs work (the runner). Other threads do not wait for it.
 */
#include <errno.h>
#include <limits.h>

#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "core.h"
#include "shim.h"

/*
 * The most items that one call runs, and how often it looks for more. Otherwise work that queues
 * itself could keep a thread for ever.
 */
#define RUN_MAX		64
#define PASSES		3

struct workqueue_struct shim_wq = { "shim" };

int shim_pending;
unsigned long shim_largest = HAK_MAX_SIZE;

/* Not in the list of locks: fork() takes it before those, see fork.c. */
static struct shim_futex runner = SHIM_LOCK_INIT;

static LLIST_HEAD(irq_works);
static struct rcu_head *rcu_heads;

__thread unsigned int shim_reads;
int shim_readers[2];
unsigned int shim_phase;

/*
 * One thread at a time waits for readers. This is not in the list of locks, since fork() need
 * not wait for readers, which are not in the child.
 */
static struct shim_futex grace = SHIM_LOCK_INIT;

DEFINE_SHIM_LOCK(work_lock);
static LIST_HEAD(ready);
static LIST_HEAD(later);
static struct work_struct *running;
static u64 next_due;

/* If no more pages than this are in use, there is hardly anything to give back. */
#define WATCH_PAGES	(2UL << HAK_MAX_ORDER)

/* What shim_largest ought to be now. */
static unsigned long largest(void)
{
	return READ_ONCE(shim_pending) && READ_ONCE(shim_pages_out) > WATCH_PAGES ? 0 :
										    HAK_MAX_SIZE;
}

/*
 * While work is pending, make threads that stay on the fast path look after some calls, see
 * shim_largest. Whoever changes shim_pending does so afterwards.
 */
static void watch(void)
{
	unsigned long want;

	do {
		want = largest();
		WRITE_ONCE(shim_largest, want);
		/*
		 * Pairs with the barriers in pending_set() and pending_clear(): if this thread
		 * does not see what another has changed, that one writes last.
		 */
		smp_mb();
	} while (want != largest());
}

static void pending_set(int bits)
{
	__atomic_fetch_or(&shim_pending, bits, __ATOMIC_SEQ_CST);
	/*
	 * Pairs with smp_mb() in watch(), and with the barrier in shim_run_pending(): if the
	 * runner does not see the bits, this thread sees that there is no runner any more.
	 */
	__shim_mb_after_rmw();
	watch();
}

static void pending_clear(int bits)
{
	__atomic_fetch_and(&shim_pending, ~bits, __ATOMIC_SEQ_CST);
	/*
	 * Pairs with smp_mb() in watch(), and keeps what the caller looks at next behind the
	 * clearing.
	 */
	__shim_mb_after_rmw();
	watch();
}

/* The functions whose names begin with __work are called under work_lock. */
static void __work_remove(struct work_struct *work)
{
	list_del_init(&work->entry);
	WRITE_ONCE(work->pending, 0);
}

static void __work_add(struct work_struct *work, unsigned long delay)
{
	work->due = delay ? ktime_get_coarse_ns() + delay * 1000000ULL : 0;
	WRITE_ONCE(work->pending, 1);
	if (!delay) {
		list_add_tail(&work->entry, &ready);
		pending_set(SHIM_PENDING_NOW);
		return;
	}
	list_add_tail(&work->entry, &later);
	if (!next_due || work->due < next_due)
		WRITE_ONCE(next_due, work->due);
	pending_set(SHIM_PENDING_LATER);
}

/* Move the work that is due to the ready list, and find out when other work is due. */
static void __work_ripen(void)
{
	u64 now = ktime_get_coarse_ns(), next = 0;
	struct work_struct *work, *tmp;

	list_for_each_entry_safe(work, tmp, &later, entry) {
		if (work->due <= now)
			list_move_tail(&work->entry, &ready);
		else if (!next || work->due < next)
			next = work->due;
	}
	WRITE_ONCE(next_due, next);
	if (list_empty(&later))
		pending_clear(SHIM_PENDING_LATER);
}

static struct work_struct *__work_next(void)
{
	struct work_struct *work;

	work = list_first_entry_or_null(&ready, struct work_struct, entry);
	if (work)
		__work_remove(work);
	WRITE_ONCE(running, work);
	return work;
}

static void end_work(void)
{
	/* Pairs with smp_load_acquire() in work_runs(). */
	smp_store_release(&running, NULL);
}

/* Run @work now, if it still waits. */
static void run_work(struct work_struct *work)
{
	bool pending;

	shim_lock(&work_lock);
	pending = work->pending;
	if (pending) {
		__work_remove(work);
		WRITE_ONCE(running, work);
	}
	shim_unlock(&work_lock);
	if (!pending)
		return;
	work->func(work);
	end_work();
}

/* Run at most @most items. Return: how many more it might have run. */
static unsigned int run_works(unsigned int most)
{
	struct work_struct *work;
	unsigned int i;

	for (i = 0; i < most; i++) {
		shim_lock(&work_lock);
		if (!i)
			__work_ripen();
		work = __work_next();
		shim_unlock(&work_lock);
		if (!work)
			return most - i;
		work->func(work);
		end_work();
	}
	/* Items that have become due may be left, and nothing but this says so. */
	pending_set(SHIM_PENDING_NOW);
	return 0;
}

static void run_irq_works(void)
{
	struct llist_node *n, *next;

	n = llist_reverse_order(llist_del_all(&irq_works));
	for (; n; n = next) {
		struct irq_work *work = llist_entry(n, struct irq_work, llnode);

		next = n->next;
		/* From here on the item may be queued again. */
		atomic_xchg(&work->flags, IRQ_WORK_BUSY);
		work->func(work);
		atomic_fetch_andnot(IRQ_WORK_BUSY, &work->flags);
	}
}

static void run_rcu(void)
{
	struct rcu_head *h, *next, *list = NULL;

	for (h = xchg(&rcu_heads, NULL); h; h = next) {
		next = h->next;
		h->next = list;
		list = h;
	}
	for (h = list; h; h = next) {
		next = h->next;
		h->func(h);
	}
}

static bool work_runs(struct work_struct *work)
{
	/* Pairs with smp_store_release() in run_works(). */
	return smp_load_acquire(&running) == work;
}

static bool runner_is_me(void)
{
	return shim_lock_mine(&runner);
}

/**
 * shim_run_pending() - run the work that is due
 *
 * It does nothing if the thread holds a lock or reads under RCU, since work may wait for
 * either, or if another thread is the runner. So work that is queued while work runs is the
 * runner's, which looks again. What it leaves after a few times is watched, see shim_largest.
 */
void shim_run_pending(void)
{
	unsigned int most = RUN_MAX, passes = PASSES;
	int saved = errno;

	if (!shim_may_sleep() || shim_reads)
		return;
	do {
		/* Many may come while another thread is the runner, so first only read. */
		if (shim_is_locked(&runner) || !__shim_trylock(&runner))
			break;
		pending_clear(SHIM_PENDING_NOW);
		run_irq_works();
		run_rcu();
		most = run_works(most);
		__shim_unlock(&runner);
		/* Pairs with the barrier in pending_set(). */
		__shim_mb_after_rmw();
	} while (most && --passes && READ_ONCE(shim_pending) & SHIM_PENDING_NOW);
	errno = saved;
}

/* A slow path of the front end found shim_pending set. */
void shim_pending_check(void)
{
	if (READ_ONCE(shim_pending) & SHIM_PENDING_NOW ||
	    ktime_get_coarse_ns() >= READ_ONCE(next_due))
		shim_run_pending();
	else if (READ_ONCE(shim_largest) != largest())
		watch();
}

/* For fork(): wait until no thread runs work, and let none begin. */
void shim_deferred_lock(void)
{
	if (!__shim_trylock(&runner))
		shim_lock_wait(&runner);
}

void shim_deferred_unlock(void)
{
	__shim_unlock(&runner);
}

bool shim_queue_work(struct work_struct *work, unsigned long delay, bool modify)
{
	bool was;

	shim_lock(&work_lock);
	was = work->pending;
	if (was && modify)
		__work_remove(work);
	if (!was || modify)
		__work_add(work, delay);
	shim_unlock(&work_lock);
	return modify ? was : !was;
}

bool shim_work_pending(struct work_struct *work)
{
	return READ_ONCE(work->pending);
}

bool shim_cancel_work(struct work_struct *work, bool sync)
{
	bool was = false;

	for (;;) {
		shim_lock(&work_lock);
		if (work->pending) {
			__work_remove(work);
			was = true;
		}
		shim_unlock(&work_lock);
		if (!sync || !work_runs(work) || runner_is_me())
			return was;
		/* The work is running, and may queue itself again before it ends. */
		shim_sleep_ns(50000);
	}
}

bool shim_flush_work(struct work_struct *work)
{
	bool was;

	shim_lock(&work_lock);
	was = work->pending || work_runs(work);
	shim_unlock(&work_lock);
	if (runner_is_me())
		return was;
	while (shim_work_pending(work) || work_runs(work)) {
		/*
		 * Like irq_work_sync(), this runs the item even if the caller holds a mutex. It
		 * does not wait until the item is due.
		 */
		if (__shim_trylock(&runner)) {
			run_work(work);
			__shim_unlock(&runner);
		}
		shim_yield();
	}
	return was;
}

void shim_flush_all(void)
{
	bool busy = true;

	while (busy && !runner_is_me()) {
		shim_run_pending();
		shim_lock(&work_lock);
		busy = !list_empty(&ready) || running;
		shim_unlock(&work_lock);
	}
}

bool irq_work_queue(struct irq_work *work)
{
	if (atomic_fetch_or(IRQ_WORK_PENDING, &work->flags) & IRQ_WORK_PENDING)
		return false;
	llist_add(&work->llnode, &irq_works);
	pending_set(SHIM_PENDING_NOW);
	return true;
}

/*
 * For a forked child. A vanished thread may have been between the two steps of
 * irq_work_queue(). This forgets all items, so that they can be queued again. Vanished
 * threads may have been readers under RCU, too, or have waited for readers.
 */
void shim_deferred_forked(void)
{
	struct llist_node *n, *next;

	for (n = llist_del_all(&irq_works); n; n = next) {
		next = n->next;
		atomic_set(&container_of(n, struct irq_work, llnode)->flags, 0);
	}
	grace = (struct shim_futex)SHIM_LOCK_INIT;
	shim_readers[0] = 0;
	shim_readers[1] = 0;
	if (shim_reads)
		shim_readers[shim_reads & 1] = 1;
	/* A vanished thread may have changed shim_pending, and not yet shim_largest. */
	watch();
}

void irq_work_sync(struct irq_work *work)
{
	while (atomic_read_acquire(&work->flags) && !runner_is_me()) {
		/*
		 * Unlike other functions, this and shim_flush_work() run work even if
		 * the caller holds a mutex.
		 */
		if (__shim_trylock(&runner)) {
			run_irq_works();
			__shim_unlock(&runner);
		}
		shim_yield();
	}
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	struct rcu_head *first = READ_ONCE(rcu_heads);

	head->func = func;
	do {
		head->next = first;
	} while (!try_cmpxchg(&rcu_heads, &first, head));
	pending_set(SHIM_PENDING_NOW);
}

void rcu_barrier(void)
{
	while (READ_ONCE(rcu_heads) && !runner_is_me()) {
		shim_run_pending();
		shim_yield();
	}
	/* Another thread may have taken callbacks off the list, so wait for the runner. */
	if (!runner_is_me()) {
		shim_deferred_lock();
		shim_deferred_unlock();
	}
}

/**
 * shim_nobody_reads() - is no thread between rcu_read_lock() and rcu_read_unlock()?
 *
 * Context: any.
 * Return: true if all readers are done that may have found what nothing leads to any more.
 */
bool shim_nobody_reads(void)
{
	/* Pairs with smp_mb() in rcu_read_lock(). */
	smp_mb();
	/* Pairs with rcu_read_unlock(): what the readers read, they read before. */
	return !smp_load_acquire(&shim_readers[0]) && !smp_load_acquire(&shim_readers[1]);
}

static void wait_for_readers(unsigned int phase)
{
	/* Pairs with rcu_read_unlock(), likewise. */
	while (smp_load_acquire(&shim_readers[phase]))
		shim_sleep_ns(50000);
}

/*
 * Few readers are in the phase before this one: those that learned which phase it was and were
 * not counted before synchronize_rcu() ended it. No reader begins in a phase that is over, but
 * for such, so neither wait goes on for ever.
 */
void synchronize_rcu(void)
{
	unsigned int phase;

	might_sleep();
	/* For readers that only have preemption off. */
	shim_sleep_ns(1000000);
	/* Debug builds have ended the program: a reader may not sleep. */
	if (WARN_ON_ONCE(shim_reads) || shim_nobody_reads())
		return;
	shim_lock(&grace);
	/* Pairs with smp_mb() in rcu_read_lock(). */
	smp_mb();
	phase = shim_phase;
	wait_for_readers(!phase);
	WRITE_ONCE(shim_phase, !phase);
	/* Likewise, for readers that were counted after the wait. */
	smp_mb();
	wait_for_readers(phase);
	shim_unlock(&grace);
}

unsigned long start_poll_synchronize_rcu(void)
{
	lockdep_assert_irqs_enabled();
	return 0;
}

/* If nobody reads now, those that read when the state was taken are done. */
bool poll_state_synchronize_rcu(unsigned long state)
{
	return shim_nobody_reads();
}
