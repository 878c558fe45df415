#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/tests/libc.sh [OPTION]...
#
# Tests that libhakmem.so and the C library work together: fork(), dlopen(),
# programs with a malloc of their own. Each program of libc/ has to exit with
# status 0 and print "fine", without the library and with it. For the release and
# debug builds. Output is TAP.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=qemu/lib/common.sh
. "$here/../../qemu/lib/common.sh"
# shellcheck source=userspace_shim/tests/tap.sh
. "$here/tap.sh"

option bin DIR dir "${OUT:-$TOP/out}/release" 'the build'
option timeout N number:1..86400 90 'seconds a program may take'
parse_options "$@"
bin=${opt[bin]} limit=${opt[timeout]}

bin=$(realpath "$bin") || exit 2
lib=$bin/libhakmem.so
programs=$bin/tests/libc
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
ulimit -c 0

# run_program ASSIGNMENTS... -- PROGRAM ARGUMENTS...: its status in $got
run_program() {
	local vars=()
	while [ "$1" != -- ]; do
		vars+=("$1")
		shift
	done
	shift
	got=0
	# In a shell of its own, whose word about a dead child is not wanted.
	(exec env "${vars[@]}" timeout -k 5 "$limit" "$programs/$1" "${@:2}") >"$log" 2>&1 || got=$?
} 2>/dev/null

# expect NAME STATUS RE: of the last program
expect() {
	if [ "$got" -eq "$2" ] && grep -qE -- "$3" "$log"; then
		tap_ok "$1"
	else
		tap_not_ok "$1" < <(echo "it $(tap_how_ended "$got"); it said:"; cat "$log")
	fi
}

# both NAME PROGRAM ARGUMENTS...: without the library, and with it
both() {
	local name=$1
	shift

	run_program -u LD_PRELOAD -- "$@"
	expect "$name, without the library" 0 '^fine$'
	run_program LD_PRELOAD="$lib" -- "$@"
	expect "$name" 0 '^fine$'
}

both "the C library knows the program's name and arguments" started "$programs/started_plugin.so"
run_program -u LD_PRELOAD -- started_static "$programs/started_plugin.so"
expect "... with the static library" 0 '^fine$'
both "fork() while a thread flushes a stream that allocates" flush
both "fork() in a signal handler of a process of one thread" signal
run_program LD_PRELOAD="$lib" HAKMEM_TINY_FAST_CAP=1 -- signal
expect "... where each call takes a slow path" 0 '^fine$'
both "an earlier library's fork handlers allocate" forks
both "... and take a lock whose holder allocates" forks lock
run_program -u LD_PRELOAD -- forks_static
expect "an earlier library's fork handlers allocate, with the static library" 0 '^fine$'
for program in deepbind deepbind_fixed; do
	both "a plugin opened with RTLD_DEEPBIND ($program)" $program "$programs/plugin.so"
done
run_program -u LD_PRELOAD -- deepbind_static "$programs/plugin.so"
expect "... and a program linked with the static library" 0 '^fine$'
run_program LD_PRELOAD="$lib" -- lookup
expect "the C library's free() is hakmem's" 0 '^other$'
run_program LD_PRELOAD="$lib" HAKMEM_REDIRECT_LIBC=0 -- lookup
expect "HAKMEM_REDIRECT_LIBC=0 leaves the C library as it is" 0 '^its own$'
both "a program with part of a malloc" own_malloc
run_program LD_PRELOAD="$programs/wrapper.so:$lib" -- wrapped
expect "a wrapper is preloaded before the library" 0 '^fine$'
run_program -u LD_PRELOAD -- large
expect "a program that allocates a large block, without the library" 0 '^24$'
run_program LD_PRELOAD="$lib" -- large
expect "... then gets small ones from the library" 0 '^32$'
run_program -u LD_PRELOAD -- unload "$lib"
expect "a thread outlives dlclose() of the library" 0 '^fine$'
run_program -u LD_PRELOAD -- unload "$programs/plugin_static.so"
expect "a thread outlives dlclose() of a plugin linked with the static library" 0 '^fine$'
both "an old program that calls cfree()" cfree
both "a program with a mlockall() of its own" own_mlockall
run_program -u LD_PRELOAD -- own_mlockall_static
expect "... with the static library" 0 '^fine$'
tap_done
