# Sourced: what compilers call the processor that container platforms call $arch.
case "$arch" in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
*)
  echo "$arch: only amd64 and arm64 can be built" >&2
  exit 2
  ;;
esac
target=$machine-unknown-linux-gnu
if [ "$machine" = "$(uname -m)" ]; then
  cross=
else
  cross=$machine-linux-gnu-
fi
