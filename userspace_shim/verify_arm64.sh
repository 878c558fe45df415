#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: userspace_shim/verify_arm64.sh [OPTION]...
#
# Builds the release build of the shim for arm64 by a cross compiler. Under QEMU's
# user-mode emulation it runs its test programs; the scripts cli.sh and environment.sh;
# and Larson with its two command lines, linked with hakmem, and with the library
# preloaded. That shows that it works there, but nothing about time or about the order of
# memory accesses, which is the host's.
#
# QEMU has no robust locks, so it is not tested there that hakmem finds threads that end
# without going offline.
#
# First it runs tests/joined.c, in which hakmem has no part. If the emulator cannot even
# run that, the script ends.
#
# HAK_SHIM_EMULATED makes the test programs repeat things less often. Each program NAME is
# put aside as arm64/NAME, and NAME becomes a script that has QEMU run it, so nothing has
# to be registered with the host's kernel. Ends with "N passed, N failed".
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
need arm64 aarch64-linux-gnu-gcc aarch64-linux-gnu-g++

mkdir -p "${opt[out]}"
out=$(cd "${opt[out]}" && pwd)
bin=$out/release
cross=aarch64-linux-gnu
sysroot=/usr/$cross
find_user_qemu
cmocka=$(arm64_packages libcmocka-dev libcmocka0) || die "no cmocka for arm64"
libs=$cmocka/usr/lib/$cross
emulate=("${qemu[@]}" -L "$sysroot" -E "LD_LIBRARY_PATH=$libs")

build() {
	"${OWNED[@]}" make -s -C "$TOP/userspace_shim" -j"$(nproc)" BUILD=release OUT="$out" \
		CC="$cross-gcc -DHAK_SHIM_EMULATED=1 -isystem $cmocka/usr/include -L$libs" \
		CXX="$cross-g++ -DHAK_SHIM_EMULATED=1 -isystem $cmocka/usr/include -L$libs" \
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
		exec ${emulate[*]} -0 "\$0" "$real" "\$@"
		EOF
		chmod +x "$file"
	done
}

# The emulator without hakmem.
try_emulator() {
	local program=$out/joined
	"$cross-gcc" -O2 -pthread "$TOP/userspace_shim/tests/joined.c" -o "$program" ||
		die "the build failed"
	"${emulate[@]}" "$program" ||
		die "${qemu[0]} cannot run threads that fork, with or without hakmem; set QEMU="
	tap_ok 'threads that fork without hakmem'
}

# larson HOW PROGRAM ARGUMENT...: it has to account for every block, and hakmem to have
# served it
larson() {
	local how=$1 program=$2 log=$out/larson status=0 preload=()
	shift 2
	[[ $how != preloaded ]] || preload=(-E LD_PRELOAD="$out/release/libhakmem.so")
	rm -f "$log.json"
	"${OWNED[@]}" timeout --kill-after=10 120 "${emulate[@]}" "${preload[@]}" \
		"$program" "$@" --json="$log.json" >"$log" 2>&1 || status=$?
	if [[ $status -eq 0 ]] && grep -q '"left": 0}' "$log.json" &&
		grep -q '^  "allocator": {' "$log.json"; then
		tap_ok "larson $*, hakmem $how"
	else
		echo "status $status" >>"$log"
		tap_not_ok "larson $*, hakmem $how" <"$log"
	fi
}

try_emulator
build || die "the build failed"
wrap
for line in '2 8 128 1024 1 12345 4' '1 5 1 1000 100 10000 42'; do
	# shellcheck disable=SC2086
	larson linked "$bin/arm64/larson_hakmem" $line
	# shellcheck disable=SC2086
	larson preloaded "$bin/arm64/larson" $line
done

log=$out/tests.log status=0
OBJDUMP=$cross-objdump "$TOP/userspace_shim/tests/run" --bin "$bin" \
	--timeout=300 --filter "${opt[filter]:-^(test_|cli|environment)}" | tee "$log" || status=$?
line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) || true
[[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]] || die "the tests broke off"
tap_passed=$((tap_passed + BASH_REMATCH[1])) tap_failed=$((tap_failed + BASH_REMATCH[2]))
# Such as when no test has that name.
[[ $status -eq 0 || ${BASH_REMATCH[2]} -gt 0 ]] || die "the tests ended with status $status"
tap_done
