//! The production runtime on smol: everything that touches a socket or a signal. It knows bytes and connections; what they
//! mean is the machines' business.

pub mod daemon;
pub mod driver;
pub mod listen;
mod runtime;
pub mod signals;
mod socket;

pub use i3_driver::clock;
