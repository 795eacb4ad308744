//! TLS of accepted connections, for every runtime.
//!
//! A [`TlsSession`] does no I/O. A driver passes it bytes from the socket and gets plain text for the machine, and passes it
//! the machine's plain text and gets bytes for the socket. It keeps the beginning of an incomplete record; an idle
//! connection has no buffer. An [`Acceptor`] begins the sessions of a listener.
//!
//! Without the feature `tls` both types exist and have no values.

#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod session;

#[cfg(feature = "tls")]
pub use acceptor::Acceptor;
#[cfg(feature = "tls")]
pub use session::{HANDSHAKE_BYTES_MAX, TlsSession};

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(not(feature = "tls"))]
pub use absent::{Acceptor, TlsSession};

mod heard;
pub use heard::Heard;
