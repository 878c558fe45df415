# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Which QEMU to run, and whether KVM works, for qemu/vm. Sourced, never run.

# QEMU 7.2 (Debian 12) leaves garbage in the flags register after cmpxchg16b
# when it emulates. SLUB executes that all the time, and one boot in three dies
# of it. 10.0 does not.
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

# Sets qemu, the command with its data directories, and emulated_cpu. Libraries
# and the BIOS are those of the installed package.
find_qemu() {
	if is_arm64 "$flavour"; then
		find_arm64_qemu
	else
		find_x86_qemu
	fi
}

# unpacked_qemu PACKAGE PROGRAM: unpacks QEMU of backports, and sets qemu; fails
# where that cannot be had.
unpacked_qemu() {
	local package=$1 program=$2 version dir
	(with_lock apt refresh_apt_root) && version=$(backported_qemu) && [[ $version ]] || return
	dir=$CACHE/qemu/${version#*:}
	[[ $package == qemu-system-x86 ]] || dir+=-$package
	(with_lock "qemu-$package-$version" unpack_qemu "$package" "$version" "$dir") || return
	"$dir/usr/bin/$program" --version >/dev/null 2>&1 || return
	qemu=("$dir/usr/bin/$program" -L "$dir/usr/share/qemu" -L /usr/share/seabios)
}

# Before version 9.1 the machine has no second serial port, over which the verdict
# comes. One flavour has a CPU with memory tags and the atomic operations of
# ARMv8.1 (LSE), the other one that has exclusive loads and stores only.
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

# Programs for arm64 rather than machines. QEMU 7.2 fails where a program with
# several threads forks.
find_user_qemu() {
	qemu=("${QEMU:-qemu-aarch64}")
	[[ $(qemu_major "${qemu[0]}") -ge $QEMU_MIN ]] ||
		{ [[ ! ${QEMU:-} ]] && unpacked_qemu qemu-user qemu-aarch64; } ||
		die "arm64 programs need QEMU $QEMU_MIN or later; set QEMU="
}

find_x86_qemu() {
	qemu=("${QEMU:-qemu-system-x86_64}")
	# Without five-level paging: while a kernel with KASAN identifies its first
	# CPU it forgets for a moment that it has it, and an interrupt just then is
	# reported as a wild access.
	emulated_cpu=max,-la57
	[[ $(qemu_major "${qemu[0]}") -lt $QEMU_MIN ]] || return 0
	if [[ ! ${QEMU:-} ]] && unpacked_qemu qemu-system-x86 qemu-system-x86_64; then
		return
	fi
	say "emulating without cmpxchg16b, which this QEMU gets wrong: figures of SLUB are void; set QEMU= to version $QEMU_MIN or later"
	emulated_cpu=max,-la57,-cx16
}

kvm_memory() { echo "$CACHE/kvm-works-$(uname -r)"; }

# Prints yes, no, or nothing where it is not known yet. KVM may open and still
# boot nothing, so only a boot decides.
kvm_known() {
	if [[ ! -w /dev/kvm ]]; then
		echo no
	elif [[ -e $(kvm_memory) ]]; then
		cat "$(kvm_memory)"
	fi
}

# Boots IMAGE with KVM and nothing to do.
probe_kvm() {
	say "trying KVM, for 15 seconds at most"
	"$TOP/qemu/vm" --image="$1" --backend=kvm --deadline=15 -- true >/dev/null 2>&1
}

# Sets accel. Whether KVM works is unknown until the first guest; that it does
# not is believed only once the same guest gave a verdict without it.
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
			echo yes >"$(kvm_memory)"
		else
			unproven=y
		fi
	fi
	accel=kvm
	[[ $known == yes ]] || {
		accel=tcg
		say "KVM does not work here; emulating (tcg): slow, and fit for no timing"
	}
}
