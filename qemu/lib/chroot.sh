# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# A chroot made of this machine's programs. It has its own /lib/modules, /usr/src,
# /usr/local and state of dkms and dpkg, so installing something in it changes nothing
# outside. Sourced after common.sh and tap.sh by the scripts of .ci/ that install hakmem;
# never run.

inside_path=/usr/sbin:/usr/bin:/sbin:/bin

# furnish DIR EXCEPT...: shows DIR's entries in the chroot, except those named
furnish() {
	local dir=$1 entry to
	shift
	for entry in "${dir%/}"/*; do
		[[ " $* " != *" ${entry##*/} "* ]] || continue
		to=$root$entry
		if [[ -L $entry ]]; then
			cp -P "$entry" "$to"
			continue
		fi
		if [[ -d $entry ]]; then mkdir -p "$to"; else touch "$to"; fi
		mount --rbind "$entry" "$to"
		mount -o remount,bind,ro "$to" 2>/dev/null || true
	done
}

# The chroot sees this machine's programs, and has its own copy of every directory that
# an installation writes to.
make_chroot() {
	mkdir -p "$root"/{usr/{lib/modules,src,local,share/doc},var/{lib/dkms,log,tmp,cache}}
	mkdir -p "$root"/{boot,tmp,run,root,etc/dkms,dev,proc,build/hakmem,"$CACHE"}
	for name in dev proc "$CACHE"; do mount --rbind "/${name#/}" "$root/${name#/}"; done
	furnish / usr var boot tmp run root etc dev proc home media mnt opt srv sys work
	furnish /etc dkms
	furnish /usr lib src local share
	furnish /usr/share doc
	furnish /usr/lib modules
	cp -a /var/lib/dpkg "$root/var/lib/"
}

# Runs a shell command in the chroot. It fails if any command of a pipeline does.
inside() {
	"${OWNED[@]}" timeout 600 chroot "$root" env -i PATH="$inside_path" HOME=/root \
		LC_ALL=C.UTF-8 MAKEFLAGS="-j$(nproc)" bash -euo pipefail -c "$1" </dev/null
}

# Lists every file that an installation could have left, except those of depmod.
files() {
	(cd "$root" && find usr/local usr/share/doc usr/src lib/modules/ var/lib/dkms -type f \
		! -name 'modules.*' ! -name 'mok.*' | sort)
}

# step NAME COMMAND...: a test that passes if COMMAND succeeds
step() {
	local name=$1
	shift
	if "$@" >"$work/log" 2>&1; then tap_ok "$name"; else tap_not_ok "$name" <"$work/log"; fi
}

# Is this the script's first run, outside of the namespace? It may install packages then.
outside_of_namespace() { [[ ! ${HAKMEM_CHROOT-} ]]; }

# own_namespace ARG...: runs the script once more with these arguments, in a mount
# namespace of its own, and then ends it. In the second run this sets work, and root,
# which is where the chroot will be.
own_namespace() {
	local enter=(unshare --mount)
	if outside_of_namespace; then
		"${enter[@]}" true 2>/dev/null || enter+=(--map-root-user)
		"${enter[@]}" true 2>/dev/null || die 'needs root or user namespaces'
		work=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-install.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		HAKMEM_CHROOT=$work "${OWNED[@]}" "${enter[@]}" "$TOP/.ci/${0##*/}" "$@"
		exit
	fi
	work=$HAKMEM_CHROOT root=$HAKMEM_CHROOT/root
	unset HAKMEM_CHROOT
}

# Prints the version in hakmem.h.
hakmem_version() {
	sed -n 's/^#define HAKMEM_VERSION[[:space:]]*"\(.*\)"/\1/p' "$TOP/kernel/include/hakmem.h"
}

# use_kernel KERNEL FLAVOUR: chooses the kernel to install for, and makes its directory in
# the chroot's /lib/modules
use_kernel() {
	flavour=(--kernel="$1" --flavour="$2")
	kdir=$(exec "${OWNED[@]}" "$TOP/qemu/kernel" "${flavour[@]}")
	release=$(exec "${OWNED[@]}" "$TOP/qemu/kernel" "${flavour[@]}" --print=version)
	mkdir -p "$root/lib/modules/$release"
	ln -sfn "$kdir" "$root/lib/modules/$release/build"
}
