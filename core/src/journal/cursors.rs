//! Named clients. Each belongs to a key, and has a cursor of its own in each lane of its mud's events. The cursors
//! outlive its sessions.

use super::record::{LaneKey, LaneName};
use crate::machine::{Change, SmolStr};
use crate::saved;
use crate::spaces::Space;
use crate::time::Steady;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Number of client names that are remembered for one key. Beyond it, the one that was absent longest is forgotten.
pub const CLIENTS_MAX: usize = 100;

/// Number of channels that are remembered for one client: as many as a session may subscribe to.
const CHANNELS_MAX: usize = 500;

/// How far a client has come in one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Its connections have taken all events up to this one.
    written: u64,
    /// It has acknowledged all events up to this one. Until its first acknowledgement this is where its session began.
    acked: u64,
}

impl Place {
    fn at(id: u64) -> Place {
        Place { written: id, acked: id }
    }

    /// Goes on to where another node has seen the client. Returns whether it was further in some way.
    fn advance(&mut self, other: Place) -> bool {
        let knows_more = self.written > other.written || self.acked > other.acked;
        self.written = self.written.max(other.written);
        self.acked = self.acked.max(other.acked);
        knows_more
    }
}

/// A named client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Client {
    tells: Place,
    answers: Place,
    /// The channels that it subscribed to last.
    channels: BTreeMap<String, Place>,
    /// The client moves its cursors by acknowledgements.
    acks: bool,
    /// When it was connected last: microseconds since 1970.
    seen: u64,
}

/// A named client as an earlier version saved it: one cursor for all lanes, and no key.
#[derive(Deserialize)]
struct Earlier {
    cursor: u64,
    acks: bool,
    channels: BTreeSet<String>,
    seen: u64,
}

impl From<Earlier> for Client {
    fn from(earlier: Earlier) -> Client {
        let place = Place::at(earlier.cursor);
        let channels = earlier.channels.into_iter().map(|channel| (channel, place)).collect();
        Client { tells: place, answers: place, channels, acks: earlier.acks, seen: earlier.seen }
    }
}

impl Client {
    fn place(&self, lane: LaneName<'_>) -> Option<Place> {
        match lane {
            LaneName::Tells => Some(self.tells),
            LaneName::Answers => Some(self.answers),
            LaneName::Channel(channel) => self.channels.get(channel).copied(),
        }
    }

    fn place_mut(&mut self, lane: LaneName<'_>) -> Option<&mut Place> {
        match lane {
            LaneName::Tells => Some(&mut self.tells),
            LaneName::Answers => Some(&mut self.answers),
            LaneName::Channel(channel) => self.channels.get_mut(channel),
        }
    }

    /// Takes what another node has saved of the client. If `stays`, a session here uses the client, and the channels that
    /// it subscribes to here stay. Returns whether more was known here.
    fn merge(&mut self, other: Client, stays: bool) -> bool {
        let mut knows_more = self.tells.advance(other.tells);
        knows_more |= self.answers.advance(other.answers);
        if !stays {
            self.channels.retain(|channel, _| other.channels.contains_key(channel));
        }
        knows_more |= self.channels.len() > other.channels.len();
        for (channel, place) in other.channels {
            knows_more |= self.channels.entry(channel).or_insert(place).advance(place);
        }
        knows_more |= self.acks && !other.acks;
        self.acks |= other.acks;
        self.seen = self.seen.max(other.seen);
        knows_more
    }

    fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        [&mut self.tells, &mut self.answers].into_iter().chain(self.channels.values_mut())
    }
}

/// What another node has saved of a client cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// The named clients of one mud.
#[derive(Debug)]
pub(crate) struct Cursors {
    space: SmolStr,
    /// By their full names: see [`full_name`].
    by_name: BTreeMap<String, Client>,
    /// Clients that an earlier version saved. The first key that uses such a name takes it over.
    unclaimed: BTreeMap<String, Client>,
}

/// Returns the full name of a client, which is also its key in the store. `key` tells the API keys apart.
pub(crate) fn full_name(key: &str, name: &str) -> String {
    format!("{key}/{name}")
}

/// Returns when a saved client was connected last; `None` if it cannot be read.
pub(super) fn seen_at(value: &[u8]) -> Option<Steady> {
    #[derive(Deserialize)]
    struct Seen {
        seen: u64,
    }
    let client: Seen = saved::read(value)?;
    Some(Steady::from_micros(client.seen))
}

/// Returns the full name without the client's own part.
fn key_of(full_name: &str) -> &str {
    full_name.split_once('/').map_or("", |(key, _)| key)
}

impl Cursors {
    pub(crate) fn new(mud_name: &str) -> Cursors {
        let space = Space::Clients.of(mud_name);
        Cursors { space, by_name: BTreeMap::new(), unclaimed: BTreeMap::new() }
    }

    /// The space of the store that holds them.
    pub(crate) fn space(&self) -> &str {
        &self.space
    }

    /// Restores a saved client. Returns whether it can be read.
    pub(crate) fn restore(&mut self, name: &str, value: &[u8]) -> bool {
        if let Some(client) = saved::read(value) {
            let known = if name.contains('/') { &mut self.by_name } else { &mut self.unclaimed };
            known.insert(name.to_owned(), client);
            return true;
        }
        let earlier: Option<Earlier> = saved::read(value);
        earlier.is_some_and(|earlier| {
            self.unclaimed.insert(name.to_owned(), earlier.into());
            true
        })
    }

    /// Applies what another node has saved of a client. `is_here`: a session of this node uses the client. If the node did
    /// not know yet what is known here, returns that, to be saved over it. The error: it cannot be read.
    pub(crate) fn apply(
        &mut self,
        name: &str,
        value: Option<&[u8]>,
        is_here: bool,
    ) -> Result<Option<Change>, Unreadable> {
        let Some(value) = value else {
            if !is_here {
                self.by_name.remove(name);
                self.unclaimed.remove(name);
            }
            return Ok(None);
        };
        let (Some(known), Some(other)) = (self.by_name.get_mut(name), saved::read(value)) else {
            return if self.restore(name, value) { Ok(None) } else { Err(Unreadable) };
        };
        let knows_more = known.merge(other, is_here);
        Ok(knows_more.then(|| self.put(name)))
    }

    /// Forgets all clients but those that sessions of this node use.
    pub(crate) fn cleared(&mut self, is_here: impl Fn(&str) -> bool) {
        self.by_name.retain(|name, _| is_here(name));
        self.unclaimed.clear();
    }

    fn put(&self, name: &str) -> Change {
        let value = self.by_name.get(name).and_then(saved::write);
        Change { space: self.space.clone(), key: name.into(), value }
    }

    /// Returns all entries that the store must have.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Change> {
        let all = self.by_name.iter().chain(&self.unclaimed);
        all.map(|(name, client)| Change {
            space: self.space.clone(),
            key: name.into(),
            value: saved::write(client),
        })
    }

    /// Returns the event after which a lane is replayed to a client; `None` if it has no cursor there.
    pub(crate) fn cursor(&self, name: &str, lane: LaneName<'_>) -> Option<u64> {
        let client = self.by_name.get(name)?;
        client.place(lane).map(|place| if client.acks { place.acked } else { place.written })
    }

    /// Adds the client of a session. `present` are the names in use. A new client starts in each lane where `starts`
    /// says. Returns `None` if all remembered names of its key are in use and there is no room for another.
    pub(crate) fn enter(
        &mut self,
        name: &str,
        present: &BTreeSet<String>,
        starts: impl Fn(LaneName<'_>) -> u64,
        now: Steady,
    ) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        let own_part = name.split_once('/').map_or(name, |(_, own)| own);
        if !self.by_name.contains_key(name) {
            let of_key: Vec<&String> =
                self.by_name.keys().filter(|other| key_of(other) == key_of(name)).collect();
            if of_key.len() >= CLIENTS_MAX {
                let away = of_key.into_iter().filter(|other| !present.contains(*other));
                let forgotten = away.min_by_key(|other| self.by_name[*other].seen)?.clone();
                self.by_name.remove(&forgotten);
                changes.push(self.put(&forgotten));
            }
            let client = match self.unclaimed.remove(own_part) {
                Some(client) => {
                    changes.push(Change { space: self.space.clone(), key: own_part.into(), value: None });
                    client
                }
                None => Client {
                    tells: Place::at(starts(LaneName::Tells)),
                    answers: Place::at(starts(LaneName::Answers)),
                    ..Client::default()
                },
            };
            self.by_name.insert(name.to_owned(), client);
        }
        if let Some(client) =
            self.by_name.get_mut(name).filter(|client| !client.acks && !present.contains(name))
        {
            client.places_mut().for_each(|place| place.acked = place.written);
        }
        changes.extend(self.seen(name, now));
        Some(changes)
    }

    /// Notes that a client is connected, or was until now.
    pub(crate) fn seen(&mut self, name: &str, now: Steady) -> Option<Change> {
        self.by_name.get_mut(name)?.seen = now.micros();
        Some(self.put(name))
    }

    /// Notes that the connections of a client have taken all events of these lanes up to an id.
    pub(crate) fn written(
        &mut self,
        name: &str,
        through: &BTreeMap<LaneKey, u64>,
        now: Steady,
    ) -> Option<Change> {
        let client = self.by_name.get_mut(name)?;
        let mut changed = false;
        for (lane, through) in through {
            if let Some(place) = client.place_mut(lane.name()).filter(|place| place.written < *through) {
                place.written = *through;
                changed = true;
            }
        }
        client.seen = now.micros();
        (changed && !client.acks).then(|| self.put(name))
    }

    /// Notes that a client has acknowledged all events of these lanes up to an id.
    pub(crate) fn acknowledged(&mut self, name: &str, through: &[(LaneKey, u64)]) -> Option<Change> {
        let client = self.by_name.get_mut(name)?;
        for (lane, through) in through {
            if let Some(place) = client.place_mut(lane.name()) {
                place.acked = place.acked.max(*through);
            }
        }
        client.acks = true;
        Some(self.put(name))
    }

    /// Notes that a client has subscribed to a channel. A channel that is new to it starts at `start`.
    pub(crate) fn joined(&mut self, name: &str, channel: &str, start: u64) -> Option<Change> {
        let channels = &mut self.by_name.get_mut(name)?.channels;
        if channels.contains_key(channel) || channels.len() >= CHANNELS_MAX {
            return None;
        }
        channels.insert(channel.to_owned(), Place::at(start));
        Some(self.put(name))
    }

    /// Notes that a client has left a channel.
    pub(crate) fn left(&mut self, name: &str, channel: &str) -> Option<Change> {
        self.by_name.get_mut(name)?.channels.remove(channel)?;
        Some(self.put(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: BTreeSet<String> = BTreeSet::new();

    fn at(n: usize) -> Steady {
        Steady::from_micros(n as u64)
    }

    fn tells(clients: &Cursors, name: &str) -> Option<u64> {
        clients.cursor(name, LaneName::Tells)
    }

    #[test]
    fn the_client_absent_longest_is_forgotten_but_none_that_is_connected_and_none_of_another_key() {
        let mut clients = Cursors::new("Alpha");
        clients.enter("other/game", &NOBODY, |_| 3, at(0));
        let names: Vec<String> = (0..CLIENTS_MAX).map(|n| format!("k/c{n}")).collect();
        for (n, name) in names.iter().enumerate() {
            assert!(clients.enter(name, &NOBODY, |_| 7, at(n + 1)).is_some());
        }
        let present = BTreeSet::from(["k/c0".to_owned()]);
        let changes = clients.enter("k/new", &present, |_| 9, at(1000)).unwrap();
        assert_eq!(
            ["k/c0", "k/c1", "k/new", "other/game"].map(|name| tells(&clients, name)),
            [Some(7), None, Some(9), Some(3)]
        );
        assert_eq!((changes[0].key.as_str(), &changes[0].value), ("k/c1", &None));
        let everybody = names.iter().cloned().chain(["k/new".to_owned()]).collect();
        assert!(clients.enter("k/one more", &everybody, |_| 9, at(1001)).is_none());
        assert!(clients.enter("other/more", &everybody, |_| 9, at(1001)).is_some());
    }

    #[test]
    fn the_first_acknowledgement_takes_back_what_was_only_written() {
        let mut clients = Cursors::new("Alpha");
        let through = |id| BTreeMap::from([(LaneKey::Tells, id)]);
        clients.enter("k/game", &NOBODY, |_| 10, at(1));
        assert!(clients.written("k/game", &through(30), at(1)).is_some());
        assert_eq!(tells(&clients, "k/game"), Some(30));
        assert!(clients.acknowledged("k/game", &[(LaneKey::Tells, 15)]).is_some());
        assert_eq!(tells(&clients, "k/game"), Some(15), "16 to 30 were written, and not handled");
        assert!(clients.written("k/game", &through(40), at(1)).is_none());
        let saved = clients.acknowledged("k/game", &[(LaneKey::Tells, 12)]).unwrap();
        assert_eq!(tells(&clients, "k/game"), Some(15), "it does not go back");
        let mut again = Cursors::new("Alpha");
        assert!(again.restore(&saved.key, &saved.value.unwrap()));
        assert_eq!(tells(&again, "k/game"), Some(15));
        assert!(!again.restore("x", b"no JSON"));
    }

    #[test]
    fn what_another_node_has_saved_only_moves_a_client_on() {
        let mut here = Cursors::new("Alpha");
        let mut there = Cursors::new("Alpha");
        let tells_to = |id| BTreeMap::from([(LaneKey::Tells, id)]);
        let apply = |to: &mut Cursors, change: &Change, is_here| {
            to.apply(&change.key, change.value.as_deref(), is_here).unwrap()
        };
        for change in there.enter("k/game", &NOBODY, |_| 10, at(1)).unwrap() {
            assert_eq!(apply(&mut here, &change, false), None);
        }
        let joined = there.joined("k/game", "chat", 12).unwrap();
        assert_eq!(apply(&mut here, &joined, false), None);
        assert_eq!(here.cursor("k/game", LaneName::Channel("chat")), Some(12));
        let late = there.written("k/game", &tells_to(20), at(2)).unwrap();
        here.written("k/game", &tells_to(30), at(3));
        let more = apply(&mut here, &late, true).unwrap();
        assert_eq!(tells(&here, "k/game"), Some(30), "the connection here has taken more");
        assert_eq!(apply(&mut there, &more, false), None, "the store has it now");
        assert_eq!(tells(&there, "k/game"), Some(30));
        let left = there.left("k/game", "chat").unwrap();
        apply(&mut here, &left, true);
        assert_eq!(
            here.cursor("k/game", LaneName::Channel("chat")),
            Some(12),
            "a session here still hears it"
        );
        apply(&mut here, &left, false);
        assert_eq!(here.cursor("k/game", LaneName::Channel("chat")), None);
        let acked = there.acknowledged("k/game", &[(LaneKey::Tells, 25)]).unwrap();
        apply(&mut here, &acked, false);
        assert_eq!(tells(&here, "k/game"), Some(25), "from now on acknowledgements count");
        let gone = Change { value: None, ..acked };
        apply(&mut here, &gone, true);
        assert_eq!(tells(&here, "k/game"), Some(25));
        apply(&mut here, &gone, false);
        assert_eq!(tells(&here, "k/game"), None);
        assert_eq!(here.apply("k/game", Some(b"no JSON"), false), Err(Unreadable));
    }

    #[test]
    fn a_client_of_an_earlier_version_goes_to_the_first_key_that_uses_its_name() {
        let mut clients = Cursors::new("Alpha");
        let earlier = br#"{"cursor":20,"acks":true,"channels":["chat"],"seen":5}"#;
        assert!(clients.restore("game", earlier));
        let changes = clients.enter("k/game", &NOBODY, |_| 99, at(9)).unwrap();
        assert_eq!((changes[0].key.as_str(), &changes[0].value), ("game", &None));
        assert_eq!((changes[1].key.as_str(), changes[1].value.is_some()), ("k/game", true));
        let chat = clients.cursor("k/game", LaneName::Channel("chat"));
        assert_eq!((tells(&clients, "k/game"), chat), (Some(20), Some(20)));
        clients.enter("other/game", &NOBODY, |_| 99, at(9)).unwrap();
        assert_eq!(tells(&clients, "other/game"), Some(99));
    }
}
