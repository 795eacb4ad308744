//! TLS on the listeners: one adapter between a driver's socket and its machine, for both runtimes.
//!
//! A [`Session`] does no I/O: a driver gives it what came from the socket and gets plain text for the machine, and gives
//! it the machine's plain text and gets what to write. It keeps the beginning of a record whose rest has not come, and
//! nothing else; an idle connection has no buffer. [`Acceptors`] holds what sessions begin with, read from the files of
//! the settings, and replaces it while everything runs.
//!
//! Without the feature `tls` the same types are here and say that this program has none.

#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
pub mod client;
#[cfg(feature = "tls")]
mod files;
#[cfg(feature = "tls")]
mod session;

#[cfg(feature = "tls")]
pub use acceptor::{Acceptor, Acceptors};
#[cfg(feature = "tls")]
pub use files::findings;
#[cfg(feature = "tls")]
pub use session::{HANDSHAKE_BYTES_MAX, Heard, Session};

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(not(feature = "tls"))]
pub use absent::{Acceptor, Acceptors, Heard, Session, client, findings};

use i3_config::Problem;
use std::path::Path;

/// Whom a client trusts, and what it shows. All files are in PEM.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust<'a> {
    /// Authorities, or the server's own certificate. `None`: the authorities that this system trusts.
    pub authorities: Option<&'a Path>,
    /// A certificate to show.
    pub certificate: Option<&'a Path>,
    /// Its private key.
    pub key: Option<&'a Path>,
}

/// What was found out about the files of the listeners.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is as it should be, in a sentence each.
    pub good: Vec<String>,
    /// What is not; the severity says whether the gateway starts with it.
    pub problems: Vec<Problem>,
}
