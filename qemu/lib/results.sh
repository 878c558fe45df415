# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Counts the results that a guest has sent, for scripts that boot one. They have the
# variables passed and failed. Sourced after common.sh, never run.

# shellcheck source=userspace_shim/tests/tap.sh
. "$TOP/userspace_shim/tests/tap.sh"

# add_up TAP: counts the results in the file TAP, and shows those that are not ok
add_up() {
	local wrong
	if [[ ! -e $1 ]]; then
		echo "the guest's checks gave no results"
		failed=$((failed + 1))
		return
	fi
	grep -v '^ok' "$1" | grep -v '^1\.\.' || true
	passed=$((passed + $(grep -c '^ok' "$1" || true)))
	failed=$((failed + $(grep -c '^not ok' "$1" || true)))
	wrong=$(tap_unplanned "$1")
	[[ ! $wrong ]] || {
		echo "the guest's checks broke off: $wrong"
		failed=$((failed + 1))
	}
}
