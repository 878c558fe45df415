// SPDX-License-Identifier: GPL-2.0
/*
 * The arguments of hak_cache_create(): whether there can be such a cache, and
 * where in its slabs the objects and their free links lie.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/array_size.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "core.h"

/*
 * The flags a cache may have, and the flags that are refused with a report by
 * name.
 */
#define HAK_FLAG(flag)	{ flag, #flag }

static const struct hak_flag {
	slab_flags_t flag;
	const char *name;
} hak_flags_taken[] = {
	HAK_FLAG(SLAB_HWCACHE_ALIGN),
	HAK_FLAG(SLAB_TYPESAFE_BY_RCU),
	HAK_FLAG(SLAB_PANIC),
	HAK_FLAG(SLAB_NO_MERGE),
	HAK_FLAG(SLAB_ACCOUNT),
	HAK_FLAG(SLAB_RECLAIM_ACCOUNT),
	HAK_FLAG(SLAB_CONSISTENCY_CHECKS),
	HAK_FLAG(SLAB_RED_ZONE),
	HAK_FLAG(SLAB_POISON),
	HAK_FLAG(SLAB_STORE_USER),
	HAK_FLAG(SLAB_TRACE),
}, hak_flags_refused[] = {
	HAK_FLAG(SLAB_CACHE_DMA),
	HAK_FLAG(SLAB_CACHE_DMA32),
	HAK_FLAG(SLAB_NOLEAKTRACE),
	HAK_FLAG(SLAB_NO_USER_FLAGS),
};

/*
 * Can @name be the name of a cache? A blank would break the columns of
 * /proc/slabinfo and of debugfs.
 */
static bool hak_cache_name_ok(const char *name)
{
	const char *s;

	if (!name || !*name) {
		pr_err("hak_cache_create: name is missing\n");
		return false;
	}
	if (strnlen(name, HAK_CACHE_NAME_MAX + 1) > HAK_CACHE_NAME_MAX) {
		pr_err("hak_cache_create(%.*s...): name is longer than %d characters\n",
		       HAK_CACHE_NAME_MAX, name, HAK_CACHE_NAME_MAX);
		return false;
	}
	for (s = name; *s; s++) {
		if ((u8)*s > ' ' && *s != 0x7f)
			continue;
		pr_err("hak_cache_create(%s): name has a blank or control character\n",
		       name);
		return false;
	}
	return true;
}

/*
 * Report each flag that no cache may have: by its name if it has one, else by its
 * bit.
 */
static bool hak_cache_flags_ok(const char *name, slab_flags_t flags)
{
	bool ok;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hak_flags_taken); i++)
		flags &= ~hak_flags_taken[i].flag;
	ok = !flags;
	for (i = 0; i < ARRAY_SIZE(hak_flags_refused); i++) {
		if (!(flags & hak_flags_refused[i].flag))
			continue;
		pr_err("hak_cache_create(%s): flag %s is not one it takes\n", name,
		       hak_flags_refused[i].name);
		flags &= ~hak_flags_refused[i].flag;
	}
	if (flags)
		pr_err("hak_cache_create(%s): flags %#x are none it knows\n", name,
		       (__force unsigned int)flags);
	return ok;
}

static bool hak_cache_usercopy_ok(const char *name, unsigned int size,
				  const struct hak_cache_args *args)
{
	if (args->useroffset && !args->usersize) {
		pr_err("hak_cache_create(%s): useroffset %u is given without usersize\n",
		       name, args->useroffset);
		return false;
	}
	if (args->useroffset > size || args->usersize > size - args->useroffset) {
		pr_err("hak_cache_create(%s): useroffset %u and usersize %u lead beyond size %u\n",
		       name, args->useroffset, args->usersize, size);
		return false;
	}
	return true;
}

static bool hak_cache_freeptr_ok(const char *name, unsigned int size,
				 const struct hak_cache_args *args,
				 slab_flags_t flags)
{
	if (!args->use_freeptr_offset)
		return true;
	if (!hak_keeps_contents(flags, args->ctor)) {
		pr_err("hak_cache_create(%s): freeptr_offset is for SLAB_TYPESAFE_BY_RCU and constructors\n",
		       name);
		return false;
	}
	if (args->freeptr_offset % sizeof(void *) || size < sizeof(void *) ||
	    args->freeptr_offset > size - sizeof(void *)) {
		pr_err("hak_cache_create(%s): freeptr_offset %u is no aligned pointer's in size %u\n",
		       name, args->freeptr_offset, size);
		return false;
	}
	return true;
}

/*
 * The alignment of objects. With SLAB_HWCACHE_ALIGN, objects of half a cache line
 * or less share a line, as in kmem_cache_create().
 */
static unsigned int hak_cache_align(unsigned int size, unsigned int align,
				    slab_flags_t flags)
{
	unsigned int line = cache_line_size();

	if (flags & SLAB_HWCACHE_ALIGN) {
		while (size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return max(align, HAK_MIN_SIZE);
}

/* Offset of the free link. */
static unsigned int hak_cache_link(unsigned int size,
				   const struct hak_cache_args *args,
				   slab_flags_t flags)
{
	if (!hak_keeps_contents(flags, args->ctor))
		return 0;
	if (args->use_freeptr_offset)
		return args->freeptr_offset;
	return round_up(size, sizeof(struct llist_node));
}

/*
 * Distance from one object to the next. It has room for the object, for the link
 * if that lies behind the object, and for the alignment.
 */
static unsigned int hak_cache_stride(unsigned int size,
				     const struct hak_cache_args *args,
				     slab_flags_t flags)
{
	unsigned int link = hak_cache_link(size, args, flags);

	return round_up(max(size, link + (unsigned int)sizeof(struct llist_node)),
			hak_cache_align(size, args->align, flags));
}

/**
 * hak_cache_args_ok() - check the arguments for a new cache
 * @name: as for hak_cache_create_args()
 * @size: likewise
 * @args: likewise, not NULL
 * @flags: likewise
 *
 * Context: any.
 * Return: true if there can be such a cache. If not, the argument that is wrong
 * has been reported by name.
 */
bool hak_cache_args_ok(const char *name, unsigned int size,
		       const struct hak_cache_args *args, slab_flags_t flags)
{
	if (!hak_cache_name_ok(name))
		return false;
	if (!size || size > HAK_CACHE_MAX_SIZE) {
		pr_err("hak_cache_create(%s): size %u is out of range; it takes 1..%u\n",
		       name, size, HAK_CACHE_MAX_SIZE);
		return false;
	}
	if (args->align > PAGE_SIZE ||
	    (args->align && !is_power_of_2(args->align))) {
		pr_err("hak_cache_create(%s): align %u is not 0 or a power of two up to %lu\n",
		       name, args->align, PAGE_SIZE);
		return false;
	}
	if (!hak_cache_flags_ok(name, flags) ||
	    !hak_cache_usercopy_ok(name, size, args) ||
	    !hak_cache_freeptr_ok(name, size, args, flags))
		return false;
	if (hak_cache_stride(size, args, flags) > HAK_MAX_STRIDE) {
		pr_err("hak_cache_create(%s): size %u aligned to align %u is above %u\n",
		       name, size, args->align, HAK_MAX_STRIDE);
		return false;
	}
	return true;
}

/**
 * hak_cache_layout() - lay out the slabs of a typed cache
 * @c: filled in
 * @name: its name
 * @size: bytes of an object, as asked for
 * @args: arguments that hak_cache_args_ok() has accepted
 * @flags: likewise
 */
void hak_cache_layout(struct hak_cache *c, const char *name, unsigned int size,
		      const struct hak_cache_args *args, slab_flags_t flags)
{
	bool keep = hak_keeps_contents(flags, args->ctor);

	c->flags = flags;
	c->ctor = args->ctor;
	c->align = hak_cache_align(size, args->align, flags);
	c->link = hak_cache_link(size, args, flags);
	c->size = hak_cache_stride(size, args, flags);
	c->usable = keep ? round_up(size, HAK_MIN_SIZE) : c->size;
	c->zero = keep ? 0 : c->usable;
	c->bytes = c->size;
	c->checks = hak_check_wanted(name, flags);
	if (c->checks)
		hak_check_layout(c, size, c->align);
}
