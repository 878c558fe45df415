// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU memory: one chunk per id. A chunk is two pieces a fixed distance
 * apart: the static variables (section hak_percpu) and the dynamic area. The
 * chunk of id 0 is the program's own data, so a __percpu pointer is an address
 * in it and other chunks lie shim_cpu_deltas[id] away.
 *
 * Id 0 is the CPU of threads without an id, and never online. Id 1 belongs to no
 * thread. The kernel initialises per-CPU data for each possible CPU when it is
 * allocated. The values that this writes for id 1 are the initial values of an
 * id's chunk when the id is first used.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <asm/page.h>

#include "shim.h"

#define UNIT		16UL
#define NR_UNITS	(SHIM_PERCPU_SIZE / UNIT)
#define STEP		(32UL << 10)	/* bytes of the dynamic area that are opened at a time */

__thread unsigned long shim_cpu_delta;
__thread unsigned int shim_cpu;
unsigned long shim_cpu_deltas[NR_CPUS];
unsigned int shim_cpus_used = SHIM_TEMPLATE + 1;

static char dynamic[SHIM_PERCPU_SIZE] __aligned(PAGE_SIZE);

/*
 * This creates the section, and keeps other data off its pages. Nothing refers to it, so the
 * linker is told to keep it.
 */
static char static_first[PAGE_SIZE] __used __attribute__((__retain__)) __aligned(PAGE_SIZE)
	__section("hak_percpu");
extern char __start_hak_percpu[] __hidden, __stop_hak_percpu[] __hidden;

DEFINE_SHIM_LOCK(alloc_lock);
static DECLARE_BITMAP(taken, NR_UNITS);		/* unit is in use */
static DECLARE_BITMAP(last, NR_UNITS);		/* unit ends an allocation */
static unsigned long top;			/* units ever used */
static unsigned long opened;			/* bytes writable in each chunk */

static unsigned long static_begin(void)
{
	return (unsigned long)__start_hak_percpu & PAGE_MASK;
}

static size_t static_size(void)
{
	return ALIGN((unsigned long)__stop_hak_percpu, PAGE_SIZE) -
	       static_begin();
}

/* Reserve both pieces of a chunk at once and give back the space between them. */
static void *map_chunk(unsigned long *delta)
{
	unsigned long s = static_begin(), d = (unsigned long)dynamic;
	unsigned long lo = min(s, d);
	unsigned long hi = max(s + static_size(), d + SHIM_PERCPU_SIZE);
	char *p;

	p = shim_reserve(hi - lo);
	if (!p)
		return NULL;
	/* Threads' chunks must not share huge pages: most of each is untouched. */
	madvise(p, hi - lo, MADV_NOHUGEPAGE);
	if (s < d && d > s + static_size())
		munmap(p + (s + static_size() - lo), d - s - static_size());
	else if (d < s && s > d + SHIM_PERCPU_SIZE)
		munmap(p + SHIM_PERCPU_SIZE, s - d - SHIM_PERCPU_SIZE);
	*delta = (unsigned long)p - lo;
	return p;
}

static void unmap_chunk(unsigned long delta)
{
	munmap((char *)static_begin() + delta, static_size());
	munmap(dynamic + delta, SHIM_PERCPU_SIZE);
}

/* Make the static variables of a chunk writable, and the first @bytes beyond. */
static int open_chunk(unsigned long delta, unsigned long bytes)
{
	int err = shim_open((char *)static_begin() + delta, static_size());

	if (!err && bytes)
		err = shim_open(dynamic + delta, bytes);
	return err;
}

/* Likewise make the first @bytes of the dynamic area of all chunks writable. */
static int open_all(unsigned long bytes)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (shim_cpu_deltas[cpu] &&
		    shim_open(dynamic + shim_cpu_deltas[cpu], bytes))
			return -ENOMEM;
	}
	opened = bytes;
	return 0;
}

/* Make the chunk that lies @delta away begin as the template. */
static void copy_template(unsigned long delta)
{
	unsigned long from = shim_cpu_deltas[SHIM_TEMPLATE];
	char *fixed = (char *)static_begin();

	memcpy(fixed + delta, fixed + from, static_size());
	shim_locks_copied(fixed + from, static_size(), delta - from);
	memcpy(dynamic + delta, dynamic + from, top * UNIT);
	shim_locks_copied(dynamic + from, top * UNIT, delta - from);
}

/**
 * shim_percpu_map() - give an id its chunk, if it has none yet
 * @cpu: the id
 *
 * Context: shim_hotplug_lock and hak_cache_mutex held.
 * Return: 0 or -ENOMEM.
 */
int shim_percpu_map(unsigned int cpu)
{
	unsigned long delta;
	int saved = errno;

	if (shim_cpu_deltas[cpu])
		return 0;
	if (!map_chunk(&delta)) {
		errno = saved;
		return -ENOMEM;
	}
	errno = saved;

	/* From now on allocations also clear or write this chunk. */
	shim_lock(&alloc_lock);
	if (open_chunk(delta, opened)) {
		shim_unlock(&alloc_lock);
		unmap_chunk(delta);
		errno = saved;
		return -ENOMEM;
	}
	copy_template(delta);
	WRITE_ONCE(shim_cpu_deltas[cpu], delta);
	if (cpu >= shim_cpus_used) {
		/* Pairs with the acquire in num_possible_cpus(). */
		smp_store_release(&shim_cpus_used, cpu + 1);
	}
	shim_unlock(&alloc_lock);
	return 0;
}

int shim_percpu_init(void)
{
	unsigned long delta;

	if (!map_chunk(&delta))
		return -ENOMEM;
	if (open_chunk(delta, 0)) {
		unmap_chunk(delta);
		return -ENOMEM;
	}
	memcpy((char *)static_begin() + delta, (char *)static_begin(),
	       static_size());
	shim_cpu_deltas[SHIM_TEMPLATE] = delta;
	return 0;
}

/* For when the core did not start, so no id will be used. */
void shim_percpu_exit(void)
{
	unmap_chunk(shim_cpu_deltas[SHIM_TEMPLATE]);
	shim_cpu_deltas[SHIM_TEMPLATE] = 0;
	opened = 0;
}

static unsigned long find_units(unsigned long n, unsigned long align)
{
	unsigned long i = 0, end;

	while (i + n <= NR_UNITS) {
		end = find_next_bit(taken, i + n, i);
		if (end == i + n)
			return i;
		i = ALIGN(end + 1, align);
	}
	return NR_UNITS;
}

void *__alloc_percpu(size_t size, size_t align)
{
	unsigned long n = DIV_ROUND_UP(size, UNIT), i;
	unsigned int cpu;

	if (!size || size > SHIM_PERCPU_SIZE || align > PAGE_SIZE ||
	    shim_kmalloc_must_fail())
		return NULL;
	align = max(DIV_ROUND_UP(align, UNIT), 1UL);

	shim_lock(&alloc_lock);
	i = find_units(n, align);
	if (i == NR_UNITS ||
	    ((i + n) * UNIT > opened && open_all(ALIGN((i + n) * UNIT, STEP)))) {
		shim_unlock(&alloc_lock);
		return NULL;
	}
	bitmap_set(taken, i, n);
	__set_bit(i + n - 1, last);
	/* Beyond top every chunk is still zero. */
	if (i < top) {
		for_each_possible_cpu(cpu) {
			if (cpu == SHIM_NOBODY || shim_cpu_deltas[cpu])
				memset(per_cpu_ptr(dynamic + i * UNIT, cpu), 0,
				       n * UNIT);
		}
	}
	top = max(top, i + n);
	shim_unlock(&alloc_lock);
	return dynamic + i * UNIT;
}

/* Otherwise fork() would take for a lock what is later allocated there. */
static void forget_locks(void *ptr, size_t size)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (cpu == SHIM_NOBODY || shim_cpu_deltas[cpu])
			shim_locks_forget(per_cpu_ptr(ptr, cpu), size);
	}
}

void free_percpu(void *ptr)
{
	unsigned long i, end;

	if (!ptr)
		return;
	i = ((char *)ptr - dynamic) / UNIT;
	/* The end of the block stays, but other blocks have bits in the same words. */
	shim_lock(&alloc_lock);
	end = find_next_bit(last, NR_UNITS, i);
	shim_unlock(&alloc_lock);
	forget_locks(ptr, (end + 1 - i) * UNIT);
	shim_lock(&alloc_lock);
	bitmap_clear(taken, i, end + 1 - i);
	__clear_bit(end, last);
	shim_unlock(&alloc_lock);
}
