// SPDX-License-Identifier: GPL-2.0
/*
 * Reserved address space, which becomes memory when it is opened. Reserved space can neither
 * be read nor written. So if overcommit is off the process is not charged for it, and
 * mlockall() does not make it resident.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/shim_table.h>

#include "shim.h"

#define FLAGS	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/**
 * shim_reserve() - reserve address space
 * @size: bytes
 *
 * Return: the first byte, page-aligned, or NULL.
 */
void *shim_reserve(size_t size)
{
	int saved = errno;
	void *p = mmap(NULL, size, PROT_NONE, FLAGS, -1, 0);

	errno = saved;
	return p == MAP_FAILED ? NULL : p;
}

/**
 * shim_reserve_at() - reserve certain addresses
 * @p: the first of them, of a page
 * @size: bytes
 *
 * Return: true if it worked. If not, nothing has changed: another mapping may be there.
 */
bool shim_reserve_at(void *p, size_t size)
{
	int saved = errno;
	void *q = mmap(p, size, PROT_NONE, FLAGS | MAP_FIXED_NOREPLACE, -1, 0);

	/* A kernel before 4.17 does not know the flag, and puts the mapping elsewhere then. */
	if (q != MAP_FAILED && q != p)
		munmap(q, size);
	errno = saved;
	return q == p;
}

/**
 * shim_open() - make reserved memory writable
 * @p: first byte
 * @size: bytes; the pages that they are in are opened as a whole
 *
 * Return: 0, or -ENOMEM if the system allows no more memory or no more mappings.
 */
int shim_open(const void *p, size_t size)
{
	unsigned long page = getpagesize();
	unsigned long start = (unsigned long)p & -page;
	unsigned long end = ALIGN((unsigned long)p + size, page);
	int saved = errno, err;

	err = mprotect((void *)start, end - start, PROT_READ | PROT_WRITE);
	errno = saved;
	return err ? -ENOMEM : 0;
}

/**
 * shim_close() - make opened memory reserved space again, which is not charged for
 * @p: first byte of a page
 * @size: whole pages
 *
 * Return: true if it worked. If not, the memory is as it was. But if the kernel had no memory
 * for its own records, nothing may be mapped there any more.
 */
bool shim_close(void *p, size_t size)
{
	int saved = errno;
	void *q = mmap(p, size, PROT_NONE, FLAGS | MAP_FIXED, -1, 0);

	errno = saved;
	return q == p;
}

/*
 * The address space that this process may have, in bytes; ULONG_MAX if there is
 * no limit.
 */
unsigned long shim_address_space(void)
{
	struct rlimit lim;
	int saved = errno;

	if (getrlimit(RLIMIT_AS, &lim) || lim.rlim_cur == RLIM_INFINITY)
		lim.rlim_cur = ULONG_MAX;
	errno = saved;
	return lim.rlim_cur;
}

/* The registry's table takes at most this part of the address space. */
#define TABLE_SHARE	8

/* Bytes before a table of @size bytes, for a bit for each page; see shim_table_is_open(). */
static size_t bits_bytes(size_t size)
{
	unsigned long pages = DIV_ROUND_UP(size, PAGE_SIZE);

	return ALIGN(BITS_TO_LONGS(pages) * sizeof(long), PAGE_SIZE);
}

/**
 * shim_table_alloc() - reserve a table of pointers
 * @size: bytes
 *
 * A part of it can be accessed once shim_table_open() has opened that; shim_table_is_open()
 * says whether it has.
 *
 * Return: the table, or NULL.
 */
void *shim_table_alloc(size_t size)
{
	size_t bits = bits_bytes(size);
	void *p;

	if (shim_kmalloc_must_fail() ||
	    size > shim_address_space() / TABLE_SHARE)
		return NULL;
	p = shim_reserve(bits + size);
	if (!p || !shim_open(p, bits))
		return p ? p + bits : NULL;
	munmap(p, bits + size);
	return NULL;
}

void shim_table_free(void *table, size_t size)
{
	int saved = errno;

	if (table)
		munmap(table - bits_bytes(size), bits_bytes(size) + size);
	errno = saved;
}

/**
 * shim_table_open() - make a part of a table accessible
 * @table: the table
 * @off: offset in bytes of one of its pointers
 *
 * What is opened for the first time is zero.
 *
 * Return: 0 or -ENOMEM.
 */
int shim_table_open(void *table, size_t off)
{
	unsigned long page = off / PAGE_SIZE;

	if (shim_kmalloc_must_fail() || shim_open(table + off, sizeof(void *)))
		return -ENOMEM;
	/* Pairs with the read in shim_table_is_open(). */
	smp_mb__before_atomic();
	set_bit(page % BITS_PER_LONG, shim_table_bits(table, page));
	return 0;
}
