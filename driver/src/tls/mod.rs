//! TLS on accepted connections: one adapter between a driver's socket and its machine, for every runtime.
//!
//! A [`Session`] does no I/O: a driver gives it what came from the socket and gets plain text for the machine, and gives
//! it the machine's plain text and gets what to write. It keeps the beginning of a record whose rest has not come, and
//! nothing else; an idle connection has no buffer. An [`Acceptor`] begins the sessions of a listener.
//!
//! Without the feature `tls` both types exist and have no values.

#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod session;

#[cfg(feature = "tls")]
pub use acceptor::Acceptor;
#[cfg(feature = "tls")]
pub use session::{HANDSHAKE_BYTES_MAX, Session};

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(not(feature = "tls"))]
pub use absent::{Acceptor, Session};

mod heard;
pub use heard::Heard;
