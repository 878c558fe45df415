# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Checks a kernel's build directory before modules are built for that kernel. Sourced,
# never run.

# wrong_with_kdir DIR: prints why no modules can be built for the kernel of DIR, or nothing
# if they can.
wrong_with_kdir() {
	local release=$1/include/config/kernel.release
	if [[ ! -d $1 ]]; then
		echo 'there is no such directory'
	elif [[ ! -r $1/Makefile ]]; then
		echo 'this is no kernel build directory, because it has no Makefile'
	elif [[ ! -f $1/include/generated/autoconf.h || ! -f $release ]]; then
		if [[ -f $1/Kbuild && -f $1/kernel/fork.c ]]; then
			echo 'this kernel source is not configured; build the kernel first (make, or at least make modules_prepare)'
		else
			echo 'this is no kernel build directory, because it has no include/config/kernel.release'
		fi
	elif ! is_supported "$(<"$release")"; then
		echo "this is Linux $(<"$release"), and hakmem is for 6.12 to 7.x"
	fi
}

# toolchain_of DIR: prints the arguments, one a line, with which make builds modules for
# the kernel's architecture and by the compiler that built the kernel.
toolchain_of() {
	local clang conf=$1/include/config/auto.conf
	clang=$(sed -n 's/^CONFIG_CLANG_VERSION=//p' "$conf")
	[[ ${clang:-0} -eq 0 ]] || echo "LLVM=-$((clang / 10000))"
	if grep -q '^CONFIG_UML=y' "$conf"; then
		echo ARCH=um
	elif grep -q '^CONFIG_ARM64=y' "$conf"; then
		echo ARCH=arm64
		[[ $(uname -m) == aarch64 || ${clang:-0} -ne 0 ]] || echo CROSS_COMPILE=aarch64-linux-gnu-
	fi
}

# is_supported RELEASE: is it one of the kernels that kernel/compat.h names?
is_supported() {
	[[ $1 =~ ^([0-9]+)\.([0-9]+) ]] || return 1
	local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
	((major == 7 || major == 6 && minor >= 12))
}

# make_kdir DIR: prints the build directory for make module and make install. An empty DIR
# means that of the running kernel. If no modules can be built for that kernel, this ends
# with status 2 and the reason.
make_kdir() {
	local dir=${1:-/lib/modules/$(uname -r)/build} wrong
	wrong=$(wrong_with_kdir "$dir")
	if [[ ! $wrong ]]; then
		echo "$dir"
		return
	fi
	echo "make: KDIR=$dir: $wrong" >&2
	[[ $1 ]] || echo "make: the headers of the running kernel are not installed (on Debian: apt-get install linux-headers-$(uname -r)), or name another kernel's build directory with KDIR=DIR" >&2
	exit 2
}
