//! Tests sixteen bytes at once. Most strings of this network are too short to be worth the call of a search function,
//! but too long for a fast loop over single bytes.

pub(crate) use wide::u8x16 as Block;

/// Number of bytes in a block.
pub(crate) const BYTES: usize = 16;

/// Marks on some bytes of a block.
pub(crate) type Marks = Block;

/// Marks the bytes that equal `byte`.
#[inline(always)]
pub(crate) fn is(block: Block, byte: u8) -> Marks {
    block.simd_eq(Block::splat(byte))
}

/// Marks the bytes up to `most`.
#[inline(always)]
pub(crate) fn is_at_most(block: Block, most: u8) -> Marks {
    block.min(Block::splat(most)).simd_eq(block)
}

/// Marks the bytes that are not lower-case letters, digits, blanks or most punctuation. Capitals are among the marked
/// ones.
#[inline(always)]
pub(crate) fn is_not_lower(block: Block) -> Marks {
    is(block & Block::splat(b' '), 0)
}

/// Returns the index of the first byte that `marks` marks.
#[inline(always)]
pub(crate) fn first(block: &[u8; BYTES], marks: impl Fn(Block) -> Marks) -> Option<usize> {
    let marked = marks(Block::new(*block)).to_bitmask();
    (marked != 0).then_some(marked.trailing_zeros() as usize)
}

/// Whether `marks` marks no byte in `bytes`. Blocks may overlap, and may be filled with blanks.
#[inline(always)]
pub(crate) fn none(bytes: &[u8], marks: impl Fn(Block) -> Marks) -> bool {
    let none_in = |block: [u8; BYTES]| !marks(Block::new(block)).any();
    match bytes.last_chunk() {
        Some(last) => bytes.as_chunks().0.iter().all(|block| none_in(*block)) && none_in(*last),
        None => none_in(filled_up(bytes)),
    }
}

/// Returns a block with all the bytes, fewer than a block's, in any order.
#[inline(always)]
fn filled_up(bytes: &[u8]) -> [u8; BYTES] {
    const BLANKS: u64 = u64::from_le_bytes([b' '; 8]);
    let [low, high] = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        [u64::from_le_bytes(*first), u64::from_le_bytes(*last)]
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        [u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32, BLANKS]
    } else {
        [bytes.iter().fold(BLANKS, |word, byte| word << 8 | u64::from(*byte)), BLANKS]
    };
    (u128::from(low) | u128::from(high) << 64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        let wanted = |block| is(block, b'"') | is_at_most(block, 0x1f);
        for length in 0..80 {
            let plain = vec![0xa2u8; length];
            assert!(none(&plain, wanted), "{length}");
            for at in 0..length {
                for byte in [b'"', 0, 0x1f] {
                    let mut bytes = plain.clone();
                    bytes[at] = byte;
                    assert!(!none(&bytes, wanted), "{byte} at {at} of {length}");
                    if let Some(block) = bytes.first_chunk().filter(|_| at < BYTES) {
                        assert_eq!(first(block, wanted), Some(at));
                    }
                }
            }
        }
        for byte in 0..=255u8 {
            let mut block = [b'x'; BYTES];
            block[5] = byte;
            assert_eq!(first(&block, |block| is(block, b'"')), (byte == b'"').then_some(5), "{byte}");
            assert_eq!(first(&block, |block| is_at_most(block, 0x1f)), (byte < 0x20).then_some(5), "{byte}");
            assert_eq!(none(&block, is_not_lower), byte & 0x20 != 0, "{byte}");
        }
    }
}
