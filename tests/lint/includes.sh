#!/usr/bin/env bash
# A folder of src/ may include only from folders above it in src/meson.build (and from itself); the
# parties among them do not include each other.
set -u
cd "$(dirname "$0")/../.." || exit 1
mapfile -t order < <(sed -n "s/^subdir('\(.*\)')$/\1/p" src/meson.build)
declare -A rank
for i in "${!order[@]}"; do rank[${order[$i]}]=$i; done
# Parties do not include each other, whatever their place in the list.
parties=" smdpp smds lpa smdp smsr device "
bad=0
while IFS=: read -r file line text; do
    from=${file#src/}
    from=${from%%/*}
    to=${text#*\"}
    to=${to%%/*}
    if [[ -z ${rank[$from]+x} ]]; then
        echo "$file: the folder src/$from is not listed in src/meson.build"
        bad=1
    elif [[ $text != *\"*/*\"* || -z ${rank[$to]+x} ]]; then
        echo "$file:$line: write includes from src/: $text"
        bad=1
    elif ((rank[$to] > rank[$from])); then
        echo "$file:$line: src/$from may not include from src/$to, which stands above it"
        bad=1
    elif [[ $from != "$to" && $parties == *" $from "* && $parties == *" $to "* ]]; then
        echo "$file:$line: the party src/$from may not include from the party src/$to"
        bad=1
    fi
done < <(grep -nE '^ *# *include *"' -r src --include='*.[ch]')
exit $bad
