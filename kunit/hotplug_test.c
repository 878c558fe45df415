// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs go offline and come back while caches are made and destroyed, each half
 * way through; and the registry covers the page allocator's memory, but not that of
 * devices. Needs a kernel: in userspace no CPU is prepared without being online, RCU
 * waits for no reader, and there are no zones.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/pfn.h>
#include <linux/rcupdate.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "memory_hotplug.h"

/* Take the last CPU offline; nr_cpu_ids if that cannot be done. */
static unsigned int take_cpu(struct kunit *test)
{
	unsigned int cpu, last = 0;

	for_each_online_cpu(cpu)
		last = cpu;
	if (!last || remove_cpu(last))
		kunit_skip(test, "no CPU can be taken offline");
	return last;
}

static bool busy(struct hak_cache *c, unsigned int cpu)
{
	return hak_cpu_inside(per_cpu_ptr(c->cpu, cpu));
}

/*
 * A cache that is made after a CPU was prepared and before it is online is used
 * on that CPU.
 */
static void cache_made_while_a_cpu_is_prepared(struct kunit *test)
{
	unsigned int cpu = take_cpu(test);
	struct hak_cache *before, *meanwhile, *after;

	before = hak_test_cache_shown(test, 64, 0);
	KUNIT_EXPECT_TRUE(test, busy(before, cpu));
	KUNIT_EXPECT_EQ(test, hak_cpu_online(cpu), 0);
	KUNIT_EXPECT_FALSE(test, busy(before, cpu));
	meanwhile = hak_test_cache_shown(test, 64, 0);
	KUNIT_EXPECT_FALSE(test, busy(meanwhile, cpu));
	/* The CPU does not come online after all. */
	KUNIT_EXPECT_EQ(test, hak_cpu_dead(cpu), 0);
	KUNIT_EXPECT_TRUE(test, busy(before, cpu));
	KUNIT_EXPECT_TRUE(test, busy(meanwhile, cpu));
	after = hak_test_cache_shown(test, 64, 0);
	KUNIT_EXPECT_TRUE(test, busy(after, cpu));

	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	KUNIT_EXPECT_FALSE(test, busy(before, cpu));
	KUNIT_EXPECT_FALSE(test, busy(meanwhile, cpu));
	KUNIT_EXPECT_FALSE(test, busy(after, cpu));
}

static struct hak_cache *made;

static int make_cache(unsigned int cpu)
{
	made = hak_cache_create("hak_of_callback", 64, 0, 0, NULL);
	return made ? 0 : -ENOMEM;
}

/* A driver makes a cache in its hotplug callback, which runs under cpus_write_lock(). */
static void cache_made_in_a_callback(struct kunit *test)
{
	unsigned int cpu = take_cpu(test);
	int err, state;
	void *p;

	made = NULL;
	state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "hak_test:make", make_cache,
					  NULL);
	err = add_cpu(cpu);
	if (state >= 0)
		cpuhp_remove_state_nocalls(state);
	KUNIT_ASSERT_GE(test, state, 0);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_ASSERT_NOT_NULL(test, made);
	KUNIT_EXPECT_FALSE(test, busy(made, cpu));
	p = hak_cache_alloc(made, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, hak_test_slab_of(p));
	hak_cache_free(made, p);
	hak_cache_destroy(made);
}

/*
 * A CPU goes offline even if its cache is busy, and the dead callback must not
 * fail.
 */
static void dead_cpu_may_have_a_busy_cache(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	unsigned int cpu = take_cpu(test);

	KUNIT_EXPECT_EQ(test, hak_cpu_online(cpu), 0);
	hak_cpu_enter(per_cpu_ptr(c->cpu, cpu));
	KUNIT_EXPECT_EQ(test, hak_cpu_dead(cpu), 0);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
}

/* Leave objects and a slab with the CPU that this thread runs on. */
static int leave_stock(void *arg, unsigned int id)
{
	struct hak_cache *c = arg;
	void *p[8];
	int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		nr += !!p[i];
		if (p[i])
			hak_cache_free(c, p[i]);
	}
	return nr;
}

/*
 * Every CPU does @fn, and then the last one goes. Other CPUs find its objects and its
 * slab.
 */
static void cpu_goes_after(struct kunit *test, struct hak_cache *c,
			   int (*fn)(void *arg, unsigned int id), void *arg)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	unsigned int nr = min(num_online_cpus(), HAK_TEST_MAX_THREADS);
	unsigned int cpu = hak_test_nth_cpu(nr - 1);
	struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

	KUNIT_ASSERT_NOT_NULL(test, g);
	if (!cpu || cpu != cpumask_last(cpu_online_mask))
		kunit_skip(test, "no thread runs on the CPU that is taken");
	KUNIT_EXPECT_EQ(test, hak_test_gang_start(g, nr, fn, arg), 0);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), 8 * nr);
	KUNIT_EXPECT_NOT_NULL(test, cc->cur);
	KUNIT_ASSERT_EQ(test, take_cpu(test), cpu);
	KUNIT_EXPECT_EQ(test, hak_cpu_objects(cc), 0);
	KUNIT_EXPECT_NULL(test, cc->cur);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
}

static void dead_cpu_keeps_nothing(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);

	cpu_goes_after(test, c, leave_stock, c);
}

struct slabs_left {
	struct hak_cache *c;
	void *obj[HAK_TEST_MAX_THREADS][8];
};

/* Leave a slab with the CPU, but no object in its cache, which a refill gives eight. */
static int leave_slab(void *arg, unsigned int id)
{
	struct slabs_left *left = arg;
	int i, nr = 0;

	for (i = 0; i < 8; i++) {
		left->obj[id][i] = hak_cache_alloc(left->c, GFP_KERNEL);
		nr += !!left->obj[id][i];
	}
	return nr;
}

static void dead_cpu_keeps_no_slab(struct kunit *test)
{
	struct slabs_left *left = kunit_kzalloc(test, sizeof(*left), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, left);
	left->c = hak_test_cache_shown(test, 4096, 0);
	cpu_goes_after(test, left->c, leave_slab, left);
	hak_cache_free_bulk(left->c, HAK_TEST_MAX_THREADS * 8, left->obj[0]);
}

struct reader {
	struct hak_cache *c;
	struct completion started;
	bool kept;
};

/* The reader has found a cache by a stale pointer. It waits until the cache is closed. */
static int reader_fn(void *arg)
{
	struct reader *r = arg;
	struct hak_cache *c = r->c;
	unsigned long end;

	preempt_disable();
	complete(&r->started);
	end = jiffies + 5 * HZ;
	while (!hak_cpu_inside(this_cpu_ptr(c->cpu)) && time_before(jiffies, end))
		cpu_relax();
	/* Give the other task time for its next step. */
	end = jiffies + HZ / 5;
	while (time_before(jiffies, end))
		cpu_relax();
	r->kept = READ_ONCE(c->cpu) && READ_ONCE(c->pool) &&
		  hak_cpu_inside(this_cpu_ptr(c->cpu));
	preempt_enable();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* The cache that such a reader has found stays as long as the reader uses it. */
static void destroy_waits_for_readers(struct kunit *test)
{
	struct reader *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct task_struct *task;
	unsigned int cpu;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, r);
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	r->c = hak_cache_create("hak_test", 64, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, r->c);
	p = hak_cache_alloc(r->c, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	hak_cache_free(r->c, p);
	init_completion(&r->started);

	migrate_disable();
	cpu = hak_test_nth_cpu(0);
	if (cpu == smp_processor_id())
		cpu = hak_test_nth_cpu(1);
	task = kthread_create(reader_fn, r, "hak_reader");
	if (!IS_ERR(task)) {
		kthread_bind(task, cpu);
		wake_up_process(task);
		wait_for_completion(&r->started);
	}
	hak_cache_destroy(r->c);
	migrate_enable();
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	kthread_stop(task);
	KUNIT_EXPECT_TRUE(test, r->kept);
}

/**
 * struct slow_destroy - a task that destroys a cache, and is held up meanwhile
 * @c: the cache
 * @held: the task that holds it up has begun
 * @release: that task may end
 * @destroyed: the cache is destroyed
 * @made: the cache that is created meanwhile, or NULL
 * @created: whether it was created is known
 */
struct slow_destroy {
	struct hak_cache *c;
	struct completion held;
	bool release;
	struct completion destroyed;
	struct hak_cache *made;
	struct completion created;
};

/* Delay grace periods, for 5 s at most. */
static int hold_fn(void *arg)
{
	struct slow_destroy *d = arg;
	unsigned long end;

	preempt_disable();
	complete(&d->held);
	end = jiffies + 5 * HZ;
	while (!READ_ONCE(d->release) && time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int destroy_fn(void *arg)
{
	struct slow_destroy *d = arg;

	hak_cache_destroy(d->c);
	complete(&d->destroyed);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Other code of the kernel does this with kmem_cache_create(). */
static int create_fn(void *arg)
{
	struct slow_destroy *d = arg;

	cpus_read_lock();
	d->made = hak_cache_create("hak_made", 64, 0, 0, NULL);
	cpus_read_unlock();
	complete(&d->created);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static struct task_struct *start_on(unsigned int cpu, int (*fn)(void *arg), void *arg)
{
	struct task_struct *task = kthread_create(fn, arg, "hak_hotplug");

	if (!IS_ERR(task)) {
		kthread_bind(task, cpu);
		wake_up_process(task);
	}
	return task;
}

static void stop(struct kunit *test, struct task_struct *task)
{
	KUNIT_EXPECT_FALSE(test, IS_ERR(task));
	if (!IS_ERR(task))
		kthread_stop(task);
}

static bool creation_waits;

/*
 * A destruction takes cpus_read_lock(), and waits for grace periods. If a creation waited
 * for it, a creation with that lock held would wait for a task that waits for this lock.
 */
static void creation_waits_for_no_destruction(struct kunit *test)
{
	struct slow_destroy *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct task_struct *hold, *destroy, *create;
	unsigned long end = jiffies + 5 * HZ;
	unsigned int here;

	KUNIT_ASSERT_NOT_NULL(test, d);
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	d->c = hak_cache_create("hak_test", 64, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, d->c);
	init_completion(&d->held);
	init_completion(&d->destroyed);
	init_completion(&d->created);

	migrate_disable();
	here = smp_processor_id();
	hold = start_on(hak_test_nth_cpu(here == hak_test_nth_cpu(0)), hold_fn, d);
	if (!IS_ERR(hold))
		wait_for_completion(&d->held);
	destroy = start_on(here, destroy_fn, d);
	while (READ_ONCE(d->c->listed) && time_before(jiffies, end))
		hak_test_sleep(1);
	create = start_on(here, create_fn, d);
	creation_waits = !wait_for_completion_timeout(&d->created, 2 * HZ);
	KUNIT_EXPECT_FALSE(test, creation_waits);
	KUNIT_EXPECT_FALSE(test, completion_done(&d->destroyed));
	/* The name of the other is not free yet. */
	if (!creation_waits)
		KUNIT_EXPECT_NULL(test, hak_cache_create("hak_test", 64, 0, 0, NULL));
	WRITE_ONCE(d->release, true);
	migrate_enable();
	stop(test, hold);
	stop(test, destroy);
	stop(test, create);
	KUNIT_EXPECT_NOT_NULL(test, d->made);
	hak_cache_destroy(d->made);
	/* Now it is. */
	d->c = hak_cache_create("hak_test", 64, 0, 0, NULL);
	KUNIT_EXPECT_NOT_NULL(test, d->c);
	hak_cache_destroy(d->c);
}

static int offline_fn(void *arg)
{
	int *err = arg;

	*err = remove_cpu(cpumask_last(cpu_online_mask));
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Is a task waiting for cpus_write_lock()? If so, no other gets cpus_read_lock(). */
static bool writer_waits(void)
{
	if (!cpus_read_trylock())
		return true;
	cpus_read_unlock();
	return false;
}

/*
 * A task that holds cpus_read_lock() creates a cache, while another waits for it to take a
 * CPU offline, and a third destroys a cache, which waits for the second.
 */
static void cache_made_while_a_cpu_waits_to_go(struct kunit *test)
{
	struct slow_destroy *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct task_struct *offline, *destroy;
	unsigned long end = jiffies + 5 * HZ;
	unsigned int last;
	int err = -EBUSY;

	KUNIT_ASSERT_NOT_NULL(test, d);
	if (creation_waits)
		kunit_skip(test, "the tasks would wait for each other for ever");
	last = take_cpu(test);
	KUNIT_ASSERT_EQ(test, add_cpu(last), 0);
	d->c = hak_cache_create("hak_test", 64, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, d->c);
	init_completion(&d->destroyed);

	cpus_read_lock();
	offline = start_on(0, offline_fn, &err);
	while (!writer_waits() && time_before(jiffies, end))
		hak_test_sleep(1);
	KUNIT_EXPECT_TRUE(test, writer_waits());
	destroy = start_on(0, destroy_fn, d);
	hak_test_sleep(20);
	KUNIT_EXPECT_FALSE(test, completion_done(&d->destroyed));
	d->made = hak_cache_create("hak_made", 64, 0, 0, NULL);
	cpus_read_unlock();

	stop(test, destroy);
	stop(test, offline);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_NOT_NULL(test, d->made);
	if (d->made)
		KUNIT_EXPECT_TRUE(test, busy(d->made, last));
	KUNIT_ASSERT_EQ(test, add_cpu(last), 0);
	if (d->made)
		KUNIT_EXPECT_FALSE(test, busy(d->made, last));
	hak_cache_destroy(d->made);
}

/* The registry covers each zone of this machine, and begins no earlier than it has to. */
static void covers_all_zones(struct kunit *test)
{
	unsigned long first, end, low, last, lowest = ULONG_MAX;
	unsigned int i;
	int nid;

	for_each_node_state(nid, N_MEMORY) {
		low = ULONG_MAX;
		last = 0;
		KUNIT_EXPECT_TRUE(test, hak_node_ram_span(NODE_DATA(nid), &first, &end));
		for (i = 0; i < MAX_NR_ZONES; i++) {
			struct zone *zone = &NODE_DATA(nid)->node_zones[i];

			if (!populated_zone(zone) || zone_is_zone_device(zone))
				continue;
			KUNIT_EXPECT_TRUE(test, hak_registry_covers((unsigned long)
				__va(PFN_PHYS(zone->zone_start_pfn)), 1));
			KUNIT_EXPECT_TRUE(test, hak_registry_covers((unsigned long)
				__va(PFN_PHYS(zone_end_pfn(zone))) - HAK_SLAB_SIZE, 1));
			low = min(low, zone->zone_start_pfn);
			last = max(last, zone_end_pfn(zone));
		}
		KUNIT_EXPECT_EQ(test, first, low);
		KUNIT_EXPECT_EQ(test, end, last);
		lowest = min(lowest, first);
	}
	KUNIT_EXPECT_EQ(test, hak_registry.base,
			(unsigned long)__va(PFN_PHYS(lowest)) & -(1UL << HAK_LEAF_SHIFT));
}

/* Memory that is added before all that the registry covers is not covered. */
static void covers_nothing_below(struct kunit *test)
{
	unsigned long base = hak_registry.base, bytes = hak_registry.bytes;

	KUNIT_EXPECT_EQ(test, hak_registry_cover(base - HAK_SLAB_SIZE, base), -ERANGE);
	KUNIT_EXPECT_EQ(test, hak_registry_cover(base - HAK_SLAB_SIZE, base + bytes), -ERANGE);
	KUNIT_EXPECT_EQ(test, hak_registry_cover(base, base + bytes), 0);
	KUNIT_EXPECT_EQ(test, hak_registry.base, base);
	KUNIT_EXPECT_EQ(test, hak_registry.bytes, bytes);
	KUNIT_EXPECT_FALSE(test, hak_registry_covers(base - HAK_SLAB_SIZE, 1));
	/* What of it lies beyond the registry is. */
	KUNIT_EXPECT_EQ(test, hak_registry_cover(base - HAK_SLAB_SIZE, base + bytes + 1),
			-ERANGE);
	KUNIT_EXPECT_GT(test, hak_registry.bytes, bytes);
}

/*
 * A device's memory lies far above that of its node, or below, and the node spans both. The
 * last zone is the devices', if the kernel has such a zone.
 */
static void device_memory_does_not_count(struct kunit *test)
{
	const unsigned long device = 1UL << 33, nr = 1UL << 15;
	struct pglist_data *node = kunit_kzalloc(test, sizeof(*node), GFP_KERNEL);
	unsigned long first, end;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, node);
	for (i = 0; i < MAX_NR_ZONES; i++) {
		node->node_zones[i].zone_pgdat = node;
		zone_seqlock_init(&node->node_zones[i]);
	}
	KUNIT_EXPECT_FALSE(test, hak_node_ram_span(node, &first, &end));
	/* The first zone is the same one, if the kernel has no zone for DMA. */
	node->node_zones[0].zone_start_pfn = 2;
	node->node_zones[0].spanned_pages = nr;
	node->node_zones[ZONE_NORMAL].zone_start_pfn = 4 * nr;
	node->node_zones[ZONE_NORMAL].spanned_pages = nr;
	node->node_start_pfn = 1;
	node->node_spanned_pages = device + nr - 1;
#ifdef CONFIG_ZONE_DEVICE
	node->node_zones[ZONE_DEVICE].zone_start_pfn = 1;
	node->node_zones[ZONE_DEVICE].spanned_pages = device + nr - 1;
	node->node_zones[ZONE_DEVICE].present_pages = nr;
#endif
	KUNIT_EXPECT_TRUE(test, hak_node_ram_span(node, &first, &end));
	KUNIT_EXPECT_EQ(test, first, ZONE_NORMAL ? 2UL : 4 * nr);
	KUNIT_EXPECT_EQ(test, end, 5 * nr);
	/* More is being added, and none of it is online yet. */
	node->node_zones[ZONE_MOVABLE].zone_start_pfn = 8 * nr;
	node->node_zones[ZONE_MOVABLE].spanned_pages = nr;
	KUNIT_EXPECT_TRUE(test, hak_node_ram_span(node, &first, &end));
	KUNIT_EXPECT_EQ(test, end, 9 * nr);
}

/*
 * What a CPU queues while it is going away is done at once. On PREEMPT_RT a thread of the
 * CPU does other irq_work, and that is parked until the CPU is back.
 */
static void dying_cpu_defers_nothing(struct kunit *test)
{
	unsigned int cpu;

	KUNIT_EXPECT_TRUE(test, irq_work_is_hard(&hak_reap_irq));
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_TRUE(test, irq_work_is_hard(&per_cpu_ptr(hak_deferred, cpu)->irq));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(cache_made_while_a_cpu_is_prepared),
	KUNIT_CASE(cache_made_in_a_callback),
	KUNIT_CASE(dead_cpu_may_have_a_busy_cache),
	KUNIT_CASE(dead_cpu_keeps_nothing),
	KUNIT_CASE(dead_cpu_keeps_no_slab),
	KUNIT_CASE(dying_cpu_defers_nothing),
	KUNIT_CASE(destroy_waits_for_readers),
	KUNIT_CASE(creation_waits_for_no_destruction),
	KUNIT_CASE(cache_made_while_a_cpu_waits_to_go),
	KUNIT_CASE(covers_all_zones),
	KUNIT_CASE(covers_nothing_below),
	KUNIT_CASE(device_memory_does_not_count),
	{}
};

static struct kunit_suite hak_hotplug_suite = {
	.name = "hak_hotplug",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_hotplug_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: CPUs and caches that come and go");
MODULE_LICENSE("GPL");
