// SPDX-License-Identifier: GPL-2.0
/* The test of maple trees, over those whose nodes are hakmem's. */
#include <linux/module.h>

#include "hakmem_replace.h"
#include "maple_nodes.h"

/* There is more to do than what the test itself does. */
#undef module_init
#define module_init(fn)
#undef module_exit
#define module_exit(fn)

#include "test_maple_tree.c"

int __init init_module(void)
{
	int err;

	maple_nodes_init();
	err = maple_tree_seed();
	if (err)
		maple_nodes_exit();
	return err;
}

void __exit cleanup_module(void)
{
	maple_tree_harvest();
	maple_nodes_exit();
}
