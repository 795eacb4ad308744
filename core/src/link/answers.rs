//! The answers that wait for a router: replies to questions of other muds, and errors about what other muds have sent.
//!
//! How many answers there are is decided by the muds that ask. So answers have limits of their own, every mud has a
//! share of the queue, and the muds take turns. What is beyond a limit is dropped.

use super::queued::{QueueFull, QueuedPacket};
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};

/// Number of answers to one mud that may wait.
pub const ANSWERS_PER_MUD_MAX: usize = 32;

/// Bytes of the answers to one mud that may wait.
pub const ANSWER_BYTES_PER_MUD_MAX: usize = 65_536;

/// Number of answers to all muds that may wait.
pub const ANSWERS_MAX: usize = 512;

/// Bytes of the answers to all muds that may wait.
pub const ANSWER_BYTES_MAX: usize = 524_288;

/// The answers to one mud. At least one waits.
#[derive(Debug, Default)]
struct ToMud {
    queue: VecDeque<QueuedPacket>,
    bytes: usize,
}

/// The answers that wait, by the mud that asked.
#[derive(Debug, Default)]
pub(super) struct Answers {
    muds: BTreeMap<String, ToMud>,
    /// The muds in the order of their turns. Each is in it once.
    turns: VecDeque<String>,
    count: usize,
    bytes: usize,
    /// No answer was accepted before this time.
    none_before: Instant,
}

impl Answers {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether an answer of so many bytes to this mud may wait.
    pub(super) fn has_room(&self, asker: &str, bytes: usize) -> bool {
        let (waiting, waiting_bytes) = self.muds.get(asker).map_or((0, 0), |to| (to.queue.len(), to.bytes));
        waiting < ANSWERS_PER_MUD_MAX
            && waiting_bytes + bytes <= ANSWER_BYTES_PER_MUD_MAX
            && self.count < ANSWERS_MAX
            && self.bytes + bytes <= ANSWER_BYTES_MAX
    }

    pub(super) fn push(&mut self, asker: &str, packet: QueuedPacket) -> Result<(), QueueFull> {
        let bytes = packet.frame.len();
        if !self.has_room(asker, bytes) {
            return Err(QueueFull);
        }
        if self.is_empty() {
            self.none_before = packet.accepted;
        }
        if !self.muds.contains_key(asker) {
            self.turns.push_back(asker.to_owned());
        }
        let to = self.muds.entry(asker.to_owned()).or_default();
        to.queue.push_back(packet);
        to.bytes += bytes;
        self.bytes += bytes;
        self.count += 1;
        Ok(())
    }

    /// Takes the oldest answer to the mud whose turn it is.
    pub(super) fn pop(&mut self) -> Option<QueuedPacket> {
        let asker = self.turns.pop_front()?;
        let to = self.muds.get_mut(&asker)?;
        let packet = to.queue.pop_front()?;
        let bytes = packet.frame.len();
        to.bytes -= bytes;
        self.bytes -= bytes;
        self.count -= 1;
        if to.queue.is_empty() {
            self.muds.remove(&asker);
        } else {
            self.turns.push_back(asker);
        }
        Some(packet)
    }

    /// Takes out the answers for which `is_gone` is true.
    pub(super) fn take(&mut self, is_gone: impl Fn(&QueuedPacket) -> bool) -> Vec<QueuedPacket> {
        let mut gone = Vec::new();
        for to in self.muds.values_mut() {
            let (taken, kept): (Vec<_>, Vec<_>) =
                std::mem::take(&mut to.queue).into_iter().partition(&is_gone);
            let bytes: usize = taken.iter().map(|packet| packet.frame.len()).sum();
            to.queue = kept.into();
            to.bytes -= bytes;
            self.bytes -= bytes;
            self.count -= taken.len();
            gone.extend(taken);
        }
        self.muds.retain(|_, to| !to.queue.is_empty());
        self.turns.retain(|asker| self.muds.contains_key(asker));
        let oldest = self.muds.values().filter_map(|to| to.queue.front()).map(|packet| packet.accepted).min();
        self.none_before = oldest.unwrap_or_default();
        gone
    }

    /// Returns a time before which no answer was accepted; `None` when none waits.
    pub(super) fn oldest(&self) -> Option<Instant> {
        (!self.is_empty()).then_some(self.none_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn answer(text: &'static str) -> QueuedPacket {
        QueuedPacket {
            kind: "tell",
            frame: Bytes::from_static(text.as_bytes()),
            accepted: Instant::ORIGIN,
            origin: None,
            handed: None,
            for_router: false,
        }
    }

    fn sized(bytes: usize) -> QueuedPacket {
        QueuedPacket { frame: vec![b'x'; bytes].into(), ..answer("") }
    }

    #[test]
    fn muds_take_turns() {
        let mut answers = Answers::default();
        for (asker, text) in [("A", "a1"), ("A", "a2"), ("A", "a3"), ("B", "b1"), ("C", "c1"), ("B", "b2")] {
            answers.push(asker, answer(text)).unwrap();
        }
        let order: Vec<_> = std::iter::from_fn(|| answers.pop()).map(|packet| packet.frame).collect();
        assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
        assert_eq!((answers.len(), answers.bytes(), answers.muds.len(), answers.turns.len()), (0, 0, 0, 0));
    }

    #[test]
    fn each_mud_and_all_together_have_limits_of_number_and_bytes() {
        let mut answers = Answers::default();
        let count = |answers: &mut Answers, asker: &str, bytes: usize| {
            (0..2 * ANSWERS_MAX).filter(|_| answers.push(asker, sized(bytes)).is_ok()).count()
        };
        assert_eq!(count(&mut answers, "small", 10), ANSWERS_PER_MUD_MAX);
        assert_eq!(count(&mut answers, "large", 9_000), ANSWER_BYTES_PER_MUD_MAX / 9_000);
        for n in 0..100 {
            count(&mut answers, &format!("mud {n}"), 9_000);
        }
        assert!(answers.bytes() <= ANSWER_BYTES_MAX && answers.bytes() > ANSWER_BYTES_MAX - 9_000);
        let mut answers = Answers::default();
        for n in 0..100 {
            count(&mut answers, &format!("mud {n}"), 10);
        }
        assert_eq!((answers.len(), answers.turns.len()), (ANSWERS_MAX, ANSWERS_MAX / ANSWERS_PER_MUD_MAX));
    }

    #[test]
    fn what_is_taken_out_makes_room() {
        let mut answers = Answers::default();
        for (at, asker) in ["A", "B", "A"].into_iter().enumerate() {
            let accepted = Instant::from_micros(at as u64);
            answers.push(asker, QueuedPacket { accepted, ..sized(5) }).unwrap();
        }
        assert_eq!(answers.oldest(), Some(Instant::ORIGIN));
        let gone = answers.take(|packet| packet.accepted < Instant::from_micros(1));
        assert_eq!((gone.len(), answers.len(), answers.bytes()), (1, 2, 10));
        assert_eq!(answers.oldest(), Some(Instant::from_micros(1)));
        assert_eq!(answers.take(|_| true).len(), 2);
        assert_eq!((answers.oldest(), answers.turns.len(), answers.bytes()), (None, 0, 0));
    }
}
