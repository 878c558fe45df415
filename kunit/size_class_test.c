// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes: the table, the lookup, and the arithmetic of slab geometry.
 */
#include <linux/cache.h>
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hak_test.h"

static const u16 class_size[] = {
	8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
	384, 448, 512, 640, 768, 896, 1024,
};

/*
 * Distance between the objects of a class. Where DMA is not coherent, the sizes that the
 * DMA layer uses in place take whole cache lines: those that kmalloc() rounds up to whole
 * lines, and all from twice ARCH_DMA_MINALIGN on.
 */
static unsigned int stride(unsigned int size)
{
	unsigned int line = dma_get_cache_alignment();
	size_t kmalloced = kmalloc_size_roundup(size);

	if (size >= 2 * ARCH_DMA_MINALIGN || !(kmalloced % line))
		return (size + line - 1) / line * line;
	return size;
}

static void class_table(struct kunit *test)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(test, ARRAY_SIZE(class_size), (size_t)HAK_NR_CLASSES);
	for (i = 0; i < HAK_NR_CLASSES; i++) {
		KUNIT_EXPECT_EQ(test, hak_class[i].usable, class_size[i]);
		KUNIT_EXPECT_EQ(test, hak_class[i].size, stride(class_size[i]));
		KUNIT_EXPECT_TRUE(test, hak_is_size_class(&hak_class[i]));
	}
}

static void class_of_every_size(struct kunit *test)
{
	unsigned int size, want = 0, wrong = 0;

	for (size = 1; size <= HAK_MAX_SIZE; size++) {
		struct hak_cache *c = hak_size_class(size);

		if (size > class_size[want])
			want++;
		if (c != &hak_class[want] || hak_class_index(size) != want)
			wrong++;
		/* A request above 64 bytes wastes at most a fifth of its object. */
		if (size > 64 && (c->usable - size) * 5 > c->usable)
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* Objects lie at multiples of c->size in a 64 KiB slab, which alone aligns them. */
static void class_alignment(struct kunit *test)
{
	unsigned int size;

	for (size = HAK_MIN_SIZE; size <= HAK_MAX_SIZE; size *= 2)
		KUNIT_EXPECT_EQ(test, hak_size_class(size)->size % size, 0);
	for (size = HAK_MIN_SIZE; size <= HAK_MAX_SIZE; size += HAK_MIN_SIZE) {
		unsigned int align = size & -size;
		struct hak_cache *c = hak_size_class(size);

		/*
		 * A size that is a class of its own has the alignment of its own
		 * divisor.
		 */
		if (c->usable == size)
			KUNIT_EXPECT_EQ(test, c->size % align, 0);
	}
}

static unsigned int geometry_errors(const struct hak_cache *c)
{
	unsigned int wrong = 0;
	u32 off;

	if (c->capacity * c->size > HAK_SLAB_SIZE ||
	    (c->capacity + 1) * c->size <= HAK_SLAB_SIZE)
		wrong++;
	for (off = 0; off < HAK_SLAB_SIZE; off++)
		if (hak_offset_valid(c, off) != (off % c->size == 0))
			wrong++;
	return wrong;
}

static void class_geometry(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < HAK_NR_CLASSES; i++)
		KUNIT_EXPECT_EQ(test, geometry_errors(&hak_class[i]), 0);
}

/* Sizes of typed caches, including all that are hard to divide by. */
static void typed_geometry(struct kunit *test)
{
	static const unsigned int size[] = {
		8, 40, 56, 72, 120, 136, 1032, 1096, 2040, 2184, 4096, 4104,
		5000, 6552, 8184, 8192,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		struct hak_cache *c = hak_cache_create("hak_test", size[i], 0,
						       0, NULL);

		KUNIT_ASSERT_NOT_NULL(test, c);
		KUNIT_EXPECT_EQ(test, hak_cache_size(c), size[i]);
		KUNIT_EXPECT_EQ(test, geometry_errors(c), 0);
		hak_cache_destroy(c);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(class_table),
	KUNIT_CASE(class_of_every_size),
	KUNIT_CASE(class_alignment),
	KUNIT_CASE(class_geometry),
	KUNIT_CASE(typed_geometry),
	{}
};

static struct kunit_suite hak_size_class_suite = {
	.name = "hak_size_class",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_size_class_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: size classes");
MODULE_LICENSE("GPL");
