# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced first by every file that is meant for the guest, so that none of them does
# its work on a host. It ends the file unless the word that qemu/vm put into the
# initramfs is the one on the kernel's command line. See qemu/lib/initramfs.sh.
mark=
[ ! -r /hakmem-guest ] || read -r mark </hakmem-guest
case " $(cat /proc/cmdline) " in
*" hakmem_guest=${mark:-none} "*) ;;
*)
	echo "$0: this runs in the guest of qemu/vm only" >&2
	exit 2 ;;
esac
