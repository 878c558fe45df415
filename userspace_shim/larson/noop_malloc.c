// SPDX-License-Identifier: GPL-2.0
/*
 * noop_malloc.c - no allocator at all, to be preloaded (libnoop.so)
 *
 * malloc() moves a pointer round a small ring, a ring per thread, and hands the
 * same memory out again and again; free() does nothing. What Larson does with
 * that is, near enough, the cost of Larson itself: neither an allocator's
 * instructions nor page faults or cache misses of memory that is always new.
 *
 * Only a program that never looks at what it has written survives this, so not
 * larson --verify. What the C library keeps per thread comes from calloc(),
 * which, like realloc() and the aligned functions, never reuses memory.
 *
 * Not to be linked into larson: it defines malloc().
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT	((size_t)16)
#define RING_BYTES	((size_t)256 << 10)
#define LARGEST		(RING_BYTES / 8)	/* that comes out of a ring */
#define NR_RINGS	256	/* threads beyond share them, which does no harm here */
#define LASTING_BYTES	((size_t)1 << 32)	/* address space, not memory */

struct cursor {
	char *at;
	char *end;
};

static char rings[NR_RINGS][RING_BYTES] __attribute__((aligned(4096)));
static atomic_uint next_ring;
static __thread struct cursor cursor __attribute__((tls_model("initial-exec")));

static _Atomic(char *) lasting;
static atomic_size_t lasting_used;

static char *lasting_base(void)
{
	char *base = atomic_load(&lasting);
	char *none = NULL;

	if (base)
		return base;
	base = mmap(NULL, LASTING_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	if (atomic_compare_exchange_strong(&lasting, &none, base))
		return base;
	munmap(base, LASTING_BYTES);
	return none;
}

/* Zeroed memory, never handed out twice, its size in the word before it. */
static void *allocate_lasting(size_t align, size_t size)
{
	char *base = lasting_base();
	uintptr_t at;

	if (align < ALIGNMENT)
		align = ALIGNMENT;
	if (!base || align > LASTING_BYTES / 4 || size > LASTING_BYTES / 4)
		goto no_memory;
	at = atomic_fetch_add(&lasting_used, size + 2 * align);
	if (at + size + 2 * align > LASTING_BYTES)
		goto no_memory;
	at = ((uintptr_t)base + at + 2 * align - 1) & ~(align - 1);
	((size_t *)at)[-1] = size;
	return (void *)at;

no_memory:
	errno = ENOMEM;
	return NULL;
}

static void *start_ring(size_t size)
{
	if (!cursor.end) {
		cursor.at = rings[atomic_fetch_add(&next_ring, 1) % NR_RINGS];
		cursor.end = cursor.at + RING_BYTES;
	} else {
		cursor.at = cursor.end - RING_BYTES;
	}
	return malloc(size);
}

void *malloc(size_t size)
{
	size_t step = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	char *block = cursor.at;

	if (size > LARGEST)
		return allocate_lasting(ALIGNMENT, size);
	if (step > (size_t)(cursor.end - block) || !block)
		return start_ring(size);
	cursor.at = block + step;
	return block;
}

void free(void *block)
{
	(void)block;
}

static size_t size_of(const char *block)
{
	const char *end = rings[NR_RINGS - 1] + RING_BYTES;

	/* sizes are not kept in a ring; its end bounds what may be read */
	if (block >= rings[0] && block < end)
		return end - block;
	return ((const size_t *)block)[-1];
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return allocate_lasting(ALIGNMENT, bytes);
}

void *realloc(void *block, size_t size)
{
	void *fresh = allocate_lasting(ALIGNMENT, size);
	size_t old = block ? size_of(block) : 0;

	if (fresh && old)
		memcpy(fresh, block, old < size ? old : size);
	return fresh;
}

void *aligned_alloc(size_t align, size_t size)
{
	return allocate_lasting(align, size);
}

void *memalign(size_t align, size_t size)
{
	return allocate_lasting(align, size);
}

int posix_memalign(void **block, size_t align, size_t size)
{
	void *fresh = allocate_lasting(align, size);

	if (!fresh)
		return ENOMEM;
	*block = fresh;
	return 0;
}
