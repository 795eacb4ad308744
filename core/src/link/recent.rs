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
    /// The queue in which it has waited. `None`: it is one that the link sends for itself, and is not sent again.
    packet: Option<(Priority, QueuedPacket)>,
}

impl Gone {
    fn bytes(&self) -> usize {
        self.packet.as_ref().map_or(0, |(_, packet)| packet.frame.len())
    }

    fn is(&self, copy: &Value<'_>) -> bool {
        self.packet.as_ref().is_some_and(|(_, packet)| packet.is(copy))
    }
}

/// The packets that have gone lately, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    gone: VecDeque<Gone>,
    bytes: usize,
}

impl Recent {
    /// Notes a packet of the queue.
    pub(super) fn note(&mut self, now: Instant, priority: Priority, packet: &QueuedPacket) {
        // Its entry in the store is deleted by now.
        let packet = QueuedPacket { handed: None, ..packet.clone() };
        self.push(now, Some((priority, packet)));
    }

    /// Notes a packet that the link has sent for itself.
    pub(super) fn note_own(&mut self, now: Instant) {
        self.push(now, None);
    }

    fn push(&mut self, now: Instant, packet: Option<(Priority, QueuedPacket)>) {
        let gone = Gone { at: now, packet };
        self.bytes += gone.bytes();
        self.gone.push_back(gone);
        while let Some(first) = self.gone.front()
            && (first.at + REMEMBERED_FOR < now || self.bytes > REMEMBERED_BYTES_MAX)
        {
            self.bytes -= first.bytes();
            self.gone.pop_front();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Recent::default();
    }

    /// Where the packet is of which the router has sent this copy.
    pub(super) fn place(&self, copy: &Value<'_>) -> Option<usize> {
        self.gone.iter().position(|gone| gone.is(copy))
    }

    /// Where the last packet is that the link has sent for itself.
    pub(super) fn place_of_own(&self) -> Option<usize> {
        self.gone.iter().rposition(|gone| gone.packet.is_none())
    }

    /// Takes out what has gone from that place on, the oldest first.
    pub(super) fn take_from(&mut self, place: usize) -> Vec<(Priority, QueuedPacket)> {
        let taken = self.gone.drain(place..).filter_map(|gone| gone.packet).collect();
        self.bytes = self.gone.iter().map(Gone::bytes).sum();
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
        recent.note_own(seconds(1));
        recent.note(seconds(1), Priority::Prompt, &packet(r#"({"a",})"#));
        recent.note_own(seconds(2));
        recent.note(seconds(2), Priority::Prompt, &packet(r#"({"b",})"#));
        let place = recent.place_of_own().unwrap();
        assert_eq!(recent.take_from(place).len(), 1);
        assert_eq!(taken(&mut recent, r#"({"a",})"#), Some(1));
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
