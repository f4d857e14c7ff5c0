#!/usr/bin/env bash
# Both generic test profiles of GSMA TS.48: downloaded, enabled, and every file read back through a
# PC/SC reader with opensc-tool, against what the package says (ts48.py).
. "$(dirname "$0")/../cli/lib.sh"

data=${CRISP_TEST_DATA:-$root/../shared/data}/ts48
driver=/usr/lib/pcsc/drivers/serial/libifdvpcd.so
((EUID == 0)) || skip "only root can start pcscd"
need python3 opensc-tool pcscd flock
[[ -r $driver ]] || skip "vsmartcard-vpcd is not installed"
[[ -r $data/ts48-v7-bertlv-suci.der ]] || skip "the packages of TS.48 are not in $data"

# pcscd is a singleton: tests take turns, and give way to one that is not theirs.
mkdir -p /run/pcscd
exec 9>/run/pcscd/crisp-test.lock
flock -w 100 9 || skip "other tests keep pcscd busy"
if python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/pcscd/pcscd.comm")' \
    2>/dev/null; then
    skip "a pcscd runs already"
fi

wait_for() { # FILE-OR-COMMAND: until it is there, ten seconds
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
    done
    return 1
}

host=smdpp.ts48.example
iccid=89000123456789012341
run 0 pki init pki --host $host --extra-name localhost
declare -A packages=([ber]=ts48-v7-bertlv-suci.der [nober]=ts48-v7-nobertlv-noramrfm.der)

# ---- a chip for each variant: they share an ICCID
for name in ber nober; do
    run 0 smdpp profile import --dir dp-$name --pki pki --type ts48 --class test \
        --spn GSMA_TEST --name GSMA_TEST_PROFILE "$data/${packages[$name]}"
    "$crisp" smdpp serve --dir dp-$name --pki pki --es9 127.0.0.1:0 --no-es2 \
        --port-file ports-$name.json >>server.log 2>&1 9>&- &
    pids+=($!)
    wait_for test -s ports-$name.json || fail "no SM-DP+"
    port=$(sed -n 's/.*"es9" *: *\([0-9]*\).*/\1/p' ports-$name.json)
    run 0 smdpp order create --dir dp-$name --pki pki --iccid $iccid --matching-id TS48
    run 0 euicc create chip-$name --pki pki
    run 0 lpa download "1\$$host\$TS48" --chip chip-$name --ca pki/nist/ci.der \
        --connect "127.0.0.1:$port" --timeout 10 --yes --enable
done

# ---- the reader
for ((port = 38100 + $$ % 500 * 2; port < 40000; port += 2)); do
    python3 -c "import socket
for p in ($port, $port + 1): socket.create_server(('', p))" 2>/dev/null && break
done
mkdir readers
printf 'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\nCHANNELID 0x%X\n' \
    "$port" "$driver" "$port" >readers/vpcd
pcscd --foreground -c "$PWD/readers" >pcscd.log 2>&1 9>&- &
pids+=($!)
wait_for opensc-tool -l || fail "pcscd does not start: $(cat pcscd.log)"
"$crisp" euicc serve chip-ber chip-nober --vpcd "$port" >euicc.log 2>&1 9>&- &
pids+=($!)

reader=0
for name in ber nober; do
    wait_for opensc-tool -r $reader -a || fail "no card in reader $reader: $(cat euicc.log)"
    "$crisp" profile show --json "$data/${packages[$name]}" >$name.json || fail "profile show"
    python3 "$root/tests/e2e/ts48.py" $name.json $reader >$name.txt 2>&1 ||
        fail "$name: $(tail -n 40 $name.txt)"
    echo "$name: $(tail -n 1 $name.txt)"
    files=$(sed -n 's/^\([0-9]*\) files.*/\1/p' $name.txt)
    ((files >= 240)) || fail "$name: $files files only"
    ((reader++))
    ((checks++))
done
# The comparison does find what differs: the card of one variant against the package of the other.
python3 "$root/tests/e2e/ts48.py" nober.json 0 >mixed.txt 2>&1 && fail "the variants are the same"
((checks++))
grep -q "6F38: .* instead of" mixed.txt || fail "the other EF.UST is no difference: $(cat mixed.txt)"
echo "$checks checks"
