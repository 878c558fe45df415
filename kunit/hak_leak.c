// SPDX-License-Identifier: GPL-2.0
/*
 * Leaks on purpose: what it allocates when it is loaded is never freed, so that
 * hakmem has something to report when it goes.
 */
#include <linux/module.h>

#include <hakmem.h>

static unsigned int count = 10;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "objects to leak");

static unsigned int size = 64;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "bytes of each");

static int __init hak_leak_init(void)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!hak_alloc(size, GFP_KERNEL))
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
