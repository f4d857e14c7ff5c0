#!/usr/bin/env bash
# No room on the disk, and a database that another process has locked: what is said, what is left
# behind, and that it goes on by itself afterwards. A limit on the size of files stands for a full
# disk; where this user may mount one, a real one is filled too.
. "$(dirname "$0")/lib.sh"
need curl jq openssl prlimit python3

host=dp.full.example

# limited BYTES CODE ARGUMENTS...: no file may have more bytes; output through a pipe, which may
limited() {
    local bytes=$1 want=$2
    shift 2
    prlimit --fsize="$bytes" "$crisp" "$@" 2>&1 </dev/null | cat >err
    local got=${PIPESTATUS[0]}
    ((checks++))
    ((got == want)) || fail "crisp $* with files of $bytes bytes ended with $got instead of $want"
}

serve() {
    rm -f ports
    "$crisp" smdpp serve -d "$1" --es9 127.0.0.1:0 --es2 127.0.0.1:0 --port-file ports \
        >serve.out 2>serve.err &
    server=$!
    pids=("$server")
    wait_for ports
    es9=$(jq -r .es9 ports)
    es2=$(jq -r .es2 ports)
}

stop() {
    kill -TERM "$server"
    wait "$server"
    equal $? 0
    pids=()
}

download() { # CODE MATCHINGID
    run "$1" lpa download "1\$$host\$$2" --yes --chip "${chip:-chip}" --ca pki/nist/ci.der \
        --connect "127.0.0.1:$es9"
}

# es2: HTTP status of an order that would change something; the answer in out
es2() {
    curl -sS --noproxy '*' -o out -w '%{http_code}' --cacert ci.pem --cert operator.pem \
        --key pki/nist/operator.key -H 'Content-Type: application/json' \
        --resolve "$host:$es2:127.0.0.1" \
        -d '{"header":{"functionRequesterIdentifier":"1","functionCallIdentifier":"'$RANDOM'"},"profileType":"t"}' \
        "https://$host:$es2/gsma/rsp2/es2plus/downloadOrder" 2>err
}

run 0 pki init pki --host $host
openssl x509 -inform der -in pki/nist/ci.der -out ci.pem
openssl x509 -inform der -in pki/nist/operator.der -out operator.pem
run 0 euicc create chip --pki pki
for n in 1 2 3 4; do
    package $n.der 898821100000000004$n
done

# ---- a start that fails leaves nothing: no room for the key, none for the database
for bytes in 0 2000; do
    limited $bytes 1 smdpp serve -d new --pki pki --es9 127.0.0.1:0
    says err "new/s" "what to do"
    [[ ! -e new ]] || fail "a start that failed left a directory"
    limited $bytes 1 smdpp profile import -d new --pki pki 1.der
    [[ ! -e new ]] || fail "an import that failed left a directory"
done
says err "there is no room left for the database" "file system mounted on" "ulimit -f"
limited 2000 1 euicc create newchip --pki pki
says err "there is no room left" "what to do"
[[ ! -e newchip ]] || fail "a chip that could not be made left a directory"
# what was there before stays
mkdir old
limited 2000 1 smdpp profile import -d old --pki pki 1.der
[[ -d old ]] || fail "a directory of the user is gone"
run 0 smdpp profile import -d old --pki pki 1.der

# ---- a server goes on when there is room again
run 0 smdpp profile import -d dp --pki pki --type t 1.der 2.der 3.der 4.der
run 0 smdpp order create -d dp --type t --matching-id ONE
run 0 smdpp order create -d dp --type t --matching-id TWO
serve dp
prlimit --pid "$server" --fsize=4096:unlimited || skip "prlimit cannot limit a process"
download 1 ONE
says err "the server cannot serve at the moment" "1.2" "3.7" "HTTP status: 503" "what to do"
says serve.err "initiateAuthentication" "this server cannot serve until this is mended" \
    "what to do: free space on the file system mounted on"
equal "$(es2)" 503
equal "$(jq -r '.header.functionExecutionStatus | [.status, .statusCodeData.subjectCode, .statusCodeData.reasonCode] | join(" ")' out)" \
    "Failed 1.2 3.7"
grep -q dp/smdpp.db out && fail "a peer is told where the database is"
download 1 ONE
equal "$(grep -c 'cannot serve until' serve.err)" 1
prlimit --pid "$server" --fsize=unlimited:unlimited
download 0 ONE
says serve.err "this server can serve again"
equal "$(es2)" 200

# ---- locked by another process
cat >lock.py <<'PY'
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
open("locked", "w").write("yes")
time.sleep(600)
PY
python3 lock.py dp/smdpp.db &
holder=$!
pids+=("$holder")
wait_for locked
run 1 smdpp order create -d dp --type t
says err "dp/smdpp.db is locked by process $holder" "wait until process $holder is done"
download 1 TWO
says err "the server cannot serve at the moment"
says serve.err "is locked by process $holder" "what to do: wait until process $holder is done"
run 0 smdpp order list -d dp # reading goes on
kill "$holder"
wait "$holder" 2>/dev/null
download 0 TWO
stop

# ---- a chip's memory that is empty
run 0 euicc create empty --pki pki
: >empty/chip.db
run 1 euicc show empty
says err "there is no chip in it" "restore chip.db from a backup"
run 1 lpa info --chip empty
says err "there is no chip in it" "crisp euicc create"

# ---- a real file system that is full
mkdir disk
if mount -t tmpfs -o size=700k tmpfs disk 2>/dev/null; then
    trap 'umount "$work/disk" 2>/dev/null; cleanup' EXIT
    run 0 smdpp profile import -d disk/dp --pki pki --type t 1.der 2.der
    run 0 smdpp order create -d disk/dp --type t --matching-id DISK
    serve disk/dp
    dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null
    download 1 DISK
    says serve.err "file system mounted on $work/disk (0 kB are free)"
    run 1 smdpp profile import -d disk/dp2 --pki pki 3.der
    says err "No space left on device" "make room"
    [[ ! -e disk/dp2 ]] || fail "a start on a full disk left a directory"
    rm disk/fill
    run 0 euicc create chip2 --pki pki
    chip=chip2 download 0 DISK
    says serve.err "this server can serve again"
    stop
    umount disk
else
    echo "no file system can be mounted here: only the limit was tried"
fi
done_testing
