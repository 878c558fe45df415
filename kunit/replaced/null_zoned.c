// SPDX-License-Identifier: GPL-2.0
/* The zones of null_blk, which may be too many for kmalloc(). */
#include <linux/bitmap.h>
#include <linux/vmalloc.h>
#include <../drivers/block/null_blk/null_blk.h>

#define HAKMEM_REPLACE_KMALLOC
#include "hakmem_replace.h"

#include <../drivers/block/null_blk/zoned.c>
