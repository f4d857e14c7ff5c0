#!/usr/bin/env bash
# crisp smsr serve: starts from the files of a lab, says where it listens, stops on a signal and
# starts again; what is wrong in its files is named.
. "$(dirname "$0")/lib.sh"
need jq

run 0 pki init pki --host smdp.example.com
run 0 pki m2m-parties lab --pki pki

cat >radio.ini <<EOF
[radio]
trigger = 8100
cattp-address = [2001:db8::1]:9000
cattp-port = 10001
[smsc one]
port = 1
system-id = smsr
password = secret
number = +4599
[euicc 89001012012341234012345678901224]
channel = https
EOF

serve() {
    "$crisp" smsr serve --dir sr --parties lab/smsr-1.ini --config radio.ini --pki pki \
        --soap 127.0.0.1:0 --es5 127.0.0.1:0 --port-file ports "$@" >sr.out 2>sr.err &
    server=$!
    for ((i = 0; i < 600; i++)); do
        [[ -s ports ]] && return
        kill -0 $server 2>/dev/null || break
        sleep 0.1
    done
    cat sr.err
    fail "the SM-SR does not start"
}

stop() {
    kill -TERM $server
    wait $server || fail "it does not stop in good order: $?"
    rm ports
}

# a disk without room for the database: nothing is left that the next start would stumble over
(
    trap '' XFSZ
    ulimit -f 1
    exec "$crisp" smsr serve --dir sr --parties lab/smsr-1.ini --soap 127.0.0.1:0 --es5 127.0.0.1:0
) >out 2>err
equal $? 1
says err "sr/smsr.db"
[[ ! -e sr ]] || fail "a first start that failed left $(ls sr)"

serve
grep -q '"soap":[1-9]' ports || fail "no port for the parties"
grep -q '"es5":[1-9]' ports || fail "no port for the chips"
grep -q "SMSC one: 127.0.0.1:1 as smsr, number 4599, for all numbers" sr.out || fail "no SMSC"
run 3 smsr serve --dir sr --parties lab/smsr-1.ini --soap 127.0.0.1:0 --es5 127.0.0.1:0
says err "another server works in sr"
stop
serve --no-https
grep -q es5 ports && fail "HTTPS is served although it was not to be"
grep -q "by SMS only" sr.out || fail "it does not say that"
grep -q "none can be taken over" sr.out && fail "m2msr.gp is not found"
stop
sed -i 's/^trigger = .*/https-address = [2001:db8::1]:8446\nhttps-host = smsr.example/' radio.ini
run 0 pki issue pki m2m-sr --name mine
serve --identity mine --max-euiccs 10
stop
rm pki/nist/m2msr.* pki/brainpool/m2msr.*
serve
grep -q "none can be taken over" sr.out || fail "it does not say that it has no certificate"
stop

serve --no-https --cattp 127.0.0.1:0
grep -q '"cattp":[1-9]' ports || fail "no port for links"
grep -q "CAT_TP at 127.0.0.1, UDP port $(jq .cattp ports)" sr.out || fail "it does not say where"
grep -q "by SMS only" sr.out && fail "it says what is not true"
stop
sed -i 's/^channel = https/channel = cattp/' radio.ini
serve
grep -q "CAT_TP is configured for eUICCs, and not served" sr.out || fail "it does not say what will fail"
stop
serve --cattp 127.0.0.1:0
grep -q "not served" sr.out && fail "it says what is not true"
stop

run 3 smsr serve --dir sr --parties lab/smdp.ini
says err "lab/smdp.ini describes no SM-SR"
run 1 smsr serve --dir sr --parties nothing.ini
says err "nothing.ini"
run 1 smsr serve --dir sr --parties lab/smsr-1.ini --pki nowhere
says err "nowhere"
usage "--ci and --pki exclude each other" smsr serve --dir sr --parties lab/smsr-1.ini --pki pki --ci x
usage "--identity is a name in the directory of --pki" smsr serve --dir sr --parties lab/smsr-1.ini \
    --ci pki/nist/ci.der --identity x
run 3 smsr serve --dir sr --parties lab/smsr-1.ini --pki pki --identity nobody
says err "pki has no nobody.gp" "crisp pki issue pki m2m-sr --name nobody"
usage "'host:99999' is no address" smsr serve --dir sr --parties lab/smsr-1.ini --soap host:99999
usage "'host:99999' is no address" smsr serve --dir sr --parties lab/smsr-1.ini --cattp host:99999
run 3 smsr serve --dir sr --parties lab/smsr-1.ini --cattp 192.0.2.300:1
says err "'192.0.2.300' is no IP address to listen at"

wrong() { # text of the file, what is said
    printf '%b' "$1" >bad.ini
    run 3 smsr serve --dir sr --parties lab/smsr-1.ini --config bad.ini
    says err "$2"
}
wrong '[smsc x]\nport = 1\n' "[smsc x] needs port, system-id, password and number"
wrong '[smsc x]\nport = 65536\n' "line 2: [smsc x] port takes a number from 1 to 65535"
wrong '[smsc x]\nnumber = shop\n' "[smsc x] number"
wrong '[smsc x]\nprot = 1\n' "[smsc x] prot is no setting; there are host, port, system-id"
wrong '[radio]\nchannel = pigeon\n' "[radio] channel takes sms, https or cattp"
wrong '[radio]\ntrigger = 8201\n' "[radio] trigger"
wrong '[radio]\npath = x\n' "[radio] path"
for address in 192.0.2.10 host:9000 192.0.2.10:0 192.0.2.10:65536 '[2001:db8::1]' '[192.0.2.1]:9000' 2001:db8::1:9000; do
    wrong "[radio]\ncattp-address = $address\n" "[radio] cattp-address"
done
wrong '[radio]\ncattp-port = 0\n' "[radio] cattp-port"
wrong '[radio]\nhttps-address = smsr.example:8446\n' "[radio] https-address"
wrong '[radio]\nhttps-address = 192.0.2.10\n' "[radio] https-address"
wrong '[radio]\nhttps-address = 192.0.2.10:0\n' "[radio] https-address"
wrong '[radio]\nhttps-address = [2001:db8::1]\n' "[radio] https-address"
wrong '[radio]\nhttps-host =\n' "[radio] https-host"
wrong '[euicc 12]\nchannel = sms\n' "[euicc 12] channel"
wrong '[nonsense]\na = b\n' "there is no such section; there are [radio], [smsc NAME] and [euicc EID]"
wrong 'words\n' "line 1: neither a section nor a setting"
one='port = 1\nsystem-id = a\npassword = b\nnumber = 1\n'
wrong "[smsc x]\n$one[smsc y]\n$one" "[smsc y] has the prefix of another SMSC"
