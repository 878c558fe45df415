/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that hakmem builds for (6.12 to 7.x). No other
 * file of the project may look at LINUX_VERSION_CODE.
 */
#ifndef _HAK_COMPAT_H
#define _HAK_COMPAT_H

#include <linux/alloc_tag.h>
#include <linux/export.h>
#include <linux/kasan.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(8, 0, 0)
#error "hakmem supports Linux 6.12 to 7.x; see docs/install.md"
#endif

/*
 * Without SMP an interrupt gets each lock that it tries, even if its CPU holds the lock.
 * hak_free_rcu() and the depots rely on the opposite.
 */
#ifndef CONFIG_SMP
#error "hakmem needs a kernel with CONFIG_SMP=y; see docs/install.md"
#endif

/*
 * Does @p begin a large kmalloc() allocation, whose first page is @head?
 *
 * From 6.15 on such pages have a page type of their own. Before that, kfree()
 * takes any compound page for one. So this accepts only a compound page that is
 * not known to be something else; a block that another user got from the page
 * allocator unchanged still passes.
 *
 * The tags of tagged KASAN say nothing about an address, so they are ignored
 * here, as virt_addr_valid() and virt_to_page() ignore them.
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

/*
 * Does on_each_cpu() reach @cpu? The caller holds cpus_read_lock(). The userspace build, which
 * has no cross-calls, has a function of its own.
 */
#ifndef hak_cpu_is_called
#define hak_cpu_is_called(cpu)	cpu_online(cpu)
#endif

/*
 * How many bytes from @p on lie in the same slab of SLUB's, as far as they may be read?
 * 0 if @p, which kfree() takes, lies in none. In the userspace build the C library's
 * allocator is in SLUB's place, so that build has a function of its own.
 */
#ifndef hak_slab_rest
static inline size_t hak_slab_rest(const void *p)
{
	struct page *head = virt_to_head_page(p);

	if (!PageSlab(head))
		return 0;
	return page_size(head) - ((char *)kasan_reset_tag(p) -
				  (char *)kasan_reset_tag(page_address(head)));
}
#endif

/* Symbols for the KUnit suites only. Namespaces became strings in 6.13. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define HAK_EXPORT_INTERNAL(sym) EXPORT_SYMBOL_NS_GPL(sym, "HAKMEM_INTERNAL")
#define HAK_IMPORT_INTERNAL()	MODULE_IMPORT_NS("HAKMEM_INTERNAL")
#else
#define HAK_EXPORT_INTERNAL(sym) EXPORT_SYMBOL_NS_GPL(sym, HAKMEM_INTERNAL)
#define HAK_IMPORT_INTERNAL()	MODULE_IMPORT_NS(HAKMEM_INTERNAL)
#endif

/* In 7.0 the unbound workqueue got a new name, and per-CPU workqueues got a flag. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define hak_unbound_wq	system_dfl_wq
#define HAK_WQ_PERCPU	WQ_PERCPU
#else
#define hak_unbound_wq	system_unbound_wq
#define HAK_WQ_PERCPU	0
#endif

/* A high-resolution timer of @mode, HRTIMER_MODE_REL_PINNED_HARD or _SOFT. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define hak_hrtimer_setup_mode(timer, fn, mode) \
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, mode)
#else
#define hak_hrtimer_setup_mode(timer, fn, mode)			\
	do {								\
		hrtimer_init(timer, CLOCK_MONOTONIC, mode);		\
		(timer)->function = (fn);				\
	} while (0)
#endif

/*
 * A timer whose handler runs in hard interrupt context, on the CPU that started
 * it.
 */
#define hak_hrtimer_setup(timer, fn) \
	hak_hrtimer_setup_mode(timer, fn, HRTIMER_MODE_REL_PINNED_HARD)

/*
 * What generic KASAN holds of memory. Of the functions that change it the kernel exports
 * kasan_poison() alone, and declares it in a header of mm/kasan; with 0 it makes memory
 * accessible. The other values are those of SLUB's objects, and KASAN names what it
 * finds by them.
 */
#ifdef CONFIG_KASAN_GENERIC
void kasan_poison(const void *addr, size_t size, u8 value, bool init);
#define hak_kasan_set(addr, size, value) kasan_poison(addr, size, value, false)
#define HAK_LETTER_K		"K"
#else
#define hak_kasan_set(addr, size, value) \
	do { (void)(addr); (void)(size); (void)(value); } while (0)
#define HAK_LETTER_K		""
#endif
#define HAK_KASAN_ACCESSIBLE	0
#define HAK_KASAN_FREE		0xfb
#define HAK_KASAN_ZONE		0xfc

/*
 * The tag of the line of code that allocates, which hakmem_tags.h sets. It is NULL if
 * the caller does not use that header, calls through a pointer, or allocation profiling
 * is off; up to 6.13 the kernel sets it even then. mem_alloc_profiling_key would say,
 * but not every kernel exports it.
 *
 * hak_keep_tag() is for calls of SLUB's functions for hakmem's caller. They count the
 * memory for the current tag. If there is none, it is counted for the line that
 * hak_keep_tag() is in.
 */
#ifdef CONFIG_MEM_ALLOC_PROFILING
#define hak_current_tag()	(current->alloc_tag)
#define hak_keep_tag(do_alloc) \
	(current->alloc_tag ? (do_alloc) : alloc_hooks(do_alloc))
#define HAK_LETTER_A		"A"
#else
#define hak_current_tag()	((struct alloc_tag *)NULL)
#define hak_keep_tag(do_alloc)	(do_alloc)
#define HAK_LETTER_A		""
#endif

/* The letters of debug=, and those of them that this kernel allows. */
#define HAK_DEBUG_ALL_LETTERS	"FZPUTKA"
#define HAK_DEBUG_LETTERS	"FZPUT" HAK_LETTER_K HAK_LETTER_A

/*
 * The return addresses of the functions above the one that this is used in. A kernel
 * without CONFIG_STACKTRACE cannot tell any.
 */
#ifdef CONFIG_STACKTRACE
#define hak_stack_save(store, size)	stack_trace_save(store, size, 1)
#else
#define hak_stack_save(store, size)	0U
#endif

/*
 * llist_add_batch() as an inline function. 6.12 has it out of line and
 * instrumented, but the nodes here lie in free objects, which KASAN may have
 * poisoned.
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
 * Memory for the registry: zeroed tables that every CPU reads and few places
 * write. Those places call hak_table_open() first. In the kernel this is ordinary
 * memory. In the userspace build the table spans the address space, and the
 * system may account all memory that a process could write, so that build has
 * functions of its own.
 */
#ifndef hak_leaf_alloc
#define hak_leaf_alloc(addr, size, gfp)	((void)(addr), kzalloc(size, gfp))
#define hak_leaf_free(leaf, size)	kfree(leaf)
#endif

/*
 * The first address of the linear map where memory is. Before it there may be a gap: on
 * arm64 one of up to 3,840 TiB, if the kernel has addresses of 52 bits and the processor
 * has 48.
 */
#ifndef hak_ram_start
unsigned long hak_ram_start(void);
#endif

#ifndef hak_table_alloc
#define hak_table_alloc(n, size)	kvcalloc(n, size, GFP_KERNEL)
#define hak_table_free(table, n, size)	kvfree(table)
#define hak_table_open(table, i)	((void)(i), 0)
#define hak_table_is_open(table, i)	((void)(i), true)
#endif

#endif /* _HAK_COMPAT_H */
