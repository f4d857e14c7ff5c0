#!/usr/bin/env bash
# crisp lpa against a server of its own: what a person does wrong at the command line, what policy
# rules, clocks and interruptions do to a download, and what the message says then.
. "$(dirname "$0")/lib.sh"
need jq openssl python3

run 0 pki init pki --host smdpp.test
"$crisp" smdpp serve --dir dp --pki pki --es9 127.0.0.1:0 --no-es2 --port-file ports >serve.log 2>&1 &
pids+=($!)
wait_for ports
port=$(jq .es9 ports)
server=(--ca pki/nist/ci.der --connect "127.0.0.1:$port")

# order ICCID OPTIONS...: an activation code, in $code; an order that was there is cancelled
order() {
    "$crisp" smdpp order cancel --dir dp "$1" >/dev/null 2>&1
    run 0 smdpp order create --dir dp --iccid "$@"
    code=$(sed -n 's/^activation code //p' out)
}
# offer ICCID OPTIONS...: a profile in the inventory, and its order
offer() {
    package "$1.der" "$1"
    run 0 smdpp profile import --dir dp --pki pki "${@:2}" "$1.der"
    order "$1"
}
download() {
    local want=$1 chip=$2
    shift 2
    run "$want" lpa download "$code" --chip "$chip" "${server[@]}" "$@"
}

# ---- activation codes that a shell has been at, and values that cannot be sent
run 0 euicc create chip --pki pki
for code in LPA:1.test 1.test smdpp.test 8988211000000000017; do
    run 2 lpa download "$code" --chip chip
    says err "there is no '\$' in the activation code" "single quotes"
done
usage "--connect 'host' is no HOST:PORT" lpa download '1$a.test$A' --chip chip --connect host
for place in :1 host:0 host:65536 host:x http://host:1; do
    usage "--connect '$place' is no HOST:PORT" lpa download '1$a.test$A' --chip chip --connect "$place"
done
usage "'https://a.test' is no server address" lpa download --smdp https://a.test --chip chip
usage "the MatchingID has a space" lpa download --smdp a.test --matching-id 'A B' --chip chip
usage "'a b' is no server address" lpa default-smdp set 'a b' --chip chip
usage "'a/b' is no server address" lpa discover --smds a/b --chip chip
usage "an IMEI has 14 to 16 decimal digits" lpa download '1$a.test$A' --chip chip --imei 1

# ---- an empty value takes away
run 0 lpa default-smdp set smdpp.test --chip chip
run 0 lpa default-smdp get --chip chip
says out smdpp.test
run 0 lpa default-smdp set "" --chip chip
says out "There is no default SM-DP+ any more."
run 0 lpa default-smdp get --chip chip
says out "There is no default SM-DP+."

# ---- policy rules: who may set them, and what they forbid
run 0 euicc create closed --pki pki --rat none
run 0 euicc create others --pki pki --rat-rule 'ppr1,ppr2=001-01'
run 0 euicc create unasked --pki pki --rat-rule 'ppr1,ppr2=999-70!'
run 0 euicc create forbids --pki pki --forbid-ppr ppr1
run 0 lpa info --chip chip
says out "ppr1, ppr2 for any operator, with consent"
run 0 lpa info --chip unasked
says out "ppr1, ppr2 for 999-70, without consent"
run 0 lpa info --chip closed
says out "policy rules           none allowed"
bound=8988211000000000017
offer $bound --ppr ppr1,ppr2 --owner-plmn 999-70
for chip in closed others; do
    order $bound
    download 3 $chip --yes
    says err "PPR1" "not allowed" "cancelled, reason pprNotAllowed; the server knows"
done
order $bound
download 3 forbids --yes
says err "subject 8.2.5" "the eUICC forbids a policy rule of the profile" "an eUICC that allows them"
order $bound
download 3 chip # with consent, and nobody there to give it
says out "PPR1" "PPR2" "These policy rules bind you"
says err "nobody answered" "reason timeout; the server knows" "the same code again"
echo n >answers
run_in 3 answers lpa download "$code" --chip chip "${server[@]}"
says err "reason endUserRejection"
order $bound
download 0 unasked --yes --enable # the code of an order of its own
says_not out "bind you"
run 3 lpa disable $bound --chip unasked "${server[@]}"
says err "policy rule PPR1" "result:      3 (disallowedByPolicy)" "only its operator can lift the rule"
run 3 lpa delete $bound --yes --chip unasked "${server[@]}"
says err "is enabled and cannot be deleted"
free=8988211000000000025
offer $free
download 0 unasked --yes
run 3 lpa enable $free --chip unasked "${server[@]}"
says err "the enabled profile may not be disabled (its policy rule PPR1)"
held=8988211000000000033
offer $held --ppr ppr2 --owner-plmn 999-70
download 0 chip --yes
run 3 lpa delete $held --yes --chip chip "${server[@]}"
says err "policy rule PPR2" "memory-reset deletes it all the same"
second=8988211000000000041
offer $second --ppr ppr1 --owner-plmn 999-70
download 3 chip --yes
says err "another operational profile is installed" "delete the installed profiles first"
run 0 lpa memory-reset --yes --chip chip "${server[@]}"
run 0 lpa list --chip chip
says out "There are no profiles"

# ---- the question before a deletion names what goes; one that cannot be is not asked about
run 3 lpa delete $free --chip chip
says err "no profile on this eUICC has the ICCID"
says_not err "[y/N]"
offer 8988211000000000058
download 0 chip --yes
run 4 lpa delete 8988211000000000058 --chip chip
says err "Delete the profile 8988211000000000058 (Black box / Black box)?" "nothing was changed"
echo y >answers
run_in 0 answers lpa delete 8988211000000000058 --chip chip "${server[@]}"
says out "8988211000000000058 is deleted."

# ---- a JSON description is no package, and the message knows
run 1 smdpp profile import --dir dp $free.der.json
says err "is JSON" "crisp profile build"

# ---- orders that end
offer 8988211000000000066
order 8988211000000000066 --expires 1h
says out "expires         20"
order 8988211000000000066 --expires 1s
sleep 1.1
download 3 chip --yes
says err "subject 8.8.5" "reason 4.10" "the order has expired" "new activation code"
run 0 smdpp order show --dir dp 8988211000000000066
says out "the download order has expired"

# ---- blocks so small that a command has too many of them
offer 8988211000000000108
download 3 chip --yes --block-size 1
says err "do not fit 256 blocks of 1 bytes" "give a larger --block-size: at least "
download 0 chip --yes --block-size 11 --le never --basic-channel

# ---- interrupted: the server answers slowly, SIGINT comes in between, and the code is good again
cat >slow.py <<'PY'
import socket, sys, threading, time
def pump(a, b, delay):
    try:
        while data := a.recv(4096):
            time.sleep(delay)
            b.sendall(data)
    except OSError:
        pass
    try:
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
with open("slow", "w") as f:
    f.write(str(listener.getsockname()[1]))
while True:
    client, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=pump, args=(client, server, 0), daemon=True).start()
    threading.Thread(target=pump, args=(server, client, 0.5), daemon=True).start()
PY
python3 slow.py "$port" &
pids+=($!)
wait_for slow
offer 8988211000000000074
for case in INT:contact INT:authenticate-client INT:fetch TERM:fetch; do
    rm -f out
    "$crisp" lpa download "$code" --chip chip --ca pki/nist/ci.der \
        --connect "127.0.0.1:$(cat slow)" --yes --json >out 2>err &
    lpa=$!
    wait_text out "\"stage\":\"${case#*:}\""
    if [[ $case == INT:contact ]]; then # a second one on the same chip is told who has it
        "$crisp" lpa list --chip chip >out2 2>err2
        equal $? 1
        grep -q "in use by process $lpa" err2 || fail "two on one chip: $(cat err2)"
        grep -q "reached through that reader" err2 || fail "two on one chip: $(cat err2)"
    fi
    kill "-${case%:*}" $lpa
    wait $lpa
    equal $? 1
    equal "$(tail -n 1 out | jq -r '[.event, .category, .retry] | join(" ")')" "error resource true"
    says out "may be given again"
    if [[ $case != *:contact ]]; then
        equal "$(tail -n 1 out | jq -r '[.cancelReasonName, .cancelDelivered] | join(" ")')" "timeout true"
    fi
done
run 0 lpa notification list --chip chip
says out "No notification is pending."
download 0 chip --yes
run 0 lpa list --chip chip
says out "8988211000000000074  disabled"

# ---- clocks: certificates that are over for one side, or not yet there
if have faketime && faketime -f +1d "$crisp" --version >/dev/null 2>&1; then
    offer 8988211000000000082
    for shift in +3y -3y; do
        faketime -f $shift "$crisp" lpa download "$code" --chip chip "${server[@]}" --yes >out 2>err
        equal $? 3
        says err "certificate" "check this machine's clock"
    done
    faketime -f +40y "$crisp" euicc create late --pki pki >out 2>err
    equal $? 3
    says err "has expired" "clock"
    [[ ! -e late ]] || fail "a chip that was not made left its directory"
    download 0 chip --yes
fi
done_testing
