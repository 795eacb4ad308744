//! What both daemons have in common: everything that does not depend on how a runtime waits.
//!
//! A program's commands and exit codes, its settings, state and listeners from the start to the point where a driver takes
//! over, and what looks after a gateway that runs. Nothing here waits for a socket or a signal; that is where the runtimes
//! differ.

pub mod attend;
pub mod backup;
mod daily;
pub mod directory;
pub mod doctor;
pub mod error;
pub mod exit;
pub mod gateway;
pub mod healthcheck;
pub mod listeners;
#[cfg(test)]
#[path = "../tests/shared/memory.rs"]
mod memory;
mod permissions;
pub mod process;
pub mod program;
pub mod seed;
pub mod service;
pub mod setup;
pub mod signals;
pub mod state;
pub mod systemd;
pub mod terminal;
pub mod tls;
