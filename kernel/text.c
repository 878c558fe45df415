// SPDX-License-Identifier: GPL-2.0
/*
 * The counters as text. These functions take no lock and allocate no memory, so a
 * signal handler may call them.
 */
#include <linux/bitops.h>

#include "core.h"
#include "text.h"

static void __printf(2, 3) hak_print(struct hak_text *to, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	to->vprint(to, fmt, args);
	va_end(args);
}

/**
 * hak_text_stats() - write the totals, one per line
 * @to: where they go
 *
 * Context: any but NMI.
 */
void hak_text_stats(struct hak_text *to)
{
	struct hak_stats st;
	unsigned int i;

	hak_stats_read(&st);
	hak_print(to, "arena_bytes %llu\n", hak_arena_bytes());
	hak_print(to, "superslabs %lu\n", st.superslabs);
	hak_print(to, "superslabs_empty %lu\n", st.superslabs_empty);
	hak_print(to, "superslabs_grown %llu\n", st.grown);
	for (i = 0; i < HAK_NR_ORDERS; i++)
		hak_print(to, "superslabs_grown_order%u %llu\n",
			  i + HAK_MIN_ORDER, st.grown_order[i]);
	hak_print(to, "superslabs_shrunk %llu\n", st.shrunk);
	hak_print(to, "superslabs_broken %llu\n", st.broken);
	hak_print(to, "superslab_pages %lu\n", st.pages);
	hak_print(to, "slabs %lu\n", st.slots_used);
	for (i = 0; i < HAK_NR_EVENTS; i++)
		hak_print(to, "%s %lu\n", hak_event_name[i], st.event[i]);
	for (i = 0; i < HAK_NR_LOCKS; i++)
		hak_print(to, "lock_%s_taken %llu\nlock_%s_waited %llu\n",
			  hak_lock_name[i], st.locked[i],
			  hak_lock_name[i], st.contended[i]);
}

/**
 * hak_text_class() - write the line of a cache below HAK_CLASSES_HEADING
 * @to: where it goes
 * @cs: its figures
 */
void hak_text_class(struct hak_text *to, const struct hak_class_stats *cs)
{
	hak_print(to, "%s %u %u %lu %ld %lu %lu %lu %lu %lu %lu %lu %lu %lu %ld\n",
		  cs->name, cs->size, cs->capacity, cs->slabs, cs->live,
		  cs->cached, cs->refills, cs->spills, cs->pushes, cs->drains,
		  cs->depot, cs->sends, cs->receives, cs->excess, cs->fallback);
}

/**
 * hak_text_superslab() - write the line of a superslab below
 * HAK_SUPERSLABS_HEADING
 * @to: where it goes
 * @ss: the superslab, under RCU
 *
 * A slab is written as SIZE:USED/CARVED and the initial of its state. The state is read
 * before @cache, so if it says that there is a slab, @cache is the slab's, or NULL since.
 */
void hak_text_superslab(struct hak_text *to, struct hak_superslab *ss)
{
	u64 full = READ_ONCE(ss->full), used = READ_ONCE(ss->used) & full;
	unsigned int i;

	hak_print(to, "node %d order %u used %u/%u", ss->nid, ss->order,
		  (unsigned int)hweight64(used), (unsigned int)hweight64(full));
	for (i = 0; full >> i; i++) {
		struct hak_slab *s = &ss->slab[i];
		enum hak_slab_state state =
			hak_rc_state(atomic_read_acquire(&s->rc));
		struct hak_cache *c = READ_ONCE(s->cache);

		if (!(full & BIT_ULL(i)))
			hak_print(to, " .");
		else if (!(used & BIT_ULL(i)) || state == HAK_UNUSED || !c)
			hak_print(to, " -");
		else
			hak_print(to, " %u:%d/%u%c", READ_ONCE(c->size),
				  hak_slab_used(s), READ_ONCE(s->bump),
				  "OPL"[state]);
	}
	hak_print(to, "\n");
}

/* Has a slot of the superslab of @s before that of @s a slab? Its entry is @e[-1] or earlier. */
static bool hak_has_earlier_slab(const struct hak_entry *e, const struct hak_slab *s)
{
	unsigned int i;

	for (i = 1; i <= s->slot; i++)
		if (READ_ONCE(e[-(long)i].slab) == s - i)
			return true;
	return false;
}

/**
 * hak_text_leaf() - write the lines of the superslabs that have slabs in a leaf
 * @to: where they go
 * @leaf: a leaf of the registry, under RCU
 *
 * Each superslab has one line, in the place of its first slab. Its slabs need not follow
 * each other: slots that it has given back may belong to other superslabs by now.
 */
void hak_text_leaf(struct hak_text *to, const struct hak_entry *leaf)
{
	unsigned long i;

	for (i = 0; i < BIT(HAK_LEAF_BITS); i++) {
		const struct hak_slab *s = READ_ONCE(leaf[i].slab);
		struct hak_superslab *ss = s ? READ_ONCE(s->ss) : NULL;

		if (ss && !hak_has_earlier_slab(&leaf[i], s))
			hak_text_superslab(to, ss);
	}
}
