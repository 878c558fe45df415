// SPDX-License-Identifier: GPL-2.0
/* options.c - what a run is asked to do, from command line and environment */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "larson.h"

#define MAX_SIZE	(UINT64_C(1) << 30)
#define MAX_CHUNKS	(UINT64_C(1) << 24)
#define MAX_ROUNDS	UINT64_C(1000000000)
#define MAX_THREADS	UINT64_C(16384)
#define MAX_LIVES	UINT64_C(1000000000)
#define MIN_SECONDS	0.01
#define MAX_SECONDS	86400.0

#define TINY_ONLY_ENV	"HAKMEM_LARSON_TINY_ONLY"

/* The whole-number arguments after the first, in the order they are given. */
static const struct {
	const char *name;
	uint64_t least;
	uint64_t most;
	size_t offset;
	const char *help;
} arguments[] = {
	{ "min", 1, MAX_SIZE, offsetof(struct options, min), "smallest block, bytes" },
	{ "max", 1, MAX_SIZE, offsetof(struct options, max), "largest block, exclusive" },
	{ "chunks", 1, MAX_CHUNKS, offsetof(struct options, chunks), "blocks per thread" },
	{ "rounds", 1, MAX_ROUNDS, offsetof(struct options, rounds),
	  "a thread lives rounds * chunks operations" },
	{ "seed", 0, UINT64_MAX, offsetof(struct options, seed), "of the random numbers" },
	{ "threads", 1, MAX_THREADS, offsetof(struct options, threads), "running at a time" },
};

#define NR_ARGUMENTS	(sizeof(arguments) / sizeof(arguments[0]))

static const uint32_t tiny_classes[LARSON_MAX_TINY] = {
	8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 160,
	192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024,
};

static const char synopsis[] =
	"larson [options] seconds min max chunks rounds seed threads\n";

static void print_help(void)
{
	printf("Usage: %s\n"
	       "Threads replace random blocks of their arrays and hand the arrays over to new\n"
	       "threads, for the given time. Prints operations (one free and one malloc) per second.\n\n"
	       "  %-8s %g to %g: how long to run\n", synopsis,
	       "seconds", MIN_SECONDS, MAX_SECONDS);
	for (size_t i = 0; i < NR_ARGUMENTS; i++)
		printf("  %-8s %" PRIu64 " to %" PRIu64 ": %s\n", arguments[i].name,
		       arguments[i].least, arguments[i].most, arguments[i].help);
	printf("\n"
	       "Sizes are min + r %% (max - min). With max < min that is C's remainder, so 5 1 draws\n"
	       "5 to 8; with max == min every block has that size.\n\n"
	       "  --verify       fill every block with a pattern, check it when the block is freed\n"
	       "  --lives=N      end after N threads have owned each array, if that comes first\n"
	       "  --json[=FILE]  everything about the run as JSON; without FILE it goes to standard\n"
	       "                 output and the text to standard error\n"
	       "  --help         this text\n\n"
	       TINY_ONLY_ENV "=1 draws hakmem's tiny size classes within the range alone.\n"
	       "Exit status: 0 fine, 1 the run failed, 2 bad arguments.\n");
}

static void __attribute__((noreturn, format(printf, 1, 2))) usage_error(const char *fmt, ...)
{
	va_list args;

	fputs("larson: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nUsage: %s", synopsis);
	exit(LARSON_EXIT_USAGE);
}

static uint64_t parse_number(const char *name, const char *text, uint64_t least, uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	/* strtoull() would take a sign and leading blanks */
	if (*text < '0' || *text > '9' || *end || errno || value < least || value > most)
		usage_error("%s must be a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'",
			    name, least, most, text);
	return value;
}

static double parse_seconds(const char *text)
{
	double value;
	char *end;

	value = strtod(text, &end);
	/* a NaN fails both comparisons */
	if (end == text || *end || !(value >= MIN_SECONDS && value <= MAX_SECONDS))
		usage_error("seconds must be a number from %g to %g, not '%s'",
			    MIN_SECONDS, MAX_SECONDS, text);
	return value;
}

static void parse_argument(struct options *opt, size_t nr, const char *text)
{
	if (nr == 0) {
		opt->seconds = parse_seconds(text);
		return;
	}
	nr--;
	if (nr >= NR_ARGUMENTS)
		usage_error("one argument too many: '%s'", text);
	*(uint64_t *)((char *)opt + arguments[nr].offset) =
		parse_number(arguments[nr].name, text, arguments[nr].least, arguments[nr].most);
}

static void parse_flag(struct options *opt, const char *arg)
{
	if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
		print_help();
		exit(EXIT_SUCCESS);
	} else if (!strcmp(arg, "--verify")) {
		opt->verify = true;
	} else if (!strcmp(arg, "--json")) {
		opt->json = true;
	} else if (!strncmp(arg, "--json=", 7) && arg[7]) {
		opt->json = true;
		opt->json_file = arg + 7;
	} else if (!strncmp(arg, "--lives=", 8)) {
		opt->lives = parse_number("--lives", arg + 8, 1, MAX_LIVES);
	} else {
		usage_error("unknown option '%s'; see --help", arg);
	}
}

static bool parse_tiny_only(void)
{
	const char *value = getenv(TINY_ONLY_ENV);

	if (!value || !*value || !strcmp(value, "0"))
		return false;
	if (strcmp(value, "1") != 0)
		usage_error(TINY_ONLY_ENV " must be 0 or 1, not '%s'", value);
	return true;
}

void larson_parse_options(struct options *opt, int argc, char **argv)
{
	size_t nr = 0;

	*opt = (struct options){ .tiny_only = parse_tiny_only() };
	for (int i = 1; i < argc; i++) {
		/* -1 is a bad number rather than a bad option */
		if (!strncmp(argv[i], "--", 2) || !strcmp(argv[i], "-h"))
			parse_flag(opt, argv[i]);
		else
			parse_argument(opt, nr++, argv[i]);
	}
	if (nr == 0)
		usage_error("argument seconds is missing");
	if (nr <= NR_ARGUMENTS)
		usage_error("argument %s is missing", arguments[nr - 1].name);
}

void larson_set_sizes(struct sizes *sizes, const struct options *opt)
{
	uint64_t width = opt->max > opt->min ? opt->max - opt->min : opt->min - opt->max;

	if (!width)
		width = 1;
	*sizes = (struct sizes){
		.count = width,
		.lowest = opt->min,
		.highest = opt->min + width - 1,
		.tabled = opt->tiny_only,
	};
	if (!opt->tiny_only)
		return;

	sizes->count = 0;
	for (size_t i = 0; i < LARSON_MAX_TINY; i++)
		if (tiny_classes[i] >= sizes->lowest && tiny_classes[i] <= sizes->highest)
			sizes->table[sizes->count++] = tiny_classes[i];
	if (!sizes->count)
		usage_error(TINY_ONLY_ENV ": min and max leave no tiny size class between %u and %u",
			    sizes->lowest, sizes->highest);
	sizes->lowest = sizes->table[0];
	sizes->highest = sizes->table[sizes->count - 1];
}
