# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Finds a kernel's source and builds it, for qemu/kernel. It reads qemu/kernel's variables
# kernel, flavour and jobs. Sourced, never run.

# A release of clang that Debian 12 has and that the kernel accepts (17 or later).
CLANG=19

# The fragments of FLAVOUR, in the order in which later lines win.
fragments() {
	case $1 in
	kunit) echo base x86 preempt kunit debug-light cpuset ;;
	numa)  echo base x86 preempt kunit debug-light cpuset acpi debug-mm fault ;;
	block) echo base x86 preempt kunit debug-light cpuset block ;;
	bench) echo base x86 preempt bench production ;;
	bench-plain) echo base x86 preempt bench production plain ;;
	kasan) echo base x86 preempt kunit debug-light lockdep kasan ;;
	kcsan) echo base x86 preempt kunit debug-light kcsan ;;
	rt)    echo base x86 kunit debug-light lockdep rt ;;
	cfi)   echo base x86 preempt kunit debug-light cpuset cfi ;;
	um)    echo base um kunit bench ;;
	um-plain) echo base um kunit bench plain ;;
	arm64) echo base arm64 arm64-4k preempt kunit debug-light cpuset arm64-tags ;;
	arm64-64k) echo base arm64 arm64-64k preempt kunit debug-light cpuset arm64-tags ;;
	um-block) echo base um kunit bench cpuset block ;;
	dwarf) echo base x86 preempt kunit core-dump ;;
	esac
}

# Prints one line for each symbol, in a fixed order. If fragments differ, the last wins.
merged_fragments() {
	local name files=()
	for name in $(fragments "$1"); do
		files+=("$TOP/qemu/config/$name.config")
	done
	cat "${files[@]}" | awk '
		/^# CONFIG_[A-Z0-9_a-z]+ is not set$/ { line[$2] = $0 }
		/^# either / { line[$0] = $0 }
		/^CONFIG_/ { split($0, part, "="); line[part[1]] = $0 }
		END { for (symbol in line) print line[symbol] }' | LC_ALL=C sort
}

# Sets src, and source_id, which names it. A source tree of the user's own may change at
# any time, so own_tree makes every call run make.
find_source() {
	local package version
	own_tree=
	case $1 in
	*/*|.)
		src=$(cd "$1" && pwd)
		own_tree=y
		source_id=$(make -s -C "$src" kernelversion)-own-$(sha256sum <<<"$src" | cut -c1-8)
		return ;;
	esac
	with_lock apt refresh_apt_root
	case $1 in
	newest) package=$(newest_source_package) ;;
	*) package=linux-source-$1 ;;
	esac
	version=$(package_version "$package") ||
		die "the archive has no package $package; known: newest ($(newest_source_package)), 6.12, or the path of a source tree"
	source_id=${package#linux-source-}_$version
	src=$CACHE/src/$source_id
	mkdir -p "$CACHE/src"
	with_lock "src-$source_id" unpack_source "$package" "$version" "$src"
}

# UML's SLUB has no 128-bit cmpxchg unless its Kconfig says that struct page is
# aligned, so that a comparison would be unfair. The edit is made on a copy
# whose other files are the same (hard links).
um_source() {
	local copy=$src-um
	[[ ! -e $copy/.complete ]] || return 0
	say "making UML's copy of the source"
	rm -rf "$copy" "$copy.tmp"
	cp -al "$src" "$copy.tmp"
	rm "$copy.tmp/.complete"
	sed -i '/^config UML$/,/^$/s/^\tdefault y$/&\n\tselect HAVE_ALIGNED_STRUCT_PAGE/' \
		"$copy.tmp/arch/um/Kconfig"
	grep -q HAVE_ALIGNED_STRUCT_PAGE "$copy.tmp/arch/um/Kconfig" ||
		die "arch/um/Kconfig of $source_id has changed shape; adapt um_source in qemu/lib/build.sh"
	mv "$copy.tmp" "$copy"
	touch "$copy/.complete"
}

# Sets kernel_make, the command, which ends if this script does, even by SIGKILL.
find_kernel_make() {
	local args
	mapfile -t args < <(arch_make_args "$flavour")
	kernel_make=("${OWNED[@]}" make -C "$src" O="$build" "${args[@]}" "${toolchain[@]}" -j"$jobs")
}

# Kconfig has to keep every line of the fragments, or the kernel would not be what the
# flavour says. A line "# either CONFIG_A CONFIG_B" names a symbol that has different names
# in different versions of the kernel.
check_config() {
	local lost
	lost=$(awk '
		NR == FNR { has[$0] = 1; split($0, part, "="); on[part[1]] = 1; next }
		/^# either/ {
			found = 0
			for (i = 3; i <= NF; i++) { found += $i in on; spared[$i] = 1 }
			if (!found) print
			next
		}
		/^#/ { if ($2 in on) print; next }
		{ split($0, part, "="); if (!($0 in has) && !(part[1] in spared)) print }
	' "$build/.config" "$build/fragments.new")
	[[ -z $lost ]] || {
		printf '%s\n' "$lost" >&2
		die "Kconfig of $source_id dropped the lines above; fix qemu/config, or the symbols that they depend on"
	}
}

# The fragments are kept last, so that a configuration that was refused is not taken for a
# good one by the next call.
configure() {
	merged_fragments "$flavour" >"$build/fragments.new"
	if [[ -e $build/.config ]] && cmp -s "$build/fragments.new" "$build/fragments"; then
		return
	fi
	KCONFIG_ALLCONFIG=$build/fragments.new "${kernel_make[@]}" allnoconfig >"$build/build.log" 2>&1 || {
		tail -n 20 "$build/build.log" >&2
		die "configuring failed"
	}
	check_config
	mv "$build/fragments.new" "$build/fragments"
}

# Modules need headers, symbols and host tools; objects are three quarters of a
# build directory and serve only the next incremental build.
trim_build() {
	find "$build" \( -path "$build/scripts" -o -path "$build/tools" \) -prune -o \
		-type f \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name '.tmp_*' \
		-o -name 'vmlinux.bin*' -o -name 'vmlinux.unstripped' \) -exec rm -f {} +
}

# Reports progress now and then, because a build takes minutes. make has the lock, too, so a
# script that is interrupted ends when make has ended.
run_build() {
	local start=$SECONDS pid
	end_jobs_with_script
	"${kernel_make[@]}" all >>"$build/build.log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		((++ticks % 30)) || say "building $source_id $flavour: $((SECONDS - start)) s," \
			"$(grep -c '^ *\(CC\|AS\|LD\|AR\) ' "$build/build.log") objects"
	done
	wait "$pid" || {
		grep -n -B 2 -A 8 -m 3 -E 'error:|Error [0-9]|\*\*\*' "$build/build.log" >&2 || true
		die "the build failed; all of it is in $build/build.log"
	}
	trap - EXIT INT TERM HUP
	times >>"$build/build.log"
	say "built $source_id $flavour in $((SECONDS - start)) s"
}

build_locked() {
	local ticks=0
	[[ $own_tree || ! -e $build/.complete ]] || return 0
	mkdir -p "$build"
	find_kernel_make
	configure
	say "building $source_id $flavour (log: $build/build.log)"
	run_build
	[[ $own_tree ]] || trim_build
	touch "$build/.complete"
}

# Sets build, image and release.
build_kernel() {
	local key compiler
	if [[ $flavour == um* ]]; then
		grep -q UML_SUBARCH_SUPPORTS_SMP "$src/arch/um/Kconfig" ||
			die "UML of this source has no SMP; use --kernel=newest"
		[[ ! $own_tree ]] || say "your own tree is built unchanged; for fair comparisons its UML needs HAVE_ALIGNED_STRUCT_PAGE"
		[[ $own_tree ]] || {
			with_lock "src-$source_id-um" um_source
			src=$src-um
		}
	fi
	! is_arm64 "$flavour" || need arm64 aarch64-linux-gnu-gcc
	toolchain=()
	compiler=$("$(cross_prefix "$flavour")gcc" -dumpfullversion -dumpmachine | paste -sd-)
	if [[ $flavour == cfi ]]; then
		"$TOP/qemu/deps" cfi
		toolchain=("LLVM=-$CLANG")
		compiler=$("clang-$CLANG" -dumpversion)
	fi
	key=$({ merged_fragments "$flavour"; echo "$compiler"; } | sha256sum | cut -c1-12)
	build=$CACHE/build/$source_id-$flavour-$key
	with_lock "build-$source_id-$flavour-$key" build_locked
	release=$(<"$build/include/config/kernel.release")
	image=$build/$(arch_image "$flavour")
	[[ -e $image ]] || die "no $image after the build; remove $build and run again"
}
