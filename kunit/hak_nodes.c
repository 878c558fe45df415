// SPDX-License-Identifier: GPL-2.0
/*
 * Allocate in the task that loads the module, which may be confined to some
 * memory nodes, or in an interrupt, which is not, and print the nodes of the
 * objects. Unloading frees them. Public API only.
 */
#include <linux/irq_work.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <hakmem.h>

#include "hak_test_irq.h"

#define MAX_COUNT	4000
#define MAX_NODES	8

static unsigned int count = 1;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "objects to allocate, of 1024 bytes");

static int node = NUMA_NO_NODE;
module_param(node, int, 0444);
MODULE_PARM_DESC(node, "the node to ask for, -1 for none");

static bool thisnode;
module_param(thisnode, bool, 0444);
MODULE_PARM_DESC(thisnode, "insist on it: __GFP_THISNODE");

static bool hardwall;
module_param(hardwall, bool, 0444);
MODULE_PARM_DESC(hardwall, "keep to the cpuset in any case: __GFP_HARDWALL");

static bool irq;
module_param(irq, bool, 0444);
MODULE_PARM_DESC(irq, "in an interrupt, with GFP_ATOMIC");

static bool kmalloc;
module_param(kmalloc, bool, 0444);
MODULE_PARM_DESC(kmalloc, "of kmalloc_node() instead");

static unsigned int of_node[MAX_NODES];
module_param_array(of_node, uint, NULL, 0444);
MODULE_PARM_DESC(of_node, "result: how many objects are of each node");

static unsigned int failed;
module_param(failed, uint, 0444);
MODULE_PARM_DESC(failed, "result: how many requests failed");

static void *obj[MAX_COUNT];

static void allocate(gfp_t gfp)
{
	unsigned int i;

	gfp |= __GFP_NOWARN;
	if (thisnode)
		gfp |= __GFP_THISNODE;
	if (hardwall)
		gfp |= __GFP_HARDWALL;
	for (i = 0; i < count; i++) {
		obj[i] = kmalloc ? kmalloc_node(HAK_MAX_SIZE, gfp, node) :
				   hak_alloc_node(HAK_MAX_SIZE, gfp, node);
		if (obj[i])
			of_node[min(page_to_nid(virt_to_page(obj[i])),
				    MAX_NODES - 1)]++;
		else
			failed++;
	}
}

static void allocate_in_irq(struct irq_work *work)
{
	allocate(GFP_ATOMIC);
}

static int __init hak_nodes_init(void)
{
	struct irq_work work = HAK_TEST_IRQ_WORK(allocate_in_irq);

	count = min(count, MAX_COUNT);
	if (!irq) {
		allocate(GFP_KERNEL);
	} else {
		irq_work_queue(&work);
		irq_work_sync(&work);
	}
	return 0;
}

static void __exit hak_nodes_exit(void)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (kmalloc)
			kfree(obj[i]);
		else
			hak_free(obj[i]);
	}
}

module_init(hak_nodes_init);
module_exit(hak_nodes_exit);

MODULE_DESCRIPTION("Says which memory nodes objects come from");
MODULE_LICENSE("GPL");
