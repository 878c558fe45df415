// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug. If memory is added while hakmem is loaded, by a person or by a
 * hypervisor, the registry is made to cover it before the page allocator gets it.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/errno.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "core.h"
#include "memory_hotplug.h"

/* The registry grows in one task at a time. */
static DEFINE_MUTEX(hak_cover_mutex);

/*
 * Replace the table by one of @leaves. No CPU may add a leaf while the leaves are
 * copied; hak_registry_add_leaf() refuses meanwhile, and its caller tries again later.
 * The first grace period waits for CPUs that are just adding a leaf to the old table, the
 * second for CPUs that are reading the old table.
 */
static int __hak_registry_replace(unsigned long leaves)
{
	struct hak_entry **old = hak_registry.leaf, **new;
	unsigned long was = hak_registry.bytes >> HAK_LEAF_SHIFT;

	lockdep_assert_held(&hak_cover_mutex);

	new = kvcalloc(leaves, sizeof(*new), GFP_KERNEL | __GFP_NOWARN);
	if (!new)
		return -ENOMEM;
	hak_registry_no_leaves(new + was, leaves - was);
	WRITE_ONCE(hak_registry.moving, true);
	synchronize_rcu();
	memcpy(new, old, was * sizeof(*old));
	/* Pairs, by address dependency, with the reads in hak_registry_find(). */
	smp_store_release(&hak_registry.leaf, new);
	synchronize_rcu();
	WRITE_ONCE(hak_registry.bytes, leaves << HAK_LEAF_SHIFT);
	WRITE_ONCE(hak_registry.moving, false);
	kvfree(old);
	return 0;
}

/**
 * hak_registry_cover() - make the registry cover more of the linear map
 * @end: the end of what it has to cover
 *
 * If it has to grow, it grows to twice its size at least, because memory is added in
 * many small pieces.
 *
 * Context: task, may sleep.
 * Return: 0, or -ENOMEM, and then the registry is unchanged.
 */
int hak_registry_cover(unsigned long end)
{
	unsigned long leaves;
	int err = 0;

	mutex_lock(&hak_cover_mutex);
	if (end > hak_registry.base + hak_registry.bytes) {
		leaves = max(hak_registry_leaves(end),
			     2 * (hak_registry.bytes >> HAK_LEAF_SHIFT));
		err = __hak_registry_replace(leaves);
		pr_debug("registry of %lu leaves: error %d\n", leaves, err);
	}
	mutex_unlock(&hak_cover_mutex);
	return err;
}

static unsigned long hak_pfn_addr(unsigned long pfn)
{
	return (unsigned long)__va(PFN_PHYS(pfn));
}

/*
 * Memory goes online even if the registry cannot cover it. If hak_superslab_new() gets
 * such memory later, it gives it back.
 */
static int hak_on_memory(struct notifier_block *nb, unsigned long what, void *data)
{
	struct memory_notify *mem = data;

	if (what == MEM_GOING_ONLINE &&
	    hak_registry_cover(hak_pfn_addr(mem->start_pfn + mem->nr_pages)))
		pr_warn("no memory to register the memory added at %#lx; hakmem will not use it\n",
			hak_pfn_addr(mem->start_pfn));
	return NOTIFY_OK;
}

static struct notifier_block hak_memory_nb = { .notifier_call = hak_on_memory };

/* The end of @zone, which may be growing; 0 if it has no pages. */
static unsigned long hak_zone_end(struct zone *zone)
{
	unsigned long end;
	unsigned int seq;

	do {
		seq = zone_span_seqbegin(zone);
		end = zone_is_empty(zone) ? 0 : zone_end_pfn(zone);
	} while (zone_span_seqretry(zone, seq));
	return end;
}

/**
 * hak_node_ram_end() - the end of a node's memory that the page allocator may have
 * @pgdat: the node
 *
 * Memory of devices belongs to the node, too, and private memory of a device is given the
 * highest physical addresses there are: the node's span may reach up to the end of the
 * linear map. But no page of it is ever the page allocator's, so the registry does not
 * cover it. A zone that memory is being added to may have no page online yet, so zones
 * count by their span.
 *
 * Context: any.
 * Return: a page frame number; 0 if the node has no such memory.
 */
unsigned long hak_node_ram_end(struct pglist_data *pgdat)
{
	unsigned long end = 0;
	unsigned int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		if (!zone_is_zone_device(&pgdat->node_zones[i]))
			end = max(end, hak_zone_end(&pgdat->node_zones[i]));
	return end;
}

/*
 * When the registry was created it reached up to high_memory. Not every architecture
 * raises that for memory that was added, and more may have been added since. So this
 * covers all memory that the page allocator has. As in hak_on_memory(), hakmem does without
 * memory that the registry cannot cover.
 */
int hak_memory_hotplug_init(void)
{
	unsigned long end;
	int nid, err;

	err = register_memory_notifier(&hak_memory_nb);
	if (err)
		return err;
	for_each_online_node(nid) {
		end = hak_node_ram_end(NODE_DATA(nid));
		if (end && hak_registry_cover(hak_pfn_addr(end)))
			pr_warn("no memory to register node %d up to %#lx; hakmem will not use what is above %#lx\n",
				nid, hak_pfn_addr(end), hak_registry.base + hak_registry.bytes);
	}
	return 0;
}

void hak_memory_hotplug_exit(void)
{
	unregister_memory_notifier(&hak_memory_nb);
}
