//! Questions about eight bytes at once, as one word: most strings of this network are shorter than what it costs to call
//! a search function, and longer than what a loop over bytes answers quickly.

const LOW_BITS: u64 = every(0x01);
const HIGH_BITS: u64 = every(0x80);

const fn every(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Marks the bytes that are `byte`, with their highest bit. Behind the first mark there may be false ones.
#[inline(always)]
pub(super) fn is(word: u64, byte: u8) -> u64 {
    let zeroed = word ^ every(byte);
    zeroed.wrapping_sub(LOW_BITS) & !zeroed & HIGH_BITS
}

/// Marks the bytes below `limit`, which is at most 128, in the same way.
#[inline(always)]
pub(super) fn is_below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(every(limit)) & !word & HIGH_BITS
}

/// Marks the bytes that are neither lower-case letters, digits, blanks nor most punctuation: capitals are among them.
#[inline(always)]
pub(super) fn is_not_lower(word: u64) -> u64 {
    !word & every(b' ')
}

/// Where the byte of the first mark is.
#[inline(always)]
pub(super) fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Whether `marks` marks nothing in all of `bytes`. Words may overlap, and be filled up with blanks.
#[inline(always)]
pub(super) fn none(bytes: &[u8], marks: impl Fn(u64) -> u64) -> bool {
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        return words.iter().all(|word| marks(u64::from_le_bytes(*word)) == 0)
            && marks(u64::from_le_bytes(*last)) == 0;
    }
    let word = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => bytes.iter().fold(every(b' '), |word, byte| word << 8 | u64::from(*byte)),
    };
    marks(word) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        let wanted = |word| is(word, b'"') | is_below(word, 0x20);
        for length in 0..40 {
            let plain = vec![0xa2u8; length];
            assert!(none(&plain, wanted), "{length}");
            for at in 0..length {
                for byte in [b'"', 0, 0x1f] {
                    let mut bytes = plain.clone();
                    bytes[at] = byte;
                    assert!(!none(&bytes, wanted), "{byte} at {at} of {length}");
                    if let Some(word) = bytes.first_chunk::<8>().filter(|_| at < 8) {
                        assert_eq!(first(wanted(u64::from_le_bytes(*word))), at);
                    }
                }
            }
        }
        for byte in 0..=255u8 {
            let word = every(b'x') << 8 | u64::from(byte);
            assert_eq!(is(word, b'"') != 0, byte == b'"', "{byte}");
            assert_eq!(is_below(word, 0x20) != 0, byte < 0x20, "{byte}");
        }
    }
}
