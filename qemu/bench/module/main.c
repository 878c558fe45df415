// SPDX-License-Identifier: GPL-2.0
/*
 * hak_bench: hakmem and SLUB in the same loops, in the same kernel.
 *
 * debugfs, directory hak_bench:
 *   run      write a specification: eleven words, see parse_spec(). The write
 *            returns when the measurement is done. A signal ends it early, and the
 *            write then fails with ECANCELED (EINTR would be tried again).
 *   results  the measurements since the module was loaded: a JSON object
 *   stop     1 ends the present measurement, and all that follow, until 0
 *
 * The writer chooses the order of measurements and flushes between them: see
 * qemu/bench/bench-slub and qemu/bench/guest/slub.
 */
#define pr_fmt(fmt) "hak_bench: " fmt

#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>

#include "measure.h"
#include "mixed.h"

struct record {
	struct list_head list;
	struct bench_spec spec;
	struct bench_result res;
	int err;
};

static LIST_HEAD(records);
static DEFINE_MUTEX(lock);	/* one measurement at a time; and records */
static struct dentry *dir;

static int parse_spec(const char *line, struct bench_spec *s)
{
	int n;

	n = sscanf(line, "%15s %15s %7s %u %u %u %u %u %u %llu %u",
		   s->workload, s->loops, s->order, &s->size, &s->max, &s->n,
		   &s->holes, &s->threads, &s->lives, &s->ops, &s->seed);
	return n == 11 ? 0 : -EINVAL;
}

static ssize_t run_write(struct file *file, const char __user *buf, size_t len,
			 loff_t *pos)
{
	struct record *r;
	char line[160];
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;
	line[len] = '\0';
	/* A page each, so that they come from neither allocator. */
	BUILD_BUG_ON(sizeof(*r) > PAGE_SIZE);
	r = (struct record *)get_zeroed_page(GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	err = parse_spec(line, &r->spec);
	if (!err)
		err = mutex_lock_killable(&lock);
	if (err) {
		free_page((unsigned long)r);
		return err;
	}
	err = READ_ONCE(bench_stop) ? -ECANCELED : bench_measure(&r->spec, &r->res);
	r->err = err;
	list_add_tail(&r->list, &records);
	mutex_unlock(&lock);
	return err ? err : len;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = run_write,
	.llseek = noop_llseek,
};

/* Does SLUB use a 128-bit cmpxchg where it would otherwise take a lock? */
static bool slub_has_cmpxchg128(void)
{
#if defined(system_has_cmpxchg128) && defined(CONFIG_HAVE_ALIGNED_STRUCT_PAGE)
	return system_has_cmpxchg128();
#else
	return false;
#endif
}

static void show_record(struct seq_file *m, struct record *r)
{
	const struct bench_spec *s = &r->spec;

	seq_printf(m, "{\"workload\": \"%s\", \"allocator\": \"%s\", \"order\": \"%s\", ",
		   s->workload, s->loops, s->order);
	seq_printf(m, "\"size\": %u, \"max\": %u, \"n\": %u, \"holes\": %u, ",
		   s->size, s->max, s->n, s->holes);
	seq_printf(m, "\"threads\": %u, \"lives\": %u, \"ops_each\": %llu, \"seed\": %u, ",
		   s->threads, s->lives, s->ops, s->seed);
	seq_printf(m, "\"error\": %d, \"ops\": %llu, \"ns\": [%llu, %llu], ",
		   r->err, r->res.ops, r->res.ns[0], r->res.ns[1]);
	seq_printf(m, "\"elapsed\": %llu}", r->res.elapsed);
}

static int results_show(struct seq_file *m, void *v)
{
	struct record *r;
	const char *separator = "\n";

	seq_printf(m, "{\"kernel\": \"%s\", \"version\": \"%s\", \"hakmem\": \"%s\",\n",
		   init_utsname()->release, init_utsname()->version, HAKMEM_VERSION);
	seq_printf(m, "\"cpus\": %u, \"slub_cmpxchg128\": %s,\n",
		   num_online_cpus(), slub_has_cmpxchg128() ? "true" : "false");
	seq_puts(m, "\"measured\": [");
	mutex_lock(&lock);
	list_for_each_entry(r, &records, list) {
		seq_puts(m, separator);
		show_record(m, r);
		separator = ",\n";
	}
	mutex_unlock(&lock);
	seq_puts(m, "]}\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(results);

static int __init hak_bench_init(void)
{
	bench_mixed_init();
	dir = debugfs_create_dir("hak_bench", NULL);
	debugfs_create_file("run", 0200, dir, NULL, &run_fops);
	debugfs_create_file("results", 0400, dir, NULL, &results_fops);
	debugfs_create_bool("stop", 0600, dir, &bench_stop);
	return 0;
}
module_init(hak_bench_init);

static void __exit hak_bench_exit(void)
{
	struct record *r, *next;

	debugfs_remove(dir);
	bench_destroy_caches();
	list_for_each_entry_safe(r, next, &records, list)
		free_page((unsigned long)r);
}
module_exit(hak_bench_exit);

MODULE_DESCRIPTION("hakmem and SLUB in the same loops");
MODULE_LICENSE("GPL");
