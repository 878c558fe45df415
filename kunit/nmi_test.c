// SPDX-License-Identifier: GPL-2.0
/*
 * Non-maskable interrupts: if an NMI comes while the owner is inside its busy
 * section, its free is pushed; at any other time the object goes into the cache,
 * as in any interrupt. NMIs are sent through the local APIC: to this CPU where a
 * test wants one, and to all CPUs while tasks work. step_test.c has the NMIs
 * between two given instructions.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include <asm/apic.h>
#include <asm/nmi.h>

#include "hak_test.h"
#include "hak_test_irq.h"
#include "hak_test_threads.h"

struct storm;

/* The work of the next NMI, or of every NMI during a storm. */
static struct {
	void (*fn)(void *arg);
	void *arg;
	bool in_nmi;
} once;

static struct storm *storm;

static void storm_nmi(struct storm *s);

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	struct storm *s = READ_ONCE(storm);
	void (*fn)(void *arg);

	fn = xchg(&once.fn, NULL);
	if (fn) {
		once.in_nmi = in_nmi();
		fn(once.arg);
	}
	if (s)
		storm_nmi(s);
	return NMI_HANDLED;
}

/* Call @fn in an NMI on this CPU. Return: true if it was called. */
static bool nmi_here(void (*fn)(void *arg), void *arg)
{
	unsigned int i;
	bool called;

	preempt_disable();
	once.in_nmi = false;
	once.arg = arg;
	xchg(&once.fn, fn);
	apic->send_IPI(smp_processor_id(), NMI_VECTOR);
	for (i = 0; READ_ONCE(once.fn) && i < 10000000; i++)
		cpu_relax();
	called = !xchg(&once.fn, NULL) && once.in_nmi;
	preempt_enable();
	return called;
}

#define NR	64

struct batch {
	struct hak_cache *c;
	unsigned int nr;
	void *obj[NR];
};

static void free_batch(void *arg)
{
	struct batch *b = arg;
	unsigned int i;

	for (i = 0; i < b->nr; i++)
		hak_free(b->obj[i]);
}

static struct batch *batch_alloc(struct kunit *test)
{
	struct batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	return b;
}

static void batch_fill(struct kunit *test, struct batch *b, unsigned int nr)
{
	for (; b->nr < nr; b->nr++) {
		b->obj[b->nr] = hak_cache_alloc(b->c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, b->obj[b->nr]);
	}
}

static void free_every_class(struct kunit *test)
{
	struct batch *b = batch_alloc(test);
	unsigned int i;

	for (i = 0; i < HAK_NR_CLASSES; i++) {
		b->obj[b->nr] = hak_alloc(hak_class[i].usable, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, b->obj[b->nr]);
		b->nr++;
	}
	KUNIT_EXPECT_TRUE(test, nmi_here(free_batch, b));
	KUNIT_EXPECT_LE(test, hak_test_event(test, HAK_EV_PUSHED),
			(unsigned long)HAK_NR_CLASSES);
	HAK_EXPECT_EVENT(test, HAK_EV_DEFERRED, 0);
	hak_test_books(test);
}

/*
 * A cache that is ready takes as many objects as it has room for, and the slab
 * gets the rest.
 */
static void a_ready_cache_is_filled(struct kunit *test)
{
	struct batch *b = batch_alloc(test);
	struct hak_cpu_cache *cc;
	unsigned int nr, cap = 8;
	bool called;

	if (want_init_on_free() || hak_cpu_awake_mark != HAK_CPU_READY)
		kunit_skip(test, "init_on_free, trace_ring or paranoid_drain is on");
	b->c = hak_test_cache_cap(test, 64, cap);
	batch_fill(test, b, 20);
	preempt_disable();
	cc = this_cpu_ptr(b->c->cpu);
	nr = cc->nr;
	called = nmi_here(free_batch, b);
	KUNIT_EXPECT_EQ(test, cc->nr, cap);
	KUNIT_EXPECT_TRUE(test, hak_cpu_is_ready(cc));
	KUNIT_EXPECT_PTR_EQ(test, cc->obj[cap - 1], b->obj[cap - nr - 1]);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, called);
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 20 - (cap - nr));
	hak_test_books(test);
}

static void free_in_every_way(void *arg)
{
	struct batch *b = arg;

	hak_cache_free(b->c, b->obj[0]);
	hak_free(b->obj[1]);
	hak_free_bulk(6, b->obj + 2);
	hak_free_sized(b->obj[8], 100);
	hak_free(NULL);
	hak_free(ZERO_SIZE_PTR);
}

static void every_way_to_free(struct kunit *test)
{
	struct batch *b = batch_alloc(test);

	b->c = hak_test_cache(test, 200, 0);
	batch_fill(test, b, 8);
	b->obj[8] = hak_alloc(100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->obj[8]);
	KUNIT_EXPECT_TRUE(test, nmi_here(free_in_every_way, b));
	KUNIT_EXPECT_LE(test, hak_test_event(test, HAK_EV_PUSHED), 9UL);
	hak_test_books(test);
}

/* The next drain finds the pushed objects, and they are used before new space. */
static void pushed_objects_come_next(struct kunit *test)
{
	struct batch *b = batch_alloc(test);
	void *again[5], *freed[5];
	unsigned int i, j, found = 0;

	b->c = hak_test_cache_cap(test, 64, 0);
	batch_fill(test, b, 20);
	memcpy(freed, b->obj + 15, sizeof(freed));
	for (i = 0; i < 5; i++)
		swap(b->obj[i], b->obj[15 + i]);
	b->nr = 5;
	KUNIT_EXPECT_TRUE(test, nmi_here(free_batch, b));
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 5);
	for (i = 0; i < 5; i++) {
		again[i] = hak_cache_alloc(b->c, GFP_KERNEL);
		for (j = 0; j < 5; j++)
			found += again[i] == freed[j];
	}
	KUNIT_EXPECT_EQ(test, found, 5);
	for (i = 0; i < 5; i++)
		hak_free(again[i]);
	for (i = 5; i < 20; i++)
		hak_free(b->obj[i]);
}

static void free_first(void *arg)
{
	struct batch *b = arg;

	hak_free(b->obj[0]);
}

/* A free in NMI publishes a parked slab. */
static void first_free_of_a_parked_slab(struct kunit *test)
{
	struct batch *b = batch_alloc(test);
	unsigned int i, cap;
	struct hak_slab *s;
	void *first, *p;

	b->c = hak_test_cache_cap(test, HAK_CACHE_MAX_SIZE, 0);
	cap = b->c->capacity;
	batch_fill(test, b, cap + 1);
	first = b->obj[0];
	s = hak_test_slab_of(first);
	KUNIT_EXPECT_EQ(test, (int)hak_test_state(s), (int)HAK_PARKED);
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 0);
	KUNIT_EXPECT_TRUE(test, nmi_here(free_first, b));
	KUNIT_EXPECT_EQ(test, (int)hak_test_state(s), (int)HAK_POOLED);
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 1);

	/*
	 * This CPU's slab has this many objects; after them the CPU adopts from
	 * the pool.
	 */
	for (i = 0; i < cap; i++) {
		p = hak_cache_alloc(b->c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		b->obj[i ? b->nr++ : 0] = p;
	}
	KUNIT_EXPECT_PTR_EQ(test, p, first);
	HAK_EXPECT_EVENT(test, HAK_EV_ADOPTED, 1);
	free_batch(b);
}

/*
 * If the last free of a slab comes in NMI, the slab is released without an
 * allocation.
 */
static void last_free(struct kunit *test, unsigned int by_task)
{
	struct batch *b = batch_alloc(test);
	unsigned int i;
	void *last;

	b->c = hak_test_cache_cap(test, HAK_CACHE_MAX_SIZE, 0);
	batch_fill(test, b, b->c->capacity + 1);
	last = b->obj[--b->nr];
	for (i = 0; i < by_task; i++)
		hak_free(b->obj[--b->nr]);
	KUNIT_EXPECT_NOT_NULL(test, hak_test_slab_of(b->obj[0]));
	KUNIT_EXPECT_TRUE(test, nmi_here(free_batch, b));
	for (i = 0; i < 500 && hak_test_slab_of(b->obj[0]); i++)
		hak_test_sleep(10);
	KUNIT_EXPECT_NULL(test, hak_test_slab_of(b->obj[0]));
	hak_free(last);
}

static void last_frees_arm_the_reaper(struct kunit *test)
{
	last_free(test, 0);
	last_free(test, 5);
	last_free(test, 7);
}

/* --- SLUB's objects --- */

/* As in /proc/meminfo, without the changes that CPUs have not added yet. */
static unsigned long slab_pages(void)
{
	return global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);
}

static void slub_objects_wait(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 72, 0);
	unsigned long flags, before, pages = 0;
	struct batch *b = batch_alloc(test);
	unsigned int i, there = 0, kept = 0;
	struct kmem_cache *kc;
	bool called;

	before = slab_pages();
	kc = kmem_cache_create("hak_nmi_test", 96, 0, SLAB_NO_MERGE, NULL);
	KUNIT_ASSERT_NOT_NULL(test, kc);
	for (b->nr = 0; b->nr < NR; b->nr++) {
		i = b->nr;
		if (i % 4 == 0)
			b->obj[i] = hak_alloc(1 << 20, GFP_KERNEL);
		else if (i % 4 == 1)
			b->obj[i] = hak_alloc(2000, GFP_KERNEL);
		else if (i % 8 == 2)
			b->obj[i] = hak_alloc(40, GFP_KERNEL_ACCOUNT);
		else if (i % 8 == 6)
			b->obj[i] = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
		else
			b->obj[i] = kmem_cache_alloc(kc, GFP_KERNEL);
		there += !!b->obj[i];
		pages += i % 4 ? 0 : (1 << 20) / PAGE_SIZE;
	}
	KUNIT_EXPECT_EQ(test, there, NR);
	KUNIT_EXPECT_GT(test, slab_pages(), before + pages / 2);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), (long)NR / 8);

	/*
	 * A work item calls kfree(), and an interrupt queues it, so that does not
	 * happen while interrupts are off.
	 */
	local_irq_save(flags);
	called = nmi_here(free_batch, b);
	for (i = 0; i < NR; i++)
		kept += hak_fallback_owns(b->obj[i]);
	local_irq_restore(flags);
	KUNIT_EXPECT_TRUE(test, called);
	KUNIT_EXPECT_EQ(test, kept, NR);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
	HAK_EXPECT_EVENT(test, HAK_EV_DEFERRED, NR);
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 0);

	hak_fallback_sync();
	KUNIT_EXPECT_LT(test, slab_pages(), before + pages / 2);
	/* The kernel warns of an object that is still live. */
	kmem_cache_destroy(kc);
}

/* As many that wait, and as many large ones before them. */
#define NR_WAITING	2000
#define NR_LARGE	8

struct waiting {
	void *obj[NR_LARGE + NR_WAITING];
};

static void free_waiting(void *arg)
{
	struct waiting *w = arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(w->obj); i++)
		hak_free(w->obj[i]);
}

/*
 * A worker that frees SLUB's objects takes all that wait, and frees first what came last.
 * hak_fallback_sync() has to wait until it has freed what came first: the large objects,
 * whose pages are counted. Otherwise a cache could be destroyed before its last object is
 * freed.
 */
static void sync_waits_for_the_worker(struct kunit *test)
{
	const unsigned long pages = NR_LARGE * ((1UL << 20) / PAGE_SIZE);
	unsigned int round, i, missing = 0, too_early = 0;
	struct waiting *w;

	w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w);
	for (round = 0; round < 10; round++) {
		unsigned long held;
		bool called;

		for (i = 0; i < ARRAY_SIZE(w->obj); i++) {
			w->obj[i] = hak_alloc(i < NR_LARGE ? 1 << 20 : 2000, GFP_KERNEL);
			missing += !w->obj[i];
		}
		held = slab_pages();
		called = nmi_here(free_waiting, w);
		KUNIT_EXPECT_TRUE(test, called);
		if (!called)
			free_waiting(w);
		/* Each time the worker has got a little further. */
		udelay(round * 20);
		hak_fallback_sync();
		/* KASAN keeps the small objects for a while. */
		too_early += slab_pages() > held - pages / 2;
	}
	KUNIT_EXPECT_EQ(test, missing, 0);
	KUNIT_EXPECT_EQ(test, too_early, 0);
	HAK_EXPECT_EVENT(test, HAK_EV_DEFERRED, 10 * ARRAY_SIZE(w->obj));
}

static void fill(void *p)
{
	memset(p, 0x3c, 72);
}

/* Objects of a cache that keeps their contents keep them while they wait, too. */
static void objects_keep_contents_while_they_wait(struct kunit *test)
{
	static const struct hak_cache_args args = { .ctor = fill };
	struct hak_cache *c = hak_test_cache_args(test, 72, &args,
						  SLAB_TYPESAFE_BY_RCU);
	struct batch *b = batch_alloc(test);
	unsigned int i, j, changed = 0;
	unsigned long flags;
	bool called;

	for (b->nr = 0; b->nr < NR; b->nr++) {
		b->obj[b->nr] = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
		KUNIT_ASSERT_NOT_NULL(test, b->obj[b->nr]);
	}
	rcu_read_lock();
	local_irq_save(flags);
	called = nmi_here(free_batch, b);
	local_irq_restore(flags);
	for (i = 0; i < NR; i++)
		for (j = 0; j < 72; j++)
			changed += ((u8 *)b->obj[i])[j] != 0x3c;
	rcu_read_unlock();
	KUNIT_EXPECT_TRUE(test, called);
	KUNIT_EXPECT_EQ(test, changed, 0);
	HAK_EXPECT_EVENT(test, HAK_EV_DEFERRED, NR);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
}

/* More than hakmem serves itself. */
#define SLUBS_SIZE	(HAK_MAX_SIZE + 1)

/**
 * struct asked - what an NMI asks for
 * @c: a cache that holds nothing; its pool has a slab with free objects
 * @owned: a cache that holds nothing; this CPU owns a slab of it with free objects
 * @slubs: an object of SLUB's, which is to grow
 * @p: what it got, one object at a time
 * @bulk: what it got in a bulk call
 * @nr_bulk: how many these are
 */
struct asked {
	struct hak_cache *c, *owned;
	void *slubs;
	void *p[8];
	void *bulk[4];
	unsigned int nr_bulk;
};

static void ask(void *arg)
{
	struct asked *a = arg;

	a->p[0] = hak_cache_alloc(a->c, GFP_ATOMIC);
	a->p[1] = hak_cache_alloc(a->c, GFP_ATOMIC | __GFP_ZERO);
	a->p[2] = hak_cache_alloc_node(a->c, GFP_ATOMIC, numa_mem_id());
	a->p[3] = hak_alloc(HAK_MAX_SIZE + 1, GFP_ATOMIC);
	a->p[4] = hak_alloc(32, GFP_ATOMIC | __GFP_ACCOUNT);
	a->p[5] = hak_alloc_node(32, GFP_ATOMIC | __GFP_ACCOUNT, 0);
	a->p[6] = hak_cache_alloc_node(a->c, GFP_ATOMIC | __GFP_THISNODE, numa_mem_id());
	a->p[7] = hak_realloc(a->slubs, SLUBS_SIZE + PAGE_SIZE, GFP_ATOMIC);
	a->nr_bulk = hak_cache_alloc_bulk(a->owned, GFP_ATOMIC, ARRAY_SIZE(a->bulk), a->bulk);
}

/* Nothing is cached, and neither a slab, the page arena nor SLUB may be asked. */
static void no_memory_in_nmi(struct kunit *test)
{
	struct asked *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	struct hak_slab *s;
	void *p, *q;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, a);
	a->c = hak_test_cache(test, 64, 0);
	s = hak_test_slab(test, a->c);
	KUNIT_ASSERT_EQ(test, hak_slab_take(a->c, s, &p, 1), 1);
	hak_pool_put(s, HAK_OWNED);
	a->owned = hak_test_cache_cap(test, 64, 0);
	q = hak_cache_alloc(a->owned, GFP_KERNEL);
	a->slubs = hak_alloc(SLUBS_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_ASSERT_NOT_NULL(test, a->slubs);
	memset(a->slubs, 0x5a, SLUBS_SIZE);
	memset(a->p, 1, sizeof(a->p));

	KUNIT_ASSERT_TRUE(test, nmi_here(ask, a));
	for (i = 0; i < ARRAY_SIZE(a->p); i++)
		KUNIT_EXPECT_NULL(test, a->p[i]);
	KUNIT_EXPECT_EQ(test, a->nr_bulk, 0);
	HAK_EXPECT_EVENT(test, HAK_EV_ATOMIC, ARRAY_SIZE(a->p) + 1);
	HAK_EXPECT_EVENT(test, HAK_EV_NESTED, 0);
	/* This is the task's own. */
	HAK_EXPECT_EVENT(test, HAK_EV_LARGE, 1);
	HAK_EXPECT_EVENT(test, HAK_EV_FOREIGN, 0);

	if (!a->p[7]) {
		KUNIT_EXPECT_NULL(test, memchr_inv(a->slubs, 0x5a, SLUBS_SIZE));
		hak_free(a->slubs);
	}
	hak_free_bulk(a->nr_bulk, a->bulk);
	for (i = 0; i < ARRAY_SIZE(a->p); i++)
		hak_free(a->p[i]);
	hak_free(q);
	hak_test_push(s, p);
}

static void free_and_ask(void *arg)
{
	struct batch *b = arg;
	void *p;

	free_batch(b);
	p = hak_cache_alloc(b->c, GFP_ATOMIC);
	b->obj[0] = p;
}

/* The owner is inside, so its objects may not be touched. */
static void inside_the_busy_section(struct kunit *test)
{
	struct batch *b = batch_alloc(test);
	struct hak_cpu_cache *cc;
	bool called;

	b->c = hak_test_cache_cap(test, 2048, 8);
	batch_fill(test, b, NR);
	preempt_disable();
	cc = this_cpu_ptr(b->c->cpu);
	hak_cpu_enter(cc);
	called = nmi_here(free_and_ask, b);
	hak_cpu_leave(cc);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, called);
	KUNIT_EXPECT_NULL(test, b->obj[0]);
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, NR);
	HAK_EXPECT_EVENT(test, HAK_EV_ATOMIC, 1);
	hak_test_books(test);
}

static void bad_frees_are_refused(struct kunit *test)
{
	struct batch *b = batch_alloc(test);
	struct hak_class_stats cs;
	void *p;

	b->c = hak_test_cache(test, 64, 0);
	batch_fill(test, b, 1);
	p = b->obj[0];
	b->obj[0] = p + 8;
	b->obj[1] = (void *)0x10000UL;
	b->obj[2] = &storm;
	b->nr = 3;
	KUNIT_EXPECT_TRUE(test, nmi_here(free_batch, b));
	hak_test_provoke(test, HAK_EV_BAD_FREE, 3);
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 0);
	hak_class_stats_read(b->c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live, 1L);
	hak_free(p);
}

/* --- objects that tasks and NMIs take from each other --- */

#define NR_SHARED	128

static atomic_long_t shared[NR_SHARED];

/* Until it is freed, an object's first word holds its own address. */
static unsigned int free_stamped(void *p)
{
	unsigned int error;

	if (!p)
		return 0;
	error = *(void **)p != p;
	*(void **)p = NULL;
	hak_free(p);
	return error;
}

static void *swap_shared(unsigned int i, void *p)
{
	if (p)
		*(void **)p = p;
	return (void *)atomic_long_xchg(&shared[i % NR_SHARED], (long)p);
}

/* Free all of them. Return: the number that were hakmem's own. */
static unsigned int empty_shared(struct kunit *test)
{
	unsigned int i, nr = 0, errors = 0;

	for (i = 0; i < NR_SHARED; i++) {
		void *p = swap_shared(i, NULL);

		nr += p && hak_test_slab_of(p);
		errors += free_stamped(p);
	}
	KUNIT_EXPECT_EQ(test, errors, 0);
	return nr;
}

/* --- while tasks work --- */

#define TICK_NS		100000
#define STORM_OPS	5000	/* per thread, or more, until there were STORM_NMIS */
#define STORM_NMIS	500	/* NMIs, for at most STORM_END */
#define STORM_END	HZ

struct storm {
	struct hak_cache *c;
	unsigned long end;	/* jiffies */
	atomic_t nmis;
	atomic_t inside;	/* NMIs that hit a busy section */
	atomic_t freed;		/* objects of hakmem freed in NMI */
	atomic_t pushed;	/* of these, the ones that were pushed */
	atomic_t deferred;	/* SLUB's */
	atomic_t refused;	/* allocations that returned NULL */
	atomic_t errors;
};

struct storm_timer {
	struct hrtimer timer;
	unsigned int to;
	bool stop;
};

static DEFINE_PER_CPU(struct storm_timer, storm_timer);

static void storm_free(struct storm *s, void *p)
{
	if (!p)
		return;
	atomic_inc(hak_test_slab_of(p) ? &s->freed : &s->deferred);
	if (hak_test_slab_of(p) && hak_cpu_inside(this_cpu_ptr(s->c->cpu)))
		atomic_inc(&s->pushed);
	atomic_add(free_stamped(p), &s->errors);
}

static void storm_nmi(struct storm *s)
{
	unsigned int n = atomic_inc_return(&s->nmis);
	void *p;

	if (hak_cpu_inside(this_cpu_ptr(s->c->cpu)))
		atomic_inc(&s->inside);
	storm_free(s, swap_shared(n, NULL));
	p = hak_cache_alloc(s->c, GFP_ATOMIC);
	if (p)
		storm_free(s, swap_shared(n + NR_SHARED / 2, p));
	else
		atomic_inc(&s->refused);
}

static enum hrtimer_restart storm_tick(struct hrtimer *timer)
{
	struct storm_timer *t = container_of(timer, struct storm_timer, timer);

	if (READ_ONCE(t->stop))
		return HRTIMER_NORESTART;
	apic->send_IPI(t->to, NMI_VECTOR);
	hrtimer_forward_now(timer, ns_to_ktime(TICK_NS));
	return HRTIMER_RESTART;
}

static int storm_thread(void *arg, unsigned int id)
{
	bool first = id < num_online_cpus();
	struct storm_timer *t = this_cpu_ptr(&storm_timer);
	struct storm *s = arg;
	unsigned int i, errors = 0;

	/* The first thread of a CPU runs the timer, which sends to the next CPU. */
	if (first) {
		t->to = hak_test_nth_cpu(id + 1);
		t->stop = false;
		hak_hrtimer_setup_mode(&t->timer, storm_tick, HAK_TEST_HARD_TIMER);
		hrtimer_start(&t->timer, ns_to_ktime(TICK_NS), HAK_TEST_HARD_TIMER);
	}
	for (i = 0; i < STORM_OPS || (atomic_read(&s->nmis) < STORM_NMIS &&
				      time_before(jiffies, s->end)); i++) {
		void *p;

		p = i % 16 ? hak_cache_alloc(s->c, GFP_KERNEL) :
			     hak_alloc(2000, GFP_KERNEL);
		errors += !p;
		errors += free_stamped(swap_shared(i * (2 * id + 1), p));
		/*
		 * The timers' NMIs hit anywhere, but there are only so many per
		 * second.
		 */
		if (i % 64 == 0)
			apic->send_IPI(hak_test_nth_cpu(id + 1), NMI_VECTOR);
		if (i % 256 == 0)
			cond_resched();
	}
	if (first) {
		WRITE_ONCE(t->stop, true);
		hrtimer_cancel(&t->timer);
	}
	return errors;
}

static void nmi_storm(struct kunit *test, unsigned int cap)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct storm *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct hak_class_stats cs;
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, s);
	nr = max(hak_test_nr_threads(), num_online_cpus());
	if (nr > HAK_TEST_MAX_THREADS)
		kunit_skip(test, "more than %u CPUs", HAK_TEST_MAX_THREADS);
	s->c = hak_test_cache_cap(test, 256, cap);
	s->end = jiffies + STORM_END;
	WRITE_ONCE(storm, s);
	KUNIT_EXPECT_EQ(test, hak_test_gang_start(g, nr, storm_thread, s), 0);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), 0);
	/* After this no NMI is on its way. */
	synchronize_rcu();
	WRITE_ONCE(storm, NULL);
	synchronize_rcu();
	hak_fallback_sync();

	KUNIT_EXPECT_EQ(test, atomic_read(&s->errors), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&s->freed), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&s->deferred), 0);
	KUNIT_EXPECT_GE(test, hak_test_event(test, HAK_EV_PUSHED),
			(unsigned long)atomic_read(&s->pushed));
	KUNIT_EXPECT_LE(test, hak_test_event(test, HAK_EV_PUSHED),
			(unsigned long)atomic_read(&s->freed));
	HAK_EXPECT_EVENT(test, HAK_EV_DEFERRED, atomic_read(&s->deferred));
	HAK_EXPECT_EVENT(test, HAK_EV_ATOMIC, atomic_read(&s->refused));
	HAK_EXPECT_EVENT(test, HAK_EV_NESTED, 0);
	hak_class_stats_read(s->c, &cs);
	KUNIT_EXPECT_EQ(test, (long)empty_shared(test), cs.live);
	kunit_info(test, "%d NMIs, %d inside a busy section: %d freed, %lu of them pushed, %d deferred, %d refused\n",
		   atomic_read(&s->nmis), atomic_read(&s->inside),
		   atomic_read(&s->freed), hak_test_event(test, HAK_EV_PUSHED),
		   atomic_read(&s->deferred), atomic_read(&s->refused));
}

static void storm_while_tasks_work(struct kunit *test)
{
	nmi_storm(test, 64);
}

static void storm_with_the_cache_off(struct kunit *test)
{
	nmi_storm(test, 0);
}

static void storm_with_a_small_cache(struct kunit *test)
{
	nmi_storm(test, 2);
}

static int nmi_test_init(struct kunit *test)
{
	/* Each test has a thread of its own, so this need not be undone. */
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	return hak_test_init(test);
}

static int nmi_suite_init(struct kunit_suite *suite)
{
	return register_nmi_handler(NMI_LOCAL, on_nmi, 0, "hak_test");
}

static void nmi_suite_exit(struct kunit_suite *suite)
{
	unregister_nmi_handler(NMI_LOCAL, "hak_test");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(free_every_class),
	KUNIT_CASE(a_ready_cache_is_filled),
	KUNIT_CASE(every_way_to_free),
	KUNIT_CASE(pushed_objects_come_next),
	KUNIT_CASE(first_free_of_a_parked_slab),
	KUNIT_CASE(last_frees_arm_the_reaper),
	KUNIT_CASE(slub_objects_wait),
	KUNIT_CASE(sync_waits_for_the_worker),
	KUNIT_CASE(objects_keep_contents_while_they_wait),
	KUNIT_CASE(no_memory_in_nmi),
	KUNIT_CASE(inside_the_busy_section),
	KUNIT_CASE(bad_frees_are_refused),
	KUNIT_CASE(storm_while_tasks_work),
	KUNIT_CASE(storm_with_the_cache_off),
	KUNIT_CASE(storm_with_a_small_cache),
	{}
};

static struct kunit_suite hak_nmi_suite = {
	.name = "hak_nmi",
	.suite_init = nmi_suite_init,
	.suite_exit = nmi_suite_exit,
	.init = nmi_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_nmi_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: non-maskable interrupts");
MODULE_LICENSE("GPL");
