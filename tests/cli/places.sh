#!/usr/bin/env bash
# Files and directories that are not there, are something else, or may not be read or written: the
# message says which of these it is, and nothing is left behind.
. "$(dirname "$0")/lib.sh"

trap 'chmod -R u+rwX "$work"; cleanup' EXIT

# Root may read everything, so the program runs as nobody then. It sees nothing outside of $work.
as=()
if ((EUID == 0)); then
    need setpriv
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$work"
fi
cp "$crisp" crisp
chmod 755 crisp
owner() {
    ((EUID != 0)) || chown -R 65534:65534 "$@"
}
"${as[@]}" ./crisp --version >/dev/null 2>&1 || skip "no program runs as another user here"

# try CODE ARGUMENTS...: as run, for the user without rights
try() {
    local want=$1
    shift
    "${as[@]}" ./crisp "$@" >out 2>err </dev/null
    local got=$?
    ((checks++))
    ((got == want)) || fail "crisp $* ended with $got instead of $want"
}
denied() {
    try 1 "$@"
    says err "Permission denied" "check who owns it"
    says_not err "there is no chip" "no identity yet" "no CI in" "holds no certificates" "with 'crisp pki init"
}

: >out
: >err
owner out err
run 0 pki init pki
run 0 euicc create chip --pki pki
package profile.der 8988211000000000017
run 0 smdpp profile import --dir dp --pki pki profile.der
echo text >file
printf 'iccid\n8988211000000000025\n' >table.csv
mkdir empty

# ---- directories that may not be looked into are not taken for empty ones
chmod 000 pki chip dp
denied euicc create new --pki pki
denied euicc show chip
denied lpa list --chip chip
denied pki crl pki
denied pki verify --trust pki --role eum profile.der
denied smdpp order list --dir dp
denied smdpp profile list --dir new --pki pki
chmod 755 pki pki/nist pki/brainpool chip dp
chmod 000 pki/nist/eum.key pki/nist/dpauth.key profile.der
denied euicc create new --pki pki
denied smdpp profile list --dir new --pki pki
denied profile show profile.der
[[ ! -e new ]] || fail "what was refused left its directory"

# ---- directories that may be read only
chmod 444 pki/*/* profile.der profile.der.json dp/*
chmod 555 pki/* pki chip dp empty .
denied profile build profile.der.json -o new.der
denied profile build profile.der.json -o empty/new.der
denied pki init new
denied pki init pki --force
denied pki issue pki operator --name new --cn new
denied pki crl pki --renew
denied euicc create new --pki pki
denied man new
denied profile personalise profile.der table.csv -o new
denied profile personalise profile.der table.csv -o empty
chmod 755 . pki pki/* chip dp empty

# ---- what is not there, or is a file
run 1 euicc create new --pki nowhere
says err "there is no directory nowhere" "crisp pki init nowhere"
says_not err "eum.der"
run 1 euicc create new --pki file
says err "file is no directory"
run 1 euicc create new --pki empty
says err "there is no CI in empty"
run 1 pki crl nowhere
says err "there is no directory nowhere"
run 1 pki verify --trust empty --role eum pki/nist/eum.der
says err "there is no CI in empty"
run 1 euicc show nowhere
says err "there is no directory nowhere"
run 1 euicc show file
says err "file is no directory"
run 1 smdpp order list --dir nowhere
says err "there is no directory nowhere" "check --dir"
run 1 smdpp order list --dir file
says err "file is no directory"
run 3 smdpp order list --dir empty
says err "no identity yet"
run 1 smdpp serve --dir new --pki nowhere
says err "there is no directory nowhere"
[[ ! -e new && ! -e nowhere ]] || fail "what was refused left its directory"

# ---- what could not be written is said by its name
if [[ -w /dev/full ]]; then
    run 0 lpa list --chip chip --trace /dev/full
    says err "/dev/full is not complete"
    "$crisp" profile build profile.der.json -o - >/dev/full 2>err
    equal $? 1
    says err "standard output"
fi
done_testing
