# The parties of SGP.02 as processes, for the tests that set them against each other: what they need
# to know of each other, how they are started, what is asked of them. Sourced after tests/cli/lib.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # crisp, pids, checks: of lib.sh
need jq python3

key=7B1C9F03D5E24A6886F1B23C4D5E6F90 # K of all profiles
chips=(chip)                         # that start_device runs
es4_validity=60                      # seconds
es2_validity=120

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
        --listen 127.0.0.1:0 --validity "$es4_validity"
}

# es2 CODE FUNCTION ARGUMENTS...: the same of the SM-DP
es2() {
    local code=$1
    shift
    run "$code" operator es2 "$@" --parties lab/operator-a.ini --to smdp --eid "$eid" \
        --smsr-id smsr-1 --listen 127.0.0.1:0 --validity "$es2_validity"
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

# ---- what is there before anybody starts

# parties: free ports, certificates, who talks to whom
parties() {
    read -r eum a b sp dp sr1 sr2 es5 smsc <<<"$(free_ports 9)"
    [[ $smsc ]] || fail "no free ports"
    run 0 pki init pki --host smdp.test
    run 0 pki m2m-parties lab --pki pki --port "eum=$eum" --port "operator-a=$a" --port "operator-b=$b" \
        --port "m2m-sp=$sp" --port "smdp=$dp" --port "smsr-1=$sr1" --port "smsr-2=$sr2"
}

# create CHIP FIRST SECOND ARGUMENTS...: a chip with two profiles, the first of them enabled
create() {
    local chip=$1 first=$2 second=$3
    shift 3
    run 0 euicc create "$chip" --pki pki --m2m --profile "$first.der" --profile "$second.der" \
        --smsc +4799000000 --smsr-number +4790001 --nan internet --eis "$chip.json" "$@"
}

# network: the devices' world; sections may be appended
network() {
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
}

# radio: how the SM-SR reaches chips
radio() {
    cat >radio.ini <<INI
[smsc one]
host = 127.0.0.1
port = $smsc
system-id = smsr
password = secret
number = 4790001
INI
}

# ---- the processes

# start_device ARGUMENTS...: runs the chips of the array chips
start_device() {
    rm -f device.ports
    "$crisp" device run -c network.ini --smpp "127.0.0.1:$smsc" --port-file device.ports --trace \
        "$@" "${chips[@]}" >>trace 2>>trace.err &
    device=$!
    pids+=("$device")
    wait_for device.ports
}

stop_device() {
    kill -INT "$device"
    wait "$device"
    equal $? 0
}

# start_smsr ARGUMENTS...
start_smsr() {
    rm -f smsr.ports
    "$crisp" smsr serve --dir sr --parties lab/smsr-1.ini --config radio.ini --pki pki \
        --es5 "127.0.0.1:$es5" --port-file smsr.ports "$@" >>smsr.out 2>>smsr.err &
    smsr=$!
    pids+=("$smsr")
    wait_for smsr.ports
}

# start_smdp ARGUMENTS...
start_smdp() {
    rm -f smdp.port
    "$crisp" smdp serve --dir dp --parties lab/smdp.ini --pki pki --listen "127.0.0.1:$dp" \
        --port-file smdp.port "$@" >>smdp.out 2>>smdp.err &
    smdp=$!
    pids+=("$smdp")
    wait_for smdp.port
}

# listen: operator A's notifications, into the file notices
listen() {
    "$crisp" operator listen --parties lab/operator-a.ini >notices 2>listen.err &
    pids+=("$!")
    wait_text listen.err "127.0.0.1:$a"
}

# register CHIP...: by the EUM, as the chips came from 'crisp euicc create'
register() {
    local chip args=()
    for chip in "$@"; do
        args+=(--eis "$chip.json")
    done
    run 0 eum register --parties lab/eum.ini --to smsr-1 --pki pki "${args[@]}" \
        --mno-id operator-a
    for chip in "$@"; do
        says out "$(jq -r .eid "$chip.json"): registered at smsr-1"
    done
}

# numbers ICCID LAST-DIGIT...: the operator tells the SM-SR its subscriptions
numbers() {
    while (($#)); do
        es4 0 update-subscription-address --iccid "$1" --imsi "00101000000000$2" --msisdn "4700000000000$2"
        shift 2
    done
}

# stock ICCID LAST-DIGIT PACKAGE: into the stock of the SM-DP, as type meter
stock() {
    run 0 smdp profile import --dir dp --owner 2.999.101 --type meter --imsi "00101000000000$2" \
        --msisdn "4700000000000$2" "$3"
}
