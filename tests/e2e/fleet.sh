#!/usr/bin/env bash
# Machines (SGP.02) with every party a process of its own: chips in devices with a service centre,
# SM-SR, SM-DP, operator, EUM, over SMPP, SOAP and HTTPS.
. "$(dirname "$0")/../cli/lib.sh"
need jq python3 xxd

key=7B1C9F03D5E24A6886F1B23C4D5E6F90 # K of all profiles
one=8988211000000000017
two=8988211000000000025
three=8988211000000000033
four=8988211000000000041
five=8988211000000000058
six=8988211000000000066

# free_ports N: ports that nobody listens at; the parties have to know each other's before they start
free_ports() {
    python3 - "$1" <<'PY'
import socket, sys
all = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*[s.getsockname()[1] for s in all])
PY
}

# profile NAME ICCID IMSI
profile() {
    cat >"$1.json" <<JSON
{"version": "2.3", "profileType": "$1", "iccid": "$2", "imsi": "$3",
 "mncLength": 2, "spn": "$1", "algorithm": "milenage",
 "k": "$key", "opc": "FFEEDDCCBBAA99887766554433221100",
 "puk1": "12345678", "puk2": "12345678", "adm1": "88888888"}
JSON
    run 0 profile build "$1.json" -o "$1.der"
}

# es4 CODE FUNCTION ARGUMENTS...: asks the SM-SR as operator A about the chip
es4() {
    local code=$1
    shift
    run "$code" operator es4 "$@" --parties lab/operator-a.ini --to smsr-1 --eid "$eid" \
        --listen 127.0.0.1:0 --validity 60
}

# es2 CODE FUNCTION ARGUMENTS...: the same of the SM-DP
es2() {
    local code=$1
    shift
    run "$code" operator es2 "$@" --parties lab/operator-a.ini --to smdp --eid "$eid" \
        --smsr-id smsr-1 --listen 127.0.0.1:0 --validity 120
}

# is ICCID STATE: what the SM-SR's EIS says
is() {
    es4 0 get-eis --json
    equal "$(jq -r --arg iccid "$1" '.. | objects | select(.Iccid? == $iccid) | .State' out)" "$2"
}

# chip_is CHIP ICCID STATE: what the chip itself says when its device is stopped
chip_is() {
    run 0 euicc show "$1"
    ((checks++))
    grep -qE "$2 $3" out || fail "$2 is not $3 on $1"
}

# holds CODE HEX FILE...: 0 = one of the files has the octets, as such or in hex digits; 1 = none has
holds() {
    local code=$1 hex=$2
    shift 2
    python3 - "$hex" "$@" <<'PY'
import sys
key = bytes.fromhex(sys.argv[1])
texts = [open(name, "rb").read() for name in sys.argv[2:]]
sys.exit(not any(key in t or key.hex().encode() in t.lower() for t in texts))
PY
    equal $? "$code"
}

# in_memory CODE HEX: the same of the memory of the SM-SR
in_memory() {
    python3 - "$smsr" "$2" <<'PY'
import sys
key, found = bytes.fromhex(sys.argv[2]), False
with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
    for line in maps:
        start, end = (int(x, 16) for x in line.split()[0].split("-"))
        if line.split()[1][0] != "r" or end - start > 1 << 28: # sanitizers map terabytes
            continue
        try:
            memory.seek(start)
            found = found or key in memory.read(end - start)
        except (OSError, OverflowError, ValueError):
            pass # what the kernel keeps for itself
sys.exit(not found)
PY
    equal $? "$1"
}

# ---- the parties
read -r eum a b sp dp sr1 sr2 es5 smsc <<<"$(free_ports 9)"
[[ $smsc ]] || fail "no free ports"
run 0 pki init pki --host smdp.test
run 0 pki m2m-parties lab --pki pki --port "eum=$eum" --port "operator-a=$a" --port "operator-b=$b" \
    --port "m2m-sp=$sp" --port "smdp=$dp" --port "smsr-1=$sr1" --port "smsr-2=$sr2"
echo 404142434445464748494A4B4C4D4E4F >transport.key
sed -i '/^\[party eum\]/a eum-certificate = ../pki/nist/eum.der\ntransport-key = ../transport.key' lab/smsr-1.ini

# ---- two chips with two profiles each, their devices and network; one knows the SM-SR's HTTPS
profile first $one 001010000000001
profile second $two 001010000000002
profile third $three 001010000000003
profile fourth $four 001010000000004
profile fifth $five 001010000000005
create() { # CHIP FIRST SECOND ARGUMENTS...
    local chip=$1 first=$2 second=$3
    shift 3
    run 0 euicc create "$chip" --pki pki --m2m --profile "$first.der" --profile "$second.der" \
        --smsc +4799000000 --smsr-number +4790001 --nan internet --eis "$chip.json" "$@"
}
create chip first second --smsr-https 192.0.2.10:8446/gsma/adminagent
create plain third fourth
cat >network.ini <<INI
[device]
smsc = +4799000000
map = 192.0.2.10:8446 127.0.0.1:$es5
[network home]
imsi = 00101
delay-ms = 1
retry-ms = 100
[msisdn]
00101* = 4700*
[esme smsr]
password = secret
number = +4790001
INI
cat >radio.ini <<INI
[smsc one]
host = 127.0.0.1
port = $smsc
system-id = smsr
password = secret
number = 4790001
INI

start_device() {
    rm -f device.ports
    "$crisp" device run -c network.ini --smpp "127.0.0.1:$smsc" --port-file device.ports --trace \
        chip plain >>trace 2>>trace.err &
    device=$!
    pids+=("$device")
    wait_for device.ports
}
stop_device() {
    kill -INT "$device"
    wait "$device"
    equal $? 0
}
start_smsr() {
    rm -f smsr.ports
    "$crisp" smsr serve --dir sr --parties lab/smsr-1.ini --config radio.ini --pki pki \
        --es5 "127.0.0.1:$es5" --port-file smsr.ports >>smsr.out 2>>smsr.err &
    smsr=$!
    pids+=("$smsr")
    wait_for smsr.ports
}
start_smdp() {
    "$crisp" smdp serve --dir dp --parties lab/smdp.ini --pki pki --listen "127.0.0.1:$dp" \
        --port-file smdp.port >smdp.out 2>smdp.err &
    pids+=("$!")
    wait_for smdp.port
}
start_device
start_smsr
wait_text trace "home: service for 001010000000001"
wait_text trace "home: service for 001010000000003"
"$crisp" operator listen --parties lab/operator-a.ini >notices 2>listen.err &
pids+=("$!")
wait_text listen.err "127.0.0.1:$a"

# ---- the EUM registers the chips as they came from 'crisp euicc create', the operator gives the numbers
run 0 eum register --parties lab/eum.ini --to smsr-1 --pki pki --eis chip.json --eis plain.json \
    --transport-key transport.key --mno-id operator-a
for chip in chip plain; do
    eid=$(jq -r .eid $chip.json)
    says out "$eid: registered at smsr-1"
done
numbers() { # ICCID LAST-DIGIT...
    while (($#)); do
        es4 0 update-subscription-address --iccid "$1" --imsi "00101000000000$2" --msisdn "4700000000000$2"
        shift 2
    done
}

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
run 0 smdp profile import --dir dp --owner 2.999.101 --type meter --imsi 001010000000005 \
    --msisdn 47000000000005 fifth.der
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

# ---- the SM-SR carried the profile and cannot open it: neither what it stores, nor what it wrote down, nor
# its memory has the key of the subscription
holds 0 "$key" chip/chip.db
holds 1 "$key" sr/smsr.db* smsr.out smsr.err trace
in_memory 0 "$(printf %s "$eid" | xxd -p | tr -d '\n')"
in_memory 1 "$key"

# ---- the SM-SR is killed and goes on; download and enabling in one order; what is deleted is gone
kill -9 "$smsr"
wait "$smsr" 2>/dev/null
start_smsr
profile sixth $six 001010000000006
run 0 smdp profile import --dir dp --owner 2.999.101 --type meter --imsi 001010000000006 \
    --msisdn 47000000000006 sixth.der
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
