// SPDX-License-Identifier: GPL-2.0
/* hak_dump_obj(), which describes an address in the kernel log, for debugging. */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/printk.h>

#include "core.h"

/* Is the object @p in the outbox of @cc? */
static bool hak_dump_in_outbox(const struct hak_cpu_cache *cc, const void *p)
{
	unsigned int i, nr = hak_outbox_objects(cc);

	for (i = 0; i < nr; i++)
		if (READ_ONCE(hak_cpu_outbox(cc)->obj[i]) == p)
			return true;
	return false;
}

/* Is the object @p in a per-CPU cache? */
static bool hak_dump_cached(const struct hak_cache *c, const void *p)
{
	unsigned int cpu, i;

	for_each_possible_cpu(cpu) {
		const struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		for (i = 0; i < hak_cpu_objects(cc) && i < cc->cap; i++)
			if (READ_ONCE(cc->obj[i]) == p)
				return true;
		if (hak_dump_in_outbox(cc, p))
			return true;
	}
	return false;
}

/* What the marks of a checked slab say of the object @p. */
static const char *hak_dump_live(const struct hak_cache *c, const void *p)
{
	switch (hak_report_live(c, p)) {
	case 0:
		return "free";
	case 1:
		return "live";
	default:
		return "its memory is gone";
	}
}

static void hak_dump_slab(struct hak_slab *s, const struct hak_cache *c,
			  const void *p)
{
	u32 off = (unsigned long)p & HAK_SLAB_MASK, nr = off / c->size;
	const void *start = (const char *)p - off % c->size;
	const char *what = "live, or free in its slab or a magazine";

	if (nr >= c->capacity)
		what = "beyond the last object";
	else if (c->map)
		what = hak_dump_live(c, start);
	else if (nr >= READ_ONCE(s->bump))
		what = "never allocated";
	else if (hak_dump_cached(c, start))
		what = "free, in a CPU's cache";
	pr_info("%p: cache %s, object %u of %u at %p, offset %u of %u; %s\n",
		p, c->name, nr, c->capacity, start, off % c->size, c->usable, what);
	hak_report_slab(s, c);
}

/**
 * hak_dump_obj() - describe an address in the kernel log
 * @p: any address
 *
 * As kmem_dump_obj() does, it logs the cache, the object, and the state of its
 * slab. It takes no lock, so the description may be out of date if other CPUs use
 * the cache meanwhile. If the slab goes back while it is described, that does no
 * harm, but with debug= the log may have some bytes of the next user of its memory.
 * With debug= or hardened=1 it says whether the object is live. Without them hakmem
 * does not know that, unless it finds the object in a per-CPU cache or an outbox.
 *
 * Context: any.
 * Return: true if the address was described: it lies in a slab of hakmem, or in
 * an object that SLUB served for a typed cache.
 */
bool hak_dump_obj(const void *p)
{
	struct hak_cache *c;
	struct hak_slab *s;
	bool found = false;

	preempt_disable();
	s = hak_slab_of(p);
	c = s ? READ_ONCE(s->cache) : NULL;
	if (c) {
		hak_dump_slab(s, c, p);
		found = true;
	} else if (!s && !ZERO_OR_NULL_PTR(p) && hak_fallback_owns(p)) {
		c = hak_fallback_cache(p);
		if (c)
			pr_info("%p: cache %s, an object of %u bytes that SLUB served; live\n",
				p, c->name, c->usable);
		found = c;
	}
	preempt_enable();
	return found;
}
EXPORT_SYMBOL_GPL(hak_dump_obj);
