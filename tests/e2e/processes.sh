#!/usr/bin/env bash
# The parties as processes over real sockets: downloads that succeed on both curves, a server and an
# LPA that are killed at any moment, packages of others.
. "$(dirname "$0")/../cli/lib.sh"

host=smdpp.e2e.example
server_pid=
trap '[[ $server_pid ]] && kill -9 "$server_pid" 2>/dev/null; cleanup' EXIT

# start_server [PORT]: the SM-DP+ over dp/, on a free port or the given one.
start_server() {
    rm -f ports.json
    "$crisp" smdpp serve --dir dp --pki pki --es9 "127.0.0.1:${1:-0}" --no-es2 \
        --port-file ports.json >>server.log 2>&1 &
    server_pid=$!
    local i
    for ((i = 0; i < 200; i++)); do
        [[ -s ports.json ]] && break
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.05
    done
    port=$(sed -n 's/.*"es9" *: *\([0-9]*\).*/\1/p' ports.json 2>/dev/null)
    [[ $port ]] || fail "the server did not start: $(tail -n 3 server.log)"
}

kill_server() {
    kill -9 "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
    server_pid=
}

# lpa CODE ARGS...: crisp lpa on $chip with the server's CI.
lpa() {
    local want=$1
    shift
    run "$want" lpa "$@" --chip "$chip" --ca pki/nist/ci.der --connect "127.0.0.1:$port" --timeout 10
}

# order ICCID ID: an order ready for download.
order() {
    run 0 smdpp order create --dir dp --pki pki --iccid "$1" --matching-id "$2"
}

state_is() {
    run 0 smdpp order show --dir dp --pki pki "$1"
    says out "state              $2"
}

# ---- an inventory
run 0 pki init pki --host $host --extra-name localhost
mkdir packages
for n in 0 1 2 3 4 5 6 7 8 9; do
    package packages/$n.der 898821100000000010$n
done
run 0 smdpp profile import --dir dp --pki pki --type e2e \
    --notify-address "install,enable,disable,delete=$host" packages/*.der
start_server

# ---- both curves: a chip that knows one CI only gets what it asks for
mkdir pki-brainpool
cp -r pki/brainpool pki/pki.json pki-brainpool/
run 0 euicc create chip-nist --pki pki
run 0 euicc create chip-brainpool --pki pki-brainpool
order 8988211000000000100 NIST
order 8988211000000000101 BRAINPOOL
chip=chip-nist lpa 0 download "1\$$host\$NIST" --yes --enable
state_is 8988211000000000100 Enabled
chip=chip-brainpool
lpa 0 download "LPA:1\$$host\$BRAINPOOL" --yes
state_is 8988211000000000101 Installed
lpa 0 enable 8988211000000000101
lpa 0 disable 8988211000000000101
lpa 0 delete 8988211000000000101 --yes
state_is 8988211000000000101 Deleted

# ---- confirmation codes out of files, which no list of processes shows
package packages/code.der 8988211000000000199
run 0 smdpp profile import --dir dp --pki pki --type code packages/code.der
echo 4711 >right
echo 1174 >wrong
run 0 smdpp order create --dir dp --iccid 8988211000000000199 --matching-id CODE \
    --confirmation-code @right
chip=chip-nist
lpa 1 download "1\$$host\$CODE" --yes --confirmation-code @missing
says err "--confirmation-code: cannot open missing"
lpa 3 download "1\$$host\$CODE" --yes --confirmation-code @wrong
says err "8.2.7"
lpa 0 download "1\$$host\$CODE" --yes --confirmation-code @right
state_is 8988211000000000199 Installed
lpa 0 delete 8988211000000000199 --yes

# ---- an order that was acknowledged survives the server
chip=chip-nist
order 8988211000000000102 SURVIVES
kill_server
start_server "$port"
lpa 0 download "1\$$host\$SURVIVES" --yes
state_is 8988211000000000102 Installed

# ---- the server is killed at some moment of a download; the same code works again
for n in 3 4 5; do
    order 898821100000000010$n KILLED-$n
    "$crisp" lpa download "1\$$host\$KILLED-$n" --yes --chip $chip --ca pki/nist/ci.der \
        --connect "127.0.0.1:$port" --timeout 5 >killed.out 2>&1 &
    victim=$!
    sleep "0.0$((n * 2))"
    kill_server
    wait $victim
    start_server "$port"
    if ! "$crisp" lpa list --chip $chip | grep -q 898821100000000010$n; then
        lpa 0 download "1\$$host\$KILLED-$n" --yes
    fi
    lpa 0 notification send --all
    state_is 898821100000000010$n Installed
done

# ---- the LPA (and with it the chip) is killed at some moment
for n in 6 7 8; do
    order 898821100000000010$n CUT-$n
    "$crisp" lpa download "1\$$host\$CUT-$n" --yes --chip $chip --ca pki/nist/ci.der \
        --connect "127.0.0.1:$port" >cut.out 2>&1 &
    victim=$!
    sleep "0.0$(((n - 5) * 3))"
    kill -9 $victim 2>/dev/null
    wait $victim 2>/dev/null
    lpa 0 notification send --all
    if ! "$crisp" lpa list --chip $chip | grep -q 898821100000000010$n; then
        lpa 0 download "1\$$host\$CUT-$n" --yes
    fi
    lpa 0 notification send --all
    state_is 898821100000000010$n Installed
done
run 0 lpa list --chip $chip
[[ $(grep -c '^89' out) == 8 ]] || fail "there should be 8 profiles: $(cat out)"

# ---- refusals that help
lpa 3 download "1\$$host\$NOBODY" --yes
says err "8.2.6" "MatchingID"
lpa 2 download "$host" --yes
run 3 lpa download "1\$$host\$NIST" --yes --chip $chip --ca pki/brainpool/ci.der \
    --connect "127.0.0.1:$port"
lpa 3 delete 8988211000000000100 --yes

# ---- packages of the generic test profile, and its published answer to a challenge
data=${CRISP_TEST_DATA:-$root/../shared/data}
if [[ -d $data/ts48 ]]; then
    n=0
    for package in "$data"/ts48/*.der; do
        n=$((n + 1))
        run 0 euicc create chip-ts48-$n --pki pki
        chip=chip-ts48-$n
        run 0 smdpp profile import --dir dp-$n --pki pki --class operational "$package"
        kill_server
        rm -rf dp
        cp -r dp-$n dp
        start_server "$port"
        order 89000123456789012341 TS48
        lpa 0 download "1\$$host\$TS48" --yes --enable
        run 0 euicc apdu $chip 00A4040C0CA0000000871002FF49FF0589 \
            00880081221023553CBE9637A89D218AE64DAE47BF3510BD9232AE9A09800023543EBD92122E9A00
        says out "23543EBD9232AE9A2983EC46A24AB13A"
    done
else
    echo "the generic test profiles are not here: left out"
fi
done_testing
