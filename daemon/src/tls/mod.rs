//! The files of TLS: what listeners accept with, what the gateway's own tools connect with, and what is wrong with either.
//!
//! Without the feature `tls` the same names are here and report that this program has none.

#[cfg(feature = "tls")]
mod acceptors;
#[cfg(feature = "tls")]
pub mod client;
#[cfg(feature = "tls")]
mod files;

#[cfg(feature = "tls")]
pub use acceptors::Acceptors;
#[cfg(feature = "tls")]
pub use files::findings;

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(not(feature = "tls"))]
pub use absent::{Acceptors, client, findings};

mod found;
mod trust;

pub use found::Findings;
pub use trust::Trust;
