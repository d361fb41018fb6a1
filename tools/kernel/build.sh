#!/bin/sh
# Builds src/feedsmith/images/patchmatch.wasm from kernel.c and src/feedsmith/film/warp.wasm from warp.c
# with the Zig wheel's clang.
#   pip install ziglang==0.17.1 && tools/kernel/build.sh [python]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3}
build() {
  "$python" -m ziglang cc -target wasm32-freestanding -mcpu=generic+simd128+bulk_memory+sign_ext \
    -O3 -std=c11 -Wall -Wextra -ffp-contract=off -fno-sanitize=all -nostdlib -Wl,--no-entry -Wl,--strip-all \
    -Wl,--export=__heap_base -Wl,-z,stack-size=65536 \
    -o "$here/../../src/feedsmith/$2" "$here/$1"
  ls -l "$here/../../src/feedsmith/$2"
}
build kernel.c images/patchmatch.wasm
build warp.c film/warp.wasm
