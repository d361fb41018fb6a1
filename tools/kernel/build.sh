#!/bin/sh
# Builds src/feedsmith/images/patchmatch.wasm from kernel.c with the Zig wheel's clang.
#   pip install ziglang==0.17.1 && tools/kernel/build.sh [python]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"${1:-python3}" -m ziglang cc -target wasm32-freestanding -mcpu=generic+simd128+bulk_memory+sign_ext \
  -O3 -std=c11 -Wall -Wextra -ffp-contract=off -fno-sanitize=all -nostdlib -Wl,--no-entry -Wl,--strip-all \
  -Wl,--export=__heap_base -Wl,-z,stack-size=65536 \
  -o "$here/../../src/feedsmith/images/patchmatch.wasm" "$here/kernel.c"
ls -l "$here/../../src/feedsmith/images/patchmatch.wasm"
