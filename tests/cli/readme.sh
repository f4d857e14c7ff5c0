#!/usr/bin/env bash
# The commands of README.md as they stand there, but for the port; what the LPA says on the way.
. "$(dirname "$0")/lib.sh"
need python3

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir bin
ln -s "$crisp" bin/crisp
# From the first crisp command of the walk-through to the last; the shell waits for the server.
sed -n '/^## From a description/,/^## Where/s/^    //p' "$root/README.md" |
    sed -n '/^crisp pki init/,$p' |
    sed -e "s/8443/$port/g" -e 's/^\(crisp smdpp serve.*\) &$/\1 --es2 127.0.0.1:0 --port-file ports >serve.log 2>\&1 \&\nfor i in {1..200}; do [[ -s ports ]] \&\& break; sleep 0.05; done/' \
        >walk.sh
equal "$(grep -c '^crisp ' walk.sh)" 10
PATH=$work/bin:$PATH examples=$root/examples/profiles \
    timeout 100 bash -e walk.sh >out 2>err || fail "README.md does not work as written"
says out "is installed and disabled" "8988211000000000017 is enabled." "1 of 1 profiles imported" \
    "8988211000000000017  enabled" "activation code LPA:1" "█"
says err "notification 1 (install) to smdpp.example.com: sent and removed" \
    "notification 2 (enable) to smdpp.example.com: sent and removed"

# ---- the same chip, when the way to the server is not given
run 0 lpa disable 8988211000000000017 --chip chip
says out "is disabled."
says err "not sent" "notification send --all" "--connect HOST:PORT"
run 1 lpa notification send --all --chip chip
says err "--connect HOST:PORT"
run 0 lpa notification list --chip chip --json
says out '"operation":"disable"' '"address":"smdpp.example.com"'

# ---- values that cannot be, and questions that nobody answers
run 2 lpa list --chip chip --isdr-aid zz --json
[[ ! -s out ]] || fail "a wrong command line printed something on standard output"
says err "'zz' is no AID"
run 2 lpa download --qr order.png --imei 12 --chip chip
usage "--block-size takes a number from 1 to 255" lpa list --chip chip --block-size 0
run 4 lpa delete 8988211000000000017 --chip chip
says err "[y/N] "
equal "$(tail -n 1 err)" "crisp lpa delete: nothing was changed (--yes answers the question)"
echo "no picture" >text
run 1 lpa download --qr text --chip chip
says err "text: the picture is of an unknown format" "what to do"
run 1 lpa download --qr missing.png --chip chip
says err "cannot open missing.png"
says_not err "missing.png: cannot open"
numbers=()
for ((i = 1000; i < 9000; i++)); do
    numbers+=("$i")
done
(ulimit -s 512 && "$crisp" lpa notification send --chip chip "${numbers[@]}" >out 2>err)
equal "$?" 3
says err "has no notification"
done_testing
