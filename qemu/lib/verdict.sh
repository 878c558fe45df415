# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Judges a guest by the files it sent and by its console, for qemu/vm. It reads qemu/vm's
# variables work, ended, log, outdir, deadline, all_out, all_append and all_allow_log, and sets
# meant. Sourced, never run.

has_verdict() {
	mkdir -p "$work/unpacked"
	tar -xf "$work/result" -C "$work/unpacked" 2>/dev/null || true
	[[ -s $work/unpacked/.status ]]
}

collect_outs() {
	local name
	for name in "${all_out[@]}"; do
		name=$(basename "$name")
		if [[ -e $work/unpacked/$name ]]; then
			cp -r "$work/unpacked/$name" "$outdir/"
		else
			say "the guest made no $name"
		fi
	done
}

# The start of a line of the kernel log, then what a report begins with.
stamp='^(<[0-9]+>)?\[ *[0-9]+\.[0-9]+\](\[ *[CT][0-9]+\])? *'
reports="$stamp"'(Kernel panic|(\[ )?BUG[: ]|WARNING: |Oops|kernel BUG at|INFO: task .* blocked|'
reports+='Internal error: |INFO: rcu|rcu: INFO: .*stall|general protection fault|Unable to handle|UBSAN: |'
reports+='KASAN: |KCSAN: |kmemleak: (unreferenced|[0-9]+ new|Cannot insert|cannot scan)|'
reports+='ODEBUG: |DEBUG_LOCKS_WARN_ON|'
reports+='watchdog: BUG|list_(add|del) corruption|refcount_t: |INFO: (possible|inconsistent)|'
reports+='INFO: (trying to|lockdep is turned off)|turning off the locking|stack segment:|'
reports+='cpumask_of_node\(|(early_)?cpu_to_node\(|numa_set_node: |int3:|invalid opcode:|double fault:|'
reports+='traps: PANIC|PANIC: )'

# What KCSAN says of the kernel's own code: the trace ring buffer races with NMIs, and
# the idle loop with the tick. A report with any other function counts.
kernels_own='(ring_buffer|rb|tick_nohz)_[^ ]+'
kernels_own="KCSAN: data-race in $kernels_own / $kernels_own\$"

# The log that the guest sent is complete and has no other text in it. If the guest died,
# there is only its console.
kernel_log() {
	if [[ -s $work/unpacked/.dmesg ]]; then
		cat "$work/unpacked/.dmesg"
	else
		grep -aE "$stamp" "$work/console" || true
	fi
}

# What the kernel may not report. If kmemleak is asked for, it turns itself off if it cannot go
# on; if it is not, the kernel says with the same words that it is off.
all_reports() {
	local off=
	[[ " ${all_append[*]} " != *' kmemleak=on '* ]] ||
		off="|${stamp}kmemleak: Kernel memory leak detector disabled"
	printf '%s' "$reports$off"
}

find_reports() {
	local found
	found=$(cat <(kernel_log) <(grep -aE "$stamp" "$work/console" || true) |
		grep -aE "$(all_reports)" | grep -avE "$kernels_own" | sort -u || true)
	if [[ ${#all_allow_log[@]} -gt 0 && $found ]]; then
		found=$(grep -avE -f <(printf '%s\n' "${all_allow_log[@]}") <<<"$found" || true)
	fi
	printf '%s' "$found"
}

# Did an emulated guest die of a breakpoint before any module was loaded? hakmem has no part
# in that.
died_early() {
	grep -aqE 'Modules linked in: *$' "$work/console" &&
		! grep -aqE 'Modules linked in: *[^ ]' "$work/console"
}

# Did it die of a breakpoint that is not in its memory? "Code:" shows what is: the byte
# before the marked one is where the CPU met the breakpoint.
died_of_nothing() {
	awk '/Oops: int3:/ { died = 1 } died && / Code: / { print; exit }' "$work/console" |
		grep -aqE 'Code:( [0-9a-f]{2})* ([0-9abdef][0-9a-f]|c[0-9abdef]) <[0-9a-f]{2}>'
}

# Is it the emulator's fault that the guest died? See docs/running-kernels.md.
emulator_failed() {
	[[ $accel == tcg ]] && ! has_verdict && grep -aqE 'Oops: int3:' "$work/console" || return 1
	died_early || died_of_nothing
}

# Taint bits: bad page, died, warned, soft lockup.
TAINTS=$((1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))

verdict() {
	local found status=0 taint=0
	[[ -z $log ]] || kernel_log >"$log"
	meant=y
	[[ ! -s $work/unpacked/.status ]] || read -r status taint <"$work/unpacked/.status"
	found=$(find_reports)
	if [[ ! $found && ${#all_allow_log[@]} -eq 0 && $((taint & TAINTS)) -ne 0 ]]; then
		found="the kernel is tainted ($taint), but the report is no longer in its log"
	fi
	if [[ $found ]]; then
		say "the kernel reported:"
		printf '%s\n' "$found" | head -n 20 >&2
		exit 125
	fi
	if [[ ! -s $work/unpacked/.status ]]; then
		[[ $ended -ne 137 ]] ||
			{ say "the deadline of $deadline s passed"; exit 124; }
		! grep -qs '^Triple fault' "$work/emulator" ||
			say 'a CPU of the guest met a triple fault, of which its kernel can say nothing'
		say "the guest ended without a verdict (status $ended); --verbose shows its boot"
		exit 123
	fi
	if ((status >= 121 && status <= 125)); then
		say "the command's own status was $status"
		status=121
	fi
	exit "$status"
}
