// SPDX-License-Identifier: GPL-2.0
/*
 * Module glue: parameters, debugfs, the dump of the trace ring on an oops.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/kdebug.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/printk.h>

#include "core.h"
#include "debugfs.h"
#include "hot_memory.h"
#include "shrink.h"

static int hak_param_op_set(const char *val, const struct kernel_param *kp)
{
	return hak_param_set(hak_param_find(kp->arg), val);
}

static int hak_param_op_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%u\n", *hak_param_find(kp->arg)->value);
}

static const struct kernel_param_ops hak_param_ops = {
	.set = hak_param_op_set,
	.get = hak_param_op_get,
};

#define HAK_MODULE_PARAM(n, env, def, min, max, desc)			\
	module_param_cb(n, &hak_param_ops, (void *)#n, 0444);		\
	MODULE_PARM_DESC(n, desc " (" #min ".." #max ", default " #def ")");
HAK_PARAMS(HAK_MODULE_PARAM)

/* No event twice: after an oops there may be a panic, or another oops. */
static void hak_trace_dump(void)
{
	static struct hak_trace_iter it;
	struct hak_trace_event ev;

	/* On from where the last dump ended, or to where the ring is by now. */
	it.end = 0;
	while (hak_trace_next(&it, &ev))
		pr_emerg("trace %llu %llu ns cpu %u %s size %u slab %#lx obj %#lx n %u\n",
			 ev.seq, ev.ns, ev.cpu, hak_trace_name[ev.what],
			 ev.size, ev.slab, ev.obj, ev.n);
}

static int hak_on_die(struct notifier_block *nb, unsigned long what, void *data)
{
	if (what == DIE_OOPS)
		hak_trace_dump();
	return NOTIFY_DONE;
}

static int hak_on_panic(struct notifier_block *nb, unsigned long what,
			void *data)
{
	hak_trace_dump();
	return NOTIFY_DONE;
}

static struct notifier_block hak_die_nb = { .notifier_call = hak_on_die };
static struct notifier_block hak_panic_nb = { .notifier_call = hak_on_panic };

static int __init hak_module_init(void)
{
	int err;

	err = hak_core_init();
	if (err)
		return err;
	err = hak_hot_memory_init();
	if (err)
		goto exit_core;
	err = hak_shrink_init();
	if (err)
		goto exit_hot_memory;
	register_die_notifier(&hak_die_nb);
	atomic_notifier_chain_register(&panic_notifier_list, &hak_panic_nb);
	hak_debugfs_init();
	pr_info("%s loaded, fast_cap=%u paranoid_drain=%u trace_ring=%u\n",
		HAKMEM_VERSION, hak_fast_cap, hak_paranoid_drain,
		hak_trace_ring);
	return 0;

exit_hot_memory:
	hak_hot_memory_exit();
exit_core:
	hak_core_exit();
	return err;
}

static void __exit hak_module_exit(void)
{
	hak_debugfs_exit();
	atomic_notifier_chain_unregister(&panic_notifier_list, &hak_panic_nb);
	unregister_die_notifier(&hak_die_nb);
	hak_shrink_exit();
	hak_hot_memory_exit();
	hak_core_exit();
}

module_init(hak_module_init);
module_exit(hak_module_exit);

MODULE_DESCRIPTION("Slab allocator for tiny objects freed on other CPUs");
MODULE_VERSION(HAKMEM_VERSION);
MODULE_LICENSE("GPL");
