//! The encoding of saved values: JSON, so that people can read them.

use serde::Serialize;
use serde::de::Deserialize;
use smol_str::SmolStr;
use std::sync::Arc;

/// Digits of a number that is a key.
const KEY_DIGITS: usize = 20;

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

/// Returns a number as a key. The store sorts keys as texts, so each has as many digits as the largest number.
pub(crate) fn key(number: u64) -> SmolStr {
    const ZEROS: [u8; KEY_DIGITS] = [b'0'; KEY_DIGITS];
    let (mut digits, mut buffer) = (ZEROS, itoa::Buffer::new());
    let number = buffer.format(number).as_bytes();
    digits[KEY_DIGITS - number.len()..].copy_from_slice(number);
    std::str::from_utf8(&digits).map(SmolStr::new).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_numbers_are_sorted_as_the_numbers_are() {
        assert_eq!(key(0), "00000000000000000000");
        assert_eq!(key(u64::MAX), u64::MAX.to_string());
        for (less, more) in [(0, 1), (9, 10), (99, 100), (1, u64::MAX)] {
            assert!(key(less) < key(more));
            assert_eq!(key(more).parse(), Ok(more));
        }
    }
}
