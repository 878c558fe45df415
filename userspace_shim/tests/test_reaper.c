// SPDX-License-Identifier: GPL-2.0
/*
 * Slabs arrive in a pool while the reaper runs: between one whole slab and the
 * next, in hak_superslab_unclaim(); as it takes the pool's lock, in hak_lock_counted();
 * and when it looks whether it is done, in hak_pool_any_taken(). The linker wraps these,
 * and the functions that wait for grace periods. The reaper must find each whole slab,
 * and must end.
 */
#include "test.h"

#include "core.h"
#include "shim.h"

#define NR	20
#define LATE	4
/* The slabs that the reaper looks at under a pool's lock at once. */
#define AT_ONCE	16
/* The slabs that it takes off its queue at once. */
#define QUEUED	64
/* Slabs that arrive behind a whole one. */
#define BEHIND	40
/* So many times others arrive as the reaper looks at some. */
#define FLOODS	8
/* The most slabs of a test. */
#define MOST_SLABS	(2 * QUEUED)
static_assert(MOST_SLABS >= FLOODS * AT_ONCE && MOST_SLABS >= NR + LATE);

static struct hak_cache *cache;
static struct hak_slab *slab[MOST_SLABS];
static void *obj[MOST_SLABS];
static bool arrive;
static bool refill;
static unsigned int whole;

#define MOST	1000	/* where the test gives up */

void __real_hak_superslab_unclaim(struct hak_slab *s);
void __wrap_hak_superslab_unclaim(struct hak_slab *s);

void __wrap_hak_superslab_unclaim(struct hak_slab *s)
{
	unsigned int i;

	for (i = NR; arrive && i < NR + LATE; i++)
		hak_pool_put(slab[i], HAK_OWNED);
	arrive = false;
	__real_hak_superslab_unclaim(s);
	if (refill && whole < MOST) {
		whole++;
		hak_pool_put(hak_superslab_claim(cache, 0), HAK_OWNED);
	}
}

/* What happens as the reaper looks whether it is done: before that, and after it. */
static void (*before_the_end)(void), (*after_the_end)(void);

bool __real_hak_pool_any_taken(void);
bool __wrap_hak_pool_any_taken(void);

bool __wrap_hak_pool_any_taken(void)
{
	bool any;

	if (before_the_end)
		before_the_end();
	before_the_end = NULL;
	any = __real_hak_pool_any_taken();
	if (!any && after_the_end) {
		after_the_end();
		after_the_end = NULL;
	}
	return any;
}

/* The lock of the pool that is watched, and how often it was taken since. */
static raw_spinlock_t *watched;
static unsigned int locked;
/*
 * So many times slabs arrive in that pool just before its lock is taken, from @next on; but
 * not the first @quiet times that it is.
 */
static unsigned int floods, next, quiet;

static void flood(void)
{
	unsigned int i;

	floods--;
	for (i = 0; i < AT_ONCE; i++)
		hak_pool_put(slab[next++], HAK_OWNED);
}

void __real_hak_lock_counted(raw_spinlock_t *lock, enum hak_lock_kind kind);
void __wrap_hak_lock_counted(raw_spinlock_t *lock, enum hak_lock_kind kind);

void __wrap_hak_lock_counted(raw_spinlock_t *lock, enum hak_lock_kind kind)
{
	if (lock == watched) {
		locked++;
		if (floods && !(quiet && quiet--))
			flood();
	}
	__real_hak_lock_counted(lock, kind);
}

/* Watch the lock of @cache's pool, and let @nr floods come. */
static void watch(unsigned int nr)
{
	watched = &cache->pool[0]->lock;
	locked = 0;
	floods = nr;
	next = 0;
	static_branch_enable(&hak_lock_stats_on);
}

static void watch_no_more(void)
{
	static_branch_disable(&hak_lock_stats_on);
	watched = NULL;
}

/* What happens while somebody waits for a grace period, once. */
static void (*in_grace)(void);
/* No grace period seems to pass. */
static bool missed;

void __real_synchronize_rcu(void);
void __wrap_synchronize_rcu(void);
bool __real_poll_state_synchronize_rcu(unsigned long state);
bool __wrap_poll_state_synchronize_rcu(unsigned long state);

void __wrap_synchronize_rcu(void)
{
	if (in_grace)
		in_grace();
	in_grace = NULL;
	__real_synchronize_rcu();
}

bool __wrap_poll_state_synchronize_rcu(unsigned long state)
{
	return !missed && __real_poll_state_synchronize_rcu(state);
}

/* A slab of @c that this thread owns. */
static struct hak_slab *new_slab(struct hak_cache *c)
{
	struct hak_slab *s = hak_superslab_claim(c, 0);

	if (!s && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		s = hak_superslab_claim(c, 0);
	assert_non_null(s);
	return s;
}

/* The first @nr slabs of the test, owned by this thread, which has one object of each. */
static void partial_slabs(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		slab[i] = new_slab(cache);
		assert_int_equal(hak_slab_take(cache, slab[i], &obj[i], 1), 1);
	}
}

/* Run the reaper until @c has no more than @nr slabs. False if that does not come true. */
static bool comes_down_to(struct hak_cache *c, unsigned long nr)
{
	struct hak_class_stats cs;
	unsigned int ms;

	for (ms = 0; ms < 5000; ms++) {
		shim_run_pending();
		hak_class_stats_read(c, &cs);
		if (cs.slabs <= nr)
			return true;
		usleep(1000);
	}
	return false;
}

static unsigned int reap(void)
{
	unsigned int n;

	mutex_lock(&hak_cache_mutex);
	n = hak_pool_reap(cache->pool[0]);
	mutex_unlock(&hak_cache_mutex);
	return n;
}

static void push(unsigned int i)
{
	struct llist_node *link = hak_to_link(cache, obj[i]);

	hak_slab_push(slab[i], link, link, 1);
}

static void test_arrivals_hide_no_whole_slab(void **state)
{
	struct hak_stats before, after;
	unsigned int i, ms;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	for (i = 0; i < NR + LATE; i++) {
		slab[i] = hak_superslab_claim(cache, 0);
		if (!slab[i] && hak_superslab_grow(0, GFP_KERNEL) >= 0)
			slab[i] = hak_superslab_claim(cache, 0);
		assert_non_null(slab[i]);
		assert_int_equal(hak_slab_take(cache, slab[i], &obj[i], 1), 1);
	}
	/* Once checked, the slabs are on the list and no longer arrivals. */
	for (i = 0; i < NR; i++)
		hak_pool_put(slab[i], HAK_OWNED);
	hak_stats_read(&after);
	assert_int_equal(reap(), 0);
	hak_stats_read(&before);
	assert_int_equal(before.event[HAK_EV_LOOKED] - after.event[HAK_EV_LOOKED], NR);

	/* The first and the last slab to be checked become whole. */
	i = list_first_entry(&cache->pool[0]->list, struct hak_slab, list) == slab[0] ?
	    0 : NR - 1;
	arrive = true;
	push(i);
	push(NR - 1 - i);

	for (ms = 0; ms < 2000; ms++) {
		shim_run_pending();
		hak_stats_read(&after);
		if (after.event[HAK_EV_RELEASED] - before.event[HAK_EV_RELEASED] == 2)
			break;
		usleep(1000);
	}
	assert_false(arrive);
	assert_int_equal(after.event[HAK_EV_RELEASED] - before.event[HAK_EV_RELEASED], 2);

	for (i = 0; i < NR + LATE; i++)
		if (hak_rc_state(atomic_read(&slab[i]->rc)) == HAK_POOLED)
			push(i);
	hak_cache_destroy(cache);
}

/*
 * Slabs become whole as fast as others are released, and the reaper ends all the
 * same.
 */
static void test_reap_ends_while_slabs_become_whole(void **state)
{
	struct hak_slab *s, *other;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	s = hak_superslab_claim(cache, 0);
	if (!s && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		s = hak_superslab_claim(cache, 0);
	assert_non_null(s);
	/* This slab keeps the superslab. */
	other = hak_superslab_claim(cache, 0);
	assert_non_null(other);

	refill = true;
	hak_pool_put(s, HAK_OWNED);
	reap();
	refill = false;
	assert_true(whole >= 1 && whole < MOST);
	hak_pool_put(other, HAK_OWNED);
	hak_cache_destroy(cache);
}

/* What a run of the reaper has left behind. */
static bool ran;
static unsigned int whole_when_it_ended;

static void note_end(void)
{
	ran = true;
	whole_when_it_ended = whole;
}

/* Let the reaper run once. False if it does not. */
static bool reaper_runs(void)
{
	unsigned int ms;

	ran = false;
	for (ms = 0; !ran && ms < 5000; ms++) {
		shim_run_pending();
		usleep(1000);
	}
	return ran;
}

/*
 * The same, and the reaper runs by itself. Its run is for the slabs that were whole when it
 * began. The others are whole for the time that is promised, and then comes another run.
 */
static void test_run_ends_while_slabs_become_whole(void **state)
{
	struct hak_slab *s, *other;
	bool ends;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	s = new_slab(cache);
	other = new_slab(cache);
	assert_true(comes_down_to(cache, 2));
	hak_reaper_hook(note_end);
	whole = 0;
	refill = true;
	hak_pool_put(s, HAK_OWNED);
	ends = reaper_runs();
	refill = false;
	assert_true(ends);
	assert_int_equal(whole_when_it_ended, 1);
	assert_true(comes_down_to(cache, 1));
	hak_reaper_hook(NULL);
	hak_pool_put(other, HAK_OWNED);
	hak_cache_destroy(cache);
}

/*
 * CPUs grew a node at the same time, and all of them then took slots from the same superslab.
 * What is too many goes back when a slab does.
 */
static void test_stock_is_one(void **state)
{
	struct hak_slab *s, *other;
	struct hak_stats st;
	unsigned int i;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	hak_reap_all();
	hak_superslab_trim(0);
	for (i = 0; i < 4; i++)
		assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	s = new_slab(cache);
	other = new_slab(cache);
	hak_stats_read(&st);
	assert_in_range(st.superslabs_empty, 3, 4);
	hak_pool_put(s, HAK_OWNED);
	assert_true(comes_down_to(cache, 1));
	hak_stats_read(&st);
	assert_int_equal(st.superslabs_empty, HAK_STOCK);
	hak_pool_put(other, HAK_OWNED);
	assert_true(comes_down_to(cache, 0));
	hak_stats_read(&st);
	assert_int_equal(st.superslabs_empty, HAK_STOCK);
	hak_cache_destroy(cache);
}

/*
 * The stock is of the largest superslabs that there are: a small one is used first, and
 * goes back first.
 */
static void test_stock_is_large(void **state)
{
	struct hak_superslab *ss;
	struct hak_slab *s, *t;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	/* Another CPU is growing the node, so this gets one slab. */
	atomic_set(&hak_node[0]->growing, 1);
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	/* That CPU has not finished. */
	assert_int_equal(atomic_read(&hak_node[0]->growing), 1);
	atomic_set(&hak_node[0]->growing, 0);
	s = hak_superslab_claim(cache, 0);
	assert_non_null(s);
	assert_int_equal(s->ss->order, HAK_MIN_ORDER);
	/* A scan looks at the slabs that it has. */
	assert_int_equal(hak_paranoid_scan(), 0);
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	t = hak_superslab_claim(cache, 0);
	assert_non_null(t);
	ss = t->ss;
	assert_int_equal(ss->order, HAK_MAX_ORDER);
	hak_pool_put(s, HAK_OWNED);
	assert_true(comes_down_to(cache, 1));
	hak_pool_put(t, HAK_OWNED);
	assert_true(comes_down_to(cache, 0));
	assert_int_equal(hak_node[0]->nr_empty, HAK_STOCK);
	assert_int_equal(hak_node[0]->empty_pages, 1 << HAK_MAX_ORDER);
	hak_cache_destroy(cache);
}

/*
 * Each time the reaper looks for a whole slab, as many others arrive as it looks at. So it
 * gives up for now, and comes again.
 */
static void test_arrivals_are_too_many(void **state)
{
	struct hak_slab *s;
	unsigned int i;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	partial_slabs(AT_ONCE);
	s = new_slab(cache);
	watch(1);
	hak_pool_put(s, HAK_OWNED);
	assert_true(comes_down_to(cache, AT_ONCE));
	watch_no_more();
	assert_int_equal(floods, 0);
	for (i = 0; i < AT_ONCE; i++)
		push(i);
	hak_cache_destroy(cache);
}

/*
 * Slabs arrive as fast as the reaper goes through them, for as long as it does. Its run ends
 * all the same, because it holds the mutex meanwhile. A later run finds the whole slab.
 */
static void test_run_ends_while_slabs_arrive(void **state)
{
	const unsigned int nr = FLOODS * AT_ONCE;
	struct hak_slab *s;
	unsigned int i;
	bool ends;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	partial_slabs(nr);
	s = new_slab(cache);
	hak_reaper_hook(note_end);
	watch(FLOODS);
	hak_pool_put(s, HAK_OWNED);
	ends = reaper_runs();
	watch_no_more();
	assert_true(ends);
	assert_in_range(floods, FLOODS / 2, FLOODS - 1);

	for (floods = 0; next < nr; next++)
		hak_pool_put(slab[next], HAK_OWNED);
	assert_true(comes_down_to(cache, nr));
	hak_reaper_hook(NULL);
	for (i = 0; i < nr; i++)
		push(i);
	hak_cache_destroy(cache);
}

/*
 * Other slabs arrive behind one that is whole. The reaper goes through them a few at a time,
 * because interrupts are off meanwhile, and comes to the whole one in the same run.
 */
static void test_whole_behind_many(void **state)
{
	struct hak_slab *s;
	unsigned int i;
	void *addr;
	bool ends;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	partial_slabs(BEHIND);
	s = new_slab(cache);
	addr = (void *)s->addr;
	hak_reaper_hook(note_end);
	watch(0);
	hak_pool_put(s, HAK_OWNED);
	for (i = 0; i < BEHIND; i++)
		hak_pool_put(slab[i], HAK_OWNED);
	assert_ptr_equal(hak_slab_of(addr), s);
	ends = reaper_runs();
	watch_no_more();
	assert_true(ends);
	assert_true(locked >= DIV_ROUND_UP(BEHIND + 1, AT_ONCE));
	assert_null(hak_slab_of(addr));

	hak_reaper_hook(NULL);
	for (i = 0; i < BEHIND; i++)
		push(i);
	hak_cache_destroy(cache);
}

/*
 * A slab became whole while its cache was not listed, so it is not in the queue. It is the
 * last one of its pool's list, or, if not @listed, of those that have arrived. Others arrive
 * as somebody goes through the pool.
 */
static void dropped_slab(bool listed)
{
	unsigned int i;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	partial_slabs(AT_ONCE + 2);
	for (i = AT_ONCE; i < AT_ONCE + 2; i++) {
		hak_pool_put(slab[i], HAK_OWNED);
		if (listed)
			assert_int_equal(reap(), 0);
	}
	i = listed && list_last_entry(&cache->pool[0]->list, struct hak_slab, list) !=
	    slab[AT_ONCE] ? AT_ONCE + 1 : AT_ONCE;
	cache->listed = false;
	push(i);
	mutex_lock(&hak_cache_mutex);
	hak_pool_take_queue();
	hak_pool_reap_taken(1000, NULL);
	mutex_unlock(&hak_cache_mutex);
	cache->listed = true;

	/* Not before the walk begins, since it is for what is there by then. */
	quiet = 1;
	watch(1);
	assert_int_equal(reap(), 1);
	watch_no_more();
	assert_int_equal(floods, 0);
	push(i == AT_ONCE ? AT_ONCE + 1 : AT_ONCE);
	for (i = 0; i < AT_ONCE; i++)
		push(i);
	hak_cache_destroy(cache);
}

static void test_arrivals_hide_no_dropped_slab(void **state)
{
	dropped_slab(true);
}

static void test_arrivals_hide_no_dropped_arrival(void **state)
{
	dropped_slab(false);
}

static struct hak_slab *late;

static void put_late(void)
{
	hak_pool_put(late, HAK_OWNED);
}

/* A slab becomes whole after the reaper has found that its queue is empty. */
static void test_whole_as_it_ends(void **state)
{
	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	late = new_slab(cache);
	after_the_end = put_late;
	hak_pool_put(new_slab(cache), HAK_OWNED);
	assert_true(comes_down_to(cache, 0));
	assert_null(after_the_end);
	hak_cache_destroy(cache);
}

/* Were slabs of the reaper's run left, as something came in the middle? */
static bool some_left;

static void shrink(void)
{
	some_left = __real_hak_pool_any_taken();
	hak_reap_all();
}

/*
 * The reaper has taken as many slabs as it takes at once, and a shrink puts the last one of
 * its queue into limbo. The reaper comes again when the grace period has passed.
 */
static void test_shrink_takes_the_last(void **state)
{
	struct hak_cache *typesafe;
	struct hak_slab *last;
	unsigned int i;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	typesafe = hak_cache_create("limbo", 4096, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	assert_non_null(cache);
	assert_non_null(typesafe);
	assert_true(comes_down_to(cache, 0));
	/* The reaper may run as memory is allocated, so the slabs are there first. */
	last = new_slab(typesafe);
	for (i = 0; i < QUEUED; i++)
		slab[i] = new_slab(cache);
	missed = true;
	before_the_end = shrink;
	/* The queue's newest slab comes first. */
	hak_pool_put(last, HAK_OWNED);
	for (i = 0; i < QUEUED; i++)
		hak_pool_put(slab[i], HAK_OWNED);
	assert_true(comes_down_to(cache, 0));
	assert_null(before_the_end);
	assert_true(some_left);
	assert_false(list_empty(&hak_superslabs));
	missed = false;
	assert_true(comes_down_to(typesafe, 0));
	hak_cache_destroy(typesafe);
	hak_cache_destroy(cache);
}

static void destroy(void)
{
	some_left = __real_hak_pool_any_taken();
	hak_cache_destroy(cache);
}

/* A cache is destroyed while the reaper has slabs of it in its run. */
static void test_destroyed_during_a_run(void **state)
{
	struct hak_class_stats cs;
	unsigned int i, ms;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	for (i = 0; i < 2 * QUEUED; i++)
		slab[i] = new_slab(cache);
	before_the_end = destroy;
	for (i = 0; i < 2 * QUEUED; i++)
		hak_pool_put(slab[i], HAK_OWNED);
	hak_class_stats_read(cache, &cs);
	assert_int_equal(cs.slabs, 2 * QUEUED);
	for (ms = 0; before_the_end && ms < 5000; ms++) {
		shim_run_pending();
		usleep(1000);
	}
	assert_null(before_the_end);
	assert_true(some_left);
	/* If it is gone, its name is free. */
	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	hak_cache_destroy(cache);
}

static void half_push_late(void)
{
	struct llist_node *link = hak_to_link(cache, obj[1]);

	hak_slab_link(slab[1], link, link);
}

/*
 * A scan looks three times. One slab is lost all the time. In another a push is half done
 * from the second look on, as it may be at any time, so that slab is not lost.
 */
static void test_scan_looks_three_times(void **state)
{
	enum { FULL = HAK_SLAB_SIZE / 4096 };
	static void *all[2][FULL];
	struct llist_node *link;
	unsigned int i, j;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	for (i = 0; i < 2; i++) {
		slab[i] = new_slab(cache);
		assert_int_equal(hak_slab_take(cache, slab[i], all[i], FULL), FULL);
		assert_true(hak_slab_park(slab[i]));
		obj[i] = all[i][0];
	}
	link = hak_to_link(cache, obj[0]);
	hak_slab_link(slab[0], link, link);
	in_grace = half_push_late;
	assert_int_equal(hak_paranoid_scan(), 1);
	assert_null(in_grace);
	for (i = 0; i < 2; i++) {
		hak_slab_count(slab[i], 1);
		for (j = 1; j < FULL; j++) {
			obj[i] = all[i][j];
			push(i);
		}
	}
	hak_cache_destroy(cache);
}

static void *of_next[HAK_SLAB_SIZE / 4096];

static void half_push_to_next(void)
{
	const unsigned int nr = ARRAY_SIZE(of_next);
	struct hak_slab *s = new_slab(cache);
	struct llist_node *link;

	assert_ptr_equal(s, late);
	assert_int_equal(hak_slab_take(cache, s, of_next, nr), nr);
	assert_true(hak_slab_park(s));
	obj[1] = of_next[0];
	link = hak_to_link(cache, obj[1]);
	hak_slab_link(s, link, link);
}

/*
 * A scan before this one has looked at a slot's last slab and found it suspicious. During
 * this one another cache claims the slot. It is looked at twice then, and not three times.
 */
static void test_scan_forgets_the_last_slab(void **state)
{
	static void *all[HAK_SLAB_SIZE / 4096];
	struct llist_node *link;
	unsigned int j;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	/* This one is lost, so the scan goes on. */
	slab[0] = new_slab(cache);
	assert_int_equal(hak_slab_take(cache, slab[0], all, ARRAY_SIZE(all)), ARRAY_SIZE(all));
	assert_true(hak_slab_park(slab[0]));
	obj[0] = all[0];
	link = hak_to_link(cache, obj[0]);
	hak_slab_link(slab[0], link, link);
	late = new_slab(cache);
	hak_pool_put(late, HAK_OWNED);
	assert_true(comes_down_to(cache, 1));
	late->stranded = 1;
	in_grace = half_push_to_next;
	assert_int_equal(hak_paranoid_scan(), 1);
	assert_null(in_grace);

	slab[1] = late;
	for (j = 0; j < 2; j++)
		hak_slab_count(slab[j], 1);
	for (j = 1; j < ARRAY_SIZE(all); j++) {
		obj[0] = all[j];
		push(0);
		obj[1] = of_next[j];
		push(1);
	}
	hak_cache_destroy(cache);
}

static bool hook_began, hook_ended;

static void slow_hook(void)
{
	__atomic_store_n(&hook_began, true, __ATOMIC_RELEASE);
	usleep(50000);
	__atomic_store_n(&hook_ended, true, __ATOMIC_RELEASE);
}

static void *run_the_hook(void *unused)
{
	while (!__atomic_load_n(&hook_began, __ATOMIC_ACQUIRE)) {
		shim_run_pending();
		usleep(1000);
	}
	return NULL;
}

/* Another thread runs the hook. What the hook uses may go as soon as there is none any more. */
static void test_no_hook_runs_afterwards(void **state)
{
	pthread_t t;
	bool done;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	hak_reaper_hook(slow_hook);
	hak_pool_put(new_slab(cache), HAK_OWNED);
	assert_int_equal(pthread_create(&t, NULL, run_the_hook, NULL), 0);
	while (!__atomic_load_n(&hook_began, __ATOMIC_ACQUIRE))
		usleep(100);
	hak_reaper_hook(NULL);
	done = __atomic_load_n(&hook_ended, __ATOMIC_ACQUIRE);
	pthread_join(t, NULL);
	assert_true(done);
	hak_cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reap_ends_while_slabs_become_whole),
		cmocka_unit_test(test_run_ends_while_slabs_become_whole),
		cmocka_unit_test(test_stock_is_one),
		cmocka_unit_test(test_stock_is_large),
		cmocka_unit_test(test_arrivals_hide_no_whole_slab),
		cmocka_unit_test(test_arrivals_are_too_many),
		cmocka_unit_test(test_run_ends_while_slabs_arrive),
		cmocka_unit_test(test_whole_behind_many),
		cmocka_unit_test(test_arrivals_hide_no_dropped_slab),
		cmocka_unit_test(test_arrivals_hide_no_dropped_arrival),
		cmocka_unit_test(test_whole_as_it_ends),
		cmocka_unit_test(test_shrink_takes_the_last),
		cmocka_unit_test(test_destroyed_during_a_run),
		cmocka_unit_test(test_scan_looks_three_times),
		cmocka_unit_test(test_scan_forgets_the_last_slab),
		cmocka_unit_test(test_no_hook_runs_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
