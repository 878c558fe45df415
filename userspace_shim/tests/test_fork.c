// SPDX-License-Identifier: GPL-2.0
/* fork() at any moment. */
#include "test.h"

#include <sys/syscall.h>

#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>

#include "core.h"
#include "front.h"
#include "shim.h"

#define LARGEST	1100

static int stop;
static void *slots[256];

/*
 * No thread starts or ends while another forks, because a sanitizer's own
 * allocator would be in use then without the shim's knowledge.
 */
static pthread_barrier_t all_there;

static void * __maybe_unused hammer(void *arg)
{
	unsigned int seed = (long)arg + 1;

	pthread_barrier_wait(&all_there);
	while (!READ_ONCE(stop)) {
		void *p;

		seed = seed * 1103515245 + 12345;
		p = malloc((seed >> 6) % LARGEST + 1);
		*(char *)p = 1;
		free(__atomic_exchange_n(&slots[(seed >> 16) % 256], p,
					 __ATOMIC_ACQ_REL));
	}
	return NULL;
}

static void *child_thread(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		void *p = malloc(i % 1000);

		free(p);
	}
	return NULL;
}

/* Use everything: every class, objects of the parent, and new threads. */
static void use_all(void)
{
	struct hak_stats st;
	pthread_t t;

	alarm(60);
	for (int round = 0; round < 3; round++) {
		for (int n = 1; n < 1200; n += 3)
			free(opaque(calloc(1, n)));
		for (int i = 0; i < 256; i++)
			free(__atomic_exchange_n(&slots[i], malloc(i * 4),
						 __ATOMIC_ACQ_REL));
		if (pthread_create(&t, NULL, child_thread, NULL) ||
		    pthread_join(t, NULL))
			_exit(3);
		hak_reap_all();
	}
	hak_stats_read(&st);
	if (st.event[HAK_EV_BAD_FREE] || st.event[HAK_EV_CORRUPT])
		_exit(4);
	if (num_online_cpus() != 1)
		_exit(5);
}

static void fork_again(void)
{
	use_all();
	if (in_child(use_all))
		_exit(6);
}

static DEFINE_RAW_SPINLOCK(spin);

static void unlock_and_use_all(void)
{
	raw_spin_unlock(&spin);
	use_all();
}

/*
 * A signal handler forks after it has interrupted the only thread while that held
 * a lock. This test is the first, because the process has had no other thread
 * then.
 */
static void __maybe_unused test_fork_with_lock(void **state)
{
	int status;

	alarm(60);
	raw_spin_lock(&spin);
	status = in_child(unlock_and_use_all);
	raw_spin_unlock(&spin);
	alarm(0);
	assert_int_equal(status, 0);
}

static void number_is_new(void)
{
	if (task_pid_nr(current) != syscall(SYS_gettid))
		_exit(3);
}

static void *child_has_number(void *arg)
{
	long status;

	number_is_new();
	status = in_child(number_is_new);
	number_is_new();
	return (void *)status;
}

/* A thread of a child has another number than in the parent, which reports of misuse print. */
static void test_number_of_child(void **state)
{
	assert_null(child_has_number(NULL));
/* ThreadSanitizer loses count of threads after a fork() with several. */
#ifndef __SANITIZE_THREAD__
	void *status;
	pthread_t t;

	pthread_create(&t, NULL, child_has_number, NULL);
	pthread_join(t, &status);
	assert_null(status);
#endif
}

static void test_single_thread(void **state)
{
	for (int i = 0; i < 20 / SLOW + 1; i++)
		assert_int_equal(in_child(fork_again), 0);
}

static void __maybe_unused test_busy_threads(void **state)
{
	pthread_t t[4];

	pthread_barrier_init(&all_there, NULL, 4 + 1);
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, hammer, (void *)i);
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < 200 / SLOW; i++)
		assert_int_equal(in_child(fork_again), 0);
	WRITE_ONCE(stop, 1);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(num_online_cpus(), 1);
}

static void *fork_in_thread(void *arg)
{
	long status;

	pthread_barrier_wait(&all_there);
	status = in_child(use_all);
	pthread_barrier_wait(&all_there);
	return (void *)status;
}

/* From a thread that has not allocated anything, and with others forking. */
static void __maybe_unused test_fork_in_threads(void **state)
{
	pthread_t t[4];
	void *res;

	pthread_barrier_init(&all_there, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, fork_in_thread, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &res);
		assert_null(res);
	}
}

static unsigned int inside_id;

/*
 * Act as if this thread were in its per-CPU cache of 64 bytes while another
 * forks.
 */
static void *stay_inside(void *arg)
{
	struct hak_cpu_cache *cc;

	free(opaque(malloc(64)));
	inside_id = shim_cpu;
	cc = this_cpu_ptr(hak_size_class(64)->cpu);
	hak_cpu_enter(cc);
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	hak_cpu_leave(cc);
	return NULL;
}

/* Return the id of a thread that stays until @arg, a barrier, lets it go. */
static void *id_of_thread(void *arg)
{
	long id;

	free(opaque(malloc(64)));
	id = shim_cpu;
	if (arg)
		pthread_barrier_wait(arg);
	return (void *)id;
}

/*
 * Does a new thread get the id @want? The processor that a thread starts on
 * decides which unused id it gets, so start more threads at once than there ever
 * were.
 */
static bool id_is_given(long want)
{
	pthread_barrier_t all;
	bool given = false;
	pthread_t t[12];
	void *id;

	pthread_barrier_init(&all, NULL, ARRAY_SIZE(t));
	for (int i = 0; i < ARRAY_SIZE(t); i++)
		pthread_create(&t[i], NULL, id_of_thread, &all);
	for (int i = 0; i < ARRAY_SIZE(t); i++) {
		pthread_join(t[i], &id);
		given |= (long)id == want;
	}
	pthread_barrier_destroy(&all);
	return given;
}

/* No thread gets the id again, and its cache stays as it was. */
static void id_stays_unused(void)
{
	struct hak_cpu_cache *cc = per_cpu_ptr(hak_size_class(64)->cpu, inside_id);

	use_all();
	if (!hak_cpu_inside(cc) || !cc->nr)
		_exit(7);
	if (id_is_given(inside_id))
		_exit(8);
}

static void __maybe_unused test_fork_while_inside(void **state)
{
	pthread_t t;

	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, stay_inside, NULL);
	pthread_barrier_wait(&all_there);
	assert_int_equal(in_child(id_stays_unused), 0);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);
	/* In this process the id is used again. */
	assert_true(id_is_given(inside_id));
}

static void *stay(void *arg)
{
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	return arg;
}

static struct hak_slab *marked;

static void wait_for_reaper(void)
{
	for (int ms = 0; ms < 2000; ms++) {
		shim_run_pending();
		if (hak_rc_state(atomic_read(&marked->rc)) == HAK_UNUSED)
			return;
		usleep(1000);
	}
	_exit(3);
}

/*
 * A vanished thread had set HAK_REAP_QUEUED of a slab, and not put it into the queue.
 * In the child it is queued again.
 */
static void test_half_queued(void **state)
{
	struct hak_cache *c = hak_cache_create("half_queued", 4096, 0, 0, NULL);
	struct llist_node *link;
	pthread_t t;
	void *p;

	/* A process with one thread would find everything as it left it. */
	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, stay, NULL);
	pthread_barrier_wait(&all_there);
	assert_non_null(c);
	marked = hak_superslab_claim(c, 0);
	if (!marked && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		marked = hak_superslab_claim(c, 0);
	assert_non_null(marked);
	assert_int_equal(hak_slab_take(c, marked, &p, 1), 1);
	hak_pool_put(marked, HAK_OWNED);
	link = hak_to_link(c, p);
	hak_slab_link(marked, link, link);
	atomic_add((1 << HAK_FREED_SHIFT) + HAK_REAP_QUEUED, &marked->rc);
	assert_int_equal(in_child(wait_for_reaper), 0);
	/* In this process it was not. */
	assert_int_equal(hak_rc_state(atomic_read(&marked->rc)), HAK_POOLED);
	atomic_andnot(HAK_REAP_QUEUED, &marked->rc);
	hak_pool_queue_reap(marked, atomic_read(&marked->rc));
	wait_for_reaper();
	hak_cache_destroy(c);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);
}

static void marks_are_reset(void)
{
	struct hak_deferred *d = this_cpu_ptr(hak_deferred);

	alarm(60);
	if (atomic_read(&hak_node[0]->growing))
		_exit(4);
	wait_for_reaper();
	for (int ms = 0; ms < 2000 && !llist_empty(&d->list); ms++) {
		usleep(1000);
		shim_run_pending();
	}
	if (!llist_empty(&d->list))
		_exit(5);
}

/*
 * A vanished thread was asking for a superslab, and had left an object to be freed for which
 * it had not queued the work. And it had armed the reaper, which no thread ran any more. The
 * child does all of it.
 */
static void test_vanished_at_work(void **state)
{
	struct hak_cache *c = hak_cache_create("at_work", 4096, 0, 0, NULL);
	struct hak_deferred *d = this_cpu_ptr(hak_deferred);
	struct llist_node *p = kmalloc(64, GFP_KERNEL);
	pthread_t t;

	assert_non_null(c);
	assert_non_null(p);
	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, stay, NULL);
	pthread_barrier_wait(&all_there);
	marked = hak_superslab_claim(c, 0);
	if (!marked && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		marked = hak_superslab_claim(c, 0);
	assert_non_null(marked);
	atomic_set(&hak_node[0]->growing, 1);
	llist_add(p, &d->list);
	/* This arms the reaper. */
	hak_pool_put(marked, HAK_OWNED);
	assert_int_equal(atomic_read(&hak_reap_armed), 1);
	assert_int_equal(in_child(marks_are_reset), 0);
	atomic_set(&hak_node[0]->growing, 0);
	assert_ptr_equal(llist_del_all(&d->list), p);
	kfree(p);
	wait_for_reaper();
	hak_cache_destroy(c);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);
}

/*
 * A whole slab waits for readers, and the reaper is armed and not queued yet. Nobody else would
 * queue it in the child, because there is no other slab to reap.
 */
static void test_limbo(void **state)
{
	struct hak_cache *c = hak_cache_create("limbo", 4096, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	pthread_t t;
	int status;

	assert_non_null(c);
	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, stay, NULL);
	pthread_barrier_wait(&all_there);
	marked = hak_superslab_claim(c, 0);
	if (!marked && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		marked = hak_superslab_claim(c, 0);
	assert_non_null(marked);
	for (int ms = 0; ms < 2000 && atomic_read(&hak_reap_armed); ms++) {
		usleep(1000);
		shim_run_pending();
	}
	assert_int_equal(atomic_read(&hak_reap_armed), 0);
	mutex_lock(&hak_cache_mutex);
	hak_pool_put(marked, HAK_OWNED);
	hak_pool_take_queue();
	hak_pool_reap_taken(1000, NULL);
	mutex_unlock(&hak_cache_mutex);
	assert_int_equal(hak_rc_state(atomic_read(&marked->rc)), HAK_OWNED);
	assert_int_equal(atomic_read(&hak_reap_armed), 1);
	status = in_child(wait_for_reaper);
	wait_for_reaper();
	hak_cache_destroy(c);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);
	assert_int_equal(status, 0);
}

void __real_shim_yield(void);
void __wrap_shim_yield(void);

static unsigned int yields;

void __wrap_shim_yield(void)
{
	__atomic_fetch_add(&yields, 1, __ATOMIC_RELAXED);
	__real_shim_yield();
}

static struct {
	char memory[64];
	raw_spinlock_t lock;
} freed;

/* In the list it comes before those that are initialised at run time. */
static DEFINE_RAW_SPINLOCK(earlier);

static void *hold_lock(void *arg)
{
	raw_spin_lock(&freed.lock);
	pthread_barrier_wait(&all_there);
	usleep(50000);
	raw_spin_lock(&earlier);
	raw_spin_unlock(&earlier);
	raw_spin_unlock(&freed.lock);
	return arg;
}

static void lock_is_free(void)
{
	if (!raw_spin_trylock(&freed.lock))
		_exit(3);
	raw_spin_unlock(&freed.lock);
}

/*
 * A lock was initialised twice, and memory before it was freed. fork() waits until the thread
 * that holds the lock is done with it, and lets go of the locks it has meanwhile, one of
 * which the thread wants. It soon sleeps, so that the thread can run in any case.
 */
static void __maybe_unused test_fork_waits_for_a_lock(void **state)
{
	pthread_t t;
	int status;

	alarm(30);
	raw_spin_lock_init(&freed.lock);
	raw_spin_lock_init(&freed.lock);
	shim_locks_forget(freed.memory, sizeof(freed.memory));
	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, hold_lock, NULL);
	pthread_barrier_wait(&all_there);
	yields = 0;
	status = in_child(lock_is_free);
	pthread_join(t, NULL);
	shim_locks_forget(&freed.lock, sizeof(freed.lock));
	alarm(0);
	assert_int_equal(status, 0);
	assert_true(yields < 100);
}

/*
 * An object had a lock in it, and is used for something else. fork() neither waits for that to
 * become a free lock, nor writes to it.
 */
static void object_had_a_lock(void)
{
	unsigned char *p = hak_alloc(64, GFP_KERNEL), *q = NULL;
	pthread_t t;
	int status;

	alarm(10);
	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, stay, NULL);
	pthread_barrier_wait(&all_there);
	raw_spin_lock_init((raw_spinlock_t *)p);
	hak_free(p);
	for (int i = 0; i < 1000 && q != p; i++)
		q = hak_alloc(64, GFP_KERNEL);
	if (q != p || !hak_slab_of(q))
		_exit(3);
	memset(q, 0xff, 64);
	status = in_child(number_is_new);
	for (int i = 0; i < 64; i++)
		if (q[i] != 0xff)
			_exit(4);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);
	_exit(!!status);
}

static void __maybe_unused test_fork_after_lock_in_object(void **state)
{
	assert_int_equal(in_child(object_had_a_lock), 0);
}

static struct hak_cpu_cache **used_before;

static void *be_there(void *arg)
{
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	return arg;
}

static void caches_are_used(void)
{
	if (shim_caches != used_before)
		_exit(3);
}

/* A thread does not use its caches while it forks. Afterwards it does, in the child, too. */
static void __maybe_unused test_fork_leaves_the_caches(void **state)
{
	pthread_t t;
	int status;

	free(opaque(malloc(8)));
	used_before = shim_caches;
	assert_non_null(used_before[0]->cache);
	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, be_there, NULL);
	pthread_barrier_wait(&all_there);
	status = in_child(caches_are_used);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);
	assert_int_equal(status, 0);
	assert_ptr_equal(shim_caches, used_before);
}

static raw_spinlock_t *of_id;

static void *hold_lock_of_id(void *arg)
{
	free(opaque(malloc(8)));
	of_id = hak_rcu_cpu_lock(smp_processor_id());
	raw_spin_lock(of_id);
	pthread_barrier_wait(&all_there);
	usleep(50000);
	raw_spin_unlock(of_id);
	return arg;
}

static void lock_of_id_is_free(void)
{
	if (!raw_spin_trylock(of_id))
		_exit(3);
	raw_spin_unlock(of_id);
}

/* The same of a lock in the per-CPU memory of an id, which has come with the id. */
static void __maybe_unused test_fork_waits_for_lock_of_id(void **state)
{
	pthread_t t;

	alarm(30);
	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, hold_lock_of_id, NULL);
	pthread_barrier_wait(&all_there);
	assert_int_equal(in_child(lock_of_id_is_free), 0);
	pthread_join(t, NULL);
	alarm(0);
}

static struct hak_rcu_cpu *freeing;

/*
 * Stay where hak_free_rcu() has taken objects off and not freed them, and has marked the work
 * item as queued and not queued it.
 */
static void *stay_in_rcu_free(void *arg)
{
	free(opaque(malloc(8)));
	freeing = this_cpu_ptr(hak_rcu_cpu);
	cancel_delayed_work_sync(&freeing->work);
	WRITE_ONCE(freeing->used, true);
	WRITE_ONCE(freeing->armed, true);
	atomic_inc(&freeing->freeing[0]);
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	atomic_dec(&freeing->freeing[0]);
	WRITE_ONCE(freeing->armed, false);
	return arg;
}

static void nobody_frees(void)
{
	alarm(10);
	hak_free_rcu_barrier();
	if (!work_pending(&freeing->work.work))
		_exit(3);
}

/* If a thread vanishes while it frees objects under RCU, the child does not wait for it. */
static void __maybe_unused test_fork_amid_rcu_free(void **state)
{
	pthread_t t;
	int status;

	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, stay_in_rcu_free, NULL);
	pthread_barrier_wait(&all_there);
	status = in_child(nobody_frees);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);
	assert_int_equal(status, 0);
}

static struct work_struct long_work, child_work;
static bool began, ended, ran;

static void long_fn(struct work_struct *w)
{
	__atomic_store_n(&began, true, __ATOMIC_RELEASE);
	usleep(50000);
	__atomic_store_n(&ended, true, __ATOMIC_RELEASE);
}

static void *run_long(void *arg)
{
	queue_work(system_wq, &long_work);
	while (!__atomic_load_n(&began, __ATOMIC_ACQUIRE))
		shim_run_pending();
	return arg;
}

static void child_fn(struct work_struct *w)
{
	ran = true;
}

static void work_runs_here(void)
{
	if (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE))
		_exit(3);
	queue_work(system_wq, &child_work);
	shim_run_pending();
	if (!ran)
		_exit(4);
}

/* fork() waits until a thread is done with the work that it runs. The child runs work, too. */
static void __maybe_unused test_fork_waits_for_work(void **state)
{
	pthread_t t;

	INIT_WORK(&long_work, long_fn);
	INIT_WORK(&child_work, child_fn);
	pthread_create(&t, NULL, run_long, NULL);
	while (!__atomic_load_n(&began, __ATOMIC_ACQUIRE))
		usleep(100);
	assert_int_equal(in_child(work_runs_here), 0);
	pthread_join(t, NULL);
}

static struct hak_cache *half;

/* The magazine that CPU @cc fills next. */
static struct hak_magazine *next_magazine(struct hak_cpu_cache *cc)
{
	return (void *)cc + hak_magazine_offset(cc->cap) +
	       cc->sends % cc->mags * hak_magazine_bytes(cc->cap);
}

static struct hak_cpu_cache *enter_with(unsigned int n)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(half->cpu);

	preempt_disable();
	hak_cpu_enter(cc);
	hak_cpu_flush(half, cc);
	cc->nr = hak_cpu_take_from_slab(half, cc, 0, cc->obj, n);
	assert_int_equal(cc->nr, n);
	return cc;
}

static void leave(struct hak_cpu_cache *cc)
{
	hak_cpu_leave(cc);
	preempt_enable();
}

/*
 * Stay where hak_depot_send() has filled a magazine and not put it onto the
 * stack.
 */
static void *stay_in_send(void *arg)
{
	struct hak_cpu_cache *cc;
	struct hak_magazine *m;

	free(opaque(malloc(8)));
	cc = enter_with(half->cap);
	m = next_magazine(cc);
	m->nr = hak_cpu_batch(cc);
	memcpy(m->obj, cc->obj, m->nr * sizeof(*m->obj));
	WRITE_ONCE(m->full, 1);
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	WRITE_ONCE(m->full, 0);
	leave(cc);
	return NULL;
}

/* Stay where hak_depot_receive() has the magazine and not copied it. */
static void *stay_in_receive(void *arg)
{
	struct llist_node *n;
	struct hak_cpu_cache *cc;

	free(opaque(malloc(8)));
	cc = enter_with(0);
	n = llist_del_all(&half->pool[0]->depot.incoming);
	assert_non_null(n);
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	llist_add(n, &half->pool[0]->depot.incoming);
	leave(cc);
	return NULL;
}

/*
 * Only magazines in the depot have objects, and all other objects are accounted
 * for.
 */
static void nothing_is_lost(void)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(half->cpu);
	struct hak_class_stats cs;

	hak_class_stats_read(half, &cs);
	if (cs.depot || cs.live)
		_exit(3);
	for (unsigned int i = 0; i < 2 * HAK_MAGAZINES; i++) {
		enter_with(hak_cpu_batch(cc));
		if (!hak_depot_send(half, cc))
			_exit(4);
		cc->nr = 0;
		leave(cc);
		hak_depot_flush(half, 0);
	}
	hak_class_stats_read(half, &cs);
	if (cs.depot || cs.live)
		_exit(5);
}

/* If a thread vanishes while it sends or receives, its magazine is empty again. */
static void __maybe_unused test_fork_amid_magazines(void **state)
{
	struct hak_cpu_cache *cc;
	pthread_t t;

	half = hak_cache_create("half_sent", 512, 0, 0, NULL);
	assert_non_null(half);
	assert_true(hak_superslab_grow(0, GFP_KERNEL) >= 0);
	pthread_barrier_init(&all_there, NULL, 2);

	pthread_create(&t, NULL, stay_in_send, NULL);
	pthread_barrier_wait(&all_there);
	assert_int_equal(in_child(nothing_is_lost), 0);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);

	cc = enter_with(hak_cpu_batch(this_cpu_ptr(half->cpu)));
	assert_true(hak_depot_send(half, cc));
	cc->nr = 0;
	leave(cc);
	pthread_create(&t, NULL, stay_in_receive, NULL);
	pthread_barrier_wait(&all_there);
	assert_int_equal(in_child(nothing_is_lost), 0);
	pthread_barrier_wait(&all_there);
	pthread_join(t, NULL);
	hak_cache_destroy(half);
}

static void *make_and_destroy(void *arg)
{
	unsigned long n = 0;

	pthread_barrier_wait(&all_there);
	for (; !READ_ONCE(stop); n++) {
		struct hak_cache *c = hak_cache_create("comes_and_goes", 64, 0, 0, NULL);

		if (!c)
			return NULL;
		hak_cache_free(c, hak_cache_alloc(c, GFP_KERNEL));
		hak_cache_destroy(c);
	}
	return (void *)n;
}

/* Only a cache that the vanished thread had finished, and not begun to destroy, is there. */
static void name_is_free(void)
{
	struct hak_cache *c, *there = NULL;
	struct hak_class_stats cs;

	alarm(30);
	list_for_each_entry(c, &hak_caches, list)
		if (!strcmp(c->name, "comes_and_goes"))
			there = c;
	if (there) {
		hak_class_stats_read(there, &cs);
		/* The thread vanished between its allocation and its free. */
		if (cs.live || cs.fallback)
			return;
		hak_cache_destroy(there);
	}
	c = hak_cache_create("comes_and_goes", 64, 0, 0, NULL);
	if (!c)
		_exit(3);
	hak_cache_free(c, hak_cache_alloc(c, GFP_KERNEL));
	hak_cache_destroy(c);
}

/*
 * A thread vanishes while it creates or destroys a cache. fork() waits for it as long as it
 * holds a lock only, and in the child nothing of it keeps the name.
 */
static void __maybe_unused test_fork_amid_creation(void **state)
{
	pthread_t t;
	void *made;

	alarm(60);
	WRITE_ONCE(stop, 0);
	pthread_barrier_init(&all_there, NULL, 2);
	pthread_create(&t, NULL, make_and_destroy, NULL);
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < 200 / SLOW; i++)
		assert_int_equal(in_child(name_is_free), 0);
	WRITE_ONCE(stop, 1);
	pthread_join(t, &made);
	assert_non_null(made);
	alarm(0);
}

static int bring_main_up(void **state)
{
	free(opaque(malloc(8)));
	return shim_thread != SHIM_ONLINE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
/* ThreadSanitizer has a thread of its own. */
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(test_fork_with_lock),
#endif
		cmocka_unit_test(test_number_of_child),
		cmocka_unit_test(test_single_thread),
		cmocka_unit_test(test_half_queued),
		cmocka_unit_test(test_vanished_at_work),
		cmocka_unit_test(test_limbo),
/* ThreadSanitizer loses count of threads after a fork() with several. */
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(test_busy_threads),
		cmocka_unit_test(test_fork_in_threads),
		cmocka_unit_test(test_fork_while_inside),
		cmocka_unit_test(test_fork_amid_magazines),
		cmocka_unit_test(test_fork_amid_creation),
		cmocka_unit_test(test_fork_waits_for_a_lock),
		cmocka_unit_test(test_fork_after_lock_in_object),
		cmocka_unit_test(test_fork_leaves_the_caches),
		cmocka_unit_test(test_fork_waits_for_lock_of_id),
		cmocka_unit_test(test_fork_amid_rcu_free),
		cmocka_unit_test(test_fork_waits_for_work),
#endif
	};

	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
