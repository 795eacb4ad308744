//! The production runtime on smol: everything that touches a socket, a clock or a signal, and the command line's
//! client. It knows bytes and connections; what they mean is the machines' business.

pub mod client;
pub mod client_format;
mod client_stream;
pub mod daemon;
pub mod demo;
pub mod driver;
pub mod listen;
pub mod signals;
mod socket;

pub use i3_driver::clock;
