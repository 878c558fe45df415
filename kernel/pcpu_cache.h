/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The per-CPU cache: a CPU's stock of ready objects of one cache. Its
 * fast paths are in fast_path.h.
 */
#ifndef _HAK_PCPU_CACHE_H
#define _HAK_PCPU_CACHE_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/gfp_types.h>
#include <linux/types.h>

#include "geometry.h"
#include "reaper.h"

struct hak_cache;
struct hak_slab;

/**
 * enum hak_cpu_mark - may the owner go in?
 * @HAK_CPU_INSIDE: it has, or the CPU is not up: what interrupts it keeps away
 * @HAK_CPU_READY: it may
 * @HAK_CPU_WATCHED: it may, by the slow way only, as trace_ring and
 *	paranoid_drain have it
 * @HAK_CPU_ASLEEP: likewise, and it has to let the idle trim know: the cache was
 *	empty when the trim emptied it, or as it came into use, and the trim may
 *	have stopped looking since
 *
 * The fast paths go in if it is HAK_CPU_READY, and leave the rest to the others.
 * While a fast path finds out that it may not, the mark is one less than it was,
 * which whatever interrupts it there takes for HAK_CPU_INSIDE.
 */
enum hak_cpu_mark {
	HAK_CPU_INSIDE = 0,
	HAK_CPU_READY = 1,
	HAK_CPU_WATCHED = 0xa0,
	HAK_CPU_ASLEEP = 0xc0,
};

/* At most so many objects of a bulk call are moved with preemption off. */
#define HAK_BULK_BATCH		64

/* HAK_CPU_READY, as a part of struct hak_cpu_cache's @word. */
#define HAK_CPU_OPEN		BIT(24)

/**
 * struct hak_cpu_cache - one CPU's stock of ready objects of one cache
 * @seen: what hak_cpu_activity() was when the idle trim last looked; the trim's
 * @sends: magazines sent; the next one to send is this modulo @mags
 * @cur: the slab this CPU owns
 * @refills: times objects were taken from a slab or received
 * @spills: times objects were given back to slabs
 * @pushes: groups pushed to slabs of others
 * @drains: times a remote list was taken
 * @cache: whose objects these are
 * @cap: most objects @obj may hold after a free
 * @mags: its magazines, which lie behind @obj; 0 with the cache off
 * @outbox: is there an outbox behind the magazines?
 * @word: @nr and @mark in one, for fast paths that change both at once, which
 *	only little-endian processors have
 * @nr: objects in @obj
 * @zero: always 0
 * @mark: the busy mark, an enum hak_cpu_mark
 * @limit: objects up to which a free may use the fast path: @cap, or 0 if every
 *	free has to come by the slow way, and while the cache is asleep or its CPU
 *	not up
 * @none: always NULL, so that there is something before the first object
 * @obj: the objects, in the order they came
 *
 * Only its CPU touches it, with preemption off and, beyond looking at @mark,
 * with @mark set by itself. What the fast paths need is in one line.
 *
 * Who reads @nr without being inside may find it less by one than it was, and
 * so 65535 where there is no object; see hak_cpu_objects().
 */
struct hak_cpu_cache {
	u32 seen;
	u32 sends;
	struct hak_slab *cur;
	unsigned long refills;
	unsigned long spills;
	unsigned long pushes;
	unsigned long drains;
	struct hak_cache *cache;
	u32 cap;
	u16 mags;
	bool outbox;
	union {
		u32 word;
		struct {
			u16 nr;
			u8 zero;
			u8 mark;
		};
	};
	u32 limit;
	void *none;
	void *obj[];
} __aligned(64);

/* Objects moved at a time: half of what the cache may hold. */
static __always_inline unsigned int hak_cpu_batch(const struct hak_cpu_cache *cc)
{
	return (cc->cap + 1) / 2;
}

/* The object that was freed last, of the first @nr in @cc; NULL for none. */
static __always_inline void *hak_cpu_last(const struct hak_cpu_cache *cc,
					  unsigned int nr)
{
	BUILD_BUG_ON(offsetof(struct hak_cpu_cache, word) != 64);
	BUILD_BUG_ON(offsetof(struct hak_cpu_cache, obj) !=
		     offsetof(struct hak_cpu_cache, none) + sizeof(void *));
	return cc->obj[(long)nr - 1];
}

/* There are @nr objects now. Marked, because interrupts and other CPUs look. */
static __always_inline void hak_cpu_set_nr(struct hak_cpu_cache *cc, unsigned int nr)
{
	WRITE_ONCE(cc->nr, nr);
}

/* The object freed last, which @cc has no longer. There is one. */
static __always_inline void *hak_cpu_pop_last(struct hak_cpu_cache *cc)
{
	unsigned int nr = cc->nr - 1;

	hak_cpu_set_nr(cc, nr);
	return cc->obj[nr];
}

/* @p is now the object freed last. There is room. */
static __always_inline void hak_cpu_push_last(struct hak_cpu_cache *cc, const void *p)
{
	unsigned int nr = cc->nr;

	cc->obj[nr] = (void *)p;
	hak_cpu_set_nr(cc, nr + 1);
}

/*
 * Move @n pointers to where @to is, not above @from. A batch is too short for the
 * kernel's memcpy() and memmove() to be worth their beginning.
 */
static __always_inline void hak_move_objects(void **to, void **from,
					     unsigned int n)
{
	void **end = from + n / 4 * 4;

	for (; from != end; from += 4, to += 4) {
		void *a = from[0], *b = from[1], *c = from[2], *d = from[3];

		to[0] = a;
		to[1] = b;
		to[2] = c;
		to[3] = d;
	}
	for (end += n % 4; from != end; from++, to++)
		WRITE_ONCE(*to, *from);
}

/* The owner goes in: whatever interrupts it from here on only pushes. */
static __always_inline void hak_cpu_enter(struct hak_cpu_cache *cc)
{
	WRITE_ONCE(cc->mark, HAK_CPU_INSIDE);
	barrier();
}

/* What the slow paths leave the mark at: HAK_CPU_READY or HAK_CPU_WATCHED. */
extern u8 hak_cpu_left;

static __always_inline void hak_cpu_leave(struct hak_cpu_cache *cc)
{
	barrier();
	WRITE_ONCE(cc->mark, hak_cpu_left);
}

/* It is empty: the owner has emptied it and leaves, or may use it from now on. */
static __always_inline void hak_cpu_sleep(struct hak_cpu_cache *cc)
{
	cc->limit = 0;
	barrier();
	WRITE_ONCE(cc->mark, HAK_CPU_ASLEEP);
}

/* May the owner go in without ado? */
static __always_inline bool hak_cpu_is_ready(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->mark) == HAK_CPU_READY;
}

/* May the owner go in, and does the idle trim know of the cache? */
static __always_inline bool hak_cpu_is_awake(const struct hak_cpu_cache *cc)
{
	u8 mark = READ_ONCE(cc->mark);

	return mark == HAK_CPU_READY || mark == HAK_CPU_WATCHED;
}

static __always_inline bool hak_cpu_is_asleep(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->mark) == HAK_CPU_ASLEEP;
}

/* Has the owner gone in, or is it about to find out whether it may? */
static __always_inline bool hak_cpu_inside(const struct hak_cpu_cache *cc)
{
	return !hak_cpu_is_awake(cc) && !hak_cpu_is_asleep(cc);
}

/* Objects in @cc, for whoever is not inside; as of some moment. */
static __always_inline unsigned int
hak_cpu_objects(const struct hak_cpu_cache *cc)
{
	unsigned int nr = READ_ONCE(cc->nr);

	return nr == (u16)-1 ? 0 : nr;
}

extern int hak_trim_off;

/*
 * A batch has come into a per-CPU cache or left it, and is counted, or the cache
 * was woken up: start the idle trim. The compiler keeps the order of the two;
 * that the processor may not is hak_trim_step()'s care.
 */
static __always_inline void hak_trim_kick(void)
{
	barrier();
	if (unlikely(READ_ONCE(hak_trim_off)) && xchg(&hak_trim_off, 0))
		hak_reaper_arm();
}

/* Tells CPUs apart well enough for a choice that only speed depends on. */
static __always_inline u32 hak_cpu_tag(const struct hak_cpu_cache *cc)
{
	return (unsigned long)cc >> 6;
}

unsigned int hak_cpu_cap(u32 size);
size_t hak_cpu_cache_bytes(unsigned int cap);
void hak_cpu_cache_init(struct hak_cpu_cache *cc, struct hak_cache *c,
			unsigned int cap, unsigned int mags);
void *hak_object_init(struct hak_cache *c, void *p, gfp_t gfp);
void *hak_cpu_alloc_slow(struct hak_cache *c, gfp_t gfp);
void hak_cpu_free(struct hak_cache *c, struct hak_slab *s, void *p);
bool hak_cpu_add_full(struct hak_cpu_cache __percpu *cpu, const void *p);
void *hak_node_alloc(struct hak_cache *c, gfp_t gfp, int nid);
unsigned int hak_cpu_alloc_bulk(struct hak_cache *c, unsigned int n, void **p);
unsigned int hak_cpu_free_bulk(const struct hak_cache *want, unsigned int n,
			       void **p);
unsigned int hak_cpu_refill(struct hak_cache *c, struct hak_cpu_cache *cc,
			    int nid);
void hak_cpu_spill(struct hak_cache *c, struct hak_cpu_cache *cc,
		   void **obj, unsigned int n);
void *hak_cpu_take(struct hak_cache *c, struct hak_cpu_cache *cc, int nid);
void hak_cpu_put(struct hak_cache *c, struct hak_cpu_cache *cc,
		 struct hak_slab *s, void *p);
unsigned int hak_cpu_take_from_slab(struct hak_cache *c,
				    struct hak_cpu_cache *cc, int nid,
				    void **obj, unsigned int want);
void hak_cpu_make_room(struct hak_cache *c, struct hak_cpu_cache *cc);
void hak_cpu_flush(struct hak_cache *c, struct hak_cpu_cache *cc);
void hak_cpu_flush_this(bool all);
void hak_cpu_watch_all(void);
bool hak_cpu_holds(unsigned int cpu);
bool hak_cpu_look(unsigned int cpu, bool *idle);
void hak_trim_pause(bool pause);	/* shrink.c; the module, with CONFIG_KUNIT */
bool hak_cpu_is_up(unsigned int cpu);
int hak_cpu_online(unsigned int cpu);
int hak_cpu_dead(unsigned int cpu);

#endif /* _HAK_PCPU_CACHE_H */
