# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# tap.sh - results in the Test Anything Protocol, for scripts that source it

tap_passed=0
tap_failed=0
tap_skipped=0

# tap_ok NAME
tap_ok() {
	tap_passed=$((tap_passed + 1))
	echo "ok $((tap_passed + tap_failed + tap_skipped)) - $1"
}

# tap_not_ok NAME: what is known about the failure comes on standard input, by
# redirection: at the end of a pipe this would count in a subshell, for nothing
tap_not_ok() {
	if [ "$BASHPID" != "$$" ]; then
		echo "tap_not_ok called in a subshell" >&2
		kill $$
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $((tap_passed + tap_failed + tap_skipped)) - $1"
	sed 's/^/# /'
}

# tap_skip NAME WHY: it cannot be tested here; counts neither way
tap_skip() {
	tap_skipped=$((tap_skipped + 1))
	echo "ok $((tap_passed + tap_failed + tap_skipped)) - $1 # SKIP $2"
}

# tap_done: the plan and the totals; fails if a test did, or if there was none
tap_done() {
	echo "1..$((tap_passed + tap_failed + tap_skipped))"
	echo "$tap_passed passed, $tap_failed failed"
	[ "$tap_failed" -eq 0 ] && [ "$tap_passed" -gt 0 ]
}

# tap_unplanned FILE: what is wrong if FILE has other than as many results as were planned in
# it, of one or several programs; else nothing
tap_unplanned() {
	awk '/^1\.\.[0-9]/ { plans++; planned += substr($0, 4) }
	     /^(not )?ok / { results++ }
	     END { if (!plans) print "there is no plan"
		   else if (results != planned) print results + 0 " of " planned " results" }' "$1"
}

# tap_how_ended STATUS: a command's exit status in words
tap_how_ended() {
	if [ "$1" -eq 124 ] || [ "$1" -eq 137 ]; then
		echo "timed out, or was killed (status $1)"
	elif [ "$1" -gt 128 ]; then
		echo "was ended by SIG$(kill -l "$1" 2>/dev/null || echo "NAL $1")"
	else
		echo "ended with status $1"
	fi
}

# emulated PROGRAM: is it a script, which has an emulator run the program?
emulated() { [ "$(head -c 2 "$1")" = '#!' ]; }
