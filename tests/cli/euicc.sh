#!/usr/bin/env bash
# crisp euicc: chips made, looked at, talked to, put into a (pretended) virtual reader.
. "$(dirname "$0")/lib.sh"
need jq python3

eid=89049032123451234512345678901235
select=01A4040010A0000005591010FFFFFFFF8900000100
get_eid=81E2910006BF3E035C015A
run 0 pki init pki

# ---- create
run 0 euicc create chip --pki pki --eid $eid --default-smdp dp.example
says out "chip is an eUICC with EID $eid"
run 0 euicc create random --pki pki --svn 2.2.0
says out "EID 89049032"
run 3 euicc create chip --pki pki
says err "chip"
run 3 euicc create bad --pki pki --eid 89049032123451234512345678901234
says err "check digits" "$eid"
run 2 euicc create bad --pki pki --eid 123
says err "32 decimal digits"
run 2 euicc create none --pki pki --eid "${eid}0"
[[ ! -e none ]] || fail "a wrong command line made a directory"
run 3 euicc create bad --pki pki --eid 89033023426200000000005426497601
says err "EID"
run 1 euicc create bad --pki nowhere
says err "nowhere"
run 3 euicc create bad --pki pki --svn 3.1.0
says err "3.1.0"
[[ ! -e bad ]] || fail "a chip that was not made left its directory"
run 2 euicc create bad --pki pki --forbid-ppr ppr9
says err "there are ppr1 and ppr2"
run 2 euicc create bad --pki pki --rat-rule ppr1
says err "'=' divides"
run 2 euicc create bad --pki pki --rat-rule ppr1=12
usage "'a b' is no address of a server" euicc create bad --pki pki --default-smdp 'a b'
usage "'http://a' is no address of a server" euicc create bad --pki pki --root-smds http://a
usage "--svn takes a version" euicc create bad --pki pki --svn new
usage "memory takes a number from" euicc create bad --pki pki --memory 5
usage "rat cannot be 'some'" euicc create bad --pki pki --rat some
usage "--pki is missing" euicc create bad
usage "DIR is missing" euicc create --pki pki
run 0 euicc create strict --pki pki --forbid-ppr ppr1 --rat-rule 'ppr2=999-70,001-01!' \
    --memory 131072 --no-test-profiles --strict-test-keys
run 0 euicc create closed --pki pki --rat none

# ---- show
run 0 euicc show chip
says out "$eid" "2.5.0" "dp.example" "profiles         none" "none pending" "brainpoolP256r1"
run 0 euicc show chip --json
equal "$(jq -r '[.eid, .svn, .defaultSmdp, (.profiles | length), (.certificates | length)] | join(" ")' out)" \
    "$eid 2.5.0 dp.example 0 2"
run 0 euicc show strict
says out "forbidden rules  ppr1"
run 1 euicc show nowhere
says err "nowhere"
usage "DIR is missing" euicc show

# ---- apdu
run 0 euicc apdu chip 0070000001 $select $get_eid 01C00000
equal "$(head -n 1 out)" 019000
grep -q "$eid" out || { # T=0 cards answer with 61xx first
    run 0 euicc apdu chip 0070000001 $select $get_eid 81C0000015
    says out "5A10$eid"
}
printf '# a channel\n0070000001\n\n  %s # not a comment\n' "00 A4 00 04 02 3F00" >script
run_in 1 script euicc apdu chip -
says err "3F00 # not"
printf '# a channel\n0070000001\r\n\n00 A4 00 04 02 3F00\n' >script
run_in 0 script euicc apdu chip -
equal "$(wc -l <out)" 2
# GetRAT: nobody may set a rule; some may
run 0 euicc apdu closed 0070000001 $select 81E2910003BF4300 81C0000000
equal "$(tail -n 1 out)" BF4302A0009000
run 0 euicc apdu strict 0070000001 $select 81E2910003BF4300 81C0000000
tail -n 1 out >rat
run 0 decode rat
says out "GetRatResponse" "ppr2" "99F907" "00F110"
says_not out "consentRequired"
run 2 euicc apdu chip 00A4
says err "at least 4 bytes"
run 2 euicc apdu chip 00A4000002 00A40G00
says err "'00A40G00'"
run 1 euicc apdu nowhere 00A40000
run 0 euicc apdu chip # no commands on standard input

# ---- serve: a reader that python pretends to be
cat >reader.py <<'PYTHON'
import socket, struct, sys

def send(conn, payload):
    conn.sendall(struct.pack(">H", len(payload)) + payload)

def receive(conn):
    head = conn.recv(2, socket.MSG_WAITALL)
    return conn.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)

slots = []
base = socket.create_server(("127.0.0.1", 0))
port = base.getsockname()[1]
while True:  # two ports behind each other
    try:
        slots = [base, socket.create_server(("127.0.0.1", port + 1))]
        break
    except OSError:
        base.close()
        base = socket.create_server(("127.0.0.1", 0))
        port = base.getsockname()[1]
print(port, flush=True)
for n, slot in enumerate(slots):
    conn, _ = slot.accept()
    for round in range(2):
        send(conn, b"\x01")  # power on
        send(conn, b"\x04")
        atr = receive(conn)
        assert atr[0] in (0x3B, 0x3F), atr.hex()
        answers = []
        for apdu in sys.argv[1:]:
            send(conn, bytes.fromhex(apdu))
            answers.append(receive(conn).hex().upper())
        print(n, *answers, flush=True)
        send(conn, b"\x02")  # reset
    conn.close()
PYTHON
python3 reader.py 0070000001 $select $get_eid 81C0000015 >reader.out 2>reader.err &
pids+=($!)
reader=$!
wait_for reader.out
port=$(head -n 1 reader.out)
"$crisp" euicc serve chip random --vpcd "127.0.0.1:$port" >serve.out 2>serve.err &
server=$!
pids+=("$server")
wait "$reader" || { cat reader.err serve.err; fail "the reader was not content"; }
equal "$(grep -c "5A10$eid" reader.out)" 2
equal "$(grep -c '^[01] 019000' reader.out)" 4
says serve.err "chip: EID $eid is in the reader at 127.0.0.1:$port" "random: EID"
run 1 euicc show chip
says err "chip" # locked while it is served
wait_text serve.err "the reader is gone"
kill -TERM "$server"
wait "$server"
equal $? 0
pids=()

# a reader that is not there yet
"$crisp" euicc serve chip --vpcd "$port" >serve.out 2>serve.err &
server=$!
pids+=("$server")
wait_text serve.err "no reader at 127.0.0.1:$port yet"
kill -INT "$server"
wait "$server"
equal $? 0
equal "$(grep -c 'no reader' serve.err)" 1
pids=()
run 1 euicc serve nowhere --vpcd "$port"
says err "nowhere"
run 2 euicc serve chip random --vpcd 65535
says err "does not leave room"
usage "chip is named twice" euicc serve chip random chip
run 2 euicc serve chip --vpcd host:port
says err "no address"
usage "DIR is missing" euicc serve
# a machine's chip
run 0 profile build "$root/examples/profiles/private-network-999-70.json" -o first.der
run 0 euicc create meter --pki pki --m2m --profile first.der --smsr-number +4512345678 \
    --smsr-https 192.0.2.10:8443/gsma/adminagent --smsc +451234 --nan iot.example \
    --timer attach=2m --timer repeats=5 --eis meter.json
says out "meter is an eUICC of a machine with EID "
equal "$(stat -c %a meter.json)" 600
for word in '"version": 1' '"version": 64' '"SCP81"' '"fallbackAttribute": true' '"sdin"' '"ecasd"'; do
    grep -q -- "$word" meter.json || fail "meter.json has no $word"
done
equal "$(grep -c '"value"' meter.json)" 5
run 0 euicc show meter
says out "a machine's chip" "A0000005591010FFFFFFFF8900001000" "Enabled" "fall-back"
run 0 euicc show meter --json
says out '"eid"'
says_not out '"value"' # keys are in the EIS of the EUM alone
usage "made with --m2m" euicc create other --pki pki --smsc +451234
usage "--svn is for a consumer's chip" euicc create other --pki pki --m2m --svn 2.2.0
usage "--rat is for a consumer's chip" euicc create other --pki pki --m2m --rat none
usage "stored with the first profile" euicc create other --pki pki --m2m --smsc +451234
usage "stored with the first profile" euicc create other --pki pki --m2m --nan iot.example
usage "--smsr-number takes a telephone number" euicc create other --pki pki --m2m --smsr-number shop
usage "attach is one second at least" euicc create other --pki pki --m2m --timer attach=0s
usage "meter.json is there already" euicc create other --pki pki --m2m --eis meter.json
run 1 euicc create other --pki pki --m2m --eis nowhere/other.json
says err "nowhere/other.json"
[[ ! -e other ]] || fail "a chip whose EIS cannot be written is there"
run 3 euicc create other --pki pki --m2m --profile first.der --profile first.der
says err "two of the profiles have the same ICCID"
[[ ! -e other ]] || fail "a chip with an ICCID twice is there"
usage "made with --m2m" euicc create other --pki pki --eis x.json
usage "does not begin with an IP address" euicc create other --pki pki --m2m --smsr-https smsr.example
usage "there is no timer 'patience'" euicc create other --pki pki --m2m --timer patience=1m
usage "repeats is from 1 to 100" euicc create other --pki pki --m2m --timer repeats=0
usage "DER is needed" euicc create other --pki pki --m2m --profile meter.json
printf '\x30\x01\x00' >none.der
run 3 euicc create other --pki pki --m2m --profile none.der
says err "crisp profile check"
[[ ! -e other ]] || fail "a chip that could not be made is there"
run 3 euicc create other --pki pki --m2m --timer attach=3d
says err "a duration is 1 to 86399 seconds"

done_testing
