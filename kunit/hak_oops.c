// SPDX-License-Identifier: GPL-2.0
/*
 * Cause an oops, or with panic=1 a panic, when the module is loaded, after a few events of
 * hakmem, so that there is a trace ring to dump.
 */
#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/panic.h>

#include <hakmem.h>

static bool panics;
module_param_named(panic, panics, bool, 0);
MODULE_PARM_DESC(panic, "panic, and do not oops before");

static int __init hak_oops_init(void)
{
	unsigned long nowhere = 8;
	unsigned int i;

	for (i = 0; i < 10; i++)
		hak_free(hak_alloc(64, GFP_KERNEL));
	if (panics)
		panic("hak_oops\n");
	OPTIMIZER_HIDE_VAR(nowhere);
	WRITE_ONCE(*(int *)nowhere, 1);
	return 0;
}

module_init(hak_oops_init);

MODULE_DESCRIPTION("Oopses, for testing");
MODULE_LICENSE("GPL");
