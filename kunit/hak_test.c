// SPDX-License-Identifier: GPL-2.0
/* The common part of the suites; see hak_test.h. */
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/tracepoint.h>

#include "hak_test.h"
#include "hak_test_fault.h"
#include "hak_test_log.h"

/* The number of live objects of all caches. */
unsigned long hak_test_live(void)
{
	struct hak_class_stats cs;
	struct hak_cache *c;
	unsigned long live = 0;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		hak_class_stats_read(c, &cs);
		live += cs.live + cs.fallback;
	}
	mutex_unlock(&hak_cache_mutex);
	return live;
}

HAK_EXPORT_INTERNAL(hak_test_live);

/**
 * hak_test_event() - number of events since the test began
 * @test: the test
 * @ev: the counter
 *
 * Return: the difference.
 */
unsigned long hak_test_event(struct kunit *test, enum hak_event ev)
{
	struct hak_test *t = test->priv;
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[ev] - t->event[ev];
}

HAK_EXPORT_INTERNAL(hak_test_event);

/* Check the counts of every slab in use, and that it is where its state says. */
static void hak_test_validate(struct kunit *test)
{
	struct hak_stats before, after;
	unsigned long nr = 0, slots = 0, in_use = 0;
	struct hak_superslab *ss;
	unsigned int i, bad = 0;

	/*
	 * This keeps the reaper out, because slabs that it has popped have no
	 * state to check.
	 */
	mutex_lock(&hak_cache_mutex);
	hak_stats_read(&before);
	rcu_read_lock();
	list_for_each_entry_rcu(ss, &hak_superslabs, all) {
		u64 used = READ_ONCE(ss->used) & READ_ONCE(ss->full);

		nr++;
		slots += hweight64(READ_ONCE(ss->full));
		in_use += hweight64(used);
		for (i = 0; used >> i; i++) {
			struct hak_slab *s = &ss->slab[i];

			if (!(used & BIT_ULL(i)))
				continue;
			if (hak_test_state(s) == HAK_UNUSED ||
			    hak_test_slab_of((void *)s->addr) != s ||
			    !hak_slab_validate(s))
				bad++;
		}
	}
	rcu_read_unlock();
	hak_stats_read(&after);
	mutex_unlock(&hak_cache_mutex);
	KUNIT_EXPECT_EQ(test, bad, 0);
	/* Another user of hakmem may have got or lost a superslab meanwhile. */
	if (before.grown != after.grown || before.shrunk != after.shrunk ||
	    before.broken != after.broken || before.slots_used != after.slots_used)
		return;
	KUNIT_EXPECT_EQ(test, before.superslabs, nr);
	KUNIT_EXPECT_EQ(test, before.pages, slots << HAK_MIN_ORDER);
	KUNIT_EXPECT_EQ(test, before.slots_used, in_use);
}

/**
 * hak_test_books() - check everything that can be checked while hakmem is not in
 * use
 * @test: the test
 *
 * Every slab is valid and none is stranded, there are as many live objects as at
 * the start, and the refused frees and corruptions are those that the test
 * provoked.
 */
void hak_test_books(struct kunit *test)
{
	struct hak_test *t = test->priv;

	hak_test_validate(test);
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 0UL);
	KUNIT_EXPECT_EQ(test, hak_test_live(), t->live);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, t->expected[HAK_EV_BAD_FREE]);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, t->expected[HAK_EV_CORRUPT]);
}

HAK_EXPORT_INTERNAL(hak_test_books);

/* kunit_suite.init */
int hak_test_init(struct kunit *test)
{
	struct hak_stats st;
	struct hak_test *t;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	test->priv = t;
	/*
	 * The idle trim would empty caches, and be counted, in the middle of a
	 * test.
	 */
	hak_trim_pause(true);
	/*
	 * If this task, which is the test's own, moved to another node, the test would get
	 * objects from slabs of two nodes. A node made by numa=fake has the CPUs of all
	 * nodes in its mask.
	 */
	if (num_online_nodes() > 1)
		set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	hak_stats_read(&st);
	memcpy(t->event, st.event, sizeof(t->event));
	t->live = hak_test_live();
	t->fast_cap = hak_fast_cap;
	return 0;
}

HAK_EXPORT_INTERNAL(hak_test_init);

/* Likewise, and CPUs cache objects of private caches, even if fast_cap is 0. */
int hak_test_init_cached(struct kunit *test)
{
	int err = hak_test_init(test);

	hak_fast_cap = hak_fast_cap ?: 64;
	return err;
}

HAK_EXPORT_INTERNAL(hak_test_init_cached);

static void hak_test_show(struct hak_test *t, unsigned int i)
{
	if (t->shown[i])
		return;
	mutex_lock(&hak_cache_mutex);
	hak_cache_set_listed(t->cache[i], true);
	mutex_unlock(&hak_cache_mutex);
	t->shown[i] = true;
	/* While the cache was hidden, the reaper dropped its slabs from the queue. */
	hak_test_reap(t->cache[i]);
}

/* True if all its slabs are back. If not, hak_cache_destroy() warns and keeps it. */
static bool hak_test_destroyed(struct hak_cache *c)
{
	struct hak_cache *other;
	bool there = false;

	hak_cache_destroy(c);
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(other, &hak_caches, list)
		there = there || other == c;
	mutex_unlock(&hak_cache_mutex);
	return !there;
}

/* A cache that a failed test has left behind keeps its name: hak_test_0, for one. */
static unsigned int first_nr;

/*
 * kunit_suite.exit: flush the pretended CPUs; then the caches must be empty, and
 * the statistics as they were.
 */
void hak_test_exit(struct kunit *test)
{
	struct hak_test *t = test->priv;
	struct hak_class_stats cs;
	unsigned long nr_slabs;
	unsigned int i;
	int nid;

	if (!t)
		return;
	hak_fast_cap = t->fast_cap;
	for (i = 0; i < t->nr_cpus; i++) {
		preempt_disable();
		hak_cpu_flush(t->cpu_cache[i], t->cpu[i]);
		preempt_enable();
	}
	for (i = 0; i < t->nr_caches; i++) {
		/* The magazines of pretended CPUs are about to be freed. */
		for_each_node(nid)
			hak_depot_flush(t->cache[i], nid);
		hak_test_show(t, i);
	}
	hak_test_books(test);
	for (i = 0; i < t->nr_caches; i++) {
		/* The reaper releases slabs under this mutex. */
		mutex_lock(&hak_cache_mutex);
		hak_class_stats_read(t->cache[i], &cs);
		nr_slabs = atomic_read(&t->cache[i]->nr_slabs);
		mutex_unlock(&hak_cache_mutex);
		KUNIT_EXPECT_EQ(test, cs.live, 0UL);
		KUNIT_EXPECT_EQ(test, cs.fallback, 0L);
		KUNIT_EXPECT_EQ(test, cs.slabs, nr_slabs);
		/*
		 * Its destruction would warn, but the failure is reported
		 * already.
		 */
		if (cs.live || cs.fallback || !hak_test_destroyed(t->cache[i])) {
			KUNIT_FAIL(test, "a cache is left behind");
			first_nr += HAK_TEST_MAX;
		}
	}
	t->nr_caches = 0;
	hak_trim_pause(false);
}

HAK_EXPORT_INTERNAL(hak_test_exit);

/**
 * hak_test_cache_args() - a private cache, destroyed when the test ends
 * @test: the test
 * @size: as for hak_cache_create_args()
 * @args: likewise
 * @flags: likewise
 *
 * Return: the cache. If there is none, the test is aborted.
 */
struct hak_cache *hak_test_cache_args(struct kunit *test, unsigned int size,
				      const struct hak_cache_args *args,
				      slab_flags_t flags)
{
	struct hak_test *t = test->priv;
	struct hak_cache *c;
	char name[24];

	KUNIT_ASSERT_LT(test, t->nr_caches, HAK_TEST_MAX);
	snprintf(name, sizeof(name), "hak_test_%u", first_nr + t->nr_caches);
	c = hak_cache_create_args(name, size, args, flags);
	KUNIT_ASSERT_NOT_NULL(test, c);
	t->shown[t->nr_caches] = true;
	t->cache[t->nr_caches++] = c;
	return c;
}

HAK_EXPORT_INTERNAL(hak_test_cache_args);

/* Likewise, with an alignment only. */
struct hak_cache *hak_test_cache_shown(struct kunit *test, unsigned int size,
				       unsigned int align)
{
	struct hak_cache_args args = { .align = align };

	return hak_test_cache_args(test, size, &args, 0);
}

HAK_EXPORT_INTERNAL(hak_test_cache_shown);

/* Likewise, with per-CPU caches of @cap objects, however large the objects are. */
struct hak_cache *hak_test_cache_cap(struct kunit *test, unsigned int size,
				     unsigned int cap)
{
	unsigned int saved = hak_fast_cap;
	struct hak_cache *c;

	hak_fast_cap = DIV_ROUND_UP(cap * max(size, HAK_MAX_SIZE), HAK_MAX_SIZE);
	c = hak_test_cache_shown(test, size, 0);
	hak_fast_cap = saved;
	return c;
}

HAK_EXPORT_INTERNAL(hak_test_cache_cap);

/* Likewise, hidden from the reaper. */
struct hak_cache *hak_test_cache(struct kunit *test, unsigned int size,
				 unsigned int align)
{
	struct hak_test *t = test->priv;
	struct hak_cache *c = hak_test_cache_shown(test, size, align);

	mutex_lock(&hak_cache_mutex);
	hak_cache_set_listed(c, false);
	mutex_unlock(&hak_cache_mutex);
	t->shown[t->nr_caches - 1] = false;
	return c;
}

HAK_EXPORT_INTERNAL(hak_test_cache);

/**
 * hak_test_cpu() - pretend a CPU
 * @test: the test
 * @c: a cache
 * @cap: objects that it may hold
 *
 * It has no magazines, so objects that it has no room for are spilled.
 *
 * Return: its per-CPU cache, flushed when the test ends.
 */
struct hak_cpu_cache *hak_test_cpu(struct kunit *test, struct hak_cache *c,
				   unsigned int cap)
{
	struct hak_test *t = test->priv;
	struct hak_cpu_cache *cc;

	KUNIT_ASSERT_LT(test, t->nr_cpus, HAK_TEST_MAX);
	/* With room for an outbox, also where the machine has one node. */
	cc = kunit_kzalloc(test, hak_cpu_cache_bytes(cap) + hak_outbox_bytes(cap),
			   GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cc);
	hak_cpu_cache_init(cc, c, cap, 0);
	t->cpu[t->nr_cpus] = cc;
	t->cpu_cache[t->nr_cpus++] = c;
	return cc;
}

HAK_EXPORT_INTERNAL(hak_test_cpu);

/* Likewise, with magazines. All CPUs of @c with magazines have the same @cap. */
struct hak_cpu_cache *hak_test_cpu_sending(struct kunit *test,
					   struct hak_cache *c, unsigned int cap)
{
	struct hak_cpu_cache *cc = hak_test_cpu(test, c, cap);

	hak_cpu_cache_init(cc, c, cap, HAK_MAGAZINES);
	return cc;
}

HAK_EXPORT_INTERNAL(hak_test_cpu_sending);

/* Likewise, with an outbox, even if the machine has one memory node. */
struct hak_cpu_cache *hak_test_cpu_outbox(struct kunit *test,
					  struct hak_cache *c, unsigned int cap)
{
	struct hak_cpu_cache *cc = hak_test_cpu_sending(test, c, cap);

	cc->outbox = true;
	return cc;
}

HAK_EXPORT_INTERNAL(hak_test_cpu_outbox);

/* Claim an unused slab, which the test owns from then on. */
struct hak_slab *hak_test_slab(struct kunit *test, struct hak_cache *c)
{
	int nid = hak_node_near(numa_mem_id());
	struct hak_slab *s;

	s = hak_superslab_claim(c, nid);
	if (!s) {
		nid = hak_superslab_grow(nid, GFP_KERNEL);
		KUNIT_ASSERT_GE(test, nid, 0);
		s = hak_superslab_claim(c, nid);
	}
	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

HAK_EXPORT_INTERNAL(hak_test_slab);

/* The pretended CPU @cc allocates an object. */
void *hak_test_alloc(struct kunit *test, struct hak_cache *c,
		     struct hak_cpu_cache *cc)
{
	int nid = hak_node_near(numa_mem_id());
	void *p;

	p = hak_cpu_take(c, cc, nid);
	if (!p) {
		nid = hak_superslab_grow(nid, GFP_KERNEL);
		KUNIT_ASSERT_GE(test, nid, 0);
		p = hak_cpu_take(c, cc, nid);
	}
	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

HAK_EXPORT_INTERNAL(hak_test_alloc);

/* The pretended CPU @cc frees @p, whichever CPU owns its slab. */
void hak_test_free(struct hak_cache *c, struct hak_cpu_cache *cc, void *p)
{
	hak_cpu_put(c, cc, hak_test_slab_of(p), p);
}

HAK_EXPORT_INTERNAL(hak_test_free);

/* The pretended CPU @cc allocates @n objects. */
void hak_test_alloc_many(struct kunit *test, struct hak_cache *c,
			 struct hak_cpu_cache *cc, void **obj, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		obj[i] = hak_test_alloc(test, c, cc);
}

HAK_EXPORT_INTERNAL(hak_test_alloc_many);

/* The pretended CPU @cc frees @n objects. */
void hak_test_free_many(struct hak_cache *c, struct hak_cpu_cache *cc, void **obj,
			unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		hak_test_free(c, cc, obj[i]);
}

HAK_EXPORT_INTERNAL(hak_test_free_many);

/* A CPU that does not own @s frees @p. */
void hak_test_push(struct hak_slab *s, void *p)
{
	struct llist_node *link = hak_to_link(s->cache, p);

	preempt_disable();
	hak_slab_push(s, link, link, 1);
	preempt_enable();
}

HAK_EXPORT_INTERNAL(hak_test_push);

/* The owner of @s takes @p back. */
void hak_test_give(struct hak_slab *s, void *p)
{
	struct llist_node *link = hak_to_link(s->cache, p);

	hak_slab_give(s, link, link, 1);
}

HAK_EXPORT_INTERNAL(hak_test_give);

/**
 * hak_test_reap() - have the reaper check a private cache
 * @c: the cache
 *
 * Return: the number of slabs released.
 */
unsigned int hak_test_reap(struct hak_cache *c)
{
	unsigned int n = 0;
	int nid;

	mutex_lock(&hak_cache_mutex);
	for_each_node(nid)
		n += hak_pool_reap(c->pool[nid]);
	mutex_unlock(&hak_cache_mutex);
	return n;
}

HAK_EXPORT_INTERNAL(hak_test_reap);

#ifdef CONFIG_TRACEPOINTS
/* The lines that @task has logged, each with a line feed. */
static struct {
	struct task_struct *task;
	bool listening;
	size_t nr;
	char text[16 << 10];
} kept;

/* A probe of the trace event console. */
static void on_console(void *data, const char *text, size_t len)
{
	if (READ_ONCE(kept.task) != current || !in_task())
		return;
	while (len && text[len - 1] == '\n')
		len--;
	if (kept.nr + len + 2 > sizeof(kept.text))
		return;
	memcpy(kept.text + kept.nr, text, len);
	kept.nr += len;
	kept.text[kept.nr++] = '\n';
	kept.text[kept.nr] = '\0';
}

static struct tracepoint *console;

static void look_for_console(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "console"))
		console = tp;
}

bool hak_test_hear(void)
{
	if (!console) {
		for_each_kernel_tracepoint(look_for_console, NULL);
		if (!console)
			return false;
	}
	if (!kept.listening && tracepoint_probe_register(console, on_console, NULL))
		return false;
	kept.listening = true;
	kept.nr = 0;
	kept.text[0] = '\0';
	WRITE_ONCE(kept.task, current);
	return true;
}

HAK_EXPORT_INTERNAL(hak_test_hear);

const char *hak_test_heard(void)
{
	WRITE_ONCE(kept.task, NULL);
	return kept.text;
}

HAK_EXPORT_INTERNAL(hak_test_heard);

static void __exit hak_test_remove(void)
{
	if (!kept.listening)
		return;
	tracepoint_probe_unregister(console, on_console, NULL);
	tracepoint_synchronize_unregister();
}

module_exit(hak_test_remove);
#elif defined(__KERNEL__)
bool hak_test_hear(void)
{
	return false;
}

HAK_EXPORT_INTERNAL(hak_test_hear);

const char *hak_test_heard(void)
{
	return "";
}

HAK_EXPORT_INTERNAL(hak_test_heard);
#endif

#ifdef CONFIG_FAULT_INJECTION
void hak_test_fail(unsigned int n, bool all)
{
	/* Counts first, and then what may fail of this task's fails. */
	current->make_it_fail = all;
	WRITE_ONCE(current->fail_nth, n + 1);
}

HAK_EXPORT_INTERNAL(hak_test_fail);

bool hak_test_fail_end(void)
{
	bool failed = !READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	current->make_it_fail = false;
	return failed;
}

HAK_EXPORT_INTERNAL(hak_test_fail_end);
#endif

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("Helpers of hakmem's KUnit suites");
MODULE_LICENSE("GPL");
