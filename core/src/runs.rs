//! Runs of messages that many connections receive alike. A message is put into the run once, and each outbox refers to a
//! range of it, which grows as long as its connection receives all messages of the run. So nothing is copied for a
//! connection, and one write takes all that came in a turn.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// The bytes of a block. A run continues in the next block when one is full.
const BLOCK_BYTES: usize = 32 * 1024;

/// The longest message that goes into a run. A longer one is a piece of its own.
pub(crate) const RUN_MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// Number of unused blocks that a run keeps.
const BLOCKS_KEPT: usize = 8;

/// Number of full blocks that are looked at for one that nobody refers to any longer, when another block is needed.
const BLOCKS_TRIED: usize = 4;

/// The least bytes of a slow reader that refer to a block. Fewer are copied, so that they do not keep it.
const HOLD_FROM_BYTES: usize = 8 * 1024;

/// Number of blocks, 16 MiB in all, that slow readers of one run may keep from being used again. Beyond it, what they have
/// not taken is copied.
const HELD_BLOCKS_MAX: usize = 512;

/// A range of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    run: usize,
    /// Bytes of the run before the range, since the start of the gateway.
    from: u64,
    to: u64,
}

impl Span {
    /// Returns the number of bytes.
    pub(crate) fn len(self) -> usize {
        // It grows within a turn only, and a client has at most some MiB.
        (self.to - self.from) as usize
    }

    /// Adds a range that follows. Returns false if it does not follow.
    pub(crate) fn extend(&mut self, next: Span) -> bool {
        let follows = self.run == next.run && self.to == next.from;
        if follows {
            self.to = next.to;
        }
        follows
    }

    /// Cuts off at most this many bytes at the front. Returns them, and the rest, if there is any.
    pub(crate) fn cut(self, bytes_max: usize) -> (Span, Option<Span>) {
        let at = self.from.saturating_add(bytes_max as u64).min(self.to);
        let rest = Span { from: at, ..self };
        (Span { to: at, ..self }, (rest.from < rest.to).then_some(rest))
    }
}

/// A message for clients that read alike.
#[derive(Clone, Debug)]
pub(crate) enum Laid {
    /// A message of their run.
    Span(Span),
    /// A message that is too long for a run.
    Bytes(Bytes),
}

/// One run.
#[derive(Debug, Default)]
struct Run {
    /// The end of the block in use, and what was put into it since it was last cut.
    open: BytesMut,
    /// Bytes of the run before `open`.
    open_from: u64,
    /// What was cut in this turn, each with the number of bytes of the run before it.
    parts: Vec<(u64, Bytes)>,
    /// Full blocks, to be used again when nobody refers to them.
    full: VecDeque<BytesMut>,
}

impl Run {
    fn put(&mut self, message: &[u8]) -> (u64, u64) {
        if self.open.capacity() - self.open.len() < message.len() {
            self.next_block();
        }
        let from = self.open_from + self.open.len() as u64;
        self.open.extend_from_slice(message);
        (from, from + message.len() as u64)
    }

    /// Continues in an empty block.
    fn next_block(&mut self) {
        self.cut();
        let full = std::mem::take(&mut self.open);
        // The first block of a run comes after none.
        if self.open_from > 0 {
            self.full.push_back(full);
        }
        let mut next = None;
        for _ in 0..BLOCKS_TRIED.min(self.full.len()) {
            let Some(mut block) = self.full.pop_front() else { break };
            let is_free = block.try_reclaim(BLOCK_BYTES);
            if is_free && next.is_none() {
                next = Some(block);
            } else if !is_free || self.full.len() < BLOCKS_KEPT {
                self.full.push_back(block);
            }
        }
        self.open = next.unwrap_or_else(|| BytesMut::with_capacity(BLOCK_BYTES));
    }

    /// Makes what was put into the block since the last time a part that outboxes can refer to.
    fn cut(&mut self) {
        if !self.open.is_empty() {
            let part = self.open.split().freeze();
            let from = self.open_from;
            self.open_from += part.len() as u64;
            self.parts.push((from, part));
        }
    }

    /// Calls `each` with the parts of a range.
    fn each(&mut self, span: Span, mut each: impl FnMut(&Bytes, std::ops::Range<usize>)) {
        if span.to > self.open_from {
            self.cut();
        }
        let first = self.parts.partition_point(|(from, part)| from + part.len() as u64 <= span.from);
        for (from, part) in self.parts[first..].iter().take_while(|(from, _)| *from < span.to) {
            let start = span.from.saturating_sub(*from) as usize;
            let end = ((span.to - from) as usize).min(part.len());
            each(part, start..end);
        }
    }
}

/// All runs.
#[derive(Debug, Default)]
pub(crate) struct Runs(Vec<Run>);

impl Runs {
    /// Adds a message to a run. The number of runs is small: one for each way of reading.
    pub(crate) fn put(&mut self, run: usize, message: &[u8]) -> Span {
        if self.0.len() <= run {
            self.0.resize_with(run + 1, Run::default);
        }
        let (from, to) = self.0[run].put(message);
        Span { run, from, to }
    }

    /// Appends the bytes of a range to a buffer.
    pub(crate) fn copy(&mut self, span: Span, into: &mut BytesMut) {
        self.0[span.run].each(span, |part, range| into.extend_from_slice(&part[range]));
    }

    /// Calls `each` with the bytes of a range, which are not copied.
    pub(crate) fn refer(&mut self, span: Span, mut each: impl FnMut(Bytes)) {
        self.0[span.run].each(span, |part, range| each(part.slice(range)));
    }

    /// Whether slow readers keep so many blocks that no more may be kept.
    pub(crate) fn are_held(&self, span: Span) -> bool {
        self.0[span.run].full.len() > HELD_BLOCKS_MAX
    }

    /// Whether a slow reader must copy the bytes of a range, so that it does not keep too much.
    pub(crate) fn must_copy(&self, span: Span) -> bool {
        span.len() < HOLD_FROM_BYTES || self.are_held(span)
    }

    /// Ends the turn: no outbox has a range any longer.
    pub(crate) fn turn_is_over(&mut self) {
        for run in &mut self.0 {
            // What nobody has taken is no longer needed.
            run.cut();
            run.parts.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(runs: &mut Runs, span: Span) -> Vec<u8> {
        let (mut referred, mut copied) = (Vec::new(), BytesMut::new());
        runs.refer(span, |bytes| referred.extend_from_slice(&bytes));
        runs.copy(span, &mut copied);
        assert_eq!(referred, copied);
        referred
    }

    #[test]
    fn a_range_grows_over_blocks_and_over_cuts() {
        let mut runs = Runs::default();
        let (mut all, mut range) = (Vec::new(), runs.put(1, b"first"));
        all.extend_from_slice(b"first");
        for number in 0..300_u32 {
            let message = vec![number as u8; 1 + (number as usize * 37) % 900];
            let next = runs.put(1, &message);
            assert!(range.extend(next) && !range.extend(next));
            all.extend_from_slice(&message);
            if number % 50 == 0 {
                assert_eq!(bytes_of(&mut runs, next), message);
            }
        }
        assert_eq!((range.len(), bytes_of(&mut runs, range)), (all.len(), all.clone()));
        let (front, rest) = range.cut(70_000);
        assert_eq!(bytes_of(&mut runs, front), all[..70_000]);
        assert_eq!(bytes_of(&mut runs, rest.unwrap()), all[70_000..]);
        assert_eq!(range.cut(all.len()), (range, None));
    }

    #[test]
    fn blocks_are_used_again_when_nobody_refers_to_them() {
        let mut runs = Runs::default();
        let mut addresses = std::collections::BTreeSet::new();
        let mut held = Vec::new();
        for turn in 0..2000 {
            let span = runs.put(0, &[b'x'; 1000]);
            runs.refer(span, |bytes| {
                addresses.insert(bytes.as_ptr() as usize / BLOCK_BYTES);
                if turn % 400 == 399 {
                    held.push(bytes);
                }
            });
            runs.turn_is_over();
        }
        assert!(addresses.len() <= 24, "{}", addresses.len());
        assert!(held.iter().all(|bytes| bytes.iter().all(|byte| *byte == b'x')));
        assert!(runs.0[0].full.len() <= BLOCKS_KEPT + held.len());
    }

    #[test]
    fn slow_readers_keep_a_bounded_number_of_blocks() {
        let mut runs = Runs::default();
        let mut held = Vec::new();
        for _ in 0..HELD_BLOCKS_MAX + 2 {
            let mut span = runs.put(0, &[b'x'; 8000]);
            for _ in 0..3 {
                let next = runs.put(0, &[b'x'; 8000]);
                span.extend(next);
            }
            if !runs.must_copy(span) {
                runs.refer(span, |bytes| held.push(bytes));
            }
            runs.turn_is_over();
        }
        let span = runs.put(0, &[b'x'; 8000]);
        assert!(runs.must_copy(span.cut(100).0) && runs.must_copy(span));
        held.clear();
        for _ in 0..4 * HELD_BLOCKS_MAX {
            runs.put(0, &[b'x'; 8000]);
            runs.turn_is_over();
        }
        assert!(runs.0[0].full.len() <= BLOCKS_KEPT);
    }
}
