#!/usr/bin/env bash
# crisp profile: build, show, check, personalise.
. "$(dirname "$0")/lib.sh"

# ---- build
package a.der 8988211000000000017
says out "a.der: " "bytes"
[[ -s a.der ]] || fail "a.der is missing"
run 0 profile build a.der.json -o a.hex --hex
equal "$(tr -d "\n" <a.hex | basenc --base16 -d | cksum)" "$(cksum <a.der)"
cp a.der.json plain.json
run 0 profile build plain.json
[[ -s plain.der ]] || fail "the ending .der was not put"
run_in 0 plain.json profile build -
cmp -s out plain.der || fail "standard output has another package"
run 0 profile build --members
says out "imsi" "iccid" "opc"
echo '{"iccid": "12"}' >bad.json
run 1 profile build bad.json
says err "bad.json" "iccid"
echo '{"iccid": ' >bad.json
run 1 profile build bad.json
says err "bad.json" "line"
echo '{"iccid": "8988211000000000017", "colour": "red"}' >bad.json
run 1 profile build bad.json
says err "colour"
run 1 profile build missing.json
says err "missing.json"
usage "FILE is missing" profile build
usage "one argument too many" profile build a b
ln -s /dev/null sink # not the device itself: a build that fails here would put an end to it
run 0 profile build plain.json -o sink
[[ -L sink && -c sink ]] || fail "a device was replaced by a file"
if [[ -c /dev/full ]]; then
    "$crisp" profile show a.der >/dev/full 2>err
    equal "$?" 1
    says err "could not be written to standard output"
fi
run 1 profile build plain.json -o /dev/null/x
says err "/dev/null/x"

# ---- show: the JSON is as good as the package
run 0 profile show a.der
says out "8988211000000000017" "elements" "ef-imsi"
says_not out "00112233445566778899AABBCCDDEEFF"
run 0 profile show --secrets a.der
says out "00112233445566778899AABBCCDDEEFF"
run 0 profile show --content a.der
run 0 profile show a.hex
base64 a.der >a.b64
run_in 0 a.b64 profile show -
says out "8988211000000000017"
run 0 profile show --json a.der
cp out again.json
run_in 0 again.json profile build -
cmp -s out a.der || fail "build of show --json gives other bytes"
for file in "${CRISP_TEST_DATA:-$root/../shared/data}"/ts48/*.der; do
    [[ -s $file ]] || continue
    run 0 profile show --json "$file"
    cp out ts48.json
    run_in 0 ts48.json profile build -
    cmp -s out "$file" || fail "$file does not come back"
    run 0 profile check "$file"
    says out "0 errors"
done
head -c 300 a.der >cut.der
run 1 profile show cut.der
says err "cut.der" "element"
echo "no package at all" >text
run 1 profile show text
echo 3003020101 >message
run 1 profile show message
says err "nothing in it is an element of a profile package" "crisp decode message"
run 1 profile show missing
usage "FILE is missing" profile show

# ---- check
run 0 profile check a.der a.hex
says out "a.der: no findings" "a.hex: no findings"
run 0 profile show --json a.der
sed 's/"pinValue": "[0-9A-F]*"/"pinValue": "4142434445464748"/' out >pin.json
run 0 profile build pin.json
says err "error"
run 4 profile check pin.der
says out "pin.der: error: element" "pinCodes" "pin.value"
run 4 profile check --json a.der pin.der
says out '"severity":"error"' '"rule":"pin.value"' '"kind":"pinCodes"'
run 4 profile check --quiet pin.der
run 4 profile check cut.der
: >empty
run 1 profile check empty
says err "empty"
run 1 profile check missing
usage "FILE is missing" profile check
echo '{"iccid": "8988211000000000017"}' >description.json
for command in show check "personalise -o x"; do
    # shellcheck disable=SC2086
    run 1 profile $command description.json $([[ $command == p* ]] && echo empty)
    says err "description.json is JSON" "crisp profile build"
done
echo '{"iccid": "8988211000000000017", "imsy": "1"}' >description.json
run 1 profile build description.json
says err "imsy: no such member" "did you mean imsi?" "crisp profile build --members"
usage "unknown option --jso; did you mean --json?" profile check --jso a.der

# ---- personalise
printf 'iccid,imsi,k,opc,spn\n8988211000000000108,999700000000010,%s,%s,First\n' \
    00000000000000000000000000000001 00000000000000000000000000000002 >rows.csv
printf '8988211000000000116,999700000000011,%s,%s,"Second, indeed"\n' \
    00000000000000000000000000000003 00000000000000000000000000000004 >>rows.csv
run 0 profile personalise a.der rows.csv -o made
says out "2 packages in made"
printf 'iccid\r\n8988211000000000108\r\n' >one.csv
run 0 profile personalise a.der one.csv -o made1
says out "1 package in made1"
run 0 profile show --secrets made/8988211000000000116.der
says out "999700000000011" "Second, indeed" "00000000000000000000000000000004"
says_not out "999700000000001"
run 0 profile check made/8988211000000000108.der made/8988211000000000116.der
equal "$(stat -c %a made/8988211000000000108.der)" 600
run 3 profile personalise a.der rows.csv -o made
says err "row 2" "is there already" "--force"
run_in 0 rows.csv profile personalise a.der - -o made --force
printf 'iccid,imsi\n8988211000000000108,99970X\n' >wrong.csv
run 1 profile personalise a.der wrong.csv -o made2
says err "wrong.csv: row 2, column 2 (imsi)"
printf 'iccid,colour\n' >wrong.csv
run 1 profile personalise a.der wrong.csv -o made2
says err "'colour' is no column" "crisp profile personalise --columns"
printf 'icid\n' >wrong.csv
run 1 profile personalise a.der wrong.csv -o made2
says err "did you mean iccid?"
printf 'iccid;imsi\n' >wrong.csv
run 1 profile personalise a.der wrong.csv -o made2
says err "'iccid;imsi' is no column" "divide the columns by commas"
printf 'iccid,topc\n' >wrong.csv
run 3 profile personalise a.der wrong.csv -o made2
says err "has no place for topc" "leave the column out"
printf 'iccid\n"8988211000000000108\n' >wrong.csv
run 1 profile personalise a.der wrong.csv -o made2
: >empty.csv
run 1 profile personalise a.der empty.csv -o made2
says err "the table is empty" "--columns"
run 1 profile personalise cut.der rows.csv -o made2
says err "cut.der"
run 1 profile personalise a.der missing.csv -o made2
says err "missing.csv"
run 1 profile personalise a.der rows.csv -o /dev/null/x
run 0 profile personalise --columns
says out "iccid" "imsi" "opc"
usage "TEMPLATE is missing" profile personalise
usage "TABLE is missing" profile personalise a.der
usage "--output is missing" profile personalise a.der rows.csv
done_testing
