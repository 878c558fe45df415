#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/tests/footprint.sh [--bin DIR]
#
# Runs one program with the library and without, and compares the committed
# memory, the memory that can be read, the resident memory when all of it is locked, and
# the behaviour with little address space. It tests builds without a sanitizer only, since a
# sanitizer needs many times as much memory. Output is TAP.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=qemu/lib/common.sh
. "$here/../../qemu/lib/common.sh"
# shellcheck source=userspace_shim/tests/tap.sh
. "$here/tap.sh"

option bin DIR dir "${OUT:-$TOP/out}/release" 'the build'
parse_options "$@"
bin=${opt[bin]}

while IFS= read -r name; do
	unset "$name"
done < <(compgen -e HAKMEM_)

plain=$bin/tests/probe_plain
work=$(mktemp -d) || exit 2
log=$work/log
trap 'rm -rf "$work"' EXIT

# probe PROGRAM ARGUMENTS...: the numbers it prints in the array got
probe() {
	read -r -a got < <("$@" 2>"$log")
	[[ ${got[0]-} =~ ^[0-9]+$ ]] || got=()
}

# below NAME KIB WHAT LIMIT: KIB is of what probe found, empty if that was nothing
below() {
	if [ -n "$2" ] && [ "$2" -lt "$4" ]; then
		tap_ok "$1: $3 below $4 KiB"
	else
		{ echo "${2:-?} KiB"; cat "$log"; } >"$log.why"
		tap_not_ok "$1: $3 below $4 KiB" <"$log.why"
	fi
}

probe "$plain" commit
alone=${got[0]-}
probe "$plain" commit 16
alone16=${got[0]-}
for program in probe probe_so; do
	with=$bin/tests/$program
	probe "$with" commit
	below "$program" "${got[0]-}" "committed by an idle process" 4096
	one=$((${got[0]-0} - alone))
	# Per thread the per-CPU memory that is in use, and a slab.
	probe "$with" commit 16
	below "$program" "${got[0]:+$((got[0] - alone16 - one))}" "committed for 16 threads" 3072
	probe "$with" peak 64
	below "$program" "${got[1]-}" "committed when a heap of 64 MiB has gone" 16384
done

for program in probe probe_so; do
	probe "$bin/tests/$program" readable
	below "$program" "${got[0]-}" "memory that can be read, and would be resident if locked," 8192
done

# Whoever may lock but little may not lock address space either.
if ! (ulimit -l 0; exec "$plain" locked) >/dev/null 2>&1; then
	tap_skip "resident when everything is locked" "may not lock memory without limit"
else
	for program in probe probe_so; do
		probe "$bin/tests/$program" locked
		below "$program" "${got[0]-}" "resident when everything is locked" 8192
	done
fi

# Address space that is reserved counts against a limit on locked memory. Whatever the limit is,
# there is an arena.
for program in probe probe_so; do
	probe bash -c "ulimit -l 64 && exec '$bin/tests/$program' size"
	below "$program" "${got[0]:+$((1048576 - got[0]))}" "less of it where nothing may, beyond 1 GiB," 1
	if ! (ulimit -l 204800) 2>/dev/null; then
		tap_skip "$program: resident when an unprivileged user has locked everything" \
			"may not raise the limit"
		continue
	fi
	probe bash -c "ulimit -l 204800 && exec '$bin/tests/$program' size"
	below "$program" "${got[0]:+$((1048576 - got[0]))}" "less of it where all may be, beyond 1 GiB," 1
	# The library gives back what is too much. Root may have it all, so this is nobody.
	nobody=()
	[ "$(id -u)" -ne 0 ] || nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
	if ! "${nobody[@]}" test -x "$bin/tests/$program"; then
		tap_skip "$program: resident when an unprivileged user has locked everything" \
			"nobody may not run it"
		continue
	fi
	probe bash -c 'ulimit -l 204800 && exec "$@"' - "${nobody[@]}" "$bin/tests/$program" locked
	below "$program" "${got[0]-}" "resident when an unprivileged user has locked everything" 8192
done

# with_little KIB PROGRAM ARGUMENTS...: with so much address space
with_little() {
	local kib=$1
	shift
	(ulimit -c 0; ulimit -v "$kib"; exec "$@") >"$log" 2>&1
}

# starve NAME ARGUMENTS...: of what the program gets by with alone, two thirds its
# own if there are no ARGUMENTS, up to what the library takes when it may
starve() {
	local name=$1 kib tried=0 what
	shift
	: >"$log.why"
	for ((kib = 2048; kib <= 400000; kib += kib / 8)); do
		what=("${@:-take}")
		[ $# -gt 0 ] || what+=($((kib * 2 / 3)))
		with_little "$kib" "$plain" "${what[@]}" || continue
		tried=$((tried + 1))
		for program in probe probe_so; do
			# The library has to be loaded, too.
			with_little $((kib + 1024)) "$bin/tests/$program" "${what[@]}"
			echo "$? $(tr '\n' ' ' <"$log")" >"$log.is"
			[ "$(cat "$log.is")" = "0 fine " ] ||
				echo "$program with $((kib + 1024)) KiB: $(cat "$log.is")" >>"$log.why"
		done
	done
	if [ $tried -gt 10 ] && [ ! -s "$log.why" ]; then
		tap_ok "$name"
	else
		tap_not_ok "$name" <"$log.why"
	fi
}

starve "a program runs, and nothing is printed, with however little address space" fine
starve "also if it wants most of that itself"

valgrind -q --tool=none "$bin/tests/probe" fine >"$log" 2>&1
if [ "$(cat "$log")" = fine ]; then
	tap_ok "under valgrind"
else
	tap_not_ok "under valgrind" <"$log"
fi

tap_done
