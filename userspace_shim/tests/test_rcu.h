/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The common beginning of the tests of hak_free_rcu() and of all else that waits for grace
 * periods. The linker wraps the wait for a grace period, the start of one, the question
 * whether one has passed, and the sleep, see Makefile.inc.
 */
#ifndef _SHIM_TEST_RCU_H
#define _SHIM_TEST_RCU_H

#include "test.h"

#include <linux/delay.h>
#include <linux/rcupdate.h>

#include "core.h"
#include "shim.h"

/* How many pointers a batch has room for. */
#define BATCH	125

struct node {
	struct rcu_head rcu;
	char text[40];
};

static inline void set(bool *flag)
{
	__atomic_store_n(flag, true, __ATOMIC_RELEASE);
}

static inline void clear(bool *flag)
{
	__atomic_store_n(flag, false, __ATOMIC_RELEASE);
}

static inline bool is_set(bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

/*
 * How often a thread that is watched has slept, but for grace periods; and what happens as it
 * does, once.
 */
static unsigned int nr_sleeps;
static void (*in_sleep)(void);
static __thread bool watched;

void __real_shim_sleep_ns(u64 ns);
void __wrap_shim_sleep_ns(u64 ns);

void __wrap_shim_sleep_ns(u64 ns)
{
	if (watched) {
		void (*fn)(void) = in_sleep;

		in_sleep = NULL;
		if (fn)
			fn();
		__atomic_add_fetch(&nr_sleeps, 1, __ATOMIC_RELEASE);
	}
	__real_shim_sleep_ns(ns);
}

/* What happens while somebody waits for a grace period, once; and how often somebody has. */
static void (*in_grace)(void);
static unsigned int nr_waits;

void __real_synchronize_rcu(void);
void __wrap_synchronize_rcu(void);

void __wrap_synchronize_rcu(void)
{
	void (*fn)(void) = in_grace;
	bool was = watched;

	__atomic_add_fetch(&nr_waits, 1, __ATOMIC_RELAXED);
	in_grace = NULL;
	if (fn)
		fn();
	watched = false;
	__real_synchronize_rcu();
	watched = was;
}

/* How many grace periods were started by callers that do not wait. */
static unsigned int nr_started;

unsigned long __real_start_poll_synchronize_rcu(void);
unsigned long __wrap_start_poll_synchronize_rcu(void);

unsigned long __wrap_start_poll_synchronize_rcu(void)
{
	__atomic_add_fetch(&nr_started, 1, __ATOMIC_RELAXED);
	return __real_start_poll_synchronize_rcu();
}

/* RCU may miss that a grace period has passed, if another was expedited meanwhile. */
static bool missed;
/* How often somebody has asked. */
static unsigned int asked;

bool __real_poll_state_synchronize_rcu(unsigned long state);
bool __wrap_poll_state_synchronize_rcu(unsigned long state);

bool __wrap_poll_state_synchronize_rcu(unsigned long state)
{
	__atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED);
	return !is_set(&missed) && __real_poll_state_synchronize_rcu(state);
}

static inline long live(struct hak_cache *c)
{
	struct hak_class_stats cs;

	hak_class_stats_read(c, &cs);
	return cs.live + cs.fallback;
}

static inline void alloc_all(struct hak_cache *c, struct node **n, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		n[i] = hak_cache_alloc(c, GFP_KERNEL);
		assert_non_null(n[i]);
	}
}

#ifdef HAK_SHIM_DEBUG
/*
 * An interrupt that finds the lock of this thread's CPU taken frees @nr objects. Only debug
 * builds can pretend an interrupt.
 */
static inline void free_in_irq(struct node **n, unsigned int nr)
{
	raw_spinlock_t *lock = hak_rcu_cpu_lock(smp_processor_id());
	unsigned int i;

	raw_spin_lock(lock);
	shim_set_context(SHIM_HARDIRQ);
	for (i = 0; i < nr; i++)
		hak_free_rcu(n[i], rcu);
	shim_set_context(SHIM_TASK);
	raw_spin_unlock(lock);
}
#endif

/* The work items that are queued run, once. */
static inline void let_work_run(void)
{
	msleep(20);
	shim_run_pending();
}

#endif
