#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# go-trace - fetches the real `go tool trace`, of versions that this Debian's own go is older than
#
#	sh tests/go-trace.sh FOLDER
#
# Makes FOLDER/1.22 and FOLDER/1.23 with the programs trace and pprof, out of the packages of
# bookworm-backports. The package system has a root of its own for that, in FOLDER: neither its
# sources nor what is installed changes. What is there is not fetched again.

set -eu

[ $# -eq 1 ] || {
	echo 'usage: sh tests/go-trace.sh FOLDER' >&2
	exit 2
}
versions='1.22 1.23'
keys=/usr/share/keyrings/debian-archive-keyring.gpg

missing=
for version in $versions; do
	[ -x "$1/$version/trace" ] && [ -x "$1/$version/pprof" ] || missing="$missing $version"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null || [ ! -e $keys ]; then
	echo 'go-trace: this is no Debian: its packages cannot be fetched' >&2
	exit 1
fi

mkdir -p "$1"
cd "$1"
work=$(mktemp -d "$PWD/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/lists/partial" "$work/archives/partial"
: > "$work/status"

# From where this machine has its packages
# shellcheck disable=SC2016
site=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
	'Created-By: Packages' | awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
[ -n "$site" ] || {
	echo 'go-trace: apt has no source of Debian itself' >&2
	exit 1
}
echo "deb [signed-by=$keys] $site bookworm-backports main" > "$work/sources"

apt() {
	apt-get -qq -o Dir::State="$work" -o Dir::State::Lists="$work/lists" \
		-o Dir::State::status="$work/status" -o Dir::Cache="$work" \
		-o Dir::Etc::SourceList="$work/sources" -o Dir::Etc::SourceParts=/dev/null \
		-o APT::Sandbox::User= -o Debug::NoLocking=1 "$@"
}

apt update
for version in $missing; do
	(cd "$work" && apt download "golang-$version-go")
	dpkg-deb --fsys-tarfile "$work"/golang-"$version"-go_*.deb |
		tar -x -C "$work" --wildcards './usr/lib/go-*/pkg/tool/*/trace' \
			'./usr/lib/go-*/pkg/tool/*/pprof'
	mkdir -p "$version"
	mv "$work"/usr/lib/go-"$version"/pkg/tool/*/trace "$work"/usr/lib/go-"$version"/pkg/tool/*/pprof \
		"$version"
done
