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
