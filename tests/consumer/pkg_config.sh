# Builds and runs the C consumer with what pkg-config says. Arguments: installed library, source, program.
set -eu
folder=$(dirname "$1")
export PKG_CONFIG_PATH="$folder/pkgconfig"
version=$(pkg-config --modversion warpfinch)
${CC:-cc} -std=c99 $(pkg-config --cflags warpfinch) "$2" -o "$3" $(pkg-config --libs warpfinch)
LD_LIBRARY_PATH="$folder" "$3" | tee "$3.log"
if ! grep -qx "warpfinch $version" "$3.log"; then
  echo "pkg-config says $version, the library something else"
  exit 1
fi
