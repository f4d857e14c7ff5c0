#!/usr/bin/env bash
# The SM-SR carries a Profile and cannot open it: everything it was told, stored, wrote down and has in
# its memory is searched for the keys that would.
received=$(realpath "$2") || exit 1
. "$(dirname "$0")/../cli/lib.sh"
. "$root/tests/e2e/fleet_lib.sh"
need xxd openssl

# holds CODE HEX FILE...: 0 = one of the files has the octets, as such or in hex digits; 1 = none has
holds() {
    local code=$1 hex=$2
    shift 2
    python3 - "$hex" "$@" <<'PY'
import sys
key = bytes.fromhex(sys.argv[1])
texts = [open(name, "rb").read() for name in sys.argv[2:]]
sys.exit(not any(key in t or key.hex().encode() in t.lower() for t in texts))
PY
    equal $? "$code"
}

# in_memory CODE HEX PID: the same of the memory of a process
in_memory() {
    python3 - "$3" "$2" <<'PY'
import sys
key, found = bytes.fromhex(sys.argv[2]), False
with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
    for line in maps:
        start, end = (int(x, 16) for x in line.split()[0].split("-"))
        if line.split()[1][0] != "r" or end - start > 1 << 28: # sanitizers map terabytes
            continue
        try:
            memory.seek(start)
            found = found or key in memory.read(end - start)
        except (OSError, OverflowError, ValueError):
            pass # what the kernel keeps for itself
sys.exit(not found)
PY
    equal $? "$1"
}

# secrets_of CHIP RECEIVED: "NAME HEX" of each key that opens what was carried: the keys of the ISD-P out of
# the chip's memory, and those of its SCP03t session, by the challenges that the SM-SR has seen
secrets_of() {
    rm -rf copy && mkdir copy && cp "$1"/chip.db* copy/
    python3 - copy/chip.db "$2" <<'PY'
import re, sqlite3, subprocess, sys
ISDP = 0x30 # key version that the SM-DP gives
rows = sqlite3.connect(sys.argv[1]).execute("SELECT CAST(key AS TEXT), value FROM kv").fetchall()
keys = {}
for name, value in rows: # ../k DOMAIN VERSION KEY: layout, type, access, usage, MAC size, value
    m = re.search(r"/k[0-9A-F]{4}([0-9A-F]{2})([0-9A-F]{2})$", name)
    if m and int(m[1], 16) == ISDP and len(value) == 22:
        keys[int(m[2], 16)] = value[6:]
names = {1: "KENC", 2: "KMAC", 3: "KDEK"}
assert sorted(keys) == [1, 2, 3], f"keys of the ISD-P: {sorted(keys)}"
for number, name in names.items():
    print(name, keys[number].hex())

def cmac(key, data):
    return bytes.fromhex(subprocess.run(
        ["openssl", "mac", "-cipher", "AES-128-CBC", "-macopt", "hexkey:" + key.hex(), "CMAC"],
        input=data, capture_output=True, check=True).stdout.decode())

def derive(key, constant, bits, context):
    return cmac(key, bytes(11) + bytes([constant, 0]) + bits.to_bytes(2, "big") + b"\1" + context)[:bits // 8]

# INITIALIZE UPDATE of SCP03t as the SM-DP sent it, in hex digits, and the card's answer, as it came
seen = open(sys.argv[2], "rb").read()
host = [bytes.fromhex(x.decode()) for x in re.findall(rb"840A%02X00([0-9A-F]{16})" % ISDP, seen)]
card = re.findall(rb"\x84\x20.{10}%c\x03.(.{8})(.{8})" % ISDP, seen, re.S)
sessions = 0
for h in host:
    for challenge, cryptogram in card:
        mac = derive(keys[2], 6, 128, h + challenge)
        if derive(mac, 0, 64, h + challenge) != cryptogram:
            continue # of another session
        sessions += 1
        print("S-ENC", derive(keys[1], 4, 128, h + challenge).hex())
        print("S-MAC", mac.hex())
        print("S-RMAC", derive(keys[2], 7, 128, h + challenge).hex())
assert sessions, f"no session: {len(host)} host challenges, {len(card)} answers"
PY
}

parties
network
radio
profile first 8988211000000000017 001010000000001
profile second 8988211000000000025 001010000000002
profile third 8988211000000000033 001010000000003
create chip first second --smsr-https 192.0.2.10:8446/gsma/adminagent
eid=$(jq -r .eid chip.json)
start_device
LD_PRELOAD=$received RECEIVED=$work/received start_smsr
wait_text trace "home: service for 001010000000001"
register chip
numbers 8988211000000000017 1 8988211000000000025 2
stock 8988211000000000033 3 third.der
start_smdp
es2 0 download-profile --iccid 8988211000000000033 --enable-profile

secrets_of chip received >secrets || fail "the keys cannot be found"
equal "$(cut -d' ' -f1 secrets | sort -u | tr '\n' ' ')" "KDEK KENC KMAC S-ENC S-MAC S-RMAC "
echo "K $key" >>secrets
while read -r name hex; do
    echo "# $name"
    holds 1 "$hex" received sr/* smsr.out smsr.err trace
    in_memory 1 "$hex" "$smsr"
    # where they belong, the same search finds them
    [[ $name == S-* ]] || holds 0 "$hex" copy/chip.db*
done <secrets
# and in the SM-SR it finds what is there
digits=$(printf %s "$eid" | xxd -p | tr -d '\n')
holds 0 "$digits" received
in_memory 0 "$digits" "$smsr"
grep -qa "SendDataRequest" received || fail "nothing of the SM-DP was received"

kill -INT "$smsr"
wait "$smsr"
equal $? 0
done_testing
