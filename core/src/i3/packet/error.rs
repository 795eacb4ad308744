//! Why a frame is no packet.

use crate::i3::lpc::{LpcError, LpcErrorKind};
use std::fmt;

/// Why a frame is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// It is no LPC value.
    Lpc(LpcError),
    /// It is a value, but no array whose first element is a text.
    NotAPacket,
    /// It ends before a field that it must have.
    Missing(&'static str),
    /// A field holds another kind of value.
    WrongType(&'static str),
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PacketError::Lpc(error) => write!(f, "{error}"),
            PacketError::NotAPacket => f.write_str("not an array that starts with a packet type"),
            PacketError::Missing(field) => write!(f, "the field {field} is missing"),
            PacketError::WrongType(field) => write!(f, "the field {field} has the wrong type"),
        }
    }
}

impl std::error::Error for PacketError {}

impl From<LpcError> for PacketError {
    fn from(error: LpcError) -> Self {
        PacketError::Lpc(error)
    }
}

impl PacketError {
    /// Names the field, where what is wrong is the kind of its value.
    #[cold]
    pub(super) fn in_field(self, name: &'static str) -> Self {
        match self {
            PacketError::Lpc(error) if error.kind == LpcErrorKind::WrongType => PacketError::WrongType(name),
            error => error,
        }
    }
}
