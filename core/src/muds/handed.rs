//! Packets of games where several nodes share a store. A game may be connected to another node than the one that holds the link of
//! its mud. So each packet is an entry of the store, and the holder sends it and deletes the entry. A packet whose entry is
//! durable is not lost with a node, and goes once: a holder that is killed within the moment before the deletion is durable
//! leaves it to the next one, which sends it again.

use super::seen::{Seen, key, numbered};
use crate::contents::BySpace;
use crate::i3::packet::Packet;
use crate::link::pacer::{Origin, Priority};
use crate::machine::{Change, ConnId};
use crate::saved;
use crate::spaces::Space;
use crate::time::{Instant, Now};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Bytes of the packets of one mud that may wait for its holder.
const HANDED_BYTES_MAX: usize = 4_194_304;

/// What is saved of a packet before its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Label {
    pub(super) priority: Priority,
    /// Seconds since 1970: when it was accepted, by the clock of its node. Only a node that starts looks at it.
    pub(super) accepted: u64,
    /// It is for the router of the session that its node knew of.
    pub(super) for_router: bool,
}

/// A packet that waits for the holder.
#[derive(Debug)]
struct Waiting {
    key: String,
    label: Label,
    /// When this node learned of it: the clocks of other nodes may differ.
    since: Instant,
    /// The packet as LPC text.
    text: Box<[u8]>,
    /// It is in the queue before the router.
    is_queued: bool,
    /// This node has sent it. Its deletion was not told yet.
    has_left: bool,
}

/// A packet that was given to the router's connection.
#[derive(Debug)]
struct Leaving {
    key: String,
    conn: ConnId,
    /// How many bytes were given to the connection up to its end.
    end: u64,
}

/// Whether this node has deleted an entry that is there again. What it saves as a holder is lost with the mud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deletion {
    Due,
    Saved,
}

/// Why a packet was not sent.
#[derive(Debug, Serialize, Deserialize)]
struct GivenUp {
    why: String,
}

/// The packets of the games of one mud.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    /// In the order of the log.
    waiting: VecDeque<Waiting>,
    bytes: usize,
    seen: Seen,
    /// Packets of this node whose senders must be told if they are not sent.
    origins: BTreeMap<String, Origin>,
    /// The last number that this node gave.
    last: u64,
    /// The packets of this node that are not durable yet, with their bytes.
    untold: BTreeMap<String, usize>,
    /// Packets that were given to the router's connection and are not flushed.
    leaving: Vec<Leaving>,
    /// Packets that were sent or given up, and whose entries are there again, or still: their saves were repeated later, or
    /// this node had lost the mud before it could delete them.
    again: BTreeMap<String, Deletion>,
}

impl Handed {
    /// Restores a packet from the store.
    pub(super) fn restore(&mut self, now: Now, key: &str, value: &[u8]) -> bool {
        let is_readable = self.told(now.mono, key, value).is_some();
        if let Some(one) = self.waiting.back_mut().filter(|one| is_readable && one.key == key) {
            let age = now.unix.micros().saturating_sub(one.label.accepted.saturating_mul(1_000_000));
            one.since = Instant::from_micros(now.mono.micros().saturating_sub(age));
        }
        is_readable
    }

    /// Whether this many bytes and one more packet may wait.
    pub(super) fn has_room(&self, bytes: usize, packets_max: usize) -> bool {
        let untold: usize = self.untold.values().sum();
        self.waiting.len() + self.untold.len() < packets_max
            && self.bytes + untold + bytes <= HANDED_BYTES_MAX
    }

    /// Returns the change that hands a packet over to the holder.
    pub(super) fn hand_over(
        &mut self,
        (boot, mud_name): (&str, &str),
        label: Label,
        packet: &Packet<'_>,
        origin: Option<Origin>,
    ) -> Change {
        self.last += 1;
        let key = key(boot, self.last);
        let mut value = saved::write(&label).unwrap_or_default().to_vec();
        value.push(b'\n');
        packet.encode(&mut value);
        self.untold.insert(key.clone(), value.len());
        if let Some(origin) = origin {
            self.origins.insert(key.clone(), origin);
        }
        Change { space: Space::Out.of(mud_name), key: key.into(), value: Some(value.into()) }
    }

    /// Handles a packet that is durable. Returns whether it is new; `None`: it cannot be read.
    pub(crate) fn told(&mut self, now: Instant, key: &str, value: &[u8]) -> Option<bool> {
        let (sender, number) = numbered(key)?;
        let at = value.iter().position(|byte| *byte == b'\n')?;
        let label = saved::read(&value[..at])?;
        self.untold.remove(key);
        if !self.seen.note(sender, number) {
            if self.waiting.iter().all(|one| one.key != key) {
                self.again.insert(key.to_owned(), Deletion::Due);
            }
            return Some(false);
        }
        let text: Box<[u8]> = value[at + 1..].into();
        self.bytes += text.len();
        self.waiting.push_back(Waiting {
            key: key.to_owned(),
            label,
            since: now,
            text,
            is_queued: false,
            has_left: false,
        });
        Some(true)
    }

    /// Notes a packet that was told before the state that this node has read: it is in that state, or was sent.
    pub(crate) fn was_told(&mut self, key: &str) {
        if let Some((sender, number)) = numbered(key) {
            self.seen.note(sender, number);
        }
    }

    /// Handles that a packet was sent or given up.
    pub(crate) fn ended(&mut self, key: &str) {
        self.origins.remove(key);
        self.untold.remove(key);
        self.again.remove(key);
        if let Some(at) = self.waiting.iter().position(|one| one.key == key)
            && let Some(one) = self.waiting.remove(at)
        {
            self.bytes -= one.text.len();
        }
    }

    /// Returns the sender of a packet of this node that was given up, and the reason.
    pub(crate) fn given_up(&mut self, key: &str, value: &[u8]) -> Option<(Origin, String)> {
        let GivenUp { why } = saved::read(value)?;
        Some((self.origins.remove(key)?, why))
    }

    /// Puts the packets that are not in the queue before the router into it, as far as `push` accepts them. Returns whether it
    /// has accepted any.
    pub(super) fn queue(&mut self, mut push: impl FnMut(&str, Label, Instant, &[u8]) -> bool) -> bool {
        let mut has_queued = false;
        for one in self.waiting.iter_mut().filter(|one| !one.is_queued) {
            one.is_queued = push(&one.key, one.label, one.since, &one.text);
            if !one.is_queued {
                break;
            }
            has_queued = true;
        }
        has_queued
    }

    /// The queue before the router is gone: who logs in next sends what was in it. What was given to the router's connection still
    /// leaves.
    pub(super) fn unqueue(&mut self) {
        self.again.values_mut().for_each(|deletion| *deletion = Deletion::Due);
        for one in &mut self.waiting {
            one.is_queued = one.has_left || self.leaving.iter().any(|leaving| leaving.key == one.key);
            if one.has_left {
                self.again.insert(one.key.clone(), Deletion::Due);
            }
        }
    }

    /// The queue before the router and its connection are gone. Returns the deletions of the packets within the bytes that the
    /// driver has taken: they have gone, or are lost with the connection as on one host. Who logs in next sends the others.
    pub(super) fn over(&mut self, mud_name: &str, conn: ConnId, taken_bytes: u64) -> Vec<Change> {
        let left = self.left(mud_name, conn, taken_bytes);
        self.leaving.clear();
        self.unqueue();
        left
    }

    /// When this node learned of the oldest packet that is not in the queue before the router.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.waiting.iter().find(|one| !one.is_queued).map(|one| one.since)
    }

    /// Returns the packets that are not in the queue before the router and that came before `then`, to be given up.
    pub(super) fn expire(&mut self, then: Instant) -> Vec<String> {
        let old = self.waiting.iter_mut().filter(|one| !one.is_queued && one.since < then);
        old.map(|one| {
            one.is_queued = true;
            one.key.clone()
        })
        .collect()
    }

    /// Notes that a packet was given to the router's connection, to which `end` bytes were given up to its end.
    pub(super) fn leaves(&mut self, key: String, conn: ConnId, end: u64) {
        self.leaving.push(Leaving { key, conn, end });
    }

    /// Removes the packets that end within so many bytes of the connection from those that leave. What was given to an earlier
    /// connection has gone, or is lost with it as on one host.
    fn mark_left(&mut self, conn: ConnId, bytes: u64) -> Vec<String> {
        let has_left = |leaving: &mut Leaving| leaving.conn != conn || leaving.end <= bytes;
        let keys: Vec<String> = self.leaving.extract_if(.., has_left).map(|leaving| leaving.key).collect();
        for one in &mut self.waiting {
            one.has_left |= keys.contains(&one.key);
        }
        keys
    }

    /// Returns the deletions of the entries that are there again, or still.
    pub(super) fn ended_before(&mut self, mud_name: &str) -> Vec<Change> {
        let due = self.again.iter_mut().filter(|(_, deletion)| **deletion == Deletion::Due);
        due.map(|(key, deletion_of)| {
            *deletion_of = Deletion::Saved;
            deletion(mud_name, key.clone())
        })
        .collect()
    }

    /// Returns the deletions of the packets that have left: the connection has flushed so many bytes.
    pub(super) fn left(&mut self, mud_name: &str, conn: ConnId, flushed_bytes: u64) -> Vec<Change> {
        self.mark_left(conn, flushed_bytes).into_iter().map(|key| deletion(mud_name, key)).collect()
    }
}

/// Returns the deletion of a packet's entry.
pub(crate) fn deletion(mud_name: &str, key: String) -> Change {
    Change { space: Space::Out.of(mud_name), key: key.into(), value: None }
}

/// Returns the changes for a packet that is not sent: its entry goes, and its node is told why.
pub(super) fn give_up(mud_name: &str, key: String, why: &str) -> [Change; 2] {
    let value = saved::write(&GivenUp { why: why.to_owned() });
    [Change { space: Space::Gone.of(mud_name), key: key.as_str().into(), value }, deletion(mud_name, key)]
}

/// Restores the packets of a mud.
pub(super) fn restore(handed: &mut Handed, now: Now, mud_name: &str, saved: &BySpace<'_>) -> usize {
    saved.of(&Space::Out.of(mud_name)).filter(|(key, value)| !handed.restore(now, key, value)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_left_is_not_sent_again_by_the_node_that_takes_its_mud_back() {
        let conn = ConnId { index: 0, generation: 0 };
        let (mut handed, now, name) = (Handed::default(), Instant::ORIGIN, key("a.1", 1));
        let label = Label { priority: Priority::Prompt, accepted: 0, for_router: false };
        let value = [&saved::write(&label).unwrap()[..], b"\n({})"].concat();
        assert_eq!(handed.told(now, &name, &value), Some(true));
        handed.queue(|_, _, _, _| true);
        handed.leaves(name.clone(), conn, 100);
        assert_eq!(handed.left("Alpha", conn, 99), []);
        assert_eq!(handed.left("Alpha", conn, 100), [deletion("Alpha", name.clone())]);
        // The lease is lost before the deletion is durable, and this node takes the mud again.
        assert_eq!(handed.over("Alpha", conn, 100), []);
        handed.queue(|key, _, _, _| panic!("{key} goes a second time"));
        assert_eq!(handed.ended_before("Alpha"), [deletion("Alpha", name.clone())]);
        assert_eq!(handed.ended_before("Alpha"), []);
        // That deletion is lost too.
        assert_eq!(handed.over("Alpha", conn, 100), []);
        assert_eq!(handed.ended_before("Alpha"), [deletion("Alpha", name.clone())]);
        handed.ended(&name);
        assert_eq!(handed.over("Alpha", conn, 100), []);
        assert_eq!(handed.ended_before("Alpha"), []);
        // What the driver has taken may have gone. What it has not taken goes, whoever holds the mud.
        let (taken, other) = (key("a.1", 2), key("a.1", 3));
        for (name, end) in [(&taken, 200), (&other, 300)] {
            assert_eq!(handed.told(now, name, &value), Some(true));
            handed.queue(|_, _, _, _| true);
            handed.leaves(name.clone(), conn, end);
        }
        assert_eq!(handed.over("Alpha", conn, 299), [deletion("Alpha", taken.clone())]);
        assert_eq!(handed.ended_before("Alpha"), [deletion("Alpha", taken)]);
        let mut sent = Vec::new();
        handed.queue(|key, _, _, _| {
            sent.push(key.to_owned());
            true
        });
        assert_eq!(sent, [other]);
    }
}
