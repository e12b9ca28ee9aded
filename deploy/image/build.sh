#!/bin/sh
# build.sh ARCH PROGRAM: makes the program for ARCH as the image has it, without the sandbox, at PROGRAM.
set -eu
arch=$1
program=$2
. "$(dirname "$0")/triple.sh"
folder=${CARGO_TARGET_DIR:-target}/release
set --
if [ -n "$cross" ]; then
  name=$(echo "$target" | tr '[:lower:]-' '[:upper:]_')
  export "CARGO_TARGET_${name}_LINKER=${cross}gcc" "CC_$(echo "$target" | tr - _)=${cross}gcc" "AR_$(echo "$target" | tr - _)=${cross}ar"
  set -- --target "$target"
  folder=${CARGO_TARGET_DIR:-target}/$target/release
fi
cargo build --release --locked --package tmc-syncer --bin tmc-syncer --no-default-features --features otlp "$@"
cp "$folder/tmc-syncer" "$program"
