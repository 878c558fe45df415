// SPDX-License-Identifier: GPL-2.0
/*
 * Memory fails at every point of a superslab's growth, of a refill, of a bulk
 * call, and of a cache's creation. Each time the error comes back, nothing is
 * lost or wrongly counted as given back, and the operation works once there is
 * memory. The linker wraps the allocator underneath to count live blocks; other CPUs seem to do
 * something meanwhile. Linked without the malloc front end.
 */
#include "test.h"

#include <linux/irq_work.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "core.h"
#include "shim.h"

#define ENOUGH	1000	/* more points than there are */
#define MANY	3000

void *__real_kmalloc(size_t size, gfp_t gfp);
void *__wrap_kmalloc(size_t size, gfp_t gfp);
void __real_kfree(const void *p);
void __wrap_kfree(const void *p);
void *__real_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp);
void *__wrap_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp);
void __real_kmem_cache_free(struct kmem_cache *s, void *p);
void __wrap_kmem_cache_free(struct kmem_cache *s, void *p);
int __real_kmem_cache_shrink(struct kmem_cache *s);
int __wrap_kmem_cache_shrink(struct kmem_cache *s);
bool __real_shim_cancel_work(struct work_struct *work, bool sync);
bool __wrap_shim_cancel_work(struct work_struct *work, bool sync);

/* Live blocks; those given to kfree_rcu() stay live for ever. */
static long out;

/* The end of a string, which another CPU overwrites as memory is allocated. */
static char *overwrite;

void *__wrap_kmalloc(size_t size, gfp_t gfp)
{
	void *p = __real_kmalloc(size, gfp);

	if (overwrite)
		*overwrite = '-';
	overwrite = NULL;
	out += !ZERO_OR_NULL_PTR(p);
	return p;
}

void __wrap_kfree(const void *p)
{
	out -= !ZERO_OR_NULL_PTR(p);
	__real_kfree(p);
}

void *__wrap_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	void *p = __real_kmem_cache_alloc(s, gfp);

	out += !!p;
	return p;
}

void __wrap_kmem_cache_free(struct kmem_cache *s, void *p)
{
	out -= !!p;
	__real_kmem_cache_free(s, p);
}

/* The cache that was shrunk last, and how many were. */
static struct kmem_cache *shrunk;
static unsigned int shrinks;

int __wrap_kmem_cache_shrink(struct kmem_cache *s)
{
	shrunk = s;
	shrinks++;
	return __real_kmem_cache_shrink(s);
}

/* What another CPU frees as the work of this one is about to be cancelled. */
static void *free_late;

bool __wrap_shim_cancel_work(struct work_struct *work, bool sync)
{
	struct hak_deferred *d = raw_cpu_ptr(hak_deferred);
	void *p = free_late;

	if (p && work == &d->work) {
		free_late = NULL;
		shim_set_context(SHIM_NMI);
		hak_free(p);
		shim_set_context(SHIM_TASK);
		irq_work_sync(&d->irq);
	}
	return __real_shim_cancel_work(work, sync);
}

static void forget_failure(void)
{
	WRITE_ONCE(hak_node[0]->failed, 0);
}

/* Use all slots of all superslabs; none is empty. */
static void use_up_slots(void)
{
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
}

static void test_growth(void **state)
{
	u64 bytes, returned;
	unsigned int n;
	long before;
	int err = -1;

	use_up_slots();
	bytes = hak_arena_bytes();
	for (n = 0; n < ENOUGH && err; n++) {
		before = out;
		returned = hak_arena_returned();
		forget_failure();
		shim_fail_kmalloc_after(n % 8);
		shim_fail_pages_after(n < 8 ? -1 : n - 8);
		err = hak_superslab_grow(0, GFP_KERNEL);
		shim_fail_kmalloc_after(-1);
		shim_fail_pages_after(-1);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(out, before);
		assert_int_equal(hak_arena_bytes(), bytes);
		/* Pages that were never used do not count as given back. */
		assert_int_equal(hak_arena_returned(), returned);
		assert_true(hak_node[0]->failed);
	}
	assert_in_range(n, 2, ENOUGH - 1);
	assert_true(hak_arena_bytes() > bytes);
	assert_int_equal(hak_node[0]->failed, 0);
	use_up_slots();
	assert_int_equal(hak_arena_bytes(), bytes);
}

/* As long as there is memory, each superslab is of the largest order. */
static void test_each_as_large(void **state)
{
	unsigned int i;

	use_up_slots();
	for (i = 0; i < 3; i++) {
		assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
		/* The latest is the first of the list. */
		assert_int_equal(list_first_entry(&hak_superslabs, struct hak_superslab,
						  all)->order, HAK_MAX_ORDER);
	}
	use_up_slots();
}

/* Memory the registry does not cover is given back at once. */
static void test_uncovered(void **state)
{
	unsigned long covered = hak_registry.bytes;
	struct hak_stats before, after;
	u64 bytes, returned;
	long was = out;

	use_up_slots();
	bytes = hak_arena_bytes();
	returned = hak_arena_returned();
	was = out;
	forget_failure();
	hak_stats_read(&before);
	hak_registry.bytes = 0;
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), -ENOMEM);
	hak_registry.bytes = covered;
	hak_stats_read(&after);
	assert_true(after.event[HAK_EV_UNCOVERED] > before.event[HAK_EV_UNCOVERED]);
	assert_int_equal(hak_arena_bytes(), bytes);
	assert_int_equal(hak_arena_returned(), returned);
	assert_int_equal(out, was);
	forget_failure();
}

/*
 * While the registry's table is replaced no leaf is added, and SLUB serves the
 * allocation.
 */
static void test_moving(void **state)
{
	unsigned long at = hak_registry.base + hak_registry.bytes - HAK_SLAB_SIZE;
	long was = out;

	hak_registry.moving = true;
	/*
	 * Twice, because the shim has one place for each leaf before it asks
	 * kmalloc().
	 */
	assert_int_equal(hak_registry_prepare(at, 1, GFP_KERNEL), -EAGAIN);
	assert_int_equal(hak_registry_prepare(at, 1, GFP_KERNEL), -EAGAIN);
	hak_registry.moving = false;
	assert_int_equal(out, was);
	assert_int_equal(hak_registry_prepare(at, 1, GFP_KERNEL), 0);
}

static long live(struct hak_cache *c)
{
	struct hak_class_stats cs;

	hak_class_stats_read(c, &cs);
	return cs.live + cs.fallback;
}

/*
 * Wherever a bulk call fails, it allocates all objects or none, for a typed cache
 * and for a size class.
 */
static void bulk_fails(struct hak_cache *c, bool typed)
{
	static void *obj[MANY];
	unsigned int n, got = 0, failed = 0;
	long was, before = live(c);

	/* In the second five SLUB serves some objects before it fails. */
	for (n = 0; n < 10; n++) {
		use_up_slots();
		forget_failure();
		was = out;
		shim_fail_pages_after(n % 5);
		shim_fail_kmalloc_after(n / 5 * 50);
		if (typed)
			got = hak_cache_alloc_bulk(c, GFP_KERNEL, MANY, obj);
		else
			got = hak_alloc_bulk(c->size, GFP_KERNEL, MANY, obj);
		shim_fail_pages_after(-1);
		shim_fail_kmalloc_after(-1);
		failed += !got;
		if (got)
			hak_free_bulk(got, obj);
		else if (!n)
			assert_int_equal(out, was);
		assert_int_equal(live(c), before);
	}
	assert_true(failed > 1);
}

static void test_bulk(void **state)
{
	struct hak_cache *c = hak_cache_create("bulk", 512, 0, 0, NULL);

	assert_non_null(c);
	bulk_fails(c, true);
	bulk_fails(hak_size_class(512), false);
	hak_cache_destroy(c);
	assert_int_equal(hak_core_leaks(), 0);
}

/* Large ones are kmalloc()'s. */
static void test_large_bulk(void **state)
{
	long was = out;
	void *obj[10];
	unsigned int n;

	for (n = 0; n < 10; n++) {
		shim_fail_kmalloc_after(n);
		assert_int_equal(hak_alloc_bulk(5000, GFP_KERNEL, 10, obj), 0);
		shim_fail_kmalloc_after(-1);
		assert_int_equal(out, was);
	}
}

/* Nothing is left of a cache after its destruction, or after its creation failed. */
static void test_caches(void **state)
{
	struct hak_cache *c = NULL;
	unsigned int n;
	void *p;
	long was;

	/* The first cache allocates memory that is kept and is not the cache's. */
	hak_cache_destroy(hak_cache_create("first", 64, 0, 0, NULL));
	was = out;
	for (n = 0; n < ENOUGH && !c; n++) {
		shim_fail_kmalloc_after(n);
		c = hak_cache_create("fails", 64, 0, 0, NULL);
		shim_fail_kmalloc_after(-1);
		if (!c)
			assert_int_equal(out, was);
	}
	assert_in_range(n, 4, ENOUGH - 1);
	p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	hak_cache_free(c, p);
	hak_cache_destroy(c);
	assert_int_equal(out, was);
}

/* With neither pages nor SLUB an allocation fails, and the next one does not. */
static void test_refill(void **state)
{
	struct hak_cache *c = hak_cache_create("refill", 1024, 0, 0, NULL);
	void *p;

	assert_non_null(c);
	use_up_slots();
	forget_failure();
	shim_fail_pages_after(0);
	shim_fail_kmalloc_after(0);
	assert_null(hak_cache_alloc(c, GFP_KERNEL));
	assert_null(hak_cache_alloc(c, GFP_KERNEL | __GFP_ZERO));
	assert_null(hak_cache_alloc_node(c, GFP_KERNEL, 0));
	shim_fail_pages_after(-1);
	shim_fail_kmalloc_after(-1);
	assert_int_equal(live(c), 0);
	forget_failure();
	p = hak_cache_alloc(c, GFP_KERNEL);
	assert_non_null(hak_slab_of(p));
	hak_cache_free(c, p);
	hak_cache_destroy(c);
}

/* If kfree() may not be called memory waits, even if it has no room for a link. */
static void test_small_memory_waits(void **state)
{
	unsigned int i;
	void *p[3];
	long was;

	was = out;
	for (i = 0; i < 3; i++) {
		p[i] = hak_alloc(1 + 2 * i, GFP_KERNEL_ACCOUNT);
		assert_non_null(p[i]);
	}
	shim_set_context(SHIM_NMI);
	for (i = 0; i < 3; i++)
		hak_free(p[i]);
	shim_set_context(SHIM_TASK);
	hak_fallback_sync();
	assert_int_equal(out, was);
}

/* A string gets longer as it is copied. The copy ends where the string did. */
static void test_string_gets_longer(void **state)
{
	char text[] = "short\0er", *copy;

	overwrite = text + strlen(text);
	copy = hak_strdup(text, GFP_KERNEL_ACCOUNT);
	assert_non_null(copy);
	assert_null(overwrite);
	assert_string_equal(text, "short-er");
	assert_int_equal(copy[5], 0);
	assert_string_equal(copy, "short");
	hak_free(copy);
}

/* SLUB gives back what it keeps for a cache, too. It keeps nothing for a size class alone. */
static void test_shrink(void **state)
{
	struct hak_cache *c = hak_cache_create("shrinks", 64, 0, 0, NULL);

	assert_non_null(c);
	shrinks = 0;
	hak_cache_shrink(c);
	assert_int_equal(shrinks, 1);
	assert_ptr_equal(shrunk, c->fallback);
	hak_cache_shrink(hak_size_class(64));
	assert_int_equal(shrinks, 1);
	hak_cache_destroy(c);
}

#ifdef HAK_SHIM_DEBUG
/*
 * Somebody waits until all memory is freed. Meanwhile more comes, and the work that would free it
 * is cancelled.
 */
static void test_memory_comes_late(void **state)
{
	struct work_struct *work = &raw_cpu_ptr(hak_deferred)->work;
	long was = out;

	free_late = hak_alloc(64, GFP_KERNEL_ACCOUNT);
	assert_non_null(free_late);
	assert_int_equal(out, was + 1);
	hak_fallback_sync();
	assert_null(free_late);
	assert_false(shim_work_pending(work));
	assert_int_equal(out, was);
}

static unsigned long corruptions(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_CORRUPT];
}

/*
 * While objects wait, the address in the tail of one is overwritten by @by, and the link
 * behind it, too, if @link. The object freed after it is freed. It and the one behind its link
 * are lost.
 */
static void overwritten(struct hak_cache *c, unsigned long by, bool link)
{
	unsigned long before = corruptions(), *tail[3];
	long was = out;
	void *p[3];

	for (unsigned int i = 0; i < 3; i++) {
		p[i] = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
		assert_non_null(p[i]);
		tail[i] = (unsigned long *)((char *)p[i] + 64);
	}
	shim_set_context(SHIM_NMI);
	hak_cache_free(c, p[2]);
	hak_cache_free(c, p[0]);
	hak_cache_free(c, p[1]);
	shim_set_context(SHIM_TASK);
	assert_int_equal(tail[0][0], (unsigned long)p[0]);
	assert_int_equal(tail[0][1], (unsigned long)&tail[2][1]);
	tail[0][0] = by ?: (unsigned long)p[0] + 8;
	if (link)
		tail[0][1] = by;
	hak_fallback_sync();
	assert_int_equal(corruptions(), before + 1);
	assert_int_equal(out, was + 2);
	kfree(p[0]);
	kfree(p[2]);
	assert_int_equal(out, was);
}

static void test_tail_overwritten(void **state)
{
	struct hak_cache *c = hak_cache_create("tails", 64, 0, 0, NULL);
	struct hak_cache *d = hak_cache_create("tails_other", 40, 0, 0, NULL);

	assert_non_null(c);
	assert_non_null(d);
	/* A tail may be 40 bytes behind an address, too, but not 56. */
	hak_cache_free(d, hak_cache_alloc(d, GFP_KERNEL_ACCOUNT));
	overwritten(c, 0, false);
	overwritten(c, 0x10, false);
	overwritten(c, 0x10, true);
	overwritten(c, ULONG_MAX, true);
	overwritten(c, 0x4141414141414141, true);
	hak_cache_destroy(d);
	hak_cache_destroy(c);
}
#endif

/* The destruction of its cache waits for it, under a mutex. */
static void test_destroy_while_memory_waits(void **state)
{
	struct hak_cache *c = hak_cache_create("waits", 64, 0, 0, NULL);
	void *p;

	assert_non_null(c);
	p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	assert_non_null(p);
	shim_set_context(SHIM_NMI);
	hak_cache_free(c, p);
	shim_set_context(SHIM_TASK);
	hak_cache_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_each_as_large),
		cmocka_unit_test(test_uncovered),
		cmocka_unit_test(test_moving),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_large_bulk),
		cmocka_unit_test(test_caches),
		cmocka_unit_test(test_refill),
		cmocka_unit_test(test_small_memory_waits),
		cmocka_unit_test(test_string_gets_longer),
		cmocka_unit_test(test_shrink),
#ifdef HAK_SHIM_DEBUG
		cmocka_unit_test(test_memory_comes_late),
		cmocka_unit_test(test_tail_overwritten),
#endif
		cmocka_unit_test(test_destroy_while_memory_waits),
	};

	shim_init();
	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
