// SPDX-License-Identifier: GPL-2.0
/*
 * Has one request for memory fail while hakmem.ko is being loaded: the "nth" that the
 * task which inserts it makes, from the moment the module is in place until its init
 * function has returned. How many requests are left until then is in "left", so 0 says
 * that one has failed.
 */
#define pr_fmt(fmt) "hak_nth: " fmt

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

/* The task that inserts it. */
static struct task_struct *loading;

static int hak_nth_notify(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;

	if (strcmp(mod->name, "hakmem"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		WRITE_ONCE(current->fail_nth, nth);
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
	return register_module_notifier(&hak_nth_nb);
}

static void __exit hak_nth_exit(void)
{
	unregister_module_notifier(&hak_nth_nb);
}

module_init(hak_nth_init);
module_exit(hak_nth_exit);

MODULE_DESCRIPTION("Has a request for memory fail as hakmem is loaded");
MODULE_LICENSE("GPL");
