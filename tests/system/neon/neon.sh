#!/usr/bin/env bash
# Builds the kernels for aarch64 and runs their cases under qemu.
set -euo pipefail

for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    if ! command -v "$tool" >/dev/null; then
        echo "SKIPPED: there is no $tool here (deploy/install-dependencies --tests brings it)"
        exit 0
    fi
done

nearest=$STRATA_SOURCE_DIR/src/math/nearest
sources=("$STRATA_SOURCE_DIR/tests/system/neon/kernels_neon.c")
for source in "$nearest"/*.c; do
    case $source in
    *_avx2.c | *_avx512.c | *_amx.c) ;;
    *) sources+=("$source") ;;
    esac
done
aarch64-linux-gnu-gcc -std=gnu17 -O3 -ffp-contract=off -fno-math-errno -Wall -Wextra -Wconversion \
    -Werror -static -I"$STRATA_SOURCE_DIR/include" -I"$STRATA_SOURCE_DIR/src" \
    -I"$STRATA_SOURCE_DIR/tests/support" "${sources[@]}" -lm -o kernels_neon
qemu-aarch64 ./kernels_neon
