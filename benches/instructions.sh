#!/usr/bin/env bash
# Counts the instructions of a fixed run of the gateway without sockets, and compares them with the counts that are
# committed. Instructions depend on neither the load nor the speed of the machine. They do depend on the compiler, which
# rust-toolchain.toml fixes, and on the C library, so the program is linked with that of the musl target.
#
#   benches/instructions.sh           # fails if a count is more than 5 % above the committed one
#   benches/instructions.sh --write   # commits to the counts of now: writes benches/instructions.txt
#
# It needs valgrind and the musl target of Rust. Without valgrind it says so and checks nothing, except in CI.
set -euo pipefail
cd "$(dirname "$0")/.."

PERCENT_MAX=5
counts=benches/instructions.txt
architecture=$(uname -m)
triple=$architecture-unknown-linux-musl

fail() {
    echo "instructions: $*" >&2
    exit 1
}

if ! command -v valgrind >/dev/null; then
    [ -z "${CI:-}" ] || fail "valgrind is missing"
    echo "instructions: NOT CHECKED, since valgrind is not installed"
    exit 0
fi

# The release profile, whatever the environment says about it, and without what only a debugger needs.
unset CARGO_PROFILE_RELEASE_LTO CARGO_PROFILE_RELEASE_CODEGEN_UNITS CARGO_PROFILE_RELEASE_OPT_LEVEL RUSTFLAGS
CARGO_PROFILE_RELEASE_DEBUG=false cargo build --quiet --locked --release --target "$triple" -p i3-benches \
    --no-default-features --bin instructions || fail "the program cannot be built: rustup target add $triple"
program=${CARGO_TARGET_DIR:-target}/$triple/release/instructions

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while read -r part what; do
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no '--toggle-collect=*counted_part*' \
        "$program" "$part" >"$work/times" 2>"$work/log" || { cat "$work/times" "$work/log" >&2; fail "$part does not run"; }
    total=$(sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' "$work/log")
    [ "${total:-0}" -gt 0 ] || { cat "$work/log" >&2; fail "$part: nothing was counted"; }
    echo "$architecture $part $((total / $(cat "$work/times"))) $what"
done < <("$program") >"$work/now"

if [ "${1:-}" = --write ]; then
    {
        echo "# Instructions, by architecture and part: benches/instructions.sh --write"
        grep -v -e "^#" -e "^$architecture " "$counts" 2>/dev/null || true
        cat "$work/now"
    } >"$work/counts"
    cp "$work/counts" "$counts"
    cat "$counts"
    exit 0
fi

grep -q "^$architecture " "$counts" || {
    echo "instructions: NOT CHECKED, since $counts has none for $architecture"
    exit 0
}
awk -v most="$PERCENT_MAX" -v architecture="$architecture" '
    /^#/ { next }
    NR == FNR { if ($1 == architecture) before[$2] = $3; next }
    !($2 in before) { printf "%s: %d, and no count is committed\n", $2, $3; faults++; next }
    {
        percent = ($3 - before[$2]) * 100 / before[$2]
        is_beyond = percent > most
        faults += is_beyond
        printf "%-22s %10d, before %10d: %+.1f %%%s\n", $2, $3, before[$2], percent, is_beyond ? " TOO MANY" : ""
        delete before[$2]
    }
    END {
        for (part in before) { printf "%s is committed and was not counted\n", part; faults++ }
        exit faults > 0
    }
' "$counts" "$work/now" || fail "more than $PERCENT_MAX % above $counts. If that is meant: benches/instructions.sh --write"
