#!/usr/bin/env bash
# Several nodes of both daemons with a real PostgreSQL, beyond what `cargo test` runs.
#
#   tests/nodes.sh short                     the first faults under traffic, one after the other: CI runs it, in three minutes
#   tests/nodes.sh rounds [NUMBER [SEED]]    faults under traffic, one a round: 200 rounds take about an hour
#   tests/nodes.sh figures [ROUNDS]          the tables of docs/CLUSTER.md: 30 failovers of each kind take about 45 minutes
#
# Ends with 0 when all is well. It needs the programs of a PostgreSQL server (Debian's postgresql), and builds the daemons
# with the profile `release` unless I3_TEST_PROGRAMS names a folder that has them. All traffic stays on this host.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    sed -n 's/^#   \(tests.*\)/\1/p' "$0" >&2
    exit 64
}

compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || compgen -G '/usr/pgsql*/bin/initdb' >/dev/null || {
    echo "nodes: PostgreSQL is missing: install Debian's postgresql" >&2
    exit 1
}
what=${1:-}
case $what in
short)
    tests=(rounds::smol::two_nodes_survive_every_fault rounds::threads::two_nodes_survive_every_fault)
    ;;
rounds)
    export I3_ROUNDS=${2:-200}
    [ -z "${3:-}" ] || export I3_SEED=$3
    tests=(rounds::nodes_survive_two_hundred_rounds)
    ;;
figures)
    export I3_FAILOVERS=${2:-30}
    tests=(figures::failover figures::five_hundred_identities)
    ;;
*) usage ;;
esac
if [ -z "${I3_TEST_PROGRAMS:-}" ]; then
    cargo build --quiet --locked --release -p i3-gateway -p i3-gateway-threads
    target=$(cargo metadata --format-version 1 --no-deps --offline | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    export I3_TEST_PROGRAMS=$target/release
fi
# One after the other: they measure. --workspace: with the features of README's command, so that nothing is built again.
cargo test --quiet --locked --workspace --test nodes_e2e -- --ignored --nocapture --test-threads 1 --exact "${tests[@]}"
