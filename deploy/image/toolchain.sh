#!/bin/sh
# toolchain.sh ARCH: what building for ARCH needs, in the build stage of the image.
set -eu
arch=$1
machine=$([ "$arch" = arm64 ] && echo aarch64 || echo x86_64)
packages="ca-certificates binutils gcc libc6-dev"
if [ "$machine" != "$(uname -m)" ]; then
  rustup target add "$machine-unknown-linux-gnu"
  packages="$packages gcc-$(echo "$machine" | tr _ -)-linux-gnu libc6-dev-$arch-cross"
fi
apt-get update
# shellcheck disable=SC2086
apt-get install -y --no-install-recommends $packages
rm -rf /var/lib/apt/lists/*
