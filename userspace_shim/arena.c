// SPDX-License-Identifier: GPL-2.0
/*
 * The arena: one range of addresses from which superslabs come first, and one
 * table with the registry's entries for all of it. So free() finds an entry in
 * one step. If an address lies elsewhere, free() leaves it to the core, whose
 * registry knows all addresses.
 *
 * The arena takes address space only. So does its table, and no more of that can be read
 * than is in use: mlockall() makes memory that can be read resident, and so does a read, if
 * the kernel has no page of zeroes to share. There is no arena if RLIMIT_AS limits the
 * process to little of that. A program that sets RLIMIT_AS later finds its limit used up by
 * the arena, so HAKMEM_ARENA=0 asks for none.
 *
 * Reserved address space counts against RLIMIT_MEMLOCK, too. That limit does not tell which
 * program locks its memory: systemd gives an eighth of the memory to every session. So the
 * library has a mlockall() of its own. If the kernel refuses to lock so much, it gives back
 * what was never taken of the arena.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "core.h"
#include "shim.h"

#define MOST		(64UL << 30)
#define LEAST		(1UL << 30)
#define LEAF_SPAN	(1UL << HAK_LEAF_SHIFT)

/* Sanitizers have a mlockall() that does nothing; with them ours has another name. */
#ifdef HAK_SHIM_SANITIZER
#define mlockall	hakmem_mlockall
#endif

SHIM_EXPORT int mlockall(int flags);

struct shim_arena shim_arena;

static char *next_free;		/* under the page source's lock */
static unsigned long opened[BITS_TO_LONGS(MOST / LEAF_SPAN)];	/* leaves in use */
static unsigned long readable[BITS_TO_LONGS(MOST / LEAF_SPAN)];	/* leaves that ever were */

static size_t table_bytes(unsigned long bytes)
{
	return (bytes >> HAK_SLAB_SHIFT) * sizeof(struct hak_entry);
}

/* Reserve @bytes, aligned as a leaf of the registry, and their table. */
static bool reserve(unsigned long bytes)
{
	char *p = shim_reserve(bytes + LEAF_SPAN), *base;
	struct hak_entry *table;

	if (!p)
		return false;
	table = shim_reserve(table_bytes(bytes));
	if (!table) {
		munmap(p, bytes + LEAF_SPAN);
		return false;
	}
	base = (char *)ALIGN((unsigned long)p, LEAF_SPAN);
	if (base != p)
		munmap(p, base - p);
	if (base - p != LEAF_SPAN)
		munmap(base + bytes, LEAF_SPAN - (base - p));
	next_free = base;
	bitmap_zero(readable, MOST / LEAF_SPAN);
	shim_arena = (struct shim_arena){ (unsigned long)base, 0, table, bytes };
	return true;
}

/* Why the library wants no arena; NULL if it wants one. */
static const char *why_none(void)
{
	if (!shim_use_arena)
		return "HAKMEM_ARENA=0";
	return shim_address_space() != ULONG_MAX ? "RLIMIT_AS is set" : NULL;
}

/* Without an arena everything works, a little slower. */
void shim_arena_init(void)
{
	unsigned long bytes;

	if (shim_arena.bytes || why_none())
		return;
	for (bytes = MOST; bytes >= LEAST && !reserve(bytes); bytes /= 4)
		;
}

/* With HAKMEM_VERBOSE. */
void shim_arena_say(void)
{
	if (shim_arena.bytes)
		_printk("hakmem: the arena has %lu GiB\n", shim_arena.bytes >> 30);
	else
		_printk("hakmem: there is no arena: %s\n",
			why_none() ?: "the system refuses 1 GiB of address space");
}

/* For when the core did not start. */
void shim_arena_exit(void)
{
	if (!shim_arena.bytes)
		return;
	munmap((void *)shim_arena.base, shim_arena.bytes);
	munmap(shim_arena.table, table_bytes(shim_arena.bytes));
	shim_arena = (struct shim_arena){ 0 };
}

/* Is @p in the arena? If so, it is no block of the C library. */
bool shim_in_arena(const void *p)
{
	return (unsigned long)p - shim_arena.base < READ_ONCE(shim_arena.bytes);
}

/**
 * shim_arena_take() - get addresses for superslabs
 * @bytes: how many
 *
 * Context: the page source's lock held.
 * Return: the first address, which may not be accessed before shim_open(); NULL if there
 * are none left.
 */
void *shim_arena_take(unsigned long bytes)
{
	unsigned long used = (unsigned long)next_free - shim_arena.base;
	void *p = next_free;

	if (bytes > shim_arena.bytes - used)
		return NULL;
	next_free += bytes;
	return p;
}

static struct hak_entry *leaf_of(unsigned long index)
{
	return shim_arena.table + (index << HAK_LEAF_BITS);
}

/*
 * The leaf with number @i can be read from now on. All before it have to be readable, too,
 * before free() may look into it. If two threads are here at once, the later one sees both
 * leaves.
 */
static void note_readable(unsigned long i)
{
	unsigned long leaves = READ_ONCE(shim_arena.bytes) / LEAF_SPAN, was, now;

	set_bit(i, readable);
	/* Pairs with itself in another thread, which looks for this bit after its own. */
	smp_mb__after_atomic();
	do {
		was = READ_ONCE(shim_arena.ready);
		now = find_next_zero_bit(readable, leaves, was / LEAF_SPAN) * LEAF_SPAN;
	} while (now > was && cmpxchg(&shim_arena.ready, was, now) != was);
}

/**
 * shim_leaf_alloc() - allocate memory for a leaf of the registry
 * @addr: one of the addresses that the leaf covers
 * @bytes: its size
 * @gfp: as for kmalloc()
 *
 * If two threads ask for one leaf at the same time, the second gets memory that
 * is in no table, and will most likely give it back.
 *
 * Return: zeroed memory or NULL.
 */
void *shim_leaf_alloc(unsigned long addr, size_t bytes, gfp_t gfp)
{
	unsigned long off = addr - shim_arena.base, i = off >> HAK_LEAF_SHIFT;

	if (off >= READ_ONCE(shim_arena.bytes) || test_and_set_bit(i, opened))
		return kzalloc(bytes, gfp);
	if (!shim_kmalloc_must_fail() && !shim_open(leaf_of(i), bytes)) {
		note_readable(i);
		return leaf_of(i);
	}
	clear_bit_unlock(i, opened);
	return NULL;
}

void shim_leaf_free(void *leaf, size_t bytes)
{
	unsigned long off = (char *)leaf - (char *)shim_arena.table;

	if (!leaf || off >= table_bytes(READ_ONCE(shim_arena.bytes))) {
		kfree(leaf);
		return;
	}
	memset(leaf, 0, bytes);
	/* Pairs with test_and_set_bit(): a thread that takes it again writes after this. */
	clear_bit_unlock(off / bytes, opened);
}

/* Where the table can be cut off if @bytes of the arena remain. */
static char *table_end(unsigned long bytes)
{
	return (char *)shim_arena.table + ALIGN(table_bytes(bytes), getpagesize());
}

/*
 * The functions whose names begin with __ are called under the page source's lock. False: the
 * process has so many mappings that no part of one can go, and nothing has changed.
 */
static bool __give_back(unsigned long keep, unsigned long bytes)
{
	/*
	 * First, because the C library may get the addresses at once, and free() must not take
	 * its blocks for the arena's. All leaves in use are before @keep.
	 */
	WRITE_ONCE(shim_arena.bytes, keep);
	if (munmap((void *)(shim_arena.base + keep), bytes - keep)) {
		WRITE_ONCE(shim_arena.bytes, bytes);
		return false;
	}
	munmap(table_end(keep), table_end(bytes) - table_end(keep));
	return true;
}

/* If something else has come to these addresses meanwhile, they are lost. */
static void __take_again(unsigned long keep, unsigned long bytes)
{
	void *rest = (void *)(shim_arena.base + keep);

	if (!shim_reserve_at(rest, bytes - keep))
		return;
	if (shim_reserve_at(table_end(keep), table_end(bytes) - table_end(keep)))
		WRITE_ONCE(shim_arena.bytes, bytes);
	else
		munmap(rest, bytes - keep);
}

/* Every address before @keep may be in a superslab, or is going to be. */
static int __lock_without_rest(int flags)
{
	unsigned long bytes = shim_arena.bytes;
	unsigned long keep = ALIGN((unsigned long)next_free - shim_arena.base, LEAF_SPAN);
	int err;

	/* Another thread may just have given it back. */
	if (keep >= bytes)
		return shim_mlockall(flags);
	if (!__give_back(keep, bytes))
		return -ENOMEM;
	err = shim_mlockall(flags);
	if (err)
		__take_again(keep, bytes);
	else if (shim_verbose)
		_printk("hakmem: mlockall() leaves %lu MiB of the arena\n", keep >> 20);
	return err;
}

/**
 * mlockall() - lock the memory of the process, as the C library's function does
 * @flags: MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT
 *
 * The arena counts against RLIMIT_MEMLOCK, although most of it is address space only. So if
 * the process may not lock that much, what was never taken of it is given back, and superslabs
 * come from elsewhere once the rest is used up. If that is not enough, either, nothing changes.
 *
 * Context: not in a signal handler. In a handler of fork() that runs while the forking thread
 * has hakmem's locks, the arena stays. It is weak, so that a program that has its own may be
 * linked with the static library, and still comes before a shared library's.
 * Return: 0, or -1 and errno is set.
 */
int __weak mlockall(int flags)
{
	int saved = errno, err = shim_mlockall(flags);

	if (err == -ENOMEM && (flags & MCL_CURRENT) && shim_is_ready() && shim_pages_lock()) {
		err = __lock_without_rest(flags);
		shim_pages_unlock();
	}
	errno = err ? -err : saved;
	return err ? -1 : 0;
}
