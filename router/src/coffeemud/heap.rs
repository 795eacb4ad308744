//! Unread bytes: CoffeeMud checks each connection four times a second, and reads one frame.

use i3_core::time::Instant;
use std::time::Duration;

/// The interval of the checks of a connection.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// The most unread bytes. Further ones are lost. A real router lost frames beyond 120 to 220 kB, depending on their size.
const UNREAD_BYTES_MAX: usize = 100_000;
/// The longest frame. After the length of a longer one, all unread bytes are discarded.
const FRAME_BYTES_MAX: usize = 65_536;
/// How long a frame may be incomplete. Then its bytes are discarded.
const PATIENCE: Duration = Duration::from_secs(5);
/// The size of the length before a frame.
const HEADER_BYTES: usize = 4;

/// The unread bytes of a connection.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    bytes: Vec<u8>,
    /// When a check first found an incomplete frame.
    incomplete_since: Option<Instant>,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Frame(Vec<u8>),
    /// Bytes were discarded, for this reason.
    Lost(&'static str),
}

impl Heap {
    /// Adds received bytes. Returns how many were lost.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let kept = bytes.len().min(UNREAD_BYTES_MAX.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(&bytes[..kept]);
        bytes.len() - kept
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Discards all unread bytes.
    pub(crate) fn clear(&mut self) {
        self.bytes = Vec::new();
        self.incomplete_since = None;
    }

    /// Checks for a frame.
    pub(crate) fn look(&mut self, now: Instant) -> Found {
        if self.bytes.is_empty() {
            return Found::Nothing;
        }
        let length =
            self.bytes.first_chunk::<HEADER_BYTES>().map(|header| u32::from_be_bytes(*header) as usize);
        match length {
            Some(length) if length > FRAME_BYTES_MAX => {
                self.clear();
                Found::Lost("frame too long")
            }
            Some(length) if self.bytes.len() >= HEADER_BYTES + length => {
                self.incomplete_since = None;
                let rest = self.bytes.split_off(HEADER_BYTES + length);
                let mut frame = std::mem::replace(&mut self.bytes, rest);
                frame.drain(..HEADER_BYTES);
                if frame.is_empty() { Found::Nothing } else { Found::Frame(frame) }
            }
            _ => {
                let since = *self.incomplete_since.get_or_insert(now);
                if now.since(since) <= PATIENCE {
                    return Found::Nothing;
                }
                self.clear();
                Found::Lost("frame incomplete")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(millis)
    }

    fn frame(text: &[u8]) -> Vec<u8> {
        [&(text.len() as u32).to_be_bytes(), text].concat()
    }

    #[test]
    fn one_look_reads_one_frame() {
        let mut heap = Heap::default();
        heap.push(&[frame(b"one"), frame(b""), frame(b"two")].concat());
        assert_eq!(heap.look(at(0)), Found::Frame(b"one".to_vec()));
        assert_eq!(heap.look(at(0)), Found::Nothing);
        assert_eq!(heap.look(at(0)), Found::Frame(b"two".to_vec()));
        assert!(heap.is_empty());
    }

    #[test]
    fn a_frame_that_stays_incomplete_is_eaten_and_its_rest_read_as_a_length() {
        let mut heap = Heap::default();
        heap.push(&[0, 0, 0, 8, b'a']);
        assert_eq!(heap.look(at(0)), Found::Nothing);
        assert_eq!(heap.look(at(5000)), Found::Nothing);
        assert_eq!(heap.look(at(5001)), Found::Lost("frame incomplete"));
        heap.push(b"bcdefgh");
        heap.push(&frame(b"next"));
        assert_eq!(heap.look(at(5250)), Found::Lost("frame too long"));
        heap.push(&frame(b"fine"));
        assert_eq!(heap.look(at(5500)), Found::Frame(b"fine".to_vec()));
    }

    #[test]
    fn a_stall_of_two_seconds_and_a_half_is_fine() {
        let mut heap = Heap::default();
        let bytes = frame(b"text");
        heap.push(&bytes[..5]);
        assert_eq!(heap.look(at(0)), Found::Nothing);
        heap.push(&bytes[5..]);
        assert_eq!(heap.look(at(2500)), Found::Frame(b"text".to_vec()));
    }

    #[test]
    fn frames_of_65536_bytes_pass_and_longer_ones_take_all_with_them() {
        let mut heap = Heap::default();
        heap.push(&frame(&[b'x'; FRAME_BYTES_MAX]));
        assert_eq!(heap.look(at(0)), Found::Frame(vec![b'x'; FRAME_BYTES_MAX]));
        heap.push(&frame(&[b'x'; FRAME_BYTES_MAX + 1]));
        heap.push(&frame(b"gone"));
        assert_eq!(heap.look(at(0)), Found::Lost("frame too long"));
        assert!(heap.is_empty());
        heap.push(&[0xff, 0xff, 0xff, 0xff]);
        assert_eq!(heap.look(at(0)), Found::Lost("frame too long"));
    }

    #[test]
    fn what_does_not_fit_on_the_heap_is_lost() {
        let mut heap = Heap::default();
        let eight = frame(&[b'x'; 8000]);
        let lost: usize = (0..300).map(|_| heap.push(&eight)).sum();
        assert_eq!(lost, 300 * eight.len() - UNREAD_BYTES_MAX);
        let mut whole = 0;
        while let Found::Frame(_) = heap.look(at(0)) {
            whole += 1;
        }
        assert_eq!(whole, UNREAD_BYTES_MAX / eight.len());
        assert_eq!(heap.look(at(5001)), Found::Lost("frame incomplete"));
    }
}
