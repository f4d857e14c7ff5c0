#!/usr/bin/env bash
# crisp pki: make, read, verify, revoke certificates; openssl reads what it made.
. "$(dirname "$0")/lib.sh"

# ---- init
run 0 pki init pki --host smdpp.test --extra-name localhost --extra-name 127.0.0.1 \
    --operator "ACME Mobile" --ein 89049032,89044 --oid 2.999.77
says out "smdpp.test" "ACME Mobile" "89049032,89044"
for curve in nist brainpool; do
    for name in ci eum dpauth dppb dsauth; do
        [[ -s pki/$curve/$name.der && -s pki/$curve/$name.key ]] || fail "$curve/$name is missing"
        equal "$(stat -c %a "pki/$curve/$name.key")" 600
    done
    [[ -s pki/$curve/ci.crl ]] || fail "$curve/ci.crl is missing"
done
run 3 pki init pki
says err "force"
run 0 pki init pki --force --host smdpp.test --extra-name localhost --extra-name 127.0.0.1 \
    --operator "ACME Mobile"
usage "DIR is missing" pki init
usage "unknown option --hosts; did you mean --host?" pki init x --hosts y
usage "--host needs a value (FQDN)" pki init x --host
usage "host is empty" pki init x --host ""
usage "--host 'a b' is no host name" pki init x --host 'a b'
usage "--ds-host 'http://a' is no host name" pki init x --ds-host http://a
usage "--extra-name 'a b' is no host name" pki init x --extra-name 'a b'
usage "--ein '12x' is no list of first digits" pki init x --ein 12x
usage "--ein '1,' is no list of first digits" pki init x --ein 1,
usage "--oid 'foo' is no OID" pki init x --oid foo
usage "--crl-url 'foo' is no URL" pki init x --crl-url foo
run 1 pki issue nowhere operator --name a --cn a
says err "there is no directory nowhere"
# a mistake leaves nothing behind, and a set that is there as it was
long=$(printf 'x%.0s' {1..300})
run 3 pki init broken --host "$long"
says err "common_name"
[[ ! -e broken ]] || fail "a failed init leaves a directory"
before=$(cat pki/*/* pki/pki.json | sha256sum)
run 3 pki init pki --force --host "$long"
equal "$(cat pki/*/* pki/pki.json | sha256sum)" "$before"
equal "$(find pki -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" "brainpool nist pki.json"
usage "--ci-cert-nist and --ci-key-nist go together" pki init x --ci-cert-nist a
usage "--ci-cert-brainpool and --ci-key-brainpool go together" pki init x --ci-key-brainpool a
run 1 pki init /dev/null/x
says err "/dev/null"

# under a CI that is there
run 0 pki init below --ci-cert-nist pki/nist/ci.der --ci-key-nist pki/nist/ci.key \
    --ci-cert-brainpool pki/brainpool/ci.der --ci-key-brainpool pki/brainpool/ci.key
cmp -s pki/nist/ci.der below/nist/ci.der || fail "the CI was not taken over"
run 0 pki verify --trust pki --role dp-auth below/nist/dpauth.der
run 3 pki init wrong --ci-cert-nist pki/nist/ci.der --ci-key-nist pki/nist/eum.key
says err "not the key"

# ---- show
run 0 pki show pki/nist/dptls.der pki/nist/ci.crl
says out "role            dp-tls" "host names      smdpp.test, localhost, 127.0.0.1" "CRL number" \
    "revoked         0"
run 0 pki show --json pki/brainpool/eum.der
says out '"role":"eum"' '"curve":"brainpoolP256r1"' '"permittedEins":"89049032"'
openssl x509 -inform DER -in pki/nist/eum.der -out eum.pem || fail "openssl cannot read the EUM"
run 0 pki show eum.pem
says out "EUM Test"
od -An -tx1 pki/nist/eum.der >eum.hex
run 0 pki show eum.hex
base64 pki/nist/eum.der >eum.b64
run_in 0 eum.b64 pki show -
says out "EUM Test"
run 1 pki show missing.der
says err "missing.der" "No such file"
head -c 100 pki/nist/eum.der >cut.der
run 1 pki show cut.der
says err "cut.der"
: >empty
run 1 pki show empty
says err "empty is empty"
run 1 pki show pki/nist/ci.key
says err "no certificate in it"
usage "FILE is missing" pki show

# ---- issue
run 0 pki issue pki operator --name other --cn "Other Mobile"
says out "CN=Other Mobile"
openssl verify -ignore_critical -CAfile <(openssl x509 -inform DER -in pki/nist/ci.der) \
    <(openssl x509 -inform DER -in pki/nist/other.der) >out 2>err || fail "openssl does not verify it"
run 3 pki issue pki operator --name other --cn "Other Mobile"
says err "is there already"
run 0 pki issue pki operator --name other --cn "Other Mobile" --force --days 30
run 0 pki issue pki euicc --name chip --eid 89049032123451234512345678901235
run 0 pki verify --trust pki --role euicc pki/nist/chip.der pki/nist/eum.der
says out "is valid"
run 3 pki issue pki euicc --name alien --eid 89033032000000000000000000000079
says err "outside of the range"
# check digits: nothing is issued, and what others have issued is pointed at
run 3 pki issue pki euicc --name bad --eid 89049032123451234512345678901299
says err "the check digits of EID 89049032123451234512345678901299 are wrong" \
    "89049032123451234512345678901235 would be right"
[[ ! -e pki/nist/bad.der ]] || fail "it was issued all the same"
run 1 pki issue pki euicc --name bad --eid 8904
openssl x509 -inform DER -in pki/nist/eum.der -out eum.pem
openssl ecparam -name prime256v1 -genkey -noout -out bad.key 2>err
cat >bad.ext <<EXT
authorityKeyIdentifier = keyid
subjectKeyIdentifier = hash
keyUsage = critical, digitalSignature
certificatePolicies = critical, 2.23.146.1.2.1.1
EXT
openssl req -new -key bad.key -subj "/O=RSP Test EUM/CN=eUICC/serialNumber=89049032123451234512345678901299" |
    openssl x509 -req -sha256 -CA eum.pem -CAkey pki/nist/eum.key -set_serial 77 -days 9000 \
        -extfile bad.ext -outform DER -out bad.der 2>err || fail "openssl issues no certificate"
run 0 pki verify --trust pki --role euicc bad.der pki/nist/eum.der
says out "is valid" "the check digits of its EID are wrong"
run 0 pki show bad.der
says out "89049032123451234512345678901299" "the check digits of the EID are wrong"
run 0 pki show bad.der --json
says out '"eidCheckDigits":false'
run 0 pki show pki/nist/chip.der
says_not out "check digits"
run 0 pki issue pki dp-tls --curve nist --name tls2 --cn rsp.example.org --oid 2.999.10
run 0 pki verify --trust pki --role dp-tls --dns rsp.example.org pki/nist/tls2.der
usage "needs --eid" pki issue pki euicc --name x
usage "--eid is for" pki issue pki operator --name x --cn y --eid 1
usage "--ein is for" pki issue pki operator --name x --cn y --ein 1
usage "needs --cn" pki issue pki operator --name x
usage "ROLE cannot be 'king'" pki issue pki king --name x
usage "curve cannot be 'P-521'" pki issue pki operator --name x --cn y --curve P-521
usage "days takes a whole number" pki issue pki operator --name x --cn y --days many
usage "days takes a number from 1" pki issue pki operator --name x --cn y --days 0
usage "--name is missing" pki issue pki operator --cn y
usage "one argument too many" pki issue pki operator more --name x
run 1 pki issue nowhere operator --name x --cn y
says err "pki init"
run 3 pki issue pki operator --name ../x --cn y

# ---- verify
for curve in nist brainpool; do
    run 0 pki verify --trust pki --role eum "pki/$curve/eum.der"
    run 0 pki verify --trust pki --role dp-auth "pki/$curve/dpauth.der"
    run 0 pki verify --trust "pki/$curve/ci.der" --role dp-pb "pki/$curve/dppb.der"
    run 0 pki verify --trust pki --role ds-auth "pki/$curve/dsauth.der"
done
run 0 pki verify --trust pki --role dp-tls --dns SMDPP.test pki/nist/dptls.der
run 0 pki verify --trust pki --role none --client pki/nist/operator.der
run 4 pki verify --trust pki --role dp-tls --dns other.test pki/nist/dptls.der
run 4 pki verify --trust pki --role dp-pb pki/nist/dpauth.der
says out "not valid: wrong-role" "pki/nist/dpauth.der"
run 4 pki verify --trust pki --role dp-auth --at 2099-01-01 pki/nist/dpauth.der
says out "expired"
run 0 pki verify --trust pki --role dp-auth --at 2099-01-01 --no-clock pki/nist/dpauth.der
run 4 pki verify --trust pki/brainpool/ci.der --role dp-auth pki/nist/dpauth.der
says out "unknown-ci"
run 4 pki verify --trust pki --role euicc pki/nist/chip.der pki/nist/dpauth.der
cp pki/nist/dpauth.der broken.der
printf '\xff' | dd of=broken.der bs=1 seek=$(($(stat -c %s broken.der) - 1)) conv=notrunc 2>/dev/null
run 4 pki verify --trust pki --role dp-auth broken.der
says out "bad-signature"
usage "--trust is missing" pki verify --role eum x
usage "a chain has at most" pki verify --trust pki --role eum a b c d e
run 1 pki verify --trust pki --role eum missing.der
run 1 pki verify --trust missing --role eum pki/nist/eum.der
run 2 pki verify --trust pki --role eum --at tomorrow pki/nist/eum.der
says err "no time" "2026-12-31T23:59:59Z"

# ---- revoke, crl
run 0 pki crl pki
says out "CRL number" "revoked         0"
run 0 pki revoke pki pki/nist/dppb.der pki/nist/eum.der
says out "pki/nist/ci.crl lists it"
run 4 pki verify --trust pki --role dp-pb pki/nist/dppb.der
says out "revoked"
run 4 pki verify --trust pki --role euicc pki/nist/chip.der pki/nist/eum.der
says out "revoked" "pki/nist/eum.der"
run 0 pki verify --trust pki --role dp-pb pki/brainpool/dppb.der
run 0 pki crl pki --renew
says out "revoked         2" "revoked         0"
openssl crl -inform DER -in pki/nist/ci.crl -noout \
    -CAfile <(openssl x509 -inform DER -in pki/nist/ci.der) 2>err || fail "openssl refuses the CRL"
run 3 pki revoke pki pki/nist/chip.der
says err "no CRL lists it" "revoke the certificate of its EUM"
run 0 pki init foreign
run 3 pki revoke foreign pki/nist/dpauth.der
says err "was not issued by a CI in foreign"
run 1 pki revoke pki missing.der
run 1 pki crl nowhere
says err "pki init"
done_testing
