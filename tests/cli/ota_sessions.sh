#!/usr/bin/env bash
# crisp ota trigger, pack --submit and serve: an operator with a server of its own calls the MNO-SD of
# the enabled profile of a chip on the air (SGP.02 ES6 over SMS and HTTPS).
. "$(dirname "$0")/lib.sh"
need jq python3

# ---- what a trigger says: the example of SGP.02
run 0 ota trigger 192.0.2.10 --host smsr.example --retries 3 --delay 1800
equal "$(cat out)" "814283408413350103390205003C030220FB3E0521C000020A8607000325030003008920\
8A0C736D73722E6578616D706C658C102F67736D612F61646D696E6167656E74"
run 0 ota trigger
equal "$(cat out)" 8100
run 0 ota trigger --kvn 41 --identity abc
equal "$(cat out)" 810B8309850703616263024101
run 0 ota trigger '[2001:db8::1]:99/x' --stored
equal "$(cat out)" 841F350103390205003C030200633E115720010DB800000000000000000000000189118A0B323030313A6462383A3A318C022F78
run 2 ota trigger host.example:8443
says err "does not begin with an IP address"
run 2 ota trigger --kvn 50
run 2 ota trigger --identity abc
run 2 ota serve --psk 0011 80CA00E000
says err "16 to 64 bytes"
run 2 ota serve --psk 000102030405060708090A0B0C0D0E0F --target 00 80CA00E000
run 2 ota pack --spi 0000 --submit 127.0.0.1:1 80CA00E000
says err "--to"

# ---- a chip whose enabled profile has keys of SCP80 and SCP81
kic=101112131415161718191A1B1C1D1E1F
kid=202122232425262728292A2B2C2D2E2F
psk=505152535455565758595A5B5C5D5E5F
cat >p.json <<JSON
{"iccid": "8988211000000000017", "imsi": "001010000000001", "k": "00112233445566778899AABBCCDDEEFF",
 "opc": "FFEEDDCCBBAA99887766554433221100", "puk1": "12345678", "puk2": "12345678", "adm1": "88888888",
 "sd": {"keys": [{"version": 1, "enc": "$kic", "mac": "$kid", "dek": "303132333435363738393A3B3C3D3E3F"},
                 {"version": 64, "type": "psk", "psk": "$psk"}],
        "sessionParameters": "$("$crisp" ota trigger 192.0.2.10:8444/ota --stored)"}}
JSON
run 0 profile build p.json -o p.der
run 0 pki init pki
run 0 euicc create chip --pki pki --m2m --profile p.der --smsc +4799000000 --eis chip.json
eid=$(jq -r .eid chip.json)
read -r https <<<"$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')"
cat >network.ini <<INI
[device]
smsc = +4799000000
map = 192.0.2.10:8444 127.0.0.1:$https
[network home]
imsi = 00101
delay-ms = 1
[msisdn]
001010000000001 = 4700000001
[esme mno]
password = secret
number = +4790002
INI
"$crisp" device run -c network.ini --smpp 127.0.0.1:0 --port-file device.ports --trace chip >trace 2>trace.err &
device=$!
pids+=("$device")
wait_for device.ports
wait_text trace "home: service"
smpp=$(jq .smpp device.ports)
echo "$psk" >psk.hex
counter=1
submit() { # CODE ARGUMENTS...
    local code=$1
    shift
    run "$code" ota pack --tar B20100 --kic $kic --kid $kid --counter $((counter++)) --from 4790002 \
        --submit "127.0.0.1:$smpp" --to +4700000001 --esme mno --password secret "$@"
}
serve() { # ARGUMENTS...: in the background; served NAME waits for its end
    rm -f port
    "$crisp" ota serve --listen "127.0.0.1:$https" --psk @psk.hex --path /ota --port-file port --json \
        "$@" >served 2>served.err &
    server=$!
    pids+=("$server")
    wait_for port
}
ended() { # CODE
    wait "$server"
    equal $? "$1"
}

# ---- POL1 by the operator's own session; what is left out of the trigger is stored in the MNO-SD
identity=8001028110${eid}4F08A000000151000000820101830140
serve --identity "$identity" 80E6200016000010A0000005591010FFFFFFFF8900000F0000000000 80E28800063A0603810103
submit 0 --spi 1600 --format raw "$(run 0 ota trigger && cat out)"
ended 0
equal "$(jq -r 'select(.event == "session").identity' served)" "$identity"
equal "$(jq -r 'select(.event == "result").status' served)" ok
equal "$(jq -rs '[.. | .statusWord? // empty] | join(" ")' served)" "9000 9000"

# ---- files, by remote file management beside the domain
serve --target A0000005591010000001 00A40004022FE2 00B000000A
submit 0 --spi 1600 --format raw 8100
ended 0
says served 988812010000000010F7
serve --target A0000005591010FFFFFFFF8900000100 80E28800153A03124F10A0000005591010FFFFFFFF8900001000
submit 0 --spi 1600 --format raw 8100
ended 4 # the ISD-R is somebody else's
equal "$(jq -r 'select(.event == "result").status' served)" unknown-application
serve 80CA00E000 80E28800153A03124F10A0000005591010FFFFFFFF8900001000
submit 0 --spi 1600 --format raw 8100
ended 4 # a platform command is none of the operator's
equal "$(jq -rs '[.. | .statusWord? // empty] | join(" ")' served)" "9000 6A88"

# ---- who is not the operator: a wrong checksum opens nothing; a wrong key, a wrong identity get nothing
serve 80CA00E000
opened=$(grep -c "OPEN CHANNEL" trace) came=$(grep -c "SMS-PP download" trace)
run 0 ota pack --tar B20100 --kic $kic --kid $kic --counter 90 --from 4790002 --spi 1600 --format raw \
    --submit "127.0.0.1:$smpp" --to 4700000001 --esme mno --password secret 8100
until (($(grep -c "SMS-PP download" trace) > came)); do sleep 0.1; done
submit 3 --spi 1600 --format raw --to 4799999999 8100
says err "refuses a message"
kill -INT $server
ended 4
equal "$(cat served)" ""
equal "$(grep -c "OPEN CHANNEL" trace)" "$opened"
echo 00${psk:2} >psk.hex
serve 80CA00E000
submit 0 --spi 1600 --format raw 8100
until (($(grep -c "CLOSE CHANNEL" trace) > opened)); do sleep 0.1; done
kill -INT $server
ended 4
equal "$(cat served)" ""
kill -INT $device
wait $device
equal $? 0

# ---- the rule holds
run 0 euicc show chip
says out "8988211000000000017 Enabled, POL1 03"
