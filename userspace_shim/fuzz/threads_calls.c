// SPDX-License-Identifier: GPL-2.0
/* What a thread of fuzz_threads does: one call, or a few, for each byte of its part. */
#include <string.h>

#include <linux/minmax.h>
#include <linux/preempt.h>

#include "threads.h"

#define MANY		32		/* most objects of a bulk call */
#define STAMP		0xc7		/* what the constructor writes */

struct item *shared[SHARED];
struct hak_cache *typed[TYPED];
size_t built;
bool may_fail;
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

void construct(void *p)
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
bool painted(const u8 *p, size_t size, u64 pattern)
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

void free_item(struct item *i, unsigned int how)
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
struct item *exchange(unsigned int n, struct item *i)
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
	case 0 ... FUZZ_WAYS - 1:
		fuzz_give_back(n % 10);
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
void set_slow_only(bool on)
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

void do_call(struct worker *w)
{
	call[next(w) % ARRAY_SIZE(call)](w);
}
