/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks of objects when they are allocated and freed, to find bugs of hakmem's users:
 * debug=, the SLAB_ flags of a typed cache that ask for the same, and hardened=1.
 * docs/debugging.md says which check finds which bug.
 *
 * The fast paths do not know of the checks. With debug= the per-CPU caches hold nothing
 * (hak_cache.cap is 0), so each operation takes a slow path. With hardened=1 they hold
 * objects, their mark is HAK_CPU_SLOW_ONLY, and harden.c has paths of its own.
 */
#ifndef _HAK_CHECK_H
#define _HAK_CHECK_H

#include <linux/bits.h>
#include <linux/types.h>

struct hak_cache;
struct hak_slab;

/* hak_cache.checks, in the order of HAK_DEBUG_ALL_LETTERS. */
#define HAK_CHECK_FREE		BIT(0)	/* F: frees of free objects; on with any other */
#define HAK_CHECK_ZONE		BIT(1)	/* Z: red zones around objects */
#define HAK_CHECK_POISON	BIT(2)	/* P: poison in free objects and in new ones */
#define HAK_CHECK_USER		BIT(3)	/* U: which task allocated an object, which freed it */
#define HAK_CHECK_TRACE		BIT(4)	/* T: a line in the log for each operation */
#define HAK_CHECK_KASAN		BIT(5)	/* K: KASAN reports accesses to free objects */
#define HAK_CHECK_TAG		BIT(6)	/* A: count objects for the line that allocated them */

/* How many return addresses a struct hak_track holds. */
#define HAK_TRACK_FRAMES	8

/**
 * struct hak_track - the record of an object's last allocation or free
 * @frame: return addresses, the innermost first; 0 behind the last
 * @when: nanoseconds since boot; 0 if there was none yet
 * @cpu: the CPU it was done on
 * @pid: the task that did it
 *
 * The frames lie in the object's slab, and not in the kernel's stack depot: when the
 * stack depot sees a stack for the first time it takes a lock, and nothing in hak_free()
 * may take one.
 */
struct hak_track {
	unsigned long frame[HAK_TRACK_FRAMES];
	u64 when;
	int cpu;
	int pid;
};

/* The two records of an object. */
enum hak_track_of {
	HAK_ALLOCATED,
	HAK_FREED,
	HAK_NR_TRACKS,
};

u32 hak_check_wanted(const char *name, slab_flags_t flags);
void hak_check_layout(struct hak_cache *c, u32 asked, u32 align);
void hak_check_capacity(struct hak_cache *c);
void hak_check_slab_exit(struct hak_cache *c, struct hak_slab *s);
void hak_check_slab_init(struct hak_cache *c, struct hak_slab *s);
bool hak_check_slab(struct hak_cache *c, struct hak_slab *s);
struct hak_cache *hak_check_owner(const struct hak_slab *s, int *nid);
bool hak_check_release(struct hak_slab *s);
void hak_check_new(struct hak_cache *c, void **obj, unsigned int n);
const char *hak_check_free(struct hak_cache *c, void *p, unsigned long caller);
bool hak_check_alloc(struct hak_cache *c, void *p, unsigned long caller);
bool hak_check_live(const struct hak_cache *c, const void *p);
const struct hak_track *hak_check_track(const struct hak_cache *c, const void *p,
					enum hak_track_of which);

#endif /* _HAK_CHECK_H */
