// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of typed caches where a process can see what becomes of them, public API
 * only: whom they are charged to, and which of their bytes it can copy.
 *
 * A number that is written to the parameter "accounted" or "plain" makes that many
 * objects live, of a cache with SLAB_ACCOUNT or of one without, allocated by the
 * process that writes. Those of "listed" are of a cache with SLAB_ACCOUNT and
 * SLAB_RECLAIM_ACCOUNT, and are put on a list_lru; "unlisted" tells how many of them are
 * in the list of no memory cgroup.
 *
 * A read of /dev/hak_typed_slub copies to the process from an object that SLUB
 * serves, and one of /dev/hak_typed_hak from an object of hakmem's own, at the offset
 * of the read; a write copies from the process. Of both objects a part in the middle
 * is the one that may be copied.
 */
#define pr_fmt(fmt) "hak_typed: " fmt

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/list_lru.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/shrinker.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/topology.h>
#include <linux/uaccess.h>

#include <hakmem.h>

#define MAX_LIVE	50000
#define SIZE		192

/* The part that may be copied, of an object of @SIZE bytes. */
#define PART		64
#define PART_SIZE	32

/**
 * struct crowd - objects that a parameter makes live
 * @cache: what they are of
 * @lru: the list_lru that they are on, or NULL
 * @nr: how many there are
 * @obj: the objects
 */
struct crowd {
	struct hak_cache *cache;
	struct list_lru *lru;
	unsigned int nr;
	void *obj[MAX_LIVE];
};

static struct list_lru lru;
static struct shrinker *lru_shrinker;
static struct crowd accounted, plain, listed;
static DEFINE_MUTEX(crowd_mutex);
static struct hak_cache *copied;

static void *make_one(struct crowd *c)
{
	struct list_head *p;

	if (!c->lru)
		return hak_cache_alloc(c->cache, GFP_KERNEL);
	p = hak_cache_alloc_lru(c->cache, c->lru, GFP_KERNEL);
	if (p) {
		INIT_LIST_HEAD(p);
		list_lru_add_obj(c->lru, p);
	}
	return p;
}

static void end_one(struct crowd *c, void *p)
{
	if (c->lru)
		list_lru_del_obj(c->lru, p);
	hak_cache_free(c->cache, p);
}

/* Every other one from this CPU's node, and no other. */
static void *make_one_of_two(struct crowd *c)
{
	if (c->lru || c->nr % 2)
		return make_one(c);
	return hak_cache_alloc_node(c->cache, GFP_KERNEL | __GFP_THISNODE, numa_mem_id());
}

/* Whether all that were asked for could be had. */
static int set_live(const char *val, const struct kernel_param *kp)
{
	struct crowd *c = kp->arg;
	unsigned int n;
	int err = kstrtouint(val, 0, &n);

	if (err || n > MAX_LIVE)
		return err ?: -EINVAL;
	mutex_lock(&crowd_mutex);
	while (c->nr > n)
		end_one(c, c->obj[--c->nr]);
	for (; !err && c->nr < n; c->nr++) {
		c->obj[c->nr] = make_one_of_two(c);
		if (!c->obj[c->nr])
			err = -ENOMEM;
	}
	if (err)
		c->nr--;
	mutex_unlock(&crowd_mutex);
	return err;
}

static const struct kernel_param_ops live_ops = { .set = set_live };
module_param_cb(accounted, &live_ops, &accounted, 0200);
module_param_cb(plain, &live_ops, &plain, 0200);
module_param_cb(listed, &live_ops, &listed, 0200);

static int get_unlisted(char *buf, const struct kernel_param *kp)
{
	unsigned long n = 0;
	int nid;

	for_each_online_node(nid)
		n += list_lru_count_one(&lru, nid, NULL);
	return sysfs_emit(buf, "%lu\n", n);
}

static const struct kernel_param_ops unlisted_ops = { .get = get_unlisted };
module_param_cb(unlisted, &unlisted_ops, NULL, 0400);

/**
 * struct exhibit - an object that can be read and written
 * @obj: the object
 * @dev: the device to do so by
 */
struct exhibit {
	char *obj;
	struct miscdevice dev;
};

static struct exhibit *exhibit_of(struct file *file)
{
	return container_of(file->private_data, struct exhibit, dev);
}

static ssize_t exhibit_read(struct file *file, char __user *to, size_t n, loff_t *pos)
{
	struct exhibit *e = exhibit_of(file);

	if (*pos < 0 || *pos >= SIZE)
		return 0;
	n = min_t(size_t, n, SIZE - *pos);
	if (copy_to_user(to, e->obj + *pos, n))
		return -EFAULT;
	*pos += n;
	return n;
}

static ssize_t exhibit_write(struct file *file, const char __user *from, size_t n,
			     loff_t *pos)
{
	struct exhibit *e = exhibit_of(file);

	if (*pos < 0 || *pos >= SIZE)
		return -ENOSPC;
	n = min_t(size_t, n, SIZE - *pos);
	if (copy_from_user(e->obj + *pos, from, n))
		return -EFAULT;
	*pos += n;
	return n;
}

/* The process may have been killed while it was in here: there is nothing to undo. */
static const struct file_operations exhibit_fops = {
	.owner = THIS_MODULE,
	.read = exhibit_read,
	.write = exhibit_write,
	.llseek = default_llseek,
};

#define EXHIBIT(__name)						\
	{							\
		.dev = {					\
			.minor = MISC_DYNAMIC_MINOR,		\
			.name = __name,				\
			.fops = &exhibit_fops,			\
		},						\
	}

static struct exhibit slubs = EXHIBIT("hak_typed_slub");
static struct exhibit own = EXHIBIT("hak_typed_hak");

/* SLUB serves what is asked for with __GFP_ACCOUNT. */
static int exhibit_make(struct exhibit *e, gfp_t gfp)
{
	int err = -ENOMEM;

	e->obj = hak_cache_alloc(copied, gfp);
	if (e->obj) {
		memset(e->obj, 'x', SIZE);
		err = misc_register(&e->dev);
	}
	return err;
}

static void exhibit_end(struct exhibit *e)
{
	if (e->dev.this_device)
		misc_deregister(&e->dev);
	hak_cache_free(copied, e->obj);
}

static void crowd_end(struct crowd *c)
{
	while (c->nr)
		hak_cache_free(c->cache, c->obj[--c->nr]);
	hak_cache_destroy(c->cache);
}

static void end_all(void)
{
	exhibit_end(&own);
	exhibit_end(&slubs);
	hak_cache_destroy(copied);
	if (listed.lru) {
		while (listed.nr)
			end_one(&listed, listed.obj[--listed.nr]);
		list_lru_destroy(&lru);
	}
	hak_cache_destroy(listed.cache);
	if (lru_shrinker)
		shrinker_free(lru_shrinker);
	crowd_end(&plain);
	crowd_end(&accounted);
}

static int __init hak_typed_init(void)
{
	static const struct hak_cache_args args = {
		.useroffset = PART,
		.usersize = PART_SIZE,
	};
	int err = -ENOMEM;

	accounted.cache = hak_cache_create("hak_accounted", SIZE, 0, SLAB_ACCOUNT, NULL);
	plain.cache = hak_cache_create("hak_plain", SIZE, 0, 0, NULL);
	listed.cache = hak_cache_create("hak_listed", SIZE, 0,
					SLAB_ACCOUNT | SLAB_RECLAIM_ACCOUNT, NULL);
	copied = hak_cache_create_args("hak_copied", SIZE, &args, 0);
	/* It only names the cgroups for the list_lru, and is never registered. */
	lru_shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE, "hak_typed");
	if (lru_shrinker && !list_lru_init_memcg(&lru, lru_shrinker))
		listed.lru = &lru;
	if (accounted.cache && plain.cache && listed.cache && copied && listed.lru)
		err = exhibit_make(&slubs, GFP_KERNEL_ACCOUNT);
	if (!err)
		err = exhibit_make(&own, GFP_KERNEL);
	if (err)
		end_all();
	return err;
}

static void __exit hak_typed_exit(void)
{
	end_all();
}

module_init(hak_typed_init);
module_exit(hak_typed_exit);

MODULE_DESCRIPTION("Objects of typed caches, charged and copied, for testing");
MODULE_LICENSE("GPL");
