// SPDX-License-Identifier: GPL-2.0
/*
 * The order of two writes that races do not show reliably: a push links before it
 * counts, and a slab is POOLED before it is on the pool's list. The slab's
 * metadata is made read-only. The first write to it faults, and the address tells
 * which write it was.
 */
#include "test.h"

#include "core.h"
#include "shim.h"

static struct hak_slab *slab;
static void *volatile first_write;

static char *page_of(void *p)
{
	return (char *)((unsigned long)p & PAGE_MASK);
}

/* The slab's 128 bytes lie in one page. */
static void protect(int prot)
{
	if (mprotect(page_of(slab), PAGE_SIZE, prot))
		_exit(3);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	if (page_of(info->si_addr) != page_of(slab))
		_exit(4);
	if (!first_write)
		first_write = info->si_addr;
	protect(PROT_READ | PROT_WRITE);
}

static void watch(void)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	first_write = NULL;
	assert_int_equal(sigaction(SIGSEGV, &act, NULL), 0);
	protect(PROT_READ);
}

static struct hak_cache *cache;
static void *obj;

static int setup(void **state)
{
	cache = hak_cache_create("order", 4096, 0, 0, NULL);
	obj = cache ? hak_cache_alloc(cache, GFP_KERNEL) : NULL;
	slab = hak_slab_of(obj);
	return slab ? 0 : -1;
}

static int teardown(void **state)
{
	hak_cache_destroy(cache);
	return 0;
}

static void push_links_before_it_counts(void **state)
{
	struct llist_node *link = hak_to_link(cache, obj);

	watch();
	hak_slab_push(slab, link, link, 1);
	assert_ptr_equal(first_write, &slab->remote);
}

static void pooled_before_it_is_listed(void **state)
{
	struct hak_slab *s = hak_superslab_claim(cache, 0);

	assert_non_null(s);
	hak_free(obj);
	slab = s;
	watch();
	hak_pool_put(s, HAK_OWNED);
	assert_ptr_equal(first_write, &slab->rc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(push_links_before_it_counts,
						setup, teardown),
		cmocka_unit_test_setup_teardown(pooled_before_it_is_listed,
						setup, teardown),
	};

	/*
	 * Sanitizers have their own malloc(), so nothing else would start the
	 * library.
	 */
	shim_init();
	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
