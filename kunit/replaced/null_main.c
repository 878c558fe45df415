// SPDX-License-Identifier: GPL-2.0
/* null_blk; what it allocates itself, a page's record above all, is hakmem's. */
#include <linux/module.h>
#include <../drivers/block/null_blk/null_blk.h>

#define HAKMEM_REPLACE_KMALLOC
#include "hakmem_replace.h"

#include <../drivers/block/null_blk/main.c>
