//! The files of TLS for the listeners and for the gateway's own tools, and the problems of these files.
//!
//! Without the feature `tls` the module `absent` takes their place. It reports that the program has no TLS.

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
