// SPDX-License-Identifier: GPL-2.0
/*
 * Larson: the load of a long-running server, as described by Per-Ake Larson
 * and Murali Krishnan in "Memory Allocation for Long-Running Server
 * Applications" (ISMM 1998).
 *
 * Each thread owns an array of blocks. It picks one at random, frees it, puts
 * a new one of random size in its place, and after a fixed number of such
 * replacements leaves the array to a thread created for the purpose. So blocks
 * outlive their makers and are freed by threads that never allocated them.
 *
 * The program calls malloc() and free(): linked with libhakmem it measures
 * hakmem, preloaded with any other allocator it measures that one.
 */
#include <stdlib.h>

#include "larson.h"

int main(int argc, char **argv)
{
	struct options opt;
	struct sizes sizes;
	struct result res = { 0 };

	larson_parse_options(&opt, argc, argv);
	larson_set_sizes(&sizes, &opt);
	larson_run(&res, &opt, &sizes);

	if (!larson_report(&res, &opt, &sizes) || res.errors)
		return LARSON_EXIT_FAILED;
	return EXIT_SUCCESS;
}
