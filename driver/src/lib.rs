//! The driver kit: the parts that every driver of a [`Machine`](i3_core::machine::Machine) shares.
//!
//! A driver is the part of a runtime that reads, writes, accepts and dials for a machine. The kit contains the rules for
//! all drivers, however they wait: options and limits of sockets, TLS, writing, and orderly closing. It knows no protocol,
//! no gateway and no settings file.

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
