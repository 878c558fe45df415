// SPDX-License-Identifier: GPL-2.0
/*
 * Chains of hak_free_rcu(): objects for which there was no batch are chained by their
 * rcu_heads. If a chain was given an object twice, it goes in a circle. If an object was freed
 * meanwhile, its link may lead anywhere. So a chain is walked before any of its objects is
 * freed. If two chains were given the same object, one goes on in the other. That is not looked
 * for; with debug= or hardened=1 the second free of each object in both is refused.
 */
#include <linux/instruction_pointer.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "core.h"

/* Report an object that was chained, and that the chain cannot be followed beyond. */
static noinline void hak_rcu_report_chain(const void *p, const char *why)
{
	struct hak_cache *c = NULL;
	struct hak_entry *e = NULL;

	preempt_disable();
	if (!hak_find_object(p, &e, &c))
		c = NULL;
	hak_report_bad_free(p, c, why, _RET_IP_);
	preempt_enable();
}

/*
 * The chain from @head on leads into a circle of @len objects. The one with which the circle
 * begins was chained twice. Report it, and let the chain end where it would come again. What
 * was chained before the object is lost, since its link led there.
 */
static void hak_rcu_cut_circle(struct rcu_head *head, unsigned long len)
{
	struct rcu_head *ahead = head;
	unsigned long i;

	for (i = 0; i < len; i++)
		ahead = ahead->next;
	while (head != ahead) {
		head = head->next;
		ahead = ahead->next;
	}
	while (ahead->next != head)
		ahead = ahead->next;
	ahead->next = NULL;
	hak_rcu_report_chain((void *)head->func, "given to hak_free_rcu() twice");
}

/*
 * The object that @head lies in, if it is known to be free; else NULL. If it was freed while
 * it was chained, its link may be anything.
 */
static const void *hak_rcu_freed_object(const struct rcu_head *head)
{
	const void *p = NULL;
	struct hak_cache *c;
	struct hak_slab *s;

	preempt_disable();
	s = hak_slab_of(head);
	c = s ? READ_ONCE(s->cache) : NULL;
	if (c && c->checks) {
		p = (const char *)head - ((unsigned long)head & HAK_SLAB_MASK) % c->size;
		if (hak_check_live(c, p))
			p = NULL;
	}
	preempt_enable();
	return p;
}

/*
 * Walk the chain from @head on, before any of its objects is freed. If it has no end, or leads
 * to an object that is free already, report that, and let the chain end before. Returns what
 * is left of the chain.
 */
static struct rcu_head *hak_rcu_check_chain(struct rcu_head *head)
{
	struct rcu_head *at, *before = NULL, *mark = NULL;
	unsigned long len = 1, limit = 1;
	const void *p;

	for (at = head; at; before = at, at = at->next, len++) {
		p = hak_rcu_freed_object(at);
		if (unlikely(p)) {
			hak_rcu_report_chain(p, "freed before hak_free_rcu() could");
			if (!before)
				return NULL;
			before->next = NULL;
			break;
		}
		/* The mark stays for twice as long each time, so it comes to lie in a circle. */
		if (unlikely(at == mark)) {
			hak_rcu_cut_circle(head, len);
			break;
		}
		if (len == limit) {
			mark = at;
			len = 0;
			limit *= 2;
		}
		cond_resched();
	}
	return head;
}

/**
 * hak_rcu_free_chain() - free objects that are chained by their rcu_heads
 * @head: the first, or NULL; the func of each points to its object
 *
 * Context: task, may sleep; the grace period has passed.
 */
void hak_rcu_free_chain(struct rcu_head *head)
{
	struct rcu_head *next;

	for (head = hak_rcu_check_chain(head); head; head = next) {
		next = head->next;
		hak_free((void *)head->func);
		cond_resched();
	}
}
