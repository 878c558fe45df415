// SPDX-License-Identifier: GPL-2.0
/*
 * Frees in NMI between any two instructions of hakmem, above all in the owner's
 * busy section. One test frees after each instruction of an operation in turn,
 * another at intervals. For that, code is single-stepped, and the free is made in
 * the debug exception, which the kernel treats as an NMI. Other tests do there what
 * another CPU may do at that time.
 */
#include <linux/kdebug.h>
#include <linux/kfence.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/string.h>

#include <asm/processor-flags.h>

#include "hak_test.h"

/* The objects that may be freed between two instructions. */
#define NR_SLOTS	128

static atomic_long_t slot[NR_SLOTS];

static void *swap_slot(unsigned int i, void *p)
{
	if (p)
		*(void **)p = p;
	return (void *)atomic_long_xchg(&slot[i % NR_SLOTS], (long)p);
}

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

#define HITS_A_ROUND	(NR_SLOTS / 2)

static struct {
	struct task_struct *task;
	struct hak_cpu_cache *cc;
	void (*then)(void);	/* called once, instead of a free */
	unsigned int stride;
	bool once;		/* what follows the first free is not stepped */
	unsigned long steps;	/* instructions of modules */
	unsigned long hits;	/* frees between two instructions */
	unsigned long busy;	/* those inside the busy section */
	unsigned long errors;
} step;

static int on_step(struct notifier_block *nb, unsigned long what, void *data)
{
	struct die_args *args = data;
	void *p;

	if (what != DIE_DEBUG || READ_ONCE(step.task) != current)
		return NOTIFY_DONE;
	if (args->regs->ip < MODULES_VADDR || args->regs->ip >= MODULES_END ||
	    ++step.steps % step.stride)
		return NOTIFY_STOP;

	if (step.once)
		args->regs->flags &= ~X86_EFLAGS_TF;
	if (step.then) {
		if (!step.hits++)
			step.then();
		return NOTIFY_STOP;
	}
	p = swap_slot(step.hits, NULL);
	if (p) {
		step.hits++;
		step.busy += hak_cpu_inside(step.cc);
		step.errors += !in_nmi();
		step.errors += free_stamped(p);
	}
	return NOTIFY_STOP;
}

static struct notifier_block step_nb = { .notifier_call = on_step };

/* Set the trap flag, which makes every instruction end in a debug exception. */
static noinline void trap_flag_on(void)
{
	asm volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq"
		     : : "i" (X86_EFLAGS_TF) : "memory", "cc");
}

static noinline void trap_flag_off(void)
{
	asm volatile("pushfq\n\tandq %0, (%%rsp)\n\tpopfq"
		     : : "i" (~X86_EFLAGS_TF) : "memory", "cc");
}

static void step_begin(struct hak_cache *c, unsigned int stride)
{
	preempt_disable();
	step.cc = this_cpu_ptr(c->cpu);
	step.stride = stride;
	step.steps = 0;
	step.hits = 0;
	WRITE_ONCE(step.task, current);
	trap_flag_on();
}

static void step_end(void)
{
	trap_flag_off();
	WRITE_ONCE(step.task, NULL);
	preempt_enable();
}

/*
 * Of @n frees, those inside the busy section were pushed; the others may have
 * been.
 */
static void expect_pushes(struct kunit *test, unsigned long n)
{
	KUNIT_EXPECT_GE(test, hak_test_event(test, HAK_EV_PUSHED), step.busy);
	KUNIT_EXPECT_LE(test, hak_test_event(test, HAK_EV_PUSHED), n);
}

/* Will the next allocation on this CPU have to go beyond its slab? */
static bool nothing_left(struct hak_cache *c)
{
	struct hak_cpu_cache *cc = raw_cpu_ptr(c->cpu);
	struct hak_slab *s = cc->cur;

	return !cc->nr && s && !s->freelist && !s->drained &&
	       llist_empty(&s->remote) && s->bump == c->capacity;
}

#define NR	64

struct batch {
	struct hak_cache *c;
	unsigned int nr;
	void *obj[NR];
};

static void one_alloc(struct batch *b)
{
	b->obj[b->nr++] = hak_cache_alloc(b->c, GFP_NOWAIT);
}

static void one_free(struct batch *b)
{
	hak_cache_free(b->c, b->obj[--b->nr]);
}

/* Another CPU frees an object: it waits in the slab's remote list. */
static void push_one(struct batch *b)
{
	void *p = b->obj[--b->nr];

	hak_test_push(hak_test_slab_of(p), p);
}

/* The role of the cache's magazines in the operation. */
enum magazines {
	NONE,		/* there are no magazines; the slab serves */
	HOME,		/* a free sends one */
	ON_THE_WAY,	/* an allocation receives one */
};

static void no_magazines(struct hak_cache *c)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		per_cpu_ptr(c->cpu, cpu)->mags = 0;
}

/*
 * Either make the depot empty, or put one magazine into it and empty this CPU's
 * cache.
 */
static void set_magazines(struct kunit *test, struct batch *b,
			  enum magazines where)
{
	struct hak_cpu_cache *cc = raw_cpu_ptr(b->c->cpu);
	int nid;

	for_each_node(nid)
		hak_depot_flush(b->c, nid);
	/* Only objects from another CPU's slabs are sent. */
	WRITE_ONCE(hak_test_slab_of(b->obj[0])->entry->owner_tag, 0);
	if (where != ON_THE_WAY)
		return;
	while (!hak_magazine_objects(cc))
		one_free(b);
	while (cc->nr)
		one_alloc(b);
	KUNIT_ASSERT_GT(test, hak_magazine_objects(cc), 0);
}

/*
 * How far the NMI moves from one time to the next, in instructions. With lockdep most
 * of them are lockdep's, so it skips some; and more with KCSAN, which makes a call of each
 * access. With KASAN or KCSAN there are ten times as many where each operation drains the
 * slabs of all caches. With trace events half of them write events; an operation has several,
 * so each place of that code is met in one or another.
 */
static unsigned int nmi_stride(void)
{
	if ((IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN)) && hak_paranoid_drain)
		return 37;
	if (IS_ENABLED(CONFIG_KCSAN))
		return 17;
	if (IS_ENABLED(CONFIG_LOCKDEP))
		return 5;
	return static_key_enabled(&hak_tracing) ? 3 : 1;
}

/*
 * The operation is an allocation that has to drain the @waiting frees of this
 * CPU's slab, or to park the slab if there are none; or it is a free that finds
 * no room in the cache. An NMI frees an object of that slab after each
 * instruction in turn.
 */
static void every_instruction(struct kunit *test, void (*op)(struct batch *b),
			      unsigned int waiting, unsigned int cap,
			      enum magazines where)
{
	unsigned int skip = nmi_stride();
	struct batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct hak_cache *c = hak_test_cache_cap(test, 4096, cap);
	unsigned long at = 1, n = 0;
	struct hak_class_stats cs;
	struct hak_slab *s;
	unsigned int i;
	bool hit;

	KUNIT_ASSERT_NOT_NULL(test, b);
	memset(&step, 0, sizeof(step));
	step.once = true;
	b->c = c;
	if (where == NONE)
		no_magazines(c);
	KUNIT_ASSERT_GE(test, hak_superslab_grow(hak_node_near(numa_mem_id()),
						 GFP_KERNEL), 0);
	do {
		do {
			one_alloc(b);
		} while (!nothing_left(c) && b->nr < NR);
		KUNIT_ASSERT_TRUE(test, nothing_left(c));
		s = hak_test_slab_of(b->obj[--b->nr]);
		swap_slot(0, b->obj[b->nr]);
		for (i = 0; i < waiting; i++)
			push_one(b);
		set_magazines(test, b, where);
		while (op == one_free && raw_cpu_ptr(c->cpu)->nr < cap)
			one_free(b);

		step_begin(c, at);
		op(b);
		step_end();

		hit = step.hits;
		n += hit;
		at += skip;
		hak_class_stats_read(c, &cs);
		KUNIT_ASSERT_EQ(test, cs.live, (long)b->nr + !hit);
		KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
		KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 0UL);
		hak_free(swap_slot(0, NULL));
		while (b->nr)
			one_free(b);
	} while (hit);
	expect_pushes(test, n);
	KUNIT_EXPECT_EQ(test, step.errors, 0);
	/* Where instructions are skipped, few of those in the busy section are left. */
	KUNIT_EXPECT_GT(test, step.busy, skip == 1 ? 5 : 0);
	kunit_info(test, "after %lu instructions, %lu of them in the busy section\n",
		   n, step.busy);
}

static void while_a_slab_is_parked(struct kunit *test)
{
	every_instruction(test, one_alloc, 0, 0, NONE);
}

static void while_a_slab_is_drained(struct kunit *test)
{
	every_instruction(test, one_alloc, 1, 0, NONE);
}

static void while_many_are_drained(struct kunit *test)
{
	every_instruction(test, one_alloc, 5, 8, NONE);
}

static void while_a_cache_is_refilled(struct kunit *test)
{
	every_instruction(test, one_alloc, 0, 2, NONE);
}

static void while_a_cache_is_spilled(struct kunit *test)
{
	every_instruction(test, one_free, 0, 2, NONE);
}

static void while_an_object_is_given_back(struct kunit *test)
{
	every_instruction(test, one_free, 0, 0, NONE);
}

static void while_a_magazine_is_sent(struct kunit *test)
{
	every_instruction(test, one_free, 0, 2, HOME);
}

static void while_a_magazine_is_received(struct kunit *test)
{
	every_instruction(test, one_alloc, 0, 2, ON_THE_WAY);
}

/* The pretended CPU whose magazine is being received. */
static struct {
	struct hak_cache *c;
	struct hak_cpu_cache *cc;
	void *obj;
} sender;

/* Free one object more than its cache has room for. */
static void send_again(void)
{
	hak_test_free(sender.c, sender.cc, sender.obj);
}

static unsigned int nr_equal(void **obj, unsigned int n)
{
	unsigned int i, j, equal = 0;

	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			equal += obj[i] == obj[j];
	return equal;
}

#define SEND_CAP	4
#define SEND_NR		(SEND_CAP + SEND_CAP / 2 + 1)

/* Give the sender @b a batch in the depot, a full cache, and one object more. */
static void fill_sender(struct kunit *test, struct hak_cache *c,
			struct hak_cpu_cache *b)
{
	void *obj[SEND_NR];
	unsigned int i;

	for (i = 0; i < SEND_NR; i++) {
		obj[i] = hak_cache_alloc(c, GFP_NOWAIT);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		WRITE_ONCE(hak_test_slab_of(obj[i])->entry->owner_tag, 0);
	}
	preempt_disable();
	hak_cpu_flush(c, raw_cpu_ptr(c->cpu));
	preempt_enable();
	for (i = 0; i < SEND_NR - 1; i++)
		hak_test_free(c, b, obj[i]);
	KUNIT_ASSERT_EQ(test, b->nr, SEND_CAP);
	KUNIT_ASSERT_EQ(test, hak_magazine_objects(b), SEND_CAP / 2);
	sender.c = c;
	sender.cc = b;
	sender.obj = obj[SEND_NR - 1];
}

/*
 * After each instruction of a receipt in turn, the sender fills and sends its
 * only magazine as soon as that is empty. No object may be allocated twice or
 * lost.
 */
static void while_a_magazine_is_received_its_cpu_sends(struct kunit *test)
{
	unsigned int i, skip = nmi_stride();
	struct hak_cache *c = hak_test_cache_cap(test, 4096, SEND_CAP);
	struct hak_cpu_cache *cc, *b = hak_test_cpu(test, c, SEND_CAP);
	unsigned long at = 1, sent = 0;
	void *obj[SEND_NR], *p;
	bool hit;

	memset(&step, 0, sizeof(step));
	step.once = true;
	hak_cpu_cache_init(b, c, SEND_CAP, 1);
	KUNIT_ASSERT_GE(test, hak_superslab_grow(hak_node_near(numa_mem_id()),
						 GFP_KERNEL), 0);
	cc = raw_cpu_ptr(c->cpu);
	do {
		fill_sender(test, c, b);
		step.then = send_again;

		i = b->sends;
		step_begin(c, at);
		p = hak_cache_alloc(c, GFP_NOWAIT);
		step_end();

		hit = step.hits;
		sent += b->sends - i;
		at += skip;
		if (!hit)
			send_again();
		KUNIT_ASSERT_NOT_NULL(test, p);
		/* All objects except those that the sender spilled. */
		hak_cache_free(c, p);
		for (i = 0; i < SEND_NR; i++) {
			obj[i] = hak_cache_alloc(c, GFP_NOWAIT);
			KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		}
		KUNIT_ASSERT_EQ(test, nr_equal(obj, SEND_NR), 0);
		for (i = 0; i < SEND_NR; i++)
			hak_cache_free(c, obj[i]);
		preempt_disable();
		hak_cpu_flush(c, b);
		hak_cpu_flush(c, cc);
		preempt_enable();
		for_each_node(i)
			hak_depot_flush(c, i);
		hak_test_books(test);
	} while (hit);
	KUNIT_EXPECT_GT(test, sent, 0);
	kunit_info(test, "%lu instructions, sent after %lu of them\n", at / skip, sent);
}

/* The object that is being freed, and its cache. */
static struct {
	struct hak_cache *c;
	void *obj;
} twice;

static void free_again(void)
{
	hak_cache_free(twice.c, twice.obj);
}

/*
 * An object that SLUB serves. It is none of KFENCE's, which would report the second free as
 * a use of memory that was freed.
 */
static void *slubs(struct hak_cache *c)
{
	void *p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);

	while (is_kfence_address(p)) {
		hak_cache_free(c, p);
		p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	}
	return p;
}

/*
 * After each instruction of a free of an object that SLUB served in turn, an NMI frees the
 * same object. One of the two frees it, and the other is refused.
 */
static void while_slubs_object_is_freed(struct kunit *test)
{
	unsigned int skip = nmi_stride();
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	unsigned long at = 1, n = 0;
	void *live;
	bool hit;

	memset(&step, 0, sizeof(step));
	step.once = true;
	step.then = free_again;
	/* While this one is live, SLUB keeps the memory of the others. */
	live = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	KUNIT_ASSERT_NOT_NULL(test, live);
	twice.c = c;
	do {
		twice.obj = slubs(c);
		KUNIT_ASSERT_NOT_NULL(test, twice.obj);
		KUNIT_ASSERT_NULL(test, hak_test_slab_of(twice.obj));

		step_begin(c, at);
		hak_cache_free(c, twice.obj);
		step_end();

		hit = step.hits;
		n += hit;
		at += skip;
		/* The NMI's free may still have to call kfree(). */
		hak_fallback_sync();
		KUNIT_ASSERT_EQ(test, hak_test_event(test, HAK_EV_BAD_FREE), n);
		KUNIT_ASSERT_EQ(test, hak_fallback_live(c), 1L);
	} while (hit);
	hak_test_provoke(test, HAK_EV_BAD_FREE, n);
	hak_cache_free(c, live);
	KUNIT_EXPECT_GT(test, n, 0);
	kunit_info(test, "after %lu instructions\n", n);
}

/* Exchange objects until there were HITS_A_ROUND frees in NMI. */
static void many_frees_round(struct hak_cache *c, unsigned int stride)
{
	unsigned int i;

	step_begin(c, stride);
	for (i = 0; i < 10000 && READ_ONCE(step.hits) < HITS_A_ROUND; i++) {
		void *p = hak_cache_alloc(c, GFP_NOWAIT);

		step.errors += !p;
		/* Use a slot far from those that the frees use. */
		step.errors += free_stamped(swap_slot(i + step.hits + HITS_A_ROUND, p));
	}
	step_end();
}

static void many_frees(struct kunit *test, unsigned int cap)
{
	static const unsigned int strides[] = { 1, 2, 3, 5, 11, 37, 101 };
	struct hak_cache *c = hak_test_cache_cap(test, 4096, cap);
	unsigned int i, j, rounds = 3;
	unsigned long n = 0;

	memset(&step, 0, sizeof(step));
	KUNIT_ASSERT_GE(test, hak_superslab_grow(hak_node_near(numa_mem_id()),
						 GFP_KERNEL), 0);
	for (i = 0; i < rounds * ARRAY_SIZE(strides); i++) {
		for (j = 0; j < NR_SLOTS; j++)
			free_stamped(swap_slot(j, hak_cache_alloc(c, GFP_KERNEL)));
		many_frees_round(c, strides[i / rounds]);
		KUNIT_EXPECT_GE(test, step.hits, HITS_A_ROUND);
		n += step.hits;
		for (j = 0; j < NR_SLOTS; j++)
			step.errors += free_stamped(swap_slot(j, NULL));
		hak_test_books(test);
	}
	expect_pushes(test, n);
	KUNIT_EXPECT_EQ(test, step.errors, 0);
	KUNIT_EXPECT_GT(test, step.busy, 5);
	KUNIT_EXPECT_GT(test, hak_test_event(test, HAK_EV_PARKED), 0);
	KUNIT_EXPECT_GT(test, hak_test_event(test, HAK_EV_ADOPTED), 0);
	kunit_info(test, "%lu frees, %lu of them inside the busy section\n",
		   n, step.busy);
}

static void many_frees_between_instructions(struct kunit *test)
{
	many_frees(test, 0);
}

static void many_frees_with_a_small_cache(struct kunit *test)
{
	many_frees(test, 2);
}

static int step_test_init(struct kunit *test)
{
	/* Each test has a thread of its own, so this need not be undone. */
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	return hak_test_init(test);
}

static int step_suite_init(struct kunit_suite *suite)
{
	return register_die_notifier(&step_nb);
}

static void step_suite_exit(struct kunit_suite *suite)
{
	unregister_die_notifier(&step_nb);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(while_a_slab_is_parked),
	KUNIT_CASE(while_a_slab_is_drained),
	KUNIT_CASE(while_many_are_drained),
	KUNIT_CASE(while_a_cache_is_refilled),
	KUNIT_CASE(while_a_cache_is_spilled),
	KUNIT_CASE(while_an_object_is_given_back),
	KUNIT_CASE(while_a_magazine_is_sent),
	KUNIT_CASE(while_a_magazine_is_received),
	KUNIT_CASE(while_a_magazine_is_received_its_cpu_sends),
	KUNIT_CASE(while_slubs_object_is_freed),
	KUNIT_CASE(many_frees_between_instructions),
	KUNIT_CASE(many_frees_with_a_small_cache),
	{}
};

static struct kunit_suite hak_step_suite = {
	.name = "hak_step",
	.suite_init = step_suite_init,
	.suite_exit = step_suite_exit,
	.init = step_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_step_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: frees in NMI between two instructions");
MODULE_LICENSE("GPL");
