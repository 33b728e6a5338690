#!/bin/sh
# Makes the passwords of snykwatch's own pages: one for Prometheus, which reads, and one for the people on call, who act.
#
#   deploy/passwords.sh DIRECTORY [SNYKWATCH...]
#
# DIRECTORY gets a random password for each (prometheus-password, on-call-password), unless one is there, and a web-config
# file with the hashes of both (web.yaml). SNYKWATCH is how it is run here, to make the hashes: `snykwatch` if left out,
# `docker run --rm -i snykwatch:0.1.0` where there is no more than Docker. To change a password, remove its file first.
set -eu
directory="${1:?where to, see the first lines of $0}"
shift
[ $# -gt 0 ] || set -- snykwatch

umask 027
mkdir -p "$directory"
web='basic_auth_users:'
for user in prometheus on-call; do
  file="$directory/$user-password"
  [ -s "$file" ] || head -c 24 /dev/urandom | base64 | tr -d '\n' >"$file"
  hash="$("$@" hash-password <"$file")"
  web="$web
  $user: $hash"
done
# Written in place: a container that has this one file mounted sees no other that takes its name.
printf '%s\n' "$web" >"$directory/web.yaml"
