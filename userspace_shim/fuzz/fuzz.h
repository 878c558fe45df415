/* SPDX-License-Identifier: GPL-2.0 */
/* What both fuzz targets have: fuzz_api, for one thread, and fuzz_threads, for several. */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/slab.h>

#include "core.h"
#include "shim.h"

#define check(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond); \
			abort();					\
		}							\
	} while (0)

/* In this thread, messages are expected and not printed; and how many those were. */
extern __thread unsigned int fuzz_quiet;
extern __thread unsigned int fuzz_said;

/* In how many ways fuzz_give_back() gives memory back. */
#define FUZZ_WAYS	5

void fuzz_start_core(void);
void fuzz_give_back(unsigned int way);

#endif
