// SPDX-License-Identifier: GPL-2.0
/*
 * Storms: on every CPU hard interrupts of a timer and of irq_work, soft interrupts of
 * two kinds of timers, and tasks, all allocate and free at once, and pass objects to
 * each other. Whoever allocates and whoever frees counts it; when all have stopped
 * hakmem's own counters have to say the same, to the object.
 */
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/timer.h>

#include "hak_test.h"
#include "hak_test_irq.h"
#include "hak_test_threads.h"

#define TURNS		60000	/* of a task */
#define KEEP		16	/* objects a context holds */
#define HARD_NS		100000
#define SOFT_NS		150000
#define SIZE		192

enum context { HARD_TIMER, IRQ_WORK, SOFT_TIMER, WHEEL_TIMER, NR_CONTEXTS };

/* One context on one CPU, or one task: what it holds and has done. */
struct hand {
	struct hak_cache *c;
	void *obj[KEEP];
	unsigned int turns;
	unsigned long allocs, frees, refused, errors, elsewhere;
};

struct storm {
	struct hrtimer hard, soft;
	struct timer_list wheel;
	struct irq_work work;
	struct hand hand[NR_CONTEXTS];
	bool stop;
};

static DEFINE_PER_CPU(struct storm, storm);

/* Objects that whoever comes by takes, leaving one of its own. */
static atomic_long_t shared[64];

static u64 stamp_of(const void *p)
{
	return (unsigned long)p ^ 0x9e3779b97f4a7c15ULL;
}

static void hand_free(struct hand *h, u64 *p)
{
	if (!p)
		return;
	if (p[0] != stamp_of(p) || p[SIZE / 8 - 1] != ~stamp_of(p))
		h->errors++;
	p[0] = 0;
	h->frees++;
	hak_free(p);
}

static u64 *hand_alloc(struct hand *h, gfp_t gfp)
{
	u64 *p = hak_cache_alloc(h->c, gfp);

	if (!p) {
		h->refused++;
		return NULL;
	}
	h->allocs++;
	p[0] = stamp_of(p);
	p[SIZE / 8 - 1] = ~stamp_of(p);
	return p;
}

/* Free one, allocate another, and now and then change one for somebody else's. */
static void hand_turn(struct hand *h, gfp_t gfp)
{
	unsigned int n = h->turns, i = n * 7 % KEEP;

	WRITE_ONCE(h->turns, n + 1);
	hand_free(h, h->obj[i]);
	h->obj[i] = hand_alloc(h, gfp);
	if (n % 3 == 0)
		h->obj[i] = (void *)atomic_long_xchg(&shared[n % ARRAY_SIZE(shared)],
						     (long)h->obj[i]);
}

static enum hrtimer_restart hard_tick(struct hrtimer *timer)
{
	struct storm *s = container_of(timer, struct storm, hard);

	s->hand[HARD_TIMER].elsewhere += !in_hardirq();
	hand_turn(&s->hand[HARD_TIMER], GFP_ATOMIC);
	if (READ_ONCE(s->stop))
		return HRTIMER_NORESTART;
	/* It runs when this interrupt is over, or in the middle of what comes next. */
	irq_work_queue(&s->work);
	hrtimer_forward_now(timer, ns_to_ktime(HARD_NS));
	return HRTIMER_RESTART;
}

static void work_run(struct irq_work *work)
{
	struct storm *s = container_of(work, struct storm, work);

	s->hand[IRQ_WORK].elsewhere += !in_hardirq();
	hand_turn(&s->hand[IRQ_WORK], GFP_ATOMIC);
	hand_turn(&s->hand[IRQ_WORK], GFP_ATOMIC);
}

static enum hrtimer_restart soft_tick(struct hrtimer *timer)
{
	struct storm *s = container_of(timer, struct storm, soft);
	unsigned int i;

	s->hand[SOFT_TIMER].elsewhere += !in_softirq();
	for (i = 0; i < 8; i++)
		hand_turn(&s->hand[SOFT_TIMER], GFP_ATOMIC);
	if (READ_ONCE(s->stop))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(SOFT_NS));
	return HRTIMER_RESTART;
}

static void wheel_tick(struct timer_list *timer)
{
	struct storm *s = container_of(timer, struct storm, wheel);
	unsigned int i;

	s->hand[WHEEL_TIMER].elsewhere += !in_softirq();
	for (i = 0; i < 64; i++)
		hand_turn(&s->hand[WHEEL_TIMER], GFP_ATOMIC);
	if (!READ_ONCE(s->stop))
		mod_timer(timer, jiffies + 1);
}

/* On the CPU that it is to break loose on. */
static void storm_start(struct storm *s, struct hak_cache *c)
{
	unsigned int i;

	memset(s->hand, 0, sizeof(s->hand));
	for (i = 0; i < NR_CONTEXTS; i++)
		s->hand[i].c = c;
	s->stop = false;
	s->work = HAK_TEST_IRQ_WORK(work_run);
	hak_hrtimer_setup_mode(&s->hard, hard_tick, HAK_TEST_HARD_TIMER);
	hak_hrtimer_setup_mode(&s->soft, soft_tick, HRTIMER_MODE_REL_PINNED_SOFT);
	timer_setup(&s->wheel, wheel_tick, TIMER_PINNED);
	hrtimer_start(&s->hard, ns_to_ktime(HARD_NS), HAK_TEST_HARD_TIMER);
	hrtimer_start(&s->soft, ns_to_ktime(SOFT_NS), HRTIMER_MODE_REL_PINNED_SOFT);
	mod_timer(&s->wheel, jiffies + 1);
}

static void storm_stop(struct storm *s)
{
	WRITE_ONCE(s->stop, true);
	hrtimer_cancel(&s->hard);
	hrtimer_cancel(&s->soft);
	timer_shutdown_sync(&s->wheel);
	irq_work_sync(&s->work);
}

struct crowd {
	struct hak_cache *c;
	struct hand task[HAK_TEST_MAX_THREADS];
};

static int task_thread(void *arg, unsigned int id)
{
	struct storm *s = this_cpu_ptr(&storm);
	struct crowd *crowd = arg;
	struct hand *h = &crowd->task[id];
	/* The first task of a CPU has its timers. */
	bool first = id < num_online_cpus();
	unsigned int i;

	h->c = crowd->c;
	if (first)
		storm_start(s, h->c);
	for (i = 0; i < TURNS; i++) {
		hand_turn(h, GFP_KERNEL);
		if (i % 512 == 0)
			cond_resched();
	}
	/* Even where tasks are done at once, each kind of timer has had its turn. */
	for (i = 0; first && i < 1000 && !READ_ONCE(s->hand[WHEEL_TIMER].turns); i++)
		hak_test_sleep(10);
	if (first)
		storm_stop(s);
	return 0;
}

struct sums {
	unsigned long allocs, frees, refused, errors, elsewhere, held;
};

static void add_hand(struct sums *sum, struct hand *h)
{
	unsigned int i;

	sum->allocs += h->allocs;
	sum->frees += h->frees;
	sum->refused += h->refused;
	sum->errors += h->errors;
	sum->elsewhere += h->elsewhere;
	for (i = 0; i < KEEP; i++)
		sum->held += !!h->obj[i];
}

static void free_hand(struct hand *h)
{
	unsigned int i;

	for (i = 0; i < KEEP; i++) {
		hand_free(h, h->obj[i]);
		h->obj[i] = NULL;
	}
}

static void add_all(struct kunit *test, struct sums *sum, struct crowd *crowd)
{
	static const char *const name[] = { "timer, hard", "irq_work", "timer, soft", "wheel" };
	unsigned int cpu, i;

	for_each_online_cpu(cpu)
		for (i = 0; i < NR_CONTEXTS; i++) {
			struct hand *h = &per_cpu_ptr(&storm, cpu)->hand[i];

			if (!h->turns)
				kunit_info(test, "CPU %u had no turn of: %s\n", cpu, name[i]);
			KUNIT_EXPECT_GT(test, h->turns, 0U);
			add_hand(sum, h);
		}
	for (i = 0; i < HAK_TEST_MAX_THREADS; i++)
		add_hand(sum, &crowd->task[i]);
	for (i = 0; i < ARRAY_SIZE(shared); i++)
		sum->held += !!atomic_long_read(&shared[i]);
}

static void free_everything(struct crowd *crowd)
{
	unsigned int cpu, i;

	for_each_online_cpu(cpu)
		for (i = 0; i < NR_CONTEXTS; i++)
			free_hand(&per_cpu_ptr(&storm, cpu)->hand[i]);
	for (i = 0; i < HAK_TEST_MAX_THREADS; i++)
		free_hand(&crowd->task[i]);
	for (i = 0; i < ARRAY_SIZE(shared); i++)
		hand_free(&crowd->task[0], (void *)atomic_long_xchg(&shared[i], 0));
}

static void expect_exact(struct kunit *test, struct hak_cache *c, struct crowd *crowd)
{
	struct sums sum = { 0 };
	struct hak_class_stats cs;

	add_all(test, &sum, crowd);
	hak_class_stats_read(c, &cs);
	kunit_info(test, "%lu allocations, %lu frees, %lu refused; %lu nested, %lu pushed\n",
		   sum.allocs, sum.frees, sum.refused,
		   hak_test_event(test, HAK_EV_NESTED), hak_test_event(test, HAK_EV_PUSHED));
	KUNIT_EXPECT_EQ(test, sum.errors, 0UL);
	KUNIT_EXPECT_EQ(test, sum.elsewhere, 0UL);
	KUNIT_EXPECT_EQ(test, sum.allocs - sum.frees, sum.held);
	KUNIT_EXPECT_EQ(test, (unsigned long)(cs.live + cs.fallback), sum.held);
	/* On PREEMPT_RT interrupts get only what is cached. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_EXPECT_EQ(test, sum.refused, 0UL);
}

static bool all_done(struct hak_test_gang *g)
{
	unsigned int i;

	for (i = 0; i < g->nr; i++)
		if (!completion_done(&g->thread[i].done))
			return false;
	return true;
}

/*
 * The caller destroys a cache that is in use, which is refused each time. @p keeps it from
 * being destroyed, whatever the users do.
 */
static void destroy_in_vain(struct kunit *test, struct hak_cache *c, struct hak_test_gang *g)
{
#ifdef kunit_warning_suppress
	void *p = hak_cache_alloc(c, GFP_KERNEL);
	unsigned int cpu, n = 0;

	KUNIT_EXPECT_NOT_NULL(test, p);
	kunit_warning_suppress(test) {
		do {
			hak_cache_destroy(c);
			n++;
			cond_resched();
		} while (p && !all_done(g));
	}
	kunit_info(test, "%u times\n", n);
	hak_cache_free(c, p);
	/* Nobody uses the caches now, so each is open. */
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_FALSE(test, hak_cpu_inside(per_cpu_ptr(c->cpu, cpu)));
#endif
}

static void storm_with(struct kunit *test, unsigned int cap, bool destroy)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct crowd *crowd = kunit_kzalloc(test, sizeof(*crowd), GFP_KERNEL);
	unsigned int nr = hak_test_nr_threads();
	struct hak_class_stats cs;
	struct hak_cache *c;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, crowd);
	if (num_online_cpus() > HAK_TEST_MAX_THREADS)
		kunit_skip(test, "needs at most %u CPUs", HAK_TEST_MAX_THREADS);
	nr = max(nr, num_online_cpus());
	c = hak_test_cache_cap(test, SIZE, cap);
	crowd->c = c;
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, nr, task_thread, crowd), 0);
	if (destroy)
		destroy_in_vain(test, c, g);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), 0);
	expect_exact(test, c, crowd);
	free_everything(crowd);
	hak_cache_shrink(c);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live, 0L);
	KUNIT_EXPECT_EQ(test, cs.fallback, 0L);
	KUNIT_EXPECT_EQ(test, cs.slabs, 0UL);
}

static void storm_of_all(struct kunit *test)
{
	storm_with(test, 64, false);
}

static void storm_with_a_small_cache(struct kunit *test)
{
	storm_with(test, 3, false);
}

static void storm_without_a_cache(struct kunit *test)
{
	storm_with(test, 0, false);
}

static void storm_while_it_is_destroyed(struct kunit *test)
{
#ifdef kunit_warning_suppress
	storm_with(test, 64, true);
#else
	kunit_skip(test, "this kernel's KUnit cannot expect a warning");
#endif
}

static struct kunit_case cases[] = {
	KUNIT_CASE(storm_of_all),
	KUNIT_CASE(storm_with_a_small_cache),
	KUNIT_CASE(storm_without_a_cache),
	KUNIT_CASE(storm_while_it_is_destroyed),
	{}
};

static struct kunit_suite hak_storm_suite = {
	.name = "hak_storm",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_storm_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: interrupts of all kinds while tasks work");
MODULE_LICENSE("GPL");
