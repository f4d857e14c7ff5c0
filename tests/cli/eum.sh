#!/usr/bin/env bash
# crisp eum against a peer: what is registered is signed, its keys wrapped as openssl wraps them; bad
# files and wrong keys are refused before anything is sent.
peer=$(realpath "$2") || exit 1
. "$(dirname "$0")/lib.sh"
need openssl xxd

eid=89049032000000000000000000000051
key=000102030405060708090A0B0C0D0E0F
transport=404142434445464748494A4B4C4D4E4F
ecb() { # KEY DATA
    xxd -r -p <<<"$2" | openssl enc -aes-128-ecb -K "$1" -nopad | xxd -p -c 64 | tr a-f A-F
}
kcv=$(ecb $key 01010101010101010101010101010101)
kcv=${kcv:0:6}
echo $transport >transport.key

# eis FILE EID KCV: an information set in the clear
eis() {
    cat >"$1" <<XML
<Eis xmlns="http://namespaces.gsma.org/esim-messaging/3">
 <EumSignedInfo><Eid>$2</Eid><PlatformType>crisp</PlatformType><PlatformVersion>4.2.0</PlatformVersion>
  <Isd-p-loadfile-aid>A0000005591010FFFFFFFF8900000D00</Isd-p-loadfile-aid>
  <Isd-p-module-aid>A0000005591010FFFFFFFF8900000E00</Isd-p-module-aid>
 </EumSignedInfo>
 <RemainingMemory>400000</RemainingMemory><AvailableMemoryForProfiles>500000</AvailableMemoryForProfiles>
 <Isd-r><Aid>A0000005591010FFFFFFFF8900000100</Aid><Tar>000001</Tar><Sin>42</Sin><Sdin>45</Sdin><Role>ISD-R</Role>
  <Keyset><Version>1</Version><Type>SCP80</Type><Cntr>0</Cntr>
   <Key kcv="$3"><Index>1</Index><KeyComponents type="88" value="$key"/></Key>
   <Key kcv="$3"><Index>2</Index><KeyComponents type="85" value="${key}AABB"/></Key>
  </Keyset>
 </Isd-r>
</Eis>
XML
}
eis chip.eis $eid "$kcv"

run 0 pki init pki
run 0 pki m2m-parties lab --pki pki --first-port $((20000 + RANDOM % 10000))
"$peer" lab/smsr-1.ini port log 2>peer.err </dev/null &
pids+=("$!")
wait_for port
sed -i "/^\[party smsr-1\]/,/^\[/s|^url = .*|url = https://127.0.0.1:$(<port)/|" lab/eum.ini
to=(--parties lab/eum.ini --to smsr-1)

run 0 eum register "${to[@]}" --pki pki --transport-key transport.key --eis chip.eis
says out "$eid: registered at smsr-1"
says log "ES1 RegisterEIS by eum" "Eid=$eid" "Smsr-id=2.999.121" "Eum-id=2.999.5" "<ds:SignatureValue" \
    "value=$(ecb $transport $key)" \
    "value=$(ecb $transport "${key}AABB0E0E0E0E0E0E0E0E0E0E0E0E0E0E")"
says_not log $key
says_not out $key
# several, one of them not there; the others are registered all the same
eis second.eis 89049032000000000000000000000148 "$kcv"
run 1 eum register "${to[@]}" --pki pki --transport-key transport.key --eis nothing.eis --eis second.eis --json
says out '"category":"resource"' '"eid":"89049032000000000000000000000148"' '"Status":"EXECUTED_SUCCESS"'
# the key that the lab has agreed on
run 0 eum register "${to[@]}" --pki pki --eis chip.eis
says log "value=$(ecb "$(<lab/transport-smsr-1.key)" $key)"

before=$(wc -l <log)
sed '/^transport-key/d' lab/eum.ini >lab/unkeyed.ini
run 3 eum register --parties lab/unkeyed.ini --to smsr-1 --pki pki --eis chip.eis
says err "no transport key is agreed with smsr-1"
eis bad.eis $eid 000000
run 1 eum register "${to[@]}" --pki pki --transport-key transport.key --eis bad.eis
says err "bad.eis" "key check value does not fit"
eis bad.eis 89001012012341234012345678901224 "$kcv"
run 3 eum register "${to[@]}" --pki pki --transport-key transport.key --eis bad.eis
says err "outside of the range of the EUM"
eis bad.eis 8904 "$kcv"
run 1 eum register "${to[@]}" --pki pki --transport-key transport.key --eis bad.eis
says err "Eid"
echo "<Eis" >bad.eis
run 1 eum register "${to[@]}" --pki pki --transport-key transport.key --eis bad.eis
says err "bad.eis"
echo '<Eis xmlns="http://namespaces.gsma.org/esim-messaging/3"/>' >bad.eis
run 1 eum register "${to[@]}" --pki pki --transport-key transport.key --eis bad.eis
says err "it has no Isd-r"
echo 1234 >short.key
run 1 eum register "${to[@]}" --pki pki --transport-key short.key --eis chip.eis
says err "short.key does not hold 32 hex digits"
run 1 eum register "${to[@]}" --pki nowhere --transport-key transport.key --eis chip.eis
says err "nowhere"
run 3 eum register --parties lab/operator-a.ini --to smsr-1 --pki pki --transport-key transport.key --eis chip.eis
says err "of role operator"
usage "--eis is missing" eum register "${to[@]}" --pki pki
usage "exclude each other" eum register "${to[@]}" --pki pki --eis chip.eis --poll --sync
equal "$(wc -l <log)" "$before"

run 0 eum properties "${to[@]}" --eid $eid --property meter=4711 --property "place=a b"
says out "2 properties set"
says log "Property={ key=meter value=4711 } Property={ key=place value=a b }"
run 0 eum properties "${to[@]}" --eid $eid --property x=y --json --poll
says out '"UpdateEISAdditionalProperties"'
usage "--eid must be 32 decimal digits" eum properties "${to[@]}" --eid 12 --property a=b
usage "--property" eum properties "${to[@]}" --eid $eid --property a
done_testing
