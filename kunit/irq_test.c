// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts and CPU hotplug, which only a kernel has: hard interrupts that free
 * and allocate, alone and while tasks do, or free under RCU while the lock is held;
 * tasks that hold interrupts off while another CPU has that lock; and CPUs that go
 * offline with objects in their caches.
 */
#include <linux/cpu.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_irq.h"
#include "hak_test_threads.h"

#define NR	100

struct irq_user {
	struct irq_work work;
	struct hak_cache *c;
	void *obj[NR];
	bool alloc;
	bool hard;
};

static void in_irq_run(struct irq_work *work)
{
	struct irq_user *w = container_of(work, struct irq_user, work);
	unsigned int i;

	w->hard = in_hardirq();
	for (i = 0; i < NR; i++) {
		if (!w->alloc)
			hak_cache_free(w->c, w->obj[i]);
		else
			w->obj[i] = hak_cache_alloc(w->c, GFP_ATOMIC);
	}
}

static void free_from_hard_irq(struct kunit *test)
{
	struct irq_user *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->c = hak_test_cache(test, 64, 0);
	w->work = HAK_TEST_IRQ_WORK(in_irq_run);
	for (i = 0; i < NR; i++) {
		w->obj[i] = hak_cache_alloc(w->c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, w->obj[i]);
	}
	irq_work_queue(&w->work);
	irq_work_sync(&w->work);
	KUNIT_EXPECT_TRUE(test, w->hard);
	/* No owner was interrupted in its busy section, so nothing was pushed. */
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 0);
}

static void alloc_in_hard_irq(struct kunit *test)
{
	struct irq_user *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->c = hak_test_cache(test, 64, 0);
	w->work = HAK_TEST_IRQ_WORK(in_irq_run);
	w->alloc = true;
	irq_work_queue(&w->work);
	irq_work_sync(&w->work);
	for (i = 0; i < NR; i++) {
		/* On PREEMPT_RT only cached objects can be had. */
		if (!IS_ENABLED(CONFIG_PREEMPT_RT))
			KUNIT_EXPECT_NOT_NULL(test, w->obj[i]);
		hak_free(w->obj[i]);
	}
	HAK_EXPECT_EVENT(test, HAK_EV_NESTED, 0);
}

/* --- an interrupt that frees under RCU while its own CPU holds the lock --- */

#define RCU_NR	3

struct rcu_node {
	struct rcu_head rcu;
	u8 rest[48];
};

struct rcu_irq {
	struct irq_work work;
	struct hak_cache *c;
	struct rcu_node *obj[RCU_NR];
	bool hard;
	bool done;
};

static void rcu_irq_run(struct irq_work *work)
{
	struct rcu_irq *w = container_of(work, struct rcu_irq, work);
	unsigned int i;

	w->hard = in_hardirq();
	for (i = 0; i < RCU_NR; i++)
		hak_free_rcu(w->obj[i], rcu);
	WRITE_ONCE(w->done, true);
}

static unsigned long rcu_live(struct hak_cache *c)
{
	struct hak_class_stats cs;

	hak_class_stats_read(c, &cs);
	return cs.live;
}

/* Allocate, and have an interrupt free all while its CPU holds the lock. */
static struct hak_cache *free_rcu_nested(struct kunit *test)
{
	struct rcu_irq *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	raw_spinlock_t *lock;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->c = hak_test_cache_shown(test, sizeof(struct rcu_node), 0);
	w->work = HAK_TEST_IRQ_WORK(rcu_irq_run);
	for (i = 0; i < RCU_NR; i++) {
		w->obj[i] = hak_cache_alloc(w->c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, w->obj[i]);
	}
	/* The CPU's earlier objects are gone, and no work item is queued for them. */
	hak_free_rcu_barrier();
	preempt_disable();
	lock = hak_rcu_cpu_lock(smp_processor_id());
	raw_spin_lock(lock);
	irq_work_queue(&w->work);
	while (!READ_ONCE(w->done))
		cpu_relax();
	raw_spin_unlock(lock);
	preempt_enable();
	irq_work_sync(&w->work);
	KUNIT_EXPECT_TRUE(test, w->hard);
	return w->c;
}

static void rcu_free_nested_then_barrier(struct kunit *test)
{
	struct hak_cache *c = free_rcu_nested(test);

	hak_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, rcu_live(c), 0UL);
}

static void rcu_free_nested_then_nothing(struct kunit *test)
{
	struct hak_cache *c = free_rcu_nested(test);
	unsigned int i;

	for (i = 0; i < 1000 && rcu_live(c); i++)
		hak_test_sleep(10);
	KUNIT_EXPECT_EQ(test, rcu_live(c), 0UL);
}

/* --- a task that may not wait frees under RCU while another CPU has the lock --- */

#define HOLDER_SECONDS	5

struct rcu_held {
	struct hak_cache *c;
	struct rcu_node *obj;
	bool bh_off;
	bool held;
	bool freed;
};

/* Hold the other thread's lock until that thread has freed its object. */
static int rcu_holder(struct rcu_held *h)
{
	u64 end = ktime_get_ns() + HOLDER_SECONDS * NSEC_PER_SEC;
	raw_spinlock_t *lock = hak_rcu_cpu_lock(hak_test_nth_cpu(1));
	bool freed;

	raw_spin_lock(lock);
	WRITE_ONCE(h->held, true);
	while (!READ_ONCE(h->freed) && ktime_get_ns() < end)
		cpu_relax();
	freed = READ_ONCE(h->freed);
	raw_spin_unlock(lock);
	return !freed;
}

static int rcu_held_thread(void *arg, unsigned int id)
{
	struct rcu_held *h = arg;
	unsigned long flags;

	if (!id)
		return rcu_holder(h);
	while (!READ_ONCE(h->held))
		hak_test_relax();
	if (h->bh_off) {
		local_bh_disable();
		hak_free_rcu(h->obj, rcu);
		WRITE_ONCE(h->freed, true);
		local_bh_enable();
		return 0;
	}
	local_irq_save(flags);
	hak_free_rcu(h->obj, rcu);
	WRITE_ONCE(h->freed, true);
	local_irq_restore(flags);
	return 0;
}

/*
 * The holder has interrupts on. If an interrupt on its CPU spun for a lock of the task that
 * frees, and the task waited for the holder, both CPUs would wait for ever.
 */
static void free_rcu_while_held(struct kunit *test, bool bh_off)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct rcu_held h = { .bh_off = bh_off };

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs 2 CPUs");
	KUNIT_ASSERT_NOT_NULL(test, g);
	h.c = hak_test_cache_shown(test, sizeof(struct rcu_node), 0);
	h.obj = hak_cache_alloc(h.c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, h.obj);
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, 2, rcu_held_thread, &h), 0);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), 0);
	hak_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, rcu_live(h.c), 0UL);
}

static void rcu_free_irqs_off_while_held(struct kunit *test)
{
	free_rcu_while_held(test, false);
}

static void rcu_free_bh_off_while_held(struct kunit *test)
{
	free_rcu_while_held(test, true);
}

/* --- timers that interrupt tasks at work --- */

#define IRQ_OBJS	16
#define TICK_NS		50000

struct storm {
	struct hrtimer timer;
	struct hak_cache *c;
	void *obj[IRQ_OBJS];
	unsigned long ticks;
	unsigned long errors;
	bool stop;
};

static DEFINE_PER_CPU(struct storm, storm);
static atomic_long_t shared[64];

static enum hrtimer_restart storm_tick(struct hrtimer *timer)
{
	struct storm *s = container_of(timer, struct storm, timer);
	unsigned int i = s->ticks++ % IRQ_OBJS;
	void *p;

	if (s->obj[i] && *(void **)s->obj[i] != s->obj[i])
		s->errors++;
	hak_free(s->obj[i]);
	p = hak_cache_alloc(s->c, GFP_ATOMIC);
	if (p)
		*(void **)p = p;
	s->obj[i] = p;
	/* And an object of a task, from any CPU. */
	hak_free((void *)atomic_long_xchg(&shared[s->ticks % ARRAY_SIZE(shared)],
					  0));
	if (READ_ONCE(s->stop))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(TICK_NS));
	return HRTIMER_RESTART;
}

static int storm_thread(void *arg, unsigned int id)
{
	struct storm *s = this_cpu_ptr(&storm);
	struct hak_cache *c = arg;
	void *obj[32] = { NULL };
	unsigned int i, errors = 0;

	/* The first thread of a CPU runs its timer. */
	if (id < num_online_cpus()) {
		s->c = c;
		s->stop = false;
		s->ticks = 0;
		s->errors = 0;
		hak_hrtimer_setup_mode(&s->timer, storm_tick, HAK_TEST_HARD_TIMER);
		hrtimer_start(&s->timer, ns_to_ktime(TICK_NS), HAK_TEST_HARD_TIMER);
	}
	for (i = 0; i < 200000; i++) {
		unsigned int j = i * 13 % ARRAY_SIZE(obj);

		if (obj[j] && *(void **)obj[j] != obj[j])
			errors++;
		/* Every fifth object is exchanged for another thread's. */
		if (i % 5 == 0)
			obj[j] = (void *)atomic_long_xchg(&shared[i % ARRAY_SIZE(shared)],
							  (long)obj[j]);
		hak_free(obj[j]);
		obj[j] = hak_cache_alloc(c, GFP_KERNEL);
		if (obj[j])
			*(void **)obj[j] = obj[j];
		else
			errors++;
		if (i % 512 == 0)
			cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		hak_free(obj[i]);
	if (id < num_online_cpus()) {
		WRITE_ONCE(s->stop, true);
		hrtimer_cancel(&s->timer);
		for (i = 0; i < IRQ_OBJS; i++)
			hak_free(s->obj[i]);
		memset(s->obj, 0, sizeof(s->obj));
		errors += s->errors;
	}
	return errors;
}

static void timer_storm(struct kunit *test, unsigned int cap)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	unsigned int i, saved = hak_fast_cap;
	unsigned int nr = hak_test_nr_threads();
	struct hak_cache *c;

	KUNIT_ASSERT_NOT_NULL(test, g);
	if (nr < num_online_cpus())
		nr = num_online_cpus();
	hak_fast_cap = cap;
	c = hak_test_cache_shown(test, 256, 0);
	hak_fast_cap = saved;
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, nr, storm_thread, c), 0);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), 0);
	for (i = 0; i < ARRAY_SIZE(shared); i++)
		hak_free((void *)atomic_long_xchg(&shared[i], 0));
	kunit_info(test, "%lu allocations and %lu frees inside a busy section\n",
		   hak_test_event(test, HAK_EV_NESTED),
		   hak_test_event(test, HAK_EV_PUSHED));
}

static void timers_while_tasks_work(struct kunit *test)
{
	timer_storm(test, 64);
}

static void timers_with_the_cache_off(struct kunit *test)
{
	timer_storm(test, 0);
}

static void timers_with_a_small_cache(struct kunit *test)
{
	timer_storm(test, 2);
}

/* --- hotplug --- */

struct plug {
	struct hak_cache *c;
	void *obj[200];
};

/* Leave the last CPU with cached objects, an owned slab, and live objects. */
static int plug_thread(void *arg, unsigned int id)
{
	struct plug *p = arg;
	unsigned int i;

	if (id != num_online_cpus() - 1)
		return 0;
	for (i = 0; i < ARRAY_SIZE(p->obj); i++)
		p->obj[i] = hak_cache_alloc(p->c, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p->obj) / 2; i++)
		hak_free(p->obj[i]);
	return 0;
}

static void cpu_goes_offline_with_a_full_cache(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct plug *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	unsigned int round, i, cpu, nr = num_online_cpus();
	struct hak_cpu_cache *cc;
	struct hak_class_stats cs;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, p);
	if (nr < 2 || nr > HAK_TEST_MAX_THREADS)
		kunit_skip(test, "needs 2 to %u CPUs", HAK_TEST_MAX_THREADS);
	cpu = hak_test_nth_cpu(nr - 1);
	p->c = hak_test_cache_shown(test, 512, 0);
	cc = per_cpu_ptr(p->c->cpu, cpu);
	for (round = 0; round < 3; round++) {
		KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, nr, plug_thread, p), 0);
		hak_test_gang_join(g);
		KUNIT_ASSERT_GT(test, cc->nr, 0);
		if (remove_cpu(cpu))
			kunit_skip(test, "CPU %u cannot be taken away", cpu);
		KUNIT_EXPECT_EQ(test, cc->nr, 0);
		KUNIT_EXPECT_NULL(test, cc->cur);
		KUNIT_EXPECT_TRUE(test, hak_cpu_inside(cc));
		hak_class_stats_read(p->c, &cs);
		KUNIT_EXPECT_EQ(test, cs.live,
				(unsigned long)ARRAY_SIZE(p->obj) / 2);
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
		KUNIT_EXPECT_FALSE(test, hak_cpu_inside(cc));
		for (i = ARRAY_SIZE(p->obj) / 2; i < ARRAY_SIZE(p->obj); i++)
			hak_free(p->obj[i]);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(free_from_hard_irq),
	KUNIT_CASE(alloc_in_hard_irq),
	KUNIT_CASE(rcu_free_nested_then_barrier),
	KUNIT_CASE(rcu_free_nested_then_nothing),
	KUNIT_CASE(rcu_free_irqs_off_while_held),
	KUNIT_CASE(rcu_free_bh_off_while_held),
	KUNIT_CASE(timers_while_tasks_work),
	KUNIT_CASE(timers_with_the_cache_off),
	KUNIT_CASE(timers_with_a_small_cache),
	KUNIT_CASE(cpu_goes_offline_with_a_full_cache),
	{}
};

static struct kunit_suite hak_irq_suite = {
	.name = "hak_irq",
	.init = hak_test_init_cached,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_irq_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: interrupts and CPU hotplug");
MODULE_LICENSE("GPL");
