#!/usr/bin/env bash
# Every C file is formatted as .clang-format says.
set -u
cd "$(dirname "$0")/../.." || exit 1
git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror
