# The second world of ./demo: a machine that nobody can touch gets a new operator (SGP.02). Sourced by
# it, in its directory of work, with its functions and processes.
# shellcheck shell=bash disable=SC2154

# wait_line FILE TEXT: until a process has written it
wait_line() {
    for _ in $(seq 200); do
        grep -qsF -- "$2" "$1" && return
        sleep 0.1
    done
    echo "   '$2' did not appear in $1" >&2
    return 1
}

# background FILE COMMAND...: a party that goes on running
background() {
    local log=$1
    shift
    printf '   $ %s &\n' "$*"
    "$@" >"$log" 2>&1 &
    pids+=($!)
}

demo_machines() {
    local port=$((20000 + RANDOM % 10000)) old=8988211000000000025 new=8988211000000000017
    local smsc=$((port + 7)) es5=$((port + 8)) device eid

    say "The parties of a lab"
    why "An EUM, two operators, an SM-DP, an SM-SR, each with a TLS certificate and a file that says who"
    why "it is and where it finds the others. EUM and SM-SR have agreed on a key for transport."
    show crisp pki m2m-parties lab --pki pki --first-port $port | head -n 9

    say "A meter leaves the factory"
    why "Operator A's profile is in its chip, enabled. The EUM keeps what an SM-SR will need to know."
    show crisp profile build ../examples/profiles/test-network-001-01.json -o first.der
    show crisp euicc create meter --pki pki --m2m --profile first.der --smsc +4799000000 \
        --smsr-number +4790001 --smsr-https 192.0.2.10:8446/gsma/adminagent --nan internet --eis meter.json
    eid=$(sed -n 's/.*"eid" *: *"\([0-9]*\)".*/\1/p' meter.json | head -n 1)

    say "Its modem, the networks of both operators, and a service centre for short messages"
    cat >network.ini <<INI
[device]
smsc = +4799000000
map = 192.0.2.10:8446 127.0.0.1:$es5
[network operator-a]
imsi = 00101
[network operator-b]
imsi = 99970
[msisdn]
00101* = 4700*
99970* = 4800*
[esme smsr]
password = secret
number = +4790001
INI
    background device.log crisp device run -c network.ini --smpp 127.0.0.1:$smsc --trace meter
    device=$!
    wait_line device.log "service for"

    say "The SM-SR starts, with its line to the service centre"
    cat >radio.ini <<INI
[smsc one]
host = 127.0.0.1
port = $smsc
system-id = smsr
password = secret
number = 4790001
INI
    background smsr.log crisp smsr serve --dir sr --parties lab/smsr-1.ini --config radio.ini --pki pki \
        --es5 127.0.0.1:$es5 --port-file smsr.port
    for _ in $(seq 100); do
        [[ -s smsr.port ]] && break
        sleep 0.1
    done

    say "The EUM registers the chip: signed, its keys wrapped"
    show crisp eum register --parties lab/eum.ini --to smsr-1 --pki pki --eis meter.json \
        --mno-id operator-a
    show crisp operator es4 update-subscription-address --parties lab/operator-a.ini --to smsr-1 \
        --listen 127.0.0.1:0 --eid "$eid" --iccid $old --imsi 001010000000001 --msisdn 47000000000001

    say "Operator B's profile waits at its SM-DP"
    show crisp smdp profile import --dir dp2 --owner 2.999.102 --type meter --imsi 999700000000001 \
        --msisdn 48000000000001 profile.der
    background smdp.log crisp smdp serve --dir dp2 --parties lab/smdp.ini --pki pki --port-file smdp.port
    for _ in $(seq 100); do
        [[ -s smdp.port ]] && break
        sleep 0.1
    done

    say "Operator B orders it for the meter"
    why "A short message wakes the chip; it opens an HTTPS session with a pre-shared key; SM-DP and chip"
    why "agree on keys that the SM-SR between them never sees; the profile goes in, sealed."
    show crisp operator es2 download-profile --parties lab/operator-b.ini --to smdp --smsr-id smsr-1 \
        --listen 127.0.0.1:0 --eid "$eid" --iccid $new
    why "And switches the meter over:"
    show crisp operator es4 enable-profile --parties lab/operator-b.ini --to smsr-1 \
        --listen 127.0.0.1:0 --eid "$eid" --iccid $new
    wait_line device.log "operator-b: service"

    say "What went over the air"
    kill -INT "$device" # power off
    wait "$device" || true
    grep -E ' (network: |envelope: SMS-PP|channel: channel 1 is open)' device.log | cut -c 12-100 |
        sed 's/^/   /'

    say "What the SM-SR did, and what became of the meter"
    show crisp smsr procedures --dir sr --parties lab/smsr-1.ini
    show crisp euicc show meter
}
