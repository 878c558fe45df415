# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Runs QEMU or UML once, for qemu/vm. It reads qemu/vm's variables: the values of the
# options, work, accel, and those of emulator.sh and initramfs.sh. Sourced, never run.

mebibytes() {
	case $1 in
	*G) echo $((${1%G} * 1024)) ;;
	*)  echo "${1%M}" ;;
	esac
}

# Kernels with ACPI or a device tree (arm64) get their nodes from QEMU. Other kernels make
# fake ones (numa=fake). In both cases the nodes share memory equally, and CPUs are dealt
# to the nodes in turn. The distance of two nodes grows with the difference of their
# numbers. Each CPU is a package of its own, because all CPUs of a package have to be on
# one node. If there are nodes without memory, there is one node more, which has no CPUs
# and is offline: memory could be plugged in there.
numa_args() {
	local node other cpu total share list nodes=$((numa + memoryless))
	[[ $nodes -gt 1 ]] || return 0
	total=$(mebibytes "$mem")
	for ((node = 0; node < nodes; node++)); do
		list=
		for ((cpu = node; cpu < cpus; cpu += nodes)); do
			list+=,cpus=$cpu
		done
		if [[ $node -lt $numa ]]; then
			share=$((total * (node + 1) / numa - total * node / numa))
			echo "-object memory-backend-ram,id=node$node,size=${share}M"
			list+=,memdev=node$node
		fi
		echo "-numa node,nodeid=$node$list"
	done
	if [[ $memoryless -gt 0 ]]; then
		echo "-numa node,nodeid=$((nodes++))"
	fi
	for ((node = 0; node < nodes; node++)); do
		for ((other = node + 1; other < nodes; other++)); do
			echo "-numa dist,src=$node,dst=$other,val=$((10 * (other - node) + 10))"
		done
	done
}

# Prints one argument a line.
qemu_args() {
	local console='stdio,id=console,signal=off' plug=
	[[ $memoryless -eq 0 ]] || plug=,slots=1,maxmem=$(($(mebibytes "$mem") + 512))M
	[[ $shell ]] || console=stdio,id=console
	printf '%s\n' "${qemu[@]}" -nodefaults -no-user-config -display none \
		-no-reboot -m "$(mebibytes "$mem")M$plug" \
		-smp "$cpus,sockets=$cpus,cores=1,threads=1" \
		-chardev "$console" -serial chardev:console \
		-serial "file:$work/result" \
		-kernel "$image" -initrd "$work/initrd" -append "$cmdline"
	numa_args | tr ' ' '\n'
	# The device gives the guest a place for the notes of the core file.
	[[ ! $dump ]] || printf '%s\n' -device vmcoreinfo \
		-serial "unix:$work/asks,server=on,wait=off" -qmp "unix:$work/qmp,server=on,wait=off"
	case $accel in
	kvm)    printf '%s\n' -accel kvm -cpu host ;;
	# Among the messages of resets is that of a triple fault.
	tcg)    printf '%s\n' -accel tcg,thread=multi -cpu "$emulated_cpu" \
			-d cpu_reset -D "$work/emulator" ;;
	icount) printf '%s\n' -accel tcg -cpu "$emulated_cpu" -icount shift=0 ;;
	esac
}

# UML writes the second serial line to descriptor 3.
uml_args() {
	local word input=null
	[[ ! $shell ]] || input=fd:0
	printf '%s\n' "$image" "mem=$(mebibytes "$mem")M" "ncpus=$cpus" seccomp=on \
		"initrd=$work/initrd" con=null "con0=$input,fd:1" ssl=null ssl1=null,fd:3
	for word in $cmdline; do
		echo "$word"
	done
}

# On a busy machine the kernel fails to calibrate an emulated clock, and then uses
# jiffies; it may also miss the timer interrupts that it tests for, and then it panics. So
# it is told the rate. The emulated time stamp counter is the host's, and cpuinfo has its
# rate, which is near enough. Under icount one instruction counts as a nanosecond.
clock_parameters() {
	local khz=1000000
	[[ $accel == icount ]] ||
		khz=$(awk '/^cpu MHz/ { print int($4 * 1000); found = 1; exit }
			END { if (!found) print 1000000 }' /proc/cpuinfo)
	echo "tsc=reliable clocksource=tsc tsc_early_khz=$khz no_timer_check"
}

# Runs the guest once; sets $ended to the status of timeout(1), which is 137 after the
# deadline. timeout leads a process group, which cleanup kills. If this script dies
# without running its trap, timeout gets a signal and ends the guest.
run_guest() {
	local args console filter dumper
	cmdline="hakmem_guest=$guest_mark panic=-1 oops=panic printk.time=1 log_buf_len=4M kunit.enable=1 kunit.autorun=1 $append"
	[[ $verbose ]] || cmdline="quiet $cmdline"
	# There the serial port's handler is a thread. If it does not get on for a
	# while, the kernel takes the interrupts for stray ones and turns them off.
	[[ $flavour != rt ]] || cmdline="noirqdebug $cmdline"
	[[ $flavour != kcsan ]] || cmdline="kcsan.interrupt_watcher=1 $cmdline"
	[[ $numa -le 1 || $acpi ]] || is_arm64 "$flavour" || cmdline="numa=fake=$numa $cmdline"
	case $accel-$flavour in
	uml-*)   cmdline="console=tty0 $cmdline" ;;
	kvm-*)   cmdline="console=ttyS0 $cmdline" ;;
	*-arm64*) cmdline="console=ttyAMA0 $cmdline" ;;
	*)       cmdline="console=ttyS0 $(clock_parameters) $cmdline" ;;
	esac
	# Without ACPI the kernel does not know where QEMU's fw_cfg is.
	[[ ! $dump || $acpi ]] || cmdline="qemu_fw_cfg.ioport=12@0x510:0:1:4 $cmdline"
	if [[ $accel == uml ]]; then
		mapfile -t args < <(uml_args)
	else
		mapfile -t args < <(qemu_args)
	fi
	: >"$work/result"
	ended=0
	if [[ $shell ]]; then
		setpriv --pdeathsig TERM timeout --foreground 0 "${args[@]}" \
			3>"$work/result" || ended=$?
		return
	fi
	if [[ $dump ]]; then
		setpriv --pdeathsig TERM python3 "$TOP/qemu/lib/dump.py" "$work" "$dump" &
		dumper=$!
	fi
	exec {console}> >(console_filter)
	filter=$!
	setpriv --pdeathsig TERM timeout --signal=KILL --kill-after=5 "$deadline" "${args[@]}" \
		</dev/null 3>"$work/result" >&"$console" &
	guest=$!
	wait "$guest" 2>/dev/null || ended=$?
	guest=
	exec {console}>&-
	wait "$filter" || true
	[[ ! $dump ]] || kill "$dumper" 2>/dev/null || true
}

# Leaves out the message of the reset that ends every guest.
console_filter() {
	stdbuf -oL tr -d '\r' | grep -av --line-buffered -e 'reboot: Restarting system$' -e 'reboot: Power down$' |
		tee "$work/console"
}
