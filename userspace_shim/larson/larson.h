/* SPDX-License-Identifier: GPL-2.0 */
/*
 * larson.h - the parts of the Larson benchmark and what they share
 *
 * options.c	command line and environment -> struct options, struct sizes
 * run.c	the benchmark: chains of threads that replace each other's blocks
 * pattern.c	what --verify writes into a block and how it is checked
 * report.c	results as text and as JSON
 *
 * Vocabulary: a *chain* is an array of blocks together with the succession of
 * threads that own it, one after the other; a *life* is the time of one such
 * thread; an *operation* is one free followed by one malloc.
 */
#ifndef HAKMEM_LARSON_H
#define HAKMEM_LARSON_H

#include <stdbool.h>
#include <stdint.h>

#define LARSON_EXIT_FAILED	1	/* the run found an error */
#define LARSON_EXIT_USAGE	2	/* the run was not started */

#define LARSON_MAX_TINY		22	/* number of hakmem's tiny size classes */

struct options {
	double seconds;
	uint64_t min;
	uint64_t max;
	uint64_t chunks;		/* blocks per thread */
	uint64_t rounds;
	uint64_t seed;
	uint64_t threads;
	uint64_t lives;			/* per chain; 0: until the time is up */
	bool verify;
	bool json;
	const char *json_file;		/* NULL: standard output */
	bool tiny_only;
};

/*
 * The sizes a run draws. Each of the @count possibilities is equally likely:
 * lowest, lowest + 1, ... or, with HAKMEM_LARSON_TINY_ONLY, table[0..count-1].
 */
struct sizes {
	uint32_t count;
	uint32_t lowest;
	uint32_t highest;		/* inclusive */
	bool tabled;
	uint32_t table[LARSON_MAX_TINY];
};

/* What --verify remembers of a block, kept outside of it. */
struct note {
	uint64_t stamp;			/* no two allocations of a run share one */
	uint32_t size;
};

struct result {
	uint64_t ops;
	uint64_t ns;			/* first thread's creation to last operation */
	uint64_t lives;
	double remote_frees;		/* by another thread than the allocating one */
	bool remote_counted;		/* false: computed from the lives' lengths */
	uint64_t allocated;
	uint64_t freed;
	uint64_t errors;
	char *stats_full;		/* allocator's counters, every block still live */
	char *stats_empty;		/* the same after the last free; NULL: none */
};

/* options.c: both exit by themselves on --help and on bad arguments */
void larson_parse_options(struct options *opt, int argc, char **argv);
void larson_set_sizes(struct sizes *sizes, const struct options *opt);

/* run.c */
void larson_run(struct result *res, const struct options *opt, const struct sizes *sizes);
void *larson_map(uint64_t bytes);

/* pattern.c */
void larson_write_pattern(void *block, const struct note *note);
bool larson_check_pattern(const void *block, const struct note *note, uint32_t *bad_byte);
bool larson_aligned(const void *block, uint32_t size);

/* report.c: false if the JSON could not be written */
char *larson_allocator_stats(void);
bool larson_report(const struct result *res, const struct options *opt, const struct sizes *sizes);

#endif
