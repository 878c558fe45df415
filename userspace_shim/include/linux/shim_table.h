/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Not a kernel header: the memory of the core's registry. The registry spans the
 * whole address space here, so the table of its leaves is reserved, and a page of it
 * is opened before the first write. Where it is not open there are no leaves, and
 * nobody reads it. Leaves are larger than a page, for a shorter table, and those of
 * the arena (arena.c) lie in one row.
 * There is no table if it would take more than an eighth of the address space
 * that the process may have (RLIMIT_AS).
 */
#ifndef _SHIM_LINUX_SHIM_TABLE_H
#define _SHIM_LINUX_SHIM_TABLE_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/gfp_types.h>
#include <linux/overflow.h>
#include <linux/types.h>

#include <asm/page.h>

/* 32 KiB, for as many addresses as the page source maps at a time. */
#define HAK_LEAF_BITS		10

/* The table is not filled either. */
#define HAK_TABLE_IS_ZERO	1

void *shim_table_alloc(size_t size);
void shim_table_free(void *table, size_t size);
int shim_table_open(void *table, size_t off);

/* The word that has the bit of page @page. The words lie before the table, the first last. */
static inline unsigned long *shim_table_bits(const void *table, unsigned long page)
{
	return (unsigned long *)table - 1 - page / BITS_PER_LONG;
}

/* May the pointer at offset @off of @table be read? If so, it stays so. */
static inline bool shim_table_is_open(const void *table, size_t off)
{
	unsigned long page = off / PAGE_SIZE;

	/* Pairs with the barrier in shim_table_open(). */
	return smp_load_acquire(shim_table_bits(table, page)) & BIT(page % BITS_PER_LONG);
}

void *shim_leaf_alloc(unsigned long addr, size_t bytes, gfp_t gfp);
void shim_leaf_free(void *leaf, size_t bytes);

#define hak_ram_start()			0UL
#define hak_leaf_alloc(addr, size, gfp)	shim_leaf_alloc(addr, size, gfp)
#define hak_leaf_free(leaf, size)	shim_leaf_free(leaf, size)
#define hak_table_alloc(n, size)	shim_table_alloc(size_mul(n, size))
#define hak_table_free(table, n, size)	shim_table_free(table, size_mul(n, size))
#define hak_table_open(table, i)	shim_table_open(table, (i) * sizeof(*(table)))
#define hak_table_is_open(table, i)	shim_table_is_open(table, (i) * sizeof(*(table)))

#endif
