// SPDX-License-Identifier: GPL-2.0
/*
 * The malloc front end: the C library's allocation functions over hakmem, for
 * a program linked with libhakmem.a or run with LD_PRELOAD=libhakmem.so.
 *
 * hakmem serves requests of up to HAK_MAX_SIZE bytes. Larger ones go to the C
 * library by the names it has for itself. Every block is aligned to 16, as the
 * psABI requires. Class 24 would not be aligned so and is never used, and class 8
 * only if the user asked for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "core.h"
#include "fast_path.h"
#include "front.h"
#include "shim.h"
#include "uncached.h"

/* Sanitizers have a malloc of their own; with them ours has another name. */
#ifdef HAK_SHIM_SANITIZER
#define malloc		hakmem_malloc
#define calloc		hakmem_calloc
#define realloc		hakmem_realloc
#define free		hakmem_free
#define memalign	hakmem_memalign
#define posix_memalign	hakmem_posix_memalign
#define aligned_alloc	hakmem_aligned_alloc
#define valloc		hakmem_valloc
#define pvalloc		hakmem_pvalloc
#define malloc_usable_size	hakmem_malloc_usable_size
#define reallocarray	hakmem_reallocarray
#define free_sized	hakmem_free_sized
#define free_aligned_sized	hakmem_free_aligned_sized
#define cfree		hakmem_cfree
#define malloc_trim	hakmem_malloc_trim
#endif

SHIM_EXPORT void *malloc(size_t size);
SHIM_EXPORT void *calloc(size_t n, size_t size);
SHIM_EXPORT void *realloc(void *p, size_t size);
SHIM_EXPORT void free(void *p);
SHIM_EXPORT void *memalign(size_t align, size_t size);
SHIM_EXPORT int posix_memalign(void **out, size_t align, size_t size);
SHIM_EXPORT void *aligned_alloc(size_t align, size_t size);
SHIM_EXPORT void *valloc(size_t size);
SHIM_EXPORT void *pvalloc(size_t size);
SHIM_EXPORT size_t malloc_usable_size(void *p);
SHIM_EXPORT void *reallocarray(void *p, size_t n, size_t size);
SHIM_EXPORT void free_sized(void *p, size_t size);
SHIM_EXPORT void free_aligned_sized(void *p, size_t align, size_t size);
SHIM_EXPORT void cfree(void *p);
SHIM_EXPORT int malloc_trim(size_t pad);

/*
 * realloc() and free() as the program binds these names. A program may have its
 * own malloc(), free(), calloc() and realloc(), and lack other functions of the
 * family. Those others, if they are made of these two, have to use the program's.
 * front.list keeps the linker from binding the two names to hakmem's functions.
 */
extern void *public_realloc(void *p, size_t size) __asm__(__stringify(realloc));
extern void public_free(void *p) __asm__(__stringify(free));

/* 1..8 bytes become 16, and 17..24 become 32; see the top of the file. */
static size_t tiny_size(size_t size)
{
	if (size <= 8)
		return shim_align_8 ? size : 16;
	return size - 17 < 8 ? 32 : size;
}

/*
 * Has a call reached this file's malloc()? If the program has a malloc() of its
 * own, none does, and the program's free() does not know hakmem's objects. So
 * until then calloc(), memalign() and the others return the C library's blocks,
 * as they would without hakmem.
 */
static bool serving;

/* Empty caches for threads that have none, or that must take the slow path. */
static struct hak_cpu_cache nobody;
static struct hak_cpu_cache *no_caches[SHIM_NR_SIZES] = {
	[0 ... SHIM_NR_SIZES - 1] = &nobody
};

__thread struct hak_cpu_cache **shim_caches = no_caches;

/* Calls of malloc() between two checks of the clock, while work waits. */
#define CALLS	64
__thread int shim_calls;

struct caches {
	struct hak_cpu_cache *by_size[SHIM_NR_SIZES];
};

static DEFINE_PER_CPU(struct caches, caches);

/* The caches depend on the id only, not on the thread that uses it. */
static void fill(struct hak_cpu_cache **mine)
{
	for (unsigned int i = 0; i < SHIM_NR_SIZES; i++)
		mine[i] = this_cpu_ptr(hak_size_class(tiny_size((i + 1) * HAK_MIN_SIZE))->cpu);
}

/**
 * shim_front_use() - let this thread's malloc() use its caches, or not
 * @online: the thread has just come online; or it is about to leave its id
 *
 * With trace_ring or paranoid_drain malloc() gets empty caches, so every call
 * takes the slow path.
 */
void shim_front_use(bool online)
{
	struct hak_cpu_cache **mine = this_cpu_ptr(&caches)->by_size;

	if (!online || hak_cpu_awake_mark != HAK_CPU_READY) {
		shim_caches = no_caches;
		return;
	}
	if (!mine[0])
		fill(mine);
	shim_caches = mine;
}

static __always_inline bool is_tiny(size_t size)
{
	return size - 1 < HAK_MAX_SIZE;
}

/* Start the core and bring this thread online. False: the C library serves. */
static bool get_ready(void)
{
	if (unlikely(!shim_is_ready())) {
		/* It does not try again, so no call writes to what other threads read. */
		if (READ_ONCE(shim_state) == SHIM_FAILED)
			return false;
		shim_init();
		if (!shim_is_ready())
			return false;
	}
	if (shim_thread == SHIM_NEW && READ_ONCE(serving))
		shim_thread_online();
	return shim_thread != SHIM_NEW && shim_thread != SHIM_MOVING;
}

/* Each slow path does so, and then the next of this thread's calls need not. */
static __always_inline void look_at_pending(void)
{
	shim_calls = CALLS;
	if (unlikely(READ_ONCE(shim_pending)))
		shim_pending_check();
}

/* Is it time to do so, in calls that come often? */
static __always_inline bool pending_is_due(void)
{
	return unlikely(READ_ONCE(shim_pending)) && unlikely(--shim_calls < 0);
}

/* Do so if it is time. */
static void look_at_pending_at_times(void)
{
	if (shim_calls < 0)
		look_at_pending();
}

/*
 * Look at pending work in a call that no cache can serve. Work that is due runs at once. But the
 * clock is read at times only, since that takes as long as the call itself.
 */
static __always_inline void look_at_pending_or_count(void)
{
	int pending = READ_ONCE(shim_pending);

	if (unlikely(pending) && (pending & SHIM_PENDING_NOW || --shim_calls < 0))
		look_at_pending();
}

/*
 * The C library has served @p, a large block. A thread that has only large blocks runs the work
 * that is due as others do, unless it is starting the library or is in fork()'s handlers.
 */
static void *large(void *p)
{
	if (likely(shim_thread != SHIM_MOVING))
		look_at_pending_or_count();
	return p;
}

static void *tiny_slow(size_t size, gfp_t gfp, unsigned long caller)
{
	void *p;

	if (get_ready()) {
		look_at_pending();
		p = front_alloc_object(hak_size_class(tiny_size(size)), gfp, caller);
	} else if (gfp & __GFP_ZERO) {
		p = shim_libc_calloc(1, size);
	} else {
		p = shim_libc_malloc(size);
	}
	if (unlikely(!p))
		errno = ENOMEM;
	return p;
}

/* Take an object from the thread's cache @cc, after a refill if it is empty. */
static void *take(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	void *p;

	preempt_disable();
	hak_cpu_enter(cc);
	p = hak_cpu_take(c, cc, hak_node_near(numa_mem_id()));
	hak_cpu_leave(cc);
	preempt_enable();
	return p;
}

/*
 * The slow path: this thread's cache is empty or SLOW_ONLY, or the clock has to be
 * checked.
 */
static void *tiny_refill(size_t size, unsigned long caller)
{
	struct hak_cache *c = hak_size_class(tiny_size(size));
	struct hak_cpu_cache *cc = raw_cpu_ptr(c->cpu);
	void *p = NULL;

	look_at_pending();
	if (likely(shim_caches != no_caches && hak_cpu_is_ready(cc) && !c->checks))
		p = take(c, cc);
	if (unlikely(!p))
		p = front_alloc_object(c, GFP_KERNEL, caller);
	if (unlikely(!p))
		errno = ENOMEM;
	return p;
}

/* @by_name: the program called malloc() itself. @caller is the address there. */
static noinline void *malloc_other(size_t size, bool by_name, unsigned long caller)
{
	if (by_name && !READ_ONCE(serving))
		WRITE_ONCE(serving, true);
	if (!size)
		size = 1;
	if (!is_tiny(size))
		return large(shim_libc_malloc(size));
	if (likely(shim_thread == SHIM_ONLINE))
		return tiny_refill(size, caller);
	return tiny_slow(size, GFP_KERNEL, caller);
}

/*
 * malloc_empty() if the cache is off (fast_cap=0), and the short way does not do. @cc is
 * ready.
 */
static noinline void *malloc_uncached(size_t size, bool by_name, unsigned long caller,
				      struct hak_cpu_cache *cc)
{
	void *p;

	look_at_pending_at_times();
	preempt_disable();
	hak_cpu_enter(cc);
	p = hak_cpu_take_uncached(cc->cache, cc);
	hak_cpu_leave(cc);
	preempt_enable();
	return likely(p) ? p : malloc_other(size, by_name, caller);
}

/*
 * malloc() if this thread's cache for @size bytes, @cc, is empty or off. No busy mark is set,
 * for the reason that front.h gives, and because that is slow (docs/benchmarks.md).
 */
static noinline void *malloc_empty(size_t size, bool by_name, unsigned long caller,
				   struct hak_cpu_cache *cc)
{
	void *p = NULL;
	bool done;

	if (likely(!cc->direct) || unlikely(!hak_cpu_is_ready(cc)))
		return malloc_other(size, by_name, caller);
	if (pending_is_due())
		return malloc_uncached(size, by_name, caller, cc);
	preempt_disable();
	done = hak_cpu_take_direct(cc, &p);
	preempt_enable();
	if (unlikely(!done))
		return malloc_uncached(size, by_name, caller, cc);
	return p;
}

/* _RET_IP_ is the address from which the function was called that this is a part of. */
static __always_inline void *do_malloc(size_t size, bool by_name)
{
	struct hak_cpu_cache *cc = NULL;
	void *p = NULL;

	if (unlikely(!front_cache(size, &cc)))
		return malloc_other(size, by_name, _RET_IP_);
	if (unlikely(!front_take(cc, &p)))
		return malloc_empty(size, by_name, _RET_IP_, cc);
	return p;
}

void *malloc(size_t size)
{
	return do_malloc(size, true);
}

static noinline void *calloc_slow(size_t n, size_t size, unsigned long caller)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes))) {
		errno = ENOMEM;
		return NULL;
	}
	if (!bytes)
		bytes = 1;
	if (is_tiny(bytes))
		return tiny_slow(bytes, GFP_KERNEL | __GFP_ZERO, caller);
	return large(shim_libc_calloc(n, size));
}

void *calloc(size_t n, size_t size)
{
	struct hak_cpu_cache *cc = NULL;
	size_t bytes;
	void *p = NULL;

	if (likely(!check_mul_overflow(n, size, &bytes)) && likely(front_cache(bytes, &cc)) &&
	    likely(front_take(cc, &p)))
		return memset(p, 0, bytes);
	return calloc_slow(n, size, _RET_IP_);
}

/* A forking thread is MOVING. It holds all locks, so it must not take one. */
static noinline void free_slow(void *p, unsigned long caller)
{
	if (p && (likely(shim_thread == SHIM_ONLINE) || get_ready() || hak_slab_of(p)))
		front_free_object(p, caller);
	else if (p)
		shim_libc_free(p);
	look_at_pending_or_count();
}

/* Make room in @cc, this thread's full cache, and take @p back. */
static noinline void free_into_full(void *p, struct hak_cpu_cache *cc, unsigned long caller)
{
	if (!hak_cpu_is_open(cc) || cc->nr < cc->cap || hak_cpu_last(cc, cc->nr) == p) {
		free_slow(p, caller);
		return;
	}
	preempt_disable();
	hak_cpu_enter(cc);
	hak_cpu_make_room(cc->cache, cc);
	hak_cpu_push_last(cc, p);
	hak_cpu_leave(cc);
	preempt_enable();
	look_at_pending();
}

/*
 * free_full() if the cache is off (fast_cap=0), and the short way does not do. @s is the slab
 * of @p; NULL if it is gone.
 */
static noinline void free_uncached(void *p, struct hak_slab *s, struct hak_cpu_cache *cc,
				   unsigned long caller)
{
	bool done;

	look_at_pending_at_times();
	preempt_disable();
	done = hak_cpu_free_uncached(cc, s, p);
	preempt_enable();
	if (unlikely(!done))
		free_slow(p, caller);
}

/* free() if @cc, this thread's cache for @p, is full or off. @e is the entry of @p. */
static noinline void free_full(void *p, struct hak_entry *e, struct hak_cpu_cache *cc,
			       unsigned long caller)
{
	struct hak_slab *s = READ_ONCE(e->slab);
	bool done;

	if (likely(!cc->direct)) {
		free_into_full(p, cc, caller);
		return;
	}
	if (pending_is_due() || unlikely(!s) || s != cc->cur ||
	    unlikely(!hak_cpu_is_ready(cc))) {
		free_uncached(p, s, cc, caller);
		return;
	}
	preempt_disable();
	done = hak_slab_give_one(s, p);
	preempt_enable();
	if (unlikely(!done))
		free_uncached(p, s, cc, caller);
}

static __always_inline void do_free(void *p)
{
	struct hak_entry *e = NULL;
	struct hak_cpu_cache *cc;

	if (unlikely(!front_find(p, &e))) {
		free_slow(p, _RET_IP_);
		return;
	}
	/* If the caller does not have @p, this may be a later slab's, see hak_find_entry(). */
	cc = this_cpu_ptr(data_race(e->cpu));
	if (unlikely(!front_put(cc, p)))
		free_full(p, e, cc, _RET_IP_);
}

void free(void *p)
{
	do_free(p);
}

void free_sized(void *p, size_t size)
{
	public_free(p);
}

void free_aligned_sized(void *p, size_t align, size_t size)
{
	public_free(p);
}

/*
 * The C library keeps cfree() for old programs; new ones cannot be linked with
 * it.
 */
void cfree(void *p)
{
	public_free(p);
}

/* Until the core is up no block is hakmem's. */
static size_t usable_size(void *p, bool *ours)
{
	struct hak_slab *s = hak_slab_of(p);

	*ours = s;
	return s ? READ_ONCE(s->cache)->usable : shim_libc_usable(p);
}

size_t malloc_usable_size(void *p)
{
	bool ours;

	return p ? usable_size(p, &ours) : 0;
}

/*
 * @p stays if it is large enough, and not more than twice too large or there is no memory for a
 * smaller block.
 */
void *realloc(void *p, size_t size)
{
	size_t old;
	int saved;
	bool ours;
	void *new;

	if (!p)
		return do_malloc(size, false);
	if (!size) {
		do_free(p);
		return NULL;
	}
	old = usable_size(p, &ours);
	if (!ours && !is_tiny(size))
		return large(shim_libc_realloc(p, size));
	if (size <= old && (old <= 64 || size > old / 2))
		return p;
	saved = errno;
	new = do_malloc(size, false);
	if (unlikely(!new)) {
		if (size > old)
			return NULL;
		errno = saved;
		return p;
	}
	memcpy(new, p, min(old, size));
	do_free(p);
	return new;
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes))) {
		errno = ENOMEM;
		return NULL;
	}
	return public_realloc(p, bytes);
}

/*
 * If a size is a multiple of a power of two, the smallest class that holds it is
 * one, too. So it is enough to round the size up.
 */
static __always_inline void *aligned(size_t align, size_t size)
{
	size_t bytes = ALIGN(max(size, 1UL), align);
	void *p;

	if (size > HAK_MAX_SIZE || bytes > HAK_MAX_SIZE)
		return large(shim_libc_memalign(align, size));
	p = do_malloc(bytes, false);
	if (likely(!((unsigned long)p & (align - 1))))
		return p;
	/* The block came from the C library, because hakmem does not serve, or not yet. */
	do_free(p);
	return shim_libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	int saved = errno;
	void *p;

	if (align < sizeof(void *) || !is_power_of_2(align))
		return EINVAL;
	p = aligned(align, size);
	errno = saved;
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

void *aligned_alloc(size_t align, size_t size)
{
	if (!is_power_of_2(align)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned(align, size);
}

/* As in the C library, an alignment that is no power of two is rounded up to one. */
void *memalign(size_t align, size_t size)
{
	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	return aligned(align > 1 ? roundup_pow_of_two(align) : 1, size);
}

void *valloc(size_t size)
{
	return large(shim_libc_memalign(getpagesize(), size));
}

void *pvalloc(size_t size)
{
	size_t page = getpagesize();

	if (size > PTRDIFF_MAX - page) {
		errno = ENOMEM;
		return NULL;
	}
	return large(shim_libc_memalign(page, ALIGN(max(size, 1UL), page)));
}

/*
 * Give back memory that no thread uses: the stocks of threads that have ended, of
 * the caller, and of the depots.
 */
int malloc_trim(size_t pad)
{
	u64 before = hak_arena_returned();

	if (get_ready()) {
		shim_flush_parked();
		hak_cpu_flush_this(true);
		hak_depot_trim(true);
		hak_reap_all();
		hak_superslab_trim(0);
	}
	return shim_libc_trim(pad) || hak_arena_returned() != before;
}

#ifndef HAK_SHIM_SANITIZER
/* The names in front.list lead to the program's functions, these to hakmem's. */
#define OURS(f)	__attribute__((alias(#f), visibility("hidden"), nothrow, leaf))

extern typeof(free) our_free OURS(free);
extern typeof(realloc) our_realloc OURS(realloc);

static const struct shim_symbol front[] = {
	{ "free", our_free },
	{ "realloc", our_realloc },
	{ "malloc", malloc },
	{ "calloc", calloc },
	{ "reallocarray", reallocarray },
	{ "memalign", memalign },
	{ "posix_memalign", posix_memalign },
	{ "aligned_alloc", aligned_alloc },
	{ "valloc", valloc },
	{ "pvalloc", pvalloc },
	{ "malloc_usable_size", malloc_usable_size },
	{ "free_sized", free_sized },
	{ "free_aligned_sized", free_aligned_sized },
	{ "cfree", cfree },
	{ "malloc_trim", malloc_trim },
	{ "mlockall", mlockall },
};

/* Redirect objects that search the C library first; see linker.c. */
void shim_redirect_libc(void)
{
	if (shim_redirect && shim_is_ready() && shim_is_bound(&front[0]))
		shim_rebind_libc(front, ARRAY_SIZE(front));
}
#endif
