//! The router. `state` has what it keeps, `start` how it begins, `machine` where each input goes, `conns` what happens to
//! connections.
//!
//! `login`, `relay` and `speech` follow Dead Souls and the specification: how a mud logs in and learns of the others, where
//! its packets go, what channels do. `coffeemud` does all of that as a CoffeeMud router, which works differently.

mod coffeemud;
mod conns;
mod login;
mod machine;
mod relay;
mod speech;
mod start;
mod state;

pub use state::{Router, RouterMetrics, RouterWake};
