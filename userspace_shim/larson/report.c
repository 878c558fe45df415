// SPDX-License-Identifier: GPL-2.0
/* report.c - results as text and as JSON */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "larson.h"

#define STATS_BYTES	(256 * 1024)

/*
 * The allocator's counters as a JSON object, if it has such: hakmem, linked or
 * preloaded. Returns what snprintf() would.
 */
extern int hakmem_stats_json(char *buf, unsigned long len) __attribute__((weak));

/* NULL: no counters */
char *larson_allocator_stats(void)
{
	unsigned long len = STATS_BYTES;
	char *buf;
	int got;

	if (!hakmem_stats_json)
		return NULL;
	buf = larson_map(len);
	got = hakmem_stats_json(buf, len);
	if (got > 0 && (unsigned long)got >= len) {
		/* it may have grown a little by the time it is asked again */
		len = 2 * (unsigned long)got;
		buf = larson_map(len);
		got = hakmem_stats_json(buf, len);
	}
	if (got <= 0 || (unsigned long)got >= len || *buf != '{') {
		fprintf(stderr, "larson: warning: the allocator's counters are unreadable (%d)\n",
			got);
		return NULL;
	}
	return buf;
}

static double throughput(const struct result *res)
{
	return res->ns ? res->ops * 1e9 / res->ns : 0;
}

static double remote_share(const struct result *res)
{
	return res->ops ? res->remote_frees / res->ops : 0;
}

static void print_text(FILE *out, const struct result *res, const struct options *opt,
		       const struct sizes *sizes, const struct rusage *usage)
{
	fprintf(out, "%" PRIu64 " threads of %" PRIu64 " blocks, %" PRIu64
		" operations a life, seed %" PRIu64 "%s\n", opt->threads, opt->chunks,
		opt->rounds * opt->chunks, opt->seed, opt->verify ? ", verifying" : "");
	fprintf(out, "sizes: asked %" PRIu64 " %" PRIu64 ", drawn %" PRIu32 " to %" PRIu32
		"%s\n", opt->min, opt->max, sizes->lowest, sizes->highest,
		sizes->tabled ? ", tiny size classes only" : "");
	fprintf(out, "%" PRIu64 " operations in %.3f s, %" PRIu64
		" thread lives, %.1f %% of frees remote (%s)\n",
		res->ops, res->ns / 1e9, res->lives, 100 * remote_share(res),
		res->remote_counted ? "counted" : "expected");
	fprintf(out, "blocks: %" PRIu64 " allocated, %" PRIu64 " freed, %" PRIu64 " left\n",
		res->allocated, res->freed, res->allocated - res->freed);
	fprintf(out, "peak RSS: %ld KiB\n", usage->ru_maxrss);
	/* a failed run has no throughput that anybody should quote */
	if (res->errors)
		fprintf(out, "FAILED, errors: %" PRIu64 "\n", res->errors);
	else
		fprintf(out, "Throughput = %.0f operations per second\n", throughput(res));
}

static double seconds_of(const struct timeval *tv)
{
	return tv->tv_sec + tv->tv_usec / 1e6;
}

static void print_json(FILE *out, const struct result *res, const struct options *opt,
		       const struct sizes *sizes, const struct rusage *usage)
{
	fprintf(out, "{\n  \"benchmark\": \"larson\",\n");
	fprintf(out, "  \"asked\": {\"seconds\": %g, \"min\": %" PRIu64 ", \"max\": %" PRIu64
		", \"chunks\": %" PRIu64 ", \"rounds\": %" PRIu64 ", \"seed\": %" PRIu64
		", \"threads\": %" PRIu64 ", \"lives\": %" PRIu64
		", \"verify\": %s, \"tiny_only\": %s},\n",
		opt->seconds, opt->min, opt->max, opt->chunks, opt->rounds, opt->seed, opt->threads,
		opt->lives, opt->verify ? "true" : "false", opt->tiny_only ? "true" : "false");
	fprintf(out, "  \"sizes_drawn\": {\"lowest\": %" PRIu32 ", \"highest\": %" PRIu32
		", \"different\": %" PRIu32 "},\n", sizes->lowest, sizes->highest, sizes->count);
	fprintf(out, "  \"operations\": %" PRIu64 ",\n  \"seconds\": %.9f,\n"
		"  \"operations_per_second\": %.0f,\n", res->ops, res->ns / 1e9, throughput(res));
	fprintf(out, "  \"thread_lives\": %" PRIu64 ",\n  \"operations_per_life\": %" PRIu64 ",\n",
		res->lives, opt->rounds * opt->chunks);
	fprintf(out, "  \"remote_free_share\": %.6f,\n  \"remote_free_share_is\": \"%s\",\n",
		remote_share(res), res->remote_counted ? "counted" : "expected");
	fprintf(out, "  \"blocks\": {\"allocated\": %" PRIu64 ", \"freed\": %" PRIu64
		", \"left\": %" PRIu64 "},\n", res->allocated, res->freed,
		res->allocated - res->freed);
	fprintf(out, "  \"errors\": %" PRIu64 ",\n  \"peak_rss_kib\": %ld,\n",
		res->errors, usage->ru_maxrss);
	fprintf(out, "  \"user_seconds\": %.6f,\n  \"system_seconds\": %.6f,\n"
		"  \"minor_faults\": %ld,\n  \"involuntary_switches\": %ld,\n",
		seconds_of(&usage->ru_utime), seconds_of(&usage->ru_stime),
		usage->ru_minflt, usage->ru_nivcsw);
	fprintf(out, "  \"cpus_online\": %ld,\n", sysconf(_SC_NPROCESSORS_ONLN));
	fprintf(out, "  \"allocator_full\": %s,\n", res->stats_full ? res->stats_full : "null");
	fprintf(out, "  \"allocator\": %s\n}\n", res->stats_empty ? res->stats_empty : "null");
}

static bool write_json(const struct result *res, const struct options *opt,
		       const struct sizes *sizes, const struct rusage *usage)
{
	const char *name = opt->json_file ? opt->json_file : "standard output";
	FILE *out = opt->json_file ? fopen(opt->json_file, "w") : stdout;
	bool written;

	if (out) {
		print_json(out, res, opt, sizes, usage);
		written = !fflush(out) && !ferror(out);
		if (opt->json_file && fclose(out))
			written = false;
		if (written)
			return true;
	}
	fprintf(stderr, "larson: error: cannot write %s: %s\n", name, strerror(errno));
	return false;
}

bool larson_report(const struct result *res, const struct options *opt, const struct sizes *sizes)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	print_text(opt->json && !opt->json_file ? stderr : stdout, res, opt, sizes, &usage);
	return !opt->json || write_json(res, opt, sizes, &usage);
}
