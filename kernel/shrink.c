// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: the shrinker, the OOM notifier, the idle trim, and "shrink" in
 * debugfs. This is part of the module only; a userspace build has its own triggers.
 *
 * Each CPU empties its per-CPU caches itself, in a work item. CPUs that run without
 * the tick (nohz_full) are not disturbed, unless a person asked for the shrink.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/printk.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/tick.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "core.h"
#include "shrink.h"

/* The period of the idle trim, in ms. A cache that did not change for so long is idle. */
#define HAK_TRIM_MS	1000

/*
 * How long to wait for CPUs to empty their caches, in ms. A real-time task may keep a CPU
 * busy for ever, and the OOM killer may be waiting for the task that waits here.
 */
#define HAK_FLUSH_MS	500

/**
 * struct hak_trim_cpu - requests to a CPU to empty its caches
 * @flush: the work item that empties them
 * @all: empty all caches, not only those that are idle
 * @asked: number of requests so far
 * @done: the requests that a finished flush has answered: what @asked was when the
 *	flush began
 * @late: what @asked was when a shrink last waited for this CPU in vain; until @done
 *	reaches it, shrinks do not wait for this CPU
 */
struct hak_trim_cpu {
	struct work_struct flush;
	bool all;
	atomic_t asked;
	int done;
	int late;
};

/**
 * struct hak_given - what shrinks have given back on a memory node
 * @unreported: bytes that no OOM notice has dealt with: those that came back in the second
 *	that began at hak_unreported_since, and those of the second before
 * @counted: hak_arena_node_returned() up to which bytes are counted
 * @noticed: when a task that may use the node last caused a notice, in jiffies
 * @low: the least that hakmem held at the end of a notice of the current series
 * @again: how often in this series a notice has reported pages of the node, although
 *	hakmem held no less than @low
 *
 * All are under hak_shrink_mutex.
 */
struct hak_given {
	u64 unreported[2];
	u64 counted;
	unsigned long noticed;
	u64 low;
	unsigned int again;
};

static struct workqueue_struct *hak_shrink_wq;
static struct hak_trim_cpu __percpu *hak_trim_cpu;
static struct delayed_work hak_trim_work;
static struct work_struct hak_pressure_work;
static struct shrinker *hak_shrinker;
/* Only tests set it, in kernels with KUnit. */
static bool hak_trim_paused;
static unsigned long hak_last_flush;

/*
 * One shrink at a time. It nests inside cpus_read_lock() and outside hak_cache_mutex.
 * Its holder waits for that mutex, and for HAK_FLUSH_MS for the CPUs' workers, but never
 * for memory or CPU hotplug. So a task that needs memory may wait for it. If a task of
 * realtime priority keeps a holder of hak_cache_mutex from its CPU, this takes longer.
 */
static DEFINE_MUTEX(hak_shrink_mutex);

/*
 * What has come back on each node, since when the current second counts, and how many
 * shrinks are counting; under hak_shrink_mutex.
 */
static struct hak_given *hak_given;
static unsigned long hak_unreported_since;
static unsigned int hak_counting;

static DECLARE_WAIT_QUEUE_HEAD(hak_flushed);

static void hak_flush_run(struct work_struct *work)
{
	struct hak_trim_cpu *t = container_of(work, struct hak_trim_cpu, flush);
	int asked = atomic_read(&t->asked);

	hak_cpu_flush_this(xchg(&t->all, false));
	/* Pairs with smp_load_acquire() in hak_flush_awaited(). */
	smp_store_release(&t->done, asked);
	wake_up_all(&hak_flushed);
}

/* Make @cpu empty its caches: all of them if @all, else those that are idle. */
static void hak_flush_queue(unsigned int cpu, bool all)
{
	struct hak_trim_cpu *t = per_cpu_ptr(hak_trim_cpu, cpu);

	/* If a flush is pending, this queues no other, and the pending one sees this request. */
	if (all)
		WRITE_ONCE(t->all, true);
	/* A flush that is running, and that answers this request, has to see @all. */
	smp_mb__before_atomic(); /* pairs with xchg() in hak_flush_run() */
	atomic_inc(&t->asked);
	queue_work_on(cpu, hak_shrink_wq, &t->flush);
}

/*
 * Has @t not answered a request yet? Unless @late, a CPU that is late is not waited
 * for, and the answer is no.
 */
static bool hak_flush_awaited(struct hak_trim_cpu *t, bool late)
{
	/* Pairs with smp_store_release() in hak_flush_run(). */
	int done = smp_load_acquire(&t->done);

	if (done == atomic_read(&t->asked))
		return false;
	return late || done - READ_ONCE(t->late) >= 0;
}

/* Have all CPUs answered that the caller waits for? */
static bool hak_flush_all_done(bool late)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (hak_flush_awaited(per_cpu_ptr(hak_trim_cpu, cpu), late))
			return false;
	return true;
}

/* Mark the CPUs that have not answered as late. */
static void hak_flush_give_up(void)
{
	unsigned int cpu;

	hak_count(HAK_EV_LATE);
	for_each_possible_cpu(cpu) {
		struct hak_trim_cpu *t = per_cpu_ptr(hak_trim_cpu, cpu);

		if (hak_flush_awaited(t, false))
			WRITE_ONCE(t->late, atomic_read(&t->asked));
	}
}

/*
 * Have all CPUs empty their caches, and wait for that for @ms at most. CPUs that run
 * without the tick are asked only with @nohz_full. Unless @late, this does not wait for
 * a CPU that did not answer the last time, as it is likely not to answer now.
 *
 * CPU hotplug may run meanwhile. If a CPU goes away, hak_cpu_dead() takes what it holds,
 * and another CPU runs its work item.
 */
static void hak_flush_cpus(bool nohz_full, bool late, unsigned int ms)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if ((nohz_full || !tick_nohz_full_cpu(cpu)) && hak_cpu_holds(cpu))
			hak_flush_queue(cpu, true);
	if (!wait_event_timeout(hak_flushed, hak_flush_all_done(late),
				msecs_to_jiffies(ms)))
		hak_flush_give_up();
}

/* A request to a CPU to flush its cache of @c. */
struct hak_cache_flush {
	struct work_struct work;
	struct hak_cache *c;
};

static void hak_cache_flush_run(struct work_struct *work)
{
	hak_cache_flush_this(container_of(work, struct hak_cache_flush, work)->c);
}

/*
 * This is not work_on_cpu(), because the caller may be a worker that reclaims memory, which
 * may not wait for a worker that has to be made first.
 */
void hak_cache_flush_cpus(struct hak_cache *c)
{
	unsigned int cpu;

	/* No CPU may go away before it was asked. */
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		struct hak_cache_flush f = { .c = c };

		INIT_WORK_ONSTACK(&f.work, hak_cache_flush_run);
		queue_work_on(cpu, hak_shrink_wq, &f.work);
		flush_work(&f.work);
		destroy_work_on_stack(&f.work);
	}
	cpus_read_unlock();
}

/*
 * Forget the bytes that came back more than a second ago and were not reported: the
 * page allocator has looked for memory since.
 */
static void hak_forget_unreported(void)
{
	unsigned long age = jiffies - hak_unreported_since;
	int nid;

	lockdep_assert_held(&hak_shrink_mutex);

	if (age < HZ)
		return;
	for_each_node(nid) {
		struct hak_given *g = &hak_given[nid];

		g->unreported[1] = age < 2 * HZ ? g->unreported[0] : 0;
		g->unreported[0] = 0;
	}
	hak_unreported_since = jiffies;
}

/*
 * Count what comes back from now on, whichever task gives it back. The reaper's share is
 * in that, because it starts working when the first CPU's caches are empty. If another
 * shrink is counting, this one adds what the other has not counted yet.
 */
static void hak_count_begin(void)
{
	int nid;

	lockdep_assert_held(&hak_shrink_mutex);

	if (hak_counting++)
		return;
	for_each_node(nid)
		hak_given[nid].counted = hak_arena_node_returned(nid);
}

static void hak_count_end(void)
{
	u64 returned;
	int nid;

	lockdep_assert_held(&hak_shrink_mutex);

	for_each_node(nid) {
		struct hak_given *g = &hak_given[nid];

		returned = hak_arena_node_returned(nid);
		g->unreported[0] += returned - g->counted;
		g->counted = returned;
	}
	hak_counting--;
}

/*
 * Empty all caches and free the empty superslabs; with @break_up, also the unused slots
 * of other superslabs.
 */
static void __hak_shrink(bool nohz_full, bool break_up)
{
	lockdep_assert_held(&hak_shrink_mutex);

	hak_forget_unreported();
	hak_count_begin();
	hak_flush_cpus(nohz_full, false, HAK_FLUSH_MS);
	hak_depot_trim(true);
	hak_reap_all();
	hak_superslab_trim(0);
	if (break_up)
		hak_superslab_break();
	hak_count_end();
}

/**
 * hak_shrink() - give back all pages except those of slabs with live objects
 *
 * It empties the caches of all CPUs, releases all whole slabs, and frees all slots of
 * superslabs that are not in use, those of the stock included. If a CPU does not answer
 * within 10 s, it keeps what it has.
 *
 * Context: task, may sleep.
 */
void hak_shrink(void)
{
	mutex_lock(&hak_shrink_mutex);
	hak_count_begin();
	mutex_unlock(&hak_shrink_mutex);

	/* No CPU may go away before it was asked. */
	cpus_read_lock();
	/* This may take long, and an OOM notice may wait for the mutex, so it is not held. */
	hak_flush_cpus(true, true, 10000);
	/* What depots hold keeps slabs from limbo. */
	hak_depot_trim(true);
	hak_reap_all();
	hak_limbo_drain_all();
	mutex_lock(&hak_shrink_mutex);
	__hak_shrink(true, true);
	hak_count_end();
	mutex_unlock(&hak_shrink_mutex);
	cpus_read_unlock();
}

static void hak_pressure_run(struct work_struct *work)
{
	mutex_lock(&hak_shrink_mutex);
	__hak_shrink(false, false);
	mutex_unlock(&hak_shrink_mutex);
}

/* A task that may use the node of @g causes a notice. */
static void hak_oom_series(struct hak_given *g)
{
	if (jiffies - g->noticed >= msecs_to_jiffies(HAK_OOM_SERIES_MS)) {
		g->low = U64_MAX;
		g->again = 0;
	}
	g->noticed = jiffies;
}

/*
 * How many pages of a node does an OOM notice report?
 *
 * If it reports any, no task is killed, and the page allocator reclaims and looks for
 * memory once more. If it finds none, the next notice follows. hakmem's users may take what
 * has come back, and free it again, so every notice may find the same pages, and no task
 * would ever be killed.
 *
 * So pages count without limit only if hakmem holds less than at the end of every earlier
 * notice of the series. That comes to an end, because it cannot hold less than nothing.
 * Other pages count HAK_OOM_AGAIN times in a series. They do count, because memory may be
 * free although hakmem holds as much as before: it has grown meanwhile, and shrunk again.
 *
 * A series ends when no notice has come for long. It does not end when 0 is reported,
 * because that may lead to no kill: if an allocation may not enter file systems
 * (GFP_NOFS), the kernel kills no task for it.
 */
static unsigned long hak_oom_node_pages(int nid)
{
	struct hak_given *g = &hak_given[nid];
	u64 given = g->unreported[0] + g->unreported[1];
	u64 held = hak_arena_node_bytes(nid);

	lockdep_assert_held(&hak_shrink_mutex);

	hak_oom_series(g);
	g->unreported[0] = 0;
	g->unreported[1] = 0;
	if (held < g->low) {
		g->low = held;
	} else if (given) {
		if (g->again == HAK_OOM_AGAIN)
			return 0;
		g->again++;
	}
	return given >> PAGE_SHIFT;
}

/**
 * hak_shrink_for_oom() - give back what can be given before a task is killed
 *
 * If this reports no pages, the OOM killer kills a task, although another task's
 * shrink may just have made enough memory free. So pages count whichever task gave
 * them back. Pages that came back more than two seconds ago do not count: the page
 * allocator has found them, or others have taken them. If they counted, no task would
 * be killed when one has to be. For the same reason pages that hakmem takes again count
 * only a few times.
 *
 * Pages come back on all nodes. Those of a node that the caller may not use do not help
 * it, so they are kept for the next caller that may use the node. An OOM notifier is not
 * told which allocation needs memory. So the nodes are those of the caller's cpuset. Its
 * memory policy says too little, because an area of its memory may have another.
 *
 * Context: task, may sleep, but not for memory.
 * Return: pages of the caller's nodes that were given back in the last one to two
 * seconds and that no call has returned before, or 0 if that makes no progress.
 */
unsigned long hak_shrink_for_oom(void)
{
	unsigned long pages = 0;
	int nid;

	mutex_lock(&hak_shrink_mutex);
	__hak_shrink(false, true);
	for_each_node(nid)
		if (hak_node_allowed(nid))
			pages += hak_oom_node_pages(nid);
	mutex_unlock(&hak_shrink_mutex);
	return pages;
}

/* The OOM notifier. Other notifiers may have added their pages before. */
int hak_oom_notify(struct notifier_block *nb, unsigned long unused, void *data)
{
	*(unsigned long *)data += hak_shrink_for_oom();
	return NOTIFY_OK;
}

static struct notifier_block hak_oom_nb = { .notifier_call = hak_oom_notify };

/* Pages of empty superslabs. If there are none, start a shrink that may make some. */
unsigned long hak_shrink_count(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long pages = hak_superslab_empty_pages(sc->nid);

	if (!pages && time_after(jiffies, READ_ONCE(hak_last_flush) + HZ)) {
		WRITE_ONCE(hak_last_flush, jiffies);
		queue_work(hak_unbound_wq, &hak_pressure_work);
	}
	return pages ? pages : SHRINK_EMPTY;
}

/* Free empty superslabs. If there are none, reclaim need not ask again for now. */
unsigned long hak_shrink_scan(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long freed;

	freed = hak_superslab_shrink(sc->nid, sc->nr_to_scan);
	return freed ? freed : SHRINK_STOP;
}

static bool hak_trim_is_paused(void)
{
	return IS_ENABLED(CONFIG_KUNIT) && READ_ONCE(hak_trim_paused);
}

/* Have idle caches and depots emptied. False if all are empty and asleep. */
static bool hak_trim_cpus(void)
{
	bool busy = false, idle;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		busy |= hak_cpu_scan_idle(cpu, &idle);
		if (idle && !tick_nohz_full_cpu(cpu)) {
			hak_flush_queue(cpu, false);
			busy = true;
		}
	}
	return hak_depot_trim(false) || busy;
}

/**
 * hak_trim_step() - one step of the idle trim
 *
 * It empties the caches that were neither refilled nor spilled since the last step, and
 * puts them to sleep. Steps follow each other while caches change. When none does, the
 * trim sets hak_trim_stopped and stops. The next refill or spill, or the first operation on
 * a cache that is asleep, starts it again, see hak_trim_kick().
 *
 * A CPU counts a refill and then reads hak_trim_stopped. There is no barrier between the
 * two, because every refill would pay for it. So both sides may read the old value: the
 * CPU sees that the trim is running, and does not start it, while the trim, which has
 * just set hak_trim_stopped, does not see the refill that was counted. But the CPU had
 * issued its store before it read, and no store stays in a store buffer for as long as
 * a period. So the trim takes one more step a period after it set hak_trim_stopped, and
 * that step sees everything that was counted by CPUs that had not seen the flag.
 *
 * Context: task, may sleep; one caller at a time.
 * Return: true if another step has to follow after a period.
 */
bool hak_trim_step(void)
{
	bool was_off = READ_ONCE(hak_trim_stopped);

	/* A CPU that refills and sees this starts the trim again. */
	WRITE_ONCE(hak_trim_stopped, 1);
	smp_mb(); /* before the counters are read; none pairs with it, see above */
	if (hak_trim_cpus()) {
		WRITE_ONCE(hak_trim_stopped, 0);
		return true;
	}
	return !was_off;
}

static void hak_trim_run(struct work_struct *work)
{
	if (!hak_trim_is_paused() && hak_trim_step())
		queue_delayed_work(hak_unbound_wq, &hak_trim_work,
				   msecs_to_jiffies(HAK_TRIM_MS));
}

/* The reaper calls this, in task context, after it has run: start the trim. */
static void hak_trim_start(void)
{
	if (hak_paranoid_drain)
		hak_paranoid_scan();
	if (!hak_trim_is_paused())
		queue_delayed_work(hak_unbound_wq, &hak_trim_work,
				   msecs_to_jiffies(HAK_TRIM_MS));
}

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * hak_trim_pause() - stop the idle trim, or let it go on
 * @pause: true to stop it
 *
 * For tests that count operations: the trim may empty a cache at any time.
 *
 * Context: task, may sleep; one caller at a time.
 */
void hak_trim_pause(bool pause)
{
	WRITE_ONCE(hak_trim_paused, pause);
	if (pause) {
		cancel_delayed_work_sync(&hak_trim_work);
		flush_workqueue(hak_shrink_wq);
	}
	/* When it goes on, the next refill starts it. */
	WRITE_ONCE(hak_trim_stopped, !pause);
}

/**
 * hak_flushes_asked() - how often was a CPU asked to empty its caches?
 * @cpu: the CPU
 *
 * For tests of who is left alone.
 *
 * Context: any.
 * Return: the number of requests since the core was started.
 */
unsigned int hak_flushes_asked(unsigned int cpu)
{
	return atomic_read(&per_cpu_ptr(hak_trim_cpu, cpu)->asked);
}

/**
 * hak_oom_age() - let time pass since the last OOM notices
 * @ms: how much, in ms
 *
 * For tests, which need not wait for so long then. Pages that came back do not get older.
 *
 * Context: task, may sleep.
 */
void hak_oom_age(unsigned int ms)
{
	int nid;

	mutex_lock(&hak_shrink_mutex);
	for_each_node(nid)
		hak_given[nid].noticed -= msecs_to_jiffies(ms);
	mutex_unlock(&hak_shrink_mutex);
}
#endif

static int hak_shrinker_register(void)
{
	hak_shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "hakmem");
	if (!hak_shrinker)
		return -ENOMEM;
	hak_shrinker->count_objects = hak_shrink_count;
	hak_shrinker->scan_objects = hak_shrink_scan;
	/* Superslabs are freed whole, so a scan asks for one at least. */
	hak_shrinker->batch = 1UL << HAK_MAX_ORDER;
	shrinker_register(hak_shrinker);
	return 0;
}

int hak_shrink_init(void)
{
	unsigned int cpu;
	int err = -ENOMEM;
	int nid;

	hak_trim_cpu = hak_alloc_percpu(struct hak_trim_cpu);
	if (!hak_trim_cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		INIT_WORK(&per_cpu_ptr(hak_trim_cpu, cpu)->flush, hak_flush_run);
	hak_given = kcalloc(nr_node_ids, sizeof(*hak_given), GFP_KERNEL);
	if (!hak_given)
		goto free_cpu;
	/* The first notice begins a series. */
	for_each_node(nid)
		hak_given[nid].noticed = jiffies - msecs_to_jiffies(HAK_OOM_SERIES_MS);
	INIT_DELAYED_WORK(&hak_trim_work, hak_trim_run);
	INIT_WORK(&hak_pressure_work, hak_pressure_run);
	hak_last_flush = jiffies;
	hak_unreported_since = jiffies;

	/* Tasks that need memory wait for a flush, and a flush is short. */
	hak_shrink_wq = alloc_workqueue("hakmem", WQ_MEM_RECLAIM | WQ_HIGHPRI |
					HAK_WQ_PERCPU, 0);
	if (!hak_shrink_wq)
		goto free_given;
	err = hak_shrinker_register();
	if (err)
		goto free_wq;
	err = register_oom_notifier(&hak_oom_nb);
	if (err)
		goto free_shrinker;
	hak_reaper_hook(hak_trim_start);
	WRITE_ONCE(hak_trim_stopped, 1);
	return 0;

free_shrinker:
	shrinker_free(hak_shrinker);
	/* The page allocator may have asked the shrinker meanwhile. */
	cancel_work_sync(&hak_pressure_work);
free_wq:
	destroy_workqueue(hak_shrink_wq);
free_given:
	kfree(hak_given);
free_cpu:
	free_percpu(hak_trim_cpu);
	return err;
}

/* Stop all of it. No CPU allocates any more. */
void hak_shrink_exit(void)
{
	unregister_oom_notifier(&hak_oom_nb);
	shrinker_free(hak_shrinker);
	WRITE_ONCE(hak_trim_stopped, 0);
	hak_reaper_hook(NULL);
	cancel_delayed_work_sync(&hak_trim_work);
	cancel_work_sync(&hak_pressure_work);
	destroy_workqueue(hak_shrink_wq);
	kfree(hak_given);
	free_percpu(hak_trim_cpu);
}
