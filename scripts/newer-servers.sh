#!/usr/bin/env bash
# Unpacks newer servers beside the installed ones, as far as Debian's suites have them:
#
#	scripts/newer-servers.sh DIR    makes DIR/redis-8.6, DIR/redis-8.0, DIR/valkey-9.1, DIR/valkey-8.1
#
# Each folder holds redis-server, redis-sentinel and redis-cli, to be put first on PATH,
# and VERSION, since suites move on. Nothing is installed: packages are unpacked with a C
# library of their own, from the mirror that apt uses already.
set -euo pipefail
dir=$(mkdir -p "${1:?a folder}" && cd "$1" && pwd)
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
	sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | grep -m1 '/debian/*$' || true)
[ -n "$mirror" ] || { echo 'newer-servers: apt has no mirror of Debian configured' >&2; exit 1; }
key=/usr/share/keyrings/debian-archive-keyring.gpg
arch=$(dpkg --print-architecture)
libraries="libc6 libjemalloc2 liblzf1 libssl3t64 libsystemd0 libstdc++6 libgcc-s1 libatomic1 libcap2 libzstd1 liblz4-1 liblzma5 libgcrypt20 libgpg-error0 zlib1g"

# suites SUITE...: what is downloaded from now on
suites() {
	local apt=$dir/apt suite
	rm -rf "$apt" && mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	for suite in "$@"; do echo "deb [signed-by=$key] $mirror $suite main"; done >"$apt/sources.list"
	options=(-oDir::Etc::sourcelist="$apt/sources.list" -oDir::Etc::sourceparts=/dev/null -oDir::State::lists="$apt/lists"
		-oDir::Cache="$apt/cache" -oDir::State::status=/dev/null -oAPT::Sandbox::User="$(id -un)")
	apt-get "${options[@]}" update -qq
}

# unpack FOLDER PACKAGE...
unpack() {
	local into=$1 package
	shift && mkdir -p "$into" "$dir/debs"
	for package in "$@"; do
		rm -f "$dir"/debs/*.deb
		(cd "$dir/debs" && apt-get "${options[@]}" download -qq "$package" >/dev/null 2>&1) ||
			{ echo "newer-servers: no package $package" >&2; return 1; }
		dpkg-deb -x "$dir"/debs/*.deb "$into"
	done
}

# server NAME PACKAGE: unpacks it, and writes the wrappers that start it
server() {
	local bin=$dir/$1 tree=$dir/trees/$1 root=$dir/trees/libraries lib loader program cli name
	unpack "$tree" "$2" || return 0
	lib=$(find "$root" -name libc.so.6 -printf '%h\n' | head -1)
	loader=$(find "$root" -name 'ld-linux-*.so.*' | head -1)
	program=$(find "$tree/usr/bin" \( -name '*-check-rdb' -o -name '*-server' \) -type f | head -1)
	cli=$(find "$tree/usr/bin" \( -name redis-cli -o -name valkey-cli \) -type f | head -1)
	rm -rf "$bin" && mkdir -p "$bin"
	for name in redis-server redis-sentinel; do
		printf '#!/bin/sh\nexec %s --argv0 %s --library-path %s %s "$@"\n' "$loader" "$name" "$lib:$root/usr/lib" "$program" >"$bin/$name"
	done
	printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "$loader" "$lib" "$cli" >"$bin/redis-cli"
	chmod +x "$bin"/redis-*
	"$bin/redis-server" --version | tee "$bin/VERSION"
}

echo "newer-servers: $arch, $mirror"
suites sid experimental
unpack "$dir/trees/libraries" $(for p in $libraries; do echo "$p/sid"; done)
server redis-8.6 redis-tools/experimental
server redis-8.0 redis-tools/sid
server valkey-9.1 valkey-tools/sid
suites trixie
server valkey-8.1 valkey-tools/trixie
rm -rf "$dir/apt" "$dir/debs"
