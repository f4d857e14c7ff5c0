#!/usr/bin/env bash
# docs/smdpp-states.md and docs/smdp-states.md show the tables that the servers run on.
. "$(dirname "$0")/lib.sh"

# same FILE: all diagrams of the file are what was printed into out
same()
{
    sed -n '/^```mermaid$/,/^```$/p' "$root/docs/$1" | sed '/^```/d' >shown
    ((checks++))
    cmp -s out shown || fail "docs/$1 is out of date: print it with '$2'"
}

run 0 smdpp states
same smdpp-states.md 'crisp smdpp states'
run 0 smdp states --jobs
cp out jobs
run 0 smdp states
cat jobs >>out
same smdp-states.md 'crisp smdp states, crisp smdp states --jobs'
done_testing
