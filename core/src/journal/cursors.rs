//! Named clients. Each has a cursor of its own in the events of its mud, which outlives its sessions.

use crate::machine::Change;
use crate::saved;
use crate::spaces::Space;
use crate::time::UnixTime;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Number of client names that are remembered for one mud. Beyond it, the one that was absent longest is forgotten.
pub const CLIENTS_MAX: usize = 100;

/// Number of channels that are remembered for one client: as many as a session may subscribe to.
const CHANNELS_MAX: usize = 500;

/// A named client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Client {
    /// The client has received all events up to this one.
    cursor: u64,
    /// The client moves its cursor by acknowledgements.
    acks: bool,
    /// The channels that it subscribed to last.
    channels: BTreeSet<String>,
    /// When it was connected last: microseconds since 1970.
    seen: u64,
}

/// The named clients of one mud.
#[derive(Debug)]
pub(crate) struct Cursors {
    space: String,
    by_name: BTreeMap<String, Client>,
}

impl Cursors {
    pub(crate) fn new(mud_name: &str) -> Cursors {
        Cursors { space: Space::Clients.of(mud_name), by_name: BTreeMap::new() }
    }

    /// The space of the store that holds them.
    pub(crate) fn space(&self) -> &str {
        &self.space
    }

    /// Restores a saved client. Returns whether it can be read.
    pub(crate) fn restore(&mut self, name: &str, value: &[u8]) -> bool {
        let client = saved::read(value);
        client.is_some_and(|client| {
            self.by_name.insert(name.to_owned(), client);
            true
        })
    }

    fn put(&self, name: &str) -> Change {
        let value = self.by_name.get(name).and_then(saved::write);
        Change { space: self.space.clone(), key: name.to_owned(), value }
    }

    /// Returns the cursor of a client; `None` for an unknown name.
    pub(crate) fn cursor(&self, name: &str) -> Option<u64> {
        self.by_name.get(name).map(|client| client.cursor)
    }

    /// Whether the client subscribed to a channel in its last session.
    pub(crate) fn heard(&self, name: &str, channel: &str) -> bool {
        self.by_name.get(name).is_some_and(|client| client.channels.contains(channel))
    }

    /// Adds the client of a session. `present` are the names in use. Returns `None` if all remembered names are in use
    /// and there is no room for another.
    pub(crate) fn enter(
        &mut self,
        name: &str,
        present: &BTreeSet<String>,
        last: u64,
        now: UnixTime,
    ) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        if !self.by_name.contains_key(name) {
            if self.by_name.len() >= CLIENTS_MAX {
                let away = self.by_name.iter().filter(|(name, _)| !present.contains(*name));
                let forgotten = away.min_by_key(|(_, client)| client.seen)?.0.clone();
                self.by_name.remove(&forgotten);
                changes.push(self.put(&forgotten));
            }
            self.by_name.insert(name.to_owned(), Client { cursor: last, ..Client::default() });
        }
        changes.extend(self.seen(name, now));
        Some(changes)
    }

    /// Notes that a client is connected, or was until now.
    pub(crate) fn seen(&mut self, name: &str, now: UnixTime) -> Option<Change> {
        self.by_name.get_mut(name)?.seen = now.micros();
        Some(self.put(name))
    }

    /// Notes that all events up to `through` have been written to a client's connections.
    pub(crate) fn written(&mut self, name: &str, through: u64, now: UnixTime) -> Option<Change> {
        let client = self.by_name.get_mut(name).filter(|client| !client.acks && client.cursor < through)?;
        client.cursor = through;
        client.seen = now.micros();
        Some(self.put(name))
    }

    /// Notes that a client has acknowledged all events up to `through`.
    pub(crate) fn acknowledged(&mut self, name: &str, through: u64) -> Option<Change> {
        let client = self.by_name.get_mut(name)?;
        client.cursor = client.cursor.max(through);
        client.acks = true;
        Some(self.put(name))
    }

    /// Notes that a client has subscribed to a channel or left it.
    pub(crate) fn hears(&mut self, name: &str, channel: &str, hears: bool) -> Option<Change> {
        let channels = &mut self.by_name.get_mut(name)?.channels;
        let changed = match hears {
            true => channels.len() < CHANNELS_MAX && channels.insert(channel.to_owned()),
            false => channels.remove(channel),
        };
        changed.then(|| self.put(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_absent_longest_is_forgotten_but_none_that_is_connected() {
        let mut clients = Cursors::new("Alpha");
        let at = |n: usize| UnixTime::from_micros(n as u64);
        let names: Vec<String> = (0..CLIENTS_MAX).map(|n| format!("c{n}")).collect();
        for (n, name) in names.iter().enumerate() {
            assert!(clients.enter(name, &BTreeSet::new(), 7, at(n)).is_some());
        }
        let present = BTreeSet::from(["c0".to_owned()]);
        let changes = clients.enter("new", &present, 9, at(1000)).unwrap();
        assert_eq!(
            (clients.cursor("c0"), clients.cursor("c1"), clients.cursor("new")),
            (Some(7), None, Some(9))
        );
        assert_eq!((changes[0].key.as_str(), &changes[0].value), ("c1", &None));
        let everybody = names.iter().cloned().chain(["new".to_owned()]).collect();
        assert!(clients.enter("one more", &everybody, 9, at(1001)).is_none());
    }

    #[test]
    fn an_acknowledgement_alone_moves_the_cursor_of_its_client() {
        let mut clients = Cursors::new("Alpha");
        let now = UnixTime::from_micros(1);
        clients.enter("game", &BTreeSet::new(), 10, now);
        assert!(clients.written("game", 12, now).is_some());
        assert_eq!(clients.cursor("game"), Some(12));
        assert!(clients.acknowledged("game", 11).is_some());
        assert_eq!(clients.cursor("game"), Some(12), "it does not go back");
        assert!(clients.written("game", 20, now).is_none());
        let saved = clients.acknowledged("game", 15).unwrap();
        let mut again = Cursors::new("Alpha");
        assert!(again.restore(&saved.key, &saved.value.unwrap()));
        assert_eq!(again.cursor("game"), Some(15));
        assert!(!again.restore("x", b"no JSON"));
    }
}
