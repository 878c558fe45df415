# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# hakmem.ko and the modules of kunit/ for a kernel, for scripts that boot it and have
# the option --out. Sourced, never run.

# build_modules LIST DIR NAMES [ARGUMENT OF build]...: builds hakmem.ko and the modules
# NAMES of kunit/, separated by blanks. Sets modules, the directory they are in: DIR if the
# script was given --out, or else the one that all scripts share. What kunit/build prints
# goes to the file LIST.
build_modules() {
	local list=$1 dir=$2 names=$3 to=()
	shift 3
	[[ ! ${given[out]-} ]] || to=(--out="$dir")
	"${OWNED[@]}" "$TOP/kunit/build" --kdir="$kdir" --modules="${names// /,}" "${to[@]}" "$@" >"$list" ||
		die "the build failed"
	modules=$(head -n 1 "$list")
	modules=${modules%/kernel/hakmem.ko}
}
