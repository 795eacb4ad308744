# What CI runs.
ci:
    bash .ci/run

# The tests alone.
test:
    cargo test --workspace

# A network on this host.
demo:
    cargo run --release -- --demo

# The simulator, seed after seed: `just soak --from 1000 --seconds 600`.
soak *options:
    cargo run --release -p i3-tests --bin soak -- {{options}}

# The figures of docs/PERFORMANCE.md, measured on this machine.
figures:
    cargo build --release -p i3-gateway -p i3-gateway-threads
    cargo run --release -p i3-benches --bin i3-load -- all --json docs/performance/figures.json \
        --plots docs/performance --document docs/PERFORMANCE.md target/release/i3-gateway target/release/i3-gateway-threads
