// SPDX-License-Identifier: GPL-2.0
/*
 * Threads as CPUs: ids, and the hotplug callbacks. See shim.h for the states.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include <linux/bug.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kernel.h>
#include <linux/percpu.h>

#include "core.h"
#include "shim.h"

#define MAX_STATES	16

struct hotplug_state {
	const char *name;
	int (*startup)(unsigned int cpu);
	int (*teardown)(unsigned int cpu);
};

__thread enum shim_thread_state shim_thread;

unsigned long shim_online_map[BITS_TO_LONGS(NR_CPUS)];
unsigned int shim_cpus_online;

/*
 * Protects everything below; cpus_read_lock() takes it, too. It is taken before
 * all other locks.
 */
struct shim_futex shim_hotplug_lock = SHIM_LOCK_INIT;
static unsigned int hotplug_depth;
static struct hotplug_state states[MAX_STATES];
static u16 free_ids[NR_CPUS];
static unsigned int nr_free_ids;

/* If so many ids are online, look for threads that have ended before using another id. */
static unsigned int look_at;

/*
 * A thread holds its id's lock as long as it has the id. If the thread ends before that,
 * the kernel marks the lock, since it is robust. Nobody ever waits for it.
 */
static DEFINE_PER_CPU(pthread_mutex_t, owner);

static pthread_key_t key;

/* The round of destructors in which a thread goes offline: the last. */
#ifdef HAK_SHIM_SANITIZER
/* ThreadSanitizer destroys its own thread state in the last round. */
#define LAST_ROUND	(PTHREAD_DESTRUCTOR_ITERATIONS - 1)
#else
#define LAST_ROUND	PTHREAD_DESTRUCTOR_ITERATIONS
#endif

static void hotplug_lock(void)
{
	if (!shim_lock_mine(&shim_hotplug_lock))
		shim_lock(&shim_hotplug_lock);
	hotplug_depth++;
}

static void hotplug_unlock(void)
{
	if (!--hotplug_depth)
		shim_unlock(&shim_hotplug_lock);
}

void cpus_read_lock(void)
{
	might_sleep();
	hotplug_lock();
}

void cpus_read_unlock(void)
{
	hotplug_unlock();
}

int cpus_read_trylock(void)
{
	if (!shim_lock_mine(&shim_hotplug_lock) &&
	    !shim_trylock(&shim_hotplug_lock))
		return 0;
	hotplug_depth++;
	return 1;
}

/* Run the teardown callbacks of states below @n, the last first. */
static void call_down(unsigned int cpu, unsigned int n)
{
	while (n--) {
		if (states[n].teardown)
			states[n].teardown(cpu);
	}
}

static int call_up(unsigned int cpu)
{
	unsigned int i;
	int err;

	for (i = 0; i < MAX_STATES; i++) {
		if (!states[i].startup)
			continue;
		err = states[i].startup(cpu);
		if (err) {
			call_down(cpu, i);
			return err;
		}
	}
	return 0;
}

/*
 * The calling thread takes an id that no thread has. The lock is initialised each time,
 * because in a child of fork() it may be held by a thread of the parent.
 */
static void own(unsigned int cpu)
{
	pthread_mutex_t *lock = per_cpu_ptr(&owner, cpu);
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_mutex_trylock(lock);
}

static void disown(unsigned int cpu)
{
	pthread_mutex_unlock(per_cpu_ptr(&owner, cpu));
}

/* Has the thread that had @cpu ended? If so, nobody has @cpu now. */
static bool has_ended(unsigned int cpu)
{
	pthread_mutex_t *lock = per_cpu_ptr(&owner, cpu);

	if (pthread_mutex_trylock(lock) != EOWNERDEAD)
		return false;
	pthread_mutex_consistent(lock);
	pthread_mutex_unlock(lock);
	return true;
}

/* Get an id whose caches are empty, or were never used. */
static int get_id(void)
{
	if (!nr_free_ids &&
	    (shim_cpus_online >= look_at || shim_cpus_used == nr_cpu_ids)) {
		shim_thread_bury_ended();
		look_at = shim_cpus_online + shim_cpus_online / 2 + 4;
	}
	if (nr_free_ids)
		return free_ids[--nr_free_ids];
	if (shim_cpus_used < nr_cpu_ids)
		return shim_cpus_used;
	return -1;
}

static void put_id(unsigned int cpu)
{
	if (cpu < shim_cpus_used)
		free_ids[nr_free_ids++] = cpu;
}

static void set_online(unsigned int cpu, bool online)
{
	assign_bit(cpu, shim_online_map, online);
	WRITE_ONCE(shim_cpus_online, shim_cpus_online + (online ? 1 : -1));
}

static void move_to(unsigned int cpu)
{
	own(cpu);
	set_online(cpu, true);
	shim_cpu = cpu;
	shim_cpu_delta = shim_cpu_deltas[cpu];
	if (shim_front_use)
		shim_front_use(true);
	shim_crash_stack(cpu, true);
}

/* Take over the caches of a thread that has ended. */
static bool take_over(void)
{
	int cpu = shim_unpark();

	if (cpu < 0)
		return false;
	if (pthread_setspecific(key, (void *)1)) {
		shim_park(cpu);
		return false;
	}
	move_to(cpu);
	return true;
}

/*
 * Give an id its per-CPU memory. That is a copy, so nobody fills in the caches of the ids
 * meanwhile, see hak_cache_setup().
 */
static int map(unsigned int cpu)
{
	int err;

	mutex_lock(&hak_cache_mutex);
	err = shim_percpu_map(cpu);
	mutex_unlock(&hak_cache_mutex);
	return err;
}

/* The thread is on id 0 until all of this has worked. */
static bool bring_up(void)
{
	int cpu;

	if (take_over())
		return true;
	cpu = get_id();
	if (cpu < 0)
		return false;
	if (map(cpu) || pthread_setspecific(key, (void *)1)) {
		put_id(cpu);
		return false;
	}
	if (call_up(cpu)) {
		pthread_setspecific(key, NULL);
		put_id(cpu);
		return false;
	}
	move_to(cpu);
	return true;
}

/* Called at the first malloc-family call of a thread. */
void shim_thread_online(void)
{
	int saved = errno;
	bool up;

	if (shim_thread != SHIM_NEW)
		return;
	WRITE_ONCE(shim_thread, SHIM_MOVING);
	hotplug_lock();
	up = bring_up();
	hotplug_unlock();
	WRITE_ONCE(shim_thread, up ? SHIM_ONLINE : SHIM_SHARED);
	errno = saved;
}

/*
 * Did the thread end inside the core? If so, the cache it was in is busy for
 * ever.
 */
static bool is_inside(unsigned int cpu)
{
	struct hak_cache *c;
	bool inside = false;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list)
		inside |= hak_cpu_inside(per_cpu_ptr(c->cpu, cpu));
	mutex_unlock(&hak_cache_mutex);
	return inside;
}

/**
 * shim_take_down() - empty the caches of an id, and free the id
 * @cpu: the id, which no thread uses
 *
 * Context: shim_hotplug_lock held.
 */
void shim_take_down(unsigned int cpu)
{
	bool inside = is_inside(cpu);

	call_down(cpu, MAX_STATES);
	if (!inside)
		put_id(cpu);
}

void shim_thread_offline(void)
{
	unsigned int cpu = shim_cpu;
	int saved = errno;

	if (shim_thread != SHIM_ONLINE)
		return;
	WRITE_ONCE(shim_thread, SHIM_DEAD);
	if (shim_front_use)
		shim_front_use(false);
	barrier();
	shim_cpu = SHIM_NOBODY;
	shim_cpu_delta = 0;
	shim_crash_stack(cpu, false);
	hotplug_lock();
	disown(cpu);
	set_online(cpu, false);
	if (is_inside(cpu))
		shim_take_down(cpu);
	else
		shim_park(cpu);
	hotplug_unlock();
	shim_run_pending();
	errno = saved;
}

/*
 * Destructors of other keys may still allocate and free, so wait for the last
 * round. Destructors that come after ours in that round run on id 0.
 *
 * If the thread came online in one of those destructors, this counts too few rounds, and
 * the thread ends online. So somebody has to look for it.
 */
static void key_destroy(void *round)
{
	unsigned long n = (unsigned long)round;

	if (n < LAST_ROUND &&
	    !pthread_setspecific(key, (void *)(n + 1))) {
		shim_look_later();
		return;
	}
	shim_thread_offline();
}

/* The thread that had @cpu is gone. If it was inside the core, @cpu stays unused. */
static void bury(unsigned int cpu)
{
	set_online(cpu, false);
	shim_take_down(cpu);
}

/**
 * shim_thread_bury_ended() - take down the ids of threads that ended online
 *
 * A thread does so if its destructor was called too few times, or not at all.
 *
 * Context: shim_hotplug_lock held.
 */
void shim_thread_bury_ended(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		if (cpu != shim_cpu && has_ended(cpu))
			bury(cpu);
	}
}

/*
 * In a forked child: every thread but this one is gone. The caller holds
 * shim_hotplug_lock.
 */
void shim_thread_bury_others(void)
{
	unsigned int cpu;

	hotplug_depth++;
	for_each_online_cpu(cpu) {
		if (cpu != shim_cpu)
			bury(cpu);
	}
	hotplug_depth--;
}

/* Other threads do not run work when they are asked to, so only this one flushes its cache. */
void hak_cache_flush_cpus(struct hak_cache *c)
{
	hak_cache_flush_this(c);
}

/* In a forked child: the thread keeps its id, and has another number. */
void shim_thread_forked(void)
{
	shim_current_forked();
	if (shim_thread == SHIM_ONLINE)
		own(shim_cpu);
}

int shim_thread_init(void)
{
	return -pthread_key_create(&key, key_destroy);
}

int __cpuhp_setup_state(enum cpuhp_state state, const char *name, bool invoke,
			int (*startup)(unsigned int cpu),
			int (*teardown)(unsigned int cpu))
{
	unsigned int i, cpu;
	int err = 0;

	hotplug_lock();
	/* The callbacks do not know parked ids. */
	shim_flush_parked();
	for (i = 1; i < MAX_STATES && states[i].name; i++)
		;
	if (i == MAX_STATES) {
		hotplug_unlock();
		return -ENOSPC;
	}
	if (invoke && startup) {
		for_each_online_cpu(cpu) {
			err = err ? err : startup(cpu);
		}
	}
	if (!err)
		states[i] = (struct hotplug_state){ name, startup, teardown };
	hotplug_unlock();
	return err ? err : (int)i;
}

void __cpuhp_remove_state(enum cpuhp_state state, bool invoke)
{
	unsigned int cpu;

	hotplug_lock();
	shim_flush_parked();
	if (invoke && states[state].teardown) {
		for_each_online_cpu(cpu)
			states[state].teardown(cpu);
	}
	states[state] = (struct hotplug_state){ 0 };
	hotplug_unlock();
}
