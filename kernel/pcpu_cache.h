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
 * enum hak_cpu_busy - may the owner go in?
 * @HAK_CPU_READY: it may
 * @HAK_CPU_INSIDE: it has, or the CPU is not up: what interrupts it keeps away
 * @HAK_CPU_ASLEEP: it may, and has to let the idle trim know: the cache was empty
 *	when the trim emptied it, or as it came into use, and the trim may have
 *	stopped looking since
 *
 * The fast paths go in if it is 0, and leave the rest to the others.
 */
enum hak_cpu_busy {
	HAK_CPU_READY,
	HAK_CPU_INSIDE,
	HAK_CPU_ASLEEP,
};

/**
 * struct hak_cpu_cache - one CPU's stock of ready objects of one cache
 * @busy: an enum hak_cpu_busy
 * @mags: its magazines, which lie behind @obj; 0 with the cache off
 * @cap: most objects @obj may hold after a free
 * @nr: objects in @obj
 * @seen: what hak_cpu_activity() was when the idle trim last looked; the trim's
 * @sends: magazines sent; the next one to send is this modulo @mags
 * @cur: the slab this CPU owns
 * @refills: times objects were taken from a slab or received
 * @spills: times objects were given back to slabs
 * @pushes: groups pushed to slabs of others
 * @drains: times a remote list was taken
 * @none: always NULL, so that there is something before the first object
 * @obj: the objects, in the order they came
 *
 * Only its CPU touches it, with preemption off and, beyond reading @busy,
 * with @busy set by itself.
 */
struct hak_cpu_cache {
	u8 busy;
	u8 mags;
	u16 cap;
	u32 nr;
	u32 seen;
	u32 sends;
	struct hak_slab *cur;
	unsigned long refills;
	unsigned long spills;
	unsigned long pushes;
	unsigned long drains;
	void *none;
	void *obj[] __aligned(64);
};

/* Objects moved at a time: half of what the cache may hold. */
static __always_inline unsigned int hak_cpu_batch(const struct hak_cpu_cache *cc)
{
	return (cc->cap + 1) / 2;
}

/* The object that was freed last, of the first @nr in @cc; NULL for none. */
static __always_inline void *hak_cpu_last(const struct hak_cpu_cache *cc,
					  unsigned int nr)
{
	BUILD_BUG_ON(offsetof(struct hak_cpu_cache, obj) !=
		     offsetof(struct hak_cpu_cache, none) + sizeof(void *));
	return cc->obj[(long)nr - 1];
}

/* The owner goes in: whatever interrupts it from here on only pushes. */
static __always_inline void hak_cpu_enter(struct hak_cpu_cache *cc)
{
	WRITE_ONCE(cc->busy, HAK_CPU_INSIDE);
	barrier();
}

static __always_inline void hak_cpu_leave(struct hak_cpu_cache *cc)
{
	barrier();
	WRITE_ONCE(cc->busy, HAK_CPU_READY);
}

/* It is empty: the owner has emptied it and leaves, or may use it from now on. */
static __always_inline void hak_cpu_sleep(struct hak_cpu_cache *cc)
{
	barrier();
	WRITE_ONCE(cc->busy, HAK_CPU_ASLEEP);
}

/* May the owner go in without ado? */
static __always_inline bool hak_cpu_is_ready(const struct hak_cpu_cache *cc)
{
	/*
	 * What interrupts this CPU leaves @busy as it found it, so there is
	 * nothing to tear, and the read may be an operand of the comparison.
	 */
	return data_race(cc->busy) == HAK_CPU_READY;
}

static __always_inline bool hak_cpu_inside(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->busy) == HAK_CPU_INSIDE;
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
void hak_cpu_cache_init(struct hak_cpu_cache *cc, unsigned int cap,
			unsigned int mags);
void *hak_cpu_alloc_slow(struct hak_cache *c, gfp_t gfp);
void hak_cpu_free(struct hak_cache *c, struct hak_slab *s, void *p);
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
bool hak_cpu_holds(unsigned int cpu);
bool hak_cpu_look(unsigned int cpu, bool *idle);
void hak_trim_pause(bool pause);	/* shrink.c; the module, with CONFIG_KUNIT */
bool hak_cpu_is_up(unsigned int cpu);
int hak_cpu_online(unsigned int cpu);
int hak_cpu_dead(unsigned int cpu);

#endif /* _HAK_PCPU_CACHE_H */
