#!/bin/sh
# Lays out what the last stage of the Dockerfile takes over: the whole content of the image.
#
#   deploy/docker/layout.sh BINARY CERTIFICATES DIRECTORY
set -eu
binary="$1" certificates="$2" system="$3/system" state="$3/state/snykwatch"

umask 022
mkdir -p "$system/usr/local/bin" "$system/etc/ssl/certs" "$system/tmp" "$state"
cp "$binary" "$system/usr/local/bin/snykwatch"
cp "$certificates" "$system/etc/ssl/certs/ca-certificates.crt"
chmod 0755 "$system/usr/local/bin/snykwatch"
# For `demo`, which keeps its sandbox there; the daemon writes nothing outside its state.
chmod 1777 "$system/tmp"
chmod 0700 "$state"
