#!/usr/bin/env bash
# crisp euicc fs, apdu by name, serve --trace, --record, --fault, --many, replay; crisp aka.
. "$(dirname "$0")/lib.sh"
need jq python3

# ---- a chip with an enabled profile
iccid=8988211000000000017
run 0 pki init pki --host smdpp.example.com
run 0 profile build "$root/examples/profiles/private-network-999-70.json" -o p.der
run 0 smdpp profile import --dir dp --pki pki p.der
run 0 smdpp order create --dir dp --pki pki --iccid $iccid --json
code=$(jq -r '.activationCode' out)
"$crisp" smdpp serve --dir dp --pki pki --es9 127.0.0.1:0 --es2 127.0.0.1:0 --port-file ports >dp.log 2>&1 &
pids+=($!)
run 0 euicc create chip --pki pki
run 3 euicc fs chip
says err "no profile is enabled" "no profile is installed"
wait_for ports
dp_server=(--ca pki/nist/ci.der --connect "127.0.0.1:$(jq .es9 ports)")
run 0 lpa download "$code" --yes --chip chip "${dp_server[@]}"
run 3 euicc fs chip
says err "name one with --profile: $iccid"
run 0 euicc fs chip --profile $iccid IMSI
run 0 lpa enable $iccid --chip chip "${dp_server[@]}"

# ---- fs
run 0 euicc fs chip
says out "profile $iccid" "EF.IMSI" "= 999700000000001" "= Private 5G" "MSISDN" "DF.5GS" \
    "= 999-70:eutran,ngran" "19 Service Provider Name" "service centre +88299970000000" "= 112"
run 0 euicc fs chip MF/ADF.USIM/EF.IMSI
says out "file id     6F07" "transparent, 9 bytes, SFI 07, rule 6F06/2" \
    "access      read: PIN1; update, deactivate, activate, delete: ADM1" "= 999700000000001" \
    "0000: 089999070000000010"
for path in imsi ADF.USIM/6F07 A0000000871002/6F07 /7FD0/6F07; do
    run 0 euicc fs chip $path
    says out "MF/ADF.USIM/EF.IMSI"
done
run 0 euicc fs chip MF/ADF.USIM/EF.ECC
says out "  1: 11F2FF00" "  2: 19F1FF00" "= 911"
run 0 euicc fs chip USIM/5GS
says out "EF.SUCI_Calc_Info" "= profile A with key 1, null scheme" "key identifier 1: 5A8D38864820197C"
says_not out "EF.IMSI"
run 0 euicc fs chip --dump MF/ADF.USIM/EF.FDN
says out " 20: FFFF"
run 0 euicc fs chip --json
equal "$(jq -r '.iccid' out)" $iccid
equal "$(jq -r '[.files[] | select(.path == "MF/ADF.USIM/EF.IMSI")] | .[0] | [.decoded, .fid, .sfi, .size, .content, .type] | join(" ")' out)" \
    "999700000000001 6F07 7 9 089999070000000010 transparent"
equal "$(jq -r '.files[] | select(.path == "MF/ADF.USIM/EF.ECC") | .content | length' out)" 2
run 3 euicc fs chip --profile 123
says err "no profile 123" "installed are $iccid"
run 3 euicc fs chip NOSUCH
says err "no file is called 'NOSUCH'"
run 3 euicc fs chip MF/ADF.USIM/6F99
says err "no file MF/ADF.USIM/6F99"
run 3 euicc fs chip ARR
says err "several files"
run 1 euicc fs nowhere
says err "nowhere"
run 1 euicc fs --json nowhere
jq -e .cause out >/dev/null || fail "no JSON"
usage "DIR is missing" euicc fs
usage "ABC" euicc fs chip MF ABC

# ---- apdu by name
run 0 euicc apdu chip 'select MF/ADF.USIM/EF.IMSI' 'read binary'
equal "$(tail -n 1 out)" 0899990700000000109000
equal "$(head -n 1 out)" 6140
run 0 euicc apdu chip --no-follow 'select ADF.USIM' 00C0000001
equal "$(tr '\n' ' ' <out)" "6140 62613F "
run 0 euicc apdu chip --follow 00A40004023F00
equal "$(wc -l <out)" 2
run 0 euicc apdu chip --decode 'select spn' 'read binary' 'verify pin1'
says out "MF/ADF.USIM/EF.SPN: transparent, 17 bytes" "  Private 5G" "63C3  3 tries left"
printf '# who\nchannel open\nuse 1\nselect ISD-R\n\nstore data BF3E035C015A\nuse 0\nreset\nquit\nnonsense\n' >script
run_in 0 script euicc apdu chip --decode
says out "channel 1" "eidValue:" "3B97"
printf 'select MF\nuse 3\n' >script
run_in 3 script euicc apdu chip
says err "line 2" "channel 3 is not open"
printf 'select MF\nnonsense 3\n' >script
run_in 1 script euicc apdu chip -
says err "line 2" "neither hex"
run 0 euicc apdu chip 'help verify'
says out "KEY [PIN]"
run 2 euicc apdu chip 'selekt MF'
says err "neither hex" "did you mean 'select'"
run 2 euicc apdu chip 'select MF' 'verify 01'  'read binary x'
says err "no number"
usage "--decode and --hex" euicc apdu chip --decode --hex 'select MF'
usage "--follow and --no-follow" euicc apdu chip --follow --no-follow 'select MF'
usage "DIR is missing" euicc apdu
run 1 euicc apdu --reader 'no such reader' 'select MF'

# the shell: editing, completion, a history without PINs
cat >shell.py <<'PYTHON'
import os, pty, select, signal, sys, termios, time
signal.alarm(120)
pid, fd = pty.fork()
if pid == 0:
    # libedit keeps the names of added functions to the end: no leak of ours
    os.environ.update(TERM="vt100", XDG_STATE_HOME=os.getcwd() + "/state", ASAN_OPTIONS="detect_leaks=0")
    os.execv(sys.argv[1], [sys.argv[1], "euicc", "apdu", "chip"])
seen = b""
def expect(text):
    global seen
    end = time.time() + 20
    while text not in seen:
        if time.time() > end:
            sys.exit("no %r in %r" % (text, seen))
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 4096)
            except OSError:
                break
    assert text in seen, (text, seen)
    seen = seen.split(text, 1)[1]
# The prompt is there before the terminal is raw, and a ^D between the two would be lost.
def enter(text):
    end = time.time() + 20
    while termios.tcgetattr(fd)[3] & termios.ICANON:
        if time.time() > end:
            sys.exit("the terminal does not get raw")
        time.sleep(0.01)
    os.write(fd, text)
expect(b"apdu> ")
enter(b"sel\t")
expect(b"ect")
enter(b" MF/ADF.USIM/EF.HPPL\t")
expect(b"MN")
enter(b"\r")
expect(b"EF.HPPLMN: transparent")
enter(b"select IMSI\r")
expect(b"EF.IMSI: transparent")
enter(b"read binary\r")
expect(b"999700000000001")
enter(b"verify 01 9753\r")
expect(b"PIN disabled")
enter(b"0020000108393735 33FFFFFFFF\r")
expect(b"6984")
enter(b"foo\r")
expect(b"neither hex")
enter(b"channel open\r")
expect(b"channel 1")
enter(b"use 1\r")
expect(b"apdu 1> ")
enter(b"\x04")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
PYTHON
python3 shell.py "$crisp" >out 2>err || fail "the shell"
((checks += 9))
history=state/crisp/apdu_history
grep -q 'EF.HPPLMN' $history || fail "no history"
! grep -q '9753\|3937' $history || fail "a PIN is in the history"
equal "$(stat -c %a $history)" 600

# ---- serve: a reader that python plays
cat >reader.py <<'PYTHON'
import socket, struct, sys, time
def send(c, p): c.sendall(struct.pack(">H", len(p)) + p)
def receive(c):
    h = c.recv(2, socket.MSG_WAITALL)
    return c.recv(struct.unpack(">H", h)[0], socket.MSG_WAITALL) if len(h) == 2 else None
def dial():
    for _ in range(200):
        try:
            c = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            c.settimeout(20)
            send(c, b"\x01")
            send(c, b"\x04")
            if receive(c):
                return c
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit("nobody listens")
c = dial()
for a in sys.argv[2:]:
    if a == "reset":
        send(c, b"\x02")
        continue
    send(c, bytes.fromhex(a))
    r = receive(c)
    print(r.hex().upper() if r is not None else "gone", flush=True)
    if r is None:
        c = dial()
PYTHON
# the first of 40 free ports, below those that connections get
free_ports() {
    python3 - <<'PYTHON'
import random, socket
while True:
    base = random.randrange(12000, 30000)
    try:
        taken = [socket.create_server(("127.0.0.1", base + i)) for i in range(40)]
    except OSError:
        continue
    print(base)
    break
PYTHON
}
# serve ARGUMENTS... in the background, at $port
serve() {
    port=$(free_ports)
    "$crisp" euicc serve --listen "127.0.0.1:$port" "$@" >serve.out 2>serve.err </dev/null &
    server=$!
    pids+=("$server")
}
stop() { # stop CODE
    [[ $1 != 0 ]] || kill -TERM "$server" 2>/dev/null
    wait "$server"
    equal $? "$1"
    unset 'pids[-1]'
}
reader() {
    python3 reader.py "$port" "$@" >out 2>err || fail "the reader"
}
select=01A4040010A0000005591010FFFFFFFF8900000100

serve --trace --record session.jsonl chip
reader 0070000001 $select 81E2910003BF2E00 81C0000000 reset 00A4040C07A0000000871002 \
    00A4080C047FFF6F07 00B0000009 0084000008
reader 00A4000C023F00 0084000010 002000010839373533FFFFFFFF
equal "$(sed -n 1p out)" 9000
run 1 euicc fs chip
says err "in use by process" "--reader"
stop 0
says serve.out "ES10b.GetEuiccChallenge" "READ BINARY EF.IMSI -> 999700000000001" "power on" \
    "value not shown" "SELECT MF/ADF.USIM/EF.IMSI"
says_not serve.out 39373533
equal "$(stat -c %a session.jsonl)" 600
run 0 euicc replay session.jsonl
says out "all as recorded"
run 0 euicc replay --trace session.jsonl
says out "GET CHALLENGE"
run 0 euicc replay --json session.jsonl
equal "$(jq -r .different out)" 0
# on the chip itself: other random numbers
run 1 euicc replay session.jsonl chip
says out "GET CHALLENGE" "recorded" "now"
# one byte of an answer is another
sed 's/"response":"089999070000000010/"response":"089999070000000011/' session.jsonl >changed.jsonl
run 1 euicc replay changed.jsonl
says out "byte 8 of the answer" "999700000000001;" "999700000000011;" "1 differ"
run 1 euicc replay --show 0 changed.jsonl
says_not out "byte 8"
head -n 1 session.jsonl >short.jsonl
run 1 euicc replay short.jsonl
[[ -s err ]] || fail "no message"
run 1 euicc replay reader.py
says err "reader.py: line 1: this is no recording"
sed '1s/"crispRecording":1/"crispRecording":9/' session.jsonl >newer.jsonl
run 3 euicc replay newer.jsonl
says err "version 9"
run 1 euicc replay nowhere.jsonl
says err "nowhere.jsonl"
usage "FILE is missing" euicc replay
usage "exclude each other" euicc replay session.jsonl chip --reader 0

# faults: the card leaves the reader and comes back; what was recorded is played with its faults
serve --record faults.jsonl --fault 'cut after 2' --fault 'flip 0 of response 4' --fault 'drop 5' \
    --fault 'cut at write 1' --fault 'delay 1 at 6' chip
reader 00A4000C023F00 00A4000C023F00 00A4000C023F00 00A4000C023F00 00A4000C023F00 00A4000C023F00 \
    0020000108000000 00A4000C023F00
equal "$(tr '\n' ' ' <out)" "9000 gone 9000 9100 6F00 9000 6700 9000 "
stop 0
says serve.err "power cut by a fault behind command 2"
run 0 euicc replay faults.jsonl
says out "8 exchanges, all as recorded"
serve --fault 'cut before 1 STATUS' --fault-exit chip
reader 00A4000C023F00
python3 reader.py "$port" 80F2000C >out 2>err &
gone=$!
wait "$server"
equal $? 0
unset 'pids[-1]'
kill $gone 2>/dev/null
wait $gone 2>/dev/null
says serve.err "power cut by a fault"
run 0 euicc fs chip IMSI # the chip is well
run 2 euicc serve --fault 'cut at wrote 3' chip
says err "'write' is expected here" "  cut at wrote 3" "         ^" "--fault-help"
run 2 euicc serve --fault 'flip 1 of response' chip
run 0 euicc serve --fault-help
says out "cut at write N" "drop N" "every"

# many
serve --many 40 chip
reader 00A4040C07A0000000871002 00A4080C047FFF6F07 00B0000009
equal "$(tail -n 1 out)" 0899990700000000109000
((port += 39))
reader 00A4000C023F00
stop 0
serve --many 2 --pki pki --trace
reader 00A4000C023F00
stop 0
says serve.out "chip 1: 1: 0 SELECT MF -> 9000 ok"
usage "--many copies one DIR" euicc serve --many 3 chip chip2
usage "--many needs a DIR" euicc serve --many 3
usage "for --many only" euicc serve --pki pki chip
usage "--record takes one chip" euicc serve --record r --many 2 chip
usage "many takes a number" euicc serve --many 0 chip
usage "exclude each other" euicc serve --one-port --listen 1 chip
run 1 euicc serve --record /nowhere/x chip
says err "/nowhere/x"
run 1 euicc serve --many 2 --pki nowhere

# ---- aka: TS 35.208 set 1, and a chip with the same keys
key=(--k 465B5CE8B199B49FAA5F0A2EE238A6BC --opc CD63CB71954A9F4E48A5994E37A02BAF)
run 0 aka challenge "${key[@]}" --rand 23553CBE9637A89D218AE64DAE47BF35 --sqn FF9BB4D0B607 --amf B9B9 --json
equal "$(jq -r '[.AUTN, .XRES, .CK, .IK, .Kc] | join(" ")' out)" \
    "55F328B43577B9B94A9FFAC354DFAFB3 A54211D5E3BA50BF B40BA9A3C58B2A05BBF0D987B21BF8CB F769BCD751044604127672711C6D3441 EAE4BE823AF9A08B"
run 0 aka challenge --profile "$root/examples/profiles/private-network-999-70.json" --json
rand=$(jq -r .RAND out) autn=$(jq -r .AUTN out) xres=$(jq -r .XRES out)
run 0 euicc apdu chip --decode 'select ADF.USIM' "authenticate $rand $autn"
says out "RES $xres, keys not shown"
run 0 euicc apdu chip 'select ADF.USIM' "authenticate $rand $autn" # once more: used up
auts=$(tail -n 1 out)
equal "${auts:0:4}" DC0E
run 0 aka resync "${key[@]}" --rand "$rand" --auts "${auts:4:28}" --json
equal "$(jq -r '[.SQNms, .SQN] | join(" ")' out)" "000000000020 000000000040"
last=0
[[ ${auts:31:1} != 0 ]] || last=1
run 3 aka resync "${key[@]}" --rand "$rand" --auts "${auts:4:27}$last"
says err "MAC-S"
run 0 aka challenge "${key[@]}" --sqn 000000000040 --json
run 0 euicc apdu chip --decode 'select ADF.USIM' "authenticate $(jq -r '.RAND + " " + .AUTN' out)"
says out "RES"
run 0 aka challenge --algorithm tuak --k ABABABABABABABABABABABABABABABAB --res-size 4 \
    --op 5555555555555555555555555555555555555555555555555555555555555555 \
    --rand 42424242424242424242424242424242 --sqn 111111111111 --amf FFFF --json
equal "$(jq -r '[.XRES, .CK] | join(" ")' out)" "657ACD64 D71A1E5C6CAFFE986A26F783E5C78BE1"
run 0 aka challenge --algorithm test --k 000102030405060708090A0B0C0D0E0F \
    --rand 23553CBE9637A89D218AE64DAE47BF35
says out "BD9232AE9A09800023543EBD92122E9A" "23543EBD9232AE9A2983EC46A24AB13A"
run 2 aka challenge
says err "K is missing" "--profile"
run 2 aka challenge --k 12
says err "16 bytes"
run 2 aka challenge --k 465B5CE8B199B49FAA5F0A2EE238A6BC
says err "OPc is missing"
run 2 aka challenge "${key[@]}" --sqn 12
says err "SQN has 6 bytes"
run 2 aka challenge "${key[@]}" --rand zz
run 2 aka resync "${key[@]}" --auts 00
says err "--rand is missing"
run 1 aka challenge --profile nowhere.json
usage "--auts is missing" aka resync "${key[@]}"
usage "cannot be 'xor'" aka challenge "${key[@]}" --algorithm xor
printf '{"k":"00","algorithm":"des"}' >d.json
run 2 aka challenge --profile d.json
says err "'des' is no algorithm"
printf '[]' >d.json
run 2 aka challenge --profile d.json
says err "no profile description"

# ---- bench
run 0 bench chips --chips 3 --seconds 1 --profiles 5
equal "$(tail -n 1 out | jq -r '[.chips, .installs, .failed] | join(" ")')" "3 5 0"
usage "chips takes a number" bench chips --chips 0
done_testing
