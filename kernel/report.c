// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of misuse and corruption. They stay in every build.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/printk.h>

#include "core.h"

/**
 * hak_report_bad_free() - say that a free was refused
 * @p: the address
 * @c: cache of the slab it points into, or NULL
 * @why: what is wrong with it
 * @caller: who freed
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
 * hak_report_zero() - say that a constructed object was asked for zeroed
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
 * hak_report_corrupt() - say that a slab's books or links are broken
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
 * hak_report_stray() - say that objects were freed into a slab that is gone
 * @c: their cache
 * @p: the first
 * @n: how many
 *
 * Their slab was released while they were live, which takes as many frees too
 * many of others in it. They are left alone.
 *
 * Context: any.
 */
void hak_report_stray(const struct hak_cache *c, const void *p, unsigned int n)
{
	hak_count(HAK_EV_CORRUPT);
	pr_err_ratelimited("corruption: %u objects (class %s) at %p are in no slab any more; something there was freed twice\n",
			   n, c->name, p);
}
