#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/verify_fast_cap_0.sh [OPTION]...
#
# Runs Larson with HAKMEM_TINY_FAST_CAP=0 on both its command lines, then with
# --verify for every fast_cap (0, 1, 2, default), HAKMEM_TINY_PARANOID_DRAIN (0,
# 1), number of threads (1, 2, 4, 8, 32) and command line: 80 runs, about a
# minute. With the cache off (HAKMEM_TINY_FAST_CAP=0) every operation meets the
# slab, so whatever is wrong about ownership and remote frees shows here first.
#
# Output is TAP; the exit status is 0 if everything passed, 1 if not, 2 on bad
# usage.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=qemu/lib/common.sh
. "$here/../qemu/lib/common.sh"
# shellcheck source=userspace_shim/tests/tap.sh
. "$here/tests/tap.sh"

# beyond the time a run asks for; sanitizer builds and busy machines are slow
grace=60

# The command lines this began with; the last argument is the number of threads.
command_lines=(
	"2 8 128 1024 1 12345 4"
	"1 5 1 1000 100 10000 42"
)

option bin PATH program "${OUT:-$TOP/out}/release/larson_hakmem" 'Larson, linked with hakmem'
option seconds N seconds 0.5 'how long each run of the matrix takes'
option full '' flag '' 'as many seconds as the command lines say'
option filter RE regex '' 'only the runs whose name matches the regular expression'
parse_options "$@"
bin=${opt[bin]} seconds=${opt[seconds]} full=${opt[full]} filter=${opt[filter]}
[ -x "$bin" ] || usage_error "no program $bin: build it, or name one with --bin"

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

wanted() {
	[[ -z $filter || $1 =~ $filter ]]
}

# complaints: what is wrong with the finished run, nothing if it is fine
complaints() {
	local status=$1

	[ "$status" -eq 0 ] || echo "larson $(tap_how_ended "$status")"
	[ "$status" -eq 0 ] || return 0
	grep -q '"left": 0}' "$work/json" || echo "larson did not account for every block"
	counters_wrong
}

# hakmem's counters against what the program knows: with all threads joined it
# holds threads x chunks blocks, after the last free none of them.
counters_wrong() {
	python3 - "$work/json" <<'EOF'
import json
import sys

run = json.load(open(sys.argv[1]))
full, end = run["allocator_full"], run["allocator"]
held = sum(c["live"] for c in full["caches"]) - sum(c["live"] for c in end["caches"])
want = run["asked"]["threads"] * run["asked"]["chunks"]
if held != want:
    print(f"hakmem counted {held} objects live, larson held {want}")
for name in ("corruption", "bad_free", "stranded"):
    if end[name]:
        print(f"{name} is {end[name]}")
for c in end["caches"]:
    if c["live"] < 0:
        print(f"{c['name']}: live is {c['live']}")
EOF
}

# run_larson NAME SETTINGS ARGUMENT...: SETTINGS are environment variables, blank-separated
run_larson() {
	local name=$1 settings=$2 status limit wrong
	shift 2

	wanted "$name" || return 0
	limit=$(awk -v s="$1" -v g="$grace" 'BEGIN { print s + g }')
	rm -f "$work/json"
	# shellcheck disable=SC2086 # settings are words
	env -u HAKMEM_TINY_FAST_CAP -u HAKMEM_TINY_PARANOID_DRAIN $settings \
		timeout -k 5 "$limit" "$bin" "$@" "--json=$work/json" >"$work/out" 2>&1
	status=$?
	wrong=$(complaints "$status")
	if [ -z "$wrong" ]; then
		tap_ok "$name: $(sed -n 's/^Throughput = \([0-9]*\).*/\1/p' "$work/out") op/s"
		return
	fi
	tap_not_ok "$name" < <(
		echo "$wrong"
		echo "run as: $settings $bin $*"
		cat "$work/out"
		[ ! -s "$work/json" ] || cat "$work/json"
	)
}

# Without this the rest could all be passed by the C library's malloc().
check_linked() {
	local name="larson reports hakmem's counters"

	wanted "$name" || return 0
	timeout -k 5 "$grace" "$bin" 0.05 8 128 100 1 1 1 "--json=$work/json" >"$work/out" 2>&1
	if grep -q '^  "allocator": {' "$work/json" 2>/dev/null; then
		tap_ok "$name"
	else
		tap_not_ok "$name" < <(
			echo "$bin seems not to be linked with hakmem"
			cat "$work/out"
		)
	fi
}

run_command_lines() {
	local line

	for line in "${command_lines[@]}"; do
		# shellcheck disable=SC2086 # a line is words
		run_larson "fast_cap=0 larson $line" "HAKMEM_TINY_FAST_CAP=0" $line
	done
}

run_matrix() {
	local cap paranoid threads line args settings

	for cap in 0 1 2 default; do
		for paranoid in 0 1; do
			for threads in 1 2 4 8 32; do
				for line in "${command_lines[@]}"; do
					read -ra args <<<"$line"
					[ -n "$full" ] || args[0]=$seconds
					args[6]=$threads
					settings=HAKMEM_TINY_PARANOID_DRAIN=$paranoid
					[ "$cap" = default ] ||
						settings+=" HAKMEM_TINY_FAST_CAP=$cap"
					run_larson "fast_cap=$cap paranoid_drain=$paranoid larson --verify ${args[*]}" \
						"$settings" --verify "${args[@]}"
				done
			done
		done
	done
}

check_linked
run_command_lines
run_matrix
tap_done
