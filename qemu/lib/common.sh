# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions that all scripts share: messages, arguments, the cache, locks. Sourced, never
# run.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${HAKMEM_CACHE:-${XDG_CACHE_HOME:-${HOME-}/.cache}/hakmem}

# shellcheck source=qemu/lib/options.sh
. "$TOP/qemu/lib/options.sh"

# Progress goes to stderr, because stdout carries a script's one result.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# FAIL_STATUS lets a script keep 1 for a meaning of its own.
die() { say "$@"; exit "${FAIL_STATUS:-1}"; }

# with_lock NAME COMMAND...: runs COMMAND with the lock NAME held. If another caller has
# done the work while this one waited, COMMAND has to notice that itself.
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
