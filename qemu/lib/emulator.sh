# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Finds out which QEMU to run, and whether KVM works, for qemu/vm. Sourced, never run.

# When QEMU 7.2 (Debian 12) emulates cmpxchg16b, it leaves garbage in the flags register.
# SLUB executes that instruction all the time, so one boot in three dies. QEMU 10.0 is
# right.
QEMU_MIN=10

qemu_major() { "$1" --version | sed -n 's/^\(QEMU emulator\|qemu-[a-z0-9_]*\) version \([0-9]*\).*/\2/p'; }

unpack_qemu() {
	local package=$1 version=$2 dir=$3
	[[ ! -e $dir/.complete ]] || return 0
	say "the installed QEMU is older than $QEMU_MIN; fetching $version into the cache"
	rm -rf "$dir"
	unpack_packages "$dir" "$package=$version" "qemu-system-data=$version"
	touch "$dir/.complete"
}

# The newest version of QEMU built for this release of Debian.
backported_qemu() {
	local codename
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	apt_private apt-cache madison qemu-system-x86 |
		awk -v suite="$codename-backports" '$0 ~ suite { print $3; exit }'
}

# Sets qemu, which is the command with its data directories, and emulated_cpu. Libraries
# and the BIOS come from the installed package.
find_qemu() {
	if is_arm64 "$flavour"; then
		find_arm64_qemu
	else
		find_x86_qemu
	fi
}

# unpacked_qemu PACKAGE PROGRAM: unpacks QEMU from backports, and sets qemu. Fails if
# backports has none that runs here.
unpacked_qemu() {
	local package=$1 program=$2 version dir
	(with_lock apt refresh_apt_root) && version=$(backported_qemu) && [[ $version ]] || return
	dir=$CACHE/qemu/${version#*:}
	[[ $package == qemu-system-x86 ]] || dir+=-$package
	(with_lock "qemu-$package-$version" unpack_qemu "$package" "$version" "$dir") || return
	"$dir/usr/bin/$program" --version >/dev/null 2>&1 || return
	qemu=("$dir/usr/bin/$program" -L "$dir/usr/share/qemu" -L /usr/share/seabios)
}

# The verdict comes over the second serial port, which the machine of QEMU before 9.1 does
# not have. The flavour arm64 has a CPU with memory tags and the atomic operations of
# ARMv8.1 (LSE). The other one has a CPU with exclusive loads and stores only.
find_arm64_qemu() {
	qemu=("${QEMU:-qemu-system-aarch64}")
	[[ $(qemu_major "${qemu[0]}") -ge $QEMU_MIN ]] ||
		{ [[ ! ${QEMU:-} ]] && unpacked_qemu qemu-system-arm qemu-system-aarch64; } ||
		die "arm64 needs QEMU $QEMU_MIN or later; set QEMU="
	qemu+=(-machine "virt,gic-version=3")
	emulated_cpu=cortex-a72
	if [[ $flavour == arm64 ]]; then
		emulated_cpu=max,pauth-impdef=on,sve=off
		qemu+=(-machine mte=on)
	fi
}

# QEMU 10.0 and earlier may break a child of fork(). A thread that ends wakes those that
# wait for it while it holds a lock of QEMU's own. If one of these forks just then, the
# child has that lock for ever and can start no thread; userspace_shim/tests/joined.c does
# that. QEMU 7.2 ends with an assertion of its own.
USER_QEMU_MIN=11

# Sets qemu to the emulator of single arm64 programs.
find_user_qemu() {
	local dir
	qemu=("${QEMU:-qemu-aarch64}")
	[[ $(qemu_major "${qemu[0]}") -lt $USER_QEMU_MIN ]] || return 0
	if [[ ! ${QEMU:-} ]] && dir=$(sid_packages qemu-user); then
		qemu=("$dir/usr/bin/qemu-aarch64")
	fi
	[[ $(qemu_major "${qemu[0]}") -ge $USER_QEMU_MIN ]] ||
		die "arm64 programs need QEMU $USER_QEMU_MIN or later; set QEMU="
}

find_x86_qemu() {
	qemu=("${QEMU:-qemu-system-x86_64}")
	# The CPU has no five-level paging. While a kernel with KASAN identifies its first
	# CPU, it forgets that feature for a moment. If an interrupt comes just then, KASAN
	# reports a wild access.
	emulated_cpu=max,-la57
	[[ $(qemu_major "${qemu[0]}") -lt $QEMU_MIN ]] || return 0
	if [[ ! ${QEMU:-} ]] && unpacked_qemu qemu-system-x86 qemu-system-x86_64; then
		return
	fi
	say "emulating a CPU without cmpxchg16b, because this QEMU gets it wrong: figures of SLUB are void; set QEMU= to version $QEMU_MIN or later"
	emulated_cpu=max,-la57,-cx16
}

kvm_memory() { echo "$CACHE/kvm-works-$(uname -r)"; }

# remember_kvm ANSWER: yes or no
remember_kvm() { mkdir -p "$CACHE" && echo "$1" >"$(kvm_memory)"; }

# Prints yes or no, or nothing if it is not known yet. Even if /dev/kvm can be opened, a
# guest may not boot, so only a boot decides.
kvm_known() {
	if [[ ! -w /dev/kvm ]]; then
		echo no
	elif [[ -e $(kvm_memory) ]]; then
		cat "$(kvm_memory)"
	fi
}

# probe_kvm IMAGE: does IMAGE boot with KVM?
probe_kvm() {
	say "trying KVM, for 15 seconds at most"
	"${OWNED[@]}" "$TOP/qemu/vm" --image="$1" --backend=kvm --deadline=15 -- true >/dev/null 2>&1 &
	wait $!
}

# Sets accel. The first guest shows whether KVM works. If it does not boot with KVM, that
# is remembered only after the same guest gave a verdict without KVM.
choose_accel() {
	local known
	unproven=
	accel=$backend
	[[ $backend == auto ]] || return 0
	if is_arm64 "$flavour"; then
		accel=tcg
		return
	fi
	known=$(kvm_known)
	if [[ ! $known ]]; then
		if probe_kvm "$image"; then
			known=yes
			remember_kvm yes
		else
			unproven=y
		fi
	fi
	accel=kvm
	[[ $known == yes ]] || {
		accel=tcg
		say "KVM does not work here, so the guest is emulated (tcg): it is slow, and its times mean nothing"
	}
}
