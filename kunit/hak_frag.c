// SPDX-License-Identifier: GPL-2.0
/*
 * A machine with full and fragmented memory. Loading the module takes all free
 * memory and gives a share of it back in aligned runs of a few pages, at random.
 * Then it allocates and frees objects of mixed size; if hak_alloc() fails,
 * kmalloc() must fail, too. If "hak" or "slub" is written to the parameter
 * "measure" afterwards, it allocates objects and says how long that took.
 * Unloading gives the memory back. Public API only.
 */
#define pr_fmt(fmt) "hak_frag: " fmt

#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include <hakmem.h>

static unsigned int run = 1;
module_param(run, uint, 0444);
MODULE_PARM_DESC(run, "pages of a run that is free, a power of two");

static unsigned int percent = 5;
module_param(percent, uint, 0444);
MODULE_PARM_DESC(percent, "share of memory to leave free");

static unsigned int turns = 1000000;
module_param(turns, uint, 0444);
MODULE_PARM_DESC(turns, "objects to allocate or free");

static unsigned long succeeded;
module_param(succeeded, ulong, 0444);
MODULE_PARM_DESC(succeeded, "allocations that succeeded");

static unsigned long failed;
module_param(failed, ulong, 0444);
MODULE_PARM_DESC(failed, "allocations that failed, as kmalloc() did");

static unsigned long errors;
module_param(errors, ulong, 0444);
MODULE_PARM_DESC(errors, "allocations that failed though kmalloc() did not");

static unsigned long worst_ns;
module_param(worst_ns, ulong, 0444);
MODULE_PARM_DESC(worst_ns, "the longest allocation measured");

static unsigned long median_ns;
module_param(median_ns, ulong, 0444);
MODULE_PARM_DESC(median_ns, "what half of the allocations took at the most");

/*
 * Other tasks may need memory meanwhile, and must not be killed for it. When the
 * objects have used up the spare memory, tasks get the memory taken here.
 */
#define SPARE_BLOCKS	32
#define SPARE_ORDER	4

#define EAT	(__GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC)

static struct page **eaten;
static unsigned long nr_eaten, max_eaten;
static struct page *spare[SPARE_BLOCKS];
static unsigned int nr_spare;
static bool all_eaten;
static void **slot;
static unsigned long nr_slots;

/* The number of objects measured; the memory has room for all of them. */
#define MEASURED	50000
#define MEASURED_SIZE	64

static void **measured;
static u32 *took;

static int on_oom(struct notifier_block *nb, unsigned long unused, void *data)
{
	unsigned long *freed = data;
	unsigned int i;

	if (nr_spare) {
		__free_pages(spare[--nr_spare], SPARE_ORDER);
		*freed += 1UL << SPARE_ORDER;
	} else if (READ_ONCE(all_eaten)) {
		/* Mostly neighbouring pages, as the stack of a thread needs them. */
		for (i = 0; nr_eaten && i < 1U << SPARE_ORDER; i++)
			__free_page(eaten[--nr_eaten]);
		*freed += i;
	}
	return NOTIFY_OK;
}

static struct notifier_block oom_nb = { .notifier_call = on_oom };

/* Take the largest blocks first, so that the watermarks keep small ones. */
static void eat(unsigned int least)
{
	struct page *page;
	int order, i;

	for (order = MAX_PAGE_ORDER; order >= (int)least; order--) {
		while (nr_eaten + (1UL << order) <= max_eaten) {
			page = alloc_pages(EAT, order);
			if (!page)
				break;
			if (order)
				split_page(page, order);
			for (i = 0; i < 1 << order; i++)
				eaten[nr_eaten++] = page + i;
		}
		cond_resched();
	}
}

static int by_pfn(const void *a, const void *b)
{
	unsigned long x = page_to_pfn(*(struct page **)a);
	unsigned long y = page_to_pfn(*(struct page **)b);

	return x < y ? -1 : x > y;
}

/* Are there pages for a whole run from @i on? */
static bool is_run(unsigned long i)
{
	unsigned long pfn = page_to_pfn(eaten[i]);

	return pfn % run == 0 && i + run <= nr_eaten &&
	       page_to_pfn(eaten[i + run - 1]) == pfn + run - 1;
}

/* Give @want pages back in runs that are spread evenly at random. */
static void crumble(unsigned long want)
{
	unsigned long i, j, kept = 0, given = 0, runs = 0, n;

	sort(eaten, nr_eaten, sizeof(*eaten), by_pfn, NULL);
	for (i = 0; i < nr_eaten; i++)
		runs += is_run(i);
	n = runs;
	for (i = 0; i < nr_eaten; i++) {
		if (n && is_run(i) && given < want &&
		    get_random_u32_below(runs) < want / run) {
			for (j = 0; j < run; j++)
				__free_page(eaten[i + j]);
			given += run;
			i += run - 1;
			continue;
		}
		eaten[kept++] = eaten[i];
	}
	nr_eaten = kept;
}

/* hak_alloc() has failed. Does kmalloc() fail, too, several times? */
static bool kmalloc_fails(unsigned int size)
{
	unsigned int tries;
	void *p, *q;

	for (tries = 0; tries < 3; tries++) {
		q = kmalloc(size, GFP_NOWAIT | __GFP_NOWARN);
		if (!q)
			return true;
		kfree(q);
		p = hak_alloc(size, GFP_NOWAIT | __GFP_NOWARN);
		if (p) {
			hak_free(p);
			return true;
		}
	}
	return false;
}

static void turn(unsigned long i)
{
	unsigned int size;

	if (slot[i]) {
		hak_free(slot[i]);
		slot[i] = NULL;
		return;
	}
	size = 1 + get_random_u32_below(HAK_MAX_SIZE);
	slot[i] = hak_alloc(size, GFP_NOWAIT | __GFP_NOWARN);
	if (slot[i])
		succeeded++;
	else if (kmalloc_fails(size))
		failed++;
	else
		errors++;
}

/* Allocate objects for somewhat more memory than is free, so that some must fail. */
static void use(void)
{
	unsigned long i;

	for (i = 0; i < turns; i++) {
		turn(get_random_u32_below(nr_slots));
		if (i % 1024 == 0)
			cond_resched();
	}
	for (i = 0; i < nr_slots; i++)
		hak_free(slot[i]);
}

static int by_time(const void *a, const void *b)
{
	u32 x = *(u32 *)a, y = *(u32 *)b;

	return x < y ? -1 : x > y;
}

/* Measure as an ordinary caller: a task that may wait for memory. */
static int measure(bool slub)
{
	unsigned long i;
	u64 start;
	int err;

	for (i = 0; i < MEASURED; i++) {
		start = ktime_get_ns();
		measured[i] = slub ? kmalloc(MEASURED_SIZE, GFP_KERNEL) :
				     hak_alloc(MEASURED_SIZE, GFP_KERNEL);
		took[i] = min(ktime_get_ns() - start, U32_MAX);
		if (!measured[i])
			break;
		if (i % 1024 == 0)
			cond_resched();
	}
	err = i == MEASURED ? 0 : -ENOMEM;
	while (i--) {
		if (slub)
			kfree(measured[i]);
		else
			hak_free(measured[i]);
	}
	sort(took, MEASURED, sizeof(*took), by_time, NULL);
	median_ns = took[MEASURED / 2];
	worst_ns = took[MEASURED - 1];
	return err;
}

static int measure_set(const char *val, const struct kernel_param *kp)
{
	/* Refuse commands while the module is being loaded. */
	if (THIS_MODULE->state != MODULE_STATE_LIVE)
		return -EBUSY;
	if (sysfs_streq(val, "slub"))
		return measure(true);
	if (sysfs_streq(val, "hak"))
		return measure(false);
	return -EINVAL;
}

static const struct kernel_param_ops measure_ops = { .set = measure_set };
module_param_cb(measure, &measure_ops, NULL, 0200);
MODULE_PARM_DESC(measure, "hak or slub: whose allocations to measure");

static void give_back(void)
{
	unregister_oom_notifier(&oom_nb);
	while (nr_spare)
		__free_pages(spare[--nr_spare], SPARE_ORDER);
	while (nr_eaten)
		__free_page(eaten[--nr_eaten]);
	kvfree(eaten);
	kvfree(slot);
	kvfree(measured);
	kvfree(took);
}

static int __init hak_frag_init(void)
{
	unsigned long want = totalram_pages() * percent / 100;

	if (!is_power_of_2(run))
		return -EINVAL;
	max_eaten = totalram_pages();
	nr_slots = want * PAGE_SIZE * 9 / 10 / 256;
	eaten = kvcalloc(max_eaten, sizeof(*eaten), GFP_KERNEL);
	slot = kvcalloc(nr_slots, sizeof(*slot), GFP_KERNEL);
	measured = kvcalloc(MEASURED, sizeof(*measured), GFP_KERNEL);
	took = kvcalloc(MEASURED, sizeof(*took), GFP_KERNEL);
	register_oom_notifier(&oom_nb);
	while (nr_spare < SPARE_BLOCKS) {
		spare[nr_spare] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, SPARE_ORDER);
		if (!spare[nr_spare])
			break;
		nr_spare++;
	}
	if (!eaten || !slot || !measured || !took || nr_spare < SPARE_BLOCKS) {
		give_back();
		return -ENOMEM;
	}
	eat(0);
	crumble(want);
	/* Now take the blocks that were spared before. */
	eat(max(ilog2(run) + 1, 2));
	pr_info("%lu pages eaten, %lu of %lu left\n", nr_eaten, want,
		totalram_pages());
	WRITE_ONCE(all_eaten, true);
	use();
	pr_info("%s: %lu succeeded, %lu failed with kmalloc(), %lu without\n",
		errors ? "FAIL" : "PASS", succeeded, failed, errors);
	return 0;
}

static void __exit hak_frag_exit(void)
{
	give_back();
}

module_init(hak_frag_init);
module_exit(hak_frag_exit);

MODULE_DESCRIPTION("hakmem and kmalloc() in fragmented memory, for testing");
MODULE_LICENSE("GPL");
