//! The files of a TLS client.

use std::path::Path;

/// The authorities that a client trusts, and its own certificate. All files are in PEM.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust<'a> {
    /// Trusted authorities, or the server's own certificate. `None`: the authorities that this system trusts.
    pub authorities: Option<&'a Path>,
    /// The client's certificate.
    pub certificate: Option<&'a Path>,
    /// The private key of that certificate.
    pub key: Option<&'a Path>,
}
