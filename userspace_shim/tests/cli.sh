#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/tests/cli.sh [--bin DIR]
#
# Tests one build of the library from outside: parameters, crash reports, exported
# symbols. Output is TAP.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=qemu/lib/common.sh
. "$here/../../qemu/lib/common.sh"
# shellcheck source=userspace_shim/tests/tap.sh
. "$here/tap.sh"

option bin DIR dir "${OUT:-$TOP/out}/release" 'the build'
parse_options "$@"
bin=${opt[bin]}

unset HAKMEM_TINY_FAST_CAP HAKMEM_TINY_PARANOID_DRAIN HAKMEM_TINY_TRACE_RING
build=$(basename "$bin")
victim=$bin/tests/victim
work=$(mktemp -d) || exit 2
log=$work/log
trap 'rm -rf "$work"' EXIT

# outcome NAME STATUS RE: the last command's status and its output, in $log
outcome() {
	if [ "$got" -eq "$2" ] && grep -qE -- "$3" "$log"; then
		tap_ok "$1"
	else
		{ echo "status $got, not $2; or no \"$3\" in:"; cat "$log"; } >"$log.why"
		tap_not_ok "$1" <"$log.why"
	fi
}

# absent NAME STATUS RE: likewise, but RE is not in $log
absent() {
	if [ "$got" -eq "$2" ] && ! grep -qE -- "$3" "$log"; then
		tap_ok "$1"
	else
		{ echo "status $got, not $2; or there is \"$3\" in:"; cat "$log"; } >"$log.why"
		tap_not_ok "$1" <"$log.why"
	fi
}

# victim ASSIGNMENTS... -- ARGUMENTS: run it, its status in $got
run_victim() {
	local vars=()
	while [ "$1" != -- ]; do
		vars+=("$1")
		shift
	done
	shift
	got=0
	# In a shell of its own, whose word about a dead child is not wanted. A crash that is
	# reported again and again ends at 4 MiB.
	(ulimit -c 0 -f 4096; exec env "${vars[@]}" "$victim" "$@") >"$log" 2>&1 || got=$?
} 2>/dev/null

run_victim HAKMEM_TINY_FAST_CAP=many -- fine
outcome "a word for a number is refused" 2 'HAKMEM_TINY_FAST_CAP.*many'
run_victim HAKMEM_TINY_FAST_CAP=1000000 -- fine
outcome "a number out of range is refused, with the range" 2 'HAKMEM_TINY_FAST_CAP.*0\.\.'
run_victim HAKMEM_TINY_PARANOID_DRAIN= -- fine
outcome "an empty value is refused" 2 'HAKMEM_TINY_PARANOID_DRAIN'
run_victim HAKMEM_TINY_FAST_CAP=0 HAKMEM_TINY_PARANOID_DRAIN=1 -- fine
outcome "good values are taken" 0 fine

run_victim -- fine
absent "nothing is printed unasked" 0 '^hakmem: '
run_victim -- segv
# A sanitizer ends the program in a way of its own.
segv=$got
case $build in
release | debug) segv=139 ;;
esac
absent "no crash report unasked" "$segv" '^hakmem: '
case $build in
release | debug)
	run_victim HAKMEM_CRASH_REPORT=1 -- segv
	outcome "crash report: a wild address" 139 'SIGSEGV.*0x10\b'
	outcome "crash report: it is in no superslab" 139 'in no superslab'
	run_victim HAKMEM_CRASH_REPORT=1 -- segv-object
	outcome "crash report: an address in an object" 139 \
		'in a superslab: slab .* of hak-64, object [0-9]+ of 1024, byte 8 of 64'
	outcome "crash report: it is that object" 139 \
		"object $(sed -n 's/^it was object //p' "$log") of 1024"
	run_victim HAKMEM_CRASH_REPORT=1 -- overflow
	outcome "crash report: the stack has overflowed" 139 SIGSEGV
	run_victim HAKMEM_CRASH_REPORT=1 -- thread-overflow
	outcome "crash report: a thread's stack has overflowed" 139 SIGSEGV
	run_victim HAKMEM_CRASH_REPORT=1 -- next-thread-overflow
	outcome "crash report: likewise of a thread that has taken over an id" 139 SIGSEGV
	run_victim HAKMEM_CRASH_REPORT=1 -- abort
	outcome "crash report: abort()" 134 SIGABRT
	run_victim HAKMEM_CRASH_REPORT=1 -- bus
	outcome "crash report: a page beyond the end of a file" 135 SIGBUS
	run_victim -- no-room
	absent "a signal for whose frame there is no room ends the program" 139 'own handler|survived|^hakmem: '
	if emulated "$bin/tests/victim"; then
		tap_skip "crash report: and so it does with a report" \
			"the emulator ends it at once, and calls no handler"
	else
		run_victim HAKMEM_CRASH_REPORT=1 -- no-room
		outcome "crash report: and so it does with a report" 139 'SIGSEGV.*address 0\b'
		absent "crash report: it is about no address, either" 139 superslab
	fi
	run_victim HAKMEM_CRASH_REPORT=1 -- sent-segv
	outcome "crash report: a signal that another process sends" 139 'SIGSEGV.*address 0\b'
	absent "crash report: it is about no address" 139 superslab
	run_victim HAKMEM_CRASH_REPORT=1 -- sent-abort
	outcome "crash report: likewise SIGABRT" 134 SIGABRT
	run_victim HAKMEM_CRASH_REPORT=1 -- stacks
	outcome "crash report: threads' signal stacks" 0 '^fine$'
	run_victim HAKMEM_TINY_TRACE_RING=1 -- segv
	outcome "crash report: the trace ring" 139 ' alloc .* [1-9][0-9]*$|refill'
	outcome "crash report: the trace ring ends" 139 'end of trace ring'
	run_victim HAKMEM_CRASH_REPORT=1 -- handler
	outcome "crash report: the program's own handler wins" 0 'own handler'
	absent "crash report: and ours is silent" 0 hakmem
	;;
esac

case $build in
release | debug)
	got=0
	LD_PRELOAD=$bin/libhakmem.so bash -c 'for i in 1 2 3; do (echo $i | cat); done' \
		>"$log" 2>&1 || got=$?
	outcome "a preloaded shell forks and execs" 0 '^3$'
	;;
esac

nm -D --defined-only "$bin/libhakmem.so" | awk '{ print $3 }' >"$log"
case $build in
release | debug) prefix= ;;
*) prefix=hakmem_ ;;
esac
for name in malloc calloc realloc free memalign posix_memalign aligned_alloc \
	valloc pvalloc malloc_usable_size reallocarray malloc_trim free_sized \
	free_aligned_sized cfree mlockall; do
	got=0
	outcome "libhakmem.so exports $prefix$name" 0 "^$prefix$name\$"
done
grep -vE '^((__)?hak_|hakmem_)|^(__start|__stop)_hak|^_(init|fini)$' "$log" |
	grep -vxE "(malloc|calloc|realloc|free|memalign|posix_memalign|aligned_alloc|valloc|pvalloc|malloc_usable_size|reallocarray|free_sized|free_aligned_sized|cfree|malloc_trim|mlockall)" |
	grep -vE '^(__asan|__tsan|__odr_asan)' >"$log.more"
mv "$log.more" "$log"
absent "libhakmem.so exports nothing else" 0 .
got=0
nm "$bin/libhakmem.a" >"$log" || got=$?
outcome "libhakmem.a leaves room for the program's mlockall()" 0 " W ${prefix}mlockall\$"

# malloc() and free() are no cancellation points, so they may call none of the C library's.
points='open|open64|openat|creat|close|read|write|pread|pwrite|readv|writev|fcntl|fsync|fdatasync|msync|poll|ppoll|select|pselect|pause|sleep|usleep|nanosleep|clock_nanosleep|system|waitpid|wait|sigsuspend|sigwait|sigtimedwait|sem_wait|pthread_cond_wait|pthread_join|pthread_testcancel|getrandom'
got=0
nm -D --undefined-only "$bin/libhakmem.so" >"$log" || got=$?
outcome "libhakmem.so calls the C library" 0 ' U (__libc_|hakmem_)?malloc\b'
absent "but none of its cancellation points" 0 " U (__)?($points)(64|_chk)?(@|\$)"

# pr_debug() leaves nothing in the release build: neither text nor the switch.
if [ "$build" = release ]; then
	nm "$bin/libhakmem.so" >"$log" || got=$?
	outcome "the release build has its symbols" 0 ' hak_free$'
	absent "the release build has no pr_debug()" 0 'shim_pr_debug|shim_preempt_depth'
	grep -hoE 'pr_debug\("[^"\\%]{8,}' "$here"/../../kernel/*.c |
		sed 's/pr_debug("//' >"$log.texts"
	strings -a "$bin/libhakmem.so" >"$log.strings" || got=$?
	grep -F -f "$log.texts" "$log.strings" >"$log"
	[ -s "$log.texts" ] || got=1
	absent "nor any of its texts" 0 .
	got=0
	"${OBJDUMP:-objdump}" -d --no-show-raw-insn "$bin/libhakmem.so" |
		awk '/^[0-9a-f]+ <(malloc|free|__hak_alloc|hak_free)>:/ { in_it = 1; seen++ }
		     /^$/ { in_it = 0 } in_it && /fprintf|fputs|fwrite/
		     END { exit seen < 4 }' >"$log" || got=$?
	absent "the fast paths print nothing" 0 .
fi

got=0
"$here/../header-table" --check >"$log" 2>&1 || got=$?
absent "docs/shim.md says what the headers say" 0 .

tap_done
