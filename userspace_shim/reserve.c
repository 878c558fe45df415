// SPDX-License-Identifier: GPL-2.0
/*
 * Reserved address space, which becomes memory when it is opened. Reserved space cannot be
 * written. So if overcommit is off the process is not charged for it, and mlockall() does
 * not make it resident.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "shim.h"

#define FLAGS	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/**
 * shim_reserve() - reserve address space
 * @size: bytes
 * @prot: PROT_NONE; or PROT_READ if it is read before it is opened, and then it reads as
 *	zero
 *
 * Return: the first byte, page-aligned, or NULL.
 */
void *shim_reserve(size_t size, int prot)
{
	int saved = errno;
	void *p = mmap(NULL, size, prot, FLAGS, -1, 0);

	errno = saved;
	return p == MAP_FAILED ? NULL : p;
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
 * Return: true if it worked. If not, nothing has changed.
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

void *shim_table_alloc(size_t size)
{
	if (shim_kmalloc_must_fail() ||
	    size > shim_address_space() / TABLE_SHARE)
		return NULL;
	return shim_reserve(size, PROT_READ);
}

void shim_table_free(void *table, size_t size)
{
	int saved = errno;

	if (table)
		munmap(table, size);
	errno = saved;
}

int shim_table_open(const void *p, size_t size)
{
	return shim_kmalloc_must_fail() ? -ENOMEM : shim_open(p, size);
}
