//! The runtime for minimal hosts: blocking sockets, a thread per connection, no async code. Like the production runtime
//! it is everything that touches a socket, a clock or a signal, and knows bytes and connections only; what they mean is
//! the machines' business.

mod accept;
pub mod daemon;
pub mod driver;
mod inbox;
mod link;
mod lock;
mod room;
mod runtime;
pub mod signals;
mod socket;
mod threads;

pub use i3_driver::{clock, listen};
