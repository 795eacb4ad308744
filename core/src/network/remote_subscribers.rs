//! The muds whose users subscribe to a channel, as far as this can be known: those that have spoken on it, and their
//! answers to questions.

use super::limits::{ENTRY_BYTES, NAME_BYTES_MAX};
use crate::machine::SmolStr;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Number of entries that are remembered: muds on channels. The one that was silent longest is forgotten first.
const ENTRIES_MAX: usize = 4_096;
/// Bytes of the entries that are remembered.
pub const SUBSCRIBERS_BYTES_MAX: usize = 524_288;
/// Number of muds that are remembered for each channel.
const MUDS_MAX: usize = 64;
/// Number of names in one answer that are remembered.
pub const USERS_MAX: usize = 512;
/// How long an answer is valid.
const ANSWER_HOLDS: Duration = Duration::from_secs(60);

/// A channel and a mud. Names as short as usual need no memory of their own.
type Key = (SmolStr, SmolStr);

/// The state of one mud on one channel.
#[derive(Clone, Debug, Default)]
struct HeardMud {
    /// Its place in the order of all entries.
    turn: u64,
    users: Option<(Instant, Vec<String>)>,
}

impl HeardMud {
    fn bytes(&self, (channel, mud): &Key) -> usize {
        let users = self.users.iter().flat_map(|(_, users)| users).map(|user| ENTRY_BYTES + user.len());
        ENTRY_BYTES + 2 * (channel.len() + mud.len()) + users.sum::<usize>()
    }
}

/// By channel and mud.
#[derive(Clone, Debug, Default)]
pub struct RemoteSubscribers {
    muds: BTreeMap<Key, HeardMud>,
    /// The entries in the order in which they were last heard.
    turns: BTreeMap<u64, Key>,
    /// The turns of each channel.
    channels: BTreeMap<SmolStr, BTreeSet<u64>>,
    last_turn: u64,
    bytes: usize,
}

impl RemoteSubscribers {
    /// Notes that a mud has spoken on a channel.
    pub fn spoke(&mut self, channel: &str, mud: &str) {
        let is_last = |(_, (of, by)): (&u64, &Key)| of == channel && by == mud;
        let is_long = channel.len() > NAME_BYTES_MAX || mud.len() > NAME_BYTES_MAX;
        if is_long || self.turns.last_key_value().is_some_and(is_last) {
            return;
        }
        let Some(known) = self.muds.get_mut(&key(channel, mud)) else {
            return self.heard(channel, mud, None);
        };
        let Some(key) = self.turns.remove(&known.turn) else { return };
        self.last_turn += 1;
        if let Some(turns) = self.channels.get_mut(channel) {
            turns.remove(&known.turn);
            turns.insert(self.last_turn);
        }
        known.turn = self.last_turn;
        self.turns.insert(self.last_turn, key);
    }

    /// Notes a mud's answer about its subscribers.
    pub fn answered(&mut self, now: Instant, channel: &str, mud: &str, mut users: Vec<String>) {
        users.truncate(USERS_MAX);
        users.retain(|user| user.len() <= NAME_BYTES_MAX);
        self.heard(channel, mud, Some((now, users)));
    }

    fn heard(&mut self, channel: &str, mud: &str, users: Option<(Instant, Vec<String>)>) {
        if channel.len() > NAME_BYTES_MAX || mud.len() > NAME_BYTES_MAX {
            return;
        }
        let key = key(channel, mud);
        self.forget(&key);
        self.last_turn += 1;
        let entry = HeardMud { turn: self.last_turn, users };
        self.bytes += entry.bytes(&key);
        self.turns.insert(self.last_turn, key.clone());
        self.muds.insert(key, entry);
        let turns = self.channels.entry(channel.into()).or_default();
        turns.insert(self.last_turn);
        if turns.len() > MUDS_MAX
            && let Some(oldest) = turns.first().and_then(|turn| self.turns.get(turn))
        {
            self.forget(&oldest.clone());
        }
        while self.muds.len() > ENTRIES_MAX || self.bytes > SUBSCRIBERS_BYTES_MAX {
            let Some((_, oldest)) = self.turns.first_key_value() else { break };
            self.forget(&oldest.clone());
        }
    }

    fn forget(&mut self, key: &Key) {
        let Some(entry) = self.muds.remove(key) else { return };
        self.bytes -= entry.bytes(key);
        self.turns.remove(&entry.turn);
        if let Some(turns) = self.channels.get_mut(&key.0) {
            turns.remove(&entry.turn);
            if turns.is_empty() {
                self.channels.remove(&key.0);
            }
        }
    }

    /// Returns the entries of a channel.
    fn of<'a>(&'a self, channel: &'a str) -> impl Iterator<Item = (&'a Key, &'a HeardMud)> {
        self.muds.range(key(channel, "")..).take_while(move |((known, _), _)| known == channel)
    }

    /// Returns the muds that have spoken on a channel last, at most this many.
    pub fn muds(&self, channel: &str, most: usize) -> Vec<String> {
        let mut muds: Vec<_> = self.of(channel).collect();
        muds.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.turn));
        muds.into_iter().take(most).map(|((_, mud), _)| mud.to_string()).collect()
    }

    /// Returns the known subscribers of a channel on each mud.
    pub fn members(&self, now: Instant, channel: &str) -> Vec<(String, Vec<String>)> {
        let fresh = |entry: &HeardMud| entry.users.clone().filter(|(at, _)| now < *at + ANSWER_HOLDS);
        self.of(channel).filter_map(|((_, mud), entry)| Some((mud.to_string(), fresh(entry)?.1))).collect()
    }
}

fn key(channel: &str, mud: &str) -> Key {
    (channel.into(), mud.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_last_speakers_come_first_and_answers_expire() {
        let mut listeners = RemoteSubscribers::default();
        for mud in ["A", "B", "C", "A"] {
            listeners.spoke("chat", mud);
        }
        listeners.spoke("chat 2", "D");
        assert_eq!(listeners.muds("chat", 2), ["A", "C"]);
        assert_eq!(listeners.muds("chat", 9), ["A", "C", "B"]);
        assert_eq!(listeners.muds("code", 2), [""; 0]);
        listeners.answered(seconds(5), "chat", "B", vec!["Bob".to_owned()]);
        listeners.spoke("chat", "B");
        assert_eq!(listeners.members(seconds(6), "chat"), [("B".to_owned(), vec!["Bob".to_owned()])]);
        assert_eq!(listeners.members(seconds(65), "chat"), []);
    }

    #[test]
    fn a_flood_of_names_is_limited() {
        let mut listeners = RemoteSubscribers::default();
        for n in 0..6000u64 {
            listeners.spoke(&format!("c{n}"), "A");
            listeners.spoke("one", &format!("m{n}"));
        }
        assert_eq!((listeners.muds.len(), listeners.turns.len()), (ENTRIES_MAX, ENTRIES_MAX));
        assert_eq!(
            (listeners.of("one").count(), listeners.muds("one", 1)),
            (MUDS_MAX, vec!["m5999".to_owned()])
        );
        let long = "x".repeat(NAME_BYTES_MAX);
        for n in 0..300u64 {
            listeners.answered(seconds(n), &format!("d{n}"), &long, vec![long.clone(); 1000]);
            assert!(listeners.bytes <= SUBSCRIBERS_BYTES_MAX);
        }
        assert_eq!(listeners.members(seconds(300), "d299")[0].1.len(), USERS_MAX);
        listeners.spoke(&format!("{long}x"), "A");
        listeners.answered(seconds(300), "e", "A", vec![format!("{long}x")]);
        assert_eq!(listeners.members(seconds(300), "e"), [("A".to_owned(), Vec::new())]);
        let turns: BTreeSet<u64> = listeners.turns.keys().copied().collect();
        let of_channels: Vec<u64> = listeners.channels.values().flatten().copied().collect();
        assert_eq!((of_channels.len(), of_channels.into_iter().collect()), (turns.len(), turns));
        assert!(listeners.channels.values().all(|turns| !turns.is_empty() && turns.len() <= MUDS_MAX));
        let bytes: usize = listeners.muds.iter().map(|(key, entry)| entry.bytes(key)).sum();
        assert_eq!((listeners.bytes, listeners.muds(&format!("{long}x"), 1).len()), (bytes, 0));
    }
}
