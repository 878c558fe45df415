/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The per-CPU cache: a CPU's stock of ready objects of one cache. The fast paths that
 * use it are in fast_path.h.
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
#include "stats.h"

struct hak_cache;
struct hak_slab;

/**
 * enum hak_cpu_mark - who may use a per-CPU cache, and how
 * @HAK_CPU_INSIDE: the owner is using the cache, or its CPU has gone. If an interrupt
 *	finds this mark, it leaves the cache alone.
 * @HAK_CPU_READY: the owner may use the cache by the fast paths and the slow paths
 * @HAK_CPU_SLOW_ONLY: the owner may use it by the slow paths only, because a mode is on;
 *	see hak_slow_only_get()
 * @HAK_CPU_ASLEEP: the owner may use it by the slow paths only, and has to start the
 *	idle trim first. The cache is empty, and the trim may have stopped since.
 * @HAK_CPU_CLOSED: the cache is being destroyed, or its CPU has not come up yet. Whoever
 *	uses it all the same leaves the per-CPU cache alone, as with HAK_CPU_INSIDE.
 *
 * A fast path on x86 subtracts one from the mark before it knows whether the mark is
 * HAK_CPU_READY. If it is not, the fast path adds one again and leaves. An interrupt
 * in between finds a mark that has no name here, and treats it as HAK_CPU_INSIDE.
 */
enum hak_cpu_mark {
	HAK_CPU_INSIDE = 0,
	HAK_CPU_READY = 1,
	HAK_CPU_SLOW_ONLY = 0xa0,
	HAK_CPU_ASLEEP = 0xc0,
	HAK_CPU_CLOSED = 0xe0,
};

/* How many objects a bulk call moves before it enables preemption again. */
#define HAK_BULK_BATCH		64

/*
 * More fast paths of one CPU than can interrupt each other: of a task, softirq, hardirq and
 * NMI. Each may have taken one off the number of objects.
 */
#define HAK_CPU_MOST_TRIES	8

/* HAK_CPU_READY at the place of the mark in @word of struct hak_cpu_cache. */
#define HAK_CPU_WORD_READY		BIT(24)

/**
 * struct hak_cpu_cache - one CPU's stock of ready objects of one cache
 * @seen: hak_cpu_activity() as the idle trim last saw it; only the trim uses it
 * @sends: magazines sent; the next one to send has the index @sends modulo @mags
 * @cur: the slab this CPU owns
 * @refills: times objects were taken from a slab or received
 * @spills: times objects were given back to slabs
 * @pushes: chains pushed to slabs that this CPU does not own
 * @drains: times a remote list was taken
 * @cache: the cache of the objects
 * @cap: objects that @obj may hold after a free
 * @mags: magazines of this CPU, which lie behind @obj; 0 if @cap is 0
 * @direct: true if @cap is 0, objects are neither checked nor wiped, and their links are not
 *	encoded, and are where the objects begin. Then they take the short ways in uncached.h.
 * @outbox: true if an outbox lies behind the magazines
 * @idle: the idle trim saw no activity the last time; only the trim writes it
 * @word: @nr and @mark as one word. Fast paths that change both at once use it; they
 *	are for little-endian processors.
 * @nr: objects in @obj
 * @zero: always 0
 * @mark: the busy mark, an enum hak_cpu_mark
 * @limit: if @nr is not below this, a free leaves the fast path. It is @cap; it is 0
 *	while the cache is asleep, and from then on if every free has to take the slow path.
 *	If such a mode comes later, or the CPU goes, @mark keeps the fast paths out.
 * @none: always NULL, so that reading the last object of an empty cache gives NULL
 * @obj: the objects, in the order in which they were freed
 *
 * Only the owner, which is the CPU the cache belongs to, touches it. The owner has
 * preemption off, and has set @mark to HAK_CPU_INSIDE unless it only reads @mark and
 * @limit.
 * What the fast paths need is in one cache line.
 *
 * While a fast path of the owner tries to go in, @nr may be one less than the number of
 * objects. An interrupt and an NMI may come just then, and try, too. So of an empty cache
 * others may read 65535 or a little less; see hak_cpu_objects().
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
	u8 mags;
	bool direct;
	bool outbox;
	bool idle;
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

/* How many objects a refill, a spill and a magazine move: half of @cap. */
static __always_inline unsigned int hak_cpu_batch(const struct hak_cpu_cache *cc)
{
	return (cc->cap + 1) / 2;
}

/* The object freed last, if @cc holds @nr of them; NULL if it holds none. */
static __always_inline void *hak_cpu_last(const struct hak_cpu_cache *cc,
					  unsigned int nr)
{
	BUILD_BUG_ON(offsetof(struct hak_cpu_cache, word) != 64);
	BUILD_BUG_ON(offsetof(struct hak_cpu_cache, obj) !=
		     offsetof(struct hak_cpu_cache, none) + sizeof(void *));
	return cc->obj[(long)nr - 1];
}

/*
 * Set the number of objects to @nr. The store is marked because interrupts and other
 * CPUs read the number.
 */
static __always_inline void hak_cpu_set_nr(struct hak_cpu_cache *cc, unsigned int nr)
{
	WRITE_ONCE(cc->nr, nr);
}

/* Take the object freed last. The caller knows that @cc holds one. */
static __always_inline void *hak_cpu_pop_last(struct hak_cpu_cache *cc)
{
	unsigned int nr = cc->nr - 1;

	hak_cpu_set_nr(cc, nr);
	return cc->obj[nr];
}

/* Add @p as the object freed last. The caller knows that there is room. */
static __always_inline void hak_cpu_push_last(struct hak_cpu_cache *cc, const void *p)
{
	unsigned int nr = cc->nr;

	cc->obj[nr] = (void *)p;
	hak_cpu_set_nr(cc, nr + 1);
}

/* Count in @n, a counter of a per-CPU cache. Only the owner writes it. */
static __always_inline void hak_cpu_count(unsigned long *n)
{
	/*
	 * Other CPUs read it meanwhile, for statistics and to see whether the cache is
	 * idle, and a value that is old or half written does no harm there. So one plain
	 * instruction is enough.
	 */
	data_race((*n)++);
}

/*
 * Copy @n pointers from @from to @to, which may overlap if @to is the lower address. A
 * batch is so short that the start of memcpy() or memmove() would cost more than it
 * saves.
 */
static __always_inline void hak_move_objects(void **to, void **from,
					     unsigned int n)
{
	void **end = from + n / 8 * 8;

	/* Since @to is lower, no store hits a pointer that is still to be read. */
	for (; from != end; from += 8, to += 8) {
		to[0] = from[0];
		to[1] = from[1];
		to[2] = from[2];
		to[3] = from[3];
		to[4] = from[4];
		to[5] = from[5];
		to[6] = from[6];
		to[7] = from[7];
	}
	for (end += n % 8; from != end; from++, to++)
		WRITE_ONCE(*to, *from);
}

/*
 * The owner begins to use the cache. If an interrupt frees an object from here on, it
 * pushes the object to its slab.
 */
static __always_inline void hak_cpu_enter(struct hak_cpu_cache *cc)
{
	WRITE_ONCE(cc->mark, HAK_CPU_INSIDE);
	barrier();
}

/* The mark of a cache that is awake: HAK_CPU_READY or HAK_CPU_SLOW_ONLY. */
extern u8 hak_cpu_awake_mark;

/* The owner has finished using the cache. */
static __always_inline void hak_cpu_leave(struct hak_cpu_cache *cc)
{
	barrier();
	WRITE_ONCE(cc->mark, READ_ONCE(hak_cpu_awake_mark));
}

/*
 * Put an empty cache to sleep: the idle trim has emptied it, or its CPU has just come
 * up. The first operation on it wakes it, see hak_cpu_wake().
 */
static __always_inline void hak_cpu_sleep(struct hak_cpu_cache *cc)
{
	WRITE_ONCE(cc->limit, 0);
	barrier();
	WRITE_ONCE(cc->mark, HAK_CPU_ASLEEP);
}

/* May the owner use the cache by the fast paths? */
static __always_inline bool hak_cpu_is_ready(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->mark) == HAK_CPU_READY;
}

/*
 * May the owner add objects without waking the cache first? An interrupt of this CPU may
 * open the cache just then. Once the answer is yes it stays so, unless the cache is being
 * destroyed: then an interrupt may close the cache, or put it to sleep again. If it closes
 * it, or closes it to the fast paths, hak_cpu_leave() leaves it closed. If it puts it to
 * sleep, the object that is added does not start the idle trim, and stays until something
 * else does.
 */
static __always_inline bool hak_cpu_is_open(const struct hak_cpu_cache *cc)
{
	return hak_cpu_is_ready(cc) && READ_ONCE(cc->limit);
}

/* May the owner use the cache without waking it first? */
static __always_inline bool hak_cpu_is_awake(const struct hak_cpu_cache *cc)
{
	u8 mark = READ_ONCE(cc->mark);

	return mark == HAK_CPU_READY || mark == HAK_CPU_SLOW_ONLY;
}

static __always_inline bool hak_cpu_is_asleep(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->mark) == HAK_CPU_ASLEEP;
}

/* Is the owner using the cache, or trying to? Or is it closed? */
static __always_inline bool hak_cpu_inside(const struct hak_cpu_cache *cc)
{
	return !hak_cpu_is_awake(cc) && !hak_cpu_is_asleep(cc);
}

/*
 * Is the cache closed? A fast path that tries to go in takes one off the mark, and one more
 * if the cache is empty, and puts that back.
 */
static __always_inline bool hak_cpu_is_closed(const struct hak_cpu_cache *cc)
{
	return (u8)(HAK_CPU_CLOSED - READ_ONCE(cc->mark)) < 2 * HAK_CPU_MOST_TRIES;
}

/*
 * The number of objects in @cc, for a caller other than its owner. It may be out of
 * date as soon as it is read.
 */
static __always_inline unsigned int
hak_cpu_objects(const struct hak_cpu_cache *cc)
{
	unsigned int nr = READ_ONCE(cc->nr);

	return nr > (u16)-HAK_CPU_MOST_TRIES ? 0 : nr;
}

extern int hak_trim_stopped;

/*
 * Start the idle trim if it has stopped. The caller has counted a batch that came into
 * a per-CPU cache or left it, or has woken the cache. The barrier keeps the compiler
 * from reading hak_trim_stopped before that. The processor may still do so, and
 * hak_trim_step() allows for it.
 */
static __always_inline void hak_trim_kick(void)
{
	barrier();
	if (unlikely(READ_ONCE(hak_trim_stopped)) && xchg(&hak_trim_stopped, 0))
		hak_reaper_arm();
}

/*
 * A number that tells the CPUs of a cache apart. If two have the same number, objects
 * take a slower way, and nothing else happens.
 */
static __always_inline u32 hak_cpu_tag(const struct hak_cpu_cache *cc)
{
	return (unsigned long)cc >> 6;
}

unsigned int hak_cpu_cap(u32 size);
size_t hak_cpu_cache_bytes(unsigned int cap);
void hak_cpu_cache_init(struct hak_cpu_cache *cc, struct hak_cache *c,
			unsigned int cap, unsigned int mags);
void *hak_object_init(struct hak_cache *c, void *p, gfp_t gfp);
void *hak_cpu_find(struct hak_cache *c, gfp_t gfp, enum hak_event *why);
void *hak_cpu_alloc_slow(struct hak_cache *c, gfp_t gfp);
void *hak_cpu_alloc_checked(struct hak_cache *c, gfp_t gfp, unsigned long caller);
void hak_cpu_free(struct hak_cache *c, struct hak_slab *s, void *p);
void *hak_node_alloc(struct hak_cache *c, gfp_t gfp, int nid);
unsigned int hak_cpu_refill(struct hak_cache *c, struct hak_cpu_cache *cc,
			    int nid);
void hak_cpu_spill(struct hak_cache *c, struct hak_cpu_cache *cc,
		   void **obj, unsigned int n);
void *hak_cpu_take(struct hak_cache *c, struct hak_cpu_cache *cc, int nid);
void *hak_cpu_take_uncached(struct hak_cache *c, struct hak_cpu_cache *cc);
void hak_cpu_put(struct hak_cache *c, struct hak_cpu_cache *cc,
		 struct hak_slab *s, void *p);
unsigned int hak_cpu_take_from_slab(struct hak_cache *c,
				    struct hak_cpu_cache *cc, int nid,
				    void **obj, unsigned int want);
void hak_cpu_give(struct hak_cpu_cache *cc, struct hak_slab *s,
		  struct llist_node *first, struct llist_node *last, unsigned int n);
void hak_cpu_make_room(struct hak_cache *c, struct hak_cpu_cache *cc);
bool hak_cpu_free_uncached(struct hak_cpu_cache *cc, struct hak_slab *s, const void *p);
void hak_cpu_flush(struct hak_cache *c, struct hak_cpu_cache *cc);
void hak_cpu_flush_this(bool all);
void hak_cpu_set_slow_only_all(void);
bool hak_cpu_holds(unsigned int cpu);
bool hak_cpu_scan_idle(unsigned int cpu, bool *idle);
void hak_trim_pause(bool pause);	/* shrink.c; the module, with CONFIG_KUNIT */
bool hak_cpu_is_up(unsigned int cpu);
int hak_cpu_online(unsigned int cpu);
int hak_cpu_dead(unsigned int cpu);

#endif /* _HAK_PCPU_CACHE_H */
