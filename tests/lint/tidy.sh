#!/usr/bin/env bash
# clang-tidy over src/ with the compile commands of a build directory. What it counts in headers of
# others is not shown.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
git ls-files 'src/*.c' | xargs -P "$(nproc)" -n 4 clang-tidy -p "$1" --quiet --warnings-as-errors='*' 2>&1 |
    grep -vE '^[0-9]+ warnings? generated\.$'
exit "${PIPESTATUS[1]}"
