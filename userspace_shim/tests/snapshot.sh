#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/tests/snapshot.sh [--bin DIR]
#
# Tests HAKMEM_STATS and HAKMEM_STATS_FILE: when snapshots are written, that
# haktop can read them, and that the signal does no harm to a program that it
# interrupts in malloc(). Output is TAP.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=qemu/lib/common.sh
. "$here/../../qemu/lib/common.sh"
# shellcheck source=userspace_shim/tests/tap.sh
. "$here/tap.sh"

option bin DIR dir "${OUT:-$TOP/out}/release" 'the build'
parse_options "$@"

while IFS= read -r name; do
	unset "$name"
done < <(compgen -e HAKMEM_)

bin=$(cd "${opt[bin]}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
log=$work/log
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

# outcome NAME CONDITION...: a command, whose output is shown where it fails
outcome() {
	local name=$1
	shift
	if "$@" >"$log.why" 2>&1; then tap_ok "$name"; else tap_not_ok "$name" <"$log.why"; fi
}

# larson SECONDS [VARIABLE=VALUE]...: two threads that allocate and free all the time
larson() {
	local seconds=$1
	shift
	env "$@" "$bin/larson_hakmem" "$seconds" 8 1000 2000 10 1 2 >"$log" 2>&1
}

files() { find . -name "$1.*" | sort; }
# count FILE: of the snapshots in it, by their first lines
count() { files "$1" | xargs cat | grep -c '^==> time <==$'; }
read_by_haktop() { "$TOP/tools/haktop" "$@" >"$work/shown" && grep -q ' hak-' "$work/shown"; }
# refills FILE: refills of all classes in its last snapshot
# shellcheck disable=SC2016  # awk's
refills() { files "$1" | xargs awk '/^==> classes/ { n = 0 } /^hak-/ { n += $7 } END { print n }'; }
# shellcheck disable=SC2016
ascend() { files "$1" | xargs awk '/^[0-9]+\.[0-9]+$/ { if ($1 < last) exit 1; last = $1 }'; }

larson 0.2
outcome 'without HAKMEM_STATS nothing is written' [ -z "$(files hakmem-stats)" ]

outcome 'the program is none the worse for a snapshot at exit' larson 0.2 HAKMEM_STATS=exit
outcome 'it is written to hakmem-stats.PID' [ "$(files hakmem-stats | wc -l)" = 1 ]
outcome 'it is one' [ "$(count hakmem-stats)" = 1 ]
outcome 'haktop reads it' read_by_haktop "$(files hakmem-stats)"
outcome 'it counts what was done' [ "$(refills hakmem-stats)" -gt 10 ]

larson 0.2 HAKMEM_STATS=exit HAKMEM_STATS_FILE="$work/there"
outcome 'HAKMEM_STATS_FILE says where' [ "$(files there | wc -l)" = 1 ]

# signals FILE NUMBER SECONDS: the status of the program, which runs so long and was sent so
# many. Those of a few are sent one after the other, each when the one before has its
# snapshot, because two that wait are one; of many it is enough that some get through.
signals() {
	local i pid status=0
	HAKMEM_STATS=signal HAKMEM_STATS_FILE=$1 "$bin/larson_hakmem" "$3" 8 1000 2000 10 1 2 >"$log" 2>&1 &
	pid=$!
	# Until its handler is there the signal would end it. The shell has one of its own,
	# until it has become the program.
	while [ -d /proc/$pid ] && ! [ /proc/$pid/exe -ef "$bin/larson_hakmem" ]; do
		sleep 0.01
	done
	while [ -d /proc/$pid ] && ! (( 0x$(awk '/^SigCgt/ { print $2 }' /proc/$pid/status) >> 9 & 1 )); do
		sleep 0.01
	done
	for ((i = 1; i <= $2 || ($2 > 100 && $(count "$1") <= 5); i++)); do
		kill -USR1 $pid 2>/dev/null || break
		while (($2 <= 100 && $(count "$1") < i)) && [ -d /proc/$pid ]; do
			sleep 0.02
		done
	done
	wait $pid || status=$?
	return $status
}

# enough FILE NUMBER LEAST SECONDS...: signals FILE NUMBER with the first of the SECONDS. If the
# machine is so busy that the program ends before FILE has LEAST snapshots, it runs again, for
# as long as the next number says.
enough() {
	local file=$1 number=$2 least=$3 seconds
	shift 3
	for seconds; do
		rm -f "$file".*
		signals "$file" "$number" "$seconds" || return
		(($(count "$file") < least)) || return 0
	done
}

# ThreadSanitizer has it that counters are read while their owners write them, and they
# are; each is a single word.
if [ "$(basename "$bin")" = tsan ]; then
	tap_skip 'signals' 'counters are read while their owners write them'
else
	outcome 'the program is none the worse for signals' enough some 5 6 4 16 64
	outcome 'each has its snapshot, and so has the end' [ "$(count some)" = 6 ]
	outcome 'they are in the order of time' ascend some
	outcome 'haktop reads them' read_by_haktop "$(files some)"
	outcome 'there are no more than caches are' [ "$(grep -c ' NAME$' shown)" = 6 ]

	outcome 'the program is none the worse for a storm of signals' enough many 2000 6 1.5 6 24
	outcome 'there are snapshots of it' [ "$(count many)" -gt 5 ]
	outcome 'none of them is torn' read_by_haktop "$(files many)"

	# A snapshot that cannot be written changes errno most.
	got=$(HAKMEM_STATS=signal HAKMEM_STATS_FILE=/nonexistent/file "$bin/tests/probe" signal 2>"$log")
	outcome 'the signal changes no errno, and interrupts no system call' [ "$got" = '0 0' ]
	outcome 'why a snapshot cannot be written is said' grep -q '/nonexistent/file\..*: error 2$' "$log"
fi

for value in '' maybe 1 exit,signal; do
	got=0
	larson 0.1 HAKMEM_STATS="$value" || got=$?
	outcome "HAKMEM_STATS='$value' is refused" [ $got = 2 ]
	outcome "and it is said what it takes" grep -q 'HAKMEM_STATS: .*off, exit, signal' "$log"
done
got=0
larson 0.1 HAKMEM_STATS=exit HAKMEM_STATS_FILE= || got=$?
outcome 'a file without a name is refused' [ $got = 2 ]

case $(basename "$bin") in
release | debug)
	HAKMEM_STATS=exit HAKMEM_STATS_FILE=family LD_PRELOAD=$bin/libhakmem.so \
		/bin/bash -c '(exit 0); exit 0' >"$log" 2>&1
	outcome 'a child that was forked has a file of its own' [ "$(files family | wc -l)" = 2 ] ;;
esac

tap_done
