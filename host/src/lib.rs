//! What the runtimes share: everything of a daemon that does not depend on how it waits. Clocks, binding, socket
//! options, writing, the store, and what a program does before and after it runs.
//!
//! Nothing here waits for a socket or a signal; that is where the runtimes differ. Like them this package knows bytes
//! and connections; what they mean is the machines' business.

pub mod accept;
pub mod address;
pub mod attend;
pub mod backup;
pub mod clock;
pub mod command;
mod daily;
pub mod dial;
pub mod directory;
pub mod doctor;
pub mod error;
pub mod gateway;
pub mod healthcheck;
pub mod linger;
pub mod listen;
pub mod process;
pub mod program;
pub mod seed;
pub mod setup;
pub mod signals;
pub mod socket;
pub mod state;
pub mod systemd;
pub mod terminal;
pub mod tls;
pub mod write;
