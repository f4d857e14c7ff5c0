#!/usr/bin/env bash
# Revoked certificates at every party, over real sockets: the server's own, those of operators, the
# server as the LPA and the chip see it.
. "$(dirname "$0")/lib.sh"
need curl jq openssl

host=dp.revoked.example
eid=89049032000000000000000000000066
ca() { openssl x509 -inform der -in "$1" -out "$2" 2>err || fail "openssl"; }

# serve DIR PKI: starts a server, sets $server, $es9 and $es2
serve() {
    rm -f ports
    "$crisp" smdpp serve -d "$1" --pki "$2" --es9 127.0.0.1:0 --es2 127.0.0.1:0 --port-file ports \
        >serve.out 2>serve.err &
    server=$!
    pids=("$server")
    wait_for ports
    es9=$(jq -r .es9 ports)
    es2=$(jq -r .es2 ports)
}

stop() {
    kill -TERM "$server"
    wait "$server"
    equal $? 0
    pids=()
}

# es2 NAME: HTTP status of a call with the client certificate NAME
es2() {
    curl -s -o out -w '%{http_code}' --cacert ci.pem --cert "$1.pem" --key "pki/nist/$1.key" \
        -H 'Content-Type: application/json' --resolve "$host:$es2:127.0.0.1" -d '{}' \
        "https://$host:$es2/gsma/rsp2/es2plus/releaseProfile"
}

# lpa CODE ARGS...
lpa() {
    local want=$1
    shift
    run "$want" lpa "$@" --chip chip --ca pki/nist/ci.der --connect "127.0.0.1:$es9" --timeout 10
}

run 0 pki init pki --host $host
cp pki/nist/ci.crl empty.crl
run 0 pki issue pki operator --name other --cn other
ca pki/nist/ci.der ci.pem
ca pki/nist/operator.der operator.pem
ca pki/nist/other.der other.pem
run 0 euicc create chip --pki pki --eid $eid
package 1.der 8988211000000000019
package 2.der 8988211000000000027
run 0 smdpp profile import -d dp --pki pki --type t 1.der 2.der
run 0 smdpp order create -d dp --type t --matching-id ONE
run 0 smdpp order create -d dp --type t --matching-id TWO

# ---- operators
serve dp pki
equal "$(es2 operator)" 200
run 0 pki revoke pki pki/nist/operator.der
equal "$(es2 operator)" 200 # the list is read at the start
stop
serve dp pki
equal "$(es2 operator)" 403
says serve.err "ES2+ refused to operator" "revoked"
equal "$(es2 other)" 200

# ---- the server as the LPA sees it: a server that runs on with what is revoked meanwhile
lpa 0 download "1\$$host\$ONE" --yes --crl pki/nist/ci.crl
run 0 pki revoke pki pki/nist/dptls.der
lpa 0 download "1\$$host\$TWO" --yes --crl empty.crl # which does not know of it
lpa 3 download "1\$$host\$TWO" --yes --crl empty.crl --crl pki/nist/ci.crl
says err "the TLS certificate of the server ($host) is revoked" "do not use this server"
openssl crl -inform der -in pki/nist/ci.crl -out crl.pem 2>err || fail "openssl crl"
lpa 3 download "1\$$host\$TWO" --yes --crl crl.pem
says err "is revoked"
# a list that the CI has not signed, one of somebody else, none at all
run 0 pki init other --host $host
printf '\x00' | dd of=pki/nist/ci.crl bs=1 seek=$(($(stat -c %s pki/nist/ci.crl) - 3)) conv=notrunc \
    2>err && cp pki/nist/ci.crl forged.crl
run 0 pki crl pki --renew
lpa 3 download "1\$$host\$TWO" --yes --crl forged.crl
says err "--crl forged.crl" "has not signed it" "give a CRL in DER or PEM"
lpa 1 download "1\$$host\$TWO" --yes --crl ports
says err "--crl ports" "neither DER nor PEM"
lpa 1 download "1\$$host\$TWO" --yes --crl nothing.crl
says err "nothing.crl"
stop

# ---- the server itself does not start
run 3 smdpp serve -d dp3 --pki pki --es9 127.0.0.1:0
says err "dptls.der" "revoked" "what to do"
[[ ! -e dp3 ]] || fail "a server that did not start left a directory"
run 0 pki issue pki dp-tls --name dptls --cn $host --oid 2.999.10 --force
serve dp pki

# ---- the chip: DPauth revoked while the server runs
run 0 pki revoke pki pki/nist/dpauth.der
run 0 lpa info --chip chip
says out "loadCrlSupport"
run 0 lpa load-crl --chip chip empty.crl
says out "empty.crl: loaded, 0 certificates revoked"
run 3 lpa load-crl --chip chip forged.crl
says err "LoadCRL" "what to do"
run 0 lpa load-crl --chip chip pki/nist/ci.crl --json
equal "$(jq -r 'select(.event == "crl") | [.file, .revoked, .already] | join(" ")' out)" \
    "pki/nist/ci.crl 3 false"
equal "$(jq -r 'select(.event == "result") | [.command, .count] | join(" ")' out)" "load-crl 1"
run 0 lpa load-crl --chip chip crl.pem
says out "has this list, or a newer one, already"
run 3 lpa load-crl --chip chip other/nist/ci.crl
says err "verificationKeyNotFound" "what to do"
run 1 lpa load-crl --chip chip ports
says err "ports"
usage "FILE" lpa load-crl --chip chip
lpa 3 download "1\$$host\$TWO" --yes
says err "AuthenticateServer" "invalidCertificate"
stop
run 3 smdpp serve -d dp --pki pki --es9 127.0.0.1:0
says err "dpauth.der" "revoked"

# ---- the chip: DPpb
run 0 pki init pki2 --host $host
cp -r pki2/nist/ci.crl empty2.crl
run 0 euicc create chip2 --pki pki2 --eid $eid
run 0 smdpp profile import -d dp2 --pki pki2 --type t 1.der
run 0 smdpp order create -d dp2 --type t --matching-id PB
serve dp2 pki2
run 0 pki revoke pki2 pki2/nist/dppb.der
run 0 lpa load-crl --chip chip2 pki2/nist/ci.crl
run 3 lpa download "1\$$host\$PB" --yes --chip chip2 --ca pki2/nist/ci.der --connect "127.0.0.1:$es9"
says err "PrepareDownload" "invalidCertificate"
stop
done_testing
