// SPDX-License-Identifier: GPL-2.0
/*
 * Leaks on purpose: this module never frees what it allocates when it is loaded,
 * so hakmem has something to report when it is removed.
 */
#include <linux/module.h>

#include <hakmem.h>

static unsigned int count = 10;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "objects to leak");

static unsigned int size = 64;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "bytes of each");

static char *cache;
module_param(cache, charp, 0444);
MODULE_PARM_DESC(cache, "a cache to make and leave behind, for the objects");

static bool slubs;
module_param(slubs, bool, 0444);
MODULE_PARM_DESC(slubs, "have SLUB serve them");

static int __init hak_leak_init(void)
{
	gfp_t gfp = slubs ? GFP_KERNEL_ACCOUNT : GFP_KERNEL;
	struct hak_cache *c = NULL;
	unsigned int i;

	if (cache) {
		c = hak_cache_create(cache, size, 0, 0, NULL);
		if (!c)
			return -EINVAL;
	}
	for (i = 0; i < count; i++)
		if (!(c ? hak_cache_alloc(c, gfp) : hak_alloc(size, gfp)))
			return -ENOMEM;
	return 0;
}

static void __exit hak_leak_exit(void)
{
}

module_init(hak_leak_init);
module_exit(hak_leak_exit);

MODULE_DESCRIPTION("Leaks hakmem objects, for testing");
MODULE_LICENSE("GPL");
