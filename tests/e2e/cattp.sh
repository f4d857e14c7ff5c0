#!/usr/bin/env bash
# Machines without HTTPS: SM-SR and chip over SMS and CAT_TP, every party a process of its own. One
# chip switches, is audited and gets a profile over a good network, another over one that loses,
# doubles and reorders datagrams, a third by whatever channel the SM-SR chooses; the SM-SR is killed in
# between.
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/fleet_lib.sh"

one=8988211000000000017
two=8988211000000000025
three=8988211000000000033
four=8988211000000000041
five=8988211000000000058
six=8988211000000000066
seven=8988211000000000074
eight=8988211000000000082
nine=8988211000000000090
chips=(good bad auto)

parties
read -r cattp <<<"$(free_ports 1)"
for n in 1 2 3 4 5 6 7 8 9; do
    names=(first second third fourth fifth sixth seventh eighth ninth)
    iccids=("$one" "$two" "$three" "$four" "$five" "$six" "$seven" "$eight" "$nine")
    profile "${names[n - 1]}" "${iccids[n - 1]}" "00101000000000$n"
done
# one has the address of the SM-SR stored, the other is told it by the push SMS
create good first second --smsr-cattp 192.0.2.10:9000
create bad third fourth
create auto seventh eighth
network
cat >>network.ini <<INI
[faults]
f1 = lose-data-down every=5 chip=1
f2 = lose-data-up every=7 chip=1
f3 = double-data-down every=3 chip=1
f4 = double-data-up every=4 chip=1
f5 = swap-data-down every=6 chip=1
f6 = swap-data-up every=8 chip=1
f7 = drop-channel=1500 at=1 chip=2
INI
sed -i "/^map/a map = 192.0.2.10:9000 127.0.0.1:$cattp" network.ini
radio
bad_eid=$(jq -r .eid bad.json)
good_eid=$(jq -r .eid good.json)
cat >>radio.ini <<INI
[radio]
cattp-address = 192.0.2.10:9000
[euicc $good_eid]
channel = cattp
[euicc $bad_eid]
channel = cattp
INI
links() { start_smsr --no-https --cattp "127.0.0.1:$cattp" --script-seconds 3; }

# a protocol analyser listens where there is one
listening=0
if have tshark; then
    tshark -i lo -q -w wire.pcapng -f "udp port $cattp" >capture.out 2>capture.err &
    capture=$!
    pids+=("$capture")
    for ((i = 0; i < 100; i++)); do
        [[ -s wire.pcapng ]] && listening=1 && break
        kill -0 "$capture" 2>/dev/null || break
        sleep 0.1
    done
fi

start_device
links
says smsr.out "CAT_TP at 127.0.0.1, UDP port $cattp"
equal "$(jq .cattp smsr.ports)" "$cattp"
wait_text trace "home: service for 001010000000001"
wait_text trace "home: service for 001010000000003"
listen
wait_text trace "home: service for 001010000000007"
register good bad auto

# over ICCID ICCID: enable, disable, audit over CAT_TP
over() {
    is "$1" Enabled
    es4 0 enable-profile --iccid "$2"
    is "$1" Disabled
    is "$2" Enabled
    es4 0 disable-profile --iccid "$2"
    is "$1" Enabled
    is "$2" Disabled
    es4 0 audit-eis --json
    equal "$(jq -r '.Eis.EumSignedInfo.Eid' out)" "$eid"
    run 0 smsr procedures --dir sr --parties lab/smsr-1.ini --eid "$eid" --json
    equal "$(jq -sr '.[-1] | "\(.kind) \(.state) \(.result)"' out)" "AuditEIS done EXECUTED_SUCCESS"
}

stock_up() {
    stock "$five" 5 fifth.der
    stock "$six" 6 sixth.der
    stock "$nine" 9 ninth.der
}

# ---- a good network
eid=$good_eid
numbers $one 1 $two 2
over $one $two
says trace "good channel: channel 1 is open"
says smsr.err "to $eid: CAT_TP, by configuration"
says_not smsr.err "to $eid: SMS, few messages"

# ---- a whole profile
stock_up
start_smdp
es2 0 download-profile --iccid $five
is $one Enabled
is $five Disabled
es4 0 enable-profile --iccid $five
is $one Disabled
is $five Enabled

# ---- by the rules: what is short goes by SMS, a profile by CAT_TP; the channel breaks on the way, and the
# chip is called back
eid=$(jq -r .eid auto.json)
numbers $seven 7 $eight 8
es4 0 audit-eis
says smsr.err "to $eid: SMS, few messages, nothing follows"
says_not smsr.err "to $eid: CAT_TP"
es2 0 download-profile --iccid $nine
is $nine Disabled
says smsr.err "to $eid: CAT_TP, HTTPS cannot be had" "CAT_TP link of $eid, 127.0.0.1:"
says trace "auto fault: drop-channel"
equal "$(grep -c "auto channel: channel 1 is open" trace)" 2
eid=$good_eid

# ---- the SM-SR is killed while there is a link: the chip notices when it is pushed to
es4 0 audit-eis
opened=$(grep -c "good channel: channel 1 is open" trace)
kill -9 "$smsr"
wait "$smsr" 2>/dev/null
links
es4 0 audit-eis
equal "$(grep -c "good channel: channel 1 is open" trace)" "$((opened + 1))"

# ---- a bad network
eid=$bad_eid
numbers $three 3 $four 4
over $three $four
es2 0 download-profile --iccid $six
is $six Disabled
for what in lose double swap; do
    for way in down up; do
        says trace "bad fault: $what-data-$way"
    done
done

# ---- strangers: bytes that are no PDU, a SYN of nobody, one of a chip that is not expected
python3 - "$cattp" "$good_eid" <<'PY' || fail "the SM-SR does not refuse strangers"
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("127.0.0.1", int(sys.argv[1])))
def syn(identification):
    p = bytearray(bytes.fromhex("80000000c0012710000000010000000800000578" "2000") + bytes([len(identification)]) + identification)
    p[3] = len(p)
    total = sum(v << (8 if i % 2 == 0 else 0) for i, v in enumerate(p))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    p[16], p[17] = (~total >> 8) & 0xFF, ~total & 0xFF
    return bytes(p)
s.send(b"hello")
s.send(syn(b"nobody"))
answer = s.recv(100)
sys.exit(not (answer[0] == 0x50 and answer[18] == 2))
PY

# ---- what the analyser says to it: all but the stranger's greeting is CAT_TP, and nothing is wrong with it
seen() { # FILTER: packets that match
    tshark -r wire.pcapng --enable-heuristic cattp_udp -Y "$1" -T fields -e frame.number 2>tshark.err ||
        fail "tshark: $(<tshark.err)"
}
if ((listening)); then
    for ((i = 0; i < 100; i++)); do # what was sent is in the file a moment later
        [[ $(seen "udp.srcport == $cattp and cattp.rc == 2") ]] && break
        sleep 0.1
    done
    kill -INT "$capture"
    wait "$capture"
    equal "$(seen "udp and not cattp" | wc -l)" 1
    equal "$(seen "_ws.malformed or _ws.expert.severity == error or cattp.bad_checksum or cattp.checksum.status != 1")" ""
    for what in "cattp.flags.syn == 1 and cattp.flags.ack == 0 and cattp.idlen == 16" \
        "cattp.flags.syn == 1 and cattp.flags.ack == 1 and udp.srcport == $cattp" \
        "cattp.flags.seg == 1" "cattp.datalen > 1000" \
        "cattp.flags.rst == 1 and cattp.rc == 0" "cattp.flags.nul == 1"; do
        ((checks++))
        [[ $(seen "$what") ]] || fail "no datagram is '$what'"
    done
fi

stop_device
chip_is good $one Disabled
chip_is good $five Enabled
chip_is bad $three Enabled
chip_is bad $six Disabled
chip_is auto $nine Disabled
done_testing
