# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# What depends on a flavour's architecture: make's arguments, the file that boots, and
# busybox. Sourced after common.sh, never run.

is_arm64() { [[ $1 == arm64* ]]; }

# The prefix of the compiler for FLAVOUR's architecture.
cross_prefix() { ! is_arm64 "$1" || echo aarch64-linux-gnu-; }

# Prints make's arguments for building FLAVOUR's kernel, or modules for it, one a line.
arch_make_args() {
	case $1 in
	arm64*) printf '%s\n' ARCH=arm64 "CROSS_COMPILE=$(cross_prefix "$1")" ;;
	um*)    echo ARCH=um ;;
	*)      echo ARCH=x86 ;;
	esac
}

# The file that boots, below FLAVOUR's build directory.
arch_image() {
	case $1 in
	arm64*) echo arch/arm64/boot/Image ;;
	um*)    echo linux ;;
	*)      echo arch/x86/boot/bzImage ;;
	esac
}

# Is SUITE one that FLAVOUR cannot have? These send NMIs and step through code in ways
# that only x86 has.
arch_lacks_suite() {
	case $1 in
	arm64*|um*) [[ $2 == nmi_test || $2 == step_test ]] ;;
	*)          return 1 ;;
	esac
}

# arm64_packages PACKAGE...: packages for arm64; the result is that of cached_packages
arm64_packages() {
	cached_packages "arm64-$1" apt-arm64 bookworm arm64 "$@"
}

# Prints a static busybox for FLAVOUR's architecture.
arch_busybox() {
	local dir
	if is_arm64 "$1"; then
		dir=$(arm64_packages busybox-static) && echo "$dir/bin/busybox"
	else
		command -v busybox
	fi
}
