#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/tests/environment.sh [--bin DIR]
#
# Tests which HAKMEM_ variables and values the library accepts, refuses, reports
# and ignores. The tests of set-user-ID programs need root. Output is TAP.

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

bin=$(cd "$bin" && pwd) || exit 2
build=$(basename "$bin")
work=$(mktemp -d) || exit 2
log=$work/log
trap 'rm -rf "$work"' EXIT

# probe ASSIGNMENTS... -- COMMAND...: its status in $got, its output in $log
probe() {
	local vars=()
	while [ "$1" != -- ]; do
		vars+=("$1")
		shift
	done
	shift
	got=0
	env "${vars[@]}" "$@" >"$log" 2>&1 || got=$?
}

# outcome NAME STATUS RE: what probe left; an RE with ^ and $ is the whole of it
outcome() {
	if [ "$got" -eq "$2" ] && tr '\n' '|' <"$log" | grep -qE -- "$3"; then
		tap_ok "$1"
	else
		{ echo "status $got, not $2; or no \"$3\" in:"; cat "$log"; } >"$log.why"
		tap_not_ok "$1" <"$log.why"
	fi
}

fine='^fine\|$'

# --- values ---

for value in y Y yes YES t true 1 on ON; do
	probe HAKMEM_TINY_PARANOID_DRAIN=$value HAKMEM_LOCK_STATS=$value -- "$bin/tests/probe" fine
	outcome "yes may be said as $value" 0 "$fine"
done
for value in n N no f False 0 off OFF; do
	probe HAKMEM_TINY_TRACE_RING=$value HAKMEM_CRASH_REPORT=$value -- "$bin/tests/probe" fine
	outcome "no may be said as $value" 0 "$fine"
done
either='0, 1, n, y, no, yes, off, on, f, t, false, true'
for value in '' 2 -1 maybe o 12 0x1 00 yesterday never offline; do
	probe HAKMEM_LOCK_STATS=$value -- "$bin/tests/probe" fine
	outcome "'$value' is neither, which is said of the variable" 2 \
		"^hakmem: HAKMEM_LOCK_STATS: \"$value\" is .*; it takes $either\|\$"
done
probe HAKMEM_CRASH_REPORT=maybe -- "$bin/tests/probe" fine
outcome "likewise of a variable of userspace alone" 2 \
	"^hakmem: HAKMEM_CRASH_REPORT: \"maybe\" is .*; it takes $either\|\$"
probe HAKMEM_TINY_FAST_CAP=y -- "$bin/tests/probe" fine
outcome "a number is a number" 2 \
	'^hakmem: HAKMEM_TINY_FAST_CAP: "y" is not a number; it takes 0\.\.1024\|$'
probe HAKMEM_TINY_FAST_CAP=1025 -- "$bin/tests/probe" fine
outcome "and in its range" 2 \
	'^hakmem: HAKMEM_TINY_FAST_CAP: 1025 is out of range; it takes 0\.\.1024\|$'
for value in 4294967296 99999999999999999999; do
	probe HAKMEM_TINY_FAST_CAP=$value -- "$bin/tests/probe" fine
	outcome "so it is beyond 32 bits" 2 \
		"^hakmem: HAKMEM_TINY_FAST_CAP: $value is out of range; it takes 0\.\.1024\|\$"
done

names=$(printf 'a%.0s' {1..255})
probe HAKMEM_DEBUG="F,$names" -- "$bin/tests/probe" fine
outcome "debug takes 255 characters of names" 0 "$fine"
probe HAKMEM_DEBUG="F,a$names" -- "$bin/tests/probe" fine
outcome "and refuses more, instead of a part of them" 2 \
	'^hakmem: HAKMEM_DEBUG: "F,a*" is refused; .* up to 255 characters of cache names\|$'

# --- names ---

probe HAKMEM_TINY_FASTCAP=7 -- "$bin/tests/probe" fine
outcome "a variable nobody knows is named, once, and no more" 0 \
	'^hakmem: HAKMEM_TINY_FASTCAP is not a variable of hakmem.*\|fine\|$'
probe HAKMEM_TINY_FAST_CAPS=7 -- "$bin/tests/probe" fine
outcome "one that begins as a known one is" 0 \
	'^hakmem: HAKMEM_TINY_FAST_CAPS is not a variable of hakmem.*\|fine\|$'
probe HAKMEM_B=1 HAKMEM_A=1 HAKMEMORY=1 -- "$bin/tests/probe" fine
outcome "each of several is" 0 \
	'^(hakmem: HAKMEM_[AB] is not a variable of hakmem[^|]*\|){2}fine\|$'
probe HAKMEM_TINY_FAST_CAP=64 HAKMEM_TINY_PARANOID_DRAIN=0 HAKMEM_TINY_TRACE_RING=0 \
	HAKMEM_LOCK_STATS=0 HAKMEM_CRASH_REPORT=0 HAKMEM_PR_DEBUG=0 HAKMEM_TINY_ALIGN_8=0 \
	HAKMEM_ARENA=1 HAKMEM_VERBOSE=0 HAKMEM_STATS=off HAKMEM_STATS_FILE=x HAKMEM_LARSON_TINY_ONLY=1 HAKMEM_CACHE=/x HAKMEM_CPUS=2 \
	-- "$bin/tests/probe" fine
outcome "those there are, are known" 0 "$fine"
probe HAKMEM_LARSON_TINY_ONLY=1 -- "$bin/larson_hakmem" 0.1 8 64 100 1 1 1
outcome "Larson's is Larson's" 0 '^[^h]'

# --- being asked ---

said="with HAKMEM_VERBOSE it says that it could not start"
if emulated "$bin/tests/probe"; then
	tap_skip "$said" "the limit would be the emulator's"
elif [ "$build" = release ] || [ "$build" = debug ]; then
	got=0
	(ulimit -v 12000; HAKMEM_VERBOSE=1 exec "$bin/tests/probe" fine) >"$log" 2>&1 || got=$?
	outcome "$said" 0 '^hakmem: not used: .*\|fine\|$'
fi
probe HAKMEM_VERBOSE=1 -- "$bin/tests/probe" fine
outcome "or with what it did" 0 \
	'^hakmem: [0-9.]+ serves malloc\(\), .*HAKMEM_TINY_FAST_CAP=64 .*\|fine\|$'
outcome "and how large the arena is" 0 '\|hakmem: the arena has [0-9]+ GiB\|fine\|$'
probe HAKMEM_VERBOSE=1 HAKMEM_ARENA=0 -- "$bin/tests/probe" fine
outcome "or that there is none, because the user wants none" 0 \
	'\|hakmem: there is no arena: HAKMEM_ARENA=0\|fine\|$'
said="or because there is a limit"
if emulated "$bin/tests/probe"; then
	tap_skip "$said" "the limit would be the emulator's"
elif [ "$build" = release ] || [ "$build" = debug ]; then
	got=0
	(ulimit -v 1000000; HAKMEM_VERBOSE=1 exec "$bin/tests/probe" fine) >"$log" 2>&1 || got=$?
	outcome "$said" 0 '\|hakmem: there is no arena: RLIMIT_AS is set\|fine\|$'
fi

# --- alignment ---

case $build in
release | debug)
	for program in probe probe_so; do
		probe -- "$bin/tests/$program" align
		outcome "$program: malloc(1) to malloc(8) are aligned to 16" 0 '^(16|32|64)\|$'
		probe HAKMEM_TINY_ALIGN_8=1 -- "$bin/tests/$program" align
		outcome "$program: or to 8, if that is asked for" 0 '^8\|$'
	done
	;;
esac

# --- a limit on address space that comes later ---

case $build in
release | debug)
	for program in probe probe_so; do
		probe HAKMEM_ARENA=0 -- "$bin/tests/$program" limit 2048
		outcome "$program: without an arena it may limit itself to 2 GiB" 0 "$fine"
		probe HAKMEM_ARENA=64 -- "$bin/tests/$program" limit 2048
		outcome "$program: the arena has no size to be set" 2 \
			"^hakmem: HAKMEM_ARENA: \"64\" is .*; it takes $either\|\$"
	done
	;;
esac

# --- set-user-ID programs ---

# as_nobody COMMAND...
as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --)

secure() {
	local program=$1 copy=$work/$1

	cp "$bin/tests/$program" "$copy"
	# Nobody else may run it meanwhile.
	chown root:65534 "$copy"
	chmod 4750 "$copy"
	probe -- "${as_nobody[@]}" "$copy" secure
	if [ "$(cat "$log")" != 1 ]; then
		tap_skip "$program, set-user-ID" "here that means nothing: $(head -n 1 "$log")"
		return
	fi
	probe HAKMEM_TINY_FAST_CAP=many -- "${as_nobody[@]}" "$copy" fine
	outcome "$program, set-user-ID: a bad value is not looked at" 0 "$fine"
	probe HAKMEM_TINY_FASTCAP=1 HAKMEM_VERBOSE=1 -- "${as_nobody[@]}" "$copy" fine
	outcome "$program, set-user-ID: an unknown variable is not named" 0 "$fine"
	probe HAKMEM_TINY_ALIGN_8=1 -- "${as_nobody[@]}" "$copy" align
	outcome "$program, set-user-ID: a good value is not obeyed" 0 '^(16|32|64)\|$'
	probe HAKMEM_TINY_FAST_CAP=many -- "$copy" fine
	outcome "$program, its owner's: a bad value is" 2 'HAKMEM_TINY_FAST_CAP'
}

# The copy's library, and the way to both, have to be open to nobody.
chmod 755 "$work"
case $build in
release | debug)
	if [ "$(id -u)" -ne 0 ]; then
		tap_skip "set-user-ID programs" "only root can make one"
	else
		secure probe
		secure probe_so
	fi
	;;
esac

tap_done
