// SPDX-License-Identifier: GPL-2.0
/* The module: parameters, debugfs, and the dump of the trace ring on an oops. */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/kdebug.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/printk.h>
#include <linux/stringify.h>

#include "core.h"
#include "debugfs.h"
#include "memory_hotplug.h"
#include "shrink.h"

static int hak_param_op_set(const char *val, const struct kernel_param *kp)
{
	const struct hak_param *param = hak_param_find(kp->arg);

	/* A name without a value means NAME=1, where the kernel allows that. */
	return hak_param_set(param, param->name, val ?: "1");
}

static int hak_param_op_get(char *buf, const struct kernel_param *kp)
{
	int n = hak_param_show(hak_param_find(kp->arg), buf, PAGE_SIZE);

	return n + sysfs_emit_at(buf, n, "\n");
}

static const struct kernel_param_ops hak_param_ops_uint = {
	.set = hak_param_op_set,
	.get = hak_param_op_get,
};

static const struct kernel_param_ops hak_param_ops_letters = {
	.set = hak_param_op_set,
	.get = hak_param_op_get,
};

static const struct kernel_param_ops hak_param_ops_bool = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = hak_param_op_set,
	.get = hak_param_op_get,
};

/* The values a parameter takes, in the way of modinfo. */
#define HAK_TAKES_uint(def, min, max)	" (" #min ".." #max ", default " #def ")"
#define HAK_TAKES_bool(def, min, max)	" (default " HAK_BOOL_##def ")"
#define HAK_TAKES_letters(def, min, max) " (letters of " HAK_DEBUG_LETTERS ", default -)"
#define HAK_TYPE_uint			uint
#define HAK_TYPE_bool			bool
#define HAK_TYPE_letters		charp
#define HAK_BOOL_0			"N"
#define HAK_BOOL_1			"Y"

#define HAK_MODULE_PARAM(n, kind, env, def, min, max, desc)		\
	module_param_cb(n, &hak_param_ops_##kind, (void *)#n, 0444);	\
	__MODULE_PARM_TYPE(n, __stringify(HAK_TYPE_##kind));		\
	MODULE_PARM_DESC(n, desc HAK_TAKES_##kind(def, min, max));
HAK_PARAMS(HAK_MODULE_PARAM)

/* Print each event only once, since a panic or another oops may follow an oops. */
static void hak_trace_dump(void)
{
	static struct hak_trace_iter it;
	struct hak_trace_event ev;

	/* Continue where the last dump ended, up to the newest event. */
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

static void __init hak_say_loaded(void)
{
	char text[512];
	unsigned int i, n = 0;

	text[0] = '\0';
	for (i = 0; i < hak_nr_params; i++) {
		n += scnprintf(text + n, sizeof(text) - n, " %s=",
			       hak_params[i].name);
		n += hak_param_show(&hak_params[i], text + n, sizeof(text) - n);
	}
	pr_info("%s loaded,%s\n", HAKMEM_VERSION, text);
}

static int __init hak_module_init(void)
{
	int err;

	err = hak_core_init();
	if (err)
		goto fail;
	err = hak_memory_hotplug_init();
	if (err)
		goto exit_core;
	err = hak_shrink_init();
	if (err)
		goto exit_hot_memory;
	register_die_notifier(&hak_die_nb);
	atomic_notifier_chain_register(&panic_notifier_list, &hak_panic_nb);
	hak_debugfs_init();
	hak_say_loaded();
	return 0;

exit_hot_memory:
	hak_memory_hotplug_exit();
exit_core:
	hak_core_exit();
fail:
	pr_err("cannot start: error %d\n", err);
	return err;
}

static void __exit hak_module_exit(void)
{
	hak_debugfs_exit();
	atomic_notifier_chain_unregister(&panic_notifier_list, &hak_panic_nb);
	unregister_die_notifier(&hak_die_nb);
	hak_shrink_exit();
	hak_memory_hotplug_exit();
	hak_core_exit();
}

module_init(hak_module_init);
module_exit(hak_module_exit);

MODULE_DESCRIPTION("Slab allocator for tiny objects freed on other CPUs");
MODULE_AUTHOR("hakmem developers <developers@hakmem.invalid>");
MODULE_VERSION(HAKMEM_VERSION);
MODULE_LICENSE("GPL");
