# What CI runs.
ci:
    bash .ci/run

# The tests alone.
test:
    cargo test --workspace

# A network on this host.
demo:
    cargo run --release -- --demo
