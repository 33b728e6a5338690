#!/usr/bin/env bash
# Tries an archive of build.sh: unpacks it to where nothing else is, makes that the root, and runs the program as nobody.
#
#   deploy/release/try.sh ARCHIVE
#
# Needs root, or sudo.
set -euo pipefail
archive="$1"

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

root="$(mktemp -d)"
trap 'as_root rm -rf "$root"' EXIT
tar --extract --gzip --file "$archive" --directory "$root" --strip-components=1
chmod 0755 "$root"
mkdir -m 1777 "$root/tmp"
# The kernel's random numbers: a static program of glibc reads them from files.
mkdir "$root/dev"
as_root mknod -m 0444 "$root/dev/random" c 1 8
as_root mknod -m 0444 "$root/dev/urandom" c 1 9

snykwatch() {
  as_root chroot --userspec=65532:65532 "$root" /snykwatch "$@"
}

snykwatch --version
# The whole story on the sandbox, to its end.
snykwatch demo --fast | tail -n 1
