// SPDX-License-Identifier: GPL-2.0
/*
 * A flush of a depot to which a CPU goes on sending: each time the flush has
 * spilled a magazine, which the test sees in its own hak_cpu_spill(), another is
 * sent.
 */
#include "test.h"

#include <linux/gfp.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "core.h"

#define CAP	8
#define MOST	1000	/* where the test gives up */

void __real_hak_cpu_spill(struct hak_cache *c, struct hak_cpu_cache *cc,
			  void **obj, unsigned int n);
void __wrap_hak_cpu_spill(struct hak_cache *c, struct hak_cpu_cache *cc,
			  void **obj, unsigned int n);

static struct hak_cpu_cache *sender;
static unsigned int spilled;

/* Send a batch of objects to the depot. */
static void send_one(struct hak_cache *c)
{
	unsigned int n = hak_cpu_batch(sender);

	assert_int_equal(hak_cpu_take_from_slab(c, sender, 0, sender->obj, n), n);
	assert_true(hak_depot_send(c, sender));
}

void __wrap_hak_cpu_spill(struct hak_cache *c, struct hak_cpu_cache *cc,
			  void **obj, unsigned int n)
{
	/* The flush spills a magazine that is not home, or its sender could fill it meanwhile. */
	if (!cc)
		assert_int_equal(hak_magazine_objects(sender), n);
	__real_hak_cpu_spill(c, cc, obj, n);
	/* The flush owns no per-CPU cache. */
	if (!cc && ++spilled < MOST)
		send_one(c);
}

/*
 * The flush takes the magazines that were there when it began, and ends although
 * others come.
 */
static void test_flush_ends_while_others_send(void **state)
{
	struct hak_cache *c = hak_cache_create("flushed", 1024, 0, 0, NULL);
	struct hak_depot *d;

	assert_non_null(c);
	sender = kzalloc(hak_cpu_cache_bytes(CAP), GFP_KERNEL);
	assert_non_null(sender);
	hak_cpu_cache_init(sender, c, CAP, HAK_MAGAZINES);
	d = &c->pool[0]->depot;
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	preempt_disable();
	send_one(c);
	preempt_enable();

	hak_depot_flush(c, 0);
	assert_int_equal(spilled, 1);
	assert_int_equal(hak_magazine_objects(sender), hak_cpu_batch(sender));
	assert_false(hak_depot_empty(d));

	spilled = MOST;
	preempt_disable();
	hak_cpu_flush(c, sender);
	preempt_enable();
	hak_depot_flush(c, 0);
	assert_true(hak_depot_empty(d));
	kfree(sender);
	hak_cache_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flush_ends_while_others_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
