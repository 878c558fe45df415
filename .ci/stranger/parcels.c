// SPDX-License-Identifier: GPL-2.0
/* A driver as there are many: the CPU that writes sends parcels, another opens them. */
#include <linux/cpumask.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

struct parcel {
	struct llist_node node;
	struct rcu_head rcu;
	void *goods;
};

static struct kmem_cache *parcels;
static LLIST_HEAD(belt);
static unsigned long opened;
module_param(opened, ulong, 0444);

static void open_parcels(struct work_struct *work)
{
	struct parcel *p, *next;

	llist_for_each_entry_safe(p, next, llist_del_all(&belt), node) {
		kfree(p->goods);
		if (++opened % 16)
			kmem_cache_free(parcels, p);
		else
			kfree_rcu(p, rcu);
	}
}
static DECLARE_WORK(opener, open_parcels);

static int send_parcels(const char *val, const struct kernel_param *kp)
{
	static const char goods[40] = "fragile";
	unsigned int n;
	int err = kstrtouint(val, 0, &n);

	while (!err && n--) {
		struct parcel *p = kmem_cache_zalloc(parcels, GFP_KERNEL);

		if (!p)
			return -ENOMEM;
		p->goods = kmemdup(goods, sizeof(goods), GFP_KERNEL);
		if (llist_add(&p->node, &belt))
			queue_work_on(cpumask_last(cpu_online_mask), system_highpri_wq, &opener);
	}
	return err;
}

static const struct kernel_param_ops send_ops = { .set = send_parcels };
module_param_cb(send, &send_ops, NULL, 0200);

static int __init parcels_init(void)
{
	parcels = KMEM_CACHE(parcel, 0);
	return parcels ? 0 : -ENOMEM;
}

static void __exit parcels_exit(void)
{
	flush_work(&opener);
	kmem_cache_destroy(parcels);
}

module_init(parcels_init);
module_exit(parcels_exit);
MODULE_DESCRIPTION("A driver that somebody ports to hakmem");
MODULE_LICENSE("GPL");
