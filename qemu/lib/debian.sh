# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Fetches packages from the Debian archive, through a private apt root. The mirror is that of
# the machine's own sources. Signatures are always verified, with the machine's
# debian-archive-keyring. The machine's package state does not change, unless that keyring is
# too old for a suite; then it is upgraded, after an update of the machine's package lists.
# Sourced, never run.

APT_ROOT=$CACHE/apt
APT_SUITES=(bookworm-backports trixie-backports)
APT_ARCHITECTURE=
APT_MAX_AGE_DAYS=7
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

apt_private() { APT_CONFIG=$APT_ROOT/apt.conf "${OWNED[@]}" "$@"; }

# Prints the address of the Debian archive, from the machine's own configuration. apt
# knows the origin only after lists were fetched; before that the path decides.
archive_mirror() {
	# shellcheck disable=SC2016  # apt expands these
	local format='$(ORIGIN) $(LABEL) $(REPO_URI)' targets
	targets=$(apt-get indextargets --format "$format" 'Created-By: Packages')
	awk '$1 == "Debian" && $2 == "Debian" { print $3; found = 1; exit }
	     $NF ~ /\/debian\/?$/ { guess = guess ? guess : $NF }
	     END { if (!found && guess) print guess }' <<<"$targets"
}

write_apt_root() {
	local mirror suite sources='' settings=
	[[ -r $KEYRING ]] ||
		die "no $KEYRING; install the package debian-archive-keyring"
	mirror=$(archive_mirror)
	[[ $mirror ]] ||
		die "apt names no Debian mirror; add one, run 'apt-get update', or give a source tree with --kernel=PATH"
	for suite in "${APT_SUITES[@]}"; do
		sources+="deb [signed-by=$KEYRING] $mirror $suite main"$'\n'
	done
	[[ ! $APT_ARCHITECTURE ]] ||
		settings="APT::Architecture \"$APT_ARCHITECTURE\"; APT::Architectures \"$APT_ARCHITECTURE\";"
	{ mkdir -p "$APT_ROOT"/{lists/partial,archives/partial} && : >"$APT_ROOT/status" &&
		printf %s "$sources" >"$APT_ROOT/sources.list" &&
		cat >"$APT_ROOT/apt.conf"
	} <<-EOF || die "cannot write to $APT_ROOT; is the disk full?"
	Dir::State "$APT_ROOT";
	Dir::State::lists "$APT_ROOT/lists";
	Dir::State::status "$APT_ROOT/status";
	Dir::Cache "$APT_ROOT";
	Dir::Cache::archives "$APT_ROOT/archives";
	Dir::Etc::SourceList "$APT_ROOT/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Acquire::Languages "none";
	APT::Sandbox::User "$(id -un)";
	$settings
	EOF
}

# If apt-get update could not verify a suite and still has old lists, it only warns. So
# its text is read, because its status is not enough.
update_apt_root() {
	local log=$APT_ROOT/update.log
	apt_private apt-get update -q >"$log" 2>&1 || {
		echo "E: apt-get update ended with status $?" >>"$log"
		return 1
	}
	! grep -Eq '^(E|W|Err)' "$log"
}

upgrade_keyring() {
	local cmd=(apt-get install -y -qq --only-upgrade debian-archive-keyring)
	[[ $(id -u) -eq 0 ]] ||
		die "the archive keyring is too old; run: sudo ${cmd[*]}"
	say "the archive keyring is too old for a suite; upgrading debian-archive-keyring"
	apt-get update -qq >&2
	DEBIAN_FRONTEND=noninteractive "${cmd[@]}" >&2
}

refresh_apt_root() {
	local stamp=$APT_ROOT/updated good=y
	[[ -z $(find "$stamp" -mtime "-$APT_MAX_AGE_DAYS" 2>/dev/null) ]] || return 0
	write_apt_root
	say "reading the package lists of ${APT_SUITES[*]}"
	update_apt_root || good=
	if [[ ! $good ]] && grep -Eq 'NO_PUBKEY|EXPKEYSIG' "$APT_ROOT/update.log"; then
		upgrade_keyring
		! update_apt_root || good=y
	fi
	if [[ ! $good ]]; then
		cat "$APT_ROOT/update.log" >&2
		[[ -e $stamp ]] || die "could not read the package lists (see above)"
		say "going on with the lists of $(date -r "$stamp" +%F)"
		return 0
	fi
	touch "$stamp"
}

# Prints the candidate version of PACKAGE; fails if the archive has none.
package_version() {
	apt_private apt-cache policy "$1" |
		awk '$1 == "Candidate:" && $2 != "(none)" { print $2; found = 1 }
		     END { exit !found }'
}

# Downloads PACKAGE=VERSION... and unpacks them all below DIR. Callers take a failure for
# "not available", and then set -e is off, so each step says what is wrong.
unpack_packages() {
	local dir=$1 deb
	shift
	mkdir -p "$dir/deb" || die "cannot write to $dir; is the disk full?"
	apt_private env -C "$dir/deb" apt-get download -qq "$@" >&2 ||
		die "could not download $*; is the network up? To look for newer versions remove $APT_ROOT/updated"
	for deb in "$dir"/deb/*.deb; do
		dpkg-deb -x "$deb" "$dir" || die "could not unpack ${deb##*/}; is the disk full? Run again"
	done
	rm -r "$dir/deb"
}

unpack_once() {
	local dir=$1
	shift
	[[ ! -e $dir/.complete ]] || return 0
	say "fetching $* of Debian's ${APT_SUITES[0]}${APT_ARCHITECTURE:+ for $APT_ARCHITECTURE}"
	rm -rf "$dir"
	unpack_packages "$dir" "$@"
	touch "$dir/.complete"
}

# cached_packages NAME ROOT SUITE ARCHITECTURE PACKAGE...: prints the directory NAME of the
# cache with Debian's packages unpacked. They come through ROOT, an apt root of their own,
# and the machine's packages do not change. An empty ARCHITECTURE is the machine's.
cached_packages() {
	local name=$1 root=$2 suite=$3 architecture=$4
	local dir=$CACHE/debian/$name
	shift 4
	if [[ ! -e $dir/.complete ]]; then
		(
			APT_ROOT=$CACHE/$root APT_SUITES=("$suite") APT_ARCHITECTURE=$architecture
			with_lock "$root" refresh_apt_root
			with_lock "$name" unpack_once "$dir" "$@"
		) >&2 || return
	fi
	echo "$dir"
}

# sid_packages PACKAGE...: packages of Debian's development release
sid_packages() {
	cached_packages "$1" apt-sid sid '' "$@"
}

newest_source_package() {
	apt_private apt-cache search --names-only '^linux-source-[0-9]+\.[0-9]+$' |
		awk '{ print $1 }' | sort -V | tail -n 1
}

# The newest release of SERIES that has both a signed image and headers.
newest_prebuilt() {
	local series=$1 names
	names=$(apt_private apt-cache pkgnames linux-)
	comm -12 \
		<(sed -n "s/^linux-image-\($series\..*-cloud-amd64\)\$/\1/p" <<<"$names" | sort) \
		<(sed -n "s/^linux-headers-\($series\..*-cloud-amd64\)\$/\1/p" <<<"$names" | sort) |
		sort -V | tail -n 1
}

# GPU, sound, media and network drivers are half of the tree. No flavour builds them, and
# Kconfig needs only their Kconfig files.
unpack_source() {
	local package=$1 version=$2 dir=$3 tar
	[[ ! -e $dir/.complete ]] || return 0
	say "fetching $package $version"
	rm -rf "$dir.tmp"
	unpack_packages "$dir.tmp" "$package=$version"
	tar=$(echo "$dir.tmp/usr/src/$package".tar.*)
	say "unpacking $package (half a minute)"
	rm -rf "$dir"
	mkdir -p "$dir"
	"${OWNED[@]}" tar -C "$dir" --strip-components=1 --wildcards \
		--exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/media/*.[ch]' \
		--exclude='*/drivers/net/*.[ch]' --exclude='*/sound/*.[ch]' \
		-xf "$tar" || die "$tar is damaged; run again"
	rm -r "$dir.tmp"
	touch "$dir/.complete"
}

# The links of the headers are relative, so they stay valid. The Makefile has an absolute
# path of the common headers, which is changed.
unpack_prebuilt() {
	local release=$1 version=$2 dir=$3 abi=${1%-cloud-amd64}
	[[ ! -e $dir/.complete ]] || return 0
	say "fetching Debian's kernel $release"
	rm -rf "$dir"
	unpack_packages "$dir" "linux-image-$release" "linux-headers-$release=$version" \
		"linux-headers-$abi-common=$version" "linux-kbuild-$abi=$version"
	sed -i "s|/usr/src/|$dir/usr/src/|g" "$dir/usr/src/linux-headers-$release/Makefile"
	rm -rf "${dir:?}/lib/modules"
	touch "$dir/.complete"
}
