// SPDX-License-Identifier: GPL-2.0
/*
 * The part of the memory benchmark that runs in the kernel. The parameter "cmd"
 * gives it commands, and qemu/bench/bench-mem and its guest script measure. It
 * uses the public API only, so it runs on a kernel without tests.
 *
 *   fill WHOSE SIZE COUNT  allocate; WHOSE is hak or slub, SIZE 0 for 8..1024
 *   churn PERCENT          free one object at random and allocate another, as often
 *                          as PERCENT of the live objects
 *   free PERCENT HOW CPU   free PERCENT of the live objects on CPU; HOW is
 *                          order or random
 *   ring SIZE NR           one CPU allocates, another frees, through a ring
 *   stop                   end the ring
 */
#define pr_fmt(fmt) "hak_bench_mem: " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <hakmem.h>

#define MIX_MIN		8
#define MIX_MAX		HAK_MAX_SIZE

static DEFINE_MUTEX(mutex);

static unsigned long live;
module_param(live, ulong, 0444);
MODULE_PARM_DESC(live, "objects live");

static unsigned long live_bytes;
module_param(live_bytes, ulong, 0444);
MODULE_PARM_DESC(live_bytes, "bytes asked for that are live");

static unsigned long passed;
module_param(passed, ulong, 0444);
MODULE_PARM_DESC(passed, "objects that went through the ring");

/* --- fill and free --- */

static void **obj;
static unsigned long nr_obj;	/* the objects from 0 to live - 1 are live */
static bool slub;
static unsigned int obj_size;
static struct kmem_cache *slub_cache;

static unsigned int mix_size(void)
{
	return MIX_MIN + get_random_u32_below(MIX_MAX - MIX_MIN + 1);
}

static void *bench_alloc(unsigned int size)
{
	if (!slub)
		return hak_alloc(size, GFP_KERNEL);
	if (slub_cache)
		return kmem_cache_alloc(slub_cache, GFP_KERNEL);
	return kmalloc(size, GFP_KERNEL);
}

static void bench_free(void *p)
{
	if (!slub)
		hak_free(p);
	else if (slub_cache)
		kmem_cache_free(slub_cache, p);
	else
		kfree(p);
}

static int fill(const char *whose, unsigned int size, unsigned long nr)
{
	if (live || size > MIX_MAX || !nr)
		return -EINVAL;
	slub = !strcmp(whose, "slub");
	obj_size = size;
	/* Not kmalloc(), whose large blocks count as slabs. */
	obj = vcalloc(nr, sizeof(*obj));
	if (!obj)
		return -ENOMEM;
	if (slub && size) {
		slub_cache = kmem_cache_create("hak_bench_mem", size, 0,
					       SLAB_NO_MERGE, NULL);
		if (!slub_cache) {
			vfree(obj);
			return -ENOMEM;
		}
	}
	for (nr_obj = nr; live < nr; live++) {
		unsigned int n = size ? size : mix_size();

		obj[live] = bench_alloc(n);
		if (!obj[live])
			return -ENOMEM;
		live_bytes += n;
		if (live % 1024 == 0)
			cond_resched();
	}
	return 0;
}

/* If sizes are mixed, about as many bytes are allocated as are freed. */
static int churn(unsigned int percent)
{
	unsigned long i, n = mult_frac(live, percent, 100);

	if (!live)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		unsigned long j = get_random_u32_below(live);
		void *p = bench_alloc(obj_size ? obj_size : mix_size());

		if (!p)
			return -ENOMEM;
		swap(obj[j], p);
		bench_free(p);
		if (i % 1024 == 0)
			cond_resched();
	}
	return 0;
}

/*
 * If sizes are mixed, the sizes of the freed objects are not known, so subtract
 * their share of the bytes.
 */
static void forget(unsigned long n)
{
	live_bytes -= obj_size ? n * obj_size :
		      mult_frac(live_bytes, n, live);
	live -= n;
	if (live)
		return;
	vfree(obj);
	obj = NULL;
	kmem_cache_destroy(slub_cache);
	slub_cache = NULL;
}

struct release {
	unsigned long nr;
	bool random;
	struct completion done;
};

static int free_thread(void *arg)
{
	struct release *r = arg;
	unsigned long i, j;

	for (i = 0; i < r->nr; i++) {
		if (r->random) {
			j = i + get_random_u32_below(live - i);
			swap(obj[i], obj[j]);
		}
		bench_free(obj[i]);
		if (i % 1024 == 0)
			cond_resched();
	}
	/* Move the live objects to the front, where the next free begins. */
	memmove(obj, obj + r->nr, (live - r->nr) * sizeof(*obj));
	complete(&r->done);
	return 0;
}

static int release_objects(unsigned int percent, const char *how, unsigned int cpu)
{
	struct release r = {
		.nr = mult_frac(live, percent, 100),
		.random = !strcmp(how, "random"),
	};
	struct task_struct *t;

	init_completion(&r.done);
	if (!live || percent > 100 || cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;
	t = kthread_create(free_thread, &r, "hak_bench_mem");
	if (IS_ERR(t))
		return PTR_ERR(t);
	kthread_bind(t, cpu);
	get_task_struct(t);
	wake_up_process(t);
	/*
	 * No single long sleep, which would look like a hung task on a slow
	 * machine.
	 */
	while (!wait_for_completion_timeout(&r.done, HZ))
		;
	kthread_stop(t);
	put_task_struct(t);
	forget(r.nr);
	return 0;
}

/* --- the ring --- */

static struct task_struct *producer, *consumer;
static void **ring;
static unsigned int ring_nr, ring_size;

static int produce(void *unused)
{
	unsigned int i = 0;
	void *p = NULL;

	while (!kthread_should_stop()) {
		if (!p)
			p = hak_alloc(ring_size ? ring_size : mix_size(),
				      GFP_KERNEL);
		if (!p || READ_ONCE(ring[i])) {
			cond_resched();
			continue;
		}
		/* Pairs with the acquire in consume(). */
		smp_store_release(&ring[i], p);
		p = NULL;
		i = (i + 1) % ring_nr;
	}
	hak_free(p);
	return 0;
}

static int consume(void *unused)
{
	unsigned int i = 0;

	while (!kthread_should_stop()) {
		/* Pairs with the release in produce(). */
		void *p = smp_load_acquire(&ring[i]);

		if (!p) {
			cond_resched();
			continue;
		}
		hak_free(p);
		/* Pairs with the control dependency in produce(). */
		smp_store_release(&ring[i], NULL);
		passed++;
		i = (i + 1) % ring_nr;
	}
	return 0;
}

static int ring_stop(void)
{
	unsigned int i;

	if (!ring)
		return -EINVAL;
	if (!IS_ERR_OR_NULL(producer))
		kthread_stop(producer);
	if (!IS_ERR_OR_NULL(consumer))
		kthread_stop(consumer);
	producer = NULL;
	consumer = NULL;
	for (i = 0; i < ring_nr; i++)
		hak_free(ring[i]);
	kvfree(ring);
	ring = NULL;
	return 0;
}

static int ring_start(unsigned int size, unsigned int nr)
{
	unsigned int a = cpumask_first(cpu_online_mask);
	unsigned int b = cpumask_next(a, cpu_online_mask);

	if (ring || !nr || size > MIX_MAX || b >= nr_cpu_ids)
		return -EINVAL;
	ring = kvcalloc(nr, sizeof(*ring), GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	ring_nr = nr;
	ring_size = size;
	passed = 0;
	producer = kthread_create(produce, NULL, "hak_producer");
	consumer = kthread_create(consume, NULL, "hak_consumer");
	if (IS_ERR(producer) || IS_ERR(consumer)) {
		ring_stop();
		return -ENOMEM;
	}
	kthread_bind(producer, a);
	kthread_bind(consumer, b);
	wake_up_process(producer);
	wake_up_process(consumer);
	return 0;
}

/* --- commands --- */

static int command(const char *val)
{
	unsigned int a, b;
	unsigned long n;
	char word[8];

	if (sscanf(val, "fill %7s %u %lu", word, &a, &n) == 3)
		return fill(word, a, n);
	if (sscanf(val, "churn %u", &a) == 1)
		return churn(a);
	if (sscanf(val, "free %u %7s %u", &a, word, &b) == 3)
		return release_objects(a, word, b);
	if (sscanf(val, "ring %u %u", &a, &b) == 2)
		return ring_start(a, b);
	if (!strncmp(val, "stop", 4))
		return ring_stop();
	return -EINVAL;
}

static int cmd_set(const char *val, const struct kernel_param *kp)
{
	int err;

	mutex_lock(&mutex);
	/* Refuse commands while the module is being loaded. */
	err = THIS_MODULE->state == MODULE_STATE_LIVE ? command(val) : -EBUSY;
	mutex_unlock(&mutex);
	return err;
}

static const struct kernel_param_ops cmd_ops = { .set = cmd_set };
module_param_cb(cmd, &cmd_ops, NULL, 0200);
MODULE_PARM_DESC(cmd, "fill, churn, free, ring or stop");

static int __init hak_bench_mem_init(void)
{
	return 0;
}

static void __exit hak_bench_mem_exit(void)
{
	if (ring)
		ring_stop();
	if (live)
		release_objects(100, "order", cpumask_first(cpu_online_mask));
}

module_init(hak_bench_mem_init);
module_exit(hak_bench_mem_exit);

MODULE_DESCRIPTION("hakmem's memory benchmark");
MODULE_LICENSE("GPL");
