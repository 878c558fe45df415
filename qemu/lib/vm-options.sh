# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# The options of qemu/vm and qemu/kernel, also for scripts that pass them on to these.
# Sourced after common.sh, never run.

FLAVOUR_TABLE='kunit        KUnit, light checks, NUMA, cpusets
numa         the same with ACPI: memory nodes as in hardware; checks of pages
block        KUnit, light checks, block layer, memory cgroup
bench        as in production: no debugging at all
bench-plain  the same, SLUB with plain freelists, as hakmem
kasan        KASAN and lockdep
kcsan        KCSAN
rt           PREEMPT_RT and lockdep
dwarf        debug information, for reading a core dump
cfi          built by clang, with control-flow integrity (7.x only)
um           user-mode Linux, SMP (7.x only): native speed
um-plain     the same, with plain freelists
arm64        64-bit Arm, pages of 4 KiB; the CPU has memory tags
arm64-64k    the same, pages of 64 KiB; the CPU has neither tags nor LSE
um-block     the same as um, with the block layer
debian       a 6.12 that Debian built for clouds; no KUnit'
FLAVOURS=$(awk '{ printf "%s%s", comma, $1; comma = "," }' <<<"$FLAVOUR_TABLE")

# kernel_options DEFAULT-FLAVOUR [FLAVOUR,...]: the options that choose a kernel.
kernel_options() {
	option kernel K kernel '' \
		"$(takes kernel) (default newest; 6.12 for the flavour debian)"
	option flavour F "one:${2:-$FLAVOURS}" "$1" 'the configuration, see qemu/kernel'
}

# vm_option NAME [DEFAULT]: an option of qemu/vm
vm_option() {
	case $1 in
	backend) option backend B one:auto,kvm,tcg,icount,uml auto \
'kvm     hardware virtualisation
tcg     emulation, one host thread per CPU
icount  emulation, one CPU, one instruction = 1 ns
uml     a user-mode kernel, as a process
auto    uml for the flavours um, um-plain and um-block, tcg for arm64;
        for others KVM if it is known to boot, else tcg' ;;
	cpus)    option cpus N number:1..255 "${2-2}" 'CPUs of the guest; icount has 1' ;;
	mem)     option mem SIZE size "${2-1G}" "memory of the guest, $(takes size)" ;;
	numa)    option numa 'N[+M]' nodes "${2-0}" 'N memory nodes sharing CPUs and memory equally, M that have CPUs only, and with M one that is offline (flavours numa and debian)' ;;
	append)  option append TEXT +text '' 'more kernel parameters' ;;
	deadline)
		 option deadline S number:1..1000000 "${2-120}" 'kill the guest after so many seconds' ;;
	allow-log)
		 option allow-log REGEX +regex '' 'kernel log lines that are no failure' ;;
	verbose) option verbose '' flag '' 'show the boot, too' ;;
	*)       echo "vm-options.sh: no option '$1'" >&2; exit 3 ;;
	esac
}

has_acpi() { [[ $1 == numa || $1 == debian ]]; }

# Ends the script if its options are valid one by one, but not together.
check_kernel_options() {
	[[ ${opt[flavour]} != arm64* || ${opt[kernel]} != 6.12 ]] ||
		usage_error "--flavour=${opt[flavour]} needs a 7.x kernel; no other has been tried"
	[[ ${opt[flavour]} != debian || ${opt[kernel]} =~ ^(6\.12)?$ ]] ||
		usage_error "--flavour=debian is Debian's 6.12; for other kernels choose a flavour that is built"
	[[ ${opt[flavour]} != cfi || ${opt[kernel]} != 6.12 ]] ||
		usage_error "--flavour=cfi needs a 7.x kernel, because the option has another name in 6.12"
	[[ ${opt[flavour]} != um* || ${opt[kernel]} != 6.12 ]] ||
		usage_error "--flavour=${opt[flavour]} needs a 7.x kernel, because UML of 6.12 has no SMP"
}

check_vm_options() {
	check_kernel_options
	[[ ${opt[flavour]} != arm64* || ${opt[backend]} =~ ^(auto|tcg|icount)$ ]] ||
		usage_error "--flavour=${opt[flavour]} can only be emulated (tcg or icount), not --backend=${opt[backend]}"
	[[ ${opt[numa]} != *+* ]] || has_acpi "${opt[flavour]}" ||
		usage_error "--numa=${opt[numa]}: nodes without memory are for the flavours numa and debian"
	[[ ${opt[numa]} != 0+* ]] || usage_error "--numa=${opt[numa]}: at least one node needs memory"
}
