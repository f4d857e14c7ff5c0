#!/usr/bin/env bash
# crisp device run: a chip with a profile in a modem, a service centre with somebody bound to it,
# networks that do not want it, and what cannot be.
. "$(dirname "$0")/lib.sh"
need jq python3

run 0 pki init pki --host smdpp.test
run 0 euicc create chip --pki pki
"$crisp" smdpp serve --dir dp --pki pki --es9 127.0.0.1:0 --no-es2 --port-file ports >serve.log 2>&1 &
pids+=($!)
wait_for ports
package p.der 8988211000000000017
run 0 smdpp profile import --dir dp --pki pki p.der
run 0 smdpp order create --dir dp --iccid 8988211000000000017
code=$(sed -n 's/^activation code //p' out)
run 0 lpa download "$code" --chip chip --ca pki/nist/ci.der --connect "127.0.0.1:$(jq .es9 ports)" --yes
run 0 lpa enable 8988211000000000017 --chip chip

# until_says TEXT ARGUMENTS...: runs devices until they say the text, then stops them
until_says() {
    local text=$1
    shift
    "$crisp" device run "$@" >out 2>err </dev/null &
    local pid=$!
    pids+=($pid)
    wait_text out "$text"
    kill -INT $pid
    wait $pid
    equal $? 0
}

# ---- a chip finds service, with authentication by keys that are right, and wrong ones
cat >good.ini <<INI
[network home]
imsi = 99970
delay-ms = 1
retry-ms = 100
[keys]
999700000000001 = milenage 00112233445566778899AABBCCDDEEFF FFEEDDCCBBAA99887766554433221100
[msisdn]
999700000000001 = +4712345678
[esme smsr]
password = secret
number = +4790001
INI
until_says "service for" -c good.ini --smpp 0 --trace chip
says out "chip power: ATR 3B" "ICCID 8988211000000000017, IMSI 999700000000001, Black box" \
    "home: service for 999700000000001"
sed 's/= milenage 00/= milenage 01/' good.ini >wrong.ini
until_says "attempt 2 refused" -c wrong.ini --smpp 0 --json chip
says out "attempt 1 refused: authentication failed"
says_not out "service for" 01112233
jq -es 'map(select(.event == "network")) | length > 1' out >/dev/null || fail "no JSON lines"
until_says 'attempt 1 refused by script' --fault 'no-attach at=1' --trace chip
run 0 device run --duration 1s chip

# ---- short messages: bound as smsr, one to the chip, its receipt; a wrong password does not bind
cat >esme.py <<'PY'
import json, socket, struct, sys
port = json.load(open("device.ports"))["smpp"]
def pdu(command, seq, body):
    return struct.pack(">IIII", 16 + len(body), command, 0, seq) + body
def read(s):
    head = b""
    while len(head) < 16:
        more = s.recv(16 - len(head))
        if not more: sys.exit("the link ended")
        head += more
    length, command, status, seq = struct.unpack(">IIII", head)
    body = b""
    while len(body) < length - 16:
        body += s.recv(length - 16 - len(body))
    return command, status, seq, body
def bind(password):
    s = socket.create_connection(("127.0.0.1", port), 20)
    s.sendall(pdu(9, 1, b"smsr\0" + password + b"\0\0\x34\0\0\0"))
    return s, read(s)[1]
s, status = bind(b"wrong")
assert status != 0, "bound with a wrong password"
s, status = bind(b"secret")
assert status == 0, status
def submit(seq, to, text):
    s.sendall(pdu(4, seq, b"\0\1\1" + b"4790001\0" + b"\1\1" + to + b"\0" +
                  b"\x40\x7f\0\0\0\1\0\xf6\0" + bytes([len(text)]) + text))
submit(2, b"4799999999", b"\x02\x70\0")
command, status, seq, body = read(s)
assert (command, status, seq) == (0x80000004, 0x0B, 2), (command, status, seq)
submit(3, b"4712345678", b"\x02\x70\0" + b"hello chip")
ident, got = None, False
while not (ident and got):
    command, status, seq, body = read(s)
    if command == 0x80000004:
        assert (status, seq) == (0, 3)
        ident = body.rstrip(b"\0")
    elif command == 5:
        s.sendall(pdu(0x80000005, seq, b"\0"))
        got = body
    elif command == 0x15:
        s.sendall(pdu(0x80000015, seq, b""))
assert b"id:" + ident in got, (ident, got)
assert b"stat:" in got
print(got)
PY
"$crisp" device run -c good.ini --smpp 127.0.0.1:0 --port-file device.ports --trace chip >trace 2>trace.err &
device=$!
pids+=($device)
wait_for device.ports
wait_text trace "home: service"
python3 esme.py >out 2>err || fail "the ESME: $(cat err; cat trace)"
((checks++))
wait_text trace "SMS-PP download"
says trace "smsc sms-down: smsr: nobody has the number 4799999999" "from +4790001, 13 bytes"

# ---- the chip is locked meanwhile; SIGINT ends it cleanly, and then it is free
run 1 lpa list --chip chip
kill -INT $device
wait $device
equal $? 0
run 0 lpa list --chip chip

# ---- the example is one: this subscriber has none of its networks
until_says "refused: no network has this IMSI" -c "$root/examples/network.ini" --smpp 0 --trace chip

# ---- what cannot be
usage "give 1 to" device run
usage "fault 'explode': 'explode' is not understood" device run --fault explode chip
usage "maps no address" device run --map '*:443 example.org:1' chip
usage "[network home] has no imsi" device run -c <(echo -e '[network home]\nattach = works') chip
run 1 device run nothing
run 1 device run -c nothing.ini chip
done_testing
