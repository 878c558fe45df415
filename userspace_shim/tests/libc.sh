#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# libc.sh - the library beside the C library: programs that mix the two
#
# Each program of libc/ ends with status 0 and says "fine", without the library
# and with it.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tap.sh
. "$here/tap.sh"

bin=$here/../../out/release
limit=90

usage() {
	cat <<-END
	Usage: libc.sh [options]
	Tests that libhakmem.so and the C library do not get in each other's way. Nothing of it can be had in the sanitizer builds.

	  --bin DIR      the build (default: out/release)
	  --timeout N    seconds a program may take (default: $limit)
	  --help         this text

	Output is TAP; the exit status is 0 if everything passed, 1 if not, 2 on bad usage.
	END
}

while [ $# -gt 0 ]; do
	case $1 in
	--bin | --timeout)
		[ $# -ge 2 ] || { echo "libc.sh: $1 needs a value; see --help" >&2; exit 2; }
		case $1 in
		--bin) bin=$2 ;;
		--timeout) limit=$2 ;;
		esac
		shift
		;;
	--help | -h) usage; exit 0 ;;
	*) echo "libc.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
	esac
	shift
done

bin=$(realpath "$bin") || exit 2
lib=$bin/libhakmem.so
programs=$bin/tests/libc
log=$(mktemp)
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

both "fork() while a thread flushes a stream that allocates" flush
both "an earlier library's fork handlers allocate" forks
both "... and take a lock whose holder allocates" forks lock
run_program -u LD_PRELOAD -- forks_static
expect "an earlier library's fork handlers allocate, with the static library" 0 '^fine$'
tap_done
