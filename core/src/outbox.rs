//! The bytes that are queued for one connection: pieces of its own, and ranges of runs that it shares with others.

use crate::runs::{Runs, Span};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// A piece of at least this many bytes is queued as a shared, reference-counted slice. A smaller one is copied to the
/// tail, which costs less than the bookkeeping.
const SHARE_FROM_BYTES: usize = 512;

/// A piece of the queue.
#[derive(Debug)]
enum Piece {
    /// Bytes that stay where they are until they are taken.
    Bytes(Bytes),
    /// A range of a run, which is there until the turn ends.
    Run(Span),
}

/// The bytes queued for one connection: `first`, then `more`, then `span`.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The first piece. Most connections never have more.
    first: Option<Piece>,
    /// The pieces after the first.
    more: Option<Box<More>>,
    /// The range at the end of the queue. It grows with each message of the run.
    span: Option<Span>,
    /// There may be ranges in `first` or in `more`.
    has_ranges: bool,
    /// Bytes queued, and not yet taken by the driver.
    pub(crate) queued_bytes: usize,
    /// Bytes taken by the driver, and not yet flushed.
    pub(crate) in_flight_bytes: usize,
    /// Bytes taken by the driver since the connection was opened.
    pub(crate) taken_bytes: u64,
    /// A `Write` was emitted, and its bytes have not been taken yet.
    pub(crate) announced: bool,
    /// The connection closes when everything is flushed.
    pub(crate) closing: bool,
    /// It is in the list of those that may have ranges at the end of the turn.
    pub(crate) listed: bool,
}

/// The pieces after the first.
#[derive(Debug, Default)]
struct More {
    pieces: VecDeque<Piece>,
    tail: BytesMut,
}

impl More {
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(Piece::Bytes(self.tail.split().freeze()));
        }
    }
}

impl Outbox {
    /// Queues a slice that several connections can share.
    pub(crate) fn push(&mut self, runs: &mut Runs, piece: Bytes) {
        self.close_span(runs);
        self.queued_bytes += piece.len();
        if self.first.is_none() && self.more.is_none() {
            self.first = Some(Piece::Bytes(piece));
            return;
        }
        let more = self.more.get_or_insert_default();
        if piece.len() < SHARE_FROM_BYTES {
            more.tail.extend_from_slice(&piece);
        } else {
            more.seal();
            more.pieces.push_back(Piece::Bytes(piece));
        }
    }

    /// Queues a copy of bytes.
    pub(crate) fn push_copy(&mut self, runs: &mut Runs, bytes: &[u8]) {
        self.close_span(runs);
        self.queued_bytes += bytes.len();
        self.more.get_or_insert_default().tail.extend_from_slice(bytes);
    }

    /// Queues a range of a run.
    pub(crate) fn push_span(&mut self, runs: &mut Runs, span: Span) {
        self.queued_bytes += span.len();
        if !self.span.as_mut().is_some_and(|last| last.extend(span)) {
            self.close_span(runs);
            self.span = Some(span);
        }
    }

    /// Something else follows the range at the end.
    fn close_span(&mut self, runs: &mut Runs) {
        let Some(span) = self.span.take() else { return };
        if self.first.is_none() && self.more.is_none() {
            self.first = Some(Piece::Run(span));
            self.has_ranges = true;
            return;
        }
        let more = self.more.get_or_insert_default();
        if span.len() < SHARE_FROM_BYTES {
            runs.copy(span, &mut more.tail);
        } else {
            more.seal();
            more.pieces.push_back(Piece::Run(span));
            self.has_ranges = true;
        }
    }

    /// Takes the first piece out of the queue, to be cut or sent.
    fn front(&mut self) -> Option<Piece> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if let Some(more) = self.more.as_mut() {
            if more.pieces.is_empty() {
                more.seal();
            }
            if let Some(piece) = more.pieces.pop_front() {
                return Some(piece);
            }
            self.more = None;
        }
        self.span.take().map(Piece::Run)
    }

    /// Moves up to `budget` bytes into `into`. Returns how many.
    pub(crate) fn take(&mut self, runs: &mut Runs, budget: usize, into: &mut Vec<Bytes>) -> usize {
        let mut taken = 0;
        while taken < budget
            && let Some(piece) = self.front()
        {
            let room = budget - taken;
            match piece {
                Piece::Bytes(mut bytes) if bytes.len() > room => {
                    into.push(bytes.split_to(room));
                    taken = budget;
                    self.first = Some(Piece::Bytes(bytes));
                }
                Piece::Bytes(bytes) => {
                    taken += bytes.len();
                    into.push(bytes);
                }
                Piece::Run(span) => {
                    let (now, rest) = span.cut(room);
                    taken += now.len();
                    if runs.are_held(now) {
                        let mut copy = BytesMut::with_capacity(now.len());
                        runs.copy(now, &mut copy);
                        into.push(copy.freeze());
                    } else {
                        runs.refer(now, |bytes| into.push(bytes));
                    }
                    self.first = rest.map(Piece::Run);
                    self.has_ranges |= rest.is_some();
                }
            }
        }
        self.queued_bytes -= taken;
        self.in_flight_bytes += taken;
        self.taken_bytes += taken as u64;
        taken
    }

    /// Makes the ranges bytes that stay when the runs go on: the peer is slow.
    pub(crate) fn settle(&mut self, runs: &mut Runs) {
        if std::mem::take(&mut self.has_ranges) {
            let mut pieces = std::mem::take(self);
            (self.announced, self.closing, self.listed) = (pieces.announced, pieces.closing, pieces.listed);
            (self.queued_bytes, self.in_flight_bytes) = (pieces.queued_bytes, pieces.in_flight_bytes);
            self.taken_bytes = pieces.taken_bytes;
            while let Some(piece) = pieces.front() {
                match piece {
                    Piece::Bytes(bytes) => self.add(bytes),
                    Piece::Run(span) => self.keep(runs, span),
                }
            }
        } else if let Some(span) = self.span.take() {
            self.keep(runs, span);
        }
    }

    fn keep(&mut self, runs: &mut Runs, span: Span) {
        if runs.must_copy(span) {
            runs.copy(span, &mut self.more.get_or_insert_default().tail);
        } else {
            runs.refer(span, |bytes| self.add(bytes));
        }
    }

    /// Adds bytes that are counted already.
    fn add(&mut self, bytes: Bytes) {
        if self.first.is_none() && self.more.is_none() {
            self.first = Some(Piece::Bytes(bytes));
        } else {
            let more = self.more.get_or_insert_default();
            more.seal();
            more.pieces.push_back(Piece::Bytes(bytes));
        }
    }

    /// Whether nothing is queued, and everything that was taken is flushed.
    pub(crate) fn is_idle(&self) -> bool {
        self.queued_bytes == 0 && self.in_flight_bytes == 0
    }

    /// Gives the buffers back: an idle connection holds none.
    pub(crate) fn let_go(&mut self) {
        self.more = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is queued in any way, and taken in pieces of any size, comes out in order; `settles` says whether turns end in
    /// between.
    fn in_order(seed: u64, settles: bool) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut runs, mut outbox) = (Runs::default(), Outbox::default());
        let (mut expected, mut taken) = (Vec::new(), Vec::new());
        for _ in 0..600 {
            let message = vec![rng.u8(..); rng.usize(1..1500)];
            match rng.u8(0..10) {
                0 => outbox.push(&mut runs, Bytes::from(message.clone())),
                1 => outbox.push_copy(&mut runs, &message),
                // A message of the run that this connection does not receive.
                2 => {
                    runs.put(0, &message);
                    continue;
                }
                3 => {
                    let span = runs.put(1, &message);
                    outbox.push_span(&mut runs, span);
                }
                _ => {
                    let span = runs.put(0, &message);
                    outbox.push_span(&mut runs, span);
                }
            }
            expected.extend_from_slice(&message);
            if rng.u8(0..20) == 0 {
                outbox.take(&mut runs, rng.usize(1..20_000), &mut taken);
            }
            if settles && rng.u8(0..5) == 0 {
                outbox.settle(&mut runs);
                runs.turn_is_over();
            }
        }
        let before: usize = taken.iter().map(Bytes::len).sum();
        assert_eq!((outbox.in_flight_bytes, outbox.queued_bytes), (before, expected.len() - before));
        outbox.take(&mut runs, usize::MAX, &mut taken);
        assert_eq!(outbox.queued_bytes, 0);
        assert!(taken.concat() == expected, "seed {seed}");
    }

    #[test]
    fn everything_leaves_in_order_however_it_was_queued() {
        (0..100).for_each(|seed| in_order(seed, seed % 2 == 0));
    }

    #[test]
    fn messages_of_a_run_leave_as_one_piece_and_are_not_copied() {
        let (mut runs, mut one, mut two) = (Runs::default(), Outbox::default(), Outbox::default());
        for _ in 0..50 {
            let span = runs.put(0, &[b'x'; 200]);
            one.push_span(&mut runs, span);
            two.push_span(&mut runs, span);
        }
        let (mut of_one, mut of_two) = (Vec::new(), Vec::new());
        one.take(&mut runs, usize::MAX, &mut of_one);
        two.take(&mut runs, usize::MAX, &mut of_two);
        assert_eq!((of_one.len(), of_two.len(), of_one[0].len()), (1, 1, 10_000));
        assert_eq!(of_one[0].as_ptr(), of_two[0].as_ptr());
    }
}
