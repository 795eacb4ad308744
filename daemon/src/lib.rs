//! The parts that both daemons share: everything that does not depend on how a runtime waits.
//!
//! They are the commands and exit codes of the program, its settings, state and listeners up to the point where a driver
//! runs the gateway, and the periodic checks of a running gateway. Nothing here waits for a socket or a signal, because
//! the runtimes differ in that.

pub mod attend;
pub mod backup;
mod behind;
mod copy;
mod daily;
pub mod directory;
pub mod doctor;
mod doubts;
pub mod error;
pub mod exit;
pub mod gateway;
pub mod healthcheck;
mod held;
mod keep;
pub mod listeners;
#[cfg(test)]
#[path = "../tests/shared/memory.rs"]
mod memory;
mod node;
mod permissions;
#[cfg(all(test, unix, feature = "postgres"))]
#[path = "../../store/tests/shared/postgres.rs"]
mod postgres;
pub mod process;
pub mod program;
pub mod retire;
pub mod seed;
pub mod service;
pub mod setup;
pub mod signals;
pub mod state;
pub mod systemd;
pub mod terminal;
pub mod tls;
