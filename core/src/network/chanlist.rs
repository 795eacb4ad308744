//! The channels of a network.

use super::limits::{ENTRY_BYTES, NAME_BYTES_MAX};
use crate::describe::cut;
use crate::i3::packet::{ChannelEntry, Mapping};
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

/// Number of channels that are kept. Deployed networks have some 170.
pub const CHANNELS_MAX: usize = 20_000;

/// Bytes of all channels that are kept.
pub const CHANNELS_BYTES_MAX: usize = 4_194_304;

/// How long after the first list of a login further lists count as its continuation. CoffeeMud sends five channels in
/// each packet, Dead Souls all in one.
const BATCHES_WITHIN: Duration = Duration::from_secs(5);

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The mud that created it.
    pub owner: String,
    /// 0: open to all muds but the banned; 1: open to admitted muds only; 2: filtered.
    pub channel_type: i64,
    /// This mud has added it, and the router has not refused it. A CoffeeMud router does not list it before the next
    /// login, and with few muds not even then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
}

/// A channel that was added or changed; `None` if it was removed.
pub type ChannelChange = (String, Option<Channel>);

fn bytes_of(name: &str, channel: &Channel) -> usize {
    ENTRY_BYTES + name.len() + channel.owner.len()
}

/// All channels of one network.
#[derive(Clone, Debug, Default)]
pub struct Chanlist {
    channels: BTreeMap<String, Channel>,
    bytes: usize,
    /// The id of the last packet.
    pub id: i64,
    /// When the first list since the login arrived.
    first: Option<Instant>,
}

impl Chanlist {
    /// Handles a login: the next list replaces all channels.
    pub fn logged_in(&mut self) {
        self.first = None;
    }

    /// Whether the list of this login is complete.
    pub fn is_settled(&self, now: Instant) -> bool {
        self.first.is_some_and(|first| now.since(first) >= BATCHES_WITHIN)
    }

    /// Merges one packet. Dead Souls sends the whole list each time, without the removed channels. By the
    /// specification, a router sends only the changes, with 0 for a removed channel. CoffeeMud sends batches, once.
    ///
    /// So the first list of a login replaces the old one, and lists soon after it add to it. A later list replaces the
    /// old one when it is about as large, and otherwise adds to it.
    pub fn apply(
        &mut self,
        now: Instant,
        id: i64,
        channels: &Mapping<'_, Option<ChannelEntry<'_>>>,
    ) -> Vec<ChannelChange> {
        self.id = id;
        let listed = channels.0.iter().filter(|(_, entry)| entry.is_some()).count();
        let deletes = listed < channels.0.len();
        let whole = match self.first {
            None => {
                self.first = Some(now);
                listed > 0
            }
            Some(first) if now.since(first) < BATCHES_WITHIN => false,
            Some(_) => !deletes && listed > 1 && listed * 2 >= self.channels.len(),
        };
        let mut changes = Vec::new();
        if whole {
            let listed: BTreeSet<&str> = channels.0.iter().map(|(name, _)| &**name).collect();
            let is_missing = |name: &str, channel: &Channel| !channel.added && !listed.contains(name);
            let missing = self.channels.iter().filter(|(name, channel)| is_missing(name, channel));
            let missing: Vec<_> = missing.map(|(name, _)| name.clone()).collect();
            for name in missing {
                self.remove(&name);
                changes.push((name, None));
            }
        }
        for (name, entry) in &channels.0 {
            self.apply_one(name, entry.as_ref(), &mut changes);
        }
        changes
    }

    fn apply_one(&mut self, name: &str, entry: Option<&ChannelEntry<'_>>, changes: &mut Vec<ChannelChange>) {
        let Some(entry) = entry else {
            if self.remove(name) {
                changes.push((name.to_owned(), None));
            }
            return;
        };
        // A longer name is no channel's: nobody could join it.
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return;
        }
        let before = self.channels.get(name);
        let owner = cut::text(&entry.owner, NAME_BYTES_MAX);
        let added = before.is_some_and(|before| before.added && before.owner == owner);
        let channel = Channel { owner, channel_type: entry.channel_type, added };
        if before.is_none() && !self.has_room(name, &channel) || before == Some(&channel) {
            return;
        }
        self.restore(name.to_owned(), channel.clone());
        changes.push((name.to_owned(), Some(channel)));
    }

    /// Adds a channel of this mud, or removes it, at a router that does not list it by itself. Returns whether that
    /// changes the list.
    pub fn note(&mut self, name: &str, channel: Option<Channel>) -> bool {
        match channel {
            Some(channel) if self.channels.get(name) == Some(&channel) => false,
            Some(channel) if self.channels.contains_key(name) || self.has_room(name, &channel) => {
                self.restore(name.to_owned(), channel);
                true
            }
            Some(_) => false,
            None => self.remove(name),
        }
    }

    /// Whether one more channel fits into the list.
    fn has_room(&self, name: &str, channel: &Channel) -> bool {
        self.channels.len() < CHANNELS_MAX && self.bytes + bytes_of(name, channel) <= CHANNELS_BYTES_MAX
    }

    /// Restores a saved channel.
    pub fn restore(&mut self, name: String, channel: Channel) {
        self.remove(&name);
        self.bytes += bytes_of(&name, &channel);
        self.channels.insert(name, channel);
    }

    fn remove(&mut self, name: &str) -> bool {
        let removed = self.channels.remove(name);
        self.bytes -= removed.as_ref().map_or(0, |channel| bytes_of(name, channel));
        removed.is_some()
    }

    /// Removes all channels. Returns their names.
    pub fn clear(&mut self) -> Vec<String> {
        self.bytes = 0;
        std::mem::take(&mut self.channels).into_keys().collect()
    }

    /// Returns the channel with exactly this name.
    pub fn get(&self, name: &str) -> Option<&Channel> {
        self.channels.get(name)
    }

    /// Returns all channels, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Channel)> {
        self.channels.iter().map(|(name, channel)| (name.as_str(), channel))
    }

    /// Returns the channels whose names come after this one, sorted by name.
    pub fn iter_after<'m>(&'m self, name: &str) -> impl Iterator<Item = (&'m str, &'m Channel)> + use<'m> {
        let after = (Bound::Excluded(name), Bound::Unbounded);
        self.channels.range::<str, _>(after).map(|(name, channel)| (name.as_str(), channel))
    }

    /// Returns the number of channels.
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// Whether there are no channels.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::{Body, Packet};

    fn apply(list: &mut Chanlist, seconds: u64, channels: &str) -> Vec<String> {
        let text = format!(r#"({{"chanlist-reply",5,"*r",0,"A",0,7,([{channels}]),}})"#);
        let packet = Packet::decode(text.as_bytes()).unwrap().0;
        let Body::ChanlistReply { id, channels } = packet.body else { panic!() };
        let changes = list.apply(Instant::from_micros(seconds * 1_000_000), id, &channels);
        changes.into_iter().map(|(name, new)| if new.is_some() { name } else { format!("-{name}") }).collect()
    }

    fn entries(names: &str) -> String {
        names.split(' ').map(|name| format!("\"{name}\":({{\"M\",0,}}),")).collect()
    }

    #[test]
    fn dead_souls_sends_the_whole_list_and_leaves_removed_channels_out() {
        let mut list = Chanlist::default();
        list.logged_in();
        assert_eq!(apply(&mut list, 0, &entries("a b c")), ["a", "b", "c"]);
        assert_eq!(apply(&mut list, 60, &entries("a c d")), ["-b", "d"]);
        // After a new login, the first list replaces the old one.
        list.logged_in();
        assert_eq!(apply(&mut list, 100, &entries("a")), ["-c", "-d"]);
    }

    #[test]
    fn coffeemud_sends_batches_and_an_empty_one_at_the_end() {
        let mut list = Chanlist::default();
        list.logged_in();
        assert_eq!(apply(&mut list, 0, &entries("a b c d e")).len(), 5);
        assert_eq!(apply(&mut list, 0, &entries("f g")), ["f", "g"]);
        assert_eq!(apply(&mut list, 0, ""), [""; 0]);
        assert_eq!(list.len(), 7);
    }

    #[test]
    fn a_channel_of_ones_own_stays_although_coffeemud_does_not_list_it() {
        let mut list = Chanlist::default();
        list.logged_in();
        apply(&mut list, 0, &entries("a b"));
        let ours = Channel { owner: "A".to_owned(), channel_type: 1, added: true };
        assert!(list.note("ours", Some(ours.clone())) && !list.note("ours", Some(ours)));
        list.logged_in();
        assert_eq!(apply(&mut list, 100, &entries("a c")), ["-b", "c"]);
        assert!(list.get("ours").is_some() && list.note("ours", None) && list.get("ours").is_none());
        assert!(!list.note("ours", None));
    }

    #[test]
    fn the_specification_sends_what_changed() {
        let mut list = Chanlist::default();
        list.logged_in();
        apply(&mut list, 0, &entries("a b c d e"));
        assert_eq!(apply(&mut list, 60, "\"x\":({\"M\",0,}),\"b\":0,"), ["x", "-b"]);
        assert_eq!(apply(&mut list, 61, "\"c\":0,"), ["-c"]);
        assert_eq!(list.len(), 4);
    }

    /// Without optimisation this takes a second. A comparison of each name with each other would take many minutes.
    #[test]
    fn a_list_of_ninety_thousand_channels_is_merged_in_linear_time_and_limited() {
        let all: String = (0..90_000).map(|n| format!("\"c{n}\":({{\"M\",0,}}),")).collect();
        let mut list = Chanlist::default();
        for second in 0..3 {
            list.logged_in();
            apply(&mut list, second * 60, &all);
            assert_eq!(list.len(), CHANNELS_MAX);
        }
        let long = "x".repeat(NAME_BYTES_MAX);
        let owned = |n: usize| format!("\"{n:06}{}\":({{\"{long}\",0,}}),", &long[6..]);
        list.logged_in();
        apply(&mut list, 200, &(0..3_000).map(owned).collect::<String>());
        apply(&mut list, 201, &(3_000..19_000).map(owned).collect::<String>());
        assert!(list.len() < 15_000 && list.bytes <= CHANNELS_BYTES_MAX, "{}", list.len());
        assert_eq!(apply(&mut list, 202, &format!("\"{long}x\":({{\"M\",0,}}),")), [""; 0]);
        list.logged_in();
        apply(&mut list, 300, &entries("a"));
        assert_eq!(list.bytes, ENTRY_BYTES + 2);
    }
}
