// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes: multiples of 8 to 32, then two, then four per doubling, so
 * that above 64 bytes no request wastes more than a fifth of its object.
 */
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/cache.h>
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "core.h"

static const struct {
	u16 size;
	const char *name;
} hak_class_table[HAK_NR_CLASSES] = {
	{ 8, "hak-8" },		{ 16, "hak-16" },	{ 24, "hak-24" },
	{ 32, "hak-32" },	{ 48, "hak-48" },	{ 64, "hak-64" },
	{ 80, "hak-80" },	{ 96, "hak-96" },	{ 112, "hak-112" },
	{ 128, "hak-128" },	{ 160, "hak-160" },	{ 192, "hak-192" },
	{ 224, "hak-224" },	{ 256, "hak-256" },	{ 320, "hak-320" },
	{ 384, "hak-384" },	{ 448, "hak-448" },	{ 512, "hak-512" },
	{ 640, "hak-640" },	{ 768, "hak-768" },	{ 896, "hak-896" },
	{ 1024, "hak-1024" },
};

struct hak_cache hak_class[HAK_NR_CLASSES] __read_mostly;

/* Index of the class, by (size + 7) / 8. */
u8 hak_size_index[HAK_MAX_SIZE / HAK_MIN_SIZE + 1] __read_mostly;

struct hak_cpu_cache __percpu *hak_class_cpu[HAK_NR_CLASSES] __read_mostly;
struct hak_cpu_cache __percpu *hak_size_cpu[HAK_MAX_SIZE / HAK_MIN_SIZE] __read_mostly;

/*
 * Distance from one object of @size bytes to the next. If DMA is not coherent, a buffer
 * must not share a cache line with other memory. The DMA layer knows a buffer by its size
 * only: if kmalloc() would have given it whole cache lines, the layer uses it in place,
 * and otherwise it copies ("bounces") what it transfers. So hakmem gives whole lines to
 * the same sizes. Where DMA is coherent, a line counts as one byte.
 */
static u32 hak_class_stride(u32 size)
{
	u32 line = dma_get_cache_alignment();

	if (size >= 2 * ARCH_DMA_MINALIGN ||
	    IS_ALIGNED(kmalloc_size_roundup(size), line))
		return ALIGN(size, line);
	return size;
}

/*
 * Objects are aligned to the largest power of two that divides their size, or the
 * distance between them.
 */
static void hak_size_class_layout(struct hak_cache *c, u32 size, const char *name)
{
	c->name = name;
	c->size = hak_class_stride(size);
	c->usable = size;
	c->zero = size;
	c->link = 0;
	c->bytes = c->size;
	c->checks = hak_check_wanted(name, 0);
	if (c->checks)
		hak_check_layout(c, size, c->size & -c->size);
}

int hak_size_class_init(void)
{
	unsigned int i;
	int err;

	for (i = 1; i < ARRAY_SIZE(hak_size_index); i++)
		hak_size_index[i] = hak_class_index(i * HAK_MIN_SIZE);

	for (i = 0; i < HAK_NR_CLASSES; i++) {
		hak_size_class_layout(&hak_class[i], hak_class_table[i].size,
				      hak_class_table[i].name);
		err = hak_cache_setup(&hak_class[i], hak_class[i].size);
		if (err)
			goto unwind;
		hak_cache_enable(&hak_class[i]);
		hak_class_cpu[i] = hak_class[i].cpu;
	}
	for (i = 0; i < ARRAY_SIZE(hak_size_cpu); i++)
		hak_size_cpu[i] = hak_class_cpu[hak_size_index[i + 1]];
	return 0;

unwind:
	while (i--)
		hak_cache_teardown(&hak_class[i]);
	return err;
}

void hak_size_class_exit(void)
{
	unsigned int i = HAK_NR_CLASSES;

	while (i--)
		hak_cache_teardown(&hak_class[i]);
}
