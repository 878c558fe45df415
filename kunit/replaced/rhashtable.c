// SPDX-License-Identifier: GPL-2.0
/* The test of rhashtable; what it allocates itself is hakmem's. */
#define HAKMEM_REPLACE_KMALLOC
#include "hakmem_replace.h"

#include "test_rhashtable.c"
