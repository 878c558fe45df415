/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of fuzz_api tell each other: model.c has the live objects and what is
 * known of them, calls.c the calls of the API, misuse.c those that have to be refused,
 * and fuzz_api.c what happens around them.
 */
#ifndef _MODEL_H
#define _MODEL_H

#include <linux/limits.h>
#include <linux/mempool.h>

#include "fuzz.h"

#define SLOTS		512
#define CACHES		4
#define CPUS		4
#define BULK		80	/* most objects of a bulk call */

/**
 * struct object - a live object
 * @p: its address; NULL if there is none
 * @size: bytes that were asked for, each of which is @fill
 * @asked: as @size; but if hak_realloc() left the object where it was, the size from before
 * @c: its cache; NULL if a size class or kmalloc() served it
 * @fill: the pattern
 * @zeroed: each call so far has had __GFP_ZERO
 */
struct object {
	u8 *p;
	size_t size;
	size_t asked;
	struct hak_cache *c;
	u8 fill;
	bool zeroed;
};

/**
 * struct model_cache - a cache, and what it has to do
 * @c: the cache, or NULL
 * @pool: a mempool of its objects, or NULL
 * @live: live objects, without those that the pool keeps
 * @align: alignment of its objects
 * @built: bytes that its constructor writes; 0 if there is none
 * @link: offset of the free link in its objects, or NO_LINK
 */
struct model_cache {
	struct hak_cache *c;
	mempool_t *pool;
	unsigned int live;
	unsigned int align;
	unsigned int built;
	unsigned int link;
};

#define NO_LINK		UINT_MAX

/* How an object came to be. */
#define ZEROED		1	/* its bytes have to be zero */
#define RESIZED		2	/* by hak_realloc(), which keeps what it held */

extern struct object slot[SLOTS];
extern struct model_cache cache[CACHES];
extern bool failing;		/* memory may run out */

/* The rest of the program. */
extern const uint8_t *at, *end;

unsigned int byte(void);
unsigned int word(void);
struct model_cache *model_of(const struct hak_cache *c);
bool intact(const struct object *o);
void begin(struct object *o, void *p, size_t size, struct hak_cache *c, unsigned int how);
void *finish(struct object *o);
struct object *any(void);
struct object *empty(void);
size_t some_size(void);
gfp_t some_gfp(unsigned int bits);
void (*builder(unsigned int i))(void *p);

/* --- calls.c --- */

void do_alloc(void);
void do_calloc(void);
void do_copy(void);
void do_cache_alloc(void);
void do_free(void);
void do_bulk_alloc(void);
void do_bulk_free(void);
void do_realloc(void);
void do_look(void);
void do_zero(void);
void do_cache(void);
void do_pool(void);

/* --- misuse.c --- */

void do_bad_free(void);
void do_free_again(void);
void do_bad_cache(void);

/* fuzz_api.c */
extern unsigned int cpu;
extern bool gone[CPUS];		/* its caches are flushed, and it is offline */

void switch_to(unsigned int n);

#endif
