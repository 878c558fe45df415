# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Python for the guest of qemu/vm, from this machine's Debian. Sourced, never run.

# python_home DIR [PACKAGE...]: what a guest's PYTHONHOME has to have, Python's own
# modules and those of Debian packages of the names. Libraries that they need go with
# what is executable, see qemu/lib/initramfs.sh.
python_home() {
	local to=$1 lib name
	shift
	lib=$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))')
	to=$to/lib/${lib##*/}
	mkdir -p "$to"
	cp -rL "$lib"/*.py "$lib"/{encodings,collections,ctypes,html,importlib,json,logging,re,lib-dynload} "$to"
	for name; do
		cp -rL /usr/lib/python3/dist-packages/{,_}"$name"* "$to"
	done
	find "$to" -name '*.so' -exec chmod +x {} +
}
