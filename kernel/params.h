/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parameters: one table for the module (insmod NAME=) and for the userspace build
 * (environment variable).
 */
#ifndef _HAK_PARAMS_H
#define _HAK_PARAMS_H

#include <linux/types.h>

#include "compat.h"

/**
 * enum hak_param_kind - how a value is written
 * @HAK_PARAM_uint: a number in C notation
 * @HAK_PARAM_bool: one of hak_param_bools
 * @HAK_PARAM_letters: some of HAK_DEBUG_LETTERS, each a HAK_CHECK_ flag, or "-" for none; behind
 *	a comma the names of the caches it is for
 */
enum hak_param_kind {
	HAK_PARAM_uint,
	HAK_PARAM_bool,
	HAK_PARAM_letters,
};

/**
 * struct hak_param - one load-time setting
 * @name: module parameter name
 * @kind: how a value is written
 * @env: environment variable of the userspace build
 * @value: the variable; it holds the default until it is set
 * @min: smallest value accepted
 * @max: largest value accepted
 * @desc: one line for modinfo and --help
 */
struct hak_param {
	const char *name;
	enum hak_param_kind kind;
	const char *env;
	unsigned int *value;
	unsigned int min;
	unsigned int max;
	const char *desc;
};

/*       name            kind  environment variable          default min max
 *       description
 */
#define HAK_PARAMS(X)							    \
	X(fast_cap,       uint, "HAKMEM_TINY_FAST_CAP",       64, 0, 1024,  \
	  "objects kept per CPU and size class; 0 turns the cache off")	    \
	X(paranoid_drain, bool, "HAKMEM_TINY_PARANOID_DRAIN", 0, 0, 1,	    \
	  "drain this CPU's slabs at every operation and check the books") \
	X(trace_ring,     bool, "HAKMEM_TINY_TRACE_RING",     0, 0, 1,	    \
	  "keep a ring of the last events and dump it on a crash")	    \
	X(lock_stats,     bool, "HAKMEM_LOCK_STATS",          0, 0, 1,	    \
	  "count how often raw locks, but hak_free_rcu()'s, are taken and waited for") \
	X(hardened,       bool, "HAKMEM_HARDENED",            0, 0, 1,	    \
	  "encode free links, carve in random order, find any double free") \
	X(debug,          letters, "HAKMEM_DEBUG",            0, 0, 127,	    \
	  "check: F frees, Z red zones, P poison, U users, T trace, K KASAN, A allocinfo")

#define HAK_PARAM_DECLARE(n, kind, env, def, min, max, desc) \
	extern unsigned int hak_##n;
HAK_PARAMS(HAK_PARAM_DECLARE)

extern const struct hak_param hak_params[];
extern const unsigned int hak_nr_params;

bool hak_debug_names(const char *cache);
const struct hak_param *hak_param_find(const char *name);
int hak_param_set(const struct hak_param *param, const char *called,
		  const char *val);
int hak_param_show(const struct hak_param *param, char *buf, size_t size);

#endif /* _HAK_PARAMS_H */
