#!/usr/bin/env bash
# crisp bench: the last line is JSON with the figures, nothing failed, nothing is left behind.
. "$(dirname "$0")/lib.sh"
need jq
export TMPDIR=$work

last() { tail -n 1 out; }

# number FILTER: a figure of the last line that is more than nothing
number() {
    ((checks++))
    last | jq -e "$1 | numbers | . > 0" >/dev/null || fail "$1 is $(last | jq -c "$1")"
}

# ---- rsp
run 0 bench rsp --clients 2 --seconds 1 --profiles 40
for member in downloads seconds downloads_per_second server_cpu_ms_per_download \
    crypto_floor_ms_per_download efficiency p50_ms p99_ms server_rss_mb; do
    number ".$member"
done
equal "$(last | jq .failed)" 0

# ---- fleet, with neighbours in two sizes
run 0 bench fleet --chips 6 --parallel 3 --fleet 1,12 --seconds 1 --dir bench
for one in enable download delete; do
    number ".${one}s"
    number ".${one}s_per_second"
    number ".${one}_p50_ms"
    number ".${one}_p99_ms"
    number ".smsr_cpu_ms_per_$one"
done
for member in procedures procedures_per_second package_bytes smdp_cpu_ms_per_download \
    smsr_crypto_floor_ms_per_enable smsr_crypto_floor_ms_per_download \
    smdp_crypto_floor_ms_per_download smsr_efficiency_enable smsr_efficiency_download \
    smdp_efficiency_download; do
    number ".$member"
done
for member in enables smsr_cpu_ms_per_enable smsr_rss_mb smsr_disk_kb_per_chip; do
    number "[.fleet[].$member] | min"
done
equal "$(last | jq -c '[.chips, .parallel, .failed, [.fleet[].failed], [.fleet[].registered]]')" \
    "[6,3,0,[0,0],[6,12]]"
equal "$(last | jq '(.procedures) == ([.fleet[].enables] | add) + .downloads + .deletes')" true
# what it counted is in the servers' directories
run 0 smsr eis list --dir bench/smsr --parties bench/lab/smsr-1.ini --json
equal "$(jq -s length out)" 12
run 0 smsr procedures --dir bench/smsr --parties bench/lab/smsr-1.ini --json
equal "$(jq -s '[.[] | select(.result != "EXECUTED_SUCCESS")] | length' out)" 0
run 0 smsr procedures --dir bench/smsr --parties bench/lab/smsr-1.ini --open
says out "no procedures"

# ---- what cannot be
usage "--fleet has rising numbers" bench fleet --fleet 10,x
usage "--fleet has rising numbers" bench fleet --fleet 10,10
usage "--fleet has rising numbers" bench fleet --fleet 0
usage "--fleet has rising numbers" bench fleet --fleet 1000001
usage "--fleet has at most 8 sizes" bench fleet --fleet 1,2,3,4,5,6,7,8,9
usage "chips takes a number" bench fleet --chips 0
usage "parallel takes a number" bench fleet --parallel 0
run 3 bench fleet --chips 1 --fleet 1 --seconds 1 --dir bench
says err "has a hierarchy already"
run 1 bench rsp --dir bench/pki/pki.json --clients 1 --seconds 1
equal "$(find . -maxdepth 1 -name 'crisp-bench-*' | wc -l)" 0
done_testing
