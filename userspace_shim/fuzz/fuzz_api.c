// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs of API calls, compared with a model. libFuzzer generates the
 * bytes; each selects a call or is an argument. The model is an array of the live
 * objects, each full of a pattern of its own. For every program, no object may
 * change while it is live, no live object may be refused when it is freed, every
 * other address has to be refused, and all memory has to come back in the end.
 *
 * CPUs are pretended: idle threads have come online, and the one that runs takes the
 * place of one or the other.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "core.h"
#include "shim.h"

#define CPUS		4
#define SLOTS		512
#define CACHES		4
#define BULK		80	/* most objects of a bulk call */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

/*
 * A live object: @size bytes of @fill. There is none if @p is NULL. If hak_realloc() has
 * left it where it was, @asked is the size that was asked for before.
 */
struct object {
	u8 *p;
	size_t size;
	size_t asked;
	struct hak_cache *c;	/* NULL for a size class, or SLUB's */
	u8 fill;
};

static struct object slot[SLOTS];
static struct hak_cache *cache[CACHES];
static unsigned int cpu_id[CPUS], cpu;
static bool gone[CPUS];		/* its caches are flushed, and it is offline */
static unsigned int live_of[CACHES];
static u8 next_fill;
static bool slow_only;

/* The rest of the program. */
static const uint8_t *at, *end;

static unsigned int byte(void)
{
	return at < end ? *at++ : 0;
}

static unsigned int word(void)
{
	unsigned int low = byte();

	return low | byte() << 8;
}

/* --- the model --- */

static unsigned int index_of(const struct hak_cache *c)
{
	unsigned int i;

	for (i = 0; i < CACHES && cache[i] != c; i++)
		;
	check(i < CACHES);
	return i;
}

static bool intact(const struct object *o)
{
	size_t i;

	for (i = 0; i < o->size; i++)
		if (o->p[i] != o->fill)
			return false;
	return true;
}

/* From now on @p is the object of @o. If memory fails SLUB may have none. */
static void begin(struct object *o, void *p, size_t size, struct hak_cache *c, bool zeroed)
{
	size_t i;

	if (!p)
		return;
	check(p != ZERO_SIZE_PTR || !size);
	if (p == ZERO_SIZE_PTR)
		return;
	check(hak_usable_size(p) >= size);
	check(((unsigned long)p & 7) == 0);
	for (i = 0; zeroed && i < size; i++)
		check(!((u8 *)p)[i]);
	*o = (struct object){
		.p = p, .size = size, .asked = size, .c = c, .fill = ++next_fill,
	};
	memset(p, o->fill, size);
	if (c)
		live_of[index_of(c)]++;
}

/* Check that the object is unchanged before it is freed. Returns its address. */
static void *finish(struct object *o)
{
	void *p = o->p;

	check(intact(o));
	if (o->c)
		live_of[index_of(o->c)]--;
	*o = (struct object){ 0 };
	return p;
}

static struct object *any(void)
{
	return &slot[word() % SLOTS];
}

static struct object *empty(void)
{
	struct object *o = any();

	if (o->p)
		hak_free(finish(o));
	return o;
}

static size_t some_size(void)
{
	unsigned int n = word();

	/* Mostly sizes that hakmem serves itself. */
	return n & 0x8000 ? n & 0x3fff : 1 + n % HAK_MAX_SIZE;
}

static gfp_t some_gfp(unsigned int bits)
{
	gfp_t gfp = bits & 1 ? GFP_KERNEL : GFP_ATOMIC;

	if (bits & 2)
		gfp |= __GFP_ZERO;
	if ((bits & 0x1c) == 0x1c)
		gfp |= __GFP_ACCOUNT;
	return gfp;
}

/* --- calls --- */

static void do_alloc(void)
{
	size_t size = some_size();
	unsigned int bits = byte();
	struct object *o = empty();
	void *p;

	if (bits & 0x20)
		p = hak_alloc_node(size, some_gfp(bits), bits & 0x40 ? 0 : NUMA_NO_NODE);
	else
		p = __hak_alloc(size, some_gfp(bits));
	begin(o, p, size, NULL, bits & 2);
}

static void do_calloc(void)
{
	unsigned int n = byte() % 16, each = 1 + byte();
	struct object *o = empty();

	begin(o, hak_calloc(n, each, GFP_KERNEL), (size_t)n * each, NULL, true);
}

static void do_copy(void)
{
	struct object *from = any(), *o = empty();
	size_t size = min_t(size_t, from->size, 4000);
	u8 *p;

	if (!from->p || !size)
		return;
	p = hak_memdup(from->p, size, GFP_KERNEL);
	if (!p)
		return;
	check(!memcmp(p, from->p, size));
	begin(o, p, size, NULL, false);
}

static void do_cache_alloc(void)
{
	struct hak_cache *c = cache[byte() % CACHES];
	unsigned int bits = byte();
	struct object *o = empty();
	void *p;

	if (!c)
		return;
	if (bits & 0x20)
		p = hak_cache_alloc_node(c, some_gfp(bits), 0);
	else
		p = hak_cache_alloc(c, some_gfp(bits));
	begin(o, p, hak_cache_size(c), c, bits & 2);
}

static void do_free(void)
{
	struct object *o = any();
	unsigned int how = byte();
	size_t size = o->asked;
	struct hak_cache *c = o->c;
	void *p;

	if (!o->p)
		return;
	p = finish(o);
	/* Where it may have to wait; a cache is destroyed after it has waited for all. */
	if ((how & 0x90) == 0x90 && in_task())
		hak_free_rcu_mightsleep(p);
	else if (c && how & 1)
		hak_cache_free(c, p);
	else if (how & 2)
		hak_free_sized(p, size);
	else if (how & 4)
		hak_free_sensitive(p);
	else
		hak_free(p);
}

static void do_bulk_alloc(void)
{
	unsigned int i, n = byte() % BULK, bits = byte();
	struct hak_cache *c = bits & 0x80 ? cache[byte() % CACHES] : NULL;
	size_t size = c ? hak_cache_size(c) : some_size();
	struct object *o[BULK];
	void *p[BULK];

	for (i = 0; i < n; i++) {
		o[i] = &slot[(end - at + 7 * i) % SLOTS];
		if (o[i]->p)
			hak_free(finish(o[i]));
	}
	if (c)
		i = hak_cache_alloc_bulk(c, some_gfp(bits), n, p);
	else
		i = hak_alloc_bulk(size, some_gfp(bits), n, p);
	check(i == n || !i);
	n = i;
	for (i = 0; i < n; i++)
		begin(o[i], p[i], size, c, bits & 2);
}

static void do_bulk_free(void)
{
	unsigned int i, n = 0, most = byte() % BULK, step = 1 + byte() % 7;
	unsigned int from = word() % SLOTS;
	struct hak_cache *c = NULL;
	void *p[BULK];

	for (i = 0; n < most && i < SLOTS; i += step) {
		struct object *o = &slot[(from + i) % SLOTS];

		if (!o->p || (n && o->c != c))
			continue;
		c = o->c;
		p[n++] = finish(o);
	}
	if (c && step & 1)
		hak_cache_free_bulk(c, n, p);
	else
		hak_free_bulk(n, p);
}

static void do_realloc(void)
{
	struct object *o = any(), was = *o;
	size_t size = some_size(), i;
	u8 *p;

	if (!o->p || o->c)
		return;
	check(intact(o));
	p = hak_realloc(o->p, size, GFP_KERNEL);
	if (!p)
		return;
	*o = (struct object){ 0 };
	if (p == ZERO_SIZE_PTR)
		return;
	for (i = 0; i < min(size, was.size); i++)
		check(p[i] == was.fill);
	begin(o, p, size, NULL, false);
	if (p == was.p)
		o->asked = was.asked;
}

/* Each call refuses an address where no object begins, and nothing changes. */
static void do_bad_free(void)
{
	struct object *o = any();
	struct hak_stats before, after;
	unsigned int how = byte();
	struct hak_cache *c;
	u8 *p;

	if (!o->p || !hak_slab_of(o->p) || o->size < 2)
		return;
	p = o->p + 1 + how % (o->size - 1);
	hak_stats_read(&before);
	check(!hak_usable_size(p));
	hak_free(p);
	hak_free_sized(p, o->size);
	hak_free_bulk(1, (void **)&p);
	check(!hak_realloc(p, 10, GFP_KERNEL));
	/* As an object of another cache. */
	c = o->c == cache[0] ? cache[1] : cache[0];
	if (c)
		hak_cache_free(c, o->p);
	hak_stats_read(&after);
	check(after.event[HAK_EV_BAD_FREE] - before.event[HAK_EV_BAD_FREE] == 4 + !!c);
	check(intact(o));
}

/* --- what happens around them --- */

static void switch_to(unsigned int n)
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
		hak_depot_trim(false);
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
	if (n & 0x80 && cache[n >> 4 & 3])
		hak_cache_shrink(cache[n >> 4 & 3]);
}

/* Memory runs out after some requests, or is there again. */
static void do_memory(void)
{
	unsigned int n = byte();

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

static void do_cache(void)
{
	unsigned int i = byte() % CACHES, bits = byte(), saved = hak_fast_cap;
	char name[16];

	if (cache[i]) {
		if (live_of[i])
			return;
		hak_cache_destroy(cache[i]);
		cache[i] = NULL;
		return;
	}
	snprintf(name, sizeof(name), "fuzz%u", i);
	/* Sometimes a cache that holds few objects or none. */
	hak_fast_cap = bits & 0x80 ? bits & 7 : saved;
	cache[i] = hak_cache_create(name, 1 + word() % 2000, bits & 8 ? 64 : 0,
				    bits & 16 ? SLAB_TYPESAFE_BY_RCU : 0, NULL);
	hak_fast_cap = saved;
}

static void (*const call[])(void) = {
	do_alloc, do_alloc, do_alloc, do_cache_alloc, do_cache_alloc, do_cache_alloc,
	do_free, do_free, do_free, do_free, do_bulk_alloc, do_bulk_alloc, do_bulk_free,
	do_bulk_free, do_realloc, do_calloc, do_copy, do_bad_free, do_cpu, do_cpu, do_cpu,
	do_offline, do_mode, do_trim, do_trim, do_memory, do_interrupt, do_cache,
};

/* --- beginning and end --- */

static void memory_is_there(void)
{
	shim_fail_pages_after(-1);
	shim_fail_kmalloc_after(-1);
	WRITE_ONCE(hak_node[0]->failed, 0);
}

/* Free everything, on any CPU, and check that all memory comes back. */
static void everything_comes_back(void)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (slot[i].p)
			hak_free(finish(&slot[i]));
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
		check(!live_of[i]);
		hak_cache_destroy(cache[i]);
		cache[i] = NULL;
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

	/* Start once more, with a trace ring. */
	shim_init();
	hak_core_exit();
	hak_trace_ring = 1;
	if (hak_core_init())
		abort();
	/* The ring would have every operation go the slow way; set_slow_only() has them do so. */
	hak_slow_only_put();
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
