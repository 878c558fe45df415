// SPDX-License-Identifier: GPL-2.0
/*
 * Misuse that hakmem promises to refuse, in every mode or in those that check objects; see
 * the tables in docs/debugging.md and docs/design.md. It has to be counted, and nothing may
 * change.
 */
#include <string.h>

#include <linux/preempt.h>

#include "model.h"

static unsigned long bad_frees(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_BAD_FREE];
}

/* The cache of an object in a slab: typed, or a size class. */
static struct hak_cache *cache_of(const void *p)
{
	return READ_ONCE(hak_slab_of(p)->cache);
}

/* A cache that @o is not of: typed, or a size class. */
static struct hak_cache *another(const struct object *o)
{
	struct hak_cache *own = hak_slab_of(o->p) ? cache_of(o->p) : o->c;
	unsigned int i;

	for (i = 0; i < CACHES; i++)
		if (cache[i].c && cache[i].c != own)
			return cache[i].c;
	return own == &hak_class[3] ? &hak_class[4] : &hak_class[3];
}

/* --- wrong addresses --- */

/* An address inside an object, by every function that takes one. */
static void free_inside(u8 *p, size_t size)
{
	unsigned long before = bad_frees();
	struct hak_cache *c = cache_of(p);

	check(!hak_usable_size(p));
	hak_free(p);
	hak_free_sized(p, size);
	hak_free_sensitive(p);
	hak_free_bulk(1, (void **)&p);
	hak_cache_free(c, p);
	hak_cache_free_bulk(c, 1, (void **)&p);
	check(!hak_realloc(p, 10, GFP_KERNEL | __GFP_ZERO));
	check(!hak_realloc(p, 3000, GFP_KERNEL));
	check(bad_frees() - before == 8);
}

/* When the grace period is over. */
static void free_inside_later(u8 *p)
{
	unsigned long before;

	hak_free_rcu_barrier();
	before = bad_frees();
	hak_free_rcu_mightsleep(p);
	hak_free_rcu_barrier();
	check(bad_frees() - before == 1);
}

/* The last place of a slab, if no object was ever allocated there; and beyond it. */
static void free_never_allocated(const struct object *o)
{
	struct hak_slab *s = hak_slab_of(o->p);
	const struct hak_cache *c = cache_of(o->p);
	unsigned long before = bad_frees();
	u32 size = c->capacity * c->size;
	u8 *p = (u8 *)s->addr + size;

	if (size < HAK_SLAB_SIZE) {
		hak_free(p);
		check(bad_frees() - before == 1);
	}
	p -= c->size;
	if (c->map ? hak_check_live(c, p) : s->bump >= c->capacity)
		return;
	before = bad_frees();
	hak_free(p);
	check(bad_frees() - before == 1);
}

/*
 * Free one wrong address and two right ones at once. The wrong one is inside an object, or
 * a second time the first one's, which is found if the objects are checked.
 */
static void free_some_wrong(struct object *o, struct object *other, unsigned int inside,
			    bool again)
{
	unsigned long before = bad_frees();
	void *p[3];

	if (o == other || !other->p)
		return;
	p[2] = o->p + inside;
	if (again && cache_of(o->p)->checks)
		p[2] = o->p;
	p[0] = finish(o);
	p[1] = finish(other);
	hak_free_bulk(3, p);
	check(bad_frees() - before == 1);
}

/* --- the wrong cache or size --- */

/* Typed objects that SLUB served are known, too; other objects of SLUB's are not. */
static void free_as_another(const struct object *o)
{
	struct hak_cache *c = another(o);
	unsigned long before = bad_frees();
	bool ours = hak_slab_of(o->p);
	void *p = o->p;

	/* A size class gets memory from kmalloc(), so it takes back any such. */
	if (!ours && !o->c && hak_is_size_class(c))
		return;
	hak_cache_free(c, p);
	hak_cache_free_bulk(c, 1, &p);
	check(bad_frees() - before == 2);
	if (!ours && !o->c)
		return;
	hak_free_sized(p, 0);
	hak_free_sized(p, hak_usable_size(p) + (o->c ? o->c->align : 0) + 1);
	check(bad_frees() - before == 4);
}

void do_bad_free(void)
{
	struct object *o = any();
	unsigned int how = byte(), inside = byte();

	if (!o->p || o->size < 2 || !in_task())
		return;
	fuzz_quiet++;
	inside = 1 + inside % (o->size - 1);
	if (how % 4 == 0)
		free_as_another(o);
	if (hak_slab_of(o->p)) {
		if (how % 4 == 1)
			free_inside(o->p + inside, o->size);
		if (how % 4 == 2)
			free_never_allocated(o);
		if ((how & 0xf) == 3)
			free_inside_later(o->p + inside);
		if ((how & 0xf) == 7)
			free_some_wrong(o, any(), inside, how & 0x80);
	}
	check(!o->p || intact(o));
	fuzz_quiet--;
}

/* --- objects that are free --- */

/* A free object, by functions that would write to it. It is found only if it is checked. */
static void use_free(u8 *p, struct hak_cache *c)
{
	unsigned long before = bad_frees();

	check(!hak_usable_size(p));
	check(!hak_realloc(p, 1, GFP_KERNEL | __GFP_ZERO));
	hak_free_sensitive(p);
	hak_free_sized(p, c->usable);
	hak_cache_free(c, p);
	hak_free_bulk(1, (void **)&p);
	check(bad_frees() - before == 5);
}

/* Free one of the same cache in between, if there is one. */
static void free_another(const struct hak_cache *c, const u8 *p)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		if (!slot[i].p || !hak_slab_of(slot[i].p) || cache_of(slot[i].p) != c)
			continue;
		hak_free(finish(&slot[i]));
		return;
	}
}

/* What happens between the two frees. */
static void in_between(struct hak_cache *c, u8 *p, unsigned int how)
{
	if (how & 8)
		free_another(c, p);
	if (how & 0x10)
		hak_cpu_flush_this(true);
	if (how & 0x20)
		hak_depot_trim(true);
	if (how & 0x40 && !gone[how % CPUS])
		switch_to(how % CPUS);
}

static void free_again(u8 *p, struct hak_cache *c, unsigned int how)
{
	unsigned long before;

	in_between(c, p, how);
	/* Where nothing is checked, only the last free of this CPU is found. */
	if (!c->checks && (how & 0x78 || !c->cap))
		return;
	/* Any address may be the C library's, so a slab that is gone is not tried. */
	if (!hak_slab_of(p))
		return;
	before = bad_frees();
	hak_free(p);
	check(bad_frees() - before == 1);
	if (c->checks && how & 4)
		use_free(p, c);
}

/* With red zones a write beyond an object is found, and the object stays live. */
static void overrun(struct object *o, struct hak_cache *c, bool before_it)
{
	unsigned long before = bad_frees();
	u8 *p = o->p + c->usable;

	if (before_it && (unsigned long)o->p & HAK_SLAB_MASK)
		p = o->p - 1;
	*p ^= 1;
	hak_free(o->p);
	*p ^= 1;
	check(bad_frees() - before == 1);
	check(intact(o));
}

/* Free an object twice, in a row or not. */
void do_free_again(void)
{
	struct object *o = any();
	unsigned int how = byte();
	struct hak_cache *c;
	u8 *p;

	if (!o->p || !hak_slab_of(o->p) || !in_task())
		return;
	fuzz_quiet++;
	c = cache_of(o->p);
	if (c->checks & HAK_CHECK_ZONE && how & 2)
		overrun(o, c, how & 4);
	p = finish(o);
	hak_free(p);
	free_again(p, c, how);
	fuzz_quiet--;
}

/* --- caches that there cannot be --- */

void do_bad_cache(void)
{
	static const struct hak_cache_args none;
	static const struct hak_cache_args bad[] = {
		{ .align = 3 },
		{ .align = 2 * PAGE_SIZE },
		{ .useroffset = 8 },
		{ .useroffset = 60, .usersize = 8 },
		{ .use_freeptr_offset = true },
	};
	unsigned int i = byte();

	fuzz_quiet++;
	fuzz_said = 0;
	check(!hak_cache_create_args("bad", 64, &bad[i % ARRAY_SIZE(bad)], 0));
	check(!hak_cache_create_args("bad", i & 1 ? 0 : HAK_CACHE_MAX_SIZE + 1, &none, 0));
	check(!hak_cache_create_args("bad", 64, &none, SLAB_CACHE_DMA));
	check(!hak_cache_create(i & 1 ? "a blank" : "", 64, 0, 0, NULL));
	/* The last thing to be refused is the name, after memory was allocated for it. */
	shim_fail_kmalloc_after(-1);
	check(!hak_cache_create("hak-64", 64, 0, 0, NULL));
	check(fuzz_said == 5);
	fuzz_quiet--;
}
