// SPDX-License-Identifier: GPL-2.0
/* null_blk as it is. */
#include <../drivers/block/null_blk/main.c>
