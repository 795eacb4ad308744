//! The encoding of saved values: JSON, so that people can read them.

use serde::Serialize;
use serde::de::Deserialize;

/// Encodes a value for the store.
pub(crate) fn write(value: &impl Serialize) -> Option<Vec<u8>> {
    let written = serde_json::to_vec(value);
    debug_assert!(written.is_ok(), "a value that cannot be written");
    written.ok()
}

/// Decodes a saved value. Returns `None` if it cannot be read.
pub(crate) fn read<'de, T: Deserialize<'de>>(value: &'de [u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}

/// A part of a saved value, kept as it was written.
pub(crate) use serde_json::value::RawValue as Verbatim;
