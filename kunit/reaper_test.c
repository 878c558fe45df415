// SPDX-License-Identifier: GPL-2.0
/*
 * The reaper: every slab that becomes whole is queued for it, it checks hardly any
 * other, and does no harm to a CPU that uses the slab meanwhile.
 */
#include <linux/module.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define FULL	16	/* capacity of the slabs used here */

/* If the reaper is armed already let it run, so that the test arms the next. */
static void reaper_disarmed(void)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		hak_test_sleep(10);
}

/* The last free arms the reaper, whichever CPU put the slab into its pool. */
static void last_free_arms_the_reaper(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 4096, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	unsigned int i;
	void *obj[2];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 2), 2);
	hak_pool_put(s, HAK_OWNED);
	reaper_disarmed();
	hak_test_push(s, obj[0]);
	hak_test_push(s, obj[1]);
	for (i = 0; i < 3000 && hak_test_slab_of(obj[0]); i++)
		hak_test_sleep(10);
	KUNIT_EXPECT_NULL(test, hak_test_slab_of(obj[0]));
}

/*
 * The slab is whole when it is put into the pool, so no later free can arm the
 * reaper.
 */
static void whole_slab_put_arms_the_reaper(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 4096, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	unsigned long addr = s->addr;
	unsigned int i;

	reaper_disarmed();
	hak_pool_put(s, HAK_OWNED);
	for (i = 0; i < 3000 && hak_test_slab_of((void *)addr); i++)
		hak_test_sleep(10);
	KUNIT_EXPECT_NULL(test, hak_test_slab_of((void *)addr));
}

/* Wait until @s is unused; false if that takes too long. */
static bool released(struct hak_slab *s)
{
	unsigned int i;

	for (i = 0; i < 3000 && hak_test_slab_of((void *)s->addr); i++)
		hak_test_sleep(10);
	return !hak_test_slab_of((void *)s->addr);
}

#define CROWD	200

/* The reaper finds a whole slab without checking every partial one around it. */
static void reaper_checks_few_slabs(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 4096, 0);
	struct hak_slab **s = kunit_kcalloc(test, CROWD, sizeof(*s), GFP_KERNEL);
	void **obj = kunit_kcalloc(test, CROWD, sizeof(*obj), GFP_KERNEL);
	unsigned int i, gone = 0;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < CROWD; i++) {
		s[i] = hak_test_slab(test, c);
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[i], obj + i, 1), 1);
		hak_pool_put(s[i], HAK_OWNED);
	}
	/* From several places of the pool, one after the other. */
	for (i = CROWD / 2; i < CROWD; i += 10, gone++) {
		bool found;

		hak_test_push(s[i], obj[i]);
		found = released(s[i]);
		s[i] = NULL;
		KUNIT_EXPECT_TRUE(test, found);
		/* The others would not be found either, and each takes half a minute. */
		if (!found)
			break;
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&c->pool[s[0]->nid]->nr), CROWD - gone);
	/*
	 * Each slab is checked once when it arrives, and then only the whole
	 * ones.
	 */
	KUNIT_EXPECT_LE(test, hak_test_event(test, HAK_EV_LOOKED), CROWD + 2 * gone);
	for (i = 0; i < CROWD; i++)
		if (s[i])
			hak_test_push(s[i], obj[i]);
}

static void reap_what_is_queued(void)
{
	mutex_lock(&hak_cache_mutex);
	hak_pool_take_queue();
	hak_pool_reap_taken(4, NULL);
	mutex_unlock(&hak_cache_mutex);
}

/* If a slab is adopted before the reaper runs, it stays in use, parked or pooled. */
static void adopted_while_it_is_queued(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, HAK_SLAB_SIZE / FULL, 0);
	struct hak_slab *s = hak_test_slab(test, c), *again;
	void *obj[FULL];
	unsigned int i;

	/* Keeps the reaper out. */
	mutex_lock(&hak_cache_mutex);
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	again = hak_pool_adopt(c, s->nid);
	preempt_enable();
	mutex_unlock(&hak_cache_mutex);
	KUNIT_ASSERT_PTR_EQ(test, again, s);
	KUNIT_ASSERT_EQ(test, hak_test_state(s), HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, FULL), FULL);
	KUNIT_ASSERT_TRUE(test, hak_slab_park(s));
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_PARKED);
	reap_what_is_queued();
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_PARKED);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), FULL);
	hak_test_push(s, obj[0]);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	reap_what_is_queued();
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	for (i = 1; i < FULL; i++)
		hak_test_push(s, obj[i]);
	KUNIT_EXPECT_TRUE(test, released(s));
}

/* --- with threads --- */

#define THREAD_SLABS	6
#define MOVES		800	/* by each; all of them want one lock */

struct movers {
	struct hak_cache *c;
	atomic_t running;
	atomic_t errors;
	int nid;
};

/* Put and adopt slabs; the thread that adopts a slab has it alone. */
static int move_slabs(void *arg, unsigned int id)
{
	struct movers *m = arg;
	struct hak_slab *s;
	unsigned int i;

	for (i = 0; i < hak_test_rounds(MOVES); i++) {
		preempt_disable();
		s = hak_pool_adopt(m->c, m->nid);
		if (s) {
			/* A field that is not in use while the test runs. */
			WRITE_ONCE(s->stranded, id + 1);
			cpu_relax();
			if (READ_ONCE(s->stranded) != id + 1 ||
			    hak_test_state(s) != HAK_OWNED)
				atomic_inc(&m->errors);
			WRITE_ONCE(s->stranded, 0);
			hak_pool_put(s, HAK_OWNED);
		}
		preempt_enable();
		cond_resched();
	}
	atomic_dec(&m->running);
	return 0;
}

static void adopters_and_the_reaper(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	unsigned int i, nr = hak_test_nr_threads(), reaped = 0;
	struct hak_slab *s[THREAD_SLABS];
	void *obj[THREAD_SLABS];
	struct movers m = { .nid = hak_node_near(numa_mem_id()) };

	KUNIT_ASSERT_NOT_NULL(test, g);
	m.c = hak_test_cache(test, 1024, 0);
	for (i = 0; i < THREAD_SLABS; i++) {
		s[i] = hak_test_slab(test, m.c);
		KUNIT_ASSERT_EQ(test, hak_slab_take(m.c, s[i], obj + i, 1), 1);
		hak_pool_put(s[i], HAK_OWNED);
	}
	m.nid = s[0]->nid;
	atomic_set(&m.running, nr);
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, nr, move_slabs, &m), 0);
	while (atomic_read(&m.running)) {
		reaped += hak_test_reap(m.c);
		cond_resched();
	}
	hak_test_gang_join(g);
	KUNIT_EXPECT_EQ(test, atomic_read(&m.errors), 0);
	KUNIT_EXPECT_EQ(test, reaped, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&m.c->pool[m.nid]->nr), THREAD_SLABS);
	for (i = 0; i < THREAD_SLABS; i++)
		hak_test_push(s[i], obj[i]);
	KUNIT_EXPECT_EQ(test, hak_test_reap(m.c), THREAD_SLABS);
}

/*
 * The last free races with the release of its slab: threads push the objects of
 * pooled slabs while this task reaps without a pause. In the end the slots of the
 * superslab are counted, and each claim finds a slab that has no owner.
 */
#define RACE_SLABS	8

struct race {
	struct hak_cache *c;
	void *obj[RACE_SLABS * FULL];
	atomic_t next;
	atomic_t done;
};

static int race_free(void *arg, unsigned int id)
{
	struct race *r = arg;
	unsigned int i;

	while ((i = atomic_inc_return(&r->next) - 1) < RACE_SLABS * FULL) {
		preempt_disable();
		hak_test_push(hak_test_slab_of(r->obj[i]), r->obj[i]);
		preempt_enable();
	}
	atomic_inc(&r->done);
	return 0;
}

static void last_free_races_with_release(struct kunit *test)
{
	struct race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	unsigned int i, round, reaped, nr = hak_test_nr_threads();

	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_ASSERT_NOT_NULL(test, g);
	r->c = hak_test_cache(test, HAK_SLAB_SIZE / FULL, 0);
	for (round = 0; round < 30; round++) {
		for (i = 0; i < RACE_SLABS; i++) {
			struct hak_slab *s = hak_test_slab(test, r->c);

			KUNIT_ASSERT_EQ(test, hak_slab_take(r->c, s, r->obj +
							    i * FULL, FULL), FULL);
			if (i % 2)
				hak_pool_put(s, HAK_OWNED);
			else
				KUNIT_ASSERT_TRUE(test, hak_slab_park(s));
		}
		atomic_set(&r->next, 0);
		atomic_set(&r->done, 0);
		KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, nr, race_free, r), 0);
		reaped = 0;
		while (atomic_read(&r->done) < nr) {
			reaped += hak_test_reap(r->c);
			cond_resched();
		}
		hak_test_gang_join(g);
		reaped += hak_test_reap(r->c);
		KUNIT_EXPECT_EQ(test, reaped, RACE_SLABS);
		for (i = 0; i < RACE_SLABS * FULL; i++)
			KUNIT_ASSERT_NULL(test, hak_test_slab_of(r->obj[i]));
	}
}

/*
 * Slabs become whole, are adopted, put back and released, all at the same time.
 * Each is released in the end although no task walks the pool, because the CPU
 * that made it whole last has queued it for the reaper.
 */
#define QUEUE_BALLS	8

struct queue_test {
	struct hak_cache *c;
	int nid;
	atomic_long_t obj[QUEUE_BALLS];
};

/* Take one object from a slab of the pool, or from a new slab. */
static void *queue_take(struct queue_test *t)
{
	struct hak_slab *s;
	void *p = NULL;

	preempt_disable();
	s = hak_pool_adopt(t->c, t->nid);
	if (!s)
		s = hak_superslab_claim(t->c, t->nid);
	if (s && (hak_slab_take(t->c, s, &p, 1) || !hak_slab_park(s)))
		hak_pool_put(s, HAK_OWNED);
	preempt_enable();
	if (!s)
		hak_superslab_grow(t->nid, GFP_KERNEL | __GFP_THISNODE);
	return p;
}

static int queue_thread(void *arg, unsigned int id)
{
	struct queue_test *t = arg;
	unsigned int i, at;
	void *p;

	for (i = 0; i < hak_test_rounds(10000); i++) {
		at = i * (2 * id + 1) % QUEUE_BALLS;
		/* From time to time hardly any object is live. */
		p = i / 16 % 2 ? NULL : queue_take(t);
		p = (void *)atomic_long_xchg(&t->obj[at], (long)p);
		if (p)
			hak_test_push(hak_test_slab_of(p), p);
		if (i % 13 == 0)
			reap_what_is_queued();
		if (i % 64 == 0)
			hak_test_relax();
	}
	return 0;
}

static void whole_slabs_are_queued(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct queue_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct hak_class_stats cs;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, t);
	t->c = hak_test_cache_shown(test, HAK_SLAB_SIZE / FULL, 0);
	t->nid = hak_node_near(numa_mem_id());
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, hak_test_nr_threads(),
						  queue_thread, t), 0);
	hak_test_gang_join(g);
	for (i = 0; i < QUEUE_BALLS; i++)
		if (atomic_long_read(&t->obj[i]))
			hak_test_push(hak_test_slab_of((void *)atomic_long_read(&t->obj[i])),
				      (void *)atomic_long_read(&t->obj[i]));
	for (i = 0; i < 500; i++) {
		hak_class_stats_read(t->c, &cs);
		if (!cs.slabs)
			break;
		hak_test_sleep(10);
	}
	KUNIT_EXPECT_EQ(test, cs.slabs, 0UL);
	kunit_info(test, "%lu slabs released\n",
		   hak_test_event(test, HAK_EV_RELEASED));
}

/* An object of @c that another CPU has allocated. */
static void *from_elsewhere(struct kunit *test, struct hak_cache *c)
{
	struct hak_cpu_cache *cc = hak_test_cpu(test, c, 1);

	return hak_test_alloc(test, c, cc);
}

/* Does a free by this CPU alone start a trim that is off? */
static bool free_starts_trim(struct hak_cache *c, void *p)
{
	bool started;

	WRITE_ONCE(hak_trim_stopped, 1);
	hak_cache_free(c, p);
	started = !READ_ONCE(hak_trim_stopped);
	WRITE_ONCE(hak_trim_stopped, 0);
	return started;
}

/*
 * A cache comes into use empty and asleep, as if the idle trim had emptied it.
 * The trim may be off, and the first free must start it, or the object would stay
 * there for ever.
 */
static void first_free_starts_the_trim(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 4096, 0);
	void *obj[2];

	obj[0] = from_elsewhere(test, c);
	obj[1] = from_elsewhere(test, c);
	/* Stay on one CPU, so that the second free is not another CPU's first. */
	migrate_disable();
	KUNIT_EXPECT_TRUE(test, free_starts_trim(c, obj[0]));
	KUNIT_EXPECT_FALSE(test, free_starts_trim(c, obj[1]));
	migrate_enable();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(last_free_arms_the_reaper),
	KUNIT_CASE(whole_slab_put_arms_the_reaper),
	KUNIT_CASE(reaper_checks_few_slabs),
	KUNIT_CASE(adopted_while_it_is_queued),
	KUNIT_CASE(adopters_and_the_reaper),
	KUNIT_CASE(last_free_races_with_release),
	KUNIT_CASE(whole_slabs_are_queued),
	KUNIT_CASE(first_free_starts_the_trim),
	{}
};

static struct kunit_suite hak_reaper_suite = {
	.name = "hak_reaper",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_reaper_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: the reaper");
MODULE_LICENSE("GPL");
