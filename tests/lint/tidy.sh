#!/usr/bin/env bash
# clang-tidy over src/ with the compile commands of a build directory.
set -u
cd "$(dirname "$0")/../.." || exit 1
git ls-files 'src/*.c' | xargs -P "$(nproc)" -n 4 clang-tidy -p "$1" --quiet --warnings-as-errors='*'
