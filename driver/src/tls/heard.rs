//! What bytes from a socket with TLS meant.

use i3_core::machine::LostBy;

/// What some bytes meant, beside the plain text in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// With them TLS was agreed on. It comes before the plain text.
    pub secured: bool,
    /// With them the connection ended. It comes after the plain text.
    pub end: Option<LostBy>,
}

impl Heard {
    /// Whether the socket took what TLS had to say to this by itself, such as its part of a handshake. That is little, and
    /// a socket without room for it is broken. What ends the connection is said when it is closed.
    pub fn answered(&mut self, taken: bool) {
        if self.end.is_none() && !taken {
            self.end = Some(LostBy::Error("the socket takes no handshake".to_owned()));
        }
    }
}
