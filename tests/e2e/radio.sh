#!/usr/bin/env bash
# Machines (SGP.02) over a bad radio: links that break in the middle of a download, short messages that
# are lost, doubled or late, a network that does not let the chip in, a chip without HTTPS and one whose
# key is not the one that was registered. Each order ends done, once, or failed with nothing left behind.
. "$(dirname "$0")/../cli/lib.sh"
. "$root/tests/e2e/fleet_lib.sh"

# iccid N: the digits with their check digit
iccid() {
    python3 - "$1" <<'PY'
import sys
digits = "89882110000000%04d" % int(sys.argv[1])
total = sum(sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(reversed(digits)))
print(digits + str(-total % 10))
PY
}

# with FAULT...: from now on the device has these faults, and counts them anew
with() {
    local fault i=0
    [[ -z $device ]] || stop_device
    network
    cat >>network.ini <<INI
[network closed]
imsi = 00102
attach = refuses
retry-ms = 100
[faults]
INI
    for fault in "$@"; do
        echo "f$((++i)) = $fault" >>network.ini
    done
    : >trace
    start_device
    wait_text trace "${chips[0]} network: home: service for"
}
device=

# faults N ACTION: so many of them have happened since with()
faults() {
    ((checks++))
    (($(grep -c "fault: $2" trace) >= $1)) || fail "$2 happened less than $1 times"
}

# order: a new profile is in the stock of the SM-DP; its ICCID in $new
number=10
order() {
    ((number++))
    new=$(iccid $number)
    profile "p$number" "$new" "0010100000000$number"
    run 0 smdp profile import --dir dp --owner 2.999.101 --type meter --imsi "0010100000000$number" \
        --msisdn "470000000000$number" "p$number.der"
}

# procedures_of ICCID: kinds and states of what was done about a profile, a line each, oldest first
procedures_of() {
    run 0 smsr procedures --dir sr --parties lab/smsr-1.ini --eid "$eid" --json
    jq -r --arg iccid "$1" 'select(.iccid == $iccid) | .kind + ":" + .state' out
}

kept=()
# downloads: whatever happens, the profile is on the chip, made and loaded once
downloads() {
    order
    es2 0 download-profile --iccid "$new"
    is_loaded
}

is_loaded() {
    is "$new" Disabled
    equal "$(procedures_of "$new" | sort -u | xargs)" "CreateISDP:done SendData:done"
    equal "$(procedures_of "$new" | grep -c CreateISDP)" 1
    kept+=("$new")
}

# survives: the same, and the SM-SR is killed while the link is broken
survives() {
    local asking
    order
    (es2 0 download-profile --iccid "$new") &
    asking=$!
    wait_text trace "fault: drop-channel"
    kill -9 "$smsr"
    wait "$smsr" 2>/dev/null
    start_smsr --script-seconds 5 --audit-minutes 1
    wait "$asking"
    equal $? 0
    is_loaded
}

# fails SUBJECT/REASON: the order ends with these codes, and no ISD-P is left
fails() {
    order
    es2 3 download-profile --iccid "$new"
    says err "subject ${1%/*}, reason ${1#*/}"
    until_is "$new" ""
}

# until_is ICCID STATE: at most some two minutes; a deletion that the radio ate waits for an audit
until_is() {
    local i
    for ((i = 0; i < 500; i++)); do
        es4 0 get-eis --json
        [[ $(jq -r --arg iccid "$1" '.. | objects | select(.Iccid? == $iccid) | .State' out) == "$2" ]] && return
        sleep 0.2
    done
    fail "$1 does not become '$2'"
}

# switch FROM TO: and back, by commands that are answered in the end
switch() {
    es4 0 enable-profile --iccid "$2"
    is "$1" Disabled
    is "$2" Enabled
    es4 0 disable-profile --iccid "$2"
    is "$1" Enabled
    is "$2" Disabled
}

# ---- the parties; every time is short
# pace COUNT SECONDS RESUME: the chip tries COUNT times again, SECONDS after a failure (two digits each); the
# SM-SR calls it after RESUME seconds
pace() {
    radio
    cat >>radio.ini <<INI
[radio]
trigger = 810B8309860700${1}25030000${2:1}${2:0:1}
tries = 2
repeat-seconds = 1
trigger-seconds = 2
resume-seconds = $3
INI
}
# paced COUNT SECONDS RESUME LINE...: the same, with these lines, for an SM-SR that is started anew
paced() {
    kill -INT "$smsr"
    wait "$smsr"
    equal $? 0
    pace "$1" "$2" "$3"
    shift 3
    (($#)) && printf '%s\n' "$@" >>radio.ini
    start_smsr --script-seconds 5 --audit-minutes 1
}
parties
pace 05 01 3
one=$(iccid 1) two=$(iccid 2) three=$(iccid 3) four=$(iccid 4) five=$(iccid 5) six=$(iccid 6) seven=$(iccid 7)
profile first "$one" 001010000000001
profile second "$two" 001010000000002
profile third "$three" 001010000000003
profile fourth "$four" 001010000000004
profile fifth "$five" 001010000000005
profile sixth "$six" 001010000000006
profile seventh "$seven" 001020000000007
timers=(--timer attach=3s --timer look=1s --timer confirm=2s)
https=(--smsr-https 192.0.2.10:8446/gsma/adminagent)
create chip first second "${https[@]}" "${timers[@]}"
create plain third fourth --profile seventh.der "${timers[@]}"
create stranger fifth sixth "${https[@]}" "${timers[@]}"
# plain has no key for HTTPS; what was registered as that of the stranger is not its own
jq '.domains[0].keysets |= map(select(.type != "SCP81"))' plain.json >x && mv x plain.json
jq '(.domains[0].keysets[] | select(.type == "SCP81") | .keys[0].value) = "00112233445566778899AABBCCDDEEFF"' \
    stranger.json >x && mv x stranger.json
start_smsr --script-seconds 5 --audit-minutes 1
start_smdp
listen
register chip plain stranger

# ---- links that break in the middle of a download: in the handshake, in each of the requests, scripts and
# results, at the end. Each download has two links: the one that breaks, the one that goes on
chips=(chip)
eid=$(jq -r .eid chip.json)
with # the chip declares itself, before anything goes wrong
numbers "$one" 1 "$two" 2
wait_text trace "channel 1 is closed by the chip"
places=(50 200 620 1400 2600 4200 5600 6300)
drops=()
for ((i = 0; i < ${#places[@]}; i++)); do
    drops+=("drop-channel=${places[i]} at=$((2 * i + 1))")
done
with "${drops[@]}"
for ((i = 0; i < ${#places[@]}; i++)); do
    downloads
    faults $((i + 1)) drop-channel
done
with "drop-channel=1500 at=1" "drop-channel=100 at=2" "drop-channel=400 at=3" "drop-channel=1800 at=4"
downloads
faults 4 drop-channel

# ---- the radio is gone for a while
with "radio-off=2 at=3" "radio-off=1 at=20" "radio-off=2 at=40" "radio-off=1 at=60"
downloads
downloads
faults 4 radio-off

# ---- a chip that does not come back by itself: called by a short message, which is lost once
paced 00 01 1 # no retries
with "drop-channel=2600 at=1" "drop-channel=1800 at=2" "lose-down at=1" "lose-down at=3"
downloads
faults 2 drop-channel
faults 2 lose-down
paced 05 59 1 # late: it would come back after a minute
with "drop-channel=2600 at=1"
downloads
faults 1 drop-channel

# ---- the SM-SR is killed while the link is broken, in the middle of a script and in the middle of a result:
# the session goes on with the next SM-SR
paced 05 01 2
for bytes in 2400 3300; do
    with "drop-channel=$bytes at=1"
    survives
done

# ---- the chip is reset in the middle: what it was doing is gone, and nothing is left of the order, unless it
# had not begun
for command in 9 22 30; do
    with "reset at=$command"
    order
    "$crisp" operator es2 download-profile --parties lab/operator-a.ini --to smdp --eid "$eid" --iccid "$new" \
        --smsr-id smsr-1 --listen 127.0.0.1:0 --validity 120 >out 2>err
    if (($? == 0)); then
        is "$new" Disabled
        kept+=("$new")
    else
        says err "subject 8.1.1, reason 5.2"
        until_is "$new" ""
    fi
    faults 1 reset
done

# ---- a switch over HTTPS: broken before the chip has the command, and before the SM-SR has the result, which
# the chip does not tell any more but by its notification
paced 05 01 2 "channel = https"
for bytes in 700 1200; do
    with "drop-channel=$bytes at=1"
    switch "$one" "$two"
    faults 1 drop-channel
done
paced 05 01 2

# ---- a radio that is gone for longer than the order waits: nothing is left when it is back
es2_validity=12
with "radio-off=14 at=30"
order
es2 3 download-profile --iccid "$new"
says err "status code"
until_is "$new" ""
es2_validity=120
with
downloads
stop_device
device=
for new in "${kept[@]}"; do
    chip_is chip "$new" Disabled
done
equal "$(grep -c Disabled out)" $((${#kept[@]} + 1))

# ---- short messages that are lost, doubled, late, out of order, both ways; all of it over SMS
chips=(plain)
eid=$(jq -r .eid plain.json)
with
numbers "$three" 3 "$four" 4 "$seven" 7
for fault in "lose-down at=1" "lose-down at=2" "lose-up at=1" "lose-up at=2" "double-down" "double-up" \
    "delay-up=1500 at=1" "delay-down=1500 at=2"; do
    with "$fault"
    switch "$three" "$four"
    faults 1 "${fault%%[= ]*}"
done

# ---- no attach on the new network: back to the old one
es4 3 enable-profile --iccid "$seven"
says err "status code"
until_is "$three" Enabled
until_is "$seven" Disabled
says trace "plain network: closed: attempt 1 refused"

# ---- a chip without HTTPS: what fits into ten short messages goes so, and a profile does not
fails 8.1.1/5.1
stop_device
device=
chip_is plain "$three" Enabled
chip_is plain "$seven" Disabled
says_not out "$new"

# ---- a chip with another key than the registered one: no session, ever
chips=(stranger)
eid=$(jq -r .eid stranger.json)
with
numbers "$five" 5 "$six" 6
fails 8.1.1/5.1
says smsr.err "TLS handshake failed"
stop_device
device=
run 0 euicc show stranger
says_not out "$new"
done_testing
