//! What has gone to a router lately, for the case that the router has dropped it.
//!
//! A Dead Souls router that takes a mud for one that floods answers with an error about the packet that was too many, and drops
//! everything from that one on. The gateway keeps to the router's limit, but a network that delays packets can bring those of two
//! seconds together. So what the router has dropped is known, and can go once more.

use super::queued::{Priority, QueuedPacket};
use crate::i3::Value;
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a packet is remembered after it has gone. An error about it that takes longer is not matched.
const REMEMBERED_FOR: Duration = Duration::from_secs(5);

/// Bytes of the packets that are remembered. The oldest are forgotten first.
const REMEMBERED_BYTES_MAX: usize = 131_072;

/// A packet that has gone.
#[derive(Debug)]
struct Gone {
    at: Instant,
    /// The queue in which it has waited.
    priority: Priority,
    packet: QueuedPacket,
}

/// The packets that have gone lately, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    gone: VecDeque<Gone>,
    bytes: usize,
    /// How many packets were forgotten.
    forgotten: usize,
    /// How many packets had gone before the last one that the link has sent for itself. Such a packet is not sent again.
    before_own: Option<usize>,
}

impl Recent {
    /// Notes a packet of the queue.
    pub(super) fn note(&mut self, now: Instant, priority: Priority, packet: &QueuedPacket) {
        // Its entry in the store is deleted by now.
        let packet = QueuedPacket { handed: None, ..packet.clone() };
        self.bytes += packet.frame.len();
        self.gone.push_back(Gone { at: now, priority, packet });
        while let Some(first) = self.gone.front()
            && (first.at + REMEMBERED_FOR < now || self.bytes > REMEMBERED_BYTES_MAX)
        {
            self.bytes -= first.packet.frame.len();
            self.forgotten += 1;
            self.gone.pop_front();
        }
    }

    /// Notes a packet that the link has sent for itself.
    pub(super) fn note_own(&mut self) {
        self.before_own = Some(self.forgotten + self.gone.len());
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Recent::default();
    }

    /// Where the packet is of which the router has sent this copy.
    pub(super) fn place(&self, copy: &Value<'_>) -> Option<usize> {
        self.gone.iter().position(|gone| gone.packet.is(copy))
    }

    /// Where that begins which has gone after the last packet that the link has sent for itself. `None`: it has sent none, or too
    /// much has gone since.
    pub(super) fn place_after_own(&self) -> Option<usize> {
        self.before_own?.checked_sub(self.forgotten)
    }

    /// Takes out what has gone from that place on, the oldest first.
    pub(super) fn take_from(&mut self, place: usize) -> Vec<(Priority, QueuedPacket)> {
        let taken = self.gone.drain(place..).map(|gone| (gone.priority, gone.packet)).collect();
        self.bytes = self.gone.iter().map(|gone| gone.packet.frame.len()).sum();
        self.before_own = self.before_own.map(|before| before.min(self.forgotten + self.gone.len()));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn packet(text: &str) -> QueuedPacket {
        let mut frame = (text.len() as u32 + 1).to_be_bytes().to_vec();
        frame.extend_from_slice(text.as_bytes());
        frame.push(0);
        QueuedPacket {
            kind: "tell",
            frame: Bytes::from(frame),
            accepted: Instant::ORIGIN,
            origin: None,
            handed: Some("key".to_owned()),
            for_router: false,
        }
    }

    fn seconds(seconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(seconds)
    }

    fn taken(recent: &mut Recent, copy: &str) -> Option<usize> {
        let place = recent.place(&Value::parse(copy.as_bytes()).unwrap())?;
        let taken = recent.take_from(place);
        assert!(taken.iter().all(|(_, packet)| packet.handed.is_none()));
        Some(taken.len())
    }

    #[test]
    fn what_the_router_has_dropped_is_the_packet_of_the_copy_and_all_after_it() {
        let mut recent = Recent::default();
        for text in [r#"({"a",1,})"#, r#"({"b",([1:2,]),})"#, r#"({"c",})"#] {
            recent.note(seconds(1), Priority::Chatter, &packet(text));
        }
        assert_eq!(taken(&mut recent, r#"({"x",})"#), None);
        assert_eq!(taken(&mut recent, r#"({ "b", ([ 1:2 ]) })"#), Some(2), "the router writes it anew");
        assert_eq!(taken(&mut recent, r#"({"c",})"#), None, "it waits");
        assert_eq!(taken(&mut recent, r#"({"a",1,})"#), Some(1));
        assert_eq!(recent.bytes, 0);
    }

    #[test]
    fn the_last_packet_of_the_link_itself_is_known() {
        let mut recent = Recent::default();
        assert_eq!(recent.place_after_own(), None);
        recent.note_own();
        recent.note(seconds(1), Priority::Prompt, &packet(r#"({"a",})"#));
        recent.note_own();
        recent.note(seconds(2), Priority::Prompt, &packet(r#"({"b",})"#));
        let place = recent.place_after_own().unwrap();
        assert_eq!(recent.take_from(place).len(), 1);
        assert_eq!(recent.place_after_own(), Some(1), "nothing has gone since");
        assert_eq!(taken(&mut recent, r#"({"a",})"#), Some(1));
        for at in [3, 20, 40] {
            recent.note(seconds(at), Priority::Prompt, &packet(r#"({"c",})"#));
        }
        assert_eq!(recent.place_after_own(), None, "too much is forgotten");
    }

    #[test]
    fn time_and_bytes_limit_what_is_remembered() {
        let mut recent = Recent::default();
        recent.note(seconds(0), Priority::Query, &packet(r#"({"a",})"#));
        recent.note(seconds(5), Priority::Query, &packet(r#"({"b",})"#));
        assert_eq!(recent.gone.len(), 2);
        recent.note(seconds(6), Priority::Query, &packet(r#"({"c",})"#));
        assert_eq!(recent.gone.len(), 2);
        let long = format!(r#"({{"d","{}",}})"#, "x".repeat(REMEMBERED_BYTES_MAX / 2));
        recent.note(seconds(6), Priority::Query, &packet(&long));
        assert_eq!(recent.gone.len(), 3);
        recent.note(seconds(6), Priority::Query, &packet(&long));
        assert_eq!(recent.gone.len(), 1);
        recent.note(seconds(6), Priority::Query, &packet(&"x".repeat(REMEMBERED_BYTES_MAX)));
        assert_eq!((recent.gone.len(), recent.bytes), (0, 0));
    }
}
