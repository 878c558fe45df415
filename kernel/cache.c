// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: the set-up that size classes and typed caches share, and the creation
 * and destruction of typed caches.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/bug.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/nodemask.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "core.h"

LIST_HEAD(hak_caches);

/* Protects hak_caches and serialises the walks that may sleep; see core.h. */
DEFINE_MUTEX(hak_cache_mutex);

/*
 * The typed caches whose names are taken. A name is taken before the cache is made, and
 * until nothing of the cache is left, so that no two have the same name. Tasks create and
 * destroy caches side by side. So a caller with cpus_read_lock() held can create a cache:
 * it never waits for a task that destroys one and needs that lock.
 */
LIST_HEAD(hak_named);

/* Protects hak_named. It is held for a walk of the list only. */
static DEFINE_MUTEX(hak_name_mutex);

/* SLUB's part of typed cache NAME is called hakmem-NAME in /proc/slabinfo. */
#define HAK_FALLBACK_PREFIX	"hakmem-"

/*
 * Put @c into the list of all caches, or take it out. After it was taken out, RCU
 * readers may still find it until a grace period has passed.
 */
void hak_cache_set_listed(struct hak_cache *c, bool listed)
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
 * Open the per-CPU caches of @c on all CPUs that are up, and list @c, so that
 * CPUs that come up or go down later handle it. CPU hotplug takes the same mutex,
 * so no CPU does so between the two steps.
 */
void hak_cache_enable(struct hak_cache *c)
{
	unsigned int cpu;

	mutex_lock(&hak_cache_mutex);
	for_each_possible_cpu(cpu)
		if (hak_cpu_is_up(cpu))
			hak_cpu_sleep(per_cpu_ptr(c->cpu, cpu));
	hak_cache_set_listed(c, true);
	mutex_unlock(&hak_cache_mutex);
}

/**
 * hak_cache_setup() - fill in a cache
 * @c: the cache; zeroed except for its name, which has to stay and may be read by others
 *	already, and for the fields that hak_cache_layout() fills in
 * @size: distance from one object to the next, a multiple of 8, at most
 *	HAK_MAX_PADDED
 *
 * All its per-CPU caches are busy until hak_cache_enable() opens it to all CPUs.
 *
 * Context: task.
 * Return: 0, or -ENOMEM with everything undone.
 */
int hak_cache_setup(struct hak_cache *c, u32 size)
{
	unsigned int cpu;
	int err;

	c->size = size;
	c->recip = BIT_ULL(32) / size + 1;
	c->step = c->recip * size;
	BUILD_BUG_ON(BIT_ULL(32) / HAK_MAX_PADDED <= HAK_SLAB_SIZE);
	c->capacity = HAK_SLAB_SIZE / size;
	/* Of a cache that is debugged each object goes through its slab. */
	c->cap = c->checks ? 0 : hak_cpu_cap(size);
	if (hak_hardened)
		c->checks |= HAK_CHECK_FREE;
	hak_check_capacity(c);

	err = hak_harden_cache(c);
	if (err)
		return err;
	err = hak_pool_create(c);
	if (err)
		goto free_order;
	c->cpu = hak_percpu_alloc(hak_cpu_cache_bytes(c->cap),
				  __alignof__(struct hak_cpu_cache));
	if (!c->cpu) {
		err = -ENOMEM;
		goto free_pool;
	}
	/* With the mutex held, no CPU becomes possible. In a kernel none ever does. */
	mutex_lock(&hak_cache_mutex);
	for_each_possible_cpu(cpu)
		hak_cpu_cache_init(per_cpu_ptr(c->cpu, cpu), c, c->cap,
				   HAK_MAGAZINES);
	mutex_unlock(&hak_cache_mutex);
	return 0;

free_pool:
	hak_pool_destroy(c);
free_order:
	kvfree(c->order);
	c->order = NULL;
	return err;
}

struct hak_cache_call {
	struct hak_cache *c;
	atomic_t inside;
};

/*
 * Empty and close this CPU's cache, unless the owner is inside, which is counted. In an
 * interrupt. Another CPU could not do it: a fast path that tries to go in changes the number
 * of objects for a moment, even if the cache is closed.
 */
static void hak_cpu_close(void *arg)
{
	struct hak_cache_call *call = arg;
	struct hak_cpu_cache *cc = this_cpu_ptr(call->c->cpu);

	if (!hak_cpu_inside(cc)) {
		hak_cpu_enter(cc);
		hak_cpu_flush(call->c, cc);
		WRITE_ONCE(cc->mark, HAK_CPU_CLOSED);
	} else if (!hak_cpu_is_closed(cc)) {
		atomic_inc(&call->inside);
	}
}

/*
 * Open it again. A fast path that is just trying to go in is counted. If the owner was about
 * to go in when the cache was closed, the cache is open.
 */
static void hak_cpu_reopen(void *arg)
{
	struct hak_cache_call *call = arg;
	struct hak_cpu_cache *cc = this_cpu_ptr(call->c->cpu);

	if (READ_ONCE(cc->mark) == HAK_CPU_CLOSED)
		hak_cpu_sleep(cc);
	else if (hak_cpu_inside(cc))
		atomic_inc(&call->inside);
}

/*
 * Have each CPU that is online do @fn, and again as long as an owner is found inside, up to
 * some 50 ms. An owner leaves as soon as it runs, and no test takes that long.
 */
static void hak_cache_call(struct hak_cache *c, void (*fn)(void *call))
{
	struct hak_cache_call call = { .c = c };
	unsigned int i;

	for (i = 0; i < 50; i++) {
		atomic_set(&call.inside, 0);
		on_each_cpu(fn, &call, 1);
		if (!atomic_read(&call.inside))
			break;
		usleep_range(500, 1000);
	}
}

/*
 * The caller destroys @c, and no user is left. Close every CPU's cache of it,
 * flush them, and reap the pools. A CPU that comes up or goes down after this
 * does not find @c.
 *
 * With paranoid_drain every CPU drains its slabs of all listed caches at any
 * operation. So @c leaves the list first, and a grace period passes, before this
 * task acts as the owner of other CPUs' slabs.
 *
 * If there is a user after all, the cache is not destroyed, and nothing may get lost. So each
 * CPU empties and closes its cache itself, while it is not inside.
 */
static void hak_cache_quiesce(struct hak_cache *c)
{
	unsigned int cpu;
	int nid;

	cpus_read_lock();
	mutex_lock(&hak_cache_mutex);
	hak_cache_set_listed(c, false);
	if (hak_paranoid_drain)
		synchronize_rcu();
	hak_cache_call(c, hak_cpu_close);
	/*
	 * CPUs that are not online cannot do that, nor use their caches. If one that is online
	 * has not, it has a user, and its cache keeps what it has.
	 */
	for_each_possible_cpu(cpu) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		if (hak_cpu_is_called(cpu))
			continue;
		preempt_disable();
		WRITE_ONCE(cc->mark, HAK_CPU_CLOSED);
		hak_cpu_flush(c, cc);
		preempt_enable();
	}
	/*
	 * A depot may hold objects of other nodes, so all depots are flushed first. The
	 * reaper drops the slabs of a cache that is not listed, so the pools are walked.
	 */
	for_each_node(nid)
		hak_depot_flush(c, nid);
	for_each_node(nid)
		hak_pool_reap(c->pool[nid]);
	mutex_unlock(&hak_cache_mutex);
	cpus_read_unlock();
}

/*
 * @c could not be destroyed. Unlike a new cache it may have users, so each CPU opens its own
 * cache. One that came up while @c was not listed has not been opened before.
 *
 * While @c was not listed, the reaper dropped its slabs from the queue. So the pools are
 * walked before anybody else can look for slabs that nobody finds.
 */
static void hak_cache_reopen(struct hak_cache *c)
{
	unsigned int cpu;
	int nid;

	cpus_read_lock();
	mutex_lock(&hak_cache_mutex);
	hak_cache_call(c, hak_cpu_reopen);
	for_each_possible_cpu(cpu) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		if (hak_cpu_is_up(cpu) && !hak_cpu_is_called(cpu))
			hak_cpu_sleep(cc);
	}
	hak_cache_set_listed(c, true);
	for_each_node(nid)
		hak_pool_reap(c->pool[nid]);
	mutex_unlock(&hak_cache_mutex);
	cpus_read_unlock();
}

/* Flush this CPU's cache of @c, unless it is asleep and so empty. */
void hak_cache_flush_this(struct hak_cache *c)
{
	struct hak_cpu_cache *cc;

	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	if (hak_cpu_is_awake(cc)) {
		hak_cpu_enter(cc);
		hak_cpu_flush(c, cc);
		hak_cpu_sleep(cc);
	}
	preempt_enable();
}

/**
 * hak_cache_shrink() - give back the unused memory of a cache
 * @c: the cache
 *
 * Every CPU flushes its per-CPU cache, and slabs without live objects are
 * released. If the cache is SLAB_TYPESAFE_BY_RCU they are released after the next
 * grace period. A superslab goes back to the page allocator if no other cache
 * uses it. In the userspace build only the calling thread flushes its cache.
 *
 * Context: task, may sleep; without cpus_read_lock(), which this takes. A worker of a
 * %WQ_MEM_RECLAIM queue may call it.
 * Return: 0 if the cache has no slab left, and SLUB no object of it; else 1.
 */
int hak_cache_shrink(struct hak_cache *c)
{
	bool left = false;
	int nid;

	hak_cache_flush_cpus(c);
	mutex_lock(&hak_cache_mutex);
	for_each_node(nid)
		hak_depot_flush(c, nid);
	for_each_node(nid)
		hak_pool_reap(c->pool[nid]);
	mutex_unlock(&hak_cache_mutex);
	/* A size class has its fallback objects from kmalloc(). */
	if (c->fallback)
		left = kmem_cache_shrink(c->fallback);
	/* Without CONFIG_SLUB_DEBUG SLUB does not know how many slabs are left. */
	return left || hak_fallback_live(c) || atomic_read(&c->nr_slabs);
}
EXPORT_SYMBOL_GPL(hak_cache_shrink);

/* Undo hak_cache_setup(). If slabs are left, the caller has reported them. */
void hak_cache_teardown(struct hak_cache *c)
{
	mutex_lock(&hak_cache_mutex);
	hak_cache_set_listed(c, false);
	mutex_unlock(&hak_cache_mutex);
	free_percpu(c->cpu);
	c->cpu = NULL;
	hak_pool_destroy(c);
	kvfree(c->order);
	c->order = NULL;
}

/* Does a cache of this name exist, whole or in part? Size classes count. */
static bool __hak_cache_name_taken(const char *name)
{
	struct hak_cache *c;
	unsigned int i;

	lockdep_assert_held(&hak_name_mutex);

	for (i = 0; i < HAK_NR_CLASSES; i++)
		if (!strcmp(hak_class[i].name, name))
			return true;
	list_for_each_entry(c, &hak_named, named)
		if (!strcmp(c->name, name))
			return true;
	return false;
}

/* Take the name of @c, or report that another cache has it and return false. */
static bool hak_cache_take_name(struct hak_cache *c)
{
	bool taken;

	mutex_lock(&hak_name_mutex);
	taken = __hak_cache_name_taken(c->name);
	if (!taken)
		list_add_tail(&c->named, &hak_named);
	mutex_unlock(&hak_name_mutex);
	if (taken)
		pr_err("hak_cache_create(%s): name is that of another cache\n", c->name);
	return !taken;
}

static void hak_cache_drop_name(struct hak_cache *c)
{
	mutex_lock(&hak_name_mutex);
	list_del(&c->named);
	mutex_unlock(&hak_name_mutex);
}

/* Copy @name behind HAK_FALLBACK_PREFIX; the whole is the name of the fallback. */
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

/*
 * The work of hak_cache_create_args(), whose arguments are checked. The fallback comes last
 * of what may fail, because to destroy a kmem_cache takes cpus_read_lock(), which the caller
 * may hold. No free can have found @c before it is enabled, so no grace period has to pass.
 */
static struct hak_cache *__hak_cache_create(const char *name, unsigned int size,
					    const struct hak_cache_args *args,
					    slab_flags_t flags)
{
	struct hak_cache *c;

	if (hak_should_fail(sizeof(*c)))
		return NULL;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return NULL;
	hak_cache_layout(c, name, size, args, flags);
	c->name = hak_cache_name_dup(name);
	if (!c->name)
		goto free_cache;
	if (!hak_cache_take_name(c))
		goto free_name;
	if (hak_cache_setup(c, c->size))
		goto drop_name;
	if (hak_fallback_create(c, hak_cache_fallback_name(c), args))
		goto teardown;
	hak_cache_enable(c);
	pr_debug("cache %s: %u bytes, %u to a slab\n", name, c->size, c->capacity);
	return c;

teardown:
	hak_cache_teardown(c);
drop_name:
	hak_cache_drop_name(c);
free_name:
	kfree(hak_cache_fallback_name(c));
free_cache:
	kfree(c);
	return NULL;
}

/**
 * hak_cache_create_args() - make a cache of objects of one size
 * @name: a name that no other cache has, with up to HAK_CACHE_NAME_MAX characters
 *	and no blanks or control characters; it is copied. A cache has its name until
 *	hak_cache_destroy() returns.
 * @size: object size in bytes, 1..HAK_CACHE_MAX_SIZE
 * @args: a struct hak_cache_args with further arguments, or NULL for the defaults
 * @flags: SLAB_ flags, see below
 *
 * The slabs of a cache hold objects of that cache only. Each object begins at a
 * multiple of the alignment, so no two share a cache line if that is the
 * alignment. As with kmem_cache_create(), objects that are DMA buffers need
 * dma_get_cache_alignment(), if DMA may be not coherent. The objects that SLUB
 * has to serve come from a kmem_cache that belongs to the cache, called
 * hakmem-NAME in /proc/slabinfo. What follows holds for them, too, but for
 * the checks.
 *
 * %SLAB_HWCACHE_ALIGN aligns as kmem_cache_create() does: objects of half a cache
 * line or less share a line. With %SLAB_TYPESAFE_BY_RCU the memory of a freed
 * object stays an object of this cache for at least a grace period; the userspace
 * build has no grace periods. With %SLAB_PANIC the kernel panics where NULL would
 * be returned. %SLAB_ACCOUNT charges the memory cgroup. hakmem cannot do that, so
 * SLUB serves all objects of such a cache, at SLUB's cost. %SLAB_NO_MERGE changes
 * nothing, because hakmem never merges caches. %SLAB_RECLAIM_ACCOUNT holds for
 * the objects that SLUB serves only; hakmem's pages are not counted as
 * reclaimable. %SLAB_CONSISTENCY_CHECKS, %SLAB_RED_ZONE, %SLAB_POISON,
 * %SLAB_STORE_USER and %SLAB_TRACE ask for the checks that debug= asks for by F, Z, P,
 * U and T, of hakmem's own objects. Those that SLUB serves are checked by the kernel's
 * slab_debug= alone. Other flags are refused.
 *
 * Context: task, may sleep; also with cpus_read_lock() held and in callbacks of CPU hotplug,
 * as kmem_cache_create().
 * Return: the cache, or NULL. If an argument is refused, it is reported by name.
 */
struct hak_cache *hak_cache_create_args(const char *name, unsigned int size,
					const struct hak_cache_args *args,
					slab_flags_t flags)
{
	static const struct hak_cache_args none;
	struct hak_cache *c = NULL;

	if (!args)
		args = &none;
	if (hak_cache_args_ok(name, size, args, flags))
		c = __hak_cache_create(name, size, args, flags);
	if (unlikely(!c && flags & SLAB_PANIC))
		panic("hakmem: cannot create cache %s\n", name);
	return c;
}
EXPORT_SYMBOL_GPL(hak_cache_create_args);

/**
 * hak_cache_create() - make a cache of objects of one size
 * @name: as for hak_cache_create_args()
 * @size: likewise
 * @align: as in struct hak_cache_args
 * @flags: as for hak_cache_create_args()
 * @ctor: constructor or NULL, see struct hak_cache_args
 *
 * Context: as for hak_cache_create_args().
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
 * Free @c, which no user has any more. A wrong free of a stale pointer may have
 * found @c through a slab, and uses its per-CPU caches and pools with preemption
 * off. No such free can find @c from here on, and the grace period waits for
 * those that have.
 */
static void hak_cache_free_all(struct hak_cache *c)
{
	synchronize_rcu();
	hak_cache_teardown(c);
	hak_fallback_destroy(c);
	/* Only now, because SLUB's part of another cache of this name has the same name, too. */
	hak_cache_drop_name(c);
	kfree(hak_cache_fallback_name(c));
	kfree(c);
}

/*
 * Warn of everything that keeps @c from being destroyed. False if nothing does. If a slab's
 * pointer to @c was overwritten, the slab is missing in @cs, but not in @c->nr_slabs.
 */
static bool hak_cache_in_use(const struct hak_cache *c,
			     const struct hak_class_stats *cs)
{
	int slabs = atomic_read(&c->nr_slabs);

	WARN(cs->excess, "hak_cache_destroy(%s): %lu more frees than allocations\n",
	     c->name, cs->excess);
	WARN(cs->live || cs->fallback,
	     "hak_cache_destroy(%s): %ld objects in %lu slabs are live, and %ld of SLUB's\n",
	     c->name, cs->live, cs->slabs, cs->fallback);
	WARN(slabs && !cs->live && !cs->excess,
	     "hak_cache_destroy(%s): %d slabs with broken books are kept\n",
	     c->name, slabs);
	return slabs || cs->fallback;
}

/**
 * hak_cache_destroy() - destroy a cache
 * @c: the cache, or NULL
 *
 * The caller must have freed all objects and must not use the cache any more. The
 * function waits until the objects given to hak_free_rcu() are freed. If objects
 * are still live, or if there were more frees than allocations, it warns and
 * leaves the cache as it is, so that the live objects can still be freed. Then no
 * other cache can be made with its name. Every CPU is interrupted once, and again, up to 49
 * times, while one of them is found using the cache; and likewise if the cache is left.
 *
 * Context: task, may sleep; without cpus_read_lock(), which this takes, as
 * kmem_cache_destroy() does.
 */
void hak_cache_destroy(struct hak_cache *c)
{
	struct hak_class_stats cs;

	if (!c)
		return;
	hak_free_rcu_barrier();
	hak_cache_quiesce(c);
	hak_limbo_drain(c);
	hak_class_stats_read(c, &cs);
	if (hak_cache_in_use(c, &cs)) {
		hak_cache_reopen(c);
		return;
	}
	pr_debug("cache %s destroyed\n", c->name);
	hak_cache_free_all(c);
}
EXPORT_SYMBOL_GPL(hak_cache_destroy);

/**
 * hak_cache_exit() - destroy the caches that their users have not
 *
 * hakmem is being removed, so no user is left. hak_core_leaks() has reported each
 * cache. If objects are live their superslabs stay allocated, and SLUB reports
 * the live objects that it served.
 *
 * Context: task, may sleep; all per-CPU caches are empty.
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
 * Context: any.
 * Return: the bytes that a user may use: the size asked for and the padding for
 * alignment. If the cache has a constructor or is SLAB_TYPESAFE_BY_RCU, there is only
 * the padding to a multiple of 8. With SLAB_RED_ZONE, or Z in debug=, there is none.
 */
unsigned int hak_cache_size(const struct hak_cache *c)
{
	return c->usable;
}
EXPORT_SYMBOL_GPL(hak_cache_size);
