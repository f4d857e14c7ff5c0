# What the black-box tests share. Sourced with the path of the executable as first argument.
# shellcheck shell=bash
set -u
crisp=$(realpath "$1") || exit 1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
pids=()
checks=0

cleanup() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1

fail() {
    echo "FAILED: $*" >&2
    echo "--- standard output" >&2
    head -c 4000 out >&2 2>/dev/null
    echo "--- standard error" >&2
    head -c 4000 err >&2 2>/dev/null
    exit 1
}

# skip REASON: this machine lacks what the whole test needs
skip() {
    echo "skipped: $*"
    exit 77
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || skip "$tool is not installed"
    done
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# run CODE ARGUMENTS...: runs crisp; its exit status has to be CODE. Output in files out and err.
run() {
    local want=$1
    shift
    "$crisp" "$@" >out 2>err </dev/null
    local got=$?
    ((checks++))
    ((got == want)) || fail "crisp $* ended with $got instead of $want"
}

# run_in CODE FILE ARGUMENTS...: the same with a file as standard input
run_in() {
    local want=$1 input=$2
    shift 2
    "$crisp" "$@" >out 2>err <"$input"
    local got=$?
    ((checks++))
    ((got == want)) || fail "crisp $* <$input ended with $got instead of $want"
}

# says FILE TEXT...: the file (out or err) has these texts in it
says() {
    local file=$1 text
    shift
    for text in "$@"; do
        ((checks++))
        grep -qF -- "$text" "$file" || fail "'$text' is not in standard $file"
    done
}

says_not() {
    local file=$1 text
    shift
    for text in "$@"; do
        ((checks++))
        if grep -qF -- "$text" "$file"; then
            fail "'$text' is in standard $file"
        fi
    done
}

# usage TEXT ARGUMENTS...: a wrong command line: exit status 2, the text, and the way to --help
usage() {
    local text=$1
    shift
    run 2 "$@"
    says err "$text" "--help' tells how it is used"
    [[ ! -s out ]] || fail "a wrong command line printed something on standard output"
}

equal() {
    ((checks++))
    [[ $1 == "$2" ]] || fail "'$1' is not '$2'"
}

# wait_for FILE: until it is there, at most ten seconds
wait_for() {
    local i
    for ((i = 0; i < 200; i++)); do
        [[ -s $1 ]] && return
        sleep 0.05
    done
    fail "$1 did not appear"
}

# wait_text FILE TEXT: until the file has the text, at most ten seconds
wait_text() {
    local i
    for ((i = 0; i < 200; i++)); do
        grep -qF -- "$2" "$1" 2>/dev/null && return
        sleep 0.05
    done
    cat "$1" >&2
    fail "'$2' did not appear in $1"
}

# a package with an ICCID of one's own: package FILE ICCID
package() {
    cat >"$1.json" <<JSON
{"version": "2.3", "profileType": "Black box", "iccid": "$2", "imsi": "999700000000001",
 "mncLength": 2, "spn": "Black box", "algorithm": "milenage",
 "k": "00112233445566778899AABBCCDDEEFF", "opc": "FFEEDDCCBBAA99887766554433221100",
 "puk1": "12345678", "puk2": "12345678", "adm1": "88888888"}
JSON
    run 0 profile build "$1.json" -o "$1"
}

done_testing() {
    ((checks > 0)) || fail "nothing was checked"
    echo "$checks checks"
}
