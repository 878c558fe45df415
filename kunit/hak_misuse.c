// SPDX-License-Identifier: GPL-2.0
/*
 * Misuse on purpose. The module does what its parameter says, and then checks
 * whether the object is unchanged. It shows what the kernel reports. With what=hold it
 * goes on until the module is removed.
 */
#define pr_fmt(fmt) "hak_misuse: " fmt

#include <linux/compiler.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <hakmem.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "what to do");

#define SIZE	64

struct object {
	struct rcu_head rcu;
	u8 rest[SIZE - sizeof(struct rcu_head)];
};

static void do_kfree(struct object *o)
{
	kfree(o);
}

static void do_kvfree(struct object *o)
{
	kvfree(o);
}

static void do_kfree_bulk(struct object *o)
{
	void *p = o;

	kfree_bulk(1, &p);
}

/* The destruction of any cache waits for kfree_rcu(). */
static void wait_for_kfree_rcu(void)
{
	kmem_cache_destroy(KMEM_CACHE(object, SLAB_NO_MERGE));
}

/* A worker frees the object later, and does not know the caller. */
static void do_kfree_rcu(struct object *o)
{
	kfree_rcu(o, rcu);
	wait_for_kfree_rcu();
}

static void do_kvfree_rcu(struct object *o)
{
	kvfree_rcu(o, rcu);
	wait_for_kfree_rcu();
}

static void do_kfree_rcu_mightsleep(struct object *o)
{
	kfree_rcu_mightsleep(o);
	wait_for_kfree_rcu();
}

static void do_ksize(struct object *o)
{
	pr_info("ksize() says %zu\n", ksize(o));
}

static void do_mempool(struct object *o)
{
	mempool_t *pool = mempool_create_kmalloc_pool(1, SIZE);
	void *p;

	if (!pool)
		return;
	/* The pool is full, so it calls kfree(). */
	mempool_free(o, pool);
	p = mempool_alloc(pool, GFP_KERNEL);
	mempool_free(p, pool);
	mempool_destroy(pool);
}

static void do_devm_kfree(struct object *o)
{
	struct platform_device *pdev =
		platform_device_register_simple("hak_misuse", -1, NULL, 0);

	if (IS_ERR(pdev))
		return;
	devm_kfree(&pdev->dev, o);
	platform_device_unregister(pdev);
}

static const struct {
	const char *name;
	void (*fn)(struct object *o);
} misuse[] = {
	{ "kfree",		do_kfree },
	{ "kvfree",		do_kvfree },
	{ "kfree_bulk",		do_kfree_bulk },
	{ "kfree_rcu",		do_kfree_rcu },
	{ "kvfree_rcu",		do_kvfree_rcu },
	{ "kfree_rcu_mightsleep", do_kfree_rcu_mightsleep },
	{ "ksize",		do_ksize },
	{ "mempool",		do_mempool },
	{ "devm_kfree",		do_devm_kfree },
};

static bool is_intact(const struct object *o)
{
	return hak_usable_size(o) == SIZE &&
	       !memchr_inv(o->rest, 0x5a, sizeof(o->rest));
}

/* Neighbours on both sides show whether memory beyond the object was written. */
static int misuse_one(void (*fn)(struct object *o))
{
	struct object *o[5];
	unsigned int i, bad = 0;

	if (hak_alloc_bulk(SIZE, GFP_KERNEL, ARRAY_SIZE(o), (void **)o) == 0)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(o); i++)
		memset(o[i], 0x5a, SIZE);
	fn(o[2]);
	for (i = 0; i < ARRAY_SIZE(o); i++)
		bad += !is_intact(o[i]);
	pr_info("%s: %u objects are not as they were\n", what, bad);
	hak_free_bulk(ARRAY_SIZE(o), (void **)o);
	return 0;
}

/* The right way to free memory from hakmem after a grace period. */
static void free_object_rcu(struct rcu_head *head)
{
	hak_free(container_of(head, struct object, rcu));
}

static int free_after_rcu(void)
{
	struct object *o = hak_alloc(SIZE, GFP_KERNEL);

	if (!o)
		return -ENOMEM;
	call_rcu(&o->rcu, free_object_rcu);
	rcu_barrier();
	o = hak_alloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return -ENOMEM;
	/* The removal of hakmem waits for this free. */
	hak_free_rcu(o, rcu);
	return 0;
}

/* Try each bad argument. If a cache is made all the same, destroy it. */
static int create_badly(void)
{
	static const struct hak_cache_args copied = { .usersize = SIZE + 1 };
	static const char longest[] =
		"a-name-of-63-characters-which-is-as-long-as-a-name-may-be-here1";
	static const char longer[] =
		"a-name-of-64-characters-which-is-one-more-than-a-name-may-have12";
	struct hak_cache *c, *d;

	BUILD_BUG_ON(sizeof(longest) != HAK_CACHE_NAME_MAX + 1);
	BUILD_BUG_ON(sizeof(longer) != HAK_CACHE_NAME_MAX + 2);
	hak_cache_destroy(hak_cache_create(NULL, SIZE, 0, 0, NULL));
	hak_cache_destroy(hak_cache_create("", SIZE, 0, 0, NULL));
	hak_cache_destroy(hak_cache_create("a blank", SIZE, 0, 0, NULL));
	hak_cache_destroy(hak_cache_create(longer, SIZE, 0, 0, NULL));
	hak_cache_destroy(hak_cache_create("hak-64", SIZE, 0, 0, NULL));
	hak_cache_destroy(hak_cache_create("empty", 0, 0, 0, NULL));
	hak_cache_destroy(hak_cache_create("large", 8193, 0, 0, NULL));
	hak_cache_destroy(hak_cache_create("aligned", SIZE, 24, 0, NULL));
	hak_cache_destroy(hak_cache_create("flagged", SIZE, 0, SLAB_CACHE_DMA, NULL));
	hak_cache_destroy(hak_cache_create("bit", SIZE, 0, 1U << 31, NULL));
	hak_cache_destroy(hak_cache_create_args("copied", SIZE, &copied, 0));

	c = hak_cache_create(longest, SIZE, 0, 0, NULL);
	d = hak_cache_create(longest, SIZE, 0, 0, NULL);
	pr_info("create: the longest name is %s, and again %s\n",
		c ? "taken" : "refused", d ? "taken" : "refused");
	hak_cache_destroy(d);
	hak_cache_destroy(c);
	return 0;
}

/* Destroy a cache while an object of it is live, from hakmem or from SLUB. */
static int destroy_early(gfp_t gfp)
{
	struct hak_cache *c = hak_cache_create("hak_misuse", SIZE, 0, 0, NULL);
	void *p, *q;

	if (!c)
		return -ENOMEM;
	p = hak_cache_alloc(c, gfp);
	if (p)
		hak_cache_destroy(c);
	q = hak_cache_alloc(c, gfp);
	pr_info("%s: the cache has %s\n", what, q ? "lived on" : "no memory");
	hak_cache_free(c, q);
	hak_cache_free(c, p);
	hak_cache_destroy(c);
	return 0;
}

/*
 * With debug=K, KASAN has to report one access of each of the next two functions, by the
 * function's name; so they are not inlined. It must not report the memset().
 */
static noinline int read_freed(void)
{
	u8 *p = hak_alloc(SIZE, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	memset(p, 0, SIZE);
	hak_free(p);
	READ_ONCE(*p);
	return 0;
}

static noinline int write_beyond(void)
{
	u8 *p = hak_alloc(SIZE, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	memset(p, 0, SIZE);
	/* If the compiler knew the size of the object, it would warn. */
	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(p[SIZE], 1);
	hak_free(p);
	return 0;
}

/**
 * struct holder - an object of hakmem that holds a block of kmalloc()
 * @block: the block; NULL once the parameter drop was written to. No other pointer leads
 *	to it.
 */
struct holder {
	void *block;
};

/* SLUB's own stores may keep stale pointers, so the page allocator serves the block. */
#define BLOCK	(2 * KMALLOC_MAX_CACHE_SIZE)

static struct holder *holder;
/* The address of the block, inverted, so that kmemleak does not take it for a pointer. */
static unsigned long hidden;

/* From here on only the object points to the block. kmemleak reports it by this function. */
static noinline int hold_block(void)
{
	struct holder *h = hak_zalloc(sizeof(*h), GFP_KERNEL);

	if (!h)
		return -ENOMEM;
	h->block = kzalloc(BLOCK, GFP_KERNEL);
	if (!h->block || !hak_owns(h)) {
		kfree(h->block);
		hak_free(h);
		return -ENOMEM;
	}
	hidden = ~(unsigned long)h->block;
	holder = h;
	return 0;
}

/* Now nothing points to the block. This does not load the pointer into a register. */
static int drop_set(const char *val, const struct kernel_param *kp)
{
	if (!holder)
		return -ENOENT;
	WRITE_ONCE(holder->block, NULL);
	return 0;
}

static const struct kernel_param_ops drop_ops = { .set = drop_set };
module_param_cb(drop, &drop_ops, NULL, 0200);
MODULE_PARM_DESC(drop, "what=hold: clear the only pointer to the block");

static int __init hak_misuse_init(void)
{
	unsigned int i;

	if (!strcmp(what, "create"))
		return create_badly();
	if (!strcmp(what, "call_rcu"))
		return free_after_rcu();
	if (!strcmp(what, "destroy"))
		return destroy_early(GFP_KERNEL);
	if (!strcmp(what, "destroy_slubs"))
		return destroy_early(GFP_KERNEL_ACCOUNT);
	if (!strcmp(what, "read_freed"))
		return read_freed();
	if (!strcmp(what, "write_beyond"))
		return write_beyond();
	if (!strcmp(what, "hold"))
		return hold_block();
	for (i = 0; i < ARRAY_SIZE(misuse); i++)
		if (!strcmp(what, misuse[i].name))
			return misuse_one(misuse[i].fn);
	pr_err("what=%s is not known\n", what);
	return -EINVAL;
}

static void __exit hak_misuse_exit(void)
{
	if (!holder)
		return;
	kfree((void *)~hidden);
	hak_free(holder);
}

module_init(hak_misuse_init);
module_exit(hak_misuse_exit);

MODULE_DESCRIPTION("Misuse of hakmem's memory, for testing");
MODULE_LICENSE("GPL");
