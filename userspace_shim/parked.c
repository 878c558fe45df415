// SPDX-License-Identifier: GPL-2.0
/*
 * Parked ids: when a thread ends it leaves its per-CPU caches as they are, and a new
 * thread takes them over together with the id. So short-lived threads need not fill and
 * empty caches each time.
 *
 * For the core a parked id is a CPU that is up but not online, and its objects and slabs
 * count like those of any CPU. The number of parked ids is bounded. If no thread takes an
 * id over within a second, the id is taken down. If memory is short, and by
 * malloc_trim(), all ids are taken down.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>

#include <linux/cpu.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "shim.h"

#define MOST		64
#define KEEP_MS		1000

struct parked {
	unsigned int id;
	int processor;	/* processor on which its thread ran last */
	u64 since;
};

/* The id that was parked first comes first. Under shim_hotplug_lock. */
static struct parked parked[MOST];
static unsigned int nr_parked;

static void flush_old(struct work_struct *work);
static DECLARE_DELAYED_WORK(flush_work, flush_old);

unsigned int shim_nr_parked(void)
{
	return READ_ONCE(nr_parked);
}

/* Two for each processor, because hardly more threads begin or end at one time. */
static unsigned int most_parked(void)
{
	static unsigned int most;

	if (!most)
		most = clamp(2 * sysconf(_SC_NPROCESSORS_ONLN), 4L, (long)MOST);
	return most;
}

static unsigned int take_out(unsigned int i)
{
	unsigned int id = parked[i].id;

	WRITE_ONCE(nr_parked, nr_parked - 1);
	memmove(&parked[i], &parked[i + 1], (nr_parked - i) * sizeof(*parked));
	return id;
}

/**
 * shim_park() - keep the caches of a thread that ends
 * @id: its id, which is no longer online
 *
 * If too many ids are parked, those that were parked first are taken down.
 *
 * Context: shim_hotplug_lock held.
 */
void shim_park(unsigned int id)
{
	while (nr_parked >= most_parked())
		shim_take_down(take_out(0));
	parked[nr_parked] = (struct parked){ id, sched_getcpu(), ktime_get_coarse_ns() };
	WRITE_ONCE(nr_parked, nr_parked + 1);
	if (nr_parked == 1)
		queue_delayed_work(system_wq, &flush_work, KEEP_MS);
}

/**
 * shim_unpark() - find a parked id for a new thread
 *
 * If an id was last used on this thread's processor, its caches are warm there, so it is
 * taken first. Any other parked id is still better than an id with empty caches.
 *
 * Context: shim_hotplug_lock held.
 * Return: the id, or -1 if none is parked.
 */
int shim_unpark(void)
{
	int processor = sched_getcpu();
	unsigned int i;

	if (!nr_parked)
		return -1;
	for (i = nr_parked; i--;) {
		if (parked[i].processor == processor)
			return take_out(i);
	}
	return take_out(nr_parked - 1);
}

static void flush_older(u64 than)
{
	while (nr_parked && parked[0].since <= than)
		shim_take_down(take_out(0));
}

static void flush_all(void)
{
	flush_older(U64_MAX);
	shim_thread_bury_ended();
}

/*
 * This is deferred work. fork() waits for deferred work while it holds the lock, so this
 * only tries the lock.
 */
static void flush_old(struct work_struct *work)
{
	bool again = true;

	if (cpus_read_trylock()) {
		flush_older(ktime_get_coarse_ns() - KEEP_MS * 1000000ULL);
		shim_thread_bury_ended();
		again = nr_parked;
		cpus_read_unlock();
	}
	if (again)
		queue_delayed_work(system_wq, &flush_work, KEEP_MS);
}

/**
 * shim_look_later() - see to it that threads that end online are found
 *
 * Within a second or two, if the program does anything.
 */
void shim_look_later(void)
{
	if (!READ_ONCE(flush_work.work.pending))
		queue_delayed_work(system_wq, &flush_work, KEEP_MS);
}

/**
 * shim_flush_parked() - take all parked ids down, and those of threads that ended online
 *
 * Context: no lock held except possibly shim_hotplug_lock; not in deferred work.
 */
void shim_flush_parked(void)
{
	cpus_read_lock();
	flush_all();
	cpus_read_unlock();
}

/* Do the same, unless another thread holds shim_hotplug_lock. Context: no lock held. */
void shim_try_flush_parked(void)
{
	if (cpus_read_trylock()) {
		flush_all();
		cpus_read_unlock();
	}
}
