#!/usr/bin/env bash
# docs/smdpp-states.md shows the table that the server runs on.
. "$(dirname "$0")/lib.sh"

run 0 smdpp states
sed -n '/^```mermaid$/,/^```$/p' "$root/docs/smdpp-states.md" | sed '1d;$d' >shown
((checks++))
cmp -s out shown || fail "docs/smdpp-states.md is out of date: print it with 'crisp smdpp states'"
done_testing
