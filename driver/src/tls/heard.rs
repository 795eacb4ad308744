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
