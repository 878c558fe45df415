# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts of this directory share: messages, the cache, locks.
# Sourced, never run.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${HAKMEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hakmem}

# Progress goes to stderr, because stdout carries a script's one result.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# FAIL_STATUS lets a script keep 1 for a meaning of its own.
die() { say "$@"; exit "${FAIL_STATUS:-1}"; }

# Prints the comment block at the top of the calling script, which is its help.
usage() { sed -n '4,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$0"; }

# Runs the rest of the arguments with the lock NAME held. Another caller waits
# and then finds the work done, so the command must look again for itself.
with_lock() {
	local name=$1
	shift
	mkdir -p "$CACHE/lock"
	(
		if ! flock -n 9; then
			say "waiting for another $name to finish"
			flock 9
		fi
		"$@"
	) 9>"$CACHE/lock/$name"
}

# Dies unless the commands are there; GROUP is what qemu/deps calls them.
need() {
	local group=$1 cmd missing=()
	shift
	for cmd in "$@"; do
		command -v "$cmd" >/dev/null || missing+=("$cmd")
	done
	[[ ${#missing[@]} -eq 0 ]] ||
		die "not installed: ${missing[*]}; run $TOP/qemu/deps $group"
}
