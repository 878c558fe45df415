// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: hakmem/stats and hakmem/classes.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "core.h"
#include "debugfs.h"

static struct dentry *hak_debugfs_dir;

static int stats_show(struct seq_file *m, void *v)
{
	struct hak_stats st;
	unsigned int i;

	hak_stats_read(&st);
	seq_printf(m, "arena_bytes %llu\n", hak_arena_bytes());
	seq_printf(m, "superslabs %lu\n", st.superslabs);
	seq_printf(m, "superslabs_empty %lu\n", st.superslabs_empty);
	seq_printf(m, "superslabs_grown %llu\n", st.grown);
	seq_printf(m, "superslabs_shrunk %llu\n", st.shrunk);
	seq_printf(m, "superslab_pages %lu\n", st.pages);
	seq_printf(m, "slabs %lu\n", st.slots_used);
	for (i = 0; i < HAK_NR_EVENTS; i++)
		seq_printf(m, "%s %lu\n", hak_event_name[i], st.event[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int classes_show(struct seq_file *m, void *v)
{
	struct hak_class_stats cs;
	struct hak_cache *c;

	seq_puts(m, "# name size per_slab slabs live cached refills spills pushes drains\n");
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		hak_class_stats_read(c, &cs);
		seq_printf(m, "%s %u %u %lu %ld %lu %lu %lu %lu %lu\n",
			   cs.name, cs.size, cs.capacity, cs.slabs,
			   (long)cs.live, cs.cached, cs.refills, cs.spills,
			   cs.pushes, cs.drains);
	}
	mutex_unlock(&hak_cache_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(classes);

void hak_debugfs_init(void)
{
	hak_debugfs_dir = debugfs_create_dir("hakmem", NULL);
	debugfs_create_file("stats", 0444, hak_debugfs_dir, NULL, &stats_fops);
	debugfs_create_file("classes", 0444, hak_debugfs_dir, NULL,
			    &classes_fops);
}

void hak_debugfs_exit(void)
{
	debugfs_remove(hak_debugfs_dir);
}
