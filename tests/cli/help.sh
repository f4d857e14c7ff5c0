#!/usr/bin/env bash
# Every command of the tree: --help ends with 0 and names each option that the reference names;
# man pages without complaint; docs/commands.md as the program prints it.
. "$(dirname "$0")/lib.sh"

run 0 --version
says out "crisp "
run 2
says err "Commands:"
run 0 help
says out "Commands:"
usage "there is no command 'crisp nonsense'; there are pki, profile, smdpp" nonsense
usage "did you mean 'crisp smdpp order'?" order create
usage "did you mean 'crisp smdpp profile import'?" smdpp import
usage "--chip stands before the command" lpa --chip x list
run 0 -V
says out "crisp "
for words in "help lpa list" "lpa help list" "--help lpa list" "lpa list --help" "lpa -h list"; do
    read -ra each <<<"$words"
    run 0 "${each[@]}"
    says out "crisp lpa list [options]"
    [[ ! -s err ]] || fail "crisp $words wrote to standard error"
done
usage "there is no command 'crisp lpa nonsense'" help lpa nonsense
run 0 lpa list --help
says out "From 1 to 255."
usage "did you mean 'profile'" profil

run 0 man --reference
cp out reference
[[ $(grep -c '^## crisp' reference) -gt 30 ]] || fail "the reference is too short"

# Each "## crisp a b" of the reference is a command; the rows below it are what it takes.
declare -A wants
current=
while IFS= read -r line; do
    case $line in
    '## crisp'*)
        current=${line#'## '}
        wants[$current]=
        ;;
    '| `'*)
        label=${line#'| `'}
        label=${label%%'`'*}
        label=${label##*, }
        wants[$current]+="${label%% *} "
        ;;
    esac
done <reference
for command in "${!wants[@]}"; do
    read -ra words <<<"$command"
    run 0 "${words[@]:1}" --help
    [[ ! -s err ]] || fail "$command --help wrote to standard error"
    head -n 1 out | grep -qF -- "$command" || fail "$command --help begins with something else"
    for label in ${wants[$command]}; do
        says out "$label"
    done
    while IFS= read -r line; do
        ((${#line} <= 100)) || [[ $line == *crisp* || $line == *http* ]] ||
            fail "$command --help: a line of ${#line} characters: $line"
    done <out
done

run 0 man pages
for page in pages/*.1; do
    [[ -s $page ]] || fail "$page is empty"
    if have man; then
        complaints=$(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        equal "$complaints" ""
    fi
done
[[ -s pages/crisp.1 && -s pages/crisp-smdpp.1 ]] || fail "a page is missing"
run 0 man
says out '.TH CRISP 1'
run 1 man /dev/null/nowhere
says err "/dev/null/nowhere"

cmp -s reference "$root/docs/commands.md" ||
    fail "docs/commands.md is not up to date: crisp man --reference >docs/commands.md"
done_testing
