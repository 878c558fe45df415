#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/verify_arm64.sh [OPTION]...
#
# Builds the release build of the shim for arm64 by a cross compiler, and runs its
# test programs, the scripts cli.sh and environment.sh, and Larson with its two command
# lines under QEMU's user-mode emulation. That shows that it works there, but nothing about
# time or about the order of memory accesses, which is the host's.
#
# It is no step of make check-all yet. test_fork fails under both versions of QEMU that were
# tried: 7.2 ends with an assertion of its own, and under 10.0.2 some children are not
# done after a minute, whether by QEMU's fault or by hakmem's is not known. The 100,000
# threads of test_thread_life were not done after ten minutes of a busy machine.
#
# Each program NAME is put aside as arm64/NAME, and NAME becomes a script that has QEMU
# run it, so nothing has to be registered with the host's kernel. Ends with "N passed, N failed".
set -euo pipefail
# shellcheck source=qemu/lib/common.sh
. "$(dirname "$0")/../qemu/lib/common.sh"
# shellcheck source=qemu/lib/debian.sh
. "$TOP/qemu/lib/debian.sh"
# shellcheck source=qemu/lib/arch.sh
. "$TOP/qemu/lib/arch.sh"
# shellcheck source=qemu/lib/emulator.sh
. "$TOP/qemu/lib/emulator.sh"
# shellcheck source=userspace_shim/tests/tap.sh
. "$TOP/userspace_shim/tests/tap.sh"

option out DIR newdir "${OUT:-$TOP/out}/arm64" 'where to build'
option filter RE regex '' 'only the tests whose name matches the regular expression'
parse_options "$@"
need arm64 aarch64-linux-gnu-gcc aarch64-linux-gnu-g++ qemu-aarch64

mkdir -p "${opt[out]}"
out=$(cd "${opt[out]}" && pwd)
bin=$out/release
cross=aarch64-linux-gnu
sysroot=/usr/$cross
find_user_qemu
cmocka=$(arm64_packages libcmocka-dev libcmocka0) || die "no cmocka for arm64"
libs=$cmocka/usr/lib/$cross

build() {
	make -s -C "$TOP/userspace_shim" -j"$(nproc)" BUILD=release OUT="$out" \
		CC="$cross-gcc -isystem $cmocka/usr/include -L$libs" \
		CXX="$cross-g++ -isystem $cmocka/usr/include -L$libs" \
		LD="$cross-ld" AR="$cross-ar" OBJCOPY="$cross-objcopy" all programs >&2
}

# Is FILE a program for arm64? By the first half of its ELF header.
is_arm64_program() {
	[[ -f $1 && -x $1 && $(od -An -N20 -tx1 "$1" | tr -d ' \n') == 7f454c46*b700 ]]
}

# Nothing is made again for that, since NAME is newer than what it is made from.
wrap() {
	local file real
	for file in "$bin"/larson "$bin"/larson_hakmem "$bin"/tests/*; do
		is_arm64_program "$file" || continue
		real=${file%/*}/arm64/${file##*/}
		mkdir -p "${real%/*}"
		mv "$file" "$real"
		cat >"$file" <<-EOF
		#!/bin/sh
		exec ${qemu[0]} -L $sysroot -E LD_LIBRARY_PATH=$libs -0 "\$0" "$real" "\$@"
		EOF
		chmod +x "$file"
	done
}

# larson ARGUMENT...: it has to account for every block, and hakmem to have served it
larson() {
	local log=$out/larson status=0
	timeout 300 "$bin/larson_hakmem" "$@" --json="$log.json" >"$log" 2>&1 || status=$?
	if [[ $status -eq 0 ]] && grep -q '"left": 0}' "$log.json" &&
		grep -q '^  "allocator": {' "$log.json"; then
		tap_ok "larson $*"
	else
		echo "status $status" >>"$log"
		tap_not_ok "larson $*" <"$log"
	fi
}

build || die "the build failed"
wrap
log=$out/tests.log
"$TOP/userspace_shim/tests/run" --bin "$bin" \
	--timeout=1800 --filter "${opt[filter]:-^(test_|cli|environment)}" | tee "$log" || true
line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
[[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]] || die "the tests broke off"
tap_passed=${BASH_REMATCH[1]} tap_failed=${BASH_REMATCH[2]}
larson 2 8 128 1024 1 12345 4
larson 1 5 1 1000 100 10000 42
tap_done
