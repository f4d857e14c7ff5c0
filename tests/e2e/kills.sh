#!/usr/bin/env bash
# Each process of SGP.02 is killed at its every step and started again: a module of LD_PRELOAD ends
# it with SIGKILL before and after its nth commit from when an order is given, n = 1, 2, 3 ... until
# the order ends without it. Then the order is given again, if need be, under the same identity while
# there is no answer, under a new one when it failed. Whatever was cut, the order is done in the end,
# the EIS says what the chip says, nothing is left over and the operator has heard of it.
#
# The servers' time of day runs fast: what they repeat after a minute is repeated after a second.
#
# KILLS_STEP=1 takes every point (minutes); unless given each victim is cut at a sample of them.
kill_at=$(realpath "$2") fast_clock=$(realpath "$3") || exit 1
. "$(dirname "$0")/../cli/lib.sh"
. "$root/tests/e2e/fleet_lib.sh"
need od

step=${KILLS_STEP:-7}
only=${KILLS_ONLY:-}
one=8988211000000000017
two=8988211000000000025
three=8988211000000000033
four=8988211000000000041
es4_validity=1800
es2_validity=7200
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

# keep NAME ARGUMENTS...: runs crisp, and again when it was killed. Its process is in NAME.pid.
keep() {
    local name=$1
    shift
    head -c 16 /dev/zero >"$name.cut"
    (
        trap 'kill "$child" 2>/dev/null; wait "$child" 2>/dev/null; exit' TERM
        while :; do
            KILL_AT=$work/$name.cut "$work/cuttable" "$@" >>"$name.out" 2>>"$name.err" </dev/null &
            child=$!
            echo $child >"$name.pid"
            wait "$child"
            code=$?
            ((code == 137)) || echo "$name ended with $code" >>died
            echo "--- killed" >>"$name.out"
        done
    ) 2>/dev/null &
    pids+=($!)
}

# cut NAME N: its Nth point from now on; 0: none
cut_at() {
    printf "\\x$(printf %02x $(($2 % 256)))\\x$(printf %02x $(($2 / 256)))\0\0\0\0\0\0\0\0\0\0\0\0\0\0" |
        dd of="$1.cut" conv=notrunc status=none
}
left_of() { od -An -t d8 -N 8 "$1.cut" | tr -d ' '; }
passed_of() { od -An -t d8 -j 8 -N 8 "$1.cut" | tr -d ' '; }

# ---- orders

failures=0
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
            # failed cleanly
            ((failures++))
            echo "$interface $* : $(tr '\n' ' ' <err)" >>failed
            id=order-$EPOCHREALTIME
            [[ ${once-} ]] && break
            sleep 0.3
            ;;
        *) fail "crisp operator $interface $* ended with $code" ;;
        esac
    done
    ((checks++))
    ((code == 0)) || [[ ${once-} ]] || fail "$interface $* is not done"
    ((try == 0)) || echo "$interface $1: $try times again" >>again
}

# what the EIS says of the profiles: ICCID STATE ...
states() {
    order es4 get-eis --json
    jq -r '[.. | objects | select(.Iccid? and .State?) | "\(.Iccid) \(.State)"] | sort | join(" ")' out
}

# settled STATES: the EIS says so, and the chip too
settled() {
    local said
    said=$(states)
    equal "$said" "$1"
    order es4 audit-eis
    said=$(states)
    equal "$said" "$1"
}

# ---- the sweep

# sweep NAME VICTIM COMMAND...: COMMAND N with the victim cut at its nth point
sweep() {
    local name=$1 victim=$2 n first=$SECONDS
    shift 2
    [[ ! $only || "$name $victim" == $only ]] || return
    for ((n = ${KILLS_FROM:-1 + RANDOM % step}; ; n += step)); do
        : >again
        cut_at "$victim" "$n"
        "$@"
        sleep 0.2
        local left
        left=$(left_of "$victim")
        [[ ${KILLS_TRACE-} ]] && echo "$name, $victim at $n: $left left, $((SECONDS - first)) s $(tr '\n' ' ' <again)"
        cut_at "$victim" 0
        ((left == 0)) || break
        "$check"
    done
    [[ ! -s died ]] || fail "$(<died)"
    echo "$name: $victim has $((n - left)) points, $((SECONDS - first)) s"
}

# ---- the world

parties
network
sed -i "s|^smsc = .*|&\nsms-retry = 1|" network.ini
radio
profile first $one 001010000000001
profile second $two 001010000000002
profile third $three 001010000000003
profile fourth $four 001010000000004
create chip first second --smsr-https 192.0.2.10:8446/gsma/adminagent --timer confirm=1s
create plain third fourth --timer confirm=1s
https=$(jq -r .eid chip.json) sms=$(jq -r .eid plain.json)
printf '[euicc %s]\nchannel = https\n' "$https" >>radio.ini

keep device device run -c network.ini --smpp "127.0.0.1:$smsc" --trace chip plain
CLOCK=$fast_clock keep smsr smsr serve --dir sr --parties lab/smsr-1.ini --config radio.ini --pki pki \
    --es5 "127.0.0.1:$es5" --port-file smsr.ports
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

# ---- (a) EnableProfile and DisableProfile over SMS, (b) over HTTPS

# switch_over FALL-BACK OTHER
switch_over() {
    order es4 enable-profile --iccid "$2"
}
switch_back() {
    once=1 order es4 disable-profile --iccid "$2"
}
check_switch() { # FALL-BACK OTHER
    settled "$fallback Disabled $other Enabled"
    order es4 disable-profile --iccid "$other"
    settled "$fallback Enabled $other Disabled"
}
check=check_switch
eid=$sms fallback=$three other=$four
for victim in smsr device; do
    sweep "EnableProfile over SMS" $victim order es4 enable-profile --iccid $four
    order es4 disable-profile --iccid $four
done
eid=$https fallback=$one other=$two
for victim in smsr device; do
    sweep "EnableProfile over HTTPS" $victim order es4 enable-profile --iccid $two
    order es4 disable-profile --iccid $two
done
done_testing
