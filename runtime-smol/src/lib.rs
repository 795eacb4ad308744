//! The production runtime, on smol. All code that waits for a socket or a signal is here. It knows bytes and connections,
//! and no protocol.

pub mod daemon;
pub mod driver;
pub mod listen;
mod runtime;
pub mod signals;
mod socket;

pub use i3_driver::clock;
