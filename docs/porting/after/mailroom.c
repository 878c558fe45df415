// SPDX-License-Identifier: GPL-2.0
/*
 * A driver in small: letters are posted by the CPU that writes to the parameter
 * "post", and delivered, which frees them, by a work item on another.
 */
#include <linux/cpumask.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <hakmem.h>

struct letter {
	struct llist_node node;
	char *text;
	u64 number;
};

static struct hak_cache *letters;
static LLIST_HEAD(box);
static unsigned long posted, delivered;
module_param(delivered, ulong, 0444);

static void deliver(struct work_struct *work)
{
	struct letter *letter, *next;

	llist_for_each_entry_safe(letter, next, llist_del_all(&box), node) {
		hak_free(letter->text);
		hak_cache_free(letters, letter);
		delivered++;
	}
}
static DECLARE_WORK(postman, deliver);

static int post(const char *text)
{
	struct letter *letter = hak_cache_zalloc(letters, GFP_KERNEL);

	if (!letter)
		return -ENOMEM;
	letter->text = hak_strdup(text, GFP_KERNEL);
	if (!letter->text) {
		hak_cache_free(letters, letter);
		return -ENOMEM;
	}
	letter->number = ++posted;
	if (llist_add(&letter->node, &box))
		queue_work_on(cpumask_last(cpu_online_mask), system_highpri_wq, &postman);
	return 0;
}

static int post_many(const char *val, const struct kernel_param *kp)
{
	unsigned int i, n;
	int err = kstrtouint(val, 0, &n);

	for (i = 0; !err && i < n; i++)
		err = post("Dear reader, what is allocated here is freed elsewhere.");
	return err;
}

static const struct kernel_param_ops post_ops = { .set = post_many };
module_param_cb(post, &post_ops, NULL, 0200);

static int __init mailroom_init(void)
{
	letters = hak_cache_create("letters", sizeof(struct letter), 0, 0, NULL);
	return letters ? 0 : -ENOMEM;
}

static void __exit mailroom_exit(void)
{
	flush_work(&postman);
	hak_cache_destroy(letters);
}

module_init(mailroom_init);
module_exit(mailroom_exit);
MODULE_DESCRIPTION("Example of a driver that frees on another CPU");
MODULE_LICENSE("GPL");
