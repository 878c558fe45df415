/* SPDX-License-Identifier: GPL-2.0 */
/* The size classes, and the table that maps a size to its class. */
#ifndef _HAK_SIZE_CLASS_H
#define _HAK_SIZE_CLASS_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "cache.h"
#include "include/hakmem.h"

#define HAK_NR_CLASSES		22
#define HAK_MIN_SIZE		8

extern struct hak_cache hak_class[HAK_NR_CLASSES];
extern u8 hak_size_index[HAK_MAX_SIZE / HAK_MIN_SIZE + 1];

/* The per-CPU caches, by class and by (size - 1) / HAK_MIN_SIZE. */
extern struct hak_cpu_cache __percpu *hak_class_cpu[HAK_NR_CLASSES];
extern struct hak_cpu_cache __percpu *hak_size_cpu[HAK_MAX_SIZE / HAK_MIN_SIZE];

int hak_size_class_init(void);
void hak_size_class_exit(void);

/* Is @c a size class? If not it is a typed cache. */
static inline bool hak_is_size_class(const struct hak_cache *c)
{
	return c >= hak_class && c < hak_class + HAK_NR_CLASSES;
}

/* The class that serves @size, which is 1..HAK_MAX_SIZE bytes. */
static __always_inline struct hak_cache *hak_size_class(size_t size)
{
	struct hak_cache *c;

	c = &hak_class[hak_size_index[(size + HAK_MIN_SIZE - 1) / HAK_MIN_SIZE]];
	/* Without this the compiler computes the address again for each use. */
	OPTIMIZER_HIDE_VAR(c);
	return c;
}

#endif /* _HAK_SIZE_CLASS_H */
