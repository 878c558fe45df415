// SPDX-License-Identifier: GPL-2.0
/* What both fuzz targets do at their start, and the messages that they expect. */
#include <stdarg.h>

#include <linux/printk.h>
#include <linux/sprintf.h>

#include "fuzz.h"

__thread unsigned int fuzz_quiet, fuzz_said;

int __real__printk(const char *fmt, ...);
int __wrap__printk(const char *fmt, ...);

/* The linker has the core call this. What is not printed is formatted all the same. */
int __wrap__printk(const char *fmt, ...)
{
	char line[1024];
	va_list args;

	va_start(args, fmt);
	vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (!fuzz_quiet)
		return __real__printk("%s", line);
	fuzz_said++;
	return 0;
}

/*
 * Start the core once more, with a trace ring. The environment has said whether hardened
 * and debug are on.
 */
void fuzz_start_core(void)
{
	shim_init();
	hak_core_exit();
	hak_trace_ring = 1;
	if (hak_core_init())
		abort();
	/*
	 * The ring would have every operation go the slow way, which a program is to choose.
	 * With hardened=1 there is no other way.
	 */
	if (!hak_hardened)
		hak_slow_only_put();
}

void fuzz_give_back(unsigned int way)
{
	switch (way) {
	case 0:
		hak_reap_all();
		break;
	case 1:
		hak_superslab_trim(0);
		break;
	case 2:
		hak_superslab_break();
		break;
	case 3:
		hak_depot_trim(true);
		break;
	case 4:
		hak_depot_trim(false);
		break;
	}
}
