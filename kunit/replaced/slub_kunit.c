// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's test of SLUB, as far as it tests what kmem_cache promises: objects
 * given to kfree_rcu() just before their cache is destroyed, by the caller or by a
 * work item, and kmalloc() with kfree() and kfree_rcu(). The rest looks for what
 * SLUB's debugging says of broken objects; it is compiled, and not run.
 */
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/slab.h>
#include <../mm/slab.h>

#define HAKMEM_REPLACE_KMALLOC
#include "hakmem_replace.h"

/**
 * struct api_cache - a cache with the fields of SLUB's that the test writes to
 * @hak: the cache
 * @flags: written, without effect
 * @offset: read by tests that are not run
 */
struct api_cache {
	struct hak_cache *hak;
	slab_flags_t flags;
	unsigned int offset;
};

/* Flags that SLUB's debugging needs, and those for its own use, are left out. */
static struct api_cache *api_cache_create(const char *name, unsigned int size,
					  unsigned int align, slab_flags_t flags,
					  void (*ctor)(void *))
{
	struct api_cache *s = hak_zalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->hak = hak_cache_create(name, size, align, flags & SLAB_NO_MERGE, ctor);
	if (!s->hak) {
		hak_free(s);
		return NULL;
	}
	return s;
}

static void api_cache_destroy(struct api_cache *s)
{
	hak_cache_destroy(s->hak);
	hak_free(s);
}

#undef kmem_cache
#define kmem_cache api_cache
#undef kmem_cache_create
#define kmem_cache_create api_cache_create
#undef kmem_cache_destroy
#define kmem_cache_destroy api_cache_destroy
#undef kmem_cache_alloc
#define kmem_cache_alloc(s, gfp) hak_cache_alloc((s)->hak, gfp)
#undef kmem_cache_free
#define kmem_cache_free(s, p) hak_cache_free((s)->hak, p)
#undef __kmalloc_cache_noprof
#define __kmalloc_cache_noprof(s, gfp, size) hak_cache_alloc((s)->hak, gfp)
#define validate_slab_cache(s) ((void)(s))

/* Not all of its cases are run. */
#undef kunit_test_suite
#define kunit_test_suite(suite) \
	static struct kunit_suite *hak_theirs __maybe_unused = &(suite)

#include HAK_SLUB_KUNIT

/* The test is there only if what it is called from can be. */
#if !defined(CONFIG_PERF_EVENTS) && !defined(CONFIG_KPROBES)
#undef HAK_HAS_KMALLOC
#endif

#ifdef HAK_HAS_KMALLOC
static void kmalloc_and_friends(struct kunit *test)
{
	test_kmalloc_and_friends();
}
#endif

static struct kunit_case hak_cases[] = {
	KUNIT_CASE(test_kfree_rcu),
#ifdef HAK_HAS_WQ_DESTROY
	KUNIT_CASE(test_kfree_rcu_wq_destroy),
#endif
#ifdef HAK_HAS_KMALLOC
	KUNIT_CASE(kmalloc_and_friends),
#endif
	{}
};

static struct kunit_suite hak_slub_suite = {
	.name = "slub_on_hakmem",
	.init = test_init,
	.test_cases = hak_cases,
};

kunit_test_suites(&hak_slub_suite);
