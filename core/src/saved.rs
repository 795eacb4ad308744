//! The encoding of saved values: JSON, so that people can read them.

use serde::Serialize;
use serde::de::Deserialize;
use std::sync::Arc;

/// Encodes a value for the store.
pub(crate) fn write(value: &impl Serialize) -> Option<Arc<[u8]>> {
    let written = serde_json::to_vec(value);
    debug_assert!(written.is_ok(), "a value that cannot be written");
    written.ok().map(Arc::from)
}

/// Decodes a saved value. Returns `None` if it cannot be read.
pub(crate) fn read<'de, T: Deserialize<'de>>(value: &'de [u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}

/// A part of a saved value, kept as it was written.
pub(crate) use serde_json::value::RawValue as Verbatim;

/// Joins the parts of a saved value that is written without [`write`], in one allocation.
pub(crate) fn join(parts: &[&[u8]]) -> Arc<[u8]> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut joined: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
    let mut rest = Arc::get_mut(&mut joined).unwrap_or_default();
    for part in parts {
        let place;
        (place, rest) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
    }
    joined
}
