// SPDX-License-Identifier: GPL-2.0
/* The environment: the core's parameters, and those of this build only. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

#define PREFIX	"HAKMEM_"

unsigned int shim_verbose;
unsigned int shim_crash_report;
unsigned int shim_redirect = 1;
unsigned int shim_align_8;
unsigned int shim_use_arena = 1;
static unsigned int pr_debug_on;

static const struct hak_param own[] = {
	{ .env = "HAKMEM_VERBOSE", .kind = HAK_PARAM_bool, .value = &shim_verbose },
	{ .env = "HAKMEM_CRASH_REPORT", .kind = HAK_PARAM_bool,
	  .value = &shim_crash_report },
	{ .env = "HAKMEM_REDIRECT_LIBC", .kind = HAK_PARAM_bool,
	  .value = &shim_redirect },
	{ .env = "HAKMEM_TINY_ALIGN_8", .kind = HAK_PARAM_bool,
	  .value = &shim_align_8 },
	{ .env = "HAKMEM_ARENA", .kind = HAK_PARAM_bool,
	  .value = &shim_use_arena },
	{ .env = "HAKMEM_PR_DEBUG", .kind = HAK_PARAM_bool, .value = &pr_debug_on },
};

/* Variables that programs and scripts around the library use. */
static const char *const others[] = {
	"HAKMEM_LARSON_TINY_ONLY", "HAKMEM_CACHE", "HAKMEM_CPUS",
	/* snapshot.c takes these, because they are words. */
	"HAKMEM_STATS", "HAKMEM_STATS_FILE",
};

/* If a value is refused, the program ends; the message has been printed. */
static void take(const struct hak_param *param, unsigned int n)
{
	const char *val;

	for (; n--; param++) {
		val = getenv(param->env);
		if (val && hak_param_set(param, param->env, val))
			_exit(2);
	}
}

/* Is @name the name in @var, which is NAME=VALUE? */
static bool is_named(const char *var, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(var, name, n) && var[n] == '=';
}

static bool known(const char *var)
{
	unsigned int i;

	for (i = 0; i < hak_nr_params; i++)
		if (is_named(var, hak_params[i].env))
			return true;
	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (is_named(var, own[i].env))
			return true;
	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (is_named(var, others[i]))
			return true;
	return false;
}

/*
 * Report unknown names. A mistyped name would go unnoticed, and a measurement
 * would be of something else.
 */
static void name_unknown(void)
{
	char **var;

	for (var = environ; *var; var++) {
		if (strncmp(*var, PREFIX, strlen(PREFIX)) || known(*var))
			continue;
		_printk("hakmem: %.*s is not a variable of hakmem's\n",
			(int)strcspn(*var, "="), *var);
	}
}

/**
 * shim_environment() - take the settings from the environment
 *
 * If a program has privileges that its caller has not, all variables are ignored
 * silently.
 */
void shim_environment(void)
{
	if (getauxval(AT_SECURE))
		return;
	take(hak_params, hak_nr_params);
	take(own, ARRAY_SIZE(own));
	if (shim_snapshot_setting(getenv("HAKMEM_STATS"), getenv("HAKMEM_STATS_FILE")))
		_exit(2);
	name_unknown();
#ifdef HAK_SHIM_DEBUG
	shim_pr_debug = pr_debug_on;
#endif
}

/* With HAKMEM_VERBOSE: print which malloc() serves, the settings, and the arena's size. */
void shim_say_started(int err)
{
	char line[512];
	unsigned int i, n = 0;

	if (!shim_verbose)
		return;
	if (err) {
		_printk("hakmem: not used: error %d; the C library serves malloc()\n",
			err);
		return;
	}
	for (i = 0; i < hak_nr_params; i++) {
		n += scnprintf(line + n, sizeof(line) - n, " %s=",
			       hak_params[i].env);
		n += hak_param_show(&hak_params[i], line + n, sizeof(line) - n);
	}
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		n += scnprintf(line + n, sizeof(line) - n, " %s=", own[i].env);
		n += hak_param_show(&own[i], line + n, sizeof(line) - n);
	}
	_printk("hakmem: %s serves malloc(),%s\n", HAKMEM_VERSION, line);
	shim_arena_say();
}
