// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: what a size class and a hak_cache_create() cache have in common, and
 * how the latter come and go.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/bug.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/nodemask.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "core.h"

LIST_HEAD(hak_caches);

/* Protects hak_caches and serialises what walks it; see core.h. */
DEFINE_MUTEX(hak_cache_mutex);

/* Typed caches come and go one at a time, so that no two have one name. */
static DEFINE_MUTEX(hak_create_mutex);

/* A typed cache's name in /proc/slabinfo, for what SLUB serves, begins so. */
#define HAK_FALLBACK_PREFIX	"hakmem-"

/*
 * Have whoever looks at all caches look at @c, too, or no longer. Those who hold
 * no mutex, but have preemption off, may still do so until a grace period later.
 */
void hak_cache_list(struct hak_cache *c, bool listed)
{
	lockdep_assert_held(&hak_cache_mutex);

	if (c->listed == listed)
		return;
	c->listed = listed;
	if (listed)
		list_add_tail_rcu(&c->list, &hak_caches);
	else
		list_del_rcu(&c->list);
}

/*
 * Let the CPUs that are up use their per-CPU caches, and those that come and go
 * know of them. None does so between being looked at and being listed.
 */
static void hak_cache_publish(struct hak_cache *c)
{
	unsigned int cpu;

	mutex_lock(&hak_cache_mutex);
	for_each_possible_cpu(cpu)
		if (hak_cpu_is_up(cpu))
			hak_cpu_sleep(per_cpu_ptr(c->cpu, cpu));
	hak_cache_list(c, true);
	mutex_unlock(&hak_cache_mutex);
}

/**
 * hak_cache_setup() - fill in a cache and make it known
 * @c: zeroed memory, but for what hak_cache_layout() fills in
 * @name: kept, not copied
 * @size: from one object to the next, a multiple of 8, at most HAK_MAX_STRIDE
 *
 * Context: task.
 * Return: 0 or -ENOMEM, with nothing left behind.
 */
int hak_cache_setup(struct hak_cache *c, const char *name, u32 size)
{
	unsigned int cpu;
	int err;

	c->name = name;
	c->size = size;
	c->recip = BIT_ULL(32) / size + 1;
	c->step = c->recip * size;
	BUILD_BUG_ON(BIT_ULL(32) / HAK_MAX_STRIDE <= HAK_SLAB_SIZE);
	c->capacity = HAK_SLAB_SIZE / size;
	c->cap = hak_cpu_cap(size);

	err = hak_pool_create(c);
	if (err)
		return err;
	c->cpu = __alloc_percpu(hak_cpu_cache_bytes(c->cap),
				__alignof__(struct hak_cpu_cache));
	if (!c->cpu) {
		hak_pool_destroy(c);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu)
		hak_cpu_cache_init(per_cpu_ptr(c->cpu, cpu), c, c->cap,
				   HAK_MAGAZINES);

	hak_cache_publish(c);
	return 0;
}

/*
 * Nobody uses @c any more: empty every CPU's cache of it and reap its pools.
 * CPUs that come or go from here on do not know it.
 *
 * With paranoid_drain CPUs drain the slabs of all listed caches, whatever they are
 * used for; so it is in no list, and none of them is at it, before another task
 * acts as owner.
 */
static void hak_cache_quiesce(struct hak_cache *c)
{
	unsigned int cpu;
	int nid;

	cpus_read_lock();
	mutex_lock(&hak_cache_mutex);
	hak_cache_list(c, false);
	if (hak_paranoid_drain)
		synchronize_rcu();
	for_each_possible_cpu(cpu) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		preempt_disable();
		WRITE_ONCE(cc->mark, HAK_CPU_INSIDE);
		hak_cpu_flush(c, cc);
		preempt_enable();
	}
	/* A depot may have objects of other nodes, and notices of @c are forgotten. */
	for_each_node(nid)
		hak_depot_flush(c, nid);
	for_each_node(nid)
		hak_pool_reap(c->pool[nid]);
	mutex_unlock(&hak_cache_mutex);
	cpus_read_unlock();
}

/* For work_on_cpu(): this CPU empties its cache of @data, unless that is in use. */
static long hak_cache_flush_this(void *data)
{
	struct hak_cache *c = data;
	struct hak_cpu_cache *cc;

	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	if (hak_cpu_is_awake(cc)) {
		hak_cpu_enter(cc);
		hak_cpu_flush(c, cc);
		hak_cpu_sleep(cc);
	}
	preempt_enable();
	return 0;
}

/**
 * hak_cache_shrink() - give back what a cache does not use
 * @c: the cache
 *
 * Every CPU empties its stock of the cache, and slabs without a live object are
 * released; those of a SLAB_TYPESAFE_BY_RCU cache after the next grace period. A
 * superslab goes back to the page allocator when no other cache uses it. In the
 * userspace build a thread empties its own stock alone.
 *
 * Context: task, may sleep.
 * Return: 0 if the cache has no slab any more, else 1.
 */
int hak_cache_shrink(struct hak_cache *c)
{
	struct hak_class_stats cs;
	unsigned int cpu;
	int nid;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, hak_cache_flush_this, c);
	cpus_read_unlock();

	mutex_lock(&hak_cache_mutex);
	for_each_node(nid)
		hak_depot_flush(c, nid);
	for_each_node(nid)
		hak_pool_reap(c->pool[nid]);
	mutex_unlock(&hak_cache_mutex);
	kmem_cache_shrink(c->fallback);
	hak_class_stats_read(c, &cs);
	return !!cs.slabs;
}
EXPORT_SYMBOL_GPL(hak_cache_shrink);

/* Undo hak_cache_setup(); what is still in its slabs was reported. */
void hak_cache_teardown(struct hak_cache *c)
{
	mutex_lock(&hak_cache_mutex);
	hak_cache_list(c, false);
	mutex_unlock(&hak_cache_mutex);
	free_percpu(c->cpu);
	c->cpu = NULL;
	hak_pool_destroy(c);
}

/* Is there a cache of this name, size classes included? It is reported. */
static bool hak_cache_name_taken(const char *name)
{
	struct hak_cache *c;
	bool taken = false;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list)
		taken = taken || !strcmp(c->name, name);
	mutex_unlock(&hak_cache_mutex);
	if (taken)
		pr_err("hak_cache_create(%s): name is that of another cache\n", name);
	return taken;
}

/* Its name, copied, behind that of its fallback. */
static const char *hak_cache_name_dup(const char *name)
{
	size_t bytes = strlen(HAK_FALLBACK_PREFIX) + strlen(name) + 1;
	char *both = kmalloc(bytes, GFP_KERNEL);

	if (!both)
		return NULL;
	snprintf(both, bytes, HAK_FALLBACK_PREFIX "%s", name);
	return both + strlen(HAK_FALLBACK_PREFIX);
}

static const char *hak_cache_fallback_name(const struct hak_cache *c)
{
	return c->name - strlen(HAK_FALLBACK_PREFIX);
}

/* hak_cache_create_args() with good arguments; under hak_create_mutex. */
static struct hak_cache *__hak_cache_create(const char *name, unsigned int size,
					    const struct hak_cache_args *args,
					    slab_flags_t flags)
{
	struct hak_cache *c;

	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return NULL;
	hak_cache_layout(c, size, args, flags);
	c->name = hak_cache_name_dup(name);
	if (!c->name)
		goto free_cache;
	if (hak_fallback_create(c, hak_cache_fallback_name(c), args))
		goto free_name;
	if (hak_cache_setup(c, c->name, c->size))
		goto free_fallback;
	pr_debug("cache %s: %u bytes, %u to a slab\n", name, c->size, c->capacity);
	return c;

free_fallback:
	hak_fallback_destroy(c);
free_name:
	kfree(hak_cache_fallback_name(c));
free_cache:
	kfree(c);
	return NULL;
}

/**
 * hak_cache_create_args() - make a cache of objects of one size
 * @name: for people, unlike any other cache's, of up to HAK_CACHE_NAME_MAX
 *	characters and no blanks; copied
 * @size: object size in bytes, 1..HAK_CACHE_MAX_SIZE
 * @args: what else there is to say; NULL for none of it
 * @flags: SLAB_ flags, see below
 *
 * Objects come from slabs that hold nothing else. They begin the alignment apart
 * or a multiple of that, so that with an alignment of the cache line no two share
 * one; see hak_alloc() for what that is good for. Objects that SLUB has to serve
 * are of a cache of its own, hakmem-NAME in /proc/slabinfo; all that follows holds
 * for them, too.
 *
 * %SLAB_HWCACHE_ALIGN aligns as kmem_cache_create() does, so that objects of half
 * a cache line or less share one. %SLAB_TYPESAFE_BY_RCU keeps the memory of a free
 * object an object of this cache until a grace period later; in the userspace
 * build there are no grace periods. %SLAB_PANIC panics where NULL would be
 * returned. %SLAB_ACCOUNT charges the memory cgroup: hakmem cannot, so all objects
 * of such a cache are SLUB's, and cost what those cost. hakmem never merges caches,
 * so %SLAB_NO_MERGE says nothing new. %SLAB_RECLAIM_ACCOUNT is for the objects that
 * SLUB serves; hakmem's pages are not counted as reclaimable. %SLAB_POISON and
 * %SLAB_RED_ZONE are taken and not honoured yet. Other flags are refused.
 *
 * Context: task, may sleep.
 * Return: the cache, or NULL; an argument that is refused is reported by name.
 */
struct hak_cache *hak_cache_create_args(const char *name, unsigned int size,
					const struct hak_cache_args *args,
					slab_flags_t flags)
{
	static const struct hak_cache_args none;
	struct hak_cache *c = NULL;

	if (!args)
		args = &none;
	if (hak_cache_args_ok(name, size, args, flags)) {
		mutex_lock(&hak_create_mutex);
		if (!hak_cache_name_taken(name))
			c = __hak_cache_create(name, size, args, flags);
		mutex_unlock(&hak_create_mutex);
	}
	if (unlikely(!c && flags & SLAB_PANIC))
		panic("hakmem: cannot create cache %s\n", name);
	return c;
}
EXPORT_SYMBOL_GPL(hak_cache_create_args);

/**
 * hak_cache_create() - make a cache of objects of one size
 * @name: as for hak_cache_create_args()
 * @size: likewise
 * @align: alignment in bytes, 0 for 8, else a power of two up to PAGE_SIZE
 * @flags: as for hak_cache_create_args()
 * @ctor: constructor or NULL, see struct hak_cache_args
 *
 * Context: task, may sleep.
 * Return: as for hak_cache_create_args().
 */
struct hak_cache *hak_cache_create(const char *name, unsigned int size,
				   unsigned int align, slab_flags_t flags,
				   void (*ctor)(void *))
{
	struct hak_cache_args args = { .align = align, .ctor = ctor };

	return hak_cache_create_args(name, size, &args, flags);
}
EXPORT_SYMBOL_GPL(hak_cache_create);

/*
 * Nobody uses @c any more. A free of a stale pointer may have found it through a
 * slab, and goes on to its per-CPU caches and pools with preemption off: they stay
 * until no such free is under way, and from here on none finds @c.
 */
static void hak_cache_free_all(struct hak_cache *c)
{
	synchronize_rcu();
	hak_cache_teardown(c);
	hak_fallback_destroy(c);
	kfree(hak_cache_fallback_name(c));
	kfree(c);
}

/* Says what keeps @c from being destroyed; false if nothing does. */
static bool hak_cache_in_use(const struct hak_cache *c,
			     const struct hak_class_stats *cs)
{
	WARN(cs->excess, "hak_cache_destroy(%s): %lu more frees than allocations\n",
	     c->name, cs->excess);
	WARN(cs->live || cs->fallback,
	     "hak_cache_destroy(%s): %ld objects in %lu slabs are live, and %ld of SLUB's\n",
	     c->name, cs->live, cs->slabs, cs->fallback);
	WARN(cs->slabs && !cs->live && !cs->excess,
	     "hak_cache_destroy(%s): %lu slabs with broken books are kept\n",
	     c->name, cs->slabs);
	return cs->slabs || cs->fallback;
}

/* hak_cache_destroy(), under hak_create_mutex. */
static void __hak_cache_destroy(struct hak_cache *c)
{
	struct hak_class_stats cs;

	hak_cache_quiesce(c);
	hak_limbo_drain(c);
	hak_class_stats_read(c, &cs);
	if (hak_cache_in_use(c, &cs)) {
		hak_cache_publish(c);
		/* What the reaper was told of it meanwhile it forgot. */
		hak_reap_all();
		return;
	}
	pr_debug("cache %s destroyed\n", c->name);
	hak_cache_free_all(c);
}

/**
 * hak_cache_destroy() - destroy a cache
 * @c: the cache, or NULL
 *
 * All its objects must have been freed, and nobody may be using it; for those that
 * were given to hak_free_rcu() it waits. With objects live it warns and leaves the
 * cache as it is, so that they can still be freed; likewise if there were more
 * frees than allocations.
 *
 * Context: task, may sleep.
 */
void hak_cache_destroy(struct hak_cache *c)
{
	if (!c)
		return;
	hak_free_rcu_barrier();
	mutex_lock(&hak_create_mutex);
	__hak_cache_destroy(c);
	mutex_unlock(&hak_create_mutex);
}
EXPORT_SYMBOL_GPL(hak_cache_destroy);

/**
 * hak_cache_exit() - destroy the caches that others have left behind
 *
 * No user of hakmem is left to destroy them, or to free their objects. Each was
 * reported. Their superslabs stay allocated if objects are live, and SLUB says
 * which of its own are.
 *
 * Context: task, may sleep; every CPU's caches are empty.
 */
void hak_cache_exit(void)
{
	struct hak_cache *c, *next;

	list_for_each_entry_safe(c, next, &hak_caches, list)
		if (!hak_is_size_class(c))
			hak_cache_free_all(c);
}

/**
 * hak_cache_size() - the size of a cache's objects
 * @c: the cache
 *
 * Return: bytes that are the user's: the size asked for, and what alignment adds.
 */
unsigned int hak_cache_size(const struct hak_cache *c)
{
	return c->usable;
}
EXPORT_SYMBOL_GPL(hak_cache_size);
