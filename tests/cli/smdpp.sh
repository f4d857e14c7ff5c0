#!/usr/bin/env bash
# crisp smdpp: inventory and orders from the command line, a server beside them, the operator's side
# of ES2+ with curl.
. "$(dirname "$0")/lib.sh"
need openssl jq curl

eid=89049032123451234512345678901235
one=8988211000000000017
two=8988211000000000025
run 0 pki init pki --host smdpp.test --extra-name localhost --extra-name 127.0.0.1

# ---- inventory
package 1.der $one
package 2.der $two
run 1 smdpp profile import -d dp 1.der
says err "there is no directory dp" "--pki DIR or --config FILE"
run 0 smdpp profile list -d dp --pki pki
says out "no profiles"
(cd / && "$crisp" smdpp profile list -d "$work/dp" >/dev/null) || fail "the identity is not remembered"
run 0 smdpp profile import -d dp --type data --name "Campus 5G" 1.der 2.der
says out "2 of 2 profiles imported"
run 3 smdpp profile import -d dp 1.der
says err "1.der" "in the inventory already"
says out "0 of 1 profiles imported"
echo garbage >bad.der
package 3.der 8988211000000000033
run 1 smdpp profile import -d dp 3.der bad.der
says err "bad.der"
says out "1 of 2 profiles imported"
run 0 smdpp profile remove -d dp 8988211000000000033
run 3 smdpp profile remove -d dp 8988211000000000033
says err "not in the inventory"
run 2 smdpp profile remove -d dp 12345
run 0 smdpp profile list -d dp --json
equal "$(jq -r '.iccid + " " + .state + " " + .serviceProviderName + " " + .profileName' out | sort)" \
    "$one Available Black box Campus 5G
$two Available Black box Campus 5G"
run 0 smdpp profile list -d dp --state released
says out "no profiles in state released"
usage "state cannot be 'happy'" smdpp profile list -d dp --state happy
usage "--dir is missing" smdpp profile list
usage "FILE is missing" smdpp profile import -d dp
run 3 smdpp profile list -d dp --pki pki --config x
says err "two identities"
run 1 smdpp profile list -d dp --pki nowhere
says err "nowhere" "pki init"
run 1 smdpp profile list -d dp --config nowhere.conf
says err "nowhere.conf"

# metadata options
for bad in "--spn $(printf 'x%.0s' {1..33})|33 bytes" "--ppr ppr1 --owner-plmn 12|owner-plmn" \
    "--ppr ppr7|there are: none, update-control, ppr1, ppr2" "--icon bad.der|bad.der" \
    "--gid1 XYZ|gid1" "--notify-address what=a.example|there are: install" \
    "--notify-address a.example|'=' divides"; do
    read -ra options <<<"${bad%%|*}"
    "$crisp" smdpp profile import -d dp 3.der "${options[@]}" >out 2>err &&
        fail "imported with ${bad%%|*}"
    says err "${bad##*|}"
done
for bad in "--ppr ppr7|is no profile policy rule" "--owner-plmn 12|owner-plmn" "--gid1 XYZ|gid1" \
    "--notify-address all=a/b|'a/b' is no address of a server" "--smds a/b|--smds 'a/b' is no host name"; do
    read -ra options <<<"${bad%%|*}"
    usage "${bad##*|}" smdpp order create -d dp --iccid $one "${options[@]}"
    [[ $bad == --smds* ]] || usage "${bad##*|}" smdpp profile import -d dp 3.der "${options[@]}"
done
usage "an ICCID has 18 to 20 decimal digits" smdpp profile remove -d dp $one 123
run 0 smdpp order show -d dp $one
usage "class cannot be 'first'" smdpp profile import -d dp 3.der --class first
run 0 smdpp profile import -d dp 3.der --type special --owner "ACME" --class test --ppr ppr1,ppr2 \
    --owner-plmn 999-70 --gid1 AB --notify-address enable,disable=n.example
run 0 smdpp order show -d dp 8988211000000000033
says out "ppr1, ppr2" "class              test" "owner              ACME"

# ---- orders
run 0 smdpp order create -d dp --iccid $one --matching-id BLACK-BOX-1 --confirmation-code 4711 \
    --expires 7d --attempts 5 --spn "Other" --json
equal "$(jq -r '.activationCode' out)" 'LPA:1$smdpp.test$BLACK-BOX-1$$1'
equal "$(jq -r '.manualCode' out)" '1$smdpp.test$BLACK-BOX-1$$1'
equal "$(jq -r '[.iccid, .state, .downloadLimit, .confirmationCodeRequired, .serviceProviderName] | join(" ")' out)" \
    "$one Released 5 true Other"
run 0 smdpp order show -d dp BLACK-BOX-1
says out "$one" "download attempts  0 of 5" "required, 0 of 3 wrong attempts"
run 3 smdpp order create -d dp --iccid $one
says err "8.2.1" "3.3" "it is Released" "what to do"
run 3 smdpp order create -d dp --iccid $two --matching-id BLACK-BOX-1
says err "8.2.6" "3.3"
run 0 smdpp profile list -d dp --state available --json
says out $two # the failed order gave it back
run 3 smdpp order create -d dp --type nothing
says err "8.2.5" "3.9"
run 3 smdpp order create -d dp --iccid 8988211000000000999
says err "8.2.1" "3.9"
run 0 smdpp order create -d dp --type data --eid $eid --default --address rsp.example.org:8443 --with-oid
says out 'LPA:1$rsp.example.org:8443$$2.999.10' "default SM-DP+ order" "$eid"
run 0 smdpp order cancel -d dp $two
says out "Available"
run 3 smdpp order cancel -d dp $two
run 0 smdpp order create -d dp --iccid $two --hold
says out "Confirmed"
run 0 smdpp order release -d dp $two
says out "Released" "activation code"
run 3 smdpp order release -d dp $two
run 3 smdpp order confirm -d dp 8988211000000000033
says err "Available"
run 0 smdpp order cancel -d dp $two --unavailable
run 0 smdpp profile list -d dp --state unavailable --json
says out $two
run 0 smdpp profile remove -d dp $two
run 0 smdpp profile import -d dp --type data 2.der
run 3 smdpp profile remove -d dp $one
says err "it is Released"
run 3 smdpp order show -d dp NOTHING
says err "no profile with the ICCID or MatchingID NOTHING"
run 0 smdpp order list -d dp
says out BLACK-BOX-1 "$one"
usage "Give --iccid or --type" smdpp order create -d dp
usage "--default needs --eid" smdpp order create -d dp --type data --default
run 2 smdpp order create -d dp --type data --matching-id 'a$b'
says err "no MatchingID"
run 2 smdpp order create -d dp --type data --eid 1234
run 2 smdpp order create -d dp --type data --expires soon
says err "no time"
run 2 smdpp order create -d dp --type data --expires 2001-01-01
says err "past"
run 2 smdpp order create -d dp --type data --address http://x/
says err "--address http://x/"
run 0 smdpp order list -d dp
equal "$(grep -c Released out)" 1 # a wrong command line has ordered nothing
run 2 smdpp order create -d dp --type data --qr gif:x
says err "terminal, png:FILE or svg:FILE"
printf '%s' 1234 >code
run_in 0 code smdpp order create -d dp --type data --confirmation-code -
says err "Confirmation code:"
says out '$$1'
run 0 smdpp order cancel -d dp $two
# out of a file, whose first line it is
run 0 smdpp order create -d dp --type data --confirmation-code @code
says out '$$1'
run 0 smdpp order cancel -d dp $two
printf '4711\r\nanother line\n' >code
run 0 smdpp order create -d dp --type data --confirmation-code @code
run 0 smdpp order cancel -d dp $two
run 1 smdpp order create -d dp --type data --confirmation-code @missing
says err "--confirmation-code: cannot open missing"
printf '\n4711\n' >code
run 3 smdpp order create -d dp --type data --confirmation-code @code
says err "code holds no line" "what to do"
head -c 256 /dev/zero | tr '\0' 1 >code
run 3 smdpp order create -d dp --type data --confirmation-code @code
run 0 smdpp profile list -d dp --state available
says out $two # what failed has ordered nothing
run 0 smdpp order create -d dp --type data --eid 89049032123451234512345678901299
says err "check digits"
run 0 smdpp order cancel -d dp $two

# ---- QR codes
run 0 smdpp order show -d dp $one --qr png:q.png --qr svg:q.svg --qr terminal
cp out terminal
says out "█"
[[ -s q.png && -s q.svg ]] || fail "the pictures are missing"
grep -q '<svg' q.svg || fail "q.svg is no SVG"
if have zbarimg; then
    equal "$(zbarimg -q --raw q.png 2>/dev/null)" 'LPA:1$smdpp.test$BLACK-BOX-1$$1'
fi
# The half blocks of the terminal as a picture again: light is a block.
pbm() {
    python3 - "$1" <<'PYTHON'
import re, sys
rows = []
for line in open(sys.argv[1], encoding="utf-8"):
    line = re.sub("\x1b\\[[0-9;]*m", "", line.rstrip("\r\n"))
    if "\u2588\u2588" not in line:
        continue
    rows.append([c in " \u2584" for c in line])
    rows.append([c in " \u2580" for c in line])
scale = 6
print("P1", len(rows[0]) * scale, len(rows) * scale)
for row in rows:
    for _ in range(scale):
        print(" ".join(("1 " if dark else "0 ") * scale for dark in row))
PYTHON
}
if have zbarimg && have python3; then
    pbm terminal >terminal.pbm
    equal "$(zbarimg -q --raw terminal.pbm 2>/dev/null)" 'LPA:1$smdpp.test$BLACK-BOX-1$$1'
    if have script; then
        script -qec "'$crisp' smdpp order show -d dp $one --qr terminal" coloured >/dev/null </dev/null
        grep -q $'\033\\[97;40m' coloured || fail "no colours on a terminal"
        pbm coloured >coloured.pbm
        equal "$(zbarimg -q --raw coloured.pbm 2>/dev/null)" 'LPA:1$smdpp.test$BLACK-BOX-1$$1'
    fi
fi
run 2 smdpp order show -d dp $one --address http://x/
run 1 smdpp order create -d dp --type data --qr png:/dev/null/x.png
says err "/dev/null/x.png" "the order stands" "smdpp order show $two --qr png:/dev/null/x.png"
run 0 smdpp order cancel -d dp $two
run 1 smdpp order show -d dp $one --qr png:/dev/null/x.png
says err "/dev/null/x.png"

# ---- a server beside the commands
"$crisp" smdpp serve -d dp --es9 127.0.0.1:0 --es2 127.0.0.1:0 --port-file ports \
    --download-limit 7 >serve.out 2>serve.err &
server=$!
pids+=("$server")
wait_for ports
equal "$(jq -r .pid ports)" "$server"
es9=$(jq -r .es9 ports)
es2=$(jq -r .es2 ports)
says serve.out "https://127.0.0.1:$es9" "https://127.0.0.1:$es2" "OID 2.999.10" \
    "activation codes name smdpp.test" "at port 443, ES9+ is served on $es9" \
    "--public-address smdpp.test:$es9"
equal "$(jq -r .address ports)" smdpp.test
run 0 smdpp order create -d dp --type data --json
equal "$(jq -r '[.activationCode, .downloadLimit] | join(" ")' out | sed 's/\$[^$]* / /')" \
    "LPA:1\$smdpp.test 7" # the same as before the server was started
# the public address is remembered, 443 is left out, what cannot be said is refused
run 0 smdpp order show -d dp $two --public-address smdpp.test:9443 --json
equal "$(jq -r .activationCode out | cut -d'$' -f2)" smdpp.test:9443
run 0 smdpp order show -d dp $two --json
equal "$(jq -r .activationCode out | cut -d'$' -f2)" smdpp.test:9443
run 0 smdpp order show -d dp $two --address once.test:1 --json
equal "$(jq -r .activationCode out | cut -d'$' -f2)" once.test:1
run 0 smdpp order show -d dp $two --address once.test --with-oid
says out 'LPA:1$once.test$' '$2.999.10'
for wrong in 'a$b' 'http://x/' 'smdpp.test:x'; do
    run 3 smdpp order show -d dp $two --public-address "$wrong"
    says err "public address $wrong" "what to do"
done
run 0 smdpp order show -d dp $two --public-address other.test:443 --json
equal "$(jq -r .activationCode out | cut -d'$' -f2)" other.test
run 0 smdpp order show -d dp $two --public-address ""
run 0 smdpp order show -d dp $two --json
equal "$(jq -r .activationCode out | cut -d'$' -f2)" smdpp.test
run 0 smdpp order cancel -d dp $two

openssl x509 -inform DER -in pki/nist/ci.der -out ci.pem
openssl x509 -inform DER -in pki/nist/operator.der -out operator.pem
post() { # PORT PATH BODY CURL-OPTIONS...
    local port=$1 path=$2 body=$3
    shift 3
    curl -sS --noproxy '*' --cacert ci.pem -H 'Content-Type: application/json' \
        -H 'X-Admin-Protocol: gsma/rsp/v2.2.0' --data "$body" "$@" "https://localhost:$port$path"
}
post "$es9" /gsma/rsp2/es9plus/initiateAuthentication '{}' >answer 2>err || fail "ES9+ does not answer"
equal "$(jq -r .header.functionExecutionStatus.status answer)" Failed
wait_text serve.err "initiateAuthentication"
operator=(--cert operator.pem --key pki/nist/operator.key)
header='"header":{"functionRequesterIdentifier":"1.2.3","functionCallIdentifier":"c1"}'
post "$es2" /gsma/rsp2/es2plus/downloadOrder "{$header,\"profileType\":\"data\"}" "${operator[@]}" \
    >answer 2>err || fail "ES2+ does not answer"
equal "$(jq -r .iccid answer)" $two
post "$es2" /gsma/rsp2/es2plus/downloadOrder "{$header,\"profileType\":\"data\"}" >answer 2>err &&
    fail "ES2+ talks to somebody without a certificate"
run 0 smdpp order confirm -d dp $two --operator operator
says out "Released" 'LPA:1$smdpp.test$'
run 0 smdpp order list -d dp --state released --json
equal "$(jq -r 'select(.requester == "operator") | .iccid' out)" $two
kill -TERM "$server"
wait "$server"
equal $? 0
says serve.err "stopped"
pids=()

# ---- another identity, by file
cat >dp.conf <<CONF
[smdpp]
address = other.test
public-address = public.test:8443
trust = pki/nist/ci.der
tls-cert = pki/nist/dptls.der
tls-key = pki/nist/dptls.key
[identity only]
dpauth-cert = pki/nist/dpauth.der
dpauth-key = pki/nist/dpauth.key
dppb-cert = pki/nist/dppb.der
dppb-key = pki/nist/dppb.key
CONF
"$crisp" smdpp serve -d dp2 --config dp.conf --es9 127.0.0.1:0 --port-file ports2 >serve2.out 2>serve2.err &
server=$!
pids+=("$server")
wait_for ports2
says serve2.out "SM-DP+ other.test" "under 1 CI" "off: the configuration names no operator-ca" \
    "activation codes name public.test:8443"
equal "$(jq -r .es2 ports2)" null
kill -INT "$server"
wait "$server"
equal $? 0
pids=()
echo 'colour = red' >>dp.conf
run 3 smdpp profile list -d dp2
says err "dp.conf line 12" "colour"

# ---- serve: what is wrong
usage "--es2 and --no-es2 exclude each other" smdpp serve -d dp --es2 0 --no-es2
run 2 smdpp serve -d dp --es9 127.0.0.1:99999
says err "no address"
run 1 smdpp serve -d dp --es9 192.0.2.1:0 --no-es2
for bad in http://a a/b a:b 'a b'; do
    usage "--public-address '$bad' is no host name" smdpp serve -d dp --es9 :0 --public-address "$bad"
done
for bad in a ftp://a http://a.example http://12.7.0.1; do
    usage "--notify cannot go to '$bad'" smdpp serve -d dp --es9 :0 --notify "operator=$bad"
done
usage "an '=' divides its two parts" smdpp serve -d dp --es9 :0 --notify-ca operator
run 2 smdpp serve -d dp --es9 :0 --notify operator
says err "'='"
run 3 smdpp serve -d dp --es9 :0 --notify-ca operator=ci.pem
says err "which no --notify names"
run 1 smdpp serve -d dp --es9 :0 --no-es2 --port-file /dev/null/x
says err "/dev/null/x"
usage "workers takes a number" smdpp serve -d dp --workers 1000
echo '{' >dp/settings.json
run 1 smdpp serve -d dp
says err "settings.json line"

run 0 smdpp states
says out "stateDiagram-v2" "Available --> Allocated"
done_testing
