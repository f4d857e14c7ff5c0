#!/usr/bin/env bash
# crisp eum registers at a real SM-SR, which verifies all that it signed and unwraps all that it
# wrapped; crisp smsr shows what became of it, while the server runs and when it does not.
peer=$(realpath "$2") || exit 1
. "$(dirname "$0")/lib.sh"
need jq openssl xxd

eid=89049032000000000000000000000066
iccid=8900101000000000001
key=000102030405060708090A0B0C0D0E0F
kcv=$(xxd -r -p <<<01010101010101010101010101010101 | openssl enc -aes-128-ecb -K $key -nopad | xxd -p | tr a-f A-F)
kcv=${kcv:0:6}
run 0 pki init pki
run 0 pki issue pki ecasd --name ecasd --eid $eid
run 0 pki m2m-parties lab --pki pki --first-port $((20000 + RANDOM % 10000))
keys() { # TYPE
    local i
    for i in 1 2 3; do
        echo "<Key kcv=\"$kcv\"><Index>$i</Index><KeyComponents type=\"88\" value=\"$key\"/></Key>"
    done
}
cat >chip.eis <<XML
<Eis xmlns="http://namespaces.gsma.org/esim-messaging/3">
 <EumSignedInfo><Eid>$eid</Eid><PlatformType>crisp</PlatformType><PlatformVersion>4.2.0</PlatformVersion>
  <Isd-p-loadfile-aid>A0000005591010FFFFFFFF8900000D00</Isd-p-loadfile-aid>
  <Isd-p-module-aid>A0000005591010FFFFFFFF8900000E00</Isd-p-module-aid>
  <Ecasd><Aid>A0000005591010FFFFFFFF8900000200</Aid><Sin>42</Sin><Sdin>45</Sdin><Role>ECASD</Role>
   <Keyset><Version>116</Version><Type>CA</Type><Certificate><Index>1</Index><CaId>2.999.1</CaId>
    <Value>$(xxd -p pki/nist/ecasd.gp | tr -d '\n')</Value></Certificate></Keyset></Ecasd>
  <EuiccCapabilities><CattpSupport>false</CattpSupport><HttpSupport>true</HttpSupport><HttpVersion>1.1.0</HttpVersion>
   <SecurePacketVersion>12.1.0</SecurePacketVersion><RemoteProvisioningVersion>4.2.0</RemoteProvisioningVersion></EuiccCapabilities>
 </EumSignedInfo>
 <RemainingMemory>400000</RemainingMemory><AvailableMemoryForProfiles>500000</AvailableMemoryForProfiles>
 <ProfileInfo><Iccid>$iccid</Iccid><Isd-p-aid>A0000005591010FFFFFFFF8900001000</Isd-p-aid><Mno-id>2.999.101</Mno-id>
  <FallbackAttribute>true</FallbackAttribute><SubscriptionAddress><Msisdn>4915112345678</Msisdn></SubscriptionAddress>
  <State>Enabled</State><ProfileType>bootstrap</ProfileType><AllocatedMemory>1000</AllocatedMemory><pol2/></ProfileInfo>
 <Isd-r><Aid>A0000005591010FFFFFFFF8900000100</Aid><Tar>000001</Tar><Sin>42</Sin><Sdin>45</Sdin><Role>ISD-R</Role>
  <Keyset><Version>1</Version><Type>SCP80</Type><Cntr>0</Cntr>$(keys)</Keyset></Isd-r>
</Eis>
XML

smsr=(--dir sr --parties lab/smsr-1.ini)
run 1 smsr eis list "${smsr[@]}"
[[ ! -e sr ]] || fail "a directory was made by reading it"
"$peer" lab/smsr-1.ini sr pki/nist/ci.der port 2>peer.err </dev/null &
server=$!
pids+=("$server")
wait_for port
for party in eum operator-a operator-b; do
    sed -i "/^\[party smsr-1\]/,/^\[/s|^url = .*|url = https://127.0.0.1:$(<port)/|" lab/$party.ini
done
run 0 smsr eis list "${smsr[@]}"
says out "no eUICC is registered"
run 3 smsr eis show $eid "${smsr[@]}"
says err "reason 1.1"

register=(eum register --parties lab/eum.ini --to smsr-1 --pki pki)
echo 00000000000000000000000000000000 >other.key
run 3 "${register[@]}" --eis chip.eis --transport-key other.key
says err "RegisterEIS was not done" "another transport key"
run 0 "${register[@]}" --eis chip.eis
says out "$eid: registered at smsr-1"
run 3 "${register[@]}" --eis chip.eis
says err "registered already" "subject 8.1.1, reason 3.3"
run 0 eum properties --parties lab/eum.ini --to smsr-1 --eid $eid --property meter=4711

# the owner sees its profile and changes its rules; another operator sees none and may not
desk=(--to smsr-1 --eid $eid)
run 0 operator es4 get-eis --parties lab/operator-a.ini "${desk[@]}"
says out "Iccid: $iccid" "State: Enabled"
says_not out "Isd-r"
run 0 operator es4 update-policy-rules --parties lab/operator-a.ini "${desk[@]}" --iccid $iccid --pol2 disable:not-allowed
run 3 operator es4 update-policy-rules --parties lab/operator-b.ini "${desk[@]}" --iccid $iccid --pol2 none
run 3 operator es4 disable-profile --parties lab/operator-a.ini "${desk[@]}" --iccid $iccid --listen 127.0.0.1:0
says err "status code"
# nothing carries it to the eUICC: it ends as expired
run 3 operator es4 audit-eis --parties lab/operator-a.ini "${desk[@]}" --poll --validity 1
says err "AuditEIS was not done"

# a chip as it was made
package first.der 89000000000000000012
run 0 euicc create meter --pki pki --m2m --profile first.der --smsr-number 12345678 --eis meter.json
chip=$(grep -o '"eid": *"[0-9]*"' meter.json | grep -o '[0-9]*')
run 1 "${register[@]}" --eis meter.json
says err "Say with --mno-id"
run 0 "${register[@]}" --eis meter.json --mno-id operator-b
run 0 operator es4 get-eis --parties lab/operator-b.ini --to smsr-1 --eid "$chip"
says out "State: Enabled" "FallbackAttribute: true" "Mno-id: 2.999.102"
run 0 smsr eis show "$chip" "${smsr[@]}" --json
cp out eis.json
equal "$(jq -r '.AvailableMemoryForProfiles - .RemainingMemory' eis.json)" \
    "$(jq '[.profiles[].allocatedMemory] | add' meter.json)"
equal "$(jq -r '[.ProfileInfo] | flatten | .[0].AllocatedMemory' eis.json)" "$(jq '.profiles[0].allocatedMemory' meter.json)"
equal "$(jq -r '.EumSignedInfo | "\(.PlatformType) \(."Isd-p-loadfile-aid") \(."Isd-p-module-aid")"' eis.json)" \
    "crisp A0000005591010FFFFFFFF8900000D00 A0000005591010FFFFFFFF8900000E00"
# the certificate that this EUM gave, wherever it stands; none of it: another EUM's chip
run 0 euicc create meter2 --pki pki --m2m --profile first.der --test-profile first.der \
    --smsr-number 12345678 --eis meter2.json
jq '.certificates |= ([{"ecasd": "7F2100", "eum": "3000"}] + .)' meter2.json >turned.json
run 0 "${register[@]}" --eis turned.json --mno-id operator-b
run 0 smsr eis show "$(jq -r .eid meter2.json)" "${smsr[@]}" --json
equal "$(jq '[.ProfileInfo] | flatten | length' out)" "$(jq '[.profiles[] | select(.testProfile | not)] | length' meter2.json)"
equal "$(jq '[.profiles[] | select(.testProfile)] | length' meter2.json)" 1
jq '.certificates |= map(.eum = "3000")' meter2.json >other.json
run 3 "${register[@]}" --eis other.json --mno-id operator-b
says err "none of the chip's certificates was issued by this EUM"
jq 'del(.capabilities.httpVersion)' meter.json >broken.json
run 1 "${register[@]}" --eis broken.json --mno-id operator-b
says err "httpVersion is missing"
jq '.remainingMemory = -1' meter.json >broken.json
run 1 "${register[@]}" --eis broken.json --mno-id operator-b
says err "remainingMemory is no number"
sed 's/"Enabled"/"Broken"/' meter.json >broken.json
run 1 "${register[@]}" --eis broken.json --mno-id operator-b
says err "is no state of a profile"
head -c 100 meter.json >broken.json
run 1 "${register[@]}" --eis broken.json --mno-id operator-b
says err "broken.json: line"

looks() {
    run 0 smsr eis list "${smsr[@]}"
    says out "$eid        1  $iccid"
    run 0 smsr eis list "${smsr[@]}" --json
    says out "\"eid\":\"$eid\"" '"state":"Enabled"' '"owner":"2.999.101"'
    run 0 smsr eis show $eid "${smsr[@]}"
    says out "Eid: $eid" "Iccid: $iccid" "Qualification: Not-Allowed" "Type: SCP80" "value: 4711"
    says_not out $key
    run 0 smsr eis show $eid "${smsr[@]}" --json
    says out '"Qualification":"Not-Allowed"' '"Isd-r":{'
    equal "$(wc -l <out)" 1
    run 0 smsr eis audit $eid "${smsr[@]}"
    run 0 smsr procedures "${smsr[@]}"
    says out "AuditEIS" "$eid"
    run 0 smsr procedures "${smsr[@]}" --json
    says out '"kind":"AuditEIS"' '"requester":"2.999.101"'
    run 0 smsr procedures "${smsr[@]}" --eid $eid --open --json
}
looks
kill "$server"
wait "$server" || fail "the server did not end well: $(<peer.err)"
looks
usage "must be 32 decimal digits" smsr eis show 12 "${smsr[@]}"
usage "--dir is missing" smsr procedures --parties lab/smsr-1.ini
run 1 smsr eis list --dir lab --parties lab/smsr-1.ini
says err "is not the directory of an SM-SR"
run 3 smsr eis list --dir sr --parties lab/eum.ini
says err "of role eum"
done_testing
