#!/usr/bin/env bash
# Tries an archive of build.sh: unpacks it to where nothing else is, makes that the root, and runs the program as nobody.
#
#   deploy/release/try.sh ARCHIVE
#
# Needs root, or sudo.
set -euo pipefail
archive="$1"

root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
tar --extract --gzip --file "$archive" --directory "$root" --strip-components=1
chmod 0755 "$root"
mkdir -m 1777 "$root/tmp"

snykwatch() {
  local as_root=(sudo)
  [ "$(id -u)" -ne 0 ] || as_root=()
  "${as_root[@]}" chroot --userspec=65532:65532 "$root" /snykwatch "$@"
}

snykwatch --version
# The whole story on the sandbox, to its end.
snykwatch demo --fast | tail -n 1
