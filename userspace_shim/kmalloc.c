// SPDX-License-Identifier: GPL-2.0
/*
 * The C library's allocator takes SLUB's place. It is called by names that still
 * lead to it if hakmem is the program's malloc. Memory that RCU readers may still
 * look at never goes back to it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "shim.h"

#ifdef HAK_SHIM_SANITIZER
/* The sanitizer's allocator is the one underneath. */
#define __libc_malloc	malloc
#define __libc_calloc	calloc
#define __libc_realloc	realloc
#define __libc_memalign	memalign
#define __libc_free	free
#else
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *p);
#endif

static size_t (*libc_usable)(void *p);
static int (*libc_trim)(size_t pad);

/*
 * AddressSanitizer's allocator has locks of its own and, as of gcc 12, does not
 * handle them in fork(). So a thread enters it only with a lock that fork() also
 * takes. ThreadSanitizer's allocator handles its locks, and a lock here would
 * only hide races.
 */
#ifdef __SANITIZE_ADDRESS__
DEFINE_SHIM_LOCK(libc_lock);
/* A forking thread holds all locks, and handlers of fork() may allocate. */
static bool libc_enter(void)
{
	bool mine = shim_lock_mine(&libc_lock);

	if (!mine)
		shim_lock(&libc_lock);
	return !mine;
}

static void libc_leave(bool taken)
{
	if (taken)
		shim_unlock(&libc_lock);
}
#else
#define libc_enter()	false
#define libc_leave(t)	((void)(t))
#endif

/* A call of the allocator underneath. */
#define libc_call(f, ...)				\
	({						\
		bool __taken = libc_enter();		\
		void *__p = f(__VA_ARGS__);		\
							\
		libc_leave(__taken);			\
		__p;					\
	})

void *shim_libc_malloc(size_t size)
{
	return libc_call(__libc_malloc, size);
}

void *shim_libc_calloc(size_t n, size_t size)
{
	return libc_call(__libc_calloc, n, size);
}

void *shim_libc_realloc(void *p, size_t size)
{
	return libc_call(__libc_realloc, p, size);
}

void *shim_libc_memalign(size_t align, size_t size)
{
	return libc_call(__libc_memalign, align, size);
}

void shim_libc_free(void *p)
{
	bool taken = libc_enter();

	__libc_free(p);
	libc_leave(taken);
}

/*
 * These functions have no second name, so the C library is asked for them. The
 * public name may lead to hakmem here, and to yet another allocator elsewhere.
 * Later it may lead to hakmem in the C library, too, see shim_redirect_libc().
 */
#ifdef HAK_SHIM_SANITIZER
#define find(f)	(f)
#else
#define find(f)	(shim_libc_function(#f) ?: dlsym(RTLD_NEXT, #f))
#endif

void shim_kmalloc_init(void)
{
	WRITE_ONCE(libc_usable, find(malloc_usable_size));
	WRITE_ONCE(libc_trim, find(malloc_trim));
}

/*
 * Blocks above HAK_MAX_SIZE are the C library's. By default it gives a block of 128 KiB
 * or more back to the system when the block is freed, and so it does with the end of a
 * heap that has become that large. A program that allocates such blocks again and again
 * then takes page faults for the same memory each time. With these values the C library
 * keeps more, as other allocators do.
 */
#define KEEP_MMAP	(4 << 20)	/* a block from this size on is given back */
#define KEEP_TRIM	(16 << 20)	/* so much is kept at the end of a heap */

/* Has the user set how much the C library keeps? If so, the library leaves that alone. */
static bool user_says_what_to_keep(void)
{
	const char *tunables = getenv("GLIBC_TUNABLES");

	return getenv("MALLOC_TRIM_THRESHOLD_") || getenv("MALLOC_MMAP_THRESHOLD_") ||
	       (tunables && (strstr(tunables, "glibc.malloc.trim_threshold") ||
			     strstr(tunables, "glibc.malloc.mmap_threshold")));
}

/*
 * Called by the constructor, after the library has started. If the address space of the
 * process is limited, the C library's own values stay.
 */
void shim_libc_keep_more(void)
{
	int (*opt)(int param, int value) = find(mallopt);

	if (!opt || shim_address_space() != ULONG_MAX || user_says_what_to_keep())
		return;
	opt(M_MMAP_THRESHOLD, KEEP_MMAP);
	opt(M_TRIM_THRESHOLD, KEEP_TRIM);
}

size_t shim_libc_usable(void *p)
{
	if (unlikely(!READ_ONCE(libc_usable)))
		shim_kmalloc_init();
	return libc_usable ? libc_usable(p) : 0;
}

int shim_libc_trim(size_t pad)
{
	if (unlikely(!READ_ONCE(libc_trim)))
		shim_kmalloc_init();
	return libc_trim ? libc_trim(pad) : 0;
}

/*
 * Blocks that were given to kfree_rcu(). Such a block stays readable, and unchanged while
 * there is a reader that rcu_read_lock() counts. Then kzalloc() or kcalloc(), by which the core
 * allocates metadata, may give it out again if it fits, see retired_fits(). A thread that only
 * has preemption off may be late enough to see the new contents, and the next. So neither the
 * C library nor the program ever gets the block, not even by kfree().
 */
struct retired {
	struct retired *next;
	void *p;
	size_t size;	/* of its type; more was asked for if it is an array, or ends in one */
	size_t usable;
	bool used;	/* kzalloc() has given the block out again */
};

/*
 * All of them, hashed by their blocks. Each free of a block of the C library looks here, so a
 * look takes no lock: nothing is ever removed, and a table that is half full is replaced.
 */
struct table {
	struct table *before;	/* a thread may still look into that */
	unsigned int bits;
	struct retired *at[];
};

#define FIRST_BITS	8

DEFINE_SHIM_LOCK(retired_lock);
static struct retired *retired;		/* those that are not used */
static struct table *table;
static unsigned long nr_in_table;

/* Where the record of the block @p is in @t; or else where its place is. */
static struct retired **place(struct table *t, const void *p)
{
	unsigned long mask = (1UL << t->bits) - 1;
	unsigned long i = hash_long((unsigned long)p >> 4, t->bits);
	struct retired *r;

	/* Pairs with smp_store_release() in __add_record(). */
	while ((r = smp_load_acquire(&t->at[i])) && r->p != p)
		i = (i + 1) & mask;
	return &t->at[i];
}

/* The record of the block at @p, which the caller has; NULL if it was never retired. */
static struct retired *record_of(const void *p)
{
	/* Pairs with smp_store_release() in __make_room(). */
	struct table *t = smp_load_acquire(&table);
	struct retired *r;

	if (likely(!t))
		return NULL;
	/* Another record may have come to this place meanwhile. */
	r = smp_load_acquire(place(t, p));
	return r && r->p == p ? r : NULL;
}

/* The functions whose names begin with __ are called under retired_lock. */
static bool __make_room(void)
{
	struct table *old = table, *new;
	unsigned long i, size = old ? 1UL << old->bits : 0;
	unsigned int bits;

	if (2 * nr_in_table < size)
		return true;
	bits = old ? old->bits + 1 : FIRST_BITS;
	new = shim_libc_calloc(1, sizeof(*new) + (sizeof(*new->at) << bits));
	if (!new)
		return false;
	new->before = old;
	new->bits = bits;
	for (i = 0; i < size; i++)
		if (old->at[i])
			*place(new, old->at[i]->p) = old->at[i];
	/* Pairs with smp_load_acquire() in record_of(). */
	smp_store_release(&table, new);
	return true;
}

static void __retire(struct retired *r)
{
	r->used = false;
	r->next = retired;
	WRITE_ONCE(retired, r);
}

static bool __add_record(struct retired *r)
{
	if (!__make_room())
		return false;
	/* Pairs with smp_load_acquire() in place(). */
	smp_store_release(place(table, r->p), r);
	nr_in_table++;
	__retire(r);
	return true;
}

/* Retire the block at @p again, if it was retired before. False if it was not. */
static bool retire_again(const void *p)
{
	struct retired *r = record_of(p);

	if (likely(!r))
		return false;
	shim_lock(&retired_lock);
	if (!WARN_ON_ONCE(!r->used))
		__retire(r);
	shim_unlock(&retired_lock);
	return true;
}

void __shim_retire(const void *p, size_t size)
{
	struct retired *r;
	bool added;

	if (ZERO_OR_NULL_PTR(p))
		return;
	shim_locks_forget(p, size);
	if (retire_again(p))
		return;
	r = shim_libc_malloc(sizeof(*r));
	if (!r)
		return;		/* the block stays allocated, which is safe */
	r->p = (void *)p;
	r->size = size;
	r->usable = shim_libc_usable(r->p);
	shim_lock(&retired_lock);
	added = __add_record(r);
	shim_unlock(&retired_lock);
	if (!added)
		shim_libc_free(r);	/* likewise */
}

static bool retired_fits(const struct retired *r, size_t size, size_t align)
{
	if ((unsigned long)r->p & (align - 1))
		return false;
	/*
	 * The C library rounds up by less than two words, and then leaves at most four more to
	 * an aligned block, which it does not split off.
	 */
	return size >= r->size && size <= r->usable &&
	       r->usable - size < 6 * sizeof(long);
}

static void *reuse_retired(size_t size, size_t align)
{
	struct retired *r = NULL, **at;
	void *p = NULL;

	shim_lock(&retired_lock);
	/* Nothing leads to what is in the list, so only a reader that is under way may have it. */
	if (shim_nobody_reads())
		for (at = &retired; (r = *at) && !retired_fits(r, size, align); at = &r->next)
			;
	if (r) {
		p = r->p;
		WRITE_ONCE(*at, r->next);
		r->used = true;
	}
	shim_unlock(&retired_lock);
	return p;
}

/* kmalloc() aligns to the largest power of two that divides the size. */
static size_t natural_align(size_t size)
{
	size_t align = size & -size;

	return clamp(align, 2 * sizeof(long), PAGE_SIZE);
}

/*
 * In the kernel a block is not used again while a CPU with preemption off may look at it. Here
 * it may be, which is harmless, but ThreadSanitizer would report that CPU.
 */
#ifdef __SANITIZE_THREAD__
#define REUSES_RETIRED	0
#else
#define REUSES_RETIRED	1
#endif

static void *try_kmalloc(size_t size, size_t align, gfp_t gfp)
{
	void *p;

	if (unlikely(shim_kmalloc_must_fail()))
		return NULL;
	if ((gfp & __GFP_SHIM_REUSE) && REUSES_RETIRED && READ_ONCE(retired)) {
		p = reuse_retired(size, align);
		if (p)
			return memset(p, 0, size);
	}
	if (align <= 2 * sizeof(long))
		return gfp & __GFP_ZERO ? shim_libc_calloc(1, size) :
					  shim_libc_malloc(size);
	p = shim_libc_memalign(align, size);
	if (p && (gfp & __GFP_ZERO))
		memset(p, 0, size);
	return p;
}

static void *__kmalloc(size_t size, size_t align, gfp_t gfp)
{
	int saved = errno;
	void *p;

	might_sleep_if(gfpflags_allow_blocking(gfp));
	if (!size)
		return ZERO_SIZE_PTR;
	/* As SLUB's do, the smallest object has room for a pointer. The core writes one. */
	size = max(size, sizeof(void *));
	while (!(p = try_kmalloc(size, align, gfp)) && (gfp & __GFP_NOFAIL))
		usleep_range(1000, 2000);
	errno = saved;
	return p;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	return __kmalloc(size, natural_align(size), gfp);
}

/* No alignment, so a large zeroed table is fresh, untouched memory. */
void *kvmalloc(size_t size, gfp_t gfp)
{
	return __kmalloc(size, 2 * sizeof(long), gfp);
}

void kfree(const void *p)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	if (unlikely(shim_may_hold_lock(p)))
		shim_locks_forget(p, shim_libc_usable((void *)p));
	if (unlikely(retire_again(p)))
		return;
	shim_libc_free((void *)p);
}

/*
 * krealloc() of a block that was retired before, or that may hold a lock. The C library must
 * not move it, since it would take back the old block, and know nothing of the locks.
 */
static void *resize(const void *p, size_t size, gfp_t gfp)
{
	size_t old = shim_libc_usable((void *)p);
	void *new;

	if (size <= old) {
		shim_locks_forget((const char *)p + size, old - size);
		return (void *)p;
	}
	new = __kmalloc(size, natural_align(size), gfp);
	if (!new)
		return NULL;
	memcpy(new, p, old);
	shim_locks_copied(p, old, (unsigned long)new - (unsigned long)p);
	kfree(p);
	return new;
}

void *krealloc(const void *p, size_t size, gfp_t gfp)
{
	int saved = errno;
	void *new;

	if (ZERO_OR_NULL_PTR(p))
		return kmalloc(size, gfp);
	if (!size) {
		kfree(p);
		return ZERO_SIZE_PTR;
	}
	if (unlikely(record_of(p) || shim_may_hold_lock(p)))
		return resize(p, size, gfp);
	new = shim_kmalloc_must_fail() ? NULL : shim_libc_realloc((void *)p, size);
	errno = saved;
	return new;
}

size_t ksize(const void *p)
{
	return ZERO_OR_NULL_PTR(p) ? 0 : shim_libc_usable((void *)p);
}

/*
 * Objects of a SLAB_TYPESAFE_BY_RCU cache have a link behind them. When they are
 * free they stay on the cache's own list until the cache is destroyed.
 */
static void **type_link(struct kmem_cache *s, void *p)
{
	return (void **)((char *)p + ALIGN(s->object_size, sizeof(void *)));
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *))
{
	struct kmem_cache *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s) {
		if (flags & SLAB_PANIC)
			panic("cannot create slab %s\n", name);
		return NULL;
	}
	s->name = name;
	s->object_size = size;
	s->align = max(align, 2U * (unsigned int)sizeof(long));
	if (flags & SLAB_HWCACHE_ALIGN)
		s->align = max(s->align, (unsigned int)SMP_CACHE_BYTES);
	s->size = ALIGN(size, sizeof(void *));
	if (flags & SLAB_TYPESAFE_BY_RCU)
		s->size += sizeof(void *);
	s->flags = flags;
	s->ctor = ctor;
	shim_lock_init(&s->lock);
	return s;
}

/* Free the free objects; live ones are leaks of the caller. */
void kmem_cache_destroy(struct kmem_cache *s)
{
	void *p;

	if (!s)
		return;
	while ((p = s->free)) {
		s->free = *type_link(s, p);
		kfree(p);
	}
	shim_lock_destroy(&s->lock);
	kfree(s);
}

/*
 * There is nothing to give back: the C library has most free objects at once, and those of a
 * SLAB_TYPESAFE_BY_RCU cache stay.
 */
int kmem_cache_shrink(struct kmem_cache *s)
{
	return 0;
}

static void *cache_pop(struct kmem_cache *s)
{
	void *p;

	if (!READ_ONCE(s->free))
		return NULL;
	shim_lock(&s->lock);
	p = s->free;
	if (p)
		WRITE_ONCE(s->free, *type_link(s, p));
	shim_unlock(&s->lock);
	return p;
}

static void *try_cache_alloc(struct kmem_cache *s)
{
	void *p;

	if (shim_kmalloc_must_fail())
		return NULL;
	p = cache_pop(s);
	if (p)
		return p;
	p = shim_libc_memalign(s->align, s->size);
	if (p && s->ctor)
		s->ctor(p);
	return p;
}

void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	int saved = errno;
	void *p;

	might_sleep_if(gfpflags_allow_blocking(gfp));
	while (!(p = try_cache_alloc(s)) && (gfp & __GFP_NOFAIL))
		usleep_range(1000, 2000);
	if (p && (gfp & __GFP_ZERO))
		memset(p, 0, s->object_size);
	errno = saved;
	return p;
}

void kmem_cache_free(struct kmem_cache *s, void *p)
{
	if (!p)
		return;
	if (!(s->flags & SLAB_TYPESAFE_BY_RCU)) {
		kfree(p);
		return;
	}
	shim_lock(&s->lock);
	*type_link(s, p) = s->free;
	WRITE_ONCE(s->free, p);
	shim_unlock(&s->lock);
}
