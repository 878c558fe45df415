# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions that all scripts share: messages, arguments, the cache, locks, background
# jobs. Sourced, never run.

TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)

# Scripts change directory, and so do those that they run.
for path in OUT HAKMEM_CACHE XDG_CACHE_HOME; do
	[[ ! ${!path-} || ${!path} == /* ]] || printf -v "$path" %s "$PWD/${!path}"
done
unset path
CACHE=${HAKMEM_CACHE:-${XDG_CACHE_HOME:-${HOME-}/.cache}/hakmem}

# Numbers have a decimal point, whatever the language: for printf, awk and EPOCHREALTIME.
if [[ ${LC_ALL-} ]]; then
	export LANG=$LC_ALL
	unset "${!LC_@}"
fi
export LC_NUMERIC=C

# If ccache is installed, it calls the compilers, so that a new clone does not compile again
# what another has compiled. Paths in the clone are relative for it, also those of a copy of
# the tree in out/. Its cache is a part of ours, because ccache would shrink the user's own
# to the size that is meant for this one.
if [[ -d /usr/lib/ccache && :$PATH: != *:/usr/lib/ccache:* ]]; then
	PATH=/usr/lib/ccache:$PATH
fi
export CCACHE_DIR=$CACHE/ccache CCACHE_MAXSIZE=1G CCACHE_BASEDIR=${CCACHE_BASEDIR:-$TOP}

# shellcheck source=qemu/lib/options.sh
. "$TOP/qemu/lib/options.sh"

# Progress goes to stderr, because stdout carries a script's one result.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# FAIL_STATUS lets a script keep 1 for a meaning of its own.
die() { say "$@"; exit "${FAIL_STATUS:-1}"; }

# "${OWNED[@]}" COMMAND...: runs COMMAND, which gets SIGTERM if its parent ends before it, even
# by SIGKILL. The parent has to be the script, not a subshell of it, so in $() this is
# $(exec "${OWNED[@]}" COMMAND...).
# shellcheck disable=SC2034  # other scripts use it
OWNED=(setpriv --pdeathsig TERM)

# take_lock FILE WHAT: sets lock to a descriptor of FILE, with the lock of that file. If
# another caller has it, this one says that it waits for another WHAT.
take_lock() {
	exec {lock}>"$1" || die "cannot write to $1; is the disk full?"
	flock -n "$lock" && return
	say "waiting for another $2 to finish"
	flock "$lock"
}

# with_lock NAME COMMAND...: runs COMMAND with the lock NAME held. If another caller has
# done the work while this one waited, COMMAND has to notice that itself. COMMAND runs in
# this shell, because a subshell would go on if only the script got a signal.
with_lock() {
	local name=$1 lock
	shift
	mkdir -p "$CACHE/lock"
	take_lock "$CACHE/lock/$name" "$name"
	"$@"
	set -- $?
	exec {lock}>&-
	return "$1"
}

# Prints the processes that this script has started, and those that they have started.
descendants() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v top=$$ '
		{ pid = $1; sub(/.*\) /, ""); parent[pid] = $2 }
		END {
			for (pid in parent) {
				for (p = parent[pid]; p != top && p in parent; )
					p = parent[p]
				if (p == top)
					print pid
			}
		}'
}

# Ends them, by SIGKILL if SIGTERM does not do it in 20 seconds. One by one, because a
# signal to a process group misses what timeout(1) runs, which has a group of its own.
end_descendants() {
	local pids pid n
	mapfile -t pids < <(descendants)
	kill -TERM "${pids[@]}" 2>/dev/null || true
	for pid in "${pids[@]}"; do
		for ((n = 0; n < 200; n++)); do
			kill -0 "$pid" 2>/dev/null || continue 2
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# For a script that waits for background jobs, which do not get Ctrl-C: they end when the
# script is interrupted.
end_jobs_with_script() {
	trap end_descendants EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# need GROUP COMMAND...: dies unless all commands are installed. qemu/deps GROUP installs
# them.
need() {
	local group=$1 cmd absent=()
	shift
	for cmd in "$@"; do
		command -v "$cmd" >/dev/null || absent+=("$cmd")
	done
	[[ ${#absent[@]} -eq 0 ]] ||
		die "not installed: ${absent[*]}; run $TOP/qemu/deps $group"
}
