/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The common part of the suites: private caches, pretended CPUs, and the check of
 * the statistics that ends every test.
 *
 * A test plays several CPUs from one task. Each pretended CPU is a struct
 * hak_cpu_cache of its own, which the test passes to the core's functions. The
 * private caches are hidden from the reaper, so a slab is released only when the
 * test says so.
 */
#ifndef _HAK_TEST_H
#define _HAK_TEST_H

#include <kunit/test.h>
#include <linux/kconfig.h>
#include <linux/list.h>

#include "core.h"
#ifndef __KERNEL__
#include "shim.h"
#endif

#define HAK_TEST_MAX	16

/**
 * struct hak_test - fixture of a test, in kunit.priv
 * @event: counters at the start
 * @expected: how much of each event the test provokes
 * @cache: private caches
 * @shown: true if the reaper knows cache[i]
 * @nr_caches: how many
 * @cpu: pretended CPUs
 * @cpu_cache: the cache that cpu[i] belongs to
 * @nr_cpus: how many
 * @live: live objects of all caches at the start
 * @fast_cap: the parameter
 */
struct hak_test {
	unsigned long event[HAK_NR_EVENTS];
	unsigned long expected[HAK_NR_EVENTS];
	struct hak_cache *cache[HAK_TEST_MAX];
	bool shown[HAK_TEST_MAX];
	unsigned int nr_caches;
	struct hak_cpu_cache *cpu[HAK_TEST_MAX];
	struct hak_cache *cpu_cache[HAK_TEST_MAX];
	unsigned int nr_cpus;
	unsigned long live;
	unsigned int fast_cap;
};

/**
 * hak_test_rounds() - how often a test repeats a race
 * @n: how often it does so where nothing slows it down
 *
 * Under KASAN a round takes ten times as long, and an access that is not allowed is
 * found in any round. The races themselves are the business of the other kernels.
 */
static inline unsigned int hak_test_rounds(unsigned int n)
{
	return IS_ENABLED(CONFIG_KASAN) ? n / 8 : n;
}

int hak_test_init(struct kunit *test);
int hak_test_init_cached(struct kunit *test);
void hak_test_exit(struct kunit *test);

struct hak_cache *hak_test_cache(struct kunit *test, unsigned int size,
				 unsigned int align);
struct hak_cache *hak_test_cache_args(struct kunit *test, unsigned int size,
				      const struct hak_cache_args *args,
				      slab_flags_t flags);
struct hak_cache *hak_test_cache_shown(struct kunit *test, unsigned int size,
				       unsigned int align);
struct hak_cache *hak_test_cache_cap(struct kunit *test, unsigned int size,
				     unsigned int cap);
struct hak_cpu_cache *hak_test_cpu(struct kunit *test, struct hak_cache *c,
				   unsigned int cap);
struct hak_cpu_cache *hak_test_cpu_sending(struct kunit *test,
					   struct hak_cache *c, unsigned int cap);
struct hak_cpu_cache *hak_test_cpu_outbox(struct kunit *test,
					  struct hak_cache *c, unsigned int cap);
struct hak_slab *hak_test_slab(struct kunit *test, struct hak_cache *c);
void *hak_test_alloc(struct kunit *test, struct hak_cache *c,
		     struct hak_cpu_cache *cc);
void hak_test_free(struct hak_cache *c, struct hak_cpu_cache *cc, void *p);
void hak_test_alloc_many(struct kunit *test, struct hak_cache *c,
			 struct hak_cpu_cache *cc, void **obj, unsigned int n);
void hak_test_free_many(struct hak_cache *c, struct hak_cpu_cache *cc, void **obj,
			unsigned int n);
void hak_test_push(struct hak_slab *s, void *p);
void hak_test_give(struct hak_slab *s, void *p);
unsigned int hak_test_reap(struct hak_cache *c);
unsigned long hak_test_live(void);
unsigned long hak_test_event(struct kunit *test, enum hak_event ev);
void hak_test_books(struct kunit *test);

/* The slab that @p lies in; NULL if it lies in no slab of hakmem. */
static inline struct hak_slab *hak_test_slab_of(const void *p)
{
	return hak_slab_of(p);
}

static inline enum hak_slab_state hak_test_state(struct hak_slab *s)
{
	return hak_rc_state(atomic_read(&s->rc));
}

static inline unsigned int hak_test_freed(struct hak_slab *s)
{
	return (u32)atomic_read(&s->rc) >> HAK_FREED_SHIFT;
}

/* The number of objects in a chain of links. */
static inline unsigned int hak_test_chain_len(struct llist_node *n)
{
	unsigned int i;

	for (i = 0; n; n = n->next)
		i++;
	return i;
}

/* Expect @n events @ev. If the count is another at the end, the test fails. */
static inline void hak_test_provoke(struct kunit *test, enum hak_event ev,
				    unsigned long n)
{
	struct hak_test *t = test->priv;

	t->expected[ev] += n;
}

/*
 * Does a free of @p, which is in no slab, go to SLUB unseen? In userspace it does, unless
 * @p is in the arena: any other address may be a block of the C library.
 */
static inline bool hak_test_may_be_slubs(const void *p)
{
#ifdef __KERNEL__
	return false;
#else
	return virt_addr_valid(p) &&
	       (unsigned long)p - shim_arena.base >= shim_arena.bytes;
#endif
}

#define HAK_EXPECT_EVENT(test, ev, n) \
	KUNIT_EXPECT_EQ(test, hak_test_event(test, ev), (unsigned long)(n))

#endif /* _HAK_TEST_H */
