// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug. If memory is added while hakmem is loaded, by a person or by a
 * hypervisor, the registry is made to cover it before the page allocator gets it.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "core.h"
#include "memory_hotplug.h"

/* The registry grows, and the nearest nodes are looked for, in one task at a time. */
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
 * @start: the start of what it has to cover
 * @end: its end
 *
 * If it has to grow, it grows to twice its size at least, because memory is added in
 * many small pieces. It does not grow downwards: it begins where the lowest memory was when
 * hakmem was loaded, and memory is hardly ever added below that.
 *
 * Context: task, may sleep.
 * Return: 0; -ENOMEM, and then the registry is unchanged; or -ERANGE if a part lies before
 * the registry's first address, and then it covers the rest.
 */
int hak_registry_cover(unsigned long start, unsigned long end)
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
	if (!err && start < hak_registry.base)
		err = -ERANGE;
	return err;
}

static unsigned long hak_pfn_addr(unsigned long pfn)
{
	return (unsigned long)__va(PFN_PHYS(pfn));
}

/*
 * Have the registry cover page frames. Memory goes online even if the registry cannot cover
 * it. If hak_superslab_new() gets such memory later, it gives it back.
 */
static void hak_cover_pfns(unsigned long first, unsigned long end)
{
	int err = hak_registry_cover(hak_pfn_addr(first), hak_pfn_addr(end));

	if (err == -ERANGE)
		pr_warn("memory at %#llx lies before all that was there when hakmem was loaded; hakmem will not use what is below %#llx\n",
			(u64)PFN_PHYS(first), (u64)__pa(hak_registry.base));
	else if (err)
		pr_warn("no memory to register the memory at %#llx; hakmem will not use what is above %#llx\n",
			(u64)PFN_PHYS(first),
			(u64)__pa(hak_registry.base) + hak_registry.bytes);
}

static void hak_find_near(void)
{
	mutex_lock(&hak_cover_mutex);
	hak_node_find_near();
	mutex_unlock(&hak_cover_mutex);
}

int hak_memory_notify(struct notifier_block *nb, unsigned long what, void *data)
{
	struct memory_notify *mem = data;

	if (what == MEM_GOING_ONLINE)
		hak_cover_pfns(mem->start_pfn, mem->start_pfn + mem->nr_pages);
	else if (what == MEM_ONLINE)
		hak_find_near();
	return NOTIFY_OK;
}

static struct notifier_block hak_memory_nb = { .notifier_call = hak_memory_notify };

/* The first page frame and the end of @zone, which may be growing; false if it has none. */
static bool hak_zone_span(struct zone *zone, unsigned long *first, unsigned long *end)
{
	unsigned int seq;

	do {
		seq = zone_span_seqbegin(zone);
		*first = zone->zone_start_pfn;
		*end = zone_is_empty(zone) ? 0 : zone_end_pfn(zone);
	} while (zone_span_seqretry(zone, seq));
	return *end;
}

/**
 * hak_node_ram_span() - where is the memory of a node that the page allocator may have?
 * @pgdat: the node
 * @first: its first page frame number
 * @end: its end, a page frame number
 *
 * Memory of devices belongs to the node, too, and private memory of a device is given the
 * highest physical addresses there are: the node's span may reach up to the end of the
 * linear map. But no page of it is ever the page allocator's, so the registry does not
 * cover it. A zone that memory is being added to may have no page online yet, so zones
 * count by their span.
 *
 * Context: any.
 * Return: false if the node has no such memory.
 */
bool hak_node_ram_span(struct pglist_data *pgdat, unsigned long *first,
		       unsigned long *end)
{
	unsigned int i;

	*first = ULONG_MAX;
	*end = 0;
	for (i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &pgdat->node_zones[i];
		unsigned long zone_first, zone_end;

		if (zone_is_zone_device(zone) || !hak_zone_span(zone, &zone_first, &zone_end))
			continue;
		*first = min(*first, zone_first);
		*end = max(*end, zone_end);
	}
	return *end;
}

/* The first address of the linear map where the page allocator has memory. */
unsigned long hak_ram_start(void)
{
	unsigned long first, end, lowest = ULONG_MAX;
	int nid;

	for_each_online_node(nid)
		if (hak_node_ram_span(NODE_DATA(nid), &first, &end))
			lowest = min(lowest, first);
	return hak_pfn_addr(lowest);
}

/*
 * When the registry was created it reached up to high_memory. Not every architecture
 * raises that for memory that was added, and more may have been added since. So this
 * covers all memory that the page allocator has.
 */
int hak_memory_hotplug_init(void)
{
	unsigned long first, end;
	int nid, err;

	err = register_memory_notifier(&hak_memory_nb);
	if (err)
		return err;
	for_each_online_node(nid)
		if (hak_node_ram_span(NODE_DATA(nid), &first, &end))
			hak_cover_pfns(first, end);
	hak_find_near();
	return 0;
}

void hak_memory_hotplug_exit(void)
{
	unregister_memory_notifier(&hak_memory_nb);
}
