#!/bin/sh
# root.sh ARCH PROGRAM FOLDER: lays out in FOLDER all that the image holds. The only list of it.
set -eu
arch=$1
program=$2
folder=$3
. "$(dirname "$0")/triple.sh"

mkdir -p "$folder/lib" "$folder/etc/ssl/certs"
cp "$program" "$folder/tmc-syncer"

# The loader, at the very path that the program names, and the libraries that it asks for, and those that these ask for.
loader=$(readelf -l "$program" | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
mkdir -p "$folder$(dirname "$loader")"
needed() {
  readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)]/\1/p'
}
take() {
  [ -e "$folder/lib/$1" ] && return 0
  [ -e "$folder$(dirname "$loader")/$1" ] && return 0
  # A name that the compiler does not know comes back as it is.
  file=$("${cross}gcc" -print-file-name="$1")
  [ -f "$file" ] || { echo "$1: not found for $target" >&2; exit 1; }
  if [ "$1" = "$(basename "$loader")" ]; then
    cp -L "$file" "$folder$loader"
  else
    cp -L "$file" "$folder/lib/$1"
  fi
  for other in $(needed "$file"); do take "$other"; done
}
take "$(basename "$loader")"
for library in $(needed "$program"); do take "$library"; done

# Whom a kubeconfig without an authority of its own, and an OTLP collector, are verified with.
cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
echo "nonroot:x:65532:65532::/:/none" >"$folder/etc/passwd"
echo "nonroot:x:65532:" >"$folder/etc/group"
echo "hosts: files dns" >"$folder/etc/nsswitch.conf"
cp "$(dirname "$0")/../../LICENSE" "$folder/LICENSE"

# The same files make the same image, whoever lays them out and when.
find "$folder" -type d -exec chmod 0555 {} +
find "$folder" -type f -exec chmod 0444 {} +
chmod 0555 "$folder/tmc-syncer" "$folder$loader"
find "$folder" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
