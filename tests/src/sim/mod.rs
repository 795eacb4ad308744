//! A deterministic simulator: gateways, routers and games in one process, in virtual time, over virtual TCP, and much that
//! goes wrong. One seed decides everything; there is no thread and no clock.
//!
//! What is simulated:
//! - [`plan`]: what a seed chooses. Two to four muds on one to three gateways, one or two routers of any dialect, games on
//!   line ports and WebSockets, settings, and a subset of the [`plan::Fault`]s, each with its own rate.
//! - [`crate::world`]: the network and its weather, the machines' stores, what a crash leaves. Machines are driven by
//!   [`i3_core::machine::settle`], as the runtimes drive them.
//! - [`actors`]: the games. They say, ask, join, host and judge channels, at random, and some of it is no request at all.
//! - `run/people.rs`: people with clients of IRC, from seed [`plan::PEOPLE_FROM`] on. They join, speak, tell, flood, quit, crash,
//!   vanish and come back. Earlier seeds have none, so that a seed that has found something stays the run that it was.
//! - `plan/nodes.rs`, `run/nodes.rs`: several gateways of the same muds on a model of the engine that they share
//!   ([`crate::world::shared`]), from seed [`plan::NODES_FROM`] on. Nodes are cut off from the engine, paused, drained and killed, and
//!   games move from one to another. The rules for them are in `oracle/nodes/`.
//! - [`tap`]: reads along on every connection, with decoders that share nothing with the code under test.
//! - [`oracle`]: what must be true of any history, however bad the weather.
//! - [`run`]: one run. First all faults strike. Then nothing fails any more: within a time that follows from the settings
//!   every link is ready and every game served, a tell between any two muds of one network arrives, every request is
//!   answered and every queue empty. At last the gateways are told to end, and do.
//! - [`report`]: a failing seed is run again with fewer faults, games and less time, for as long as it still fails.
//!
//! The same seed is the same run, byte for byte. `cargo test -p i3-tests --test simulation` runs a few hundred,
//! `just soak` as many as there is time for. To see one again:
//!
//! ```text
//! I3_SEED=5 cargo test -p i3-tests --test simulation one -- --nocapture
//! ```
//!
//! Routers are this project's own, in the dialects of those in use: what is simulated beyond that (floods, what is no
//! packet) is written by hand. A game that connects to a router without a gateway is left to the scenario files.

pub mod actors;
pub mod oracle;
pub mod plan;
pub mod report;
pub mod run;
pub mod tap;
