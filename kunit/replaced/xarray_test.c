// SPDX-License-Identifier: GPL-2.0
/* The test of XArrays, over those whose nodes are hakmem's. */
#include <linux/module.h>

#include "hakmem_replace.h"
#include "xarray_nodes.h"

/* There is more to do than what the test itself does. */
#undef module_init
#define module_init(fn)
#undef module_exit
#define module_exit(fn)

#include "test_xarray.c"

int __init init_module(void)
{
	int err = xarray_nodes_init();

	return err ? err : xarray_checks();
}

void __exit cleanup_module(void)
{
	xarray_exit();
	xarray_nodes_exit();
}
