// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: the shrinker, the OOM notifier, the idle trim, and
 * debugfs's "shrink". Module glue: in userspace nobody asks.
 *
 * A per-CPU cache is emptied by its own CPU, from a work item; CPUs that run
 * without the tick (nohz_full) are left in peace unless a person asks.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/printk.h>
#include <linux/shrinker.h>
#include <linux/tick.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "core.h"
#include "shrink.h"

/* How often the idle trim looks, and so how long idle is, in ms. */
#define HAK_TRIM_MS	1000

/*
 * How long to wait for CPUs to empty their caches, in ms: a real-time task may
 * keep one from it for ever, and whoever waits may hold up the OOM killer.
 */
#define HAK_FLUSH_MS	500

/**
 * struct hak_trim_cpu - a CPU that is to empty its caches
 * @flush: has it do so
 * @all: all caches, not only those that are idle
 * @asked: how often it was asked
 * @done: what @asked was as the last flush that is done began
 * @late: what @asked was as somebody last waited in vain; until @done has come
 *	so far nobody waits for the CPU
 */
struct hak_trim_cpu {
	struct work_struct flush;
	bool all;
	atomic_t asked;
	int done;
	int late;
};

static struct workqueue_struct *hak_shrink_wq;
static struct hak_trim_cpu __percpu *hak_trim_cpu;
static struct delayed_work hak_trim_work;
static struct work_struct hak_pressure_work;
static struct shrinker *hak_shrinker;
/* Set by tests only, in a kernel that has them. */
static bool hak_trim_paused;
static unsigned long hak_last_flush;

/*
 * One shrink at a time. Inside cpus_read_lock(), outside hak_cache_mutex. Its
 * holder waits for the workers of CPUs, for HAK_FLUSH_MS, and for that mutex,
 * never for memory nor for CPU hotplug: whoever wants memory may wait for it.
 */
static DEFINE_MUTEX(hak_shrink_mutex);

/*
 * Bytes given back in shrinks that no OOM notice has told of yet: in the second
 * that began at hak_untold_since, and in the one before that. Under
 * hak_shrink_mutex.
 */
static u64 hak_untold[2];
static unsigned long hak_untold_since;

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

/* Have @cpu empty its caches: @all, or those that are idle. */
static void hak_flush_queue(unsigned int cpu, bool all)
{
	struct hak_trim_cpu *t = per_cpu_ptr(hak_trim_cpu, cpu);

	/* Both are seen by a flush that is pending, if this does not queue one. */
	if (all)
		WRITE_ONCE(t->all, true);
	atomic_inc(&t->asked);
	queue_work_on(cpu, hak_shrink_wq, &t->flush);
}

/* Has @t been asked and not answered? With @late, if it was not late before. */
static bool hak_flush_awaited(struct hak_trim_cpu *t, bool late)
{
	/* Pairs with smp_store_release() in hak_flush_run(). */
	int done = smp_load_acquire(&t->done);

	if (done == atomic_read(&t->asked))
		return false;
	return late || done - READ_ONCE(t->late) >= 0;
}

/* Is there no CPU to wait for? */
static bool hak_flush_all_done(bool late)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (hak_flush_awaited(per_cpu_ptr(hak_trim_cpu, cpu), late))
			return false;
	return true;
}

/* Whoever has not answered by now is late. */
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
 * Have all CPUs empty their caches, with @nohz_full also those that run without
 * the tick, and wait for it, but no longer than @ms. Without @late, do not wait
 * for a CPU that did not answer the last time: it is likely not to answer this
 * time, either.
 *
 * CPU hotplug need not be held off: what a CPU holds that goes away meanwhile is
 * taken by hak_cpu_dead(), and its work is done by some other.
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

/*
 * Forget what came back a second ago or longer, and was not told of. The page
 * allocator has looked since.
 */
static void hak_untold_age(void)
{
	unsigned long age = jiffies - hak_untold_since;

	lockdep_assert_held(&hak_shrink_mutex);

	if (age < HZ)
		return;
	hak_untold[1] = age < 2 * HZ ? hak_untold[0] : 0;
	hak_untold[0] = 0;
	hak_untold_since = jiffies;
}

/*
 * Empty caches and free empty superslabs; with @break_up, also the unused slots
 * of others. What is given back while this runs counts, whoever does it: as
 * soon as one CPU's caches are empty the reaper may be at work, too.
 */
static void __hak_shrink(bool nohz_full, bool break_up)
{
	u64 before = hak_arena_returned();

	lockdep_assert_held(&hak_shrink_mutex);

	hak_untold_age();
	hak_flush_cpus(nohz_full, false, HAK_FLUSH_MS);
	hak_depot_trim(true);
	hak_reap_all();
	hak_superslab_trim(0);
	if (break_up)
		hak_superslab_break();
	hak_untold[0] += hak_arena_returned() - before;
}

/**
 * hak_shrink() - give back every page that holds no live object's slab
 *
 * Empties the caches of all CPUs, releases whole slabs, and frees every slot of
 * superslabs that is not in use, the stock included. A CPU that does not answer
 * for 10 s keeps what it has.
 *
 * Context: task, may sleep.
 */
void hak_shrink(void)
{
	/* So that no CPU is between being online and being emptied. */
	cpus_read_lock();
	/* With time, and before anybody who has none may wait for the mutex. */
	hak_flush_cpus(true, true, 10000);
	mutex_lock(&hak_shrink_mutex);
	__hak_shrink(true, true);
	mutex_unlock(&hak_shrink_mutex);
	cpus_read_unlock();
}

static void hak_pressure_run(struct work_struct *work)
{
	mutex_lock(&hak_shrink_mutex);
	__hak_shrink(false, false);
	mutex_unlock(&hak_shrink_mutex);
}

/**
 * hak_shrink_for_oom() - give back what can be before anybody is killed
 *
 * Context: task, may sleep, but not for memory.
 * Return: pages given back within the last second or two that it has not told of
 * before, those of a shrink under way or just ended included, no matter which
 * task did it: with nothing to report somebody dies, though there may be enough
 * by now. What came back earlier the page allocator has found by itself, or has
 * lost again; to report that would let no task be killed when one has to be.
 */
unsigned long hak_shrink_for_oom(void)
{
	unsigned long pages;

	mutex_lock(&hak_shrink_mutex);
	__hak_shrink(false, true);
	pages = (hak_untold[0] + hak_untold[1]) >> PAGE_SHIFT;
	hak_untold[0] = 0;
	hak_untold[1] = 0;
	mutex_unlock(&hak_shrink_mutex);
	return pages;
}

static int hak_on_oom(struct notifier_block *nb, unsigned long unused,
		      void *data)
{
	*(unsigned long *)data += hak_shrink_for_oom();
	return NOTIFY_OK;
}

static struct notifier_block hak_oom_nb = { .notifier_call = hak_on_oom };

/* What is free now. With nothing free, ask for what could become so. */
static unsigned long hak_shrink_count(struct shrinker *s,
				      struct shrink_control *sc)
{
	unsigned long pages = hak_superslab_empty_pages(sc->nid);

	if (!pages && time_after(jiffies, READ_ONCE(hak_last_flush) + HZ)) {
		WRITE_ONCE(hak_last_flush, jiffies);
		queue_work(hak_unbound_wq, &hak_pressure_work);
	}
	return pages ? pages : SHRINK_EMPTY;
}

static unsigned long hak_shrink_scan(struct shrinker *s,
				     struct shrink_control *sc)
{
	unsigned long freed;

	freed = hak_superslab_shrink(sc->nid, sc->nr_to_scan);
	return freed ? freed : SHRINK_STOP;
}

static bool hak_trim_is_paused(void)
{
	return IS_ENABLED(CONFIG_KUNIT) && READ_ONCE(hak_trim_paused);
}

/* Have idle caches and depots emptied; false if all are, and asleep. */
static bool hak_trim_cpus(void)
{
	bool busy = false, idle;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		busy |= hak_cpu_look(cpu, &idle);
		if (idle && !tick_nohz_full_cpu(cpu)) {
			hak_flush_queue(cpu, false);
			busy = true;
		}
	}
	return hak_depot_trim(false) || busy;
}

/**
 * hak_trim_step() - one look of the idle trim
 *
 * Empties the caches that have neither been refilled nor spilled since the last
 * look, and puts them to sleep. The trim looks while something changes; then it
 * says that it is off, and the next refill or spill, or the first operation on a
 * cache that is asleep, starts it again, see hak_trim_kick().
 *
 * A CPU counts its refill and then reads hak_trim_off, with no barrier between,
 * which each refill would pay for. So it may read that the trim is not off yet,
 * and start nothing, while the trim, though it has said so before, does not see
 * what was counted: each has read what the other's store was about to replace.
 * But the CPU had stored before it read. No store stays in a store buffer for
 * as long as a period, so the trim looks once more a period after it said that
 * it is off, and sees what every CPU has counted that had not heard of it.
 *
 * Context: task, may sleep; one caller at a time.
 * Return: whether to look again after a period.
 */
bool hak_trim_step(void)
{
	bool was_off = READ_ONCE(hak_trim_off);

	/* A CPU that refills and sees this has the trim look once more. */
	WRITE_ONCE(hak_trim_off, 1);
	smp_mb(); /* before the counters are read; none pairs with it, see above */
	if (hak_trim_cpus()) {
		WRITE_ONCE(hak_trim_off, 0);
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

/* From the reaper, in task context: something has changed. */
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
 * hak_trim_pause() - have the idle trim let things be, or go on
 * @pause: which
 *
 * For tests that count what happens: the trim empties caches when it likes.
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
	/* Going on, the next refill starts it. */
	WRITE_ONCE(hak_trim_off, !pause);
}
#endif

static int hak_shrinker_register(void)
{
	hak_shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "hakmem");
	if (!hak_shrinker)
		return -ENOMEM;
	hak_shrinker->count_objects = hak_shrink_count;
	hak_shrinker->scan_objects = hak_shrink_scan;
	/* A superslab is one step, however many pages. */
	hak_shrinker->batch = 1UL << HAK_MAX_ORDER;
	shrinker_register(hak_shrinker);
	return 0;
}

int hak_shrink_init(void)
{
	unsigned int cpu;
	int err = -ENOMEM;

	hak_trim_cpu = alloc_percpu(struct hak_trim_cpu);
	if (!hak_trim_cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		INIT_WORK(&per_cpu_ptr(hak_trim_cpu, cpu)->flush, hak_flush_run);
	INIT_DELAYED_WORK(&hak_trim_work, hak_trim_run);
	INIT_WORK(&hak_pressure_work, hak_pressure_run);
	hak_last_flush = jiffies;
	hak_untold_since = jiffies;

	/* Those who wait for it want memory, and a flush is short. */
	hak_shrink_wq = alloc_workqueue("hakmem", WQ_MEM_RECLAIM | WQ_HIGHPRI |
					HAK_WQ_PERCPU, 0);
	if (!hak_shrink_wq)
		goto free_cpu;
	err = hak_shrinker_register();
	if (err)
		goto free_wq;
	err = register_oom_notifier(&hak_oom_nb);
	if (err)
		goto free_shrinker;
	hak_reaper_hook(hak_trim_start);
	WRITE_ONCE(hak_trim_off, 1);
	return 0;

free_shrinker:
	shrinker_free(hak_shrinker);
free_wq:
	destroy_workqueue(hak_shrink_wq);
free_cpu:
	free_percpu(hak_trim_cpu);
	return err;
}

/* Nobody allocates any more. */
void hak_shrink_exit(void)
{
	unregister_oom_notifier(&hak_oom_nb);
	shrinker_free(hak_shrinker);
	WRITE_ONCE(hak_trim_off, 0);
	hak_reaper_hook(NULL);
	cancel_delayed_work_sync(&hak_trim_work);
	cancel_work_sync(&hak_pressure_work);
	destroy_workqueue(hak_shrink_wq);
	free_percpu(hak_trim_cpu);
}
