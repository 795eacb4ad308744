//! The command-line client of a running gateway, over its WebSocket.
//!
//! [`call`] calls one method, and [`watch`] prints events as lines for people. [`command`] runs both for a command line.

mod client;
pub mod command;
mod format;
mod stream;

pub use client::{ClientError, Endpoint, Wanted, call, watch};
