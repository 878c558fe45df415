// SPDX-License-Identifier: GPL-2.0
/* The zones of null_blk as they are. */
#include <../drivers/block/null_blk/zoned.c>
