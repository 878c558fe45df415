// SPDX-License-Identifier: GPL-2.0
/* XArrays whose nodes are hakmem's. */
#include "hakmem_replace.h"
#include "private_exports.h"

/* Not this file once more, which has the same name. */
#include <../lib/xarray.c>
