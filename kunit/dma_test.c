// SPDX-License-Identifier: GPL-2.0
/*
 * Memory from hak_alloc() as a DMA buffer of a device that is not coherent, which x86
 * does not have and arm64 does. The DMA layer decides what it uses in place, so this
 * needs a kernel.
 */
#include <kunit/device.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/sort.h>

#include "hak_test.h"

/* So many objects of each size that some are next to each other. */
#define NR_OBJECTS	32

static int by_address(const void *a, const void *b)
{
	const unsigned long *p = a, *q = b;

	return *p < *q ? -1 : *p > *q;
}

static struct device *device(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "hak_dma");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	return dev;
}

/* Does the DMA layer give @dev the memory at @p itself, and not a copy of it? */
static bool used_in_place(struct kunit *test, struct device *dev, void *p, size_t size)
{
	dma_addr_t addr = dma_map_single(dev, p, size, DMA_FROM_DEVICE);

	KUNIT_ASSERT_EQ(test, dma_mapping_error(dev, addr), 0);
	dma_unmap_single(dev, addr, size, DMA_FROM_DEVICE);
	return addr == virt_to_phys(p);
}

/*
 * How many of the @n objects share a cache line with the next. A device that writes to
 * one of those could undo what a CPU writes to the other.
 */
static unsigned int sharing(unsigned long *obj, unsigned int n, size_t size)
{
	unsigned long line = dma_get_cache_alignment();
	unsigned int i, shared = 0;

	sort(obj, n, sizeof(*obj), by_address, NULL);
	for (i = 0; i < n; i++) {
		if (!IS_ALIGNED(obj[i], line))
			shared++;
		else if (i + 1 < n && ALIGN(obj[i] + size, line) > obj[i + 1])
			shared++;
	}
	return shared;
}

/* How many of NR_OBJECTS objects of @size bytes the device uses in place. None may share. */
static unsigned int in_place(struct kunit *test, struct device *dev, size_t size)
{
	unsigned long obj[NR_OBJECTS];
	unsigned int i, n = 0, shared;

	for (i = 0; i < NR_OBJECTS; i++) {
		obj[i] = (unsigned long)hak_alloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NE(test, obj[i], 0UL);
		n += used_in_place(test, dev, (void *)obj[i], size);
	}
	shared = sharing(obj, NR_OBJECTS, size);
	if (n)
		KUNIT_EXPECT_EQ_MSG(test, shared, 0, "%zu bytes", size);
	for (i = 0; i < NR_OBJECTS; i++)
		hak_free((void *)obj[i]);
	return n;
}

/* The smallest and the largest request that each class serves. */
static void lines_are_its_own(struct kunit *test)
{
	struct device *dev = device(test);
	unsigned int i, size = 0, n = 0;

	for (i = 0; i < HAK_NR_CLASSES; i++) {
		n += in_place(test, dev, size + 1);
		size = hak_class[i].usable;
		n += in_place(test, dev, size);
	}
	/* The DMA layer copies small buffers only. */
	KUNIT_EXPECT_GE(test, n, 2U * NR_OBJECTS);
	/* On arm64 this shows that the made-up device is none that is coherent. */
	if (dma_get_cache_alignment() > 1)
		KUNIT_EXPECT_FALSE(test, in_place(test, dev, 8));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lines_are_its_own),
	{}
};

static int init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_HAS_DMA))
		kunit_skip(test, "this kernel has no DMA");
	return hak_test_init(test);
}

static struct kunit_suite hak_dma_suite = {
	.name = "hak_dma",
	.init = init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_dma_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: DMA buffers");
MODULE_LICENSE("GPL");
