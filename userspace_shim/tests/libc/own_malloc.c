// SPDX-License-Identifier: GPL-2.0
/*
 * A program that has malloc(), free() and realloc() of its own and no other
 * function of the family. Its free() passes other blocks to the C library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void __libc_free(void *p);

static char heap[16 << 20] __attribute__((aligned(16)));
static size_t top;

struct head {
	size_t size;
	size_t unused;
};

static int is_own(void *p)
{
	return (char *)p > heap && (char *)p < heap + sizeof(heap);
}

void *malloc(size_t size)
{
	size_t bytes = (size + sizeof(struct head) + 15) & ~15UL;
	struct head *h = (void *)(heap + __atomic_fetch_add(&top, bytes, __ATOMIC_RELAXED));

	h->size = size;
	return h + 1;
}

void free(void *p)
{
	if (p && !is_own(p))
		__libc_free(p);
}

void *realloc(void *p, size_t size)
{
	size_t old = p ? ((struct head *)p - 1)->size : 0;
	void *new = malloc(size);

	if (old)
		memcpy(new, p, old < size ? old : size);
	return new;
}

/* Not in every C library. */
static void call_if_there(const char *name)
{
	void (*f)(void *p, size_t n, size_t size);

	f = dlsym(RTLD_DEFAULT, name);
	if (f)
		f(malloc(20), 20, 20);
}

/* Blocks of the C library are aligned as asked, too. They stay, so each lies elsewhere. */
static int is_aligned(void)
{
	/* The compiler believes that they are. */
	volatile unsigned long at;

	for (size_t i = 0; i < 16; i++) {
		at = (unsigned long)memalign(256, 8 + 16 * i);
		if (at % 256)
			return 0;
		at = (unsigned long)aligned_alloc(64, 16 * i + 16);
		if (at % 64)
			return 0;
	}
	return 1;
}

int main(void)
{
	char *p = strcpy(malloc(10), "123456789");
	void *q;

	p = reallocarray(p, 10, 20);
	if (!is_own(p) || strcmp(p, "123456789"))
		return 1;
	p = reallocarray(NULL, 3, 5);
	if (!is_own(p))
		return 2;
	call_if_there("free_sized");
	call_if_there("free_aligned_sized");
	call_if_there("cfree");
	for (size_t n = 1; n < 1100; n += 99) {
		free(calloc(1, n));
		free(memalign(32, n));
		free(aligned_alloc(64, n));
		free(valloc(n));
		free(pvalloc(n));
		if (posix_memalign(&q, 128, n))
			return 3;
		if (malloc_usable_size(q) < n)
			return 4;
		free(q);
	}
	if (!is_aligned())
		return 5;
	puts("fine");
	return 0;
}
