/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels hakmem builds for (6.12 to 7.x). Nothing
 * else in the project may look at LINUX_VERSION_CODE.
 */
#ifndef _HAK_COMPAT_H
#define _HAK_COMPAT_H

#include <linux/export.h>
#include <linux/kasan.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(8, 0, 0)
#error "hakmem supports Linux 6.12 to 7.x; see docs/design.md"
#endif

/*
 * Large kmalloc pages carry a type of their own from 6.15 on. Before that they
 * are told by what they are not: kfree() itself takes any compound page for one.
 * What is left is a block that somebody got from the page allocator as it is.
 * Tagged KASAN's tags tell nothing of where an address is; virt_addr_valid() and
 * virt_to_page() of architectures that have them ignore them likewise.
 */
static inline bool hak_page_is_large_kmalloc(struct page *head, const void *p)
{
	if (kasan_reset_tag(page_address(head)) != kasan_reset_tag(p))
		return false;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	return folio_test_large_kmalloc(page_folio(head));
#else
	return PageHead(head) && !page_has_type(head) && !PageLRU(head) &&
	       !READ_ONCE(head->mapping) &&
	       compound_order(head) >= get_order(KMALLOC_MAX_CACHE_SIZE + 1);
#endif
}

/* Symbols for the KUnit suites alone. Namespaces became strings in 6.13. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define HAK_EXPORT_INTERNAL(sym) EXPORT_SYMBOL_NS_GPL(sym, "HAKMEM_INTERNAL")
#define HAK_IMPORT_INTERNAL()	MODULE_IMPORT_NS("HAKMEM_INTERNAL")
#else
#define HAK_EXPORT_INTERNAL(sym) EXPORT_SYMBOL_NS_GPL(sym, HAKMEM_INTERNAL)
#define HAK_IMPORT_INTERNAL()	MODULE_IMPORT_NS(HAKMEM_INTERNAL)
#endif

/* Workqueues: the unbound one got a new name, and per-CPU ones have to say so. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define hak_unbound_wq	system_dfl_wq
#define HAK_WQ_PERCPU	WQ_PERCPU
#else
#define hak_unbound_wq	system_unbound_wq
#define HAK_WQ_PERCPU	0
#endif

/* A timer whose handler runs in hard interrupt context, on its CPU. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define hak_hrtimer_setup(timer, fn) \
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD)
#else
#define hak_hrtimer_setup(timer, fn)					\
	do {								\
		hrtimer_init(timer, CLOCK_MONOTONIC,			\
			     HRTIMER_MODE_REL_PINNED_HARD);		\
		(timer)->function = (fn);				\
	} while (0)
#endif

/*
 * llist_add_batch(), inline. 6.12 has it out of line and instrumented, and
 * what is pushed here is a free object, which KASAN may have poisoned.
 */
static __always_inline bool hak_llist_add_batch(struct llist_node *first,
						struct llist_node *last,
						struct llist_head *head)
{
	struct llist_node *old = READ_ONCE(head->first);

	do {
		WRITE_ONCE(last->next, old);
	} while (!try_cmpxchg(&head->first, &old, first));

	return !old;
}

/*
 * A table of zeroes that is read everywhere and written in few places, each of
 * which is opened first. In the kernel that is memory like any other. The
 * userspace build, where the table spans the address space and a process may
 * have to answer for all that it could write, brings its own.
 */
#ifndef hak_leaf_alloc
#define hak_leaf_alloc(addr, size, gfp)	((void)(addr), kzalloc(size, gfp))
#define hak_leaf_free(leaf, size)	kfree(leaf)
#endif

#ifndef hak_table_alloc
#define hak_table_alloc(n, size)	kvcalloc(n, size, GFP_KERNEL)
#define hak_table_free(table, n, size)	kvfree(table)
#define hak_table_open(table, i)	((void)(i), 0)
#endif

#endif /* _HAK_COMPAT_H */
