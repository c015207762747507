#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Install the Debian packages of uml/packages that are missing, and for each
# argument those of that list: "check" is uml/packages.check. Says nothing when
# there is nothing to do. Exit status: 0 all there, 3 could not be.

set -u

here=$(cd "$(dirname "$0")" && pwd)
lists=packages
for part; do
	lists="$lists packages.$part"
done
build=$here/../build
log=$build/setup.log
# VERSION_ID: the release of Debian
# shellcheck disable=SC1091
[ ! -r /etc/os-release ] || . /etc/os-release

fail() {
	echo "nslab: $*" >&2
	exit 3
}

# Sets $missing. Only one process is started, this runs before every target.
find_missing() {
	wanted=
	for list in $lists; do
		while read -r name release; do
			case $name,$release in
			,* | '#'*) ;;
			*, | *,"${VERSION_ID-}") wanted="$wanted $name" ;;
			esac
		done <"$here/$list"
	done
	# shellcheck disable=SC2086 # a list of words
	there=$(dpkg-query -W -f '<${Package}:${db:Status-Status}>' $wanted 2>/dev/null)
	missing=
	for name in $wanted; do
		case $there in
		*"<$name:installed>"*) ;;
		*) missing="$missing $name" ;;
		esac
	done
	missing=${missing# }
}

# Run apt-get with these arguments, so that a signal ends it, too, and at once.
apt=
apt_get() {
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get "$@" >>"$log" 2>&1 </dev/null &
	apt=$!
	wait "$apt"
}

end() {
	trap '' HUP INT TERM
	if [ -n "$apt" ]; then
		kill "$apt" 2>/dev/null
		wait "$apt"
	fi
	echo "nslab: interrupted" >&2
	exit $((128 + $1))
}

install() {
	# shellcheck disable=SC2086
	apt_get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=600 $missing
}

command -v dpkg-query >/dev/null ||
	fail "this machine has no dpkg-query: the lab sets itself up on Debian 12 and 13 only"
find_missing
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
	if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		sudo=sudo
	else
		fail "packages are missing, as root run: apt-get update && apt-get install --no-install-recommends $missing"
	fi
fi

mkdir -p "$build" || fail "cannot write to $build"
exec 9>"$build/setup.lock"
flock 9
find_missing	# whoever held the lock may have installed them
[ -n "$missing" ] || exit 0

trap 'end 1' HUP
trap 'end 2' INT
trap 'end 15' TERM
echo "nslab: installing $missing" >&2
: >"$log"
if ! install; then
	# No package lists yet, or old ones.
	apt_get update -q
	install || fail "apt-get install failed: $(grep '^E:' "$log" | tail -n 1) (log: build/setup.log)"
fi
find_missing
[ -z "$missing" ] || fail "still not installed: $missing (log: build/setup.log)"
