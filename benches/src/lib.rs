//! What the benchmarks share: the data they read ([`data`]), a gateway without sockets ([`bench_gateway`]), a daemon of its
//! own (`daemon`), the load tool's scenarios (`load`), and a measurement that survives a noisy machine ([`measure`]).
//!
//! `cargo run --release -p i3-benches --bin ratios` prints the budgets' table; `cargo bench -p i3-benches` gives
//! criterion's statistics for each row.

pub mod bench_gateway;
#[cfg(feature = "daemons")]
pub mod daemon;
pub mod data;
#[cfg(feature = "daemons")]
pub mod load;
pub mod measure;
