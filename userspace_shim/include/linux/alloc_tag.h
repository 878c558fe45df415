/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Allocation tags, in debug builds only. A tag's counters lie in the tag and are atomic,
 * not per CPU. Nothing lists the tags: whoever defines one reads it. kmalloc() and
 * pages are not counted. alloc_tag_add() and alloc_tag_sub() stop the program where
 * CONFIG_MEM_ALLOC_PROFILING_DEBUG warns.
 */
#ifndef _SHIM_LINUX_ALLOC_TAG_H
#define _SHIM_LINUX_ALLOC_TAG_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/sched.h>
#include <linux/types.h>

struct codetag {
	unsigned int lineno;
	const char *function;
	const char *filename;
};

union codetag_ref {
	struct codetag *ct;
};

struct alloc_tag_counters {
	u64 bytes;
	u64 calls;
};

struct alloc_tag {
	struct codetag ct;
	struct alloc_tag_counters counters;
};

#ifdef CONFIG_MEM_ALLOC_PROFILING

#define DEFINE_ALLOC_TAG(tag)						\
	static struct alloc_tag tag = {					\
		.ct = {							\
			.lineno = __LINE__,				\
			.function = __func__,				\
			.filename = __FILE__,				\
		},							\
	}

static inline struct alloc_tag_counters alloc_tag_read(struct alloc_tag *tag)
{
	return (struct alloc_tag_counters) {
		.bytes = __atomic_load_n(&tag->counters.bytes, __ATOMIC_RELAXED),
		.calls = __atomic_load_n(&tag->counters.calls, __ATOMIC_RELAXED),
	};
}

static inline void alloc_tag_add(union codetag_ref *ref, struct alloc_tag *tag,
				 size_t bytes)
{
	BUG_ON(ref->ct || !tag);
	ref->ct = &tag->ct;
	__atomic_fetch_add(&tag->counters.calls, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&tag->counters.bytes, bytes, __ATOMIC_RELAXED);
}

static inline void alloc_tag_sub(union codetag_ref *ref, size_t bytes)
{
	struct alloc_tag *tag = (struct alloc_tag *)ref->ct;

	BUG_ON(!tag);
	__atomic_fetch_sub(&tag->counters.bytes, bytes, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&tag->counters.calls, 1, __ATOMIC_RELAXED);
	ref->ct = NULL;
}

#define alloc_hooks_tag(tag, do_alloc)					\
({									\
	struct task_struct *__task = current;				\
	struct alloc_tag *__old = __task->alloc_tag;			\
	typeof(do_alloc) __res;						\
									\
	__task->alloc_tag = (tag);					\
	__res = (do_alloc);						\
	__task->alloc_tag = __old;					\
	__res;								\
})

#define alloc_hooks(do_alloc)						\
({									\
	DEFINE_ALLOC_TAG(__alloc_tag);					\
	alloc_hooks_tag(&__alloc_tag, do_alloc);			\
})

#else

static inline void alloc_tag_add(union codetag_ref *ref, struct alloc_tag *tag,
				 size_t bytes)
{
}

static inline void alloc_tag_sub(union codetag_ref *ref, size_t bytes)
{
}

#define alloc_hooks(do_alloc)	(do_alloc)

#endif

#endif
