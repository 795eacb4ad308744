//! The driver kit: what every driver of a [`Machine`](i3_core::machine::Machine) does with sockets, bytes and time.
//!
//! A driver is the part of a runtime that reads, writes, accepts and dials for a machine. The kit has the rules that hold
//! for every driver, whichever way it waits: options and limits of sockets, TLS, writing, closing in order. It knows
//! neither a protocol nor a gateway nor a settings file.

pub mod accept;
pub mod address;
pub mod clock;
pub mod command;
pub mod dial;
pub mod hooks;
pub mod linger;
pub mod listen;
pub mod pump;
pub mod runtime;
pub mod socket;
pub mod tls;
pub mod write;
