// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of misuse and corruption. They stay in every build.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/printk.h>

#include "core.h"

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
	hak_count(HAK_EV_BAD_FREE);
	if (static_branch_unlikely(&hak_tracing))
		__hak_trace_bad_free(p, c, why, caller);
	pr_err_ratelimited("bad free of %p (class %s) by %pS refused: %s\n",
			   p, c ? c->name : "none", (void *)caller, why);
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
 * @p: the offending address, or NULL
 * @why: what is wrong
 *
 * Context: any.
 */
void hak_report_corrupt(struct hak_slab *s, const void *p, const char *why)
{
	struct hak_cache *c = READ_ONCE(s->cache);

	hak_count(HAK_EV_CORRUPT);
	pr_err_ratelimited("corruption in slab %p (class %s, carved %u, taken %u, rc %#x) at %p: %s\n",
			   (void *)s->addr, c ? c->name : "none", s->bump,
			   s->taken, (unsigned int)atomic_read(&s->rc), p, why);
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
