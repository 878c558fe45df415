// SPDX-License-Identifier: GPL-2.0
/*
 * The fallback: requests that are SLUB's, and objects that came from there.
 *
 * Objects freed where kfree() may not be called, in NMI and in atomic context
 * on PREEMPT_RT, wait on a per-CPU list that an irq_work empties. The list's
 * links lie in the objects, and what init_on_free asks for comes after: kfree()
 * zeroes the whole object.
 */
#include <linux/cpumask.h>
#include <linux/errno.h>

#include "core.h"

struct hak_deferred __percpu *hak_deferred;

/**
 * hak_may_call_mm() - may the page allocator and SLUB be called here?
 *
 * Context: what hakmem disabled itself has been enabled again.
 * Return: false in NMI, and in atomic context on PREEMPT_RT.
 */
bool hak_may_call_mm(void)
{
	if (in_nmi())
		return false;
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible();
}

/**
 * hak_fallback_alloc() - let kmalloc() serve a request
 * @size: bytes
 * @gfp: the caller's flags, all of them
 * @node: memory node or NUMA_NO_NODE
 * @why: what to count it as
 *
 * Return: what kmalloc_node() says, or NULL where it may not be called.
 */
void *hak_fallback_alloc(size_t size, gfp_t gfp, int node, enum hak_event why)
{
	if (unlikely(!hak_may_call_mm())) {
		hak_count(HAK_EV_ATOMIC);
		return NULL;
	}
	hak_count(why);
	return kmalloc_node(size, gfp, node);
}

/* Likewise for one object of @c. */
void *hak_fallback_object(struct hak_cache *c, gfp_t gfp, int node,
			  enum hak_event why)
{
	if (!c->fallback)
		return hak_fallback_alloc(c->size, gfp, node, why);

	if (unlikely(!hak_may_call_mm())) {
		hak_count(HAK_EV_ATOMIC);
		return NULL;
	}
	hak_count(why);
	return kmem_cache_alloc_node(c->fallback, gfp, node);
}

/* Could kfree() take @p? Not proof that it is live, but that it is no wild one. */
bool hak_fallback_owns(const void *p)
{
	struct page *page;

	if (!virt_addr_valid(p))
		return false;
	page = virt_to_head_page(p);
	return PageSlab(page) || hak_page_is_large_kmalloc(page, p);
}

/**
 * hak_fallback_realloc() - let krealloc() serve a request
 * @p: an address that is none of hakmem's
 * @size: bytes wanted, not 0
 * @gfp: the caller's flags
 * @caller: for the report
 *
 * Return: what krealloc() says; NULL where that may not be called, or where @p
 * is none of SLUB's either, which is reported.
 */
void *hak_fallback_realloc(const void *p, size_t size, gfp_t gfp,
			   unsigned long caller)
{
	if (unlikely(!hak_fallback_owns(p))) {
		hak_report_bad_free(p, NULL, "not a hakmem or kmalloc object",
				    caller);
		return NULL;
	}
	if (unlikely(!hak_may_call_mm())) {
		hak_count(HAK_EV_ATOMIC);
		return NULL;
	}
	return krealloc(p, size, gfp);
}

/**
 * hak_fallback_free() - free what is none of hakmem's
 * @p: NULL, ZERO_SIZE_PTR, or what kfree() takes
 * @caller: for the report
 *
 * Context: any, NMI included; nothing of hakmem's is held.
 */
void hak_fallback_free(const void *p, unsigned long caller)
{
	struct hak_deferred *d;

	if (ZERO_OR_NULL_PTR(p))
		return;
	if (unlikely(!hak_fallback_owns(p))) {
		hak_report_bad_free(p, NULL, "not a hakmem or kmalloc object",
				    caller);
		return;
	}
	if (likely(hak_may_call_mm())) {
		kfree(p);
		return;
	}

	hak_count(HAK_EV_DEFERRED);
	preempt_disable();
	d = this_cpu_ptr(hak_deferred);
	if (llist_add((struct llist_node *)p, &d->list))
		irq_work_queue(&d->work);
	preempt_enable();
}

static void hak_deferred_run(struct irq_work *work)
{
	struct hak_deferred *d = container_of(work, struct hak_deferred, work);
	struct llist_node *n, *next;

	for (n = llist_del_all(&d->list); n; n = next) {
		next = n->next;
		kfree(n);
	}
}

int hak_fallback_init(void)
{
	unsigned int cpu;

	hak_deferred = alloc_percpu(struct hak_deferred);
	if (!hak_deferred)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct hak_deferred *d = per_cpu_ptr(hak_deferred, cpu);

		init_llist_head(&d->list);
		init_irq_work(&d->work, hak_deferred_run);
	}
	return 0;
}

/* Wait until every object freed so far has reached kfree(). Context: task. */
void hak_fallback_sync(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu_ptr(hak_deferred, cpu)->work);
}

void hak_fallback_exit(void)
{
	hak_fallback_sync();
	free_percpu(hak_deferred);
	hak_deferred = NULL;
}
