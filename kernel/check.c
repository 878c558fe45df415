// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of objects: what debug= and the SLAB_ flags of a typed cache ask for.
 *
 * The layout of an object with all checks on
 *
 *	object		hak_cache.usable bytes for the user; poisoned while it is free
 *	red zone	from there to the next multiple of 8, and 8 bytes more
 *	link		the free link, so that it does not overwrite the poison
 *	tracks		which task allocated the object last, and which freed it
 *	red zone	8 bytes before the next object
 *
 * At the end of the slab there is a bit for each of its objects, set while the object is
 * live. It is set and cleared atomically, so if two CPUs free an object at the same time,
 * one of them finds that the object is not live any more. With debug=A there is also a
 * word for each object before these bits: the tag of the line that the kernel counts the live
 * object for. The tags stand in the reverse order of the objects. So if the last object is
 * overrun, the first tag that is hit is its own, and a red zone is checked before that is used.
 *
 * If a check fails, the object is neither freed nor handed out again, and its slab is
 * never released.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/kconfig.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "core.h"
#include "fast_path.h"

/* The red zone before an object, whether the object is live or free. */
#define HAK_GUARD		SLUB_RED_INACTIVE
#define HAK_GUARD_BYTES		8U

static const struct {
	slab_flags_t flag;
	u32 check;
} hak_check_flag[] = {
	{ SLAB_CONSISTENCY_CHECKS, HAK_CHECK_FREE },
	{ SLAB_RED_ZONE, HAK_CHECK_ZONE },
	{ SLAB_POISON, HAK_CHECK_POISON },
	{ SLAB_STORE_USER, HAK_CHECK_USER },
	{ SLAB_TRACE, HAK_CHECK_TRACE },
};

/**
 * hak_check_wanted() - which checks a cache gets
 * @name: its name
 * @flags: the SLAB_ flags it is created with
 *
 * Return: HAK_CHECK_ flags.
 */
u32 hak_check_wanted(const char *name, slab_flags_t flags)
{
	u32 checks = hak_debug && hak_debug_names(name) ? hak_debug : 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hak_check_flag); i++)
		if (flags & hak_check_flag[i].flag)
			checks |= hak_check_flag[i].check;
	/* Each operation on a checked cache is slow anyway, so this costs little more. */
	return checks ? checks | HAK_CHECK_FREE : 0;
}

/* Is a free object of @c poisoned? It is not if free objects keep their contents. */
static bool hak_check_poisons(const struct hak_cache *c)
{
	return c->checks & HAK_CHECK_POISON && c->zero;
}

/*
 * Does KASAN know which objects of @c are free? It does not if RCU readers may look at
 * free objects, nor if the free link lies in the object: it would report them.
 */
static bool hak_check_kasans(const struct hak_cache *c)
{
	return c->checks & HAK_CHECK_KASAN && c->link >= c->usable &&
	       !(c->flags & SLAB_TYPESAFE_BY_RCU);
}

/**
 * hak_check_layout() - make room for red zones, link and tracks in a cache's objects
 * @c: the cache, with @checks; its @usable, @zero, @link and @size are those of an
 *	unchecked cache, and are changed
 * @asked: object size that the creator asked for, behind which the red zone begins
 * @align: alignment of the objects
 */
void hak_check_layout(struct hak_cache *c, u32 asked, u32 align)
{
	bool behind = c->link >= c->usable;
	u32 end = c->usable, track = 0;

	/* A zone for KASAN. A red zone takes its place. */
	if (c->checks & HAK_CHECK_KASAN)
		end = round_up(end, HAK_MIN_SIZE) + HAK_GUARD_BYTES;
	if (c->checks & HAK_CHECK_ZONE) {
		c->usable = asked;
		c->zero = c->zero ? asked : 0;
		end = round_up(asked, HAK_MIN_SIZE) + HAK_GUARD_BYTES;
	}
	if (behind || (c->zero && c->checks & (HAK_CHECK_ZONE | HAK_CHECK_POISON |
				       HAK_CHECK_KASAN))) {
		c->link = round_up(end, HAK_MIN_SIZE);
		end = c->link + sizeof(struct llist_node);
	}
	if (c->checks & HAK_CHECK_USER) {
		track = round_up(end, HAK_MIN_SIZE);
		end = track + HAK_NR_TRACKS * sizeof(struct hak_track);
	}
	if (c->checks & HAK_CHECK_ZONE)
		end = round_up(end, HAK_MIN_SIZE) + HAK_GUARD_BYTES;
	c->track = track;
	c->size = round_up(max(end, c->size), align);
}

/**
 * hak_check_capacity() - make room for the bits of live objects in a slab, and for tags
 * @c: the cache; @size is known
 */
void hak_check_capacity(struct hak_cache *c)
{
	u32 bytes = BITS_TO_LONGS(HAK_SLAB_SIZE / c->size) * sizeof(long);

	if (!(c->checks & HAK_CHECK_FREE))
		return;
	c->map = HAK_SLAB_SIZE - bytes;
	c->capacity = c->map / c->size;
	if (!(c->checks & HAK_CHECK_TAG))
		return;
	c->capacity = c->map / (c->size + sizeof(union codetag_ref));
	c->tags = c->map - c->capacity * sizeof(union codetag_ref);
}

/**
 * hak_check_live() - is an object live?
 * @c: its cache, with HAK_CHECK_FREE
 * @p: the object
 *
 * Return: true if its bit says so.
 */
bool hak_check_live(const struct hak_cache *c, const void *p)
{
	return test_bit(hak_live_index(c, p), hak_live_map(c, p));
}

/**
 * hak_check_track() - the record of an object's last allocation or free
 * @c: its cache
 * @p: the object
 * @which: HAK_ALLOCATED or HAK_FREED
 *
 * Return: the record, or NULL if the cache keeps none.
 */
const struct hak_track *hak_check_track(const struct hak_cache *c, const void *p,
					enum hak_track_of which)
{
	if (!c->track)
		return NULL;
	return (const struct hak_track *)((const char *)p + c->track) + which;
}

static void hak_check_note(const struct hak_cache *c, void *p,
			   enum hak_track_of which, unsigned long caller)
{
	struct hak_track *t = (void *)hak_check_track(c, p, which);
	unsigned int n;

	if (!t)
		return;
	n = hak_stack_save(t->frame, HAK_TRACK_FRAMES);
	/* If the stack cannot be read, record at least the caller. */
	if (n <= 1)
		t->frame[0] = caller;
	if (!n)
		n = 1;
	if (n < HAK_TRACK_FRAMES)
		t->frame[n] = 0;
	t->when = ktime_get_mono_fast_ns();
	t->cpu = raw_smp_processor_id();
	t->pid = task_pid_nr(current);
}

static union codetag_ref *hak_tag_of(const struct hak_cache *c, const void *p)
{
	unsigned long slab = (unsigned long)p & ~HAK_SLAB_MASK;

	return (union codetag_ref *)(slab + c->map) - 1 - hak_live_index(c, p);
}

/* From now on the kernel counts @p for the line that allocates, if that is known. */
static void hak_tag_alloc(const struct hak_cache *c, const void *p)
{
	struct alloc_tag *tag = hak_current_tag();

	if (c->tags && tag)
		alloc_tag_add(hak_tag_of(c, p), tag, c->bytes);
}

/* Likewise, until @p is freed. Only one caller frees it, and nobody can allocate it yet. */
static void hak_tag_free(const struct hak_cache *c, const void *p)
{
	union codetag_ref *ref;

	if (!c->tags)
		return;
	ref = hak_tag_of(c, p);
	if (ref->ct)
		alloc_tag_sub(ref, c->bytes);
}

static void hak_check_log(const struct hak_cache *c, const void *p, const char *what,
			  unsigned long caller)
{
	if (unlikely(c->checks & HAK_CHECK_TRACE))
		pr_info("trace: %s %s %p by %pS\n", c->name, what, p, (void *)caller);
}

/* Bytes of the red zone behind an object. */
static u32 hak_zone_bytes(const struct hak_cache *c)
{
	return round_up(c->usable, HAK_MIN_SIZE) + HAK_GUARD_BYTES - c->usable;
}

static void hak_zone_set(const struct hak_cache *c, void *p, u8 value)
{
	if (c->checks & HAK_CHECK_ZONE)
		memset((char *)p + c->usable, value, hak_zone_bytes(c));
}

/*
 * What is wrong with the red zones of @p; NULL if nothing is. The one behind the object
 * has to hold @value.
 */
static const char *hak_zone_why(const struct hak_cache *c, const void *p, u8 value)
{
	const char *zone = (const char *)p + c->usable;
	u32 n = hak_zone_bytes(c);

	if (!(c->checks & HAK_CHECK_ZONE))
		return NULL;
	if (memchr_inv(zone, value, n))
		return "written beyond its end";
	if ((unsigned long)p & HAK_SLAB_MASK &&
	    memchr_inv((const char *)p - HAK_GUARD_BYTES, HAK_GUARD, HAK_GUARD_BYTES))
		return "written before its start";
	return NULL;
}

static void hak_poison_set(const struct hak_cache *c, void *p)
{
	if (!hak_check_poisons(c))
		return;
	memset(p, POISON_FREE, c->usable - 1);
	((u8 *)p)[c->usable - 1] = POISON_END;
}

static const char *hak_poison_why(const struct hak_cache *c, const void *p)
{
	if (!hak_check_poisons(c))
		return NULL;
	if (((const u8 *)p)[c->usable - 1] == POISON_END &&
	    !memchr_inv(p, POISON_FREE, c->usable - 1))
		return NULL;
	return "written to while it was free";
}

/*
 * Mark object @p for KASAN. KASAN has one mark for 8 bytes, so the padding of an object
 * whose size is no multiple of 8 is marked as well.
 */
static void hak_kasan_object(const struct hak_cache *c, void *p, u8 value)
{
	if (IS_ENABLED(CONFIG_KASAN_GENERIC) && hak_check_kasans(c))
		hak_kasan_set(p, round_up(c->usable, HAK_MIN_SIZE), value);
}

/* Mark a carved object and its zone for KASAN. With red zones KASAN has no zone. */
static void hak_kasan_new(const struct hak_cache *c, void *p)
{
	if (IS_ENABLED(CONFIG_KASAN_GENERIC) && hak_check_kasans(c) &&
	    !(c->checks & HAK_CHECK_ZONE))
		hak_kasan_set((char *)p + round_up(c->usable, HAK_MIN_SIZE),
			      HAK_GUARD_BYTES, HAK_KASAN_ZONE);
	hak_kasan_object(c, p, HAK_KASAN_FREE);
}

/**
 * hak_check_slab_exit() - make a checked slab ordinary memory again
 * @c: the cache
 * @s: the slab
 */
void hak_check_slab_exit(struct hak_cache *c, struct hak_slab *s)
{
	if (IS_ENABLED(CONFIG_KASAN_GENERIC) && hak_check_kasans(c))
		hak_kasan_set((void *)s->addr, HAK_SLAB_SIZE, HAK_KASAN_ACCESSIBLE);
}

/**
 * hak_check_slab_init() - set up the checks of a new slab
 * @c: the cache
 * @s: the slab
 */
void hak_check_slab_init(struct hak_cache *c, struct hak_slab *s)
{
	u32 from = c->tags ?: c->map;

	memset((char *)s->addr + from, 0, HAK_SLAB_SIZE - from);
	if (c->order)
		s->start = hak_harden_start(c, s);
}

/* The registry's entry of the slab with metadata @s; NULL if @s->addr does not lead to it. */
static struct hak_entry *hak_check_entry(const struct hak_slab *s)
{
	struct hak_entry *e = NULL;
	bool found;

	/* The table may be replaced, but an entry stays where it is. */
	preempt_disable();
	found = !(s->addr & HAK_SLAB_MASK) && hak_registry_find((void *)s->addr, &e);
	preempt_enable();
	return found && READ_ONCE(e->slab) == s ? e : NULL;
}

/**
 * hak_check_owner() - the cache and the node that a slab belongs to
 * @s: a slab that is in use, and stays so
 * @nid: set to the node
 *
 * They are those of the registry, because the slab's metadata may be broken. If @s->addr is,
 * they are those of the metadata.
 *
 * Context: any.
 * Return: the cache.
 */
struct hak_cache *hak_check_owner(const struct hak_slab *s, int *nid)
{
	struct hak_entry *e = hak_check_entry(s);

	*nid = e ? READ_ONCE(e->nid) : s->nid;
	return e ? raw_cpu_read(READ_ONCE(e->cpu)->cache) : READ_ONCE(s->cache);
}

/*
 * No CPU takes objects from @s any more, but its live objects are still freed, described
 * and counted. That goes by the slab's cache and node, so they have to be right again. The
 * entry @e tells them. If there is none, @c has to do, the cache that the owner uses the slab
 * for.
 */
static void hak_check_repair(struct hak_cache *c, struct hak_slab *s, struct hak_entry *e)
{
	struct hak_cpu_cache __percpu *cpu = c->cpu;

	if (e) {
		cpu = READ_ONCE(e->cpu);
		WRITE_ONCE(s->entry, e);
		WRITE_ONCE(s->nid, READ_ONCE(e->nid));
	}
	WRITE_ONCE(s->cache, raw_cpu_read(cpu->cache));
}

/**
 * hak_check_slab() - check a slab's metadata
 * @c: the cache it is used for
 * @s: the slab, owned by the caller
 *
 * Return: true if it is sound. If not, it has been reported, and no CPU may use the slab
 * any more.
 */
bool hak_check_slab(struct hak_cache *c, struct hak_slab *s)
{
	struct hak_entry *e = hak_check_entry(s);
	const char *why = NULL;

	if (unlikely(s->broken))
		return false;
	if (s->cache != c)
		why = "slab of another cache";
	else if (!e)
		why = "slab is not at its address";
	else if (s->entry != e || s->nid != READ_ONCE(e->nid))
		why = "slab has another node or entry";
	else if (s->bump > c->capacity)
		why = "more carved than there is room for";
	else if (c->order && s->start >= c->capacity)
		why = "begins beyond its cache's order";
	else if (hak_rc_state(atomic_read(&s->rc)) != HAK_OWNED)
		why = "slab has no owner";
	else if (hak_slab_used(s) < 0)
		why = "more objects freed than taken";
	if (likely(!why))
		return true;
	s->broken = true;
	hak_check_repair(c, s, e);
	hak_report_corrupt(s, c, NULL, NULL, why);
	return false;
}

/**
 * hak_check_release() - check a slab's metadata before the slab is released
 * @s: the slab, owned by the caller
 *
 * Context: task.
 * Return: true if it may be released. If not, it has been reported, and is kept.
 */
bool hak_check_release(struct hak_slab *s)
{
	struct hak_cache *c;
	int nid;

	c = hak_check_owner(s, &nid);
	return likely(!c->checks) || hak_check_slab(c, s);
}

/**
 * hak_check_new() - set up the checks of objects that were just carved
 * @c: their cache
 * @obj: the objects
 * @n: how many
 */
void hak_check_new(struct hak_cache *c, void **obj, unsigned int n)
{
	for (; n--; obj++) {
		hak_poison_set(c, *obj);
		hak_zone_set(c, *obj, SLUB_RED_INACTIVE);
		if (c->checks & HAK_CHECK_ZONE && (unsigned long)*obj & HAK_SLAB_MASK)
			memset((char *)*obj - HAK_GUARD_BYTES, HAK_GUARD,
			       HAK_GUARD_BYTES);
		if (c->track)
			memset((char *)*obj + c->track, 0,
			       HAK_NR_TRACKS * sizeof(struct hak_track));
		hak_kasan_new(c, *obj);
	}
}

/**
 * hak_check_free() - check an object that is to be freed
 * @c: its cache, which is checked
 * @p: the object, its address checked
 * @caller: return address of the caller that frees it
 *
 * Context: any, NMI included; preemption off.
 * Return: NULL if the object counts as free now; else what is wrong, and the object is
 * unchanged.
 */
const char *hak_check_free(struct hak_cache *c, void *p, unsigned long caller)
{
	const char *why;

	if (unlikely(!hak_check_live(c, p)))
		return "freed twice, or never allocated";
	why = hak_zone_why(c, p, SLUB_RED_ACTIVE);
	if (unlikely(why)) {
		/*
		 * If another CPU frees the object meanwhile, it clears the bit and then sets
		 * the red zone, so the bit is read again. Pairs with the full barrier in
		 * hak_mark_free().
		 */
		smp_rmb();
		return hak_check_live(c, p) ? why : "freed twice at once";
	}
	if (unlikely(!hak_mark_free(c, p)))
		return "freed twice at once";
	hak_check_note(c, p, HAK_FREED, caller);
	hak_tag_free(c, p);
	hak_zone_set(c, p, SLUB_RED_INACTIVE);
	if (want_init_on_free())
		memset(p, 0, c->zero);
	/* A pattern takes the place of zeroes. */
	hak_poison_set(c, p);
	hak_kasan_object(c, p, HAK_KASAN_FREE);
	hak_check_log(c, p, "free", caller);
	return NULL;
}

/**
 * hak_check_alloc() - check an object that is to be handed out
 * @c: its cache, which is checked
 * @p: the object, which has left its slab or a per-CPU cache
 * @caller: return address of the caller that allocates
 *
 * Context: any but NMI.
 * Return: true if the object may be handed out. False if it is live, or was written to
 * while it was free; then it has been reported, and it is never handed out again.
 */
bool hak_check_alloc(struct hak_cache *c, void *p, unsigned long caller)
{
	const char *why;

	if (unlikely(!hak_mark_live(c, p)))
		return false;
	hak_kasan_object(c, p, HAK_KASAN_ACCESSIBLE);
	why = hak_zone_why(c, p, SLUB_RED_INACTIVE) ?: hak_poison_why(c, p);
	if (unlikely(why)) {
		/* No caller owns it, so a free of it has to be refused. */
		hak_mark_free(c, p);
		hak_report_object(c, p, why);
		return false;
	}
	hak_check_note(c, p, HAK_ALLOCATED, caller);
	hak_tag_alloc(c, p);
	hak_zone_set(c, p, SLUB_RED_ACTIVE);
	if (hak_check_poisons(c))
		memset(p, POISON_INUSE, c->usable);
	hak_check_log(c, p, "alloc", caller);
	return true;
}

/**
 * hak_cpu_alloc_checked() - allocate an object of a cache that is checked
 * @c: the cache
 * @gfp: the caller's flags
 * @caller: return address of the caller that allocates
 *
 * If an object fails a check it is never used again, and another one is taken.
 *
 * Return: as for hak_alloc().
 */
void *hak_cpu_alloc_checked(struct hak_cache *c, gfp_t gfp, unsigned long caller)
{
	enum hak_event why;
	void *p;

	do {
		p = hak_cpu_find(c, gfp, &why);
		if (unlikely(!p))
			return hak_fallback_object(c, gfp, NUMA_NO_NODE, why);
	} while (unlikely(!hak_check_alloc(c, p, caller)));
	hak_trace(HAK_TR_ALLOC, c, 0, p, 1);
	return hak_init_on_alloc(c, p, gfp);
}
