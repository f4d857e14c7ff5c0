#!/usr/bin/env bash
# crisp decode: every kind of input, in every form.
. "$(dirname "$0")/lib.sh"

decode() { # CODE TEXT OPTIONS...
    local want=$1
    printf '%s' "$2" >input
    shift 2
    run_in "$want" input decode - "$@"
}

# ---- forms
decode 0 BF3E125A1089049032123451234512345678901235
says out "GetEuiccDataResponse (ES10c response)" "eidValue: 89049032123451234512345678901235"
decode 0 "0xbf3e 125a:10 89 04 90 32 12 34 51 23 45 12 34 56 78 90 12 35
"
says out "eidValue: 89049032123451234512345678901235"
printf '\xbf\x3e\x12\x5a\x10\x89\x04\x90\x32\x12\x34\x51\x23\x45\x12\x34\x56\x78\x90\x12\x35' >eid.der
run 0 decode eid.der
says out "eidValue: 89049032123451234512345678901235"
base64 eid.der >eid.b64
run 0 decode eid.b64
says out "eidValue: 89049032123451234512345678901235"
run 0 decode --json eid.b64
says out '"type": "GetEuiccDataResponse"' '"eidValue": "89049032123451234512345678901235"'

# ---- messages
decode 0 BF3100
says out "EnableProfile"
decode 0 BF3103800107
says out "enableResult: commandError (7)"
decode 0 BF3103800102
says out "profileNotInDisabledState (2)"
decode 0 BF22038001005A0A98001032547698103214
says out "5A" # two TLVs behind each other
decode 0 DF7F0101
says out "no message of SGP.22" "DF7F"
decode 0 BF3E035A0101
says out "GetEuiccData"
decode 0 BF3103800107 --type EnableProfileResponse
# a damaged answer is not taken for the request of the same tag, which has no components
decode 0 BF3C058003612E62
says out "TLV BF3C (not a valid EuiccConfiguredDataResponse, which it resembles most" \
    "rootDsAddress: missing" "80 612E62"
decode 0 BF3C00
says out "EuiccConfiguredDataRequest"
decode 0 BF3100 --type tlv
says out "TLV BF31"
decode 1 BF3100 --type EUICCInfo1
says err "taken for hex"

# ---- APDUs
decode 0 81E2910006BF3E035C015A00
says out "STORE DATA (1 block, 6 bytes)" "GetEuiccDataRequest"
decode 0 81E2110003BF3E0381E29101035C015A
says out "STORE DATA (2 blocks, 6 bytes)" "GetEuiccDataRequest"
decode 0 81E2110003BF3E03
says out "more to come"
decode 0 BF3E125A10890490321234512345123456789012359000
says out "status word 9000" "eidValue"
decode 0 BF31038001006A88
says out "status word 6A88"

# ---- the toolkit
decode 0 D009810301010482028182
says out "ProactiveCommand (TS 102 223)" "  REFRESH #1 UICC reset"
decode 0 D0098103010104820281829000
says out "REFRESH #1 UICC reset"
decode 0 80140000178103014001820282810301003802810035010339020500
says out "TerminalResponse" "OPEN CHANNEL #1 immediate -> performed" "buffer 1280"
decode 0 8103014001820282810301003802810035010339020500
says out "TerminalResponse"
decode 0 80C2000010D60E99010982028281B8028100B701FF
says out "Envelope" "event download: events data available, status channel 1 up"
decode 0 D60E99010982028281B8028100B701FF --json
says out '"type": "Envelope"' '"value": "event download: events data available'
decode 0 8010000003020080
says out "TerminalProfile" "SMS-PP data download, REFRESH"
decode 0 020080 --type terminalprofile
says out "SMS-PP data download, REFRESH"
decode 1 D00981030101048202818200 --type ProactiveCommand
says err "this is no ProactiveCommand"
run 0 decode --types
says out "ProactiveCommand" "TerminalProfile"

# ---- certificates
run 0 pki init pki
run 0 decode pki/nist/dpauth.der
says out "Certificate" "role            dp-auth"
run 0 decode pki/nist/ci.crl
says out "CRL" "CRL number"
run 0 decode pki/nist/ci.key
says out "private key (not shown)"
openssl x509 -inform DER -in pki/nist/eum.der >two.pem
openssl x509 -inform DER -in pki/brainpool/eum.der >>two.pem
run 0 decode two.pem
says out "P-256" "brainpoolP256r1"
run 0 decode --json two.pem
equal "$(grep -c '"role": "eum"' out)" 2

# ---- packages
package a.der 8988211000000000017
run 0 decode a.der
says out "ProfilePackage" "8988211000000000017"
run 0 decode --json a.der
says out '"elements"'
run 1 decode pki/nist/ci.crl --type ProfilePackage
says err "no profile package"

# ---- activation codes
decode 0 'LPA:1$smdp.example.com$04386-AGYFT-A74Y8-3F815$1.3.6.1.4.1.31746$1'
says out "smdpAddress: smdp.example.com" "matchingId: 04386-AGYFT-A74Y8-3F815" \
    "smdpOid: 1.3.6.1.4.1.31746" "confirmationCodeRequired: yes"
decode 0 '1$a.example$X$$1'
says out "confirmationCodeRequired: yes"
says_not out "smdpOid"
decode 1 'LPA:2$a$b'
says err "standard input"

# ---- JSON bodies
decode 0 '{"transactionId":"0A0B","euiccChallenge":"AAECAwQFBgcICQoLDA0ODw==",
  "header":{"functionExecutionStatus":{"status":"Executed-Success"}},
  "prepareDownloadResponse":"vyEIoQaAAQoCAX8=","smdpAddress":"a.example"}'
says out "000102030405060708090A0B0C0D0E0F (16 bytes)" 'status: "Executed-Success"' \
    "prepareDownloadResponse: PrepareDownloadResponse" 'smdpAddress: "a.example"'
decode 0 '{"confirmationCode":"12345678"}'
says out "(secret)"
says_not out 12345678
decode 0 '{"prepareDownloadResponse":"vyEIoQaAAQoCAX8=","x":[1,true,null]}' --json
says out '"downloadErrorCode"'
decode 0 '{"prepareDownloadResponse":"AAEC"}'
says out "not decodable"
decode 1 '{"a":'
says err "JSON line 1"

# ---- what nothing fits
decode 1 "hello world"
says err "neither hex, base64, PEM, JSON nor an activation code"
decode 1 DEADBEEF
says err "taken for hex" "offset 0"
decode 1 BF3E125A10
says err "taken for hex"
decode 1 ABC
says err "taken for hex" "not hexadecimal"
printf '' >empty
run_in 1 empty decode -
says err "standard input is empty"
run 1 decode missing
says err "missing"
usage "FILE is missing" decode
usage "there is no type 'Nonsense'" decode --type Nonsense eid.der
run 0 decode --types
says out "AuthenticateServerRequest" "ProfilePackage"
done_testing
