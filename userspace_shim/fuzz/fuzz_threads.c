// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs for several threads at once, each of which is a CPU. A program says how
 * many there are, and which caches and modes; then it has a part for each thread, which
 * does its part a few times over. All threads share an array of objects, so they hand
 * objects over, and free those of others.
 *
 * Each object is full of a pattern of its address, of the thread that wrote it, and of a
 * number, which nobody else may change. An object is overwritten before it is freed, so if
 * it was handed out twice, one of the two holders finds that. When all threads have done
 * their part, no two live objects may overlap, the counters have to agree with what was
 * done, to the object, and in the end all memory has to come back.
 *
 * The threads run as the system lets them, so a program that has failed once may not do so
 * each time.
 */
#include <string.h>

#include "threads.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct worker worker[THREADS];
static unsigned int nr_workers, rounds;
static void (*task)(struct worker *w);
static sem_t done;

/* --- the threads --- */

static void do_part(struct worker *w)
{
	unsigned int i;

	if (shim_thread == SHIM_NEW)
		shim_thread_online();
	for (i = 0; i < rounds; i++)
		for (w->at = w->from; w->at < w->end;)
			do_call(w);
}

static void flush(struct worker *w)
{
	hak_cpu_flush_this(true);
}

/* libFuzzer's timer interrupts waits. */
static void wait_for(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		wait_for(&w->go);
		task(w);
		sem_post(&done);
	}
	return NULL;
}

/* Have the first @n threads do @fn, and wait for them. */
static void all(unsigned int n, void (*fn)(struct worker *w))
{
	unsigned int i;

	task = fn;
	for (i = 0; i < n; i++)
		sem_post(&worker[i].go);
	for (i = 0; i < n; i++)
		wait_for(&done);
}

/* --- beginning and end --- */

static void make_caches(const uint8_t *h)
{
	unsigned int saved = hak_fast_cap;

	/* Sometimes they hold few objects or none. */
	if (h[2] & 0x80)
		hak_fast_cap = h[2] & 7;
	typed[0] = hak_cache_create("threads-0", 8 + 8 * h[3], 0,
				    h[2] & 0x40 ? SLAB_TYPESAFE_BY_RCU : 0, NULL);
	built = 16 + 8 * h[4];
	typed[1] = hak_cache_create("threads-1", built, h[2] & 0x20 ? 64 : 0, 0,
				    h[2] & 0x10 ? construct : NULL);
	check(typed[0] && typed[1]);
	hak_fast_cap = saved;
}

static int by_address(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;

	return x->p < y->p ? -1 : x->p > y->p;
}

/* All that is live, by address. Returns how many. */
static unsigned int collect(struct item **live)
{
	unsigned int n = 0, i, k;

	for (i = 0; i < SHARED; i++)
		if (shared[i])
			live[n++] = exchange(i, NULL);
	for (i = 0; i < THREADS; i++) {
		for (k = 0; k < HELD; k++)
			if (worker[i].held[k])
				live[n++] = worker[i].held[k];
		memset(worker[i].held, 0, sizeof(worker[i].held));
	}
	qsort(live, n, sizeof(*live), by_address);
	return n;
}

/* hakmem's counters have to have those that are live, of each kind. */
static void check_counters(struct item **live, unsigned int n)
{
	long of_typed[TYPED] = { 0 }, of_classes = 0, counted = 0;
	struct hak_class_stats cs;
	unsigned int i;

	for (i = 0; i < n; i++) {
		check(!i || live[i - 1]->p + live[i - 1]->size <= live[i]->p);
		check(painted(live[i]->p, live[i]->size, live[i]->pattern));
		if (live[i]->c)
			of_typed[live[i]->c == typed[1]]++;
		else
			of_classes += !!hak_slab_of(live[i]->p);
	}
	for (i = 0; i < TYPED; i++) {
		hak_class_stats_read(typed[i], &cs);
		check(cs.live + cs.fallback == of_typed[i]);
	}
	for (i = 0; i < HAK_NR_CLASSES; i++) {
		hak_class_stats_read(&hak_class[i], &cs);
		check(!cs.excess);
		counted += cs.live;
	}
	check(counted == of_classes);
}

static void everything_comes_back(void)
{
	unsigned int i;

	all(THREADS, flush);
	hak_cpu_flush_this(true);
	shim_flush_parked();
	hak_depot_trim(true);
	hak_reap_all();
	hak_superslab_trim(0);
	check(!hak_paranoid_scan());
	for (i = 0; i < TYPED; i++)
		hak_cache_destroy(typed[i]);
	check(!hak_core_leaks());
	shim_run_pending();
	hak_reap_all();
	hak_superslab_trim(0);
	check(!hak_arena_bytes());
}

/* All threads have done their parts. */
static void finish_program(void)
{
	static struct item *live[SHARED + THREADS * HELD];
	unsigned int n, i;

	shim_fail_pages_after(-1);
	shim_fail_kmalloc_after(-1);
	WRITE_ONCE(hak_node[0]->failed, 0);
	may_fail = false;
	hak_free_rcu_barrier();
	n = collect(live);
	check_counters(live, n);
	for (i = 0; i < n; i++)
		free_item(live[i], i & 7);
	hak_free_rcu_barrier();
	hak_paranoid_drain = 0;
	set_slow_only(false);
	everything_comes_back();
}

/* Give each thread a part of the program. */
static void share_out(const uint8_t *data, size_t size)
{
	size_t part = size / nr_workers;
	unsigned int i;

	for (i = 0; i < nr_workers; i++) {
		worker[i].from = data + i * part;
		worker[i].end = worker[i].from + part;
		worker[i].number = 0;
		worker[i].bad_frees = 0;
	}
}

#define HEADER	5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hak_stats before, after;
	int warnings = READ_ONCE(shim_warnings);
	unsigned long bad = 0;
	unsigned int i;

	if (size < HEADER)
		return 0;
	hak_stats_read(&before);
	nr_workers = 2 + data[0] % (THREADS - 1);
	rounds = 1 + (data[0] >> 4);
	hak_paranoid_drain = data[1] % 8 == 7;
	set_slow_only(hak_paranoid_drain);
	make_caches(data);
	share_out(data + HEADER, size - HEADER);
	all(nr_workers, do_part);
	finish_program();
	hak_stats_read(&after);
	for (i = 0; i < nr_workers; i++)
		bad += worker[i].bad_frees;
	check(after.event[HAK_EV_BAD_FREE] - before.event[HAK_EV_BAD_FREE] == bad);
	check(after.event[HAK_EV_CORRUPT] == before.event[HAK_EV_CORRUPT]);
	check(READ_ONCE(shim_warnings) == warnings);
	return 0;
}

static void come_online(struct worker *w)
{
	shim_thread_online();
	check(shim_thread == SHIM_ONLINE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned int i;

	fuzz_start_core();
	shim_thread_online();
	sem_init(&done, 0, 0);
	for (i = 0; i < THREADS; i++) {
		worker[i].id = i;
		sem_init(&worker[i].go, 0, 0);
		check(!pthread_create(&worker[i].thread, NULL, work, &worker[i]));
	}
	all(THREADS, come_online);
	return 0;
}
