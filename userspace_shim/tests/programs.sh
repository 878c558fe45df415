#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/tests/programs.sh [OPTION]...
#
# Runs python3, git, gcc and g++, make, redis, sqlite3 and node with libhakmem
# preloaded. Each program does the same work twice, with the C library's malloc()
# and with hakmem's, and has to get the same result. The dynamic linker's output
# shows that the second run really uses hakmem.
#
# Output is TAP. The exit status is 0 if everything passed, 1 if not, 2 on bad
# usage. If a program is not installed, that is a failure.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=qemu/lib/common.sh
. "$here/../../qemu/lib/common.sh"
# shellcheck source=userspace_shim/tests/tap.sh
. "$here/tap.sh"

shim=$TOP/userspace_shim
option lib PATH file "${OUT:-$TOP/out}/release/libhakmem.so" 'the library'
option no-lib '' flag '' 'preload nothing, to test the tests themselves'
option timeout N number:1..86400 180 'seconds a program may take'
option filter RE regex '' 'only the programs whose name matches the regular expression'
parse_options "$@"
exclusive lib no-lib
lib=${opt[lib]} limit=${opt[timeout]} filter=${opt[filter]}
if [ -n "${opt[no-lib]}" ]; then
	lib=
else
	[ -f "$lib" ] || usage_error "no library $lib: build it, or name one with --lib"
	lib=$(realpath "$lib")
fi

work=$(mktemp -d) || exit 2
worker=
# a worker that is ended ends its server; it does so after the command it waits for
trap '[ -z "$worker" ] || { kill "$worker"; wait "$worker"; } 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# A server would run on this machine if Debian's redis-server was installed. Its program is in
# redis-tools, too, and is what it is called.
mkdir "$work/bin"
ln -s "$(command -v redis-check-rdb)" "$work/bin/redis-server"
PATH+=:$work/bin

# The workloads. Each runs in a directory of its own, always of the same name, with errexit
# on; what it prints is its result. A command under test is run by p.

# p COMMAND ARGUMENT...: with the library preloaded, or not, and for a limited time
p() {
	timeout -k 10 "$limit" env "${preload[@]}" "$@"
}

work_python3() {
	# by itself python3 keeps objects up to 512 bytes away from malloc()
	PYTHONMALLOC=malloc PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 \
		p "$(python_program)" "$here/programs/load.py"
}

write_files() {
	awk -v round="$1" 'BEGIN {
		srand(42 + round)
		for (f = 0; f < 300; f++) {
			if (round && rand() < 0.7)
				continue
			name = sprintf("d%d/f%d", f % 17, f)
			for (l = 0; l < 200; l++)
				printf "line %d of %s: %d\n", l, name, l % 11 == round % 11 ? rand() * 1e9 : l >name
			close(name)
		}
	}'
}

work_git() {
	local round

	export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE="2000-01-01T00:00:00Z"
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org GIT_COMMITTER_DATE="2000-01-01T00:00:00Z"
	p git init -q -b main repo
	cd repo
	git config pack.threads 4
	git config index.threads 4
	git config gc.auto 0
	for round in {0..16}; do
		mkdir -p "d$round"
	done
	for round in {0..14}; do
		write_files "$round"
		p git add -A
		p git commit -q -m "round $round"
	done
	p git gc -q --aggressive --prune=now
	p git repack -q -a -d -f --threads=4
	p git fsck --full --strict
	p git log -p --stat | sha256sum
	p git log --format=%T -M -C --find-copies-harder --name-status | sha256sum
	p git grep -c --threads 4 "line 7" | sha256sum
	p git clone -q --no-local . ../clone
	p git -C ../clone rev-parse HEAD
	p git -C ../clone blame d3/f3 | sha256sum
}

work_gcc() {
	local source job jobs=() flags=(-O2 -g -pthread -frandom-seed=1)

	for source in larson options run pattern report; do
		p gcc -std=gnu11 "${flags[@]}" -c "$shim/larson/$source.c" -o "$source.o" &
		jobs+=($!)
	done
	p g++ -std=c++17 "${flags[@]}" -flto=4 -c "$here/programs/load.cc" -o load.o &
	jobs+=($!)
	for job in "${jobs[@]}"; do
		wait "$job"
	done
	p gcc "${flags[@]}" larson.o options.o run.o pattern.o report.o -o larson
	p g++ "${flags[@]}" -flto=4 load.o -o load
	sha256sum larson.o options.o run.o pattern.o report.o larson
	p ./load
	p ./larson --verify --lives=50 60 8 1024 1000 1 1 4 >&2
}

work_make() {
	p make -C "$shim" -j4 OUT="$PWD/out" >&2
	find out -type f \( -name '*.o' -o -name '*.so' -o -name '*.a' \) -print0 | sort -z |
		xargs -0 -r sha256sum
	# nothing built is nothing tested
	find out -name libhakmem.so | grep -q .
}

redis_commands() {
	awk 'BEGIN {
		for (i = 0; i < 30000; i++) {
			x = (i * 7919) % 10007
			printf "SET s:%d %0*d\r\n", x, 1 + x % 400, i
			printf "LPUSH l:%d v%d\r\nHSET h:%d f%d %0*d\r\n", x % 50, i, x % 70, i % 900, 1 + i % 90, i
			printf "ZADD z:%d %d m%d\r\nSADD t:%d m%d\r\n", x % 30, x, i % 2000, x % 40, i % 3000
			if (i % 3 == 0)
				printf "DEL s:%d\r\nRPOP l:%d\r\nAPPEND s:%d tail%d\r\n", (x * 31) % 10007, x % 50, x % 999, i
		}
	}'
}

work_redis() {
	local server socket=$PWD/socket cli try

	# not by p: in the background that would be a shell, and a signal would end the shell only
	timeout -k 10 "$limit" env "${preload[@]}" redis-server \
		--port 0 --unixsocket "$socket" --dir "$PWD" --daemonize no \
		--save "" --io-threads 4 --io-threads-do-reads yes --enable-debug-command local \
		--loglevel warning >&2 &
	server=$!
	# shellcheck disable=SC2064 # the process that is meant is this one
	trap "kill $server 2>/dev/null" EXIT
	cli=(redis-cli -s "$socket")
	for try in {1..100}; do
		[ "$("${cli[@]}" ping 2>&1)" = PONG ] && break
		[ "$try" -lt 100 ]
		sleep 0.1
	done
	redis_commands | p "${cli[@]}" --pipe | grep errors
	p "${cli[@]}" debug digest
	p "${cli[@]}" debug reload
	p "${cli[@]}" debug digest
	p "${cli[@]}" dbsize
	# pipelined: io-threads spin, and with fewer CPUs than threads a round trip is slow
	p redis-benchmark -s "$socket" -q -n 6000 -c 50 --threads 4 -P 16 -r 5000 -d 100 \
		-t set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,lrange_100,mset >&2
	# saves in a forked process while the parent goes on
	p "${cli[@]}" bgsave
	p redis-benchmark -s "$socket" -q -n 6000 -c 50 --threads 4 -P 16 -t set,get >&2
	p "${cli[@]}" flushall
	"${cli[@]}" shutdown nosave
	wait "$server"
	trap - EXIT
}

work_sqlite3() {
	p sqlite3 -batch -bail test.db <"$here/programs/load.sql"
}

work_node() {
	p node "$here/programs/load.js"
}

# The tests.

# Of a python3 that is a script, the program behind it.
python_program() {
	python3 -c 'import sys; print(sys.executable)'
}

# check_bound NAME COMMAND...: its malloc() is the library's
check_bound() {
	local name=$1 status
	shift

	[ -n "$lib" ] || return 0
	rm -f "$work"/ld.*
	timeout -k 10 "$limit" env LD_PRELOAD="$lib" LD_BIND_NOW=1 LD_DEBUG=bindings \
		LD_DEBUG_OUTPUT="$work/ld" "$@" >"$work/out" 2>&1 </dev/null
	status=$?
	if [ "$status" -eq 0 ] && cat "$work"/ld.* 2>/dev/null | grep -F " to $lib " | grep -q "symbol .malloc'"; then
		tap_ok "$name uses the library's malloc()"
	else
		tap_not_ok "$name uses the library's malloc()" < <(
			if [ "$status" -eq 0 ]; then
				echo "$* does not bind malloc() to $lib"
			else
				echo "$* $(tap_how_ended "$status")"
			fi
			tail -n 20 "$work/out"
		)
	fi
}

# run_work NAME WHAT PRELOAD...: leaves WHAT.result, WHAT.log and WHAT.seconds behind
run_work() {
	local name=$1 what=$2 status start=$EPOCHREALTIME
	shift 2

	rm -rf "$work/dir"
	mkdir "$work/dir"
	(
		trap - EXIT
		trap 'exit 130' INT TERM
		set -eE -o pipefail
		preload=("$@")
		cd "$work/dir"
		"work_$name"
	) >"$work/$what.result" 2>"$work/$what.log" </dev/null &
	worker=$!
	wait "$worker"
	status=$?
	worker=
	awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", b - a }' >"$work/$what.seconds"
	return "$status"
}

# what_failed WHAT STATUS
what_failed() {
	echo "the work $(tap_how_ended "$2"); its last words:"
	tail -n 30 "$work/$1.log"
	tail -n 10 "$work/$1.result"
}

# test_program NAME PACKAGE COMMAND...: the commands NAME's work needs
test_program() {
	local name=$1 package=$2 command missing='' status
	shift 2

	[[ -z $filter || $name =~ $filter ]] || return 0
	for command; do
		command -v "$command" >/dev/null || missing+=" $command"
	done
	if [ -n "$missing" ]; then
		tap_not_ok "$name" <<<"not installed:$missing; on Debian: apt-get install $package"
		return
	fi
	for command; do
		case $command in
		python3) check_bound python3 "$(python_program)" --version ;;
		gcc) check_bound cc1 "$(gcc -print-prog-name=cc1)" --version ;;
		g++) check_bound cc1plus "$(g++ -print-prog-name=cc1plus)" --version ;;
		*) check_bound "$command" "$command" --version ;;
		esac
	done

	run_work "$name" plain -u LD_PRELOAD
	status=$?
	if [ "$status" -ne 0 ] || [ ! -s "$work/plain.result" ]; then
		tap_not_ok "$name works without the library" < <(what_failed plain "$status")
		return
	fi
	if [ -n "$lib" ]; then
		run_work "$name" preloaded LD_PRELOAD="$lib"
	else
		run_work "$name" preloaded -u LD_PRELOAD
	fi
	status=$?
	if [ "$status" -ne 0 ]; then
		tap_not_ok "$name" < <(what_failed preloaded "$status")
	elif ! cmp -s "$work/plain.result" "$work/preloaded.result"; then
		tap_not_ok "$name" < <(
			echo "its results differ, without the library (-) and with it (+)"
			diff -u "$work/plain.result" "$work/preloaded.result" | head -n 40
		)
	else
		tap_ok "$name: same result, $(<"$work/plain.seconds") s without, $(<"$work/preloaded.seconds") s with"
	fi
}

test_program python3 python3 python3
test_program git git git
test_program gcc "gcc g++" gcc g++
test_program make make make
test_program redis redis-tools redis-server redis-benchmark redis-cli
test_program sqlite3 sqlite3 sqlite3
test_program node nodejs node
tap_done
