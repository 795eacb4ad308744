//! The runtime for minimal hosts: blocking sockets, a thread per connection, no async code. Like the
//! production runtime it waits for sockets and signals, and knows bytes and connections, and no protocol.

mod accept;
mod at_once;
mod connection;
pub mod daemon;
pub mod driver;
mod inbox;
mod lock;
mod room;
mod runtime;
pub mod signals;
mod socket;
mod threads;

pub use i3_driver::{clock, listen};
