# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Makes the guest's file system, for qemu/vm. It reads qemu/vm's variables: work, the
# directory to make it in; busybox, shell, all_add and all_out. Sourced, never run.

# The files of qemu/guest and of the guest directories would do harm on a host. So they
# run only if this word is both on the kernel's command line and in a file of the
# initramfs. Each guest has a word of its own.
guest_mark=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')

quote() {
	local word
	for word in "$@"; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
	echo
}

# add_libraries FILE: copies the libraries that the dynamic linker would load for FILE
add_libraries() {
	local file=$1 lib
	ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r lib; do
		mkdir -p "$work/root$(dirname "$lib")"
		cp -L "$lib" "$work/root$lib"
	done || true
}

# make_initramfs COMMAND...: makes $work/initrd
make_initramfs() {
	local root=$work/root file program
	mkdir -p "$root"/{bin,dev,proc,sys,hakmem}
	cp "$busybox" "$root/bin/busybox"
	cp "$TOP/qemu/guest/init" "$root/init"
	chmod +x "$root/init"
	cp "$TOP/qemu/guest/only-in-guest.sh" "$root/"
	echo "$guest_mark" >"$root/hakmem-guest"
	for file in "${all_add[@]}"; do
		cp -rL "$file" "$root/hakmem/"
	done
	find "$root/hakmem" -type f ! -name '*.ko' -perm /111 | while read -r program; do
		add_libraries "$program"
	done
	[[ -z $shell ]] || : >"$root/hakmem/.shell"
	[[ ${#all_out[@]} -eq 0 ]] || printf '%s\n' "${all_out[@]}" >"$root/hakmem/.out"
	if [[ $# -eq 1 ]]; then
		printf '%s\n' "$1" >"$root/hakmem/.command"
	elif [[ $# -gt 1 ]]; then
		quote "$@" >"$root/hakmem/.command"
	fi
	(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$work/initrd"
	rm -r "$root"
}
