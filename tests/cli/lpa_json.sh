#!/usr/bin/env bash
# docs/lpa-json.md and what `crisp lpa --json` writes: each member that occurs is documented for its
# event, each documented member occurs, and has one type wherever it does.
. "$(dirname "$0")/lib.sh"
need jq openssl python3

run 0 pki init pki --host smdpp.test
for dir in dp dp2; do
    "$crisp" smdpp serve --dir $dir --pki pki --es9 127.0.0.1:0 --no-es2 --port-file $dir.ports \
        >$dir.log 2>&1 &
    pids+=($!)
    wait_for $dir.ports
done
place=127.0.0.1:$(jq .es9 dp.ports)
server=(--ca pki/nist/ci.der --connect "$place")
: >lines
# lpa CODE ARGUMENTS...: with --json; standard output is JSON lines and nothing else
lpa() {
    run "$1" lpa "${@:2}" --chip chip --json
    jq -e 'has("event")' out >/dev/null || fail "a line of 'lpa ${*:2} --json' is no event"
    cat out >>lines
}
code_of() {
    run 0 smdpp order create --dir "$1" --iccid "$2" "${@:3}" --json
    code=$(jq -r .activationCode out)
}
base64 -d >icon.png <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQMAAACQp+OdAAAAA1BMVEX///+nxBvIAAAAD0lEQVQoz2Ng
GAWjgJYAAAJAAAFv6vKaAAAAAElFTkSuQmCC
PNG
rules=(--ppr ppr1,ppr2 --owner-plmn 999-70 --gid1 01 --gid2 02 --icon icon.png)

one=8988211000000000017 two=8988211000000000025
package one.der $one
package two.der $two
run 0 smdpp profile import --dir dp --pki pki "${rules[@]}" one.der
run 0 smdpp profile import --dir dp --pki pki two.der
run 0 smdpp profile import --dir dp2 --pki pki one.der
# With the public test CI where it is at hand: it is one that has a name.
ci=${CRISP_TEST_DATA:-$root/../shared/data}/sgp26/NIST
named=()
if [[ -f $ci/CERT_CI_ECDSA_NIST.der && -f $ci/SK_CI_ECDSA_NIST.pem ]]; then
    named=(--ci-cert-nist "$ci/CERT_CI_ECDSA_NIST.der" --ci-key-nist "$ci/SK_CI_ECDSA_NIST.pem")
fi
if ((${#named[@]})); then
    run 0 pki init named "${named[@]}"
    run 0 euicc create chip --pki named
    lpa 0 info
    rm -rf chip
fi
run 0 euicc create chip --pki pki --forbid-ppr ppr1
lpa 0 info
rm -rf chip
run 0 euicc create chip --pki pki --rat-rule 'ppr1,ppr2=999-70' --default-smdp smdpp.test

# ---- reading
lpa 0 info
lpa 0 list
lpa 0 default-smdp get
lpa 0 default-smdp set smdpp.test
lpa 3 discover "${server[@]}"
lpa 0 notification list
lpa 0 load-crl pki/nist/ci.crl

# ---- a download that goes well, one that nobody consents to, and all that comes after
code_of dp $one
lpa 3 download "$code" "${server[@]}"
lpa 3 download '1$smdpp.test$NO-SUCH-ORDER' "${server[@]}" --yes
lpa 0 download "$code" "${server[@]}" --yes --enable --no-notifications
lpa 0 notification list
lpa 0 notification send 1 --keep "${server[@]}"
lpa 1 notification send --all --ca pki/nist/ci.der --connect 127.0.0.1:1
lpa 1 notification send --all --ca pki/brainpool/ci.der --connect "$place"
lpa 0 notification send --all "${server[@]}"
lpa 0 enable $one
lpa 3 disable $one "${server[@]}"
lpa 0 nickname $one work
lpa 0 list
lpa 3 nickname nobody x
lpa 2 download 'no code'
code_of dp $two
lpa 0 download "$code" --ca pki/nist/ci.der --connect "$place" --yes
lpa 0 delete $two --yes --ca pki/nist/ci.der --connect 127.0.0.1:1
lpa 0 notification list
lpa 0 notification remove --force "$(jq -r 'select(.event == "notification").seqNumber' out)"

# ---- what the chip, another server and no server at all answer
code_of dp2 $one
lpa 3 download "$code" --ca pki/nist/ci.der --connect 127.0.0.1:"$(jq .es9 dp2.ports)" --yes
lpa 3 list --isdr-aid A0000000871002FF
openssl x509 -inform DER -in pki/nist/dptls.der -out dptls.pem 2>/dev/null || fail "openssl x509"
cat >broken.py <<'PY'
import http.server, ssl, sys
class Broken(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Broken)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("dptls.pem", "pki/nist/dptls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
with open("broken", "w") as f:
    f.write(str(server.server_port))
server.serve_forever()
PY
python3 broken.py &
pids+=($!)
wait_for broken
lpa 1 download '1$smdpp.test$A' --ca pki/nist/ci.der --connect 127.0.0.1:"$(cat broken)" --yes
lpa 0 memory-reset --yes --no-notifications

cat >compare.py <<'PY'
import json, re, sys

# Seen only with cards and servers that are not at hand here; tests/lpa/events.c has them.
absent = {("waiting", "eventId"), ("info", "highestSvn"), ("info", "euiccConfiguredDataRaw"),
          ("crl", "missingParts[]"),
          ("info", "rulesAuthorisationTable[].operators[].gid1"),
          ("info", "rulesAuthorisationTable[].operators[].gid2")}
absent |= {("notification", name)
           for name in ("subjectCode", "subject", "reasonCode", "reason", "field")}
if sys.argv[2] != "named":
    absent |= {("info", "ciForVerification[].name"), ("info", "ciForSigning[].name")}

documented, events, section = {}, set(), None
for line in open(sys.argv[1], encoding="utf-8"):
    if line.startswith("## "):
        section = line[3:].strip()
    elif line.startswith("| `"):
        names = re.findall(r"`([^`]+)`", line.split("|")[1])
        if section is None:
            events.update(names)
        else:
            documented.setdefault(section, set()).update(names)

def paths(value, path):
    if isinstance(value, dict) and path == "notifications.error":
        for name, member in value.items():
            yield from (("error", *rest) for _, *rest in paths(member, name))
        yield None, path, "object"
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from paths(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for member in value:
            yield from paths(member, path + "[]")
    else:
        yield None, path, type(value).__name__

seen, types, problems = {}, {}, []
for line in open("lines", encoding="utf-8"):
    event = json.loads(line)
    kind = event.pop("event")
    for other, path, name in paths(event, ""):
        where = (other or kind, path)
        seen.setdefault(where[0], set()).add(path)
        if types.setdefault(where, name) != name:
            problems.append(f"{where[0]}: {path} is {name} and {types[where]}")
problems += [f"event {kind} is not documented" for kind in set(seen) - events]
problems += [f"event {kind} does not occur" for kind in events - set(seen)]
for kind in events:
    for path in seen.get(kind, set()) - documented.get(kind, set()):
        problems.append(f"{kind}: {path} is not documented")
    for path in documented.get(kind, set()) - seen.get(kind, set()):
        if (kind, path) not in absent:
            problems.append(f"{kind}: {path} does not occur")
    for path in seen.get(kind, set()):
        if (kind, path) in absent:
            problems.append(f"{kind}: {path} occurs here after all")
print("\n".join(sorted(problems)))
print(sum(len(names) for names in documented.values()), "members documented", file=sys.stderr)
sys.exit(1 if problems else 0)
PY
python3 compare.py "$root/docs/lpa-json.md" "${named:+named}" >out 2>err ||
    fail "docs/lpa-json.md and the program do not agree"
((checks++))
# Each stage of a download in its order, each outcome that can be had here.
equal "$(jq -rs 'map(select(.event == "progress").stage) | unique | length' lines)" 12
equal "$(jq -rs 'map(select(.event == "notification").outcome // empty) | unique | join(" ")' lines)" \
    "failed kept sent waiting"
equal "$(jq -rs 'map(select(.event == "result").command) | unique | join(" ")' lines)" \
    "default-smdp set delete discover download enable list load-crl memory-reset nickname notification list notification remove notification send"
done_testing
