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
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/preempt.h>

#include "fuzz.h"

#define THREADS		4
#define SHARED		256
#define HELD		16
#define MANY		32		/* most objects of a bulk call */
#define TYPED		2
#define STAMP		0xc7		/* what the constructor writes */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A live object, which one thread has, or a slot. */
struct item {
	u8 *p;
	size_t size;
	struct hak_cache *c;	/* NULL for a size class, or SLUB's */
	u64 pattern;
};

struct worker {
	pthread_t thread;
	unsigned int id;
	sem_t go;
	const uint8_t *from, *at, *end;
	struct item *held[HELD];
	u64 number;
	unsigned long bad_frees;	/* those that it has provoked */
};

static struct worker worker[THREADS];
static unsigned int nr_workers;
static void (*task)(struct worker *w);
static sem_t done;

static struct item *shared[SHARED];
static struct hak_cache *typed[TYPED];
static size_t built;		/* bytes that the constructor of the second cache writes */
static unsigned int rounds;
static bool may_fail;
static pthread_mutex_t mode_lock = PTHREAD_MUTEX_INITIALIZER;
static bool slow_only;

static unsigned int next(struct worker *w)
{
	return w->at < w->end ? *w->at++ : 0;
}

static unsigned int next_word(struct worker *w)
{
	unsigned int low = next(w);

	return low | next(w) << 8;
}

/* --- objects --- */

static void construct(void *p)
{
	memset(p, STAMP, built);
}

static bool is_constructed(const struct hak_cache *c)
{
	return c && c->ctor;
}

static void paint(struct item *i, u64 pattern)
{
	size_t n;

	i->pattern = pattern;
	for (n = 0; n < i->size; n += sizeof(pattern))
		memcpy(i->p + n, &pattern, min(sizeof(pattern), i->size - n));
}

/* Are the first @size bytes as they were painted? */
static bool painted(const u8 *p, size_t size, u64 pattern)
{
	size_t n;

	for (n = 0; n < size; n += sizeof(pattern))
		if (memcmp(p + n, &pattern, min(sizeof(pattern), size - n)))
			return false;
	return true;
}

/* It is @w's now. */
static void own(struct worker *w, struct item *i)
{
	paint(i, (unsigned long)i->p ^ (u64)(w->id + 1) << 56 ^ ++w->number << 32);
}

static void all_bytes(const u8 *p, size_t size, u8 value)
{
	while (size--)
		check(*p++ == value);
}

/* NULL if there is no object, which is only so where memory may fail. */
static struct item *item_of(struct worker *w, void *p, size_t size, struct hak_cache *c,
			    gfp_t gfp)
{
	struct item *i;

	if (!p) {
		check(__atomic_load_n(&may_fail, __ATOMIC_SEQ_CST));
		return NULL;
	}
	check(hak_usable_size(p) >= size);
	if (is_constructed(c))
		all_bytes(p, built, STAMP);
	else if (gfp & __GFP_ZERO)
		all_bytes(p, size, 0);
	i = malloc(sizeof(*i));
	check(i);
	*i = (struct item){ .p = p, .size = size, .c = c };
	own(w, i);
	return i;
}

/* Its memory may be freed now. */
static void *end_item(struct item *i)
{
	void *p = i->p;

	check(painted(p, i->size, i->pattern));
	paint(i, ~i->pattern);
	if (is_constructed(i->c))
		construct(p);
	free(i);
	return p;
}

struct with_head {
	char text[8];
	struct rcu_head rcu;
};

static void free_item(struct item *i, unsigned int how)
{
	struct hak_cache *c = i->c;
	size_t size = i->size;
	void *p = end_item(i);

	if (how & 0x40)
		shim_set_context(how & 0x80 ? SHIM_NMI : SHIM_HARDIRQ);
	switch (how % 8) {
	case 0:
		if (!in_task())
			hak_free(p);
		else if (size >= sizeof(struct with_head) && !is_constructed(c))
			hak_free_rcu((struct with_head *)p, rcu);
		else
			hak_free_rcu_mightsleep(p);
		break;
	case 1:
		hak_free_sized(p, c ? size : hak_usable_size(p));
		break;
	case 2:
		if (is_constructed(c))
			hak_free(p);
		else
			hak_free_sensitive(p);
		break;
	case 3:
		if (c)
			hak_cache_free(c, p);
		else
			hak_free_bulk(1, &p);
		break;
	default:
		hak_free(p);
	}
	shim_set_context(SHIM_TASK);
}

/* --- handing over --- */

/* What was in slot @n is the caller's, which gives @i instead. */
static struct item *exchange(unsigned int n, struct item *i)
{
	return __atomic_exchange_n(&shared[n % SHARED], i, __ATOMIC_ACQ_REL);
}

static void put(struct worker *w, struct item *i)
{
	struct item *was = exchange(next(w), i);

	if (was)
		free_item(was, next(w));
}

static gfp_t flags(unsigned int bits)
{
	gfp_t gfp = bits & 1 ? GFP_KERNEL : GFP_ATOMIC;

	if (bits & 2)
		gfp |= __GFP_ZERO;
	if ((bits & 0x1c) == 0x1c)
		gfp |= __GFP_ACCOUNT;
	return gfp;
}

static void do_alloc(struct worker *w)
{
	unsigned int bits = next(w);
	size_t size = 1 + next_word(w) % (bits & 0x80 ? 3000 : HAK_MAX_SIZE);
	gfp_t gfp = flags(bits);
	void *p = bits & 0x20 ? hak_alloc_node(size, gfp, 0) : hak_alloc(size, gfp);

	put(w, item_of(w, p, size, NULL, gfp));
}

static void do_cache_alloc(struct worker *w)
{
	unsigned int bits = next(w);
	struct hak_cache *c = typed[bits >> 5 & 1];
	gfp_t gfp = flags(bits);

	if (is_constructed(c))
		gfp &= ~__GFP_ZERO;
	if (c)
		put(w, item_of(w, hak_cache_alloc(c, gfp), hak_cache_size(c), c, gfp));
}

/* Of one size; some are handed over, the others go at once. */
static void do_bulk(struct worker *w)
{
	unsigned int bits = next(w), n = 1 + bits % MANY, i, keep = next(w) % 8;
	struct hak_cache *c = bits & 0x80 ? typed[bits >> 6 & 1] : NULL;
	size_t size = c ? hak_cache_size(c) : 8 + bits;
	void *p[MANY];

	if (c)
		i = hak_cache_alloc_bulk(c, GFP_KERNEL, n, p);
	else
		i = hak_alloc_bulk(size, GFP_KERNEL, n, p);
	check(i == n || (!i && __atomic_load_n(&may_fail, __ATOMIC_SEQ_CST)));
	n = i;
	while (n && keep--)
		put(w, item_of(w, p[--n], size, c, 0));
	for (i = 0; i < n; i++)
		p[i] = end_item(item_of(w, p[i], size, c, 0));
	if (c && bits & 0x20)
		hak_cache_free_bulk(c, n, p);
	else
		hak_free_bulk(n, p);
}

static void do_free(struct worker *w)
{
	struct item *i = exchange(next(w), NULL);

	if (i)
		free_item(i, next(w));
}

/* Another thread's object becomes this one's, and is put elsewhere, or kept. */
static void do_pass_on(struct worker *w)
{
	struct item *i = exchange(next(w), NULL);

	if (!i)
		return;
	check(painted(i->p, i->size, i->pattern));
	own(w, i);
	put(w, i);
}

static void do_hold(struct worker *w)
{
	unsigned int n = next(w);
	struct item **h = &w->held[n % HELD];

	*h = exchange(n, *h);
	if (*h)
		check(painted((*h)->p, (*h)->size, (*h)->pattern));
}

static void do_realloc(struct worker *w)
{
	struct item *i = exchange(next(w), NULL);
	size_t size = 1 + next_word(w) % 2000, least;
	u8 *p;

	if (!i)
		return;
	/* It would be freed without being as its constructor has left it. */
	if (is_constructed(i->c))
		size = i->size;
	check(painted(i->p, i->size, i->pattern));
	p = hak_realloc(i->p, size, GFP_KERNEL);
	if (p) {
		least = min(size, i->size);
		check(painted(p, least, i->pattern));
		i->c = p == i->p ? i->c : NULL;
		i->p = p;
		/* hak_free_sized() would get the wrong one, but not of a typed object. */
		i->size = i->c ? i->size : size;
		own(w, i);
	} else {
		check(__atomic_load_n(&may_fail, __ATOMIC_SEQ_CST));
	}
	put(w, i);
}

/* --- what changes nothing, or has to be refused --- */

static void do_look(struct worker *w)
{
	struct item *i = exchange(next(w), NULL);
	bool ours;

	if (!i)
		return;
	ours = hak_slab_of(i->p);
	fuzz_quiet++;
	check(hak_owns(i->p) == ours);
	check(hak_dump_obj(i->p) == (ours || i->c));
	check(hak_usable_size(i->p) >= i->size);
	fuzz_quiet--;
	put(w, i);
}

/* An address inside an object. */
static void do_bad_free(struct worker *w)
{
	struct item *i = exchange(next(w), NULL);
	u8 *p;

	if (!i)
		return;
	if (hak_slab_of(i->p) && i->size > 1) {
		p = i->p + 1 + next(w) % (i->size - 1);
		fuzz_quiet++;
		hak_free(p);
		hak_free_sized(p, i->size);
		check(!hak_realloc(p, 3000, GFP_KERNEL));
		fuzz_quiet--;
		w->bad_frees += 3;
	}
	put(w, i);
}

/*
 * A cache of this thread alone comes and goes. Nobody else allocates from it, so a second
 * free of an object is found while this thread's cache has it, or if objects are checked.
 */
static void do_cache(struct worker *w)
{
	char name[] = { 'o', 'w', 'n', '0' + w->id, 0 };
	unsigned int bits = next(w), n, i;
	struct hak_cache *c;
	void *p[MANY];

	/* With it every thread looks at every cache, and the shim has no grace periods. */
	if (hak_paranoid_drain)
		return;
	c = hak_cache_create(name, 8 + 8 * bits, 0, 0, NULL);
	if (!c) {
		check(__atomic_load_n(&may_fail, __ATOMIC_SEQ_CST));
		return;
	}
	n = hak_cache_alloc_bulk(c, GFP_KERNEL, 1 + bits % MANY, p);
	for (i = 0; i < n; i++)
		p[i] = end_item(item_of(w, p[i], 8 + 8 * bits, c, 0));
	if (n && hak_slab_of(p[0]) && (c->checks || c->cap)) {
		fuzz_quiet++;
		hak_free(p[0]);
		hak_free(p[0]);
		fuzz_quiet--;
		w->bad_frees++;
		p[0] = p[--n];
	}
	hak_free_bulk(n, p);
	hak_cache_destroy(c);
}

/* --- what happens meanwhile --- */

static void do_trim(struct worker *w)
{
	unsigned int n = next(w);

	switch (n % 10) {
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
		hak_cpu_flush_this(n & 0x80);
		break;
	case 6:
		shim_flush_parked();
		break;
	case 7:
		hak_free_rcu_barrier();
		break;
	case 8:
		if (typed[n >> 7])
			hak_cache_shrink(typed[n >> 7]);
		break;
	default:
		shim_run_pending();
	}
}

static void set_key(struct static_key_false *key, bool on)
{
	if (on)
		static_branch_enable(key);
	else
		static_branch_disable(key);
}

/* paranoid_drain needs the slow way, so it is off if this is called. */
static void set_slow_only(bool on)
{
	pthread_mutex_lock(&mode_lock);
	if (on && !slow_only)
		hak_slow_only_get();
	else if (!on && slow_only)
		hak_slow_only_put();
	slow_only = on;
	pthread_mutex_unlock(&mode_lock);
}

static void do_mode(struct worker *w)
{
	unsigned int bits = next(w);

	set_key(&hak_tracing, bits & 1);
	set_key(&hak_lock_stats_on, bits & 2);
	if (!hak_paranoid_drain)
		set_slow_only(bits & 4);
}

/* Memory runs out after some requests, or is there again. */
static void do_memory(struct worker *w)
{
	unsigned int n = next(w);

	if (n & 3)
		__atomic_store_n(&may_fail, true, __ATOMIC_SEQ_CST);
	shim_fail_pages_after(n & 1 ? n >> 4 : -1);
	shim_fail_kmalloc_after((n & 3) == 3 ? n >> 4 : -1);
}

/* The thread's CPU goes offline, and the thread gets another, as a new one would. */
static void do_offline(struct worker *w)
{
	shim_thread_offline();
	shim_thread = SHIM_NEW;
	shim_thread_online();
	/* There is always an id, but no memory for it perhaps. */
	check(shim_thread == SHIM_ONLINE || __atomic_load_n(&may_fail, __ATOMIC_SEQ_CST));
	if (shim_thread != SHIM_ONLINE)
		shim_thread = SHIM_NEW;
}

static void (*const call[])(struct worker *w) = {
	do_alloc, do_alloc, do_alloc, do_cache_alloc, do_cache_alloc, do_cache_alloc, do_bulk,
	do_bulk, do_free, do_free, do_free, do_free, do_pass_on, do_pass_on, do_hold,
	do_realloc, do_look, do_bad_free, do_cache, do_trim, do_trim, do_mode, do_memory,
	do_offline,
};

/* --- the threads --- */

static void do_part(struct worker *w)
{
	unsigned int i;

	if (shim_thread == SHIM_NEW)
		shim_thread_online();
	for (i = 0; i < rounds; i++)
		for (w->at = w->from; w->at < w->end;)
			call[next(w) % ARRAY_SIZE(call)](w);
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
