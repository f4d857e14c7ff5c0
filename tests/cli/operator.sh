#!/usr/bin/env bash
# crisp operator against a peer that offers every function: each function with its arguments, the
# three ways of an answer, notifications, refusals, and what a wrong command line or file is told.
peer=$(realpath "$2") || exit 1
. "$(dirname "$0")/lib.sh"
need openssl curl

eid=89001012012341234012345678901224
iccid=8900101000000000001

# ---- the tables
for row in ES1:2 ES2:25 ES3:28 ES4:23 ES4A:4 ES7:3; do
    run 0 operator functions "${row%:*}"
    equal "$(wc -l <out)" "${row#*:}"
done
run 0 operator functions
equal "$(wc -l <out)" 85
equal "$(head -n 1 out | cut -d' ' -f1)" RegisterEIS
run 0 operator functions es4 --arguments
says out "EnableProfile " "--eid EID --iccid ICCID" "--current-smsr-id PARTY"
run 0 operator functions ES2 --json
equal "$(wc -l <out)" 25
says out '"name":"DownloadProfile"' '"pattern":"async"'
usage "there is no interface 'ES9'" operator functions ES9
run 0 operator xsd
says out "xs:schema" "ES4-EnableProfileRequest"
if have xmllint; then
    xmllint --noout out 2>err || fail "the schema is no XML"
fi

# ---- a lab: two servers, an operator
run 0 pki init pki
run 0 pki m2m-parties lab --pki pki --first-port $((20000 + RANDOM % 10000))
run 2 operator listen
touch listened
"$crisp" operator listen --parties lab/operator-a.ini --listen 127.0.0.1:0 --json --count 2 \
    >listened 2>listen.err </dev/null &
listener=$!
pids+=("$listener")
wait_text listen.err "listens on"
port=$(sed -n 's/.*127.0.0.1://p' listen.err)
# what the servers call the operator
for server in smsr-1 smdp; do
    sed "/^\[party operator-a\]/,/^\[/s|^url = .*|url = https://127.0.0.1:$port/|" lab/$server.ini \
        >lab/$server.run.ini
    "$peer" lab/$server.run.ini $server.port $server.log 2>$server.err </dev/null &
    pids+=("$!")
done
wait_for smsr-1.port
wait_for smdp.port
for server in smsr-1 smdp; do
    for party in operator-a m2m-sp; do
        sed -i "/^\[party $server\]/,/^\[/s|^url = .*|url = https://127.0.0.1:$(<$server.port)/|" \
            lab/$party.ini
    done
done
es2=(--parties lab/operator-a.ini --listen 127.0.0.1:0)
es4=(--parties lab/operator-a.ini --to smsr-1 --listen 127.0.0.1:0)
here=(--parties lab/operator-a.ini --to smsr-1)
asked() { says "$1.log" "${@:2}"; }

# ---- every function that the desk can call, by every way that it has
number=0
while read -r name interface pattern callers takes; do
    [[ $pattern != notification && $callers == *operator* && $interface != ES1 ]] || continue
    words=()
    read -ra given <<<"${takes//[\[\]]/}"
    for word in "${given[@]}"; do
        case $word in
        EID) words+=("$eid") ;;
        ICCID) words+=("$iccid") ;;
        PARTY) words+=(smsr-1) ;;
        TYPE) words+=("meter") ;;
        RULES) words+=(disable:not-allowed) ;;
        IMSI) words+=(999700000000001) ;;
        MSISDN) words+=(4915112345678) ;;
        FUNCTION) words+=(profile-enabled) ;;
        NOTIFICATION) words+=(ProfileDownloaded) ;;
        *) words+=("$word") ;;
        esac
    done
    [[ $name != DownloadProfile ]] ||
        words=(--eid $eid --smsr-id smsr-1 --profile-type meter --enable-profile)
    to=smsr-1
    [[ $interface != ES2 ]] || to=smdp
    ways=("--poll" "--sync" "--listen 127.0.0.1:0")
    read -ra way <<<"${ways[number % 3]}"
    run 0 operator "${interface,,}" "$name" --parties lab/operator-a.ini --to $to "${words[@]}" \
        "${way[@]}"
    says out "$name: done by $to" "FunctionExecutionStatus:" "Status: EXECUTED_SUCCESS"
    asked $to "$interface $name by operator-a reply=$((number % 3 == 0 ? 2 : number % 3 == 1 ? 0 : 1))"
    ((number++))
done < <("$crisp" operator functions --arguments)
equal "$number" 30

# ---- what was sent is what was said
run 0 operator es2 download-profile "${es2[@]}" --eid $eid --smsr-id smsr-1 --iccid $iccid --validity 77
asked smdp "Eid=$eid Sm-sr-id=2.999.121 Iccid=$iccid EnableProfile=false"
asked smdp "ValidityPeriod=77"
run 0 operator es2 DownloadProfile "${es2[@]}" --eid $eid --smsr-id 1.2.3 --profile-type "a b" --enable-profile
asked smdp "Sm-sr-id=1.2.3 ProfileType=a b EnableProfile=true"
run 0 operator es4 update-policy-rules "${here[@]}" --eid $eid --iccid $iccid \
    --pol2 disable:not-allowed,DELETE:auto-delete
asked smsr-1 "pol2={ Rule={ Subject=PROFILE Action=DISABLE Qualification=Not-Allowed } Rule={ Subject=PROFILE Action=DELETE Qualification=Auto-Delete } }"
run 0 operator es4 update-policy-rules "${here[@]}" --eid $eid --iccid $iccid --pol2 none
asked smsr-1 "Iccid=$iccid pol2={ }"
run 0 operator es4 update-subscription-address "${here[@]}" --eid $eid --iccid $iccid --msisdn 4915112
asked smsr-1 "newSubscriptionAddress={ Msisdn=4915112 }"
run 0 operator es4 audit-eis "${es4[@]}" --eid $eid --iccid $iccid --iccid 8900101000000000002
asked smsr-1 "Iccid=$iccid Iccid=8900101000000000002"
run 0 operator es4a set-plma "${here[@]}" --m2m-sp-id m2m-sp --profile-type meter \
    --operation enable-profile --operation profile-enabled
asked smsr-1 "Plma={ Mno-id=2.999.101 M2M-sp-id=2.999.103 ProfileType=meter AuthorisedOperation=EnableProfile AuthorisedOperation=HandleProfileEnabledNotification }"
run 0 operator es4a set-plma "${here[@]}" --m2m-sp-id m2m-sp --profile-type meter --mno-id operator-b
asked smsr-1 "Plma={ Mno-id=2.999.102 M2M-sp-id=2.999.103 ProfileType=meter }"
run 0 operator es4a set-onc "${here[@]}" --profile-type meter --discard profile-downloaded
asked smsr-1 "Onc={ Mno-id=2.999.101 ProfileType=meter DiscardedNotification=HandleProfileDownloadedNotification }"
run 0 operator es4 smsr-change "${es4[@]}" --eid $eid --target-smsr-id smsr-2
asked smsr-1 "TargetSmsr-id=2.999.122"
# the other role at the desk
run 0 operator es4 get-eis --parties lab/m2m-sp.ini --to smsr-1 --eid $eid
says out "ProfileInfo:" "Iccid: "

# ---- JSON
run 0 operator es4 get-eis "${here[@]}" --eid $eid --json
says out '"interface":"ES4"' '"function":"GetEIS"' '"EumSignedInfo":{' '"ProfileInfo":[{'
says_not out "KeyComponents\":[{\"value"
equal "$(wc -l <out)" 1

# ---- answers that are none that one wishes for
run 3 operator es4 enable-profile "${es4[@]}" --eid $eid --iccid 8900101000000000038
says err "POL2: Refused" "subject 8.2.3, reason 3.8" "GetEIS"
says_not err $'\x1b'
run 3 operator es4 enable-profile "${es4[@]}" --eid $eid --iccid 8900101000000000038 --json
says out '"event":"error"' '"subject":"8.2.3"' '"reason":"3.8"'
run 3 operator es4 enable-profile --parties lab/operator-a.ini --to smsr-1 --poll --eid $eid --iccid 8900101000000000053
says err "was not done in time" "reason 5.3"
run 0 operator es4 enable-profile "${es4[@]}" --validity 20 --eid $eid --iccid 8900101000000000077
says out "EXECUTED_WITHWARNING" "nearly"

# ---- notifications: four EnableProfile of ES4 that were done, two of them printed
wait_text listened "HandleProfileEnabledNotification"
for ((i = 0; i < 200; i++)); do
    kill -0 "$listener" 2>/dev/null || break
    sleep 0.05
done
wait "$listener" || fail "listen did not end well: $(<listen.err)"
equal "$(wc -l <listened)" 2
says listened '"from":"smsr-1"' "\"Eid\":\"$eid\"" '"CompletionTimestamp":"2026-01-01T00:00:00Z"'

# ---- the listener of a call takes its answer and nothing else
run 0 operator es4 disable-profile "${here[@]}" --eid $eid --iccid $iccid
says out "DisableProfile: done by smsr-1"
home=$(sed -n 's/^address = //p' lab/operator-a.ini)
openssl x509 -inform DER -in lab/nist/ci.der -out ca.pem
run 0 pki issue lab party --name nobody --cn "Nobody" --dns 127.0.0.1
post() { # CODE PARTY BODY
    local code
    code=$(curl -s -o /dev/null -w '%{http_code}' --cacert ca.pem --cert-type DER \
        --cert lab/nist/"$2".der --key lab/nist/"$2".key -H 'Content-Type: application/soap+xml' \
        --data "$3" "$home")
    ((checks++))
    [[ $code == "$1" ]] || fail "$2 gets $code instead of $1"
}
envelope() { # HEADER BODY
    echo '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"' \
        'xmlns:wsa="http://www.w3.org/2005/08/addressing"' \
        'xmlns:r="http://namespaces.gsma.org/esim-messaging/3"><s:Header>' \
        "<wsa:MessageID>//x/$RANDOM</wsa:MessageID>$1</s:Header><s:Body>$2</s:Body></s:Envelope>"
}
done='<r:FunctionExecutionStatus><r:Status>EXECUTED_SUCCESS</r:Status></r:FunctionExecutionStatus>'
answer="<r:ES4-EnableProfileResponse>$done</r:ES4-EnableProfileResponse>"
notice="<r:ES4-HandleProfileEnabledNotification><r:Eid>$eid</r:Eid><r:Iccid>$iccid</r:Iccid>\
<r:CompletionTimestamp>2026-01-01T00:00:00Z</r:CompletionTimestamp></r:ES4-HandleProfileEnabledNotification>"
"$crisp" operator es4 enable-profile "${here[@]}" --eid $eid --iccid 8900101000000000099 >waits 2>waits.err </dev/null &
waiter=$!
pids+=("$waiter")
wait_text smsr-1.log "Iccid=8900101000000000099"
call=$(sed -n 's/.*FunctionCallIdentifier=\([^ ]*\).*Iccid=8900101000000000099$/\1/p' smsr-1.log)
related="<wsa:RelatesTo>//x/other?TransactionId=$call</wsa:RelatesTo>"
post 403 nobody "$(envelope "" "$answer")"
post 400 smsr-1 "no envelope"
post 503 smsr-1 "$(envelope "<wsa:From><wsa:Address>https://x/?EntityId=2.999.121</wsa:Address></wsa:From>\
<wsa:Action>http://gsma.com/ES4/PlatformManagementCallBack/ES4-HandleProfileEnabledNotification</wsa:Action>" "$notice")"
post 202 smsr-1 "$(envelope "$related" "$answer")"
post 202 smsr-1 "$(envelope "" "${answer//Enable/Disable}")"
post 202 smsr-2 "$(envelope "<wsa:MessageID>//x/1?TransactionId=$call</wsa:MessageID>" "$answer")"
sleep 0.5
kill -0 "$waiter" || fail "an answer that is none was taken: $(<waits) $(<waits.err)"
kill "$waiter"
wait "$waiter"
equal $? 3
grep -q "nobody waits for it any more" waits.err || fail "the end of waiting is not told"
[[ ! -s waits ]] || fail "something was printed without an answer"

# ---- the same order again, by whichever way: executed once, and each time there is the answer
before=$(grep -c EnableProfile smsr-1.log)
for way in "--listen 127.0.0.1:0" "--listen 127.0.0.1:0" --poll --sync; do
    # shellcheck disable=SC2086 # words
    run 0 operator es4 enable-profile "${here[@]}" $way --eid $eid --iccid $iccid --message-id order-1
    [[ -f first ]] || cp out first
    equal "$(<out)" "$(<first)"
done
equal "$(grep -c EnableProfile smsr-1.log)" $((before + 1))
run 3 operator es4 enable-profile "${es4[@]}" --eid $eid --iccid $iccid --message-id "a/b"
says err "letters, digits and -._"

# ---- wrong command lines
usage "ES4 has no function enable-profil; did you mean EnableProfile?" operator es4 enable-profil --parties x
usage "ES4 has no function DownloadProfil" operator es4 DownloadProfile --parties x
usage "ES4 has no function ProfileEnabled" operator es4 ProfileEnabled --parties x
usage "--eid is missing; EnableProfile takes --eid EID --iccid ICCID" operator es4 enable-profile "${es4[@]}"
usage "--iccid is missing" operator es4 enable-profile "${es4[@]}" --eid $eid
usage "--pol2 is not for it" operator es4 enable-profile "${es4[@]}" --eid $eid --iccid $iccid --pol2 none
usage "--pol2 is missing" operator es4 update-policy-rules "${here[@]}" --eid $eid --iccid $iccid
usage "'disable' is no rule" operator es4 update-policy-rules "${here[@]}" --eid $eid --iccid $iccid --pol2 disable
usage "'sell:not-allowed' is no rule" operator es4 update-policy-rules "${here[@]}" --eid $eid --iccid $iccid --pol2 sell:not-allowed
usage "must be 32 decimal digits" operator es4 get-eis "${here[@]}" --eid 8900
usage "must be 32 decimal digits" operator es4 get-eis "${here[@]}" --eid ${eid/9/A}
usage "has a wrong number of digits" operator es4 enable-profile "${es4[@]}" --eid $eid --iccid 89
usage "is taken once" operator es4 enable-profile "${es4[@]}" --eid $eid --iccid $iccid --iccid $iccid
usage "must be numbers with dots" operator es4 smsr-change "${es4[@]}" --eid $eid --target-smsr-id nobody
usage "either --iccid or --profile-type" operator es2 download-profile "${es2[@]}" --eid $eid --smsr-id smsr-1
usage "either --iccid or --profile-type" operator es2 download-profile "${es2[@]}" --eid $eid --smsr-id smsr-1 \
    --iccid $iccid --profile-type x
usage "what is new is missing" operator es4 update-subscription-address "${here[@]}" --eid $eid --iccid $iccid
usage "--operation cannot be 'sell'" operator es4a set-plma "${here[@]}" --m2m-sp-id m2m-sp --profile-type x --operation sell
usage "exclude each other" operator es4 get-eis "${here[@]}" --eid $eid --poll --sync
usage "--parties is missing" operator es4 get-eis --eid $eid

# ---- files and peers that do not fit
run 3 operator es4 get-eis --parties lab/operator-a.ini --eid $eid
says err "2 of role smsr" "smsr-1, smsr-2"
run 3 operator es4 get-eis --parties lab/operator-a.ini --to smdp --eid $eid
says err "smdp is no smsr"
run 3 operator es4 get-eis --parties lab/eum.ini --to smsr-1 --eid $eid
says err "of role eum"
run 1 operator es4 get-eis --parties lab/nothing.ini --to smsr-1 --eid $eid
says err "lab/nothing.ini"
echo "[self" >bad.ini
run 3 operator es4 get-eis --parties bad.ini --to smsr-1 --eid $eid
says err "bad.ini, line 1"
run 1 operator es4 get-eis "${here[@]/smsr-1/smsr-2}" --eid $eid
[[ -s err ]] || fail "a peer that is not there gave no reason"
# an address that somebody else listens on
run 1 operator es4 enable-profile --parties lab/operator-a.ini --to smsr-1 --eid $eid --iccid $iccid \
    --listen "127.0.0.1:$(<smsr-1.port)"
says err "polling"
# the peer does not know this certificate
run 0 pki issue lab party --name stranger --cn "A stranger" --dns 127.0.0.1
sed 's|operator-a\.der|stranger.der|; s|operator-a\.key|stranger.key|' lab/operator-a.ini >lab/stranger.ini
run 3 operator es4 get-eis --parties lab/stranger.ini --to smsr-1 --eid $eid
says err "HTTP status 403" "stranger.der"
# a certificate whose time is over
openssl req -new -key lab/nist/operator-a.key -subj "/CN=Operator A" -out old.csr 2>/dev/null
openssl x509 -req -in old.csr -days -1 -CA <(openssl x509 -inform DER -in lab/nist/ci.der) \
    -CAkey lab/nist/ci.key -set_serial 7 -outform DER -out lab/nist/old.der 2>err ||
    fail "openssl makes no certificate"
sed 's|operator-a\.der|old.der|' lab/operator-a.ini >lab/old.ini
run 3 operator es4 get-eis --parties lab/old.ini --to smsr-1 --eid $eid
says err "old.der expired on 20" "crisp pki issue"
done_testing
