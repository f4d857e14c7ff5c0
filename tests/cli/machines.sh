#!/usr/bin/env bash
# The commands of docs/machines.md as they stand there, but for the ports; what they lead to.
. "$(dirname "$0")/lib.sh"
need jq python3

# nine free ports in a row: seven for the parties
read -r first smsc es5 <<<"$(python3 - <<'PY'
import random, socket
def free(ports):
    try:
        for s in [socket.create_server(("127.0.0.1", p)) for p in ports]:
            s.close()
        return True
    except OSError:
        return False
first = next(p for p in iter(lambda: random.randrange(20000, 30000), 0) if free(range(p, p + 9)))
print(first, first + 7, first + 8)
PY
)"
mkdir bin
ln -s "$crisp" bin/crisp
# Who types is slower than a party starts; the shell waits.
cat >walk.sh <<'WALK'
set -m # jobs, as at a prompt
pids=()
trap 'kill "${pids[@]}" 2>/dev/null' EXIT
WALK
sed -n 's/^    //p' "$root/docs/machines.md" | sed -n '/^crisp pki init/,$p' |
    sed -e "s/2775/$smsc/g" -e "s/8446/$es5/g" -e "s/^crisp pki m2m-parties .*/& --first-port $first/" \
        -e "s/^\(crisp smsr serve .*\) >/\1 --es5 127.0.0.1:$es5 >/" \
        -e 's/^.*>\([a-z]*\.log\) 2>&1 &$/&\npids+=($!)\nuntil grep -qsE "service for|stop with" \1; do sleep 0.05; done/' \
        >>walk.sh
equal "$(grep -c '^crisp ' walk.sh)" 18
PATH=$work/bin:$PATH examples=$root/examples timeout 100 bash -e walk.sh >out 2>err ||
    fail "docs/machines.md does not work as written: $(tail -n 3 ./*.log)"
says out "registered at smsr-1" "DownloadProfile: done by smdp" "EnableProfile: done by smsr-1" \
    "AuditEIS: done by smsr-1" "State: Enabled"
says device.log "first: service for 001010000000001" "second: service for 999700000000001"
((checks++))
grep -q "8988211000000000017 *Enabled" out || fail "the second profile is not enabled on the chip"
done_testing
