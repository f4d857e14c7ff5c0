#!/usr/bin/env bash
# crisp smdp: the stock from the command line, and the server as a process.
. "$(dirname "$0")/lib.sh"
need jq curl openssl

one=8988211000000000017
run 0 pki init pki
run 0 pki m2m-parties lab
package 1.der $one

# ---- the stock
run 1 smdp profile list -d dp
says err "there is no directory dp" "crisp smdp profile import"
run 1 smdp jobs -d dp
run 2 smdp profile import -d dp --pol2 never 1.der
run 2 smdp profile import -d dp --msisdn 1 1.der 1.der
usage "--owner takes an OID" smdp profile import -d dp --owner operator-a 1.der
usage "--imsi takes 5 to 15 digits" smdp profile import -d dp --imsi 1234 1.der
usage "--msisdn takes 1 to 15 digits" smdp profile import -d dp --msisdn +4790 1.der
run 0 smdp profile import -d dp --owner 2.999.101 --type meter --pol2 delete-not-allowed 1.der
says out "$one"
run 3 smdp profile import -d dp 1.der
says err "1.der" "already"
echo garbage >bad.der
run 1 smdp profile import -d dp bad.der
says err "bad.der"
run 0 smdp profile list -d dp
says out "$one" "Available" "meter" "2.999.101"
run 0 smdp profile list -d dp --json
[ "$(jq -r .iccid out)" = $one ] || fail "no JSON"
# the templates make files that the package does not spell out
jq -e '.memory > 4 * .size' out >/dev/null || fail "not the memory of its files: $(cat out)"
run 0 smdp jobs -d dp
says out "no jobs"
grep -q "$one" dp/smdp.db || fail "the ICCID is not in the database"
[ "$(stat -c %a dp/seal.key)" = 600 ] || fail "the sealing key can be read by others"

# ---- what needs an installed Profile
run 2 smdp connectivity -d dp --parties lab/smdp.ini $one nohex
run 2 smdp connectivity -d dp --parties lab/smdp.ini 12 A000
run 3 smdp connectivity -d dp --parties lab/smdp.ini $one A000
says err "Available"
run 2 smdp delete-token -d dp --parties lab/smdp.ini 1234 $one
run 3 smdp delete-token -d dp --parties lab/smdp.ini 89049032123451234512345678901235 $one
says err "8.2.1"

# ---- the server
run 2 smdp serve -d dp --parties lab/smdp.ini
run 2 smdp serve -d dp --parties lab/smdp.ini --pki pki --listen nowhere:x
run 3 smdp serve -d dp --parties lab/smsr-1.ini --pki pki
says err "role = smdp"
run 1 smdp serve -d dp --parties lab/smdp.ini --pki nopki
"$crisp" smdp serve -d dp --parties lab/smdp.ini --pki pki --listen 127.0.0.1:0 \
    --port-file port.json >serve.out 2>serve.err &
pids+=($!)
server=$!
for ((i = 0; i < 100; i++)); do
    [ -s port.json ] && break
    sleep 0.1
done
port=$(jq -r .port port.json)
run 3 smdp serve -d dp --parties lab/smdp.ini --pki pki --listen 127.0.0.1:0
says err "another server works in dp"
# post FILE [CURL ARGUMENTS...]: the HTTP status, 000 when TLS fails
post()
{
    curl -sk --noproxy '*' -H 'Content-Type: application/soap+xml' --data-binary "@$1" "${@:2}" \
        -o reply -w '%{http_code}' "https://127.0.0.1:$port/"
}
echo no message >bad.xml
openssl x509 -inform DER -in lab/nist/operator-a.der -out a.pem
((checks += 2))
code=$(post bad.xml)
[ "$code" = 000 ] || fail "somebody without a certificate got $code"
code=$(post bad.xml --cert a.pem --key lab/nist/operator-a.key)
[ "$code" = 400 ] || fail "what is no message got $code"
grep -q Fault reply || fail "no SOAP Fault"
kill -TERM $server
wait $server || fail "the server did not end well"
pids=()
done_testing
