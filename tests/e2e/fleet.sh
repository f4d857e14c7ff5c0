#!/usr/bin/env bash
# Machines (SGP.02) with every party a process of its own: chips in devices with a service centre,
# SM-SR, SM-DP, operator, EUM, over SMPP, SOAP and HTTPS.
. "$(dirname "$0")/../cli/lib.sh"
. "$root/tests/e2e/fleet_lib.sh"

one=8988211000000000017
two=8988211000000000025
three=8988211000000000033
four=8988211000000000041
five=8988211000000000058
six=8988211000000000066

parties
network
radio

# ---- two chips with two profiles each, their devices and network; one knows the SM-SR's HTTPS
profile first $one 001010000000001
profile second $two 001010000000002
profile third $three 001010000000003
profile fourth $four 001010000000004
profile fifth $five 001010000000005
create chip first second --smsr-https 192.0.2.10:8446/gsma/adminagent
create plain third fourth
chips=(chip plain)
start_device
start_smsr
wait_text trace "home: service for 001010000000001"
wait_text trace "home: service for 001010000000003"
listen
register chip plain

# enable, disable (which enables the Fall-Back Profile); the chip is woken by SMS, and reports
# on its first channel
switch() { # FALL-BACK OTHER
    is "$1" Enabled
    is "$2" Disabled
    es4 0 enable-profile --iccid "$2"
    is "$1" Disabled
    is "$2" Enabled
    es4 0 disable-profile --iccid "$2"
    is "$1" Enabled
    is "$2" Disabled
}

# ---- two hops, notifications over HTTPS
eid=$(jq -r .eid chip.json)
numbers $one 1 $two 2
switch $one $two
says trace "chip channel: channel 1 is open"
says_not trace "plain channel: channel 1 is open"

# ---- two hops, all of it over SMS
eid=$(jq -r .eid plain.json)
numbers $three 3 $four 4
switch $three $four
es4 3 disable-profile --iccid $three
says err "status code"
es4 0 enable-profile --iccid $four
es4 0 delete-profile --iccid $four
is $three Enabled
is $four ""
run 3 operator es4 enable-profile --parties lab/operator-b.ini --to smsr-1 --eid "$eid" --iccid $three \
    --listen 127.0.0.1:0
wait_text notices "HandleProfileEnabledNotification"

# ---- AuditEIS: what the chip says, into the EIS
for chip in chip plain; do
    eid=$(jq -r .eid $chip.json)
    es4 0 audit-eis --json
    equal "$(jq -r '.Eis.EumSignedInfo.Eid' out)" "$eid"
    jq .Eis.RemainingMemory out >$chip.memory
    run 0 smsr procedures --dir sr --parties lab/smsr-1.ini --eid "$eid" --json
    equal "$(jq -sr '.[-1] | "\(.kind) \(.state) \(.result)"' out)" "AuditEIS done EXECUTED_SUCCESS"
    run 0 smsr eis audit "$eid" --dir sr --parties lab/smsr-1.ini
    says out "OperationType: 0200" "OperationType: 0500"
done

# ---- three hops: ordered at the SM-DP, which makes the ISD-P and its keys and loads the profile through
# the SM-SR, over HTTPS that the chip opens through its device
eid=$(jq -r .eid chip.json)
stock $five 5 fifth.der
start_smdp
es2 0 download-profile --iccid $five
is $one Enabled
is $five Disabled
es4 0 enable-profile --iccid $five
is $one Disabled
is $five Enabled
# the same by way of the SM-DP; what is on a chip cannot be ordered again
es2 0 disable-profile --iccid $five
is $one Enabled
is $five Disabled
es2 0 enable-profile --iccid $five
es2 3 download-profile --iccid $five
says err "status code"

# ---- the SM-SR is killed and goes on; download and enabling in one order; what is deleted is gone
kill -9 "$smsr"
wait "$smsr" 2>/dev/null
start_smsr
profile sixth $six 001010000000006
stock $six 6 sixth.der
es2 0 download-profile --profile-type meter --enable-profile
is $six Enabled
is $five Disabled
es2 0 delete-profile --iccid $five
is $five ""

stop_device
chip_is chip $one Disabled
chip_is chip $two Disabled
chip_is chip $six Enabled
says_not out $five
chip_is plain $three Enabled
run 0 euicc show plain
says_not out $four
says out "memory     $(<plain.memory) bytes free"
done_testing
