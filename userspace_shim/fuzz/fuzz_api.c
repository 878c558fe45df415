// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs of API calls, compared with a model. libFuzzer generates the
 * bytes; each selects a call or is an argument. The model is an array of the live
 * objects, each full of a pattern of its own. For every program, no object may
 * change while it is live, no live object may be refused when it is freed, every
 * other address has to be refused, and all memory has to come back in the end.
 *
 * CPUs are pretended: idle threads have come online, and the one that runs takes the
 * place of one or the other. In fuzz_threads.c several threads run at once.
 *
 * The environment says in which mode the core runs, as for any program: HAKMEM_HARDENED
 * and HAKMEM_DEBUG. A program is valid in each of them.
 */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include <linux/list.h>
#include <linux/preempt.h>

#include "model.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int cpu_id[CPUS];
unsigned int cpu;
bool gone[CPUS];
static bool slow_only;

/* --- what happens around them --- */

void switch_to(unsigned int n)
{
	cpu = n;
	shim_cpu = cpu_id[n];
	shim_cpu_delta = shim_cpu_deltas[cpu_id[n]];
}

static void do_cpu(void)
{
	unsigned int n = byte() % CPUS;

	if (gone[n]) {
		hak_cpu_online(cpu_id[n]);
		gone[n] = false;
	}
	switch_to(n);
}

static void do_offline(void)
{
	unsigned int n = byte() % CPUS;

	if (n == cpu || gone[n])
		return;
	hak_cpu_dead(cpu_id[n]);
	gone[n] = true;
}

static void set_mode(struct static_key_false *key, bool on)
{
	if (on)
		static_branch_enable(key);
	else
		static_branch_disable(key);
}

/* Every operation takes a slow path, as while a trace event of single objects is on. */
static void set_slow_only(bool on)
{
	if (on && !slow_only)
		hak_slow_only_get();
	else if (!on && slow_only)
		hak_slow_only_put();
	slow_only = on;
}

static void do_mode(void)
{
	unsigned int bits = byte();

	hak_paranoid_drain = (bits & 3) == 3;
	set_mode(&hak_lock_stats_on, bits & 4);
	set_mode(&hak_tracing, bits & 8);
	set_slow_only(bits & 16);
}

static void do_trim(void)
{
	unsigned int n = byte();
	bool idle;

	switch (n % 8) {
	case 0 ... FUZZ_WAYS - 1:
		fuzz_give_back(n % 8);
		break;
	case 5:
		hak_cpu_flush_this(true);
		break;
	case 6:
		hak_cpu_scan_idle(cpu_id[cpu], &idle);
		hak_cpu_flush_this(false);
		break;
	default:
		shim_run_pending();
	}
	if (n & 0x80 && cache[n >> 4 & 3].c)
		hak_cache_shrink(cache[n >> 4 & 3].c);
}

/* Memory runs out after some requests, or is there again. */
static void do_memory(void)
{
	unsigned int n = byte();

	failing = n & 1 || (n & 6) == 6;
	shim_fail_pages_after(n & 1 ? n >> 4 : -1);
	shim_fail_kmalloc_after((n & 6) == 6 ? n >> 4 : -1);
	if (!(n & 1))
		WRITE_ONCE(hak_node[0]->failed, 0);
}

/* An interrupt or an NMI while the owner of every cache is inside. */
static void do_interrupt(void)
{
	u8 mark[HAK_NR_CLASSES + CACHES] = { 0 };
	unsigned int i = 0, what = byte();
	struct hak_cache *c;

	list_for_each_entry(c, &hak_caches, list) {
		mark[i++] = this_cpu_ptr(c->cpu)->mark;
		this_cpu_ptr(c->cpu)->mark = HAK_CPU_INSIDE;
	}
	shim_set_context(what & 1 ? SHIM_NMI : SHIM_HARDIRQ);
	if (what & 2)
		do_free();
	if (what & 4)
		do_bulk_free();
	if (what & 8) {
		struct object *o = any();

		if (!o->p)
			begin(o, __hak_alloc(64, GFP_ATOMIC), 64, NULL, false);
	}
	shim_set_context(SHIM_TASK);
	i = 0;
	list_for_each_entry(c, &hak_caches, list)
		this_cpu_ptr(c->cpu)->mark = mark[i++];
}

static void (*const call[])(void) = {
	do_alloc, do_alloc, do_alloc, do_cache_alloc, do_cache_alloc, do_cache_alloc,
	do_free, do_free, do_free, do_free, do_bulk_alloc, do_bulk_alloc, do_bulk_free,
	do_bulk_free, do_realloc, do_calloc, do_copy, do_bad_free, do_cpu, do_cpu, do_cpu,
	do_offline, do_mode, do_trim, do_trim, do_memory, do_interrupt, do_cache, do_cache,
	do_free_again, do_look, do_zero, do_pool, do_bad_cache, do_realloc,
};

/* --- beginning and end --- */

static void memory_is_there(void)
{
	shim_fail_pages_after(-1);
	shim_fail_kmalloc_after(-1);
	failing = false;
	WRITE_ONCE(hak_node[0]->failed, 0);
}

/* Free everything, on any CPU, and check that all memory comes back. */
static void everything_comes_back(void)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (slot[i].p)
			hak_free(finish(&slot[i]));
	for (i = 0; i < CACHES; i++) {
		mempool_destroy(cache[i].pool);
		cache[i].pool = NULL;
	}
	for (i = 0; i < CPUS; i++) {
		if (gone[i])
			hak_cpu_online(cpu_id[i]);
		gone[i] = false;
		switch_to(i);
		hak_cpu_flush_this(true);
	}
	hak_free_rcu_barrier();
	hak_cpu_flush_this(true);
	hak_depot_trim(true);
	hak_reap_all();
	hak_superslab_trim(0);
	check(!hak_paranoid_scan());
	for (i = 0; i < CACHES; i++) {
		check(!cache[i].live);
		hak_cache_destroy(cache[i].c);
		cache[i].c = NULL;
	}
	check(!hak_core_leaks());
	shim_run_pending();
	hak_reap_all();
	hak_superslab_trim(0);
	check(!hak_arena_bytes());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hak_stats before, after;
	int warnings = READ_ONCE(shim_warnings);

	hak_stats_read(&before);
	at = data;
	end = data + size;
	switch_to(0);
	while (at < end)
		call[byte() % ARRAY_SIZE(call)]();
	memory_is_there();
	hak_paranoid_drain = 0;
	set_slow_only(false);
	everything_comes_back();
	hak_stats_read(&after);
	check(after.event[HAK_EV_CORRUPT] == before.event[HAK_EV_CORRUPT]);
	check(READ_ONCE(shim_warnings) == warnings);
	return 0;
}

static sem_t up;

/* Come online, and do nothing else. */
static void *be_a_cpu(void *n)
{
	shim_thread_online();
	cpu_id[(long)n] = shim_cpu;
	sem_post(&up);
	for (;;)
		pause();
	return NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	pthread_t t;
	long i;

	fuzz_start_core();
	sem_init(&up, 0, 0);
	for (i = 0; i < CPUS; i++) {
		if (pthread_create(&t, NULL, be_a_cpu, (void *)i))
			abort();
		sem_wait(&up);
	}
	/* The running thread has no id of its own. */
	shim_thread = SHIM_ONLINE;
	switch_to(0);
	return 0;
}
