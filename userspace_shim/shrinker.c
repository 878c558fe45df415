// SPDX-License-Identifier: GPL-2.0
/* Shrinkers, which only shim_shrink() calls. */
#include <linux/kernel.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "shim.h"

DEFINE_SHIM_LOCK(list_lock);
static LIST_HEAD(shrinkers);

struct shrinker *shrinker_alloc(unsigned int flags, const char *fmt, ...)
{
	struct shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (s) {
		s->flags = flags;
		s->seeks = DEFAULT_SEEKS;
		INIT_LIST_HEAD(&s->list);
	}
	return s;
}

void shrinker_register(struct shrinker *s)
{
	shim_lock(&list_lock);
	list_add_tail(&s->list, &shrinkers);
	shim_unlock(&list_lock);
}

void shrinker_free(struct shrinker *s)
{
	if (!s)
		return;
	shim_lock(&list_lock);
	list_del(&s->list);
	shim_unlock(&list_lock);
	kfree(s);
}

/* Ask every shrinker for @nr objects. No shrinker may be registered meanwhile. */
unsigned long shim_shrink(unsigned long nr)
{
	unsigned long freed = 0, n;
	struct shrinker *s;

	list_for_each_entry(s, &shrinkers, list) {
		struct shrink_control sc = {
			.gfp_mask = GFP_KERNEL,
			.nr_to_scan = nr,
			.nr_scanned = nr,
		};

		n = s->count_objects(s, &sc);
		if (!n || n == SHRINK_EMPTY)
			continue;
		n = s->scan_objects(s, &sc);
		if (n != SHRINK_STOP)
			freed += n;
	}
	return freed;
}
