// SPDX-License-Identifier: GPL-2.0
/*
 * The page source: naturally aligned blocks of 1 << order pages.
 *
 * Addresses come from the arena, or else from large reserved mappings, and are
 * never merged again. A block is opened when it is allocated. When it is freed,
 * its memory goes back and its address stays on a stack of its order; a large
 * block is also closed. A block that does not fit on the stack is never used again.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#include "shim.h"

#define REGION_SIZE	(64UL << 20)
#define REGION_SHARE	16	/* of the address space a process may have */
#define STACK_SIZE	16384UL
#define MIN_SPLIT_ORDER	4	/* smaller blocks are not made by splitting */
/* Each closed block may be a mapping of its own, and a process may have 65,530. */
#define MIN_CLOSE_ORDER	9

pg_data_t shim_node;
unsigned long shim_pages_out;

DEFINE_SHIM_LOCK(pages_lock);
static unsigned long *stack[NR_PAGE_ORDERS];	/* reserved at first use */
static unsigned int depth[NR_PAGE_ORDERS];
static unsigned int room[NR_PAGE_ORDERS];	/* of the stack, opened so far */
static unsigned long carve, carve_end;

/*
 * Open another page of the stack. False: the stack is full, or there is no
 * memory.
 */
static bool make_room(unsigned int order)
{
	if (!stack[order])
		stack[order] = shim_reserve(STACK_SIZE * sizeof(**stack));
	if (!stack[order] || room[order] == STACK_SIZE ||
	    shim_open(&stack[order][room[order]], PAGE_SIZE))
		return false;
	room[order] += PAGE_SIZE / sizeof(**stack);
	return true;
}

/*
 * Forget a block. If it were unmapped in the arena, the C library might get its addresses for
 * a block of its own, and free() would refuse that block, because it is in the arena.
 */
static void lose_block(unsigned long addr, unsigned int order)
{
	if (shim_in_arena((void *)addr))
		shim_close((void *)addr, PAGE_SIZE << order);
	else
		munmap((void *)addr, PAGE_SIZE << order);
}

static void push_block(unsigned long addr, unsigned int order)
{
	if (depth[order] < room[order] || make_room(order))
		stack[order][depth[order]++] = addr;
	else
		lose_block(addr, order);
}

/* Put [carve, end) onto the stacks in the largest aligned blocks possible. */
static void shelve_until(unsigned long end)
{
	while (carve < end) {
		unsigned int order = MAX_PAGE_ORDER;

		while ((carve & ((PAGE_SIZE << order) - 1)) ||
		       (PAGE_SIZE << order) > end - carve)
			order--;
		push_block(carve, order);
		carve += PAGE_SIZE << order;
	}
}

static bool new_region(unsigned long size)
{
	void *p = shim_arena_take(size);

	if (!p)
		p = shim_reserve(size);
	if (!p)
		return false;
	shelve_until(carve_end);
	carve = (unsigned long)p;
	carve_end = carve + size;
	return true;
}

static unsigned long carve_block(unsigned int order)
{
	unsigned long size = PAGE_SIZE << order, start, region;

	start = ALIGN(carve, size);
	if (!carve || start + size > carve_end) {
		region = min(REGION_SIZE, shim_address_space() / REGION_SHARE);
		region = max(ALIGN_DOWN(region, size), 2 * size);
		if (!new_region(region) && !new_region(2 * size) &&
		    !new_region(size))
			return 0;
		start = ALIGN(carve, size);
		if (start + size > carve_end)
			return 0;
	}
	shelve_until(start);
	carve = start + size;
	return start;
}

static unsigned long pop_block(unsigned int order)
{
	unsigned int o = order;
	unsigned long addr;

	while (!depth[o]) {
		if (++o > MAX_PAGE_ORDER || order < MIN_SPLIT_ORDER)
			return 0;
	}
	addr = stack[o][--depth[o]];
	while (o-- > order)
		push_block(addr + (PAGE_SIZE << o), o);
	return addr;
}

static void put_block(unsigned long addr, unsigned int order)
{
	shim_lock(&pages_lock);
	WRITE_ONCE(shim_pages_out, shim_pages_out - (1UL << order));
	push_block(addr, order);
	shim_unlock(&pages_lock);
}

static unsigned long get_block(unsigned int order)
{
	unsigned long addr = 0;
	int saved = errno;

	shim_lock(&pages_lock);
	if (!shim_pages_must_fail()) {
		addr = pop_block(order);
		if (!addr)
			addr = carve_block(order);
	}
	if (addr)
		WRITE_ONCE(shim_pages_out, shim_pages_out + (1UL << order));
	shim_unlock(&pages_lock);
	if (addr && shim_open((void *)addr, PAGE_SIZE << order)) {
		put_block(addr, order);
		addr = 0;
	}
	errno = saved;
	return addr;
}

/**
 * shim_pages_lock() - keep other threads from taking addresses
 *
 * Return: false if this thread has the lock already, because it is forking.
 */
bool shim_pages_lock(void)
{
	if (shim_lock_mine(&pages_lock))
		return false;
	shim_lock(&pages_lock);
	return true;
}

void shim_pages_unlock(void)
{
	shim_unlock(&pages_lock);
}

struct page *shim_alloc_pages(gfp_t gfp, unsigned int order)
{
	unsigned long addr;

	might_sleep_if(gfpflags_allow_blocking(gfp));
	if (order > MAX_PAGE_ORDER)
		return NULL;
	if (gfpflags_allow_blocking(gfp) && READ_ONCE(shim_pending))
		shim_run_pending();
	for (;;) {
		addr = get_block(order);
		if (!addr && shim_may_sleep())
			shim_try_flush_parked();
		if (addr || !(gfp & __GFP_NOFAIL))
			return (struct page *)addr;
		usleep_range(1000, 2000);
	}
}

void __free_pages(struct page *page, unsigned int order)
{
	size_t size = PAGE_SIZE << order;
	int saved = errno;
	bool gone;

	if (!page)
		return;
	if (WARN_ON((unsigned long)page & (size - 1)))
		return;
	shim_locks_forget(page, size);
	/* Fails for locked memory. It does the slow part without a write lock. */
	gone = !madvise(page, size, MADV_DONTNEED);
	if (order >= MIN_CLOSE_ORDER && shim_close(page, size))
		gone = true;
	/* In that case only the contents are dropped. */
	if (!gone)
		memset(page, 0, size);
	put_block((unsigned long)page, order);
	errno = saved;
}

unsigned long totalram_pages(void)
{
	return sysconf(_SC_PHYS_PAGES);
}
