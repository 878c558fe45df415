// SPDX-License-Identifier: GPL-2.0
/*
 * Parked ids: a thread that ends leaves its per-CPU caches as they are, and a new
 * thread takes them over with the id. So short-lived threads need not empty and
 * fill them each time.
 *
 * A parked id is up, as the core sees it, and not online. Its objects and slabs
 * count as any CPU's. The number of parked ids is bounded. If no thread has taken
 * an id over within a second it is taken down. All are taken down if memory is
 * wanted, and by malloc_trim().
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

/* Oldest first. Under shim_hotplug_lock. */
static struct parked parked[MOST];
static unsigned int nr_parked;

static void flush_old(struct work_struct *work);
static DECLARE_DELAYED_WORK(flush_work, flush_old);

unsigned int shim_nr_parked(void)
{
	return READ_ONCE(nr_parked);
}

/*
 * Two for each processor, since hardly more threads than that end or begin at one
 * time.
 */
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
 * If there are too many, the ids parked longest are taken down.
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
 * An id that was last used on the thread's processor is warm there. Otherwise any
 * parked id is better than one with empty caches.
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

/*
 * fork() waits for deferred work while it holds the lock, so this must not wait
 * for the lock.
 */
static void flush_old(struct work_struct *work)
{
	if (cpus_read_trylock()) {
		flush_older(ktime_get_coarse_ns() - KEEP_MS * 1000000ULL);
		cpus_read_unlock();
	}
	if (READ_ONCE(nr_parked))
		queue_delayed_work(system_wq, &flush_work, KEEP_MS);
}

/**
 * shim_flush_parked() - take all parked ids down
 *
 * Context: no lock held except possibly shim_hotplug_lock; not in deferred work.
 */
void shim_flush_parked(void)
{
	if (!READ_ONCE(nr_parked))
		return;
	cpus_read_lock();
	flush_older(U64_MAX);
	cpus_read_unlock();
}

/* Likewise, unless another thread holds shim_hotplug_lock. Context: no lock held. */
void shim_try_flush_parked(void)
{
	if (READ_ONCE(nr_parked) && cpus_read_trylock()) {
		flush_older(U64_MAX);
		cpus_read_unlock();
	}
}
