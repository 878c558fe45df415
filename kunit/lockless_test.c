// SPDX-License-Identifier: GPL-2.0
/*
 * hak_free() takes no lock. lockdep tells of each lock that is acquired, by a trace
 * event, so this listens to it while objects of all kinds are freed. A kernel without
 * lockdep skips it; the suite magazine has what lock_stats says of hakmem's own locks.
 */
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "hak_test.h"

#define NR	3000

/* Locks that this task has acquired since it began to listen. */
static struct {
	struct task_struct *task;
	unsigned int nr;
	const char *name;	/* the last one's */
} heard;

#ifdef CONFIG_LOCKDEP
/* RCU's read side is no lock, but lockdep keeps its books of it. */
static void on_acquire(void *data, struct lockdep_map *lock, unsigned int subclass,
		       int trylock, int read, int check, struct lockdep_map *next,
		       unsigned long ip)
{
	if (READ_ONCE(heard.task) != current || in_hardirq() || in_nmi() ||
	    !lock->name || strstarts(lock->name, "rcu_read_lock"))
		return;
	heard.nr++;
	heard.name = lock->name;
}
#else
static void on_acquire(void)
{
}
#endif

static struct tracepoint *acquire;

static void look_for_acquire(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "lock_acquire"))
		acquire = tp;
}

static int lockless_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "needs lockdep");
	for_each_kernel_tracepoint(look_for_acquire, NULL);
	if (!acquire || tracepoint_probe_register(acquire, on_acquire, NULL))
		return -ENODEV;
	return hak_test_init(test);
}

static void lockless_exit(struct kunit *test)
{
	if (!test->priv)
		return;
	tracepoint_probe_unregister(acquire, on_acquire, NULL);
	tracepoint_synchronize_unregister();
	hak_test_exit(test);
}

/* Interrupts are off meanwhile, so that what is heard is the caller's. */
static unsigned long listen(void)
{
	unsigned long flags;

	local_irq_save(flags);
	heard.nr = 0;
	heard.name = NULL;
	WRITE_ONCE(heard.task, current);
	return flags;
}

static void hear_nothing(struct kunit *test, unsigned long flags, const char *what)
{
	WRITE_ONCE(heard.task, NULL);
	local_irq_restore(flags);
	if (heard.nr)
		kunit_info(test, "%s: %u locks taken, the last one %s\n", what, heard.nr,
			   heard.name);
	KUNIT_EXPECT_EQ(test, heard.nr, 0U);
}

/* Or else the others could not fail. */
static void a_lock_is_heard(struct kunit *test)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;

	flags = listen();
	raw_spin_lock(&lock);
	raw_spin_unlock(&lock);
	WRITE_ONCE(heard.task, NULL);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, heard.nr, 1U);
}

static void **allocate(struct kunit *test, struct hak_cache *c, struct hak_cpu_cache *cc)
{
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < NR; i++) {
		obj[i] = cc ? hak_test_alloc(test, c, cc) : hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
	return obj;
}

/* In small portions, as interrupts are off. */
static void free_and_listen(struct kunit *test, struct hak_cache *c, void **obj, bool bulk)
{
	unsigned int i, j, step = 60;

	for (i = 0; i < NR; i += step) {
		unsigned long flags = listen();

		if (bulk)
			hak_cache_free_bulk(c, step, obj + i);
		for (j = 0; j < step && !bulk; j++)
			hak_free(obj[i + j]);
		hear_nothing(test, flags, bulk ? "bulk" : "single");
	}
}

static void frees_with(struct kunit *test, unsigned int cap)
{
	struct hak_cache *c = hak_test_cache_cap(test, 256, cap);
	unsigned int i;

	BUILD_BUG_ON(NR % 60);
	/* Of slabs of this CPU: they are cached, and spilled. */
	for (i = 0; i < 2; i++)
		free_and_listen(test, c, allocate(test, c, NULL), i);
	/*
	 * Of slabs of another: they are sent, and pushed; slabs that are parked are
	 * published, and those that are whole are queued for the reaper.
	 */
	for (i = 0; i < 2; i++)
		free_and_listen(test, c, allocate(test, c, hak_test_cpu(test, c, 8)), i);
}

static void frees(struct kunit *test)
{
	frees_with(test, 64);
}

static void frees_with_the_cache_off(struct kunit *test)
{
	frees_with(test, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_lock_is_heard),
	KUNIT_CASE(frees),
	KUNIT_CASE(frees_with_the_cache_off),
	{}
};

static struct kunit_suite hak_lockless_suite = {
	.name = "hak_lockless",
	.init = lockless_init,
	.exit = lockless_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_lockless_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: no lock in hak_free()");
MODULE_LICENSE("GPL");
