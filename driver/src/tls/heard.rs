//! The result of processing received bytes with TLS.

use i3_core::machine::LostBy;

/// The result of processing received bytes, apart from their plain text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The bytes completed the handshake. This happened before the plain text.
    pub secured: bool,
    /// The bytes ended the connection. This happened after the plain text.
    pub end: Option<LostBy>,
}

impl Heard {
    /// Notes whether the socket accepted the records with which TLS answers, such as those of a handshake. They are few, so
    /// a socket without room for them counts as broken. The alert that ends a connection is written when it is closed.
    pub fn answered(&mut self, taken: bool) {
        if self.end.is_none() && !taken {
            self.end = Some(LostBy::Error("the socket has no room for the TLS handshake".to_owned()));
        }
    }
}
