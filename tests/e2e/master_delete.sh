#!/usr/bin/env bash
# Master Delete (SGP.02 3.10) with every party a process of its own: a profile that no rule lets go is
# deleted over the air under the token of its SM-DP, and by nobody else.
. "$(dirname "$0")/../cli/lib.sh"
. "$root/tests/e2e/fleet_lib.sh"

one=8988211000000000017
two=8988211000000000025
three=8988211000000000033

parties
network
radio
profile first $one 001010000000001
profile second $two 001010000000002
profile third $three 001010000000003
create chip first second --smsr-https 192.0.2.10:8446/gsma/adminagent
start_device
start_smsr
start_smdp --master-delete
wait_text trace "home: service for 001010000000001"
listen
register chip
eid=$(jq -r .eid chip.json)
numbers $one 1 $two 2

# ---- the SM-DP loads a profile, and with it a token key
stock $three 3 third.der
es2 0 download-profile --iccid $three
is $three Disabled

token() { # ICCID
    run 0 smdp delete-token --dir dp --parties lab/smdp.ini "$eid" "$1"
    cp out token.hex
}
master_delete() { # CODE ICCID ARGUMENTS...
    local code=$1 iccid=$2
    shift 2
    run "$code" smsr master-delete --dir sr --parties lab/smsr-1.ini --token @token.hex "$@" "$eid" "$iccid"
}

# ---- its owner has locked it: it may not be deleted
es4 0 update-policy-rules --iccid $three --pol2 delete:not-allowed
es4 3 delete-profile --iccid $three
is $three Disabled

# ---- who may not, and what cannot be
run 3 smdp delete-token --dir dp --parties lab/smdp.ini "$eid" $two # it was not loaded by this SM-DP
token $three
master_delete 3 $one # the Fall-Back Profile, and Enabled
says err "8.2.7"
master_delete 3 8988211000000000991
says err "3.9"
master_delete 3 $three --initiator smdp
says err "no operator"
run 2 smsr master-delete --dir sr --parties lab/smsr-1.ini --token zz "$eid" $three
run 1 smsr master-delete --dir sr --parties lab/smsr-1.ini --token 420141 "$eid" $three
says err "42, 45, 5F20, 93 and 9E"
run 1 smsr master-delete --dir nowhere --parties lab/smsr-1.ini --token @token.hex "$eid" $three
es4 0 enable-profile --iccid $three
master_delete 3 $three
says err "1.2" # it has to be Disabled
es4 0 disable-profile --iccid $three
is $three Disabled

# ---- a token that is another one's, or was changed, is refused by the chip
master_delete 3 $two
says out "failed"
is $two Disabled
cp token.hex good.hex
sed 's/..$/00/' good.hex >token.hex
cmp -s token.hex good.hex && sed 's/..$/01/' good.hex >token.hex
master_delete 3 $three --json
equal "$(jq -r .state out)" failed
is $three Disabled
cp good.hex token.hex

# ---- the token over the network: the owner has to consent, each time; it is not used up in vain
fetched() { # CODE ICCID ARGUMENTS...
    local code=$1 iccid=$2
    shift 2
    run "$code" smsr master-delete --dir sr --parties lab/smsr-1.ini "$@" "$eid" "$iccid"
}
consent() {
    run "$1" smdp delete-token --dir dp --parties lab/smdp.ini "$eid" "$2" "${@:3}"
}
fetched 3 $two
says err "no SM-DP of ours has loaded"
fetched 3 $three
says err "has not consented" "8.2.1"
consent 3 $two --consent
consent 2 $three --consent --withdraw
consent 0 $three --consent
equal "$(cat out)" ""
consent 0 $three --withdraw
fetched 3 $three
says err "has not consented"
consent 0 $three --consent
fetched 3 $one # refused here, before anybody is asked
ask() { # AS JSON: what the SM-DP says to the party
    curl -s --cacert lab-ca.pem --cert "$1.pem" --key "$1.key.pem" -H 'Content-Type: application/json' \
        -d "$2" "https://127.0.0.1:$dp/master-delete-authorisation" >out 2>err
}
if have curl && have openssl; then
    openssl x509 -inform DER -in lab/nist/ci.der -out lab-ca.pem
    for name in smsr-1 smsr-2 operator-a; do
        openssl x509 -inform DER -in lab/nist/$name.der -out $name.pem
        cp lab/nist/$name.key $name.key.pem
    done
    aid=$("$crisp" smsr eis show "$eid" --dir sr --parties lab/smsr-1.ini --json |
        jq -r --arg iccid $three '[.ProfileInfo] | flatten | .[] | select(.Iccid == $iccid)."Isd-p-aid"')
    good="{\"eid\":\"$eid\",\"iccid\":\"$three\",\"isd-p-aid\":\"$aid\"}"
    ask operator-a "$good"
    says out "only an SM-SR"
    ask smsr-2 "$good"
    says out "does not manage that eUICC"
    ask smsr-1 "${good/$aid/A0000005591010FFFFFFFF8900004400}"
    says out "in another ISD-P"
    ask smsr-1 "${good/eid/dei}"
    says out "a request has eid, iccid and isd-p-aid"
    ask smsr-1 "nonsense"
    says out "a request has eid, iccid and isd-p-aid"
fi

# ---- it goes, with a word to its owner; and once only
: >notices
fetched 0 $three --initiator operator-a
says out "done, EXECUTED_SUCCESS"
is $three ""
is $two Disabled
run 0 smsr eis audit "$eid" --dir sr --parties lab/smsr-1.ini
says out "OperationType: 0600"
run 0 smsr procedures --dir sr --parties lab/smsr-1.ini --eid "$eid" --json
equal "$(jq -sr '[.[] | select(.kind == "MasterDelete")] | .[-1].requester' out)" 2.999.101
master_delete 3 $three
says err "3.9"

# ---- begun while the server does not run, carried out when it does
es2 3 download-profile --iccid $three # its SM-DP has not heard that it is gone: it is not ordered twice
kill -INT "$smsr"
wait "$smsr"
equal $? 0
cp good.hex token.hex
master_delete 0 $two --wait 0
says out "procedure"
start_smsr
for _ in $(seq 300); do
    run 0 smsr procedures --dir sr --parties lab/smsr-1.ini --eid "$eid" --json
    [[ $(jq -sr '.[-1].state' out) == failed ]] && break
    sleep 0.1
done
equal "$(jq -sr '.[-1] | "\(.kind) \(.state)"' out)" "MasterDelete failed"
stop_device
chip_is chip $one Enabled
chip_is chip $two Disabled
((checks++))
! grep -q $three out || fail "the chip still has it"
done_testing
