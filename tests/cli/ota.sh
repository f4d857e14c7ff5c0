#!/usr/bin/env bash
# crisp ota, and crisp decode of what it makes: known answers, openssl(1) as the independent
# implementation of every algorithm, and everything broken.
. "$(dirname "$0")/lib.sh"

kic=000102030405060708090A0B0C0D0E0F
kid=101112131415161718191A1B1C1D1E1F
keys=(--kic $kic --kid $kid)
enable=80E28800153A03124F10A0000005591010FFFFFFFF8900001000
at=(--time 2026-08-06T12:00:00Z)

hex() { od -An -v -tx1 "$@" | tr -d ' \n' | tr a-f A-F; }
bin() { local h=$1 i; for ((i = 0; i < ${#h}; i += 2)); do printf "\\x${h:i:2}"; done; }

# ---- the example of SGP.02, both ways
packet=003815163912120000017E919C74AB0F64418FC57B7A00FD7B6ED49846954E687C485E964C9E42FC5AABC8477544555A2033E7378A2F3C6C33FF
run 0 ota pack "${keys[@]}" "${at[@]}" --smsc +12345678901 $enable
says out "data: AA1C221A$enable" "packet: $packet" \
    "SMS-DELIVER 1/1: 440881214365877FF6628060210000003D027000$packet" \
    "ENVELOPE 1/1: 80C200005FD15D82028381060791214365870" "8B4E440881214365877FF6"
run 0 ota pack "${keys[@]}" --as packet $enable
equal "$(cat out)" $packet
run 0 ota pack "${keys[@]}" --as packet --dialect bip --counter 2 $enable
equal "$(cat out)" 01381516391212000001A011DE21EE4826CE110E97DC482E46294A0C8E55CA134B540F920202041E860B15361C40F3869E381F19BFC071BB3595
submit=41010881214365877FF629027100002412000001EF199DC12FB02C40F83C991B1F72E2C1983C7768AD4FCF5B8CB60062F12D02A9
run 0 ota unpack "${keys[@]}" $submit
says out "status: 00 (PoR OK)" "verified: yes" "executed commands: 1" "R-APDU: 9000"
run 0 ota unpack "${keys[@]}" --json ${submit:22}
says out '"status":"00 (PoR OK)"' '"statusWord":"9000"'
run 0 ota unpack "${keys[@]}" ${submit:28}
says out "status: 00"
run 0 ota unpack "${keys[@]}" --dialect bip --counter 2 0224120000017ADCF22E04F214BEA9E510EDBB9E162A86EF19ECBB658A9AA39594C35920E609
says out "status: 00"
# answers of real cards: 3DES, ciphered and not
old=(--kic C21DD66ACAC13CB3BC8B331B24AFB57B --kid 12110C78E678C25408233076AA033615
    --kic-id 35 --kid-id 35 --tar B00011 --counter 0)
run 0 ota unpack "${old[@]}" --spi 0619 027100001c12b000119660ebdb81be189b5e4389e9e7ab2bc0954f963ad869ed7c
says out "R-APDU: 612F"
run 0 ota unpack "${old[@]}" --spi 0609 027100001612b000110000000000000055f47118381175fb01612f
says out "R-APDU: 612F"

# ---- scripts
run 0 ota pack --spi 0000 --format raw --as packet AABB CC
equal "$(cat out)" 00110D00001212000001000000000100AABBCC
run 0 ota pack --spi 0000 --format compact --as packet 00A40004023F00 00B0000009
equal "$(cat out)" 001A0D0000121200000100000000010000A40004023F0000B0000009
run 0 ota pack --spi 0000 --format indefinite --chaining 11 840A30000001020304050607 80CA005A00
says out "data: AE80830111840A30000001020304050607220580CA005A000000"
run 1 ota pack --spi 0000 80CA00
says err "'80CA00'" "4 to 261 bytes"
run 1 ota pack --spi 0000 80CA0
run 1 ota pack --spi 0000 --format raw --chaining 11 AABB
says err "--chaining"

# ---- openssl as the stranger: packet CHL DATA builds a packet with a checksum of 8 bytes
secure() { # SPI KIc KID TAR COUNTER DATA BLOCK MAC-COMMAND CIPHER
    local spi=$1 ids=$2$3 tar=$4 counter=$5 data=$6 block=$7 mac=$8 cipher=$9
    local n=$((6 + 8 + ${#data} / 2)) pad head fixed cc
    pad=$(((block - n % block) % block))
    data+=$(printf '%*s' $((2 * pad)) '' | tr ' ' 0)
    head=$(printf '%04X15%s%s%s' $((1 + 7 + n + pad)) "$spi" "$ids" "$tar")
    fixed=$(printf '%010X%02X' "$counter" "$pad")
    cc=$(bin "$head$fixed$data" | $mac)
    printf '%s%s' "$head" "$(bin "$fixed${cc:0:16}$data" | openssl enc $cipher -nopad -iv 00000000000000000000000000000000 2>/dev/null | hex)"
}
cmac() { openssl mac -macopt cipher:AES-$((4 * ${#mac_key}))-CBC -macopt hexkey:$mac_key -in - CMAC; }
# CBC-MAC: the last block of the zero-padded text
cbc_mac() {
    local text
    text=$(hex)
    while ((${#text} % 16)); do text+=00; done
    bin "$text" | openssl enc -$des_mode -nopad -K $mac_key -iv 0000000000000000 2>/dev/null | tail -c 8 | hex
}
three=0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123
if have openssl && openssl list -mac-algorithms 2>/dev/null | grep -q CMAC; then
    for data in 00 AA00 AA1C221A$enable AABBCCDDEEFF00112233; do
        for mac_key in $kid ${kid}2021222324252627 ${kid}$kid; do
            want=$(secure 1639 12 12 000001 4711 "$data" 16 cmac "-aes-$((4 * ${#mac_key}))-cbc -K $mac_key")
            run 0 ota pack --spi 1639 --kic $mac_key --kid $mac_key --counter 4711 --format raw --as packet $data
            equal "$(cat out)" "$want"
            run 0 decode --type CommandPacket --kic $mac_key --kid $mac_key <(printf '%s' "$want")
            says out "counter: 4711" "verified: yes"
        done
        mac_key=$kid des_mode=des-ede-cbc
        want=$(secure 1619 15 15 B00010 7 "$data" 8 cbc_mac "-des-ede-cbc -K $kic")
        run 0 ota pack --spi 1619 --kic-id 15 --kid-id 15 --tar B00010 --counter 7 "${keys[@]}" --format raw --as packet $data
        equal "$(cat out)" "$want"
        mac_key=$three des_mode=des-ede3-cbc
        want=$(secure 1619 39 39 B00010 7 "$data" 8 cbc_mac "-des-ede3-cbc -K $three")
        run 0 ota pack --spi 1619 --kic-id 39 --kid-id 39 --tar B00010 --counter 7 --kic $three --kid $three --format raw --as packet $data
        equal "$(cat out)" "$want"
    done
else
    echo "openssl(1) without CMAC: not compared"
fi

# ---- several short messages
apdus=()
for ((i = 0; i < 12; i++)); do apdus+=($enable); done
run 0 ota pack "${keys[@]}" --reference 161 --as tpdu "${apdus[@]}"
equal "$(wc -l <out)" 3
says out 8C0770000003A10301 8C050003A10302 050003A10303
run 0 ota pack "${keys[@]}" --reference 48879 --wide --as tpdu "${apdus[@]}"
says out 8C0870000804BEEF0301 060804BEEF0303
run 1 ota pack "${keys[@]}" --max-segments 2 "${apdus[@]}"
says err "3 short messages, more than 2"
# a response in two segments, backwards and twice
first=41010881214365877FF612077100000301020100100A00000100000000
second=41020881214365877FF60E0500030102020100000190000102
run 0 ota unpack --spi 1601 $second $first
says out "status: 00" "executed commands: 1" "R-APDU: 9000 0102"
run 0 ota unpack --spi 1601 $second $second $first
run 1 ota unpack --spi 1601 $second
run 1 ota unpack --spi 1601 $second $first $first
says err "behind a whole packet"

# ---- decode
printf '%s' "$submit" >submit
run 0 decode submit
says out "SMS-SUBMIT" "to: 12345678" "securedPacket: response" "crisp ota unpack"
run 0 ota pack "${keys[@]}" "${at[@]}" --as envelope $enable
cp out envelope
run 0 decode "${keys[@]}" envelope
says out "ENVELOPE (SMS-PP DOWNLOAD" "from: 12345678" "2026-08-06 12:00:00 +00:00" "counter must be higher" \
    "verified: yes" "C-APDU: $enable"
run 0 decode envelope
says out "spi: 1639" "tar: 000001"
says_not out "C-APDU"
run 0 decode --kic $kid --kid $kid envelope
says out "error: the cryptographic checksum is wrong"
says_not out "C-APDU"
run 0 decode --json "${keys[@]}" envelope
says out '"type": "ENVELOPE"' '"counter": 1'
text() { # TEXT OPTIONS...
    printf '%s' "$1" >input
    shift
    run 0 decode input "$@"
}
text 040B917238880900F10000993092516195800AE8329BFD4697D9EC37 --type sms-deliver
says out "from: +27838890001" "text: hellohello"
text 40D506F603027100 --type SMS-DELIVER-REPORT
says out "failureCause: D5"
text AE80830111840A300000010203040506078511338D0E5F655BFAF098DB1CCB26C3B1410F0000
says out "CommandScript" "script chaining: 11 first, kept over a reset" "SCP03t: 840A30000001020304050607"
text AB06800100900101
says out "ResponseScript" "bad format: 01 unknown tag"
text AA06220580CA005A00 --type CommandScript
says out "error: byte"
text 00A40004023F0000B0000009 --type CompactScript
says out "C-APDU: 00A40004023F00" "C-APDU: 00B0000009"
text 0390000102 --type CompactResponse
says out "executed commands: 3" "R-APDU: 9000 0102"
text 004D1502001012000001000000000000D2FD4A3889F9DDD7E1354C10890010120123412340123456789012244D01024E0200012F10A0000005591010FFFFFFFF890000100014083A45990057918503
says out "CommandPacket" "verified: no" "data: E1354C10"
run 0 decode input --kid $kid
says out "verified: yes"
text 00130A00000100000001910000AF80230290000000
says out "ResponsePacket" "tar: 000001"
printf 'BF3100' >input
run 1 decode --type CommandPacket input
says err "this is no CommandPacket"
run 0 decode --types
says out "CommandPacket" "SMS-DELIVER" "CompactResponse"

# ---- answers that are not what they should be
por=002412000001EF199DC12FB02C40F83C991B1F72E2C1983C7768AD4FCF5B8CB60062F12D02A9
run 3 ota unpack "${keys[@]}" ${por%A9}A8
says err "checksum is wrong"
run 3 ota unpack "${keys[@]}" --counter 2 $por
says err "another CNTR"
run 3 ota unpack "${keys[@]}" --tar 000002 $por
says err "another TAR"
run 3 ota unpack "${keys[@]}" --spi 1601 $por
says err "bytes of checksum"
run 3 ota unpack --kic $kic $por
says err "no key for KID"
run 1 ota unpack "${keys[@]}" ${por%A9}
says err "length"
run 1 ota unpack "${keys[@]}" 41010881214365877FF6090771000003010201AA
says err "segments of the packet are missing"
run 3 ota unpack "${keys[@]}" 000B0A00000100000000010009
run 4 ota unpack "${keys[@]}" --unproved 000B0A00000100000000010009
says out "status: 09 (TAR unknown)" "verified: no"
run 1 ota unpack "${keys[@]}" zz

# ---- CAT_TP: the PDUs of the sheet, with a packet inside
pdu() { # TEXT... : of input
    run 0 decode "${@:2}" <(printf %s "$1")
    says out "CAT_TP (PDU, TS 102 127)"
}
pdu 8000002740012710000000010000000A88E1020008001089001012012341234012345678901224
says out "flags: SYN" "destinationPort: 10000" "maxPdu: 512" "maxSdu: 2048" \
    "identification: 89001012012341234012345678901224"
says_not out "acknowledgement"
pdu C000001727104001000000640001000AD79F00C8FFFF00
says out "flags: SYN ACK" "acknowledgement: 1"
pdu 6000001640012710000000020065000A379800670068
says out "flags: ACK EAK" "outOfSequence: 103 104"
pdu 10000013271040010000006600000000887500
says out "flags: RST" "reason: normal end"
pdu 4800001240012710000000020065000A506B
says out "flags: ACK NUL" "sequence: 2" "window: 10"
data=4000001227104001003A00650001000A595C01381516391212000001A011DE21EE4826CE110E97DC482E46294A0C8E55CA134B540F920202041E860B15361C40F3869E381F19BFC071BB3595
pdu $data
says out "data: 0138" "tar: 000001"
pdu $data --kic 000102030405060708090A0B0C0D0E0F --kid 101112131415161718191A1B1C1D1E1F
says out "counter: 2" "verified: yes"
run 0 decode --json --type CAT_TP <(printf %s $data)
says out '"flags": "ACK"' '"spi": "1639"'
run 1 decode --type CAT_TP <(printf %s ${data/595C/595D}) # the checksum
says err "this is no CAT_TP"

# ---- the command line
usage "--spi takes 2 bytes" ota pack --spi 16 $enable
usage "--tar takes 3 bytes" ota pack --tar 1 $enable
usage "--kic: a key has 8, 16, 24 or 32 bytes" ota pack --kic 00 $enable
usage "--mac-size is 4 or 8" ota pack --mac-size 5 $enable
usage "--time takes a time" ota pack --spi 0000 --time noon $enable
usage "an address has" ota pack --spi 0000 --from +12x $enable
usage "go into no short message" ota pack --dialect bip --as tpdu --spi 0000 $enable
usage "APDU" ota pack
run 3 ota pack "${keys[@]}" --spi 1739 $enable
says err "digital signatures are not supported"
run 3 ota pack --kic $kic $enable
says err "no key for KID 12"
run 3 ota pack --kic-id 11 "${keys[@]}" $enable
says err "does not fit the key"
run 3 ota pack --spi F639 "${keys[@]}" $enable
says err "reserved"

done_testing
