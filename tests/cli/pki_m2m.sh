#!/usr/bin/env bash
# crisp pki for SGP.02: GlobalPlatform certificates on both curves, the parties of a lab, and what
# crisp decode says of a key establishment.
. "$(dirname "$0")/lib.sh"

eid=89049032123451234512345678901235

# ---- init: what SM-DP and SM-SR show to chips
run 0 pki init pki
says out "m2mdp.gp, m2msr.gp"
for curve in nist brainpool; do
    for role in dp sr; do
        [[ -s pki/$curve/m2m$role.gp ]] || fail "$curve/m2m$role.gp is missing"
        equal "$(stat -c %a "pki/$curve/m2m$role.key")" 600
        run 0 pki verify --trust pki --role m2m-$role "pki/$curve/m2m$role.gp"
        says out "is valid: role m2m-$role"
    done
done
# the files are the certificate and nothing else, and the key is a key for openssl
equal "$(od -An -tx1 -N2 pki/nist/m2mdp.gp | tr -d ' ')" 7f21
openssl pkey -in pki/nist/m2mdp.key -noout 2>err || fail "openssl does not read the key"

# ---- show
run 0 pki show pki/nist/m2msr.gp
says out "GlobalPlatform certificate" "role            m2m-sr" "key             P-256" \
    "issuer          2.999.1" "key usage       88 (signatures)"
says_not out expired
run 0 pki show pki/brainpool/m2mdp.gp --json
says out '"type":"gpCertificate"' '"role":"m2m-dp"' '"curve":"brainpoolP256r1"'
od -An -tx1 pki/nist/m2msr.gp >m2msr.hex
run 0 pki show m2msr.hex
says out "m2m-sr"
head -c 100 pki/nist/m2msr.gp >cut.gp
run 1 pki show cut.gp
says err "cut.gp" "7F21"

# ---- issue
for curve in nist brainpool; do
    run 0 pki issue pki ecasd --name chip --eid $eid --curve $curve
    says out "ECASD of EID $eid"
    run 0 pki verify --trust pki --role ecasd pki/$curve/chip.gp pki/$curve/eum.der
    says out "is valid: ECASD of EID $eid"
done
run 3 pki issue pki ecasd --name chip --eid $eid
says err "there already"
run 0 pki issue pki ecasd --name chip --eid $eid --force --days 30
run 3 pki issue pki ecasd --name alien --eid 89033032000000000000000000000079
says err "outside of the range"
[[ ! -e pki/nist/alien.gp && ! -e pki/nist/alien.key ]] || fail "it was issued all the same"
run 3 pki issue pki ecasd --name bad --eid 89049032123451234512345678901299
says err "check digits"
run 0 pki issue pki m2m-sr --name m2msr2 --days 10
run 0 pki show pki/nist/m2msr2.gp
run 4 pki verify --trust pki --role m2m-sr --at 30d pki/nist/m2msr2.gp
says out "not valid: expired" "field:       5F24"
run 0 pki verify --trust pki --role m2m-sr --at 30d --no-clock pki/nist/m2msr2.gp
usage "needs --eid" pki issue pki ecasd --name x
usage "--eid is for" pki issue pki m2m-dp --name x --eid $eid
usage "has --eid, --days and --curve only" pki issue pki m2m-dp --name x --cn y
usage "has --eid, --days and --curve only" pki issue pki ecasd --name x --eid $eid --dns y
# X.509 and GlobalPlatform certificates never take the key of each other
before=$(sha256sum pki/nist/eum.key pki/nist/m2mdp.key)
run 3 pki issue pki m2m-dp --name eum --force
says err "X.509"
run 3 pki issue pki party --name m2mdp --cn x --force
says err "GlobalPlatform"
equal "$(sha256sum pki/nist/eum.key pki/nist/m2mdp.key)" "$before"

# ---- verify
run 4 pki verify --trust pki --role m2m-sr pki/nist/m2mdp.gp
says out "not valid: wrong-role" "field:       C8"
run 4 pki verify --trust pki/brainpool/ci.der --role m2m-dp pki/nist/m2mdp.gp
says out "unknown-ci"
run 4 pki verify --trust pki --role ecasd pki/nist/chip.gp pki/brainpool/eum.der
says out "unknown-ci" "C9"
run 4 pki verify --trust pki --role ecasd pki/nist/chip.gp pki/nist/dpauth.der
says out "bad-profile" "dp-auth"
run 4 pki verify --trust pki --role m2m-dp pki/nist/chip.gp
says out "bad-profile" "field:       95"
cp pki/nist/m2mdp.gp broken.gp
printf '\xff' | dd of=broken.gp bs=1 seek=$(($(stat -c %s broken.gp) - 1)) conv=notrunc 2>/dev/null
run 4 pki verify --trust pki --role m2m-dp broken.gp
says out "bad-signature"
run 0 pki init other
run 4 pki verify --trust other --role m2m-dp pki/nist/m2mdp.gp
run 4 pki verify --trust other --role ecasd pki/nist/chip.gp pki/nist/eum.der
run 1 pki verify --trust pki --role m2m-dp pki/nist/dpauth.der
says err "dpauth.der" "7F21"
run 1 pki verify --trust pki --role m2m-dp missing.gp
run 1 pki verify --trust pki --role dp-auth pki/nist/m2mdp.gp
says err "m2mdp.gp" "where an X.509 one is wanted"
run 1 pki revoke pki pki/nist/m2mdp.gp
says err "where an X.509 one is wanted"
usage "needs that of its EUM" pki verify --trust pki --role ecasd pki/nist/chip.gp
usage "the CI only" pki verify --trust pki --role m2m-dp pki/nist/m2mdp.gp pki/nist/eum.der
# a revoked EUM takes its chips along
run 0 pki revoke pki pki/nist/eum.der
run 4 pki verify --trust pki --role ecasd pki/nist/chip.gp pki/nist/eum.der
says out "not valid: revoked"

# ---- decode
run 0 decode pki/brainpool/chip.gp
says out "GPCertificate (GlobalPlatform, SGP.02)" "$eid" "ecasd"
run 0 decode --json --type GPCertificate pki/nist/m2mdp.gp
says out '"type": "GPCertificate"' '"role": "m2m-dp"'
run 1 decode --type GPCertificate pki/nist/eum.der
run 0 decode --types
says out "GPCertificate"
certificate=$(od -An -v -tx1 pki/nist/m2mdp.gp | tr -d ' \n')
length=$(printf %02x $((${#certificate} / 2)))
((16#$length < 255 - 3)) || fail "the certificate does not fit one command"
echo "80E20900$(printf %02x $((16#$length + 3)))3A01$length${certificate}00" >first.hex
run 0 decode first.hex
says out "STORE DATA 3A01 (key establishment, certificate)" "role            m2m-dp"
# the length in BER
echo "3A0181$length$certificate" >ber.hex
run 0 decode ber.hex
says out "STORE DATA 3A01" "m2m-dp"
key=040BBBC5E8BC84BD33D1D3CE03FFAC9A747F4C1993FDDB2EC93A4116A86F022A77C3C17191559A4C2A1AA57E79B8D1977DA2C959172F478E341E27028D69FFFB7B
signature=CED621067D16E599EE9A5C5A8919A7B13563E2A8B6A281C36EA228559373CDBC855BAA58E0224C84260489C4DB8FE7F29159081F1B27487EC73EFD2EDE5414C0
a6=A6399002030E9501109601008001888101108201018301029105000000000145080000000102030405841000112233445566778899AABBCCDDEEFF
echo "80E28901C53A023B${a6}7F4941${key}5F3740${signature}00" >second.hex
run 0 decode second.hex
says out "STORE DATA 3A02 (key establishment, request)" "domain: ISD-R" "keyVersion: 02" \
    "asks: derivationRandom, hostIdSinSdin, certificateVerified" "initialCounter: 1" \
    "hostId: 00112233445566778899AABBCCDDEEFF"
run 0 decode --json second.hex
says out '"sdin": "0000000102030405"'
# both behind each other; a broken template is none
cat first.hex second.hex | tr -d '\n' >both.hex
run 0 decode both.hex
says out "3A01" "3A02" "m2m-dp" "ISD-R"
echo "80E28901C53A023B${a6/9002030E/9002010E}7F4941${key}5F3740${signature}00" >broken.hex
run 1 decode broken.hex
says_not out "3A02 (key establishment"

# ---- the parties of a lab
run 0 pki m2m-parties lab --pki pki --first-port 19301 --port smdp=19444 --oid m2m-sp=1.3.6.1.4.1.50103 \
    --host localhost --host-of smsr-2=127.0.0.1
says out "smdp.ini" "localhost:19444" "127.0.0.1:19307" "1.3.6.1.4.1.50103"
for name in eum operator-a operator-b m2m-sp smdp smsr-1 smsr-2; do
    [[ -s lab/$name.ini && -s lab/nist/$name.der ]] || fail "$name is incomplete"
    equal "$(stat -c %a "lab/nist/$name.key")" 600
    run 0 pki verify --trust lab --role none --client lab/nist/$name.der
    openssl x509 -inform DER -in lab/nist/$name.der -out $name.pem
    openssl verify -purpose sslserver -CAfile <(openssl x509 -inform DER -in lab/nist/ci.der) \
        $name.pem >out 2>err || fail "openssl does not take $name for a server"
    openssl verify -purpose sslclient -CAfile <(openssl x509 -inform DER -in lab/nist/ci.der) \
        $name.pem >out 2>err || fail "openssl does not take $name for a client"
done
run 0 pki verify --trust lab --role none --dns localhost lab/nist/smsr-1.der
run 4 pki verify --trust lab --role none --dns localhost lab/nist/smsr-2.der
for smsr in smsr-1 smsr-2; do
    equal "$(stat -c %a lab/transport-$smsr.key)" 600
    cmp -s lab/eum-certificate.der pki/nist/eum.der || fail "the SM-SRs know another EUM"
    grep -qx "transport-key = transport-$smsr.key" lab/$smsr.ini || fail "$smsr has no transport key"
done
! cmp -s lab/transport-smsr-1.key lab/transport-smsr-2.key || fail "two SM-SRs have one key"
grep -qx "address = https://localhost:19444/" lab/smdp.ini || fail "smdp.ini has another address"
grep -qx "url = https://localhost:19444/" lab/smsr-1.ini || fail "smsr-1 does not find the SM-DP"
# the EUM's OID is that of its certificate
run 0 pki init pki3 --eum-oid 2.999.55
run 0 pki m2m-parties lab3 --pki pki3
says out "2.999.55"
grep -qx "oid = 2.999.55" lab3/eum.ini || fail "eum.ini has another OID"
# more parties
run 0 pki issue lab party --name smsr-3 --cn "SM-SR 3" --dns 127.0.0.1
run 0 pki verify --trust lab --role none --dns 127.0.0.1 lab/nist/smsr-3.der
# mistakes leave nothing
run 3 pki m2m-parties lab
says err "there already"
run 3 pki m2m-parties bad --oid smdp=1.x
says err "oid of smdp"
run 3 pki m2m-parties bad --port smdp=9101
says err "port of smdp"
run 3 pki m2m-parties bad --host "no host"
run 1 pki m2m-parties bad --pki nowhere
[[ -z $(compgen -G 'bad*') ]] || fail "a failed command leaves something behind"
usage "--port takes NAME=VALUE" pki m2m-parties bad --port 9101
usage "--oid takes NAME=VALUE" pki m2m-parties bad --oid smdp3=2.999.1
usage "--port takes numbers from 1" pki m2m-parties bad --port smdp=0
usage "--port takes numbers from 1" pki m2m-parties bad --port smdp=70000
usage "--port takes numbers from 1" pki m2m-parties bad --port smdp=12x
usage "first-port takes a number from 1" pki m2m-parties bad --first-port 65530
done_testing
