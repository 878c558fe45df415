// SPDX-License-Identifier: GPL-2.0
/*
 * Address space first, memory later. Reserved memory may not be written, so if
 * overcommit is off the process is not charged for it, and mlockall() does not
 * make it resident. It is opened where it is needed.
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
 * @prot: PROT_NONE; or PROT_READ if it is read before it is written, and reads as
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
 * @size: number of bytes; the pages that contain them are opened as a whole
 *
 * Return: 0, or -ENOMEM if there is no memory left to commit, or no mapping.
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
 * shim_close() - give memory back, and its commit charge
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

/* The program needs its address space more than the library does. */
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
