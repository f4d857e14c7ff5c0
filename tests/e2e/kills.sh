#!/usr/bin/env bash
# Each process of SGP.02 is killed at its every step and started again: a module of LD_PRELOAD ends
# it with SIGKILL before and after its nth commit from when an order is given, n = 1, 2, 3 ... until
# the order ends without it. Then the order is given again, if need be, under the same identity while
# there is no answer, under a new one when it failed. Whatever was cut, the order is done in the end,
# the EIS says what the chip says, nothing is left over and the operator has heard of it.
#
# The servers' time of day runs fast: what they repeat after a minute is repeated after a second.
#
# Every point is taken, some minutes; KILLS_STEP=3 takes every third one. KILLS_FROM=N begins with the
# Nth, KILLS_ONLY='enable smsr' makes one sweep only, KILLS_TRACE=1 tells each point.
kill_at=$(realpath "$2") fast_clock=$(realpath "$3") || exit 1
. "$(dirname "$0")/../cli/lib.sh"
. "$root/tests/e2e/fleet_lib.sh"
need od openssl

step=${KILLS_STEP:-1} from=${KILLS_FROM:-1}
if grep -qa __asan_init "$crisp"; then # slow
    step=${KILLS_STEP:-9} from=${KILLS_FROM:-2}
fi
only=${KILLS_ONLY:-}
one=8988211000000000017
two=8988211000000000025
three=8988211000000000033
four=8988211000000000041
es4_validity=1800
es2_validity=3600
CLOCK_BASE=$(date +%s)
export CLOCK_BASE CLOCK_SPEED=60

# ---- processes that are started again

real=$crisp
cat >fast <<SH
#!/bin/sh
LD_PRELOAD="$fast_clock \$PRELOAD" exec "$real" "\$@"
SH
cat >cuttable <<SH
#!/bin/sh
LD_PRELOAD="$kill_at \$CLOCK" exec "$real" "\$@"
SH
chmod +x fast cuttable
crisp=$work/fast

# keep NAME ARGUMENTS...: runs crisp, and again when it was killed
declare -A keepers
keep() {
    local name=$1
    shift
    head -c 8 /dev/zero >"$name.cut"
    (
        trap 'kill "$child" 2>/dev/null; wait "$child" 2>/dev/null; exit' TERM
        while :; do
            KILL_AT=$work/$name.cut "$work/cuttable" "$@" >>"$name.out" 2>>"$name.err" </dev/null &
            child=$!
            wait "$child"
            code=$?
            ((code == 137)) || echo "$name ended with $code" >>died
            echo "--- killed" >>"$name.out"
        done
    ) 2>/dev/null &
    keepers[$name]=$!
    pids+=($!)
}

# retire NAME: it is not started again
retire() {
    kill "${keepers[$1]}"
    wait "${keepers[$1]}"
}

# cut_at NAME N: its Nth point from now on; 0: none
cut_at() {
    # shellcheck disable=SC2059 # the number as octets, the lowest first
    printf "\\x$(printf %02x $(($2 % 256)))\\x$(printf %02x $(($2 / 256)))\0\0\0\0\0\0" |
        dd of="$1.cut" conv=notrunc status=none
}
left_of() { od -An -t d8 "$1.cut" | tr -d ' '; }

# ---- orders

# order es4|es2 FUNCTION ARGUMENTS...: until it is done; its answer is in out
order() {
    local interface=$1 try code id
    local to=(--to smsr-1 --validity "$es4_validity")
    [[ $interface == es2 ]] && to=(--to smdp --smsr-id smsr-1 --validity "$es2_validity")
    shift
    id=order-$EPOCHREALTIME
    for ((try = 0; try < 40; try++)); do
        "$crisp" operator "$interface" "$@" --parties lab/operator-a.ini "${to[@]}" --eid "$eid" \
            --listen 127.0.0.1:0 --message-id "$id" >out 2>err </dev/null
        code=$?
        case $code in
        0) break ;;
        1) sleep 0.1 ;; # not reached, or no answer
        3)
            echo "$interface $* : $(tr '\n' ' ' <err)" >>failed # cleanly: with a reason
            id=order-$EPOCHREALTIME
            sleep 0.3
            ;;
        *) fail "crisp operator $interface $* ended with $code" ;;
        esac
    done
    ((checks++))
    ((code == 0)) || fail "$interface $* is not done"
    ((try == 0)) || echo "$interface $1: $try times again" >>again
}

# what the EIS in out says of the profiles: ICCID STATE ...
said() {
    jq -r '[.. | objects | select(.Iccid? and .State?) | "\(.Iccid) \(.State)"] | sort | join(" ")' out
}

# states STATES: what the EIS has to say
states() {
    order es4 get-eis --json
    equal "$(said)" "$1"
}

# settled STATES: the same, and when the chip is asked it says so too
settled() {
    states "$1"
    order es4 audit-eis --json
    jq .Eis.RemainingMemory out >memory
    equal "$(said)" "$1"
}

# heard NAME ICCID: the operator has the notification, since the point began
heard() {
    local i
    ((checks++))
    for ((i = 0; i < 100; i++)); do
        tail -n "+$((listened + 1))" listener.out | grep -A 2 "Handle$1Notification" |
            grep -qF "Iccid: $2" && return
        sleep 0.1
    done
    fail "the operator has not heard of $1 for $2"
}

# ---- the sweep

cuts=0
# sweep NAME VICTIM: try_NAME with the victim cut at its nth point, check_NAME after it
sweep() {
    local name=$1 victim=$2 n left=0 first=$SECONDS
    [[ ! $only || "$name $victim" == "$only" ]] || return 0
    for ((n = from; left == 0; n += step)); do
        : >again
        listened=$(wc -l <listener.out)
        cut_at "$victim" "$n"
        "try_$name"
        sleep 0.2
        left=$(left_of "$victim")
        cut_at "$victim" 0
        ((left == 0)) && ((cuts++))
        [[ ${KILLS_TRACE-} ]] && echo "$name, $victim at $n: $left left, $((SECONDS - first)) s $(tr '\n' ' ' <again)"
        "check_$name"
    done
    [[ ! -s died ]] || fail "$(<died)"
    echo "$name: $victim has $((n - step - left)) points, $((SECONDS - first)) s"
}

# ---- the world

parties
network
sed -i 's/^smsc = .*/&\nsms-retry = 1/' network.ini
radio
# what passes between the SM-SR and the service centre is listened to
read -r tap <<<"$(free_ports 1)"
sed -i "s/^port = .*/port = $tap/" radio.ini
: >air
python3 "$root/tests/e2e/tap.py" "$tap" "$smsc" air &
pids+=($!)
profile first $one 001010000000001
profile second $two 001010000000002
profile third $three 001010000000003
profile fourth $four 001010000000004
create chip first second --smsr-https 192.0.2.10:8446/gsma/adminagent --timer confirm=1s
create plain third fourth --timer confirm=1s
https=$(jq -r .eid chip.json) sms=$(jq -r .eid plain.json)
# a tenth of a second is six by the fast clock: the way is not chosen by how slow the other one is
printf '[euicc %s]\nchannel = %s\n' "$https" https "$sms" sms >>radio.ini

keep device device run -c network.ini --smpp "127.0.0.1:$smsc" --trace chip plain
CLOCK=$fast_clock keep smsr smsr serve --dir sr --parties lab/smsr-1.ini --config radio.ini --pki pki \
    --es5 "127.0.0.1:$es5" --port-file smsr.ports --audit-minutes 1
CLOCK=$fast_clock keep smdp smdp serve --dir dp --parties lab/smdp.ini --pki pki --listen "127.0.0.1:$dp"
CLOCK=$fast_clock KILL_ON=send keep listener operator listen --parties lab/operator-a.ini
wait_text device.out "home: service for 001010000000001"
wait_text device.out "home: service for 001010000000003"
wait_for smsr.ports
wait_text listener.err "127.0.0.1:$a"
register chip plain
eid=$https
numbers $one 1 $two 2
eid=$sms
numbers $three 3 $four 4

# ---- (a) EnableProfile over SMS, (b) over HTTPS, each with the way back

try_enable() {
    order es4 enable-profile --iccid "$other"
}
check_enable() {
    settled "$fallback Disabled $other Enabled"
    heard ProfileDisabled "$fallback"
    order es4 disable-profile --iccid "$other"
    states "$fallback Enabled $other Disabled"
}
for eid in "$sms" "$https"; do
    if [[ $eid == "$sms" ]]; then
        fallback=$three other=$four
    else
        fallback=$one other=$two
    fi
    for victim in smsr device listener; do
        sweep enable $victim
    done
done

# ---- who waits for the answer is killed: asked again under the same identity, from another port, it gets it

enables() {
    run 0 smsr procedures --dir sr --parties lab/smsr-1.ini --eid "$eid" --json
    jq -s 'map(select(.kind == "EnableProfile")) | length' out
}
clients() {
    local n left=0 code before id
    [[ ! $only || client == "$only" ]] || return 0
    head -c 8 /dev/zero >client.cut
    for ((n = 1; left == 0; n++)); do
        listened=$(wc -l <listener.out)
        before=$(enables)
        id=client-$EPOCHREALTIME
        cut_at client $n
        for code in 137 0; do
            ( # whose end bash need not tell
                KILL_AT=$work/client.cut KILL_ON=send PRELOAD=$kill_at "$crisp" operator es4 \
                    enable-profile --iccid "$other" --parties lab/operator-a.ini --to smsr-1 --eid "$eid" \
                    --validity "$es4_validity" --listen 127.0.0.1:0 --message-id "$id" >out 2>err </dev/null
                exit $?
            ) 2>/dev/null && break
            equal $? $code # the first is killed, the second is not
        done
        left=$(left_of client)
        equal "$(enables)" $((before + 1))
        check_enable
    done
    echo "client has $((n - 1 - left)) points"
    ((n > 2)) || fail "no client was killed"
}
eid=$sms fallback=$three other=$four
clients

# ---- (c) DownloadProfile with enabling, and (d) DeleteProfile

eid=$https
stocked=100
# one more profile into the stock
stock_one() {
    local number=$((++stocked)) iccid
    iccid=$(printf '89882110000%07d' $number)
    profile more "$iccid$(check_digit "$iccid")" "$(printf '001010000%06d' $number)"
    run 0 smdp profile import --dir dp --owner 2.999.101 --type meter \
        --imsi "$(printf '001010000%06d' $number)" --msisdn "$(printf '4700%010d' $number)" more.der
}
check_digit() {
    local i sum=0 d
    for ((i = 0; i < ${#1}; i++)); do
        d=${1:${#1}-1-i:1}
        ((i % 2 == 0)) && d=$((2 * d > 9 ? 2 * d - 9 : 2 * d))
        ((sum += d))
    done
    echo $(((10 - sum % 10) % 10))
}
stock_some() {
    run 0 smdp profile list --dir dp --json
    local there
    there=$(grep -c '"Available"' out)
    while ((there++ < 3)); do
        stock_one
    done
}
order es4 audit-eis --json
empty=$(jq .Eis.RemainingMemory out)

try_download() {
    stock_some
    order es2 download-profile --profile-type meter --enable-profile
    new=$(sed -n 's/^ *Iccid: //p' out)
}
check_download() {
    local left
    # what was downloaded and could not be enabled is a warning; the operator orders that then
    order es4 get-eis --json
    [[ $(said) == *"$new Enabled"* ]] || order es4 enable-profile --iccid "$new"
    settled "$one Disabled $two Disabled $new Enabled"
    heard ProfileDisabled $one
    listened=$(wc -l <listener.out)
    cut_at "$victim" "$n"
    if [[ $victim == smdp ]]; then
        order es2 delete-profile --iccid "$new"
    else
        order es4 delete-profile --iccid "$new"
    fi
    sleep 0.2
    left=$(left_of "$victim")
    cut_at "$victim" 0
    [[ ${KILLS_TRACE-} ]] && echo "delete, $victim at $n: $left left $(tr '\n' ' ' <again)"
    settled "$one Enabled $two Disabled"
    heard ProfileEnabled $one
    # the chip's counters may have become a few bytes longer, an ISD-P is far more
    ((checks++))
    (($(<memory) > empty - 32)) || fail "$(<memory) bytes are free, there were $empty"
}
for victim in smsr smdp device; do
    sweep download $victim
done
# nothing is half done at the SM-DP either
run 0 smdp profile list --dir dp --json
equal "$(jq -r .state out | grep -cE 'Reserved|Created|Loading')" 0
run 0 smdp jobs --dir dp --json
equal "$(jq -r .step out | grep -cvE 'done|failed')" 0

# ---- (e) AuditEIS

try_audit() {
    order es4 audit-eis
}
check_audit() {
    settled "$three Enabled $four Disabled"
}
eid=$sms
for victim in smsr device; do
    sweep audit $victim
done

[[ $only ]] || ((cuts >= 15)) || fail "only $cuts cuts: is the module loaded?"
echo "$cuts cuts"

# ---- what the chips themselves say
retire device
for chip in chip plain; do
    run 0 euicc show $chip
    equal "$(grep -cE '89882110000[0-9]{8,9} (Enabled|Disabled)' out)" 2
done

# ---- nothing went wrong that has no name: what was cut is no error of those who go on
((checks++))
! grep -h " error " ./*.err || fail "errors in the logs"

# ---- no counter of SCP80 was used for two packets
kic() {
    jq -r '.domains[].keysets[]? | select(.type == "SCP80").keys[] | select(.index == 1).value' "$1.json"
}
((checks++))
python3 "$root/tests/e2e/tap.py" --counters air "$(kic chip)" "$(kic plain)" || fail "a counter was used twice"
last=$(tail -n 1 air)
echo "${last}00" >>air # once more, with another end
((checks++))
! python3 "$root/tests/e2e/tap.py" --counters air "$(kic chip)" "$(kic plain)" >/dev/null 2>&1 ||
    fail "a counter that was used twice is not found"
done_testing
