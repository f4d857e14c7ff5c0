#!/usr/bin/env bash
# What goes over the wires, as a protocol analyser that is not ours sees it: SMPP with the short
# messages in it, the administration sessions under their pre-shared key, SOAP. Nothing may be
# malformed, and what is said must be what the standards say.
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/fleet_lib.sh"
need tshark curl xmllint
one=8988211000000000017
two=8988211000000000025
five=8988211000000000058

# seen FILTER FIELD...: these fields of the packets that match, a line each
seen() {
    local filter=$1 field fields=()
    shift
    for field in "$@"; do
        fields+=(-e "$field")
    done
    tshark -r wire.pcapng -2 "${decode[@]}" -Y "$filter" -T fields "${fields[@]}" 2>tshark.err ||
        fail "tshark: $(<tshark.err)"
}

# some FILTER: at least one packet matches
some() {
    ((checks++))
    [[ $(seen "$1" frame.number) ]] || fail "no packet is '$1'"
}

# none FILTER: no packet matches
none() {
    local found
    ((checks++))
    found=$(seen "$1" frame.number _ws.expert.message _ws.col.Info)
    [[ -z $found ]] || fail "packets are '$1': $found"
}

# all FILTER PROPERTY: packets match, and all that do have the property
all() {
    some "($1) and ($2)"
    none "($1) and not ($2)"
}

# ---- the parties; a chip that knows both channels
parties
profile first $one 001010000000001
profile second $two 001010000000002
profile fifth $five 001010000000005
create chip first second --smsr-https 192.0.2.10:8446/gsma/adminagent
network
radio
eid=$(jq -r .eid chip.json)
psk=$(jq -r '[.. | objects | select(.keyType? == 133) | .value][0]' chip.json) # type 85
stock $five 5 fifth.der
decode=(-d "tcp.port==$smsc,smpp" -d "tcp.port==$es5,tls" -d "tls.port==$es5,http"
    -d "tcp.port==$sr1,tls" -d "tls.port==$sr1,http" -o "tls.psk:$psk" -o "tls.keylog_file:$work/soap.keys")

tshark -i lo -q -w wire.pcapng -f "tcp port $smsc or tcp port $es5 or tcp port $sr1" \
    >capture.out 2>capture.err &
capture=$!
pids+=("$capture")
for ((i = 0; i < 100; i++)); do
    [[ -s wire.pcapng ]] && break
    kill -0 "$capture" 2>/dev/null || skip "this machine does not let its loopback be listened to"
    sleep 0.1
done
start_device
start_smsr
start_smdp
wait_text trace "home: service for 001010000000001"
register chip
numbers $one 1 $two 2

# ---- a switch and an audit by short messages, a download over HTTPS
es4 0 enable-profile --iccid $two
es4 0 audit-eis
es2 0 download-profile --iccid $five

# ---- SOAP by a client whose TLS keys can be known
openssl x509 -inform DER -in lab/nist/ci.der -out ca.pem
cat >get-eis.xml <<XML
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
  xmlns:wsa="http://www.w3.org/2005/08/addressing"
  xmlns:rps3="http://namespaces.gsma.org/esim-messaging/3"><s:Header>
<wsa:From><wsa:Address>https://127.0.0.1:$a/?EntityId=2.999.101</wsa:Address></wsa:From>
<wsa:To>https://127.0.0.1:$sr1/?EntityId=2.999.121</wsa:To>
<wsa:MessageID>//2.999.101/capture-1</wsa:MessageID>
<wsa:Action>http://gsma.com/ES4/ProfileManagement/ES4-GetEISRequest</wsa:Action>
</s:Header><s:Body>
<rps3:ES4-GetEISRequest><rps3:FunctionCallIdentifier>capture</rps3:FunctionCallIdentifier>
<rps3:Eid>$eid</rps3:Eid></rps3:ES4-GetEISRequest></s:Body></s:Envelope>
XML
SSLKEYLOGFILE=$work/soap.keys curl -sS --noproxy '*' --cacert ca.pem --cert-type DER \
    --cert lab/nist/operator-a.der --key lab/nist/operator-a.key \
    -H 'Content-Type: application/soap+xml' --data-binary @get-eis.xml -o reply.xml \
    "https://127.0.0.1:$sr1/" 2>err || fail "no answer to curl"
xmllint --noout reply.xml 2>err || fail "the answer is no XML"
grep -q "ES4-GetEISResponse" reply.xml || fail "the answer is another one"
((checks += 3))
# what has been sent is in the file a moment later; until then the file may end within a packet
for ((i = 0; i < 100; i++)); do
    [[ $(seen "tcp.port == $sr1 and http.response" frame.number 2>/dev/null) ]] && break
    sleep 0.1
done
stop_device
kill -INT "$capture"
wait "$capture"

# ---- nothing is malformed, in no layer
none "_ws.malformed"
none "_ws.expert.severity == error"

# ---- the service centre's line
all "tcp.port == $smsc and tcp.len > 0" "smpp"
for command in 9 4 5; do # bind_transceiver, submit_sm, deliver_sm, and their answers
    some "smpp.command_id == $command"
    some "smpp.command_id == $((0x80000000 + command)) and smpp.command_status == 0"
done
# to a chip: octets of class 2, data download, a user data header that says 'command packet'
all "smpp.command_id == 4" "smpp.dcs.charset == 1 and smpp.dcs.class == 2 and smpp.protocol_id == 0x7f"
all "smpp.command_id == 4" "smpp.esm.submit.features == 1 and gsm_sms.ie_identifier == 0x70"
# from it: proofs of receipt; from the service centre: receipts
some "smpp.command_id == 5 and gsm_sms.ie_identifier == 0x71"
some "smpp.command_id == 5 and smpp.esm.submit.msg_type == 1 and smpp.message_state == 2"

# ---- administration sessions: opened under the key of the chip, by the suites of the standard
all "tcp.port == $es5 and tls.handshake.type == 1" \
    "tls.handshake.version == 0x0303 and tls.handshake.ciphersuite == 0xae" # CBC_SHA256 is offered
all "tcp.port == $es5 and tls.handshake.type == 2" "tls.handshake.ciphersuite == 0xa8"
all "tcp.port == $es5 and tls.handshake.type == 16" "tls.handshake.identity contains \"$eid\""
all "tcp.port == $es5 and tls.app_data" "tls.app_data_proto == \"Hypertext Transfer Protocol\""
content='application/vnd.globalplatform.card-content-mgt'
protocol='globalplatform-remote-admin/1.0'
all "tcp.port == $es5 and http.request" "http.request.method == POST and
    http.request.line contains \"X-Admin-Protocol: $protocol\" and
    http.request.line contains \"X-Admin-From: //se-id/eid/$eid;//aa-id/aid/A000000559/1010\""
some "tcp.port == $es5 and http.request.line contains \"X-Admin-Script-Status: ok\" and
    http.content_type contains \"$content-response;version=1.0\""
all "tcp.port == $es5 and http.response" "http.response.code == 200 or http.response.code == 204"
all "tcp.port == $es5 and http.response.code == 200" "http.transfer_encoding contains \"chunked\" and
    http.content_type contains \"$content;version=1.0\" and
    http.response.line contains \"X-Admin-Protocol: $protocol\" and
    http.response.line contains \"X-Admin-Next-URI: /gsma/adminagent\""

# ---- SOAP
some "tcp.port == $sr1 and http.request.method == POST and xml contains \"ES4-GetEISRequest\""
some "tcp.port == $sr1 and http.response.code == 200 and
    http.content_type contains \"application/soap+xml\" and xml contains \"ES4-GetEISResponse\""
all "tcp.port == $sr1 and tls.handshake.type == 2" "tls.handshake.extensions.supported_version == 0x0304"
done_testing
