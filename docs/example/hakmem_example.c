// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <hakmem.h>

static char *text;

static int __init example_init(void)
{
	text = hak_zalloc(64, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	snprintf(text, 64, "%zu bytes", hak_usable_size(text));
	pr_info("hakmem_example: %s\n", text);
	return 0;
}

static void __exit example_exit(void)
{
	hak_free(text);
}

module_init(example_init);
module_exit(example_exit);
MODULE_DESCRIPTION("Example of a module that uses hakmem");
MODULE_LICENSE("GPL");
