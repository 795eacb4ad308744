//! The command-line client: what a person at a terminal asks a running gateway, over its WebSocket.
//!
//! [`call`] calls one method, [`watch`] prints events as lines for people; [`command`] runs both for a command line.

mod client;
pub mod command;
mod format;
mod stream;

pub use client::{At, ClientError, Wanted, call, watch};
