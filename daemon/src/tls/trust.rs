//! The files of a TLS client.

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
