// SPDX-License-Identifier: GPL-2.0
/*
 * All files may be read while hakmem is in use. Each figure was true at some
 * moment of the read; all are exact if no CPU uses hakmem meanwhile.
 */
#include <linux/bitops.h>
#include <linux/container_of.h>
#include <linux/debugfs.h>
#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "core.h"
#include "debugfs.h"
#include "shrink.h"
#include "text.h"

static struct dentry *hak_debugfs_dir;

/* A file that the core writes text into. */
struct seq_text {
	struct hak_text to;
	struct seq_file *m;
};

static void __printf(2, 0)
seq_text_vprint(struct hak_text *to, const char *fmt, va_list args)
{
	seq_vprintf(container_of(to, struct seq_text, to)->m, fmt, args);
}

#define SEQ_TEXT(file)	(&((struct seq_text){ { seq_text_vprint }, file }).to)

static int stats_show(struct seq_file *m, void *v)
{
	hak_text_stats(SEQ_TEXT(m));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/*
 * Call @fn for each leaf of the registry, and so for all slabs. Leaves stay where
 * they are while slabs come and go, so no lock is held between two leaves.
 */
static void walk_leaves(void (*fn)(struct hak_entry *leaf, void *arg), void *arg)
{
	unsigned long i, n = READ_ONCE(hak_registry.bytes) >> HAK_LEAF_SHIFT;

	for (i = 0; i < n; i++) {
		struct hak_entry *leaf;

		/* The table may be replaced meanwhile; the leaves stay. */
		rcu_read_lock();
		leaf = READ_ONCE(READ_ONCE(hak_registry.leaf)[i]);
		if (leaf != HAK_NO_LEAF)
			fn(leaf, arg);
		rcu_read_unlock();
		cond_resched();
	}
}

/* Add each slab of a leaf to the figures of its cache. */
static void count_leaf(struct hak_entry *leaf, void *unused)
{
	unsigned long i;

	for (i = 0; i < BIT(HAK_LEAF_BITS); i++) {
		struct hak_slab *s = READ_ONCE(leaf[i].slab);
		struct hak_cache *c = s ? READ_ONCE(s->cache) : NULL;

		if (c && c->stats)
			hak_class_stats_add(c->stats, s);
	}
}

typedef void (*class_line_fn)(struct seq_file *m, const struct hak_class_stats *cs);

/*
 * Print a line for each cache if there are at most @room caches. Returns how many
 * there are.
 */
static unsigned int show_caches(struct seq_file *m, class_line_fn line,
				struct hak_class_stats *cs, unsigned int room)
{
	struct hak_cache *c;
	unsigned int n;

	mutex_lock(&hak_cache_mutex);
	n = list_count_nodes(&hak_caches);
	if (n > room)
		goto out;
	list_for_each_entry(c, &hak_caches, list) {
		c->stats = cs++;
		hak_class_stats_begin(c, c->stats);
	}
	walk_leaves(count_leaf, NULL);
	list_for_each_entry(c, &hak_caches, list) {
		line(m, c->stats);
		c->stats = NULL;
	}
out:
	mutex_unlock(&hak_cache_mutex);
	return n;
}

/*
 * No memory is allocated under the mutex. So allocate room for as many caches as
 * there were, and try again if there are more by now.
 */
static int show_classes(struct seq_file *m, class_line_fn line)
{
	unsigned int room, n = HAK_NR_CLASSES;

	do {
		struct hak_class_stats *cs;

		room = n;
		cs = kvcalloc(room, sizeof(*cs), GFP_KERNEL);
		if (!cs)
			return -ENOMEM;
		n = show_caches(m, line, cs, room);
		kvfree(cs);
	} while (n > room);
	return 0;
}

static void class_line(struct seq_file *m, const struct hak_class_stats *cs)
{
	hak_text_class(SEQ_TEXT(m), cs);
}

static int classes_show(struct seq_file *m, void *v)
{
	seq_puts(m, HAK_CLASSES_HEADING);
	return show_classes(m, class_line);
}
DEFINE_SHOW_ATTRIBUTE(classes);

/*
 * Objects in per-CPU caches and magazines count as in use, so a slab that has one
 * is active.
 */
static void slabinfo_line(struct seq_file *m, const struct hak_class_stats *cs)
{
	seq_printf(m, "%-17s %6ld %6lu %6u %4u %4lu : tunables %4u %4u %4u : slabdata %6lu %6lu %6u\n",
		   cs->name, max(cs->live, 0L), cs->slabs * cs->capacity, cs->size,
		   cs->capacity, HAK_SLAB_SIZE >> PAGE_SHIFT, cs->cap,
		   (cs->cap + 1) / 2, 0U, cs->slabs_active, cs->slabs, 0U);
}

static int slabinfo_show(struct seq_file *m, void *v)
{
	seq_puts(m, "slabinfo - version: 2.1\n");
	seq_puts(m, "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>");
	seq_puts(m, " : tunables <limit> <batchcount> <sharedfactor>");
	seq_puts(m, " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	return show_classes(m, slabinfo_line);
}
DEFINE_SHOW_ATTRIBUTE(slabinfo);

static void superslab_leaf(struct hak_entry *leaf, void *m)
{
	hak_text_leaf(SEQ_TEXT(m), leaf);
}

static int superslabs_show(struct seq_file *m, void *v)
{
	seq_puts(m, HAK_SUPERSLABS_HEADING);
	walk_leaves(superslab_leaf, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(superslabs);

static int pool_show(struct seq_file *m, void *v)
{
	struct hak_cache *c;
	int nid;

	seq_puts(m, "# name node slabs\n");
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list)
		for_each_node(nid)
			seq_printf(m, "%s %d %d\n", c->name, nid,
				   atomic_read(&c->pool[nid]->nr));
	mutex_unlock(&hak_cache_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pool);

static ssize_t shrink_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *pos)
{
	bool yes;
	int err;

	err = kstrtobool_from_user(buf, len, &yes);
	if (err)
		return err;
	if (!yes)
		return -EINVAL;
	hak_shrink();
	return len;
}

static const struct file_operations shrink_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = shrink_write,
	.llseek = noop_llseek,
};

void hak_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("hakmem", NULL);

	debugfs_create_file("stats", 0444, dir, NULL, &stats_fops);
	debugfs_create_file("classes", 0444, dir, NULL, &classes_fops);
	debugfs_create_file("slabinfo", 0444, dir, NULL, &slabinfo_fops);
	debugfs_create_file("superslabs", 0444, dir, NULL, &superslabs_fops);
	debugfs_create_file("pool", 0444, dir, NULL, &pool_fops);
	debugfs_create_file("shrink", 0200, dir, NULL, &shrink_fops);
	hak_debugfs_dir = dir;
	hak_fault_init();
}

void hak_debugfs_exit(void)
{
	hak_fault_exit();
	debugfs_remove(hak_debugfs_dir);
}
