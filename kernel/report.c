// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of misuse and corruption. They stay in every build.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "core.h"

/* Bytes shown from an object's start, and around its end. */
#define HAK_SHOWN_BYTES		16

/*
 * If reports come faster than this, all but the first ones are only counted. Corruption has
 * a limit of its own, so that a caller whose frees are refused all the time hides none.
 */
DEFINE_RATELIMIT_STATE(hak_bad_free_limit, DEFAULT_RATELIMIT_INTERVAL,
		       DEFAULT_RATELIMIT_BURST);
DEFINE_RATELIMIT_STATE(hak_corrupt_limit, DEFAULT_RATELIMIT_INTERVAL,
		       DEFAULT_RATELIMIT_BURST);

static const char *const hak_state_name[] = {
	[HAK_OWNED] = "owned",
	[HAK_PARKED] = "parked",
	[HAK_POOLED] = "pooled",
	[HAK_UNUSED] = "unused",
};

/*
 * Copy bytes of a slab, or of what a slab's metadata point to. False if they cannot be read:
 * if the slab goes back while it is described, its pages may leave the kernel's map, and if
 * its metadata were overwritten, the pointer may be any. KASAN, which may know an object as
 * free, does not check this.
 */
static bool hak_report_read(void *to, const void *from, size_t n)
{
	return !copy_from_kernel_nofault(to, from, n);
}

/**
 * hak_report_live() - is an object live, as far as its slab says?
 * @c: its cache, with HAK_CHECK_FREE
 * @p: the object, whose slab may be gone
 *
 * Context: any.
 * Return: 1 if it is, 0 if not, and -EFAULT if the slab's memory is gone.
 */
int hak_report_live(const struct hak_cache *c, const void *p)
{
	unsigned long nr = hak_live_index(c, p), bits;

	if (!hak_report_read(&bits, hak_live_map(c, p) + BIT_WORD(nr), sizeof(bits)))
		return -EFAULT;
	return !!(bits & BIT_MASK(nr));
}

/*
 * The CPU that owned @s last, or -1. If the slab has gone back meanwhile, its metadata may
 * be that of another slot already, which has no entry before a cache claims it.
 */
static int hak_report_owner(const struct hak_cache *c, const struct hak_slab *s)
{
	const struct hak_entry *e = READ_ONCE(s->entry);
	unsigned int cpu;
	u32 tag;

	if (!e || !hak_report_read(&tag, &e->owner_tag, sizeof(tag)))
		return -1;
	for_each_possible_cpu(cpu)
		if (hak_cpu_tag(per_cpu_ptr(c->cpu, cpu)) == tag)
			return cpu;
	return -1;
}

/**
 * hak_report_slab() - say which slab it is, and who owns it
 * @s: the slab
 * @c: its cache
 *
 * Context: any; preemption off, or the slab cannot go.
 */
void hak_report_slab(struct hak_slab *s, const struct hak_cache *c)
{
	pr_info("slab %p on node %d, %s, last owned by CPU %d: %u objects carved, %d in use or cached\n",
		(void *)s->addr, s->nid,
		hak_state_name[hak_rc_state(atomic_read(&s->rc))],
		hak_report_owner(c, s), READ_ONCE(s->bump), hak_slab_used(s));
}

static void hak_report_track(const struct hak_cache *c, const void *p,
			     enum hak_track_of which)
{
	const struct hak_track *from = hak_check_track(c, p, which);
	struct hak_track t;
	unsigned int i;

	if (!from || !hak_report_read(&t, from, sizeof(t)) || !t.when)
		return;
	pr_info("%s by task %d on CPU %d, %llu us ago\n",
		which == HAK_ALLOCATED ? "allocated" : "freed", t.pid, t.cpu,
		(ktime_get_mono_fast_ns() - t.when) / 1000);
	for (i = 0; i < HAK_TRACK_FRAMES && t.frame[i]; i++)
		pr_info("  %pS\n", (void *)t.frame[i]);
}

static void hak_report_bytes(const char *what, const u8 *from, const u8 *end)
{
	char text[3 * HAK_SHOWN_BYTES * 2 + 1];
	u8 byte[HAK_SHOWN_BYTES * 2];
	size_t i, len = min_t(size_t, end - from, sizeof(byte));
	int n = 0;

	if (!hak_report_read(byte, from, len)) {
		pr_info("%s: gone\n", what);
		return;
	}
	text[0] = '\0';
	for (i = 0; i < len; i++)
		n += scnprintf(text + n, sizeof(text) - n, " %02x", byte[i]);
	pr_info("%s:%s\n", what, text);
}

static const char *hak_report_live_text(const struct hak_cache *c, const void *p)
{
	switch (c->map ? hak_report_live(c, p) : -EFAULT) {
	case 0:
		return "; not live";
	case 1:
		return "; live";
	default:
		return "";
	}
}

/* Say all that is known of the object that @p lies in. */
static void hak_report_about(struct hak_slab *s, const struct hak_cache *c, const void *p)
{
	u32 off = (unsigned long)p & HAK_SLAB_MASK, nr = off / c->size;
	const u8 *start = (const u8 *)p - off % c->size;
	const u8 *slab_end = (const u8 *)((unsigned long)p | HAK_SLAB_MASK) + 1;
	u32 shown = min_t(u32, c->usable, HAK_SHOWN_BYTES);

	hak_report_slab(s, c);
	if (nr >= c->capacity)
		return;
	pr_info("object %u of %u at %p, offset %u of %u%s\n", nr, c->capacity, start,
		off % c->size, c->usable,
		hak_report_live_text(c, start));
	if (nr)
		hak_report_bytes("bytes before it", start - 8, start);
	hak_report_bytes("first bytes", start, start + shown);
	hak_report_bytes("last bytes, and beyond", start + c->usable - min(shown, 8U),
			 min(start + c->usable + HAK_SHOWN_BYTES, slab_end));
	hak_report_track(c, start, HAK_ALLOCATED);
	hak_report_track(c, start, HAK_FREED);
}

/**
 * hak_report_bad_free() - report a free that was refused
 * @p: the address
 * @c: cache of the slab that the address points into, or NULL
 * @why: what is wrong with it
 * @caller: return address of the caller
 *
 * Context: any, NMI included.
 */
void hak_report_bad_free(const void *p, const struct hak_cache *c,
			 const char *why, unsigned long caller)
{
	struct hak_slab *s;

	hak_count(HAK_EV_BAD_FREE);
	if (static_branch_unlikely(&hak_tracing))
		__hak_trace_bad_free(p, c, why, caller);
	if (!__ratelimit(&hak_bad_free_limit))
		return;
	pr_err("bad free of %p (class %s) by %pS refused: %s\n",
	       p, c ? c->name : "none", (void *)caller, why);
	preempt_disable();
	s = c ? hak_slab_of(p) : NULL;
	if (s)
		hak_report_about(s, c, p);
	preempt_enable();
}

/**
 * hak_report_zero() - report a request for a constructed object with __GFP_ZERO
 * @c: the cache
 *
 * Context: any.
 */
void hak_report_zero(const struct hak_cache *c)
{
	pr_err_ratelimited("__GFP_ZERO ignored for cache %s, whose objects are constructed\n",
			   c->name);
}

/**
 * hak_report_corrupt() - report a slab whose counts or free links are wrong
 * @s: the slab
 * @c: the cache that the caller uses it for, as @s->cache may be what is wrong; or NULL
 * @obj: the object of the slab that the report is about, or NULL
 * @p: the offending address, or NULL
 * @why: what is wrong
 *
 * Context: any; preemption off, or the slab cannot go.
 */
void hak_report_corrupt(struct hak_slab *s, const struct hak_cache *c, const void *obj,
			const void *p, const char *why)
{
	hak_count(HAK_EV_CORRUPT);
	if (!__ratelimit(&hak_corrupt_limit))
		return;
	pr_err("corruption in slab %p (class %s, carved %u, taken %u, rc %#x) at %p: %s\n",
	       (void *)s->addr, c ? c->name : "none", READ_ONCE(s->bump),
	       READ_ONCE(s->taken), (unsigned int)atomic_read(&s->rc), p, why);
	if (!c)
		return;
	preempt_disable();
	if (obj)
		hak_report_about(s, c, obj);
	else
		hak_report_slab(s, c);
	preempt_enable();
}

/**
 * hak_report_object() - report an object that is broken
 * @c: its cache
 * @p: the object, which is not used again
 * @why: what is wrong
 *
 * Context: any.
 */
void hak_report_object(const struct hak_cache *c, const void *p, const char *why)
{
	struct hak_slab *s;

	hak_count(HAK_EV_CORRUPT);
	if (!__ratelimit(&hak_corrupt_limit))
		return;
	pr_err("corruption of %p (class %s), which is not used again: %s\n", p, c->name, why);
	preempt_disable();
	s = hak_slab_of(p);
	if (s)
		hak_report_about(s, c, p);
	preempt_enable();
}

/**
 * hak_report_tail() - report memory of SLUB's that waits to be freed, and cannot be
 * @tail: where its address is kept, see struct hak_fallback_tail
 * @p: what is there, which is not its address
 *
 * Context: any.
 */
void hak_report_tail(const void *tail, const void *p)
{
	hak_count(HAK_EV_CORRUPT);
	pr_err_ratelimited("corruption: the object of SLUB's before %p, and those that waited behind it, are lost, because its tail was overwritten while it waited to be freed (by %p)\n",
			   tail, p);
}

/**
 * hak_report_stray() - report objects freed into a slab that was released
 * @c: their cache
 * @p: the first object
 * @n: how many
 *
 * If objects of a slab were freed twice, the slab may be released while as many
 * other objects of it are live. A later free of those is reported here and
 * changes nothing.
 *
 * Context: any.
 */
void hak_report_stray(const struct hak_cache *c, const void *p, unsigned int n)
{
	hak_count(HAK_EV_CORRUPT);
	pr_err_ratelimited("corruption: %u objects (class %s) at %p are in no slab any more; something there was freed twice\n",
			   n, c->name, p);
}
