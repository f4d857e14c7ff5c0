#!/usr/bin/env bash
# The SM-SR change (SGP.02 3.8) with every party a process of its own: two SM-SRs, SM-DP, operator,
# EUM, and chips in devices; there, and back.
. "$(dirname "$0")/../cli/lib.sh"
. "$root/tests/e2e/fleet_lib.sh"

one=8988211000000000017
two=8988211000000000025
three=8988211000000000033
four=8988211000000000041
five=8988211000000000058

# ask SM-SR CODE FUNCTION ARGUMENTS...: operator A asks one of the two about the chip
ask() {
    local to=$1 code=$2
    shift 2
    run "$code" operator es4 "$@" --parties lab/operator-a.ini --to "$to" --eid "$eid" \
        --listen 127.0.0.1:0 --validity 60
}

# is_at SM-SR ICCID STATE
is_at() {
    ask "$1" 0 get-eis --json
    equal "$(jq -r --arg iccid "$2" '.. | objects | select(.Iccid? == $iccid) | .State' out)" "$3"
}

# switch_at SM-SR FALL-BACK OTHER
switch_at() {
    ask "$1" 0 enable-profile --iccid "$3"
    is_at "$1" "$2" Disabled
    is_at "$1" "$3" Enabled
    ask "$1" 0 disable-profile --iccid "$3"
    is_at "$1" "$2" Enabled
    is_at "$1" "$3" Disabled
}

start_second() {
    rm -f smsr2.ports
    "$crisp" smsr serve --dir sr2 --parties lab/smsr-2.ini --config radio2.ini --pki pki \
        --identity second --es5 "127.0.0.1:$es5_2" --port-file smsr2.ports >>smsr2.out 2>>smsr2.err &
    smsr2=$!
    pids+=("$smsr2")
    wait_for smsr2.ports
}

# change FROM TO: prepared at one, done by the other
change() {
    ask "$2" 0 prepare-smsr-change --current-smsr-id "$1"
    ask "$1" 0 smsr-change --target-smsr-id "$2"
}

# moved FROM TO OID: the one refuses, and says where it went; the other has it
moved() {
    ask "$1" 3 get-eis
    says err "subject 8.1.1, reason 1.1" "$3"
    ask "$2" 0 get-eis --json
    equal "$(jq -r '.Eis.EumSignedInfo.Eid, .Eis["Smsr-id"]' out | paste -sd ' ')" "$eid $3"
}

# last SM-SR: its newest procedure about the chip
last() {
    local dir=sr
    [[ $1 == smsr-2 ]] && dir=sr2
    run 0 smsr procedures --dir $dir --parties "lab/$1.ini" --eid "$eid" --json
    jq -sr '.[-1] | "\(.kind) \(.state) \(.result)"' out
}

# ---- the parties
parties
read -r es5_2 <<<"$(free_ports 1)"
sed -i '/^\[party operator-a\]/a through = 2.999.110' lab/smsr-2.ini # it hears by way of the SM-DP
run 0 pki issue pki m2m-sr --name second
network
sed -i "/^map = /a map = 192.0.2.20:8446 127.0.0.1:$es5_2" network.ini
cat >>network.ini <<INI
[esme smsr2]
password = secret
number = +4790002
INI
radio
sed 's/^system-id = smsr$/system-id = smsr2/; s/^number = .*/number = 4790002/' radio.ini >radio2.ini
for n in "radio.ini 192.0.2.10" "radio2.ini 192.0.2.20"; do
    read -r file address <<<"$n"
    printf '[radio]\nhttps-address = %s:8446\n' "$address" >>"$file"
done
profile first $one 001010000000001
profile second $two 001010000000002
profile third $three 001010000000003
profile fourth $four 001010000000004
profile fifth $five 001010000000005
create chip first second --smsr-https 192.0.2.10:8446/gsma/adminagent
create plain third fourth
printf '[euicc %s]\nchannel = sms\n' "$(jq -r .eid plain.json)" >>radio.ini # it has no address for sessions
chips=(chip plain)
start_device
start_smsr
start_second
wait_text trace "home: service for 001010000000001"
wait_text trace "home: service for 001010000000003"
listen
register chip plain
stock $five 5 fifth.der
start_smdp

# ---- not prepared, not known, not allowed; nothing changes
eid=$(jq -r .eid chip.json)
numbers $one 1 $two 2
ask smsr-1 3 smsr-change --target-smsr-id smsr-2
says err "subject 8.1.1, reason 1.1"
ask smsr-1 3 smsr-change --target-smsr-id smdp
says err "subject 8.7, reason 3.9"
ask smsr-1 3 prepare-smsr-change --current-smsr-id smsr-2
says err "subject 8.1.1, reason 3.3"
run 3 operator es4 smsr-change --parties lab/operator-b.ini --to smsr-1 --eid "$eid" \
    --target-smsr-id smsr-2 --listen 127.0.0.1:0 --validity 60
says err "subject 8.1, reason 1.2"
switch_at smsr-1 $one $two

# ---- the change; both SM-SRs die in the middle of it and come again
ask smsr-2 0 prepare-smsr-change --current-smsr-id smsr-1
kill -9 "$smsr2"
wait "$smsr2" 2>/dev/null
"$crisp" operator es4 smsr-change --parties lab/operator-a.ini --to smsr-1 --eid "$eid" \
    --target-smsr-id smsr-2 --listen 127.0.0.1:0 --validity 120 >change.out 2>change.err &
changing=$!
pids+=("$changing")
for ((i = 0; i < 200; i++)); do
    [[ $(last smsr-1) == SMSRChange* ]] && break
    sleep 0.05
done
ask smsr-1 3 get-eis # locked
says err "subject 1.2, reason 4.4"
kill -9 "$smsr"
wait "$smsr" 2>/dev/null
start_smsr
ask smsr-1 3 enable-profile --iccid $two
says err "subject 1.2, reason 4.4"
start_second
wait "$changing"
equal $? 0
moved smsr-1 smsr-2 2.999.122
equal "$(last smsr-1)" "SMSRChange done EXECUTED_SUCCESS"
equal "$(last smsr-2)" "HandoverEUICC done EXECUTED_SUCCESS"
wait_text notices "HandleSMSRChangeNotification"
run 0 smsr eis audit "$eid" --dir sr2 --parties lab/smsr-2.ini
says out "OperationType: 0900" "OperationType: 0200" "Smsr-id: 2.999.121" "Smsr-id: 2.999.122"
ask smsr-2 3 prepare-smsr-change --current-smsr-id smsr-1
says err "subject 8.1.1, reason 3.3"

# ---- the new one: SMS, sessions that the chip opens at its address, a download through it
switch_at smsr-2 $one $two
says trace "192.0.2.20"
run 0 operator es2 download-profile --parties lab/operator-a.ini --to smdp --eid "$eid" --smsr-id smsr-2 \
    --iccid $five --listen 127.0.0.1:0 --validity 120
is_at smsr-2 $five Disabled
ask smsr-2 0 enable-profile --iccid $five
is_at smsr-2 $five Enabled
ask smsr-1 3 enable-profile --iccid $one
says err "subject 8.1.1, reason 1.1" "2.999.122"
run 3 operator es2 get-eis --parties lab/operator-a.ini --to smdp --eid "$eid" --smsr-id smsr-1 \
    --listen 127.0.0.1:0 --validity 60
says err "subject 8.1.1, reason 1.1"

# ---- a chip that knows nothing but SMS
eid=$(jq -r .eid plain.json)
numbers $three 3 $four 4
change smsr-1 smsr-2
moved smsr-1 smsr-2 2.999.122
switch_at smsr-2 $three $four

# ---- and back, both started anew before
for process in "$smsr" "$smsr2"; do
    kill -9 "$process"
    wait "$process" 2>/dev/null
done
start_smsr
start_second
for chip in chip plain; do
    eid=$(jq -r .eid $chip.json)
    change smsr-2 smsr-1
    moved smsr-2 smsr-1 2.999.121
    equal "$(last smsr-2)" "SMSRChange done EXECUTED_SUCCESS"
done
switch_at smsr-1 $three $four
eid=$(jq -r .eid chip.json)
ask smsr-1 0 disable-profile --iccid $five
is_at smsr-1 $one Enabled
ask smsr-1 0 delete-profile --iccid $five
is_at smsr-1 $five ""

stop_device
chip_is chip $one Enabled
chip_is plain $three Enabled
done_testing
