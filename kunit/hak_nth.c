// SPDX-License-Identifier: GPL-2.0
/*
 * Has one request for memory fail while hakmem.ko is being loaded: the "nth" that the
 * task which inserts it makes, from the moment the module is in place until its init
 * function has returned. How many requests are left until then is in "left", so 0 says
 * that one has failed.
 *
 * hakmem makes several of SLUB's caches, and each gets its files in sysfs, which takes
 * dozens of requests that SLUB makes and bears. Those of the first cache count. Those
 * of the others are the same again, and do not.
 */
#define pr_fmt(fmt) "hak_nth: " fmt

#include <linux/kprobes.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/string.h>

static unsigned int nth;
module_param(nth, uint, 0644);
MODULE_PARM_DESC(nth, "which request fails; 0 for none");

static unsigned int left;
module_param(left, uint, 0444);
MODULE_PARM_DESC(left, "requests that it would have taken until one fails");

/* The task that inserts it; how many caches it has made; what it has to count down later. */
static struct task_struct *loading;
static unsigned int caches;
static int kept;

static int hak_nth_files_begin(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (loading != current || !caches++)
		return 1;	/* no probe of the return */
	kept = READ_ONCE(current->fail_nth);
	WRITE_ONCE(current->fail_nth, 0);
	return 0;
}

static int hak_nth_files_end(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	WRITE_ONCE(current->fail_nth, kept);
	return 0;
}

static struct kretprobe hak_nth_files = {
	.kp.symbol_name = "sysfs_slab_add",
	.entry_handler = hak_nth_files_begin,
	.handler = hak_nth_files_end,
};

static int hak_nth_notify(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;

	if (strcmp(mod->name, "hakmem"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		WRITE_ONCE(current->fail_nth, nth);
		caches = 0;
		loading = current;
	} else if (loading == current) {
		/* It is loaded, or goes because it could not be. */
		left = READ_ONCE(current->fail_nth);
		WRITE_ONCE(current->fail_nth, 0);
		loading = NULL;
	}
	return NOTIFY_DONE;
}

/* The last of them, so that what the others do does not count. */
static struct notifier_block hak_nth_nb = {
	.notifier_call = hak_nth_notify,
	.priority = INT_MIN,
};

static int __init hak_nth_init(void)
{
	int err = register_kretprobe(&hak_nth_files);

	if (err)
		return err;
	err = register_module_notifier(&hak_nth_nb);
	if (err)
		unregister_kretprobe(&hak_nth_files);
	return err;
}

static void __exit hak_nth_exit(void)
{
	unregister_module_notifier(&hak_nth_nb);
	unregister_kretprobe(&hak_nth_files);
}

module_init(hak_nth_init);
module_exit(hak_nth_exit);

MODULE_DESCRIPTION("Has a request for memory fail as hakmem is loaded");
MODULE_LICENSE("GPL");
