// SPDX-License-Identifier: GPL-2.0
/*
 * The model: the live objects, each full of a pattern of its own, and what is known of
 * the caches. And the reader of the program.
 */
#include <string.h>

#include <linux/minmax.h>

#include "model.h"

struct object slot[SLOTS];
struct model_cache cache[CACHES];
bool failing;
const uint8_t *at, *end;
static u8 next_fill;

unsigned int byte(void)
{
	return at < end ? *at++ : 0;
}

unsigned int word(void)
{
	unsigned int low = byte();

	return low | byte() << 8;
}

/* What is known of @c; NULL if it is NULL. */
struct model_cache *model_of(const struct hak_cache *c)
{
	unsigned int i;

	if (!c)
		return NULL;
	for (i = 0; i < CACHES && cache[i].c != c; i++)
		;
	check(i < CACHES);
	return &cache[i];
}

/* --- constructors --- */

/* What the constructor of cache @i writes. */
static u8 built_byte(unsigned int i)
{
	return 0xc0 + i;
}

static void build(void *p, unsigned int i)
{
	memset(p, built_byte(i), cache[i].built);
}

static void build_0(void *p)
{
	build(p, 0);
}

static void build_1(void *p)
{
	build(p, 1);
}

static void build_2(void *p)
{
	build(p, 2);
}

static void build_3(void *p)
{
	build(p, 3);
}

/* The constructor of cache @i. */
void (*builder(unsigned int i))(void *p)
{
	static void (*const fn[CACHES])(void *) = { build_0, build_1, build_2, build_3 };

	return fn[i];
}

/* Is an object as its constructor, or its last user, has left it? */
static bool is_built(const struct model_cache *m, const u8 *p)
{
	unsigned int i;

	for (i = 0; i < m->built; i++) {
		if (m->link != NO_LINK && i - m->link < sizeof(struct llist_node))
			continue;
		if (p[i] != built_byte(m - cache))
			return false;
	}
	return true;
}

/* --- objects --- */

bool intact(const struct object *o)
{
	size_t i;

	for (i = 0; i < o->size; i++)
		if (o->p[i] != o->fill)
			return false;
	return true;
}

/* The alignment that hak_alloc() promises for @size bytes. */
static size_t natural_align(size_t size)
{
	return clamp(size & -size, (size_t)HAK_MIN_SIZE, (size_t)PAGE_SIZE);
}

static bool is_zero(const u8 *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

/*
 * From now on @p is the object of @o; @how is of ZEROED and RESIZED. If memory fails
 * there may be none.
 */
void begin(struct object *o, void *p, size_t size, struct hak_cache *c, unsigned int how)
{
	struct model_cache *m = model_of(c);

	if (!p) {
		check(failing || in_interrupt());
		return;
	}
	check(p != ZERO_SIZE_PTR || !size);
	if (p == ZERO_SIZE_PTR)
		return;
	check(hak_usable_size(p) >= size);
	check(!m || ((unsigned long)p & (m->align - 1)) == 0);
	check(m || how & RESIZED || ((unsigned long)p & (natural_align(size) - 1)) == 0);
	check(!m || how & RESIZED || is_built(m, p));
	if (how & ZEROED && !(m && m->built) && !(how & RESIZED))
		check(is_zero(p, size));
	*o = (struct object){
		.p = p, .size = size, .asked = size, .c = c, .fill = ++next_fill,
		.zeroed = how & ZEROED,
	};
	memset(p, o->fill, size);
	if (m)
		m->live++;
}

/*
 * Check that the object is unchanged before it is freed. A constructed one has to be as
 * it was then. Returns its address.
 */
void *finish(struct object *o)
{
	struct model_cache *m = model_of(o->c);
	void *p = o->p;

	check(intact(o));
	if (m) {
		m->live--;
		if (m->built)
			build(p, m - cache);
	}
	*o = (struct object){ 0 };
	return p;
}

struct object *any(void)
{
	return &slot[word() % SLOTS];
}

struct object *empty(void)
{
	struct object *o = any();

	if (o->p)
		hak_free(finish(o));
	return o;
}

size_t some_size(void)
{
	unsigned int n = word();

	/* Mostly sizes that hakmem serves itself. */
	return n & 0x8000 ? n & 0x3fff : 1 + n % HAK_MAX_SIZE;
}

gfp_t some_gfp(unsigned int bits)
{
	gfp_t gfp = bits & 1 ? GFP_KERNEL : GFP_ATOMIC;

	if (bits & 2)
		gfp |= __GFP_ZERO;
	if ((bits & 0x1c) == 0x1c)
		gfp |= __GFP_ACCOUNT;
	/* While memory fails the caller would wait for ever. */
	if ((bits & 0x1d) == 0x0d && !failing)
		gfp |= __GFP_NOFAIL;
	return gfp;
}
