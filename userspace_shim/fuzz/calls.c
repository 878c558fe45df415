// SPDX-License-Identifier: GPL-2.0
/* The calls of the API, each compared with the model. */
#include <string.h>

#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

#include "model.h"

/* --- size classes --- */

/* Sizes and flags that the compiler knows. */
static void alloc_constant(struct object *o, unsigned int bits)
{
	if (bits & 1)
		begin(o, hak_alloc(40, GFP_KERNEL), 40, NULL, 0);
	else if (bits & 2)
		begin(o, hak_zalloc(1000, GFP_ATOMIC), 1000, NULL, ZEROED);
	else if (bits & 4)
		begin(o, hak_alloc(0, GFP_KERNEL), 0, NULL, 0);
	else
		begin(o, hak_alloc(1025, GFP_KERNEL), 1025, NULL, 0);
}

/* By the entry points behind hak_alloc(), and the functions beside it. */
static void *alloc_by(unsigned int way, size_t size, gfp_t gfp, unsigned int bits)
{
	gfp_t plain = gfp & ~HAK_GFP_SPECIAL;
	int node = bits & 0x40 ? 0 : NUMA_NO_NODE;

	switch (way) {
	case 1:
		return hak_alloc_node(size, gfp, node);
	case 2:
		return hak_alloc_array(1, size, gfp);
	case 3:
		return gfp & __GFP_ZERO ? hak_zalloc_node(size, gfp & ~__GFP_ZERO, node) :
					  __hak_alloc_plain(size, plain);
	case 4:
		if (size - 1 >= HAK_MAX_SIZE)
			return __hak_alloc(size, gfp);
		return gfp & HAK_GFP_SPECIAL ?
			__hak_alloc_class(hak_class_index(size), gfp, size) :
			__hak_alloc_class_plain(hak_class_index(size), gfp, size);
	case 5:
		return hak_realloc(bits & 0x40 ? NULL : ZERO_SIZE_PTR, size ?: 1, gfp);
	default:
		return __hak_alloc(size, gfp);
	}
}

void do_alloc(void)
{
	size_t size = some_size();
	unsigned int bits = byte(), way = byte() % 8;
	struct object *o = empty();

	if (way == 7)
		alloc_constant(o, bits);
	else
		begin(o, alloc_by(way, size, some_gfp(bits), bits), size ?: way == 5, NULL,
		      bits & 2 ? ZEROED : 0);
}

void do_calloc(void)
{
	unsigned int n = byte() % 16, each = 1 + byte(), bits = byte();
	size_t many = SIZE_MAX / (each + 1) + 1;
	struct object *o = empty();

	if (bits & 1) {
		check(!hak_calloc(many, each + 1, GFP_KERNEL));
		check(!hak_calloc_node(each + 1, many, GFP_KERNEL, 0));
		check(!hak_alloc_array(many, each + 1, GFP_KERNEL));
	}
	if (bits & 2)
		begin(o, hak_calloc_node(n, each, GFP_KERNEL, bits & 4 ? 0 : NUMA_NO_NODE),
		      n * each, NULL, ZEROED);
	else
		begin(o, hak_calloc(n, each, GFP_KERNEL), n * each, NULL, ZEROED);
}

static void copy_string(struct object *o)
{
	static char text[1200];
	size_t n = word() % (sizeof(text) - 1);
	char *s;

	memset(text, 'a' + n % 26, n);
	text[n] = '\0';
	s = hak_strdup(text, GFP_KERNEL);
	check(!s || !strcmp(s, text));
	check(!hak_strdup(NULL, GFP_KERNEL));
	begin(o, s, n + 1, NULL, 0);
}

void do_copy(void)
{
	struct object *from = any(), *o = empty();
	size_t size = min_t(size_t, from->size, 4000);
	u8 *p;

	if (!from->p || !size) {
		copy_string(o);
		return;
	}
	p = hak_memdup(from->p, size, GFP_KERNEL);
	check(!p || !memcmp(p, from->p, size));
	begin(o, p, size, NULL, 0);
}

/* --- typed caches --- */

static void *cache_alloc_by(unsigned int way, struct hak_cache *c, gfp_t gfp)
{
	static long lru;	/* the shim has no list_lru, and looks at none */

	switch (way) {
	case 1:
		return hak_cache_alloc_node(c, gfp, 0);
	case 2:
		return hak_cache_alloc_lru(c, (struct list_lru *)&lru, gfp);
	case 3:
		return hak_cache_alloc_lru(c, NULL, gfp);
	case 4:
		return gfp & __GFP_ZERO ? hak_cache_zalloc(c, gfp) :
					  __hak_cache_alloc_plain(c, gfp & ~HAK_GFP_SPECIAL);
	case 5:
		/* The compiler knows these flags. */
		return gfp & __GFP_ZERO ? hak_cache_zalloc(c, GFP_KERNEL) :
					  hak_cache_alloc(c, GFP_KERNEL);
	default:
		return __hak_cache_alloc(c, gfp);
	}
}

void do_cache_alloc(void)
{
	struct model_cache *m = &cache[byte() % CACHES];
	unsigned int bits = byte(), way = byte() % 8;
	struct object *o = empty();
	unsigned int how = bits & 2 ? ZEROED : 0;
	gfp_t gfp = some_gfp(bits);

	if (!m->c)
		return;
	/* An element that was in the pool's reserve is not zeroed. */
	if (way == 7 && m->pool)
		begin(o, mempool_alloc(m->pool, gfp & ~__GFP_ZERO), hak_cache_size(m->c), m->c, 0);
	else
		begin(o, cache_alloc_by(way, m->c, gfp), hak_cache_size(m->c), m->c, how);
}

/* --- frees --- */

struct with_head {
	char text[8];
	struct rcu_head rcu;
};

/*
 * By hak_free_rcu(). With a head it may be called with preemption off. An object that is
 * constructed has no room for a head.
 */
static bool free_later(void *p, size_t size, bool built, unsigned int how)
{
	bool head = size >= sizeof(struct with_head) && !built && how & 0x40;
	unsigned long off;

	if (in_nmi() || (!head && !in_task()))
		return false;
	if (!head) {
		if (how & 0x20)
			hak_free_rcu_mightsleep(p);
		else
			hak_free_rcu(p);
		return true;
	}
	if (how & 0x20)
		preempt_disable();
	if (how & 8) {
		hak_free_rcu((struct with_head *)p, rcu);
	} else {
		off = round_down(size - sizeof(struct rcu_head), 8);
		__hak_free_rcu(p, p + off);
	}
	if (how & 0x20)
		preempt_enable();
	return true;
}

static void free_typed(struct model_cache *m, void *p, unsigned int how)
{
	if (how & 8 && m->pool && in_task())
		mempool_free(p, m->pool);
	else
		hak_cache_free(m->c, p);
}

static void free_in_scope(void *p)
{
	void *gone __free(hak_free) = p;

	check(gone);
}

void do_free(void)
{
	struct object *o = any();
	unsigned int how = byte();
	size_t size = o->size, asked = o->asked;
	struct model_cache *m = model_of(o->c);
	bool built = m && m->built;
	void *p;

	if (!o->p)
		return;
	p = finish(o);
	if ((how & 0x90) == 0x90 && free_later(p, size, built, how))
		return;
	if (m && how & 1)
		free_typed(m, p, how);
	else if (how & 2)
		hak_free_sized(p, asked);
	else if (how & 4 && !built)
		hak_free_sensitive(p);
	else if (how & 8)
		free_in_scope(p);
	else
		hak_free(p);
}

/* --- bulk calls --- */

void do_bulk_alloc(void)
{
	unsigned int i, n = byte() % BULK, bits = byte();
	struct hak_cache *c = bits & 0x80 ? cache[byte() % CACHES].c : NULL;
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
	check(i == n || (!i && failing));
	n = i;
	for (i = 0; i < n; i++)
		begin(o[i], p[i], size, c, bits & 2 ? ZEROED : 0);
}

/* Objects of one cache, or of any. */
void do_bulk_free(void)
{
	unsigned int i, n = 0, bits = byte(), most = bits % BULK, step = 1 + byte() % 7;
	unsigned int from = word() % SLOTS;
	bool mixed = bits & 0x80;
	struct hak_cache *c = NULL;
	void *p[BULK];

	for (i = 0; n < most && i < SLOTS; i += step) {
		struct object *o = &slot[(from + i) % SLOTS];

		if (!o->p || (n && o->c != c && !mixed))
			continue;
		c = o->c;
		p[n++] = finish(o);
	}
	if (c && step & 1 && !mixed)
		hak_cache_free_bulk(c, n, p);
	else
		hak_free_bulk(n, p);
}

/* --- resizing --- */

/* Of @was, which hakmem knows, all calls had __GFP_ZERO: is what was added zero? */
static bool added_is_zero(const struct object *was, const u8 *p, size_t size)
{
	size_t i;

	for (i = was->size; i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* The object's cache no longer has it. */
static void forget(struct object *o)
{
	struct model_cache *m = model_of(o->c);

	if (m)
		m->live--;
	*o = (struct object){ 0 };
}

/* @p is what became of @was. */
static void resized(struct object *o, const struct object *was, u8 *p, size_t size, bool zeroed)
{
	struct hak_cache *c = p == was->p ? was->c : NULL;
	size_t i;

	forget(o);
	if (p == ZERO_SIZE_PTR)
		return;
	for (i = 0; i < min(size, was->size); i++)
		check(p[i] == was->fill);
	check(!zeroed || added_is_zero(was, p, size));
	/* The shim's krealloc() zeroes nothing. */
	zeroed &= c || hak_slab_of(p);
	begin(o, p, size, c, RESIZED | (zeroed ? ZEROED : 0));
	if (p == was->p)
		o->asked = was->asked;
}

/*
 * A constructed object stays where it is, or it would be freed without being as its
 * constructor has left it. Nothing in it is zeroed.
 */
static void resize_built(struct object *o, size_t size, gfp_t gfp)
{
	size = 1 + size % hak_cache_size(o->c);
	check(hak_realloc(o->p, size, gfp) == o->p);
	check(intact(o));
}

void do_realloc(void)
{
	struct object *o = any(), was = *o;
	size_t size = some_size();
	unsigned int bits = byte();
	struct model_cache *m = model_of(o->c);
	gfp_t gfp = GFP_KERNEL | (bits & 2 ? __GFP_ZERO : 0);
	bool zeroed = o->zeroed && bits & 2 && (o->c || hak_slab_of(o->p));
	u8 *p;

	if (!o->p)
		return;
	check(intact(o));
	if (m && m->built) {
		resize_built(o, size, gfp);
		return;
	}
	if (bits & 4 && size % 8 == 0)
		p = hak_realloc_array(o->p, size / 8, 8, gfp);
	else
		p = hak_realloc(o->p, size, gfp);
	if (bits & 8)
		check(!hak_realloc_array(p, SIZE_MAX / 2, 3, gfp));
	if (!p)
		check(failing && intact(o));
	else
		resized(o, &was, p, size, zeroed);
}

/* --- calls that change nothing --- */

void do_look(void)
{
	struct object *o = any();
	unsigned int bits = byte();
	u8 *p = o->p;
	bool ours;

	check(!hak_owns(&slot[0]) && !hak_dump_obj(NULL) && !hak_owns(NULL));
	if (!p || !o->size)
		return;
	ours = hak_slab_of(p);
	check(hak_owns(p) == ours && hak_owns(p + o->size - 1) == ours);
	check(hak_usable_size(p) >= max(o->size, o->asked));
	if (bits & 1 && ours)
		p += bits % o->size;
	fuzz_quiet++;
	fuzz_said = 0;
	/* Of SLUB's objects those of typed caches are known. */
	check(hak_dump_obj(p) == (ours || o->c));
	check(!!fuzz_said == (ours || o->c));
	fuzz_quiet--;
	check(intact(o));
}

/* Zero an object. If it is constructed, nothing happens. */
void do_zero(void)
{
	struct object *o = any();
	struct model_cache *m = model_of(o->c);
	size_t i;

	if (!m)
		return;
	check(intact(o));
	check(hak_cache_zero(m->c, o->p) == o->p);
	for (i = 0; i < o->size && !m->built; i++)
		check(!o->p[i]);
	if (m->built)
		check(intact(o));
	else
		memset(o->p, o->fill, o->size);
}

/* --- caches that come and go --- */

struct fuzz_small {
	char text[24];
	long number;
} __aligned(16);

static const slab_flags_t flag[] = {
	SLAB_HWCACHE_ALIGN, SLAB_RECLAIM_ACCOUNT | SLAB_NO_MERGE, SLAB_ACCOUNT, SLAB_POISON,
	SLAB_CONSISTENCY_CHECKS, SLAB_RED_ZONE, SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER,
};

/* Arguments for cache @i. All fit, but for an alignment that may be too large. */
static struct hak_cache *create(unsigned int i, unsigned int size, unsigned int bits)
{
	unsigned int more = byte();
	struct hak_cache_args args = {
		.align = bits & 8 ? 8U << more % 10 : 0,
		.ctor = bits & 0x20 ? builder(i) : NULL,
	};
	slab_flags_t flags = bits & 0x10 ? SLAB_TYPESAFE_BY_RCU : 0;
	struct model_cache *m = &cache[i];
	char name[16];

	if (more & 0x80)
		flags |= flag[(more >> 4 & 7) % ARRAY_SIZE(flag)];
	m->link = NO_LINK;
	if (bits & 0x30 && more & 1 && size >= sizeof(void *)) {
		args.use_freeptr_offset = true;
		args.freeptr_offset = word() % (size - 7) & ~7U;
		m->link = args.freeptr_offset;
	}
	if (bits & 0x40) {
		args.useroffset = word() % size;
		args.usersize = 1 + word() % (size - args.useroffset);
	}
	m->built = args.ctor ? size : 0;
	m->align = max_t(unsigned int, args.align, HAK_MIN_SIZE);
	snprintf(name, sizeof(name), "fuzz%u", i);
	return bits & 0x40 || more & 2 || args.use_freeptr_offset ?
	       hak_cache_create_args(name, size, &args, flags) :
	       hak_cache_create(name, size, args.align, flags, args.ctor);
}

/* By the macros. Only one cache at a time has the name. */
static struct hak_cache *create_by_macro(unsigned int i, unsigned int bits)
{
	struct model_cache *m = &cache[i];

	m->link = NO_LINK;
	m->built = 0;
	m->align = __alignof__(struct fuzz_small);
	return bits & 8 ? HAK_CACHE(fuzz_small, SLAB_HWCACHE_ALIGN) :
			  HAK_CACHE_USERCOPY(fuzz_small, 0, text);
}

void do_cache(void)
{
	unsigned int i = byte() % CACHES, bits = byte(), saved = hak_fast_cap;
	struct model_cache *m = &cache[i];
	unsigned int size = word();

	if (m->c) {
		if (m->live || m->pool)
			return;
		hak_cache_destroy(m->c);
		m->c = NULL;
		return;
	}
	/* Sometimes a cache that holds few objects or none. */
	hak_fast_cap = bits & 0x80 ? bits & 7 : saved;
	size = 1 + size % (size & 0x8000 ? HAK_CACHE_MAX_SIZE : 2000);
	fuzz_quiet++;
	m->c = bits & 1 ? create(i, size, bits) : create_by_macro(i, bits);
	fuzz_quiet--;
	hak_fast_cap = saved;
}

/* A mempool of a cache comes or goes. */
void do_pool(void)
{
	struct model_cache *m = &cache[byte() % CACHES];
	unsigned int n = byte() % 9;

	if (!m->pool && m->c) {
		m->pool = mempool_create(n, hak_mempool_alloc, hak_mempool_free, m->c);
		return;
	}
	mempool_destroy(m->pool);
	m->pool = NULL;
}
