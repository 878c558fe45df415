// SPDX-License-Identifier: GPL-2.0
/*
 * Soak: threads allocate, hand over and free for as long as they are told to, while one
 * that directs them changes modes at random, makes memory fail, asks for all that can
 * be given back, forks, and has threads (which are CPUs) end and others begin. Once a
 * period everybody stops: the counters have to agree with what the threads did, to the
 * object, and everything that is freed has to come back. Then the core starts once more:
 * plain, hardened and with debug= in turn, since it cannot change these while it runs.
 *
 * usage: soak SECONDS PERIOD SEED
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/list.h>
#include <linux/minmax.h>

#include "soak.h"

/* --- what the director does meanwhile --- */

static struct counts total;
static struct random director;
static bool slow_only;
static u64 peak_bytes;
static unsigned long faults, forks, bad_forks, modes, trims, caches_made;

static void set_mode(struct static_key_false *key, bool on)
{
	if (on)
		static_branch_enable(key);
	else
		static_branch_disable(key);
}

static void set_slow_only(bool on)
{
	if (on == slow_only)
		return;
	slow_only = on;
	if (on)
		hak_slow_only_get();
	else
		hak_slow_only_put();
	modes++;
}

/* Trace events of single objects have every operation go the slow way. */
static void change_trace(void)
{
	bool on = next_random(&director) % 2;

	set_slow_only(on || hak_paranoid_drain);
	set_mode(&hak_tracing, on);
	set_mode(&hak_lock_stats_on, next_random(&director) % 2);
	modes++;
}

static void fail_for_a_while(void)
{
	u32 r = next_random(&director);

	__atomic_fetch_add(&fault_turn, 1, __ATOMIC_SEQ_CST);
	if (r & 1)
		shim_fail_pages_after(r >> 8 & 15);
	if (r & 2)
		shim_fail_kmalloc_after(r >> 12 & 255);
	usleep(1000 * (1 + (r >> 24) % 20));
	shim_fail_pages_after(-1);
	shim_fail_kmalloc_after(-1);
	__atomic_fetch_add(&fault_turn, 1, __ATOMIC_SEQ_CST);
	faults += !!(r & 3);
}

static void give_back(void)
{
	switch (next_random(&director) % 6) {
	case 0:
		hak_reap_all();
		break;
	case 1:
		hak_superslab_trim(0);
		break;
	case 2:
		hak_superslab_break();
		break;
	case 3:
		hak_depot_trim(true);
		break;
	case 4:
		shim_flush_parked();
		break;
	default:
		hak_cache_shrink(cache[next_random(&director) % CACHES]);
		break;
	}
	trims++;
}

/* In a child, which has the heap and one thread: what it allocates is its own. */
static int be_a_child(void)
{
	struct random random = director;
	struct counts done = { 0 };
	void *mine[256] = { NULL };
	unsigned int n, i;

	for (n = 0; n < 5000; n++) {
		i = next_random(&random) % ARRAY_SIZE(mine);
		if (mine[i])
			slot_free(&done, i, mine[i], 0);
		mine[i] = slot_alloc(&done, i, 0);
	}
	for (i = 0; i < ARRAY_SIZE(mine); i++)
		if (mine[i])
			slot_free(&done, i, mine[i], 0);
	return done.errors || done.allocs != done.frees;
}

static void fork_once(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(be_a_child());
	if (pid < 0)
		return;
	forks++;
	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "soak: a child ended with status %#x\n", status);
		bad_forks++;
	}
}

/* A cache that comes and goes beside the others. */
static void cache_comes_and_goes(void)
{
	struct hak_cache *c = hak_cache_create("soak-short", 24 + next_random(&director) % 900,
					       0, 0, NULL);
	void *p[40];
	unsigned int i;

	if (!c)
		return;
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = hak_cache_alloc(c, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		hak_free(p[i]);
	hak_cache_destroy(c);
	caches_made++;
}

static void direct(void)
{
	u32 r = next_random(&director) % 16;

	if (r < 3)
		change_trace();
	else if (r < 6)
		fail_for_a_while();
	else if (r < 12)
		give_back();
	else if (r < 14)
		fork_once();
	else
		cache_comes_and_goes();
	peak_bytes = max(peak_bytes, hak_arena_bytes());
	replace_ended();
}

/* --- reconciliation --- */

static unsigned long reconciled, wrong, peak_live;
/* Of caches that are gone, and of those as well that there are. */
static unsigned long sends_gone, receives_gone, sends, receives;
/* Of earlier runs of the core. */
static unsigned long reaps_gone;
static u64 grown_gone, shrunk_gone;

#define must(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "soak: not so: %s\n", #cond);	\
			wrong++;					\
		}							\
	} while (0)

/* Live objects of hakmem's and of typed caches', by hakmem's own counters. */
static long counted_live(void)
{
	struct hak_class_stats cs;
	struct hak_cache *c;
	long live = 0;

	sends = sends_gone;
	receives = receives_gone;
	list_for_each_entry(c, &hak_caches, list) {
		hak_class_stats_read(c, &cs);
		live += cs.live + cs.fallback;
		sends += cs.sends;
		receives += cs.receives;
		/* The rest was flushed, or is in the depot. */
		must(cs.receives <= cs.sends);
		must(!cs.depot || cs.receives < cs.sends);
	}
	return live;
}

/* Live objects in slots, less those that SLUB's place gave to size classes. */
static void count_slots(unsigned long *all, long *ours)
{
	unsigned int i;

	*all = 0;
	*ours = 0;
	for (i = 0; i < SLOTS; i++) {
		if (!slot[i])
			continue;
		*all += 1;
		*ours += slot_cache(i) || hak_slab_of(slot[i]);
	}
}

static void check_counters(void)
{
	struct hak_stats st;
	unsigned long all;
	long ours, live;

	hak_free_rcu_barrier();
	take_counts(&total);
	count_slots(&all, &ours);
	live = counted_live();
	must(total.allocs - total.frees == all);
	must(live == ours);
	peak_live = max(peak_live, all);
	hak_stats_read(&st);
	must(st.grown - st.shrunk == st.superslabs);
	must(st.event[HAK_EV_CLAIMED] - st.event[HAK_EV_RELEASED] == st.slots_used);
	must(st.pages * PAGE_SIZE == hak_arena_bytes());
	must(!st.event[HAK_EV_CORRUPT]);
	must(!st.event[HAK_EV_BAD_FREE]);
	must(!total.errors);
}

static void free_all(void)
{
	struct hak_cache *c;
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (slot[i])
			slot_free(&total, i, slot[i], 0);
	memset(slot, 0, sizeof(slot));
	hak_cpu_flush_this(true);
	shim_flush_parked();
	list_for_each_entry(c, &hak_caches, list)
		hak_cache_shrink(c);
	hak_depot_trim(true);
	hak_reap_all();
	hak_superslab_trim(0);
	must(!counted_live());
	must(!hak_paranoid_scan());
	must(!hak_arena_bytes());
}

static const unsigned int caps[] = { 64, 64, 0, 1, 7, 256 };

/* Typed caches of another fast_cap, and with other flags, until the next time. */
static void make_caches(void)
{
	static const char *const name[CACHES] = { "soak-40", "soak-200", "soak-1500" };
	static const slab_flags_t flags[] = {
		0, 0, 0, SLAB_TYPESAFE_BY_RCU, SLAB_HWCACHE_ALIGN, SLAB_ACCOUNT,
		SLAB_RED_ZONE | SLAB_POISON, SLAB_CONSISTENCY_CHECKS | SLAB_STORE_USER,
	};
	unsigned int i, saved = hak_fast_cap;

	for (i = 0; i < CACHES; i++) {
		hak_fast_cap = caps[next_random(&director) % ARRAY_SIZE(caps)];
		cache[i] = hak_cache_create(name[i], slot_size(4 * i), 0,
					    flags[next_random(&director) % ARRAY_SIZE(flags)],
					    NULL);
		if (!cache[i])
			abort();
	}
	hak_fast_cap = saved;
}

/* What the core has done so far would go with it. */
static void add_up(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	reaps_gone += st.event[HAK_EV_RELEASED];
	grown_gone += st.grown;
	shrunk_gone += st.shrunk;
	counted_live();
	sends_gone = sends;
	receives_gone = receives;
}

static const char *mode = "plain";

/* The modes for the core's next run: plain, hardened and debug= in turn. */
static void choose_modes(void)
{
	static const char *const letters[] = { "FZPU", "F", "Z", "P", "U", "FZ" };
	static unsigned int turns;
	const char *debug = "-";

	turns++;
	mode = "plain";
	hak_hardened = turns % 3 == 1;
	if (hak_hardened)
		mode = "hardened";
	if (turns % 3 == 2) {
		debug = letters[next_random(&director) % ARRAY_SIZE(letters)];
		mode = debug;
	}
	if (hak_param_set(hak_param_find("debug"), "soak", debug))
		abort();
	hak_fast_cap = caps[next_random(&director) % ARRAY_SIZE(caps)];
}

/*
 * The core begins, with a ring for what is traced. The ring would have all operations go
 * the slow way; the director decides whether they do.
 */
static void begin_core(void)
{
	hak_trace_ring = 1;
	hak_paranoid_drain = 0;
	if (hak_core_init())
		abort();
	if (!hak_hardened)
		hak_slow_only_put();
}

static void end_core(void)
{
	set_slow_only(false);
	if (!hak_hardened)
		hak_slow_only_get();
	hak_core_exit();
	/* A module's would be zero when it is loaded again. */
	memset(hak_class, 0, sizeof(hak_class));
}

/* All threads are paused, and nothing is live. */
static void start_core_again(void)
{
	unsigned int i;

	set_mode(&hak_tracing, false);
	add_up();
	for (i = 0; i < CACHES; i++)
		hak_cache_destroy(cache[i]);
	end_core();
	choose_modes();
	begin_core();
	hak_paranoid_drain = next_random(&director) % 4 == 0;
	set_slow_only(hak_paranoid_drain);
	make_caches();
}

static void reconcile(unsigned long seconds)
{
	pause_all();
	check_counters();
	free_all();
	reconciled++;
	printf("soak: %lu s: %lu operations, %lu objects, %lu live at most, ",
	       seconds, total.ops, total.allocs, peak_live);
	printf("%llu KiB held at most; %s, fast_cap %u, paranoid_drain %d; %lu wrong\n",
	       (unsigned long long)peak_bytes >> 10, mode, hak_fast_cap, hak_paranoid_drain,
	       wrong);
	fflush(stdout);
	start_core_again();
	resume_all();
}

static void report(unsigned long seconds)
{
	printf("seconds %lu\noperations %lu\nobjects %lu\nsends %lu\nreceives %lu\n",
	       seconds, total.ops, total.allocs, sends, receives);
	printf("reaps %lu\nsuperslabs_got %llu\nsuperslabs_back %llu\n",
	       reaps_gone, (unsigned long long)grown_gone, (unsigned long long)shrunk_gone);
	printf("peak_live %lu\npeak_bytes %llu\n", peak_live, (unsigned long long)peak_bytes);
	printf("threads %lu\nforks %lu\nmode_changes %lu\ntrims %lu\ncaches %lu\n",
	       threads_begun, forks, modes, trims, caches_made);
	printf("faults %lu\nrefused %lu\nreconciled %lu\nfailures %lu\n",
	       faults, total.refused, reconciled, wrong + bad_forks + total.errors);
}

static unsigned long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000UL + t.tv_nsec / 1000000;
}

static void end_all(void)
{
	pause_all();
	check_counters();
	free_all();
	reconciled++;
	add_up();
	/* If CPUs send nothing, or nothing arrives, most of the depot was not tested. */
	must(receives && sends);
	stop_all();
}

int main(int argc, char **argv)
{
	unsigned long seconds, period, seed, start, next;

	if (argc != 4)
		return 2;
	seconds = strtoul(argv[1], NULL, 0);
	period = strtoul(argv[2], NULL, 0);
	seed = strtoul(argv[3], NULL, 0);
	director.state = 0x9e3779b97f4a7c15ULL * (seed + 1);
	shim_init();
	/* Once more, with a ring for what is traced. */
	hak_core_exit();
	begin_core();
	shim_thread_online();
	make_caches();
	start_all(clamp(2 * sysconf(_SC_NPROCESSORS_ONLN), 4L, (long)MAX_WORKERS),
		  director.state);
	start = now_ms();
	for (next = start + 1000 * period; now_ms() - start < 1000 * seconds;) {
		usleep(1000 * (5 + next_random(&director) % 60));
		direct();
		if (now_ms() < next)
			continue;
		next += 1000 * period;
		reconcile((now_ms() - start) / 1000);
	}
	end_all();
	report((now_ms() - start) / 1000);
	return wrong || bad_forks || total.errors || !total.ops;
}
