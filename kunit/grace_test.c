// SPDX-License-Identifier: GPL-2.0
/*
 * Grace periods: if a free with a stale pointer has found a cache or a table,
 * that stays until the free has enabled preemption, and hak_free_rcu() waits for
 * readers. Needs a kernel, because userspace has no grace periods.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "memory_hotplug.h"

#define NR	600	/* objects: several batches of hak_free_rcu() */

struct node {
	u64 data[4];
	struct rcu_head rcu;
};

struct reader {
	struct completion started;
	struct hak_cache *c;	/* the cache that the reader has found, or NULL */
	bool gone;		/* the per-CPU caches were freed meanwhile */
	bool left;
};

/* Act like a free that takes a while: nothing else runs on this CPU. */
static int reader_fn(void *arg)
{
	struct reader *r = arg;
	unsigned long end;

	preempt_disable();
	complete(&r->started);
	end = jiffies + HZ / 2;
	while (time_before(jiffies, end) && !r->gone) {
		r->gone = r->c && !READ_ONCE(r->c->cpu);
		cpu_relax();
	}
	WRITE_ONCE(r->left, true);
	preempt_enable();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void needs_two_cpus(struct kunit *test)
{
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
}

static struct task_struct *start_reader(struct kunit *test, struct reader *r,
					int (*fn)(void *arg))
{
	unsigned int cpu = hak_test_nth_cpu(0);
	struct task_struct *task;

	migrate_disable();
	if (cpu == smp_processor_id())
		cpu = hak_test_nth_cpu(1);
	init_completion(&r->started);
	task = kthread_create(fn, r, "hak_reader");
	if (!IS_ERR(task)) {
		kthread_bind(task, cpu);
		wake_up_process(task);
		wait_for_completion(&r->started);
	}
	migrate_enable();
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	return task;
}

/* A cache is destroyed while a free on another CPU uses it. */
static void destroy_waits_for_frees(struct kunit *test)
{
	struct reader *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct task_struct *task;
	struct hak_cache *c;
	bool left;

	needs_two_cpus(test);
	KUNIT_ASSERT_NOT_NULL(test, r);
	c = hak_cache_create("hak_test_grace", 64, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	r->c = c;
	task = start_reader(test, r, reader_fn);
	hak_cache_destroy(c);
	left = READ_ONCE(r->left);
	kthread_stop(task);
	KUNIT_EXPECT_TRUE(test, left);
	KUNIT_EXPECT_FALSE(test, r->gone);
}

/*
 * One free after the other, each of which reads the table for a while. The first
 * grace period of a replacement ends when the next free has begun, so that free
 * still has the old table when the new one is installed.
 */
static int table_reader_fn(void *arg)
{
	struct reader *r = arg;
	struct hak_entry **old = READ_ONCE(hak_registry.leaf), **mine;
	unsigned long bytes = READ_ONCE(hak_registry.bytes), end;

	do {
		preempt_disable();
		mine = READ_ONCE(hak_registry.leaf);
		complete(&r->started);
		end = jiffies + HZ / 5;
		while (time_before(jiffies, end) && !r->gone) {
			r->gone = mine == old && READ_ONCE(hak_registry.bytes) != bytes;
			cpu_relax();
		}
		preempt_enable();
		cond_resched();
	} while (!r->gone && mine == old && !kthread_should_stop());
	WRITE_ONCE(r->left, mine != old);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* A task on another CPU reads the registry's table while a larger one replaces it. */
static void cover_waits_for_frees(struct kunit *test)
{
	struct reader *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct task_struct *task;
	unsigned long end;

	needs_two_cpus(test);
	KUNIT_ASSERT_NOT_NULL(test, r);
	end = hak_registry.base + hak_registry.bytes;
	task = start_reader(test, r, table_reader_fn);
	KUNIT_EXPECT_EQ(test, hak_registry_cover(end, end + 1), 0);
	/*
	 * The reader sees the new table in its next free, or before that the end
	 * of the old one.
	 */
	hak_test_sleep(500);
	kthread_stop(task);
	KUNIT_EXPECT_TRUE(test, r->left);
	KUNIT_EXPECT_FALSE(test, r->gone);
	KUNIT_EXPECT_GT(test, hak_registry.base + hak_registry.bytes, end);
}

/*
 * Objects of several batches are freed under RCU inside a read-side section, which no
 * grace period outlasts: none is freed before its end, and all are after it.
 */
static void rcu_frees_wait_for_readers(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, sizeof(struct node), 0);
	struct node **n = kunit_kcalloc(test, NR, sizeof(*n), GFP_KERNEL);
	struct hak_class_stats cs;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, n);
	for (i = 0; i < NR; i++) {
		n[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, n[i]);
	}
	/* The batches are those of one CPU. */
	migrate_disable();
	rcu_read_lock();
	for (i = 0; i < NR; i++)
		hak_free_rcu(n[i], rcu);
	hak_class_stats_read(c, &cs);
	rcu_read_unlock();
	migrate_enable();
	KUNIT_EXPECT_EQ(test, cs.live + cs.fallback, NR);
	hak_free_rcu_barrier();
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live + cs.fallback, 0);
}

/* Free all superslabs that have no slot in use, and the unused slots of the others. */
static void give_all_back(void)
{
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
}

/*
 * A reader has found a superslab that is then freed. While it reads, another superslab
 * is allocated, which does not get the metadata of the first.
 */
static void metadata_waits_for_readers(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s, *old, *new;
	bool dead;
	int nid;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "pages cannot be given back with preemption off");
	give_all_back();
	s = hak_test_slab(test, c);
	nid = s->nid;
	old = s->ss->slab;
	hak_slab_release(s);
	preempt_disable();
	dead = READ_ONCE(s->ss->used) != HAK_SS_DEAD;
	hak_superslab_trim(0);
	dead &= READ_ONCE(s->ss->used) == HAK_SS_DEAD;
	hak_superslab_grow(nid, GFP_NOWAIT);
	new = hak_superslab_claim(c, nid);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, dead);
	KUNIT_ASSERT_NOT_NULL(test, new);
	KUNIT_EXPECT_PTR_NE(test, new->ss->slab, old);
	hak_slab_release(new);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(destroy_waits_for_frees),
	KUNIT_CASE(cover_waits_for_frees),
	KUNIT_CASE(rcu_frees_wait_for_readers),
	KUNIT_CASE(metadata_waits_for_readers),
	{}
};

static struct kunit_suite hak_grace_suite = {
	.name = "hak_grace",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_grace_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: grace periods");
MODULE_LICENSE("GPL");
