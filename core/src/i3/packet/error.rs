//! Why a frame is not a packet.

use crate::i3::lpc::{LpcError, LpcErrorKind};
use std::fmt;

/// Why a frame is not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// The frame is not an LPC value.
    Lpc(LpcError),
    /// The value is not an array whose first element is a text.
    NotAPacket,
    /// The array ends before a required field.
    Missing(&'static str),
    /// A field has another kind of value.
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
    /// Whether only the row that was read is wrong: the text after it can be read.
    #[cold]
    pub(super) fn is_of_row(&self) -> bool {
        match self {
            PacketError::Missing(_) | PacketError::WrongType(_) => true,
            PacketError::Lpc(error) => {
                matches!(error.kind, LpcErrorKind::WrongType | LpcErrorKind::AmbiguousQuotes)
            }
            PacketError::NotAPacket => false,
        }
    }

    /// Adds the field's name, if the error is about the kind of its value.
    #[cold]
    pub(super) fn in_field(self, name: &'static str) -> Self {
        match self {
            PacketError::Lpc(error) if error.kind == LpcErrorKind::WrongType => PacketError::WrongType(name),
            error => error,
        }
    }
}
