/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * The C library's functions, plus strscpy and the memory helpers below.
 */
#ifndef _SHIM_LINUX_STRING_H
#define _SHIM_LINUX_STRING_H

#include <string.h>
#include <linux/types.h>
#include <linux/errno.h>

static inline ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		dst[i] = src[i];
		if (!src[i])
			return i;
	}
	if (size)
		dst[size - 1] = '\0';
	return -E2BIG;
}

static inline bool strstarts(const char *str, const char *prefix)
{
	return strncmp(str, prefix, strlen(prefix)) == 0;
}

static inline bool sysfs_streq(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return true;
	return (!*a && *b == '\n' && !b[1]) || (*a == '\n' && !a[1] && !*b);
}

static inline void memzero_explicit(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

/* The address of the first byte that is not c, or NULL. */
static inline void *memchr_inv(const void *start, int c, size_t n)
{
	const u8 *p = start;

	/* If each byte is like the next, all are. A sanitizer is quick with memcmp(). */
	if (!n || (*p == (u8)c && !memcmp(p, p + 1, n - 1)))
		return NULL;
	while (*p == (u8)c)
		p++;
	return (void *)p;
}

#endif
