#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# deps - installs the packages that the build or the tests need and that are missing
#
#	sh tests/deps.sh build|test|more
#
# What `more` installs is large, and only a few tests skip without it.
# Asks the package system only when something is missing, so it can stand before every build.
# No service that comes with a package is started, now or at the next boot.

build='gcc make clang llvm bpftool|linux-tools-common libbpf-dev libelf-dev libdw-dev libiberty-dev
	zlib1g-dev libzstd-dev libsqlite3-dev libmicrohttpd-dev pkg-config|pkgconf'
test='libcmocka-dev sqlite3 redis-server redis-tools nginx-light|nginx wrk python3 golang-go binutils g++ jq curl clang-format
	cppcheck busybox-static iproute2 util-linux procps postgresql ruby nodejs'
more='default-jdk-headless'
services='redis-server nginx postgresql'

policy=/usr/sbin/policy-rc.d
mark='# made by tests/deps.sh for the length of one installation'

usage() {
	echo 'usage: sh tests/deps.sh build|test|more' >&2
	exit 2
}

is_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Whether one of the names in A|B|C is installed
one_installed() {
	for name in $(echo "$1" | tr '|' ' '); do
		is_installed "$name" && return 0
	done
	return 1
}

# The first of the names in A|B|C that can be installed, or the first one
choose() {
	for name in $(echo "$1" | tr '|' ' '); do
		candidate=$(apt-cache policy "$name" 2>/dev/null | sed -n 's/^ *Candidate: //p')
		[ -n "$candidate" ] && [ "$candidate" != '(none)' ] && echo "$name" && return
	done
	echo "${1%%|*}"
}

# Packages start their services unless this file says no (101). An administrator's stays.
forbid_services() {
	[ ! -e "$policy" ] || grep -qsF "$mark" "$policy" || return 0
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy"
	chmod 755 "$policy"
}

# A service that came with this installation does not start with the machine either, and does
# not run when an administrator's policy allowed that.
disable_services() {
	for service; do
		is_installed "$service" || continue
		service "$service" stop >/dev/null 2>&1
		update-rc.d "$service" disable >/dev/null 2>&1
	done
	return 0
}

case ${1-} in
build) wanted=$build ;;
test) wanted="$build $test" ;;
more) wanted="$build $test $more" ;;
*) usage ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo 'deps: this is no Debian; install these with your own package manager:' >&2
	echo "$wanted" | tr -s '[:space:]' ' ' | sed 's/|[^ ]*//g' >&2
	exit 1
fi

missing=
for package in $wanted; do
	one_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "deps: these packages are missing, and only root can install them:" >&2
	echo "$missing" | sed 's/|[^ ]*//g; s/^ /  sudo apt-get install /' >&2
	exit 1
fi

# Sets $names to what the lists that are there offer.
choose_all() {
	names=
	for package in $missing; do
		names="$names $(choose "$package")"
	done
}

install_all() {
	choose_all
	echo "deps: installing$names"
	# shellcheck disable=SC2086
	apt-get install -qq -y --no-install-recommends $names
}

new_services=
for service in $services; do
	is_installed "$service" || new_services="$new_services $service"
done

# A fresh machine has no lists, and old lists name packages that are gone: then ask for new
# ones, and not before.
export DEBIAN_FRONTEND=noninteractive
forbid_services
install_all || { apt-get update -qq && install_all; } || {
	echo "deps: cannot install$names" >&2
	exit 1
}
# shellcheck disable=SC2086
disable_services $new_services
