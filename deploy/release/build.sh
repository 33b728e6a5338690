#!/usr/bin/env bash
# Builds what a release consists of: for each target an archive with a static binary, the documents, the manual pages, the
# shell completions and the files to deploy, and one SHA256SUMS for all of them.
#
#   deploy/release/build.sh [TARGET...]       default: x86_64-unknown-linux-musl aarch64-unknown-linux-musl
#
# Needs: the Rust toolchain of rust-toolchain.toml with rustup, Python 3 with venv, readelf. zig comes from PyPI and is the C
# compiler and linker for every musl target, so that one machine builds for all of them. A target of this machine's own
# architecture with glibc (x86_64-unknown-linux-gnu) needs neither zig nor rustup: that is how .ci/run tries this script.
# Archives are reproducible: the same commit with the same tools gives the same bytes.
# Where they are put: DIST (default: target/dist).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Versions that were tried together.
zig_packages=(cargo-zigbuild==0.24.0 ziglang==0.17.0)

targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(x86_64-unknown-linux-musl aarch64-unknown-linux-musl)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
dist="${DIST:-$CARGO_TARGET_DIR/dist}"
tools="$CARGO_TARGET_DIR/release-tools"
version="$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)"
# The time in the archives: that of the commit. Not exported: cargo would build anew whatever might look at it.
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"

build() { # target
  if [[ "$1" == *-gnu ]]; then
    RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --release --bin snykwatch --target "$1"
    return
  fi
  if [ ! -x "$tools/bin/cargo-zigbuild" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet "${zig_packages[@]}"
  fi
  rustup target add "$1"
  PATH="$tools/bin:$PATH" cargo zigbuild --locked --release --bin snykwatch --target "$1"
}

# The binary must need nothing of the system that it runs on.
check_is_static() { # binary
  local headers
  headers="$(LC_ALL=C readelf --program-headers "$1")"
  if grep -q INTERP <<<"$headers"; then
    echo "$1 is not static" >&2
    return 1
  fi
}

# What is beside the binary in every archive.
lay_out() { # directory, a snykwatch that runs on this machine
  local directory="$1" snykwatch="$2" shell
  # Only what is committed: whoever builds may keep secrets beside the files to deploy.
  git ls-files -z README.md CHANGELOG.md LICENSE SECURITY.md docs dashboards deploy config ':!deploy/release' |
    tar --create --null --files-from=- | tar --extract --directory "$directory"
  mkdir "$directory/completions" "$directory/man"
  "$snykwatch" man --directory "$directory/man"
  for shell in bash zsh fish; do
    "$snykwatch" completions "$shell" >"$directory/completions/snykwatch.$shell"
  done
}

pack() { # directory, archive
  tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
    --mode='u+rwX,go+rX,go-w' --directory "$(dirname "$1")" "$(basename "$1")" | gzip --no-name --best >"$2"
}

mkdir -p "$dist"
staging="$(mktemp -d)"
trap 'rm -rf "$staging"' EXIT

# Manual pages and completions are the same for every target, and are printed by a binary that runs here.
host=''
for target in "${targets[@]}"; do
  echo "=== $target"
  build "$target"
  binary="$CARGO_TARGET_DIR/$target/release/snykwatch"
  check_is_static "$binary"
  [[ "$target" != "$(uname -m)-"* ]] || host="$binary"
done
if [ -z "$host" ]; then
  cargo build --locked --release --bin snykwatch
  host="$CARGO_TARGET_DIR/release/snykwatch"
fi

names=()
for target in "${targets[@]}"; do
  name="snykwatch-$version-$target"
  mkdir "$staging/$name"
  install -m 0755 "$CARGO_TARGET_DIR/$target/release/snykwatch" "$staging/$name/snykwatch"
  lay_out "$staging/$name" "$host"
  pack "$staging/$name" "$dist/$name.tar.gz"
  names+=("$name.tar.gz")
done
(cd "$dist" && sha256sum "${names[@]}" >SHA256SUMS && sha256sum --check SHA256SUMS)
ls -l "$dist"
