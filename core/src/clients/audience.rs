//! Who subscribes to which channel of each mud.

use crate::ids::MudId;
use crate::machine::ConnId;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// The subscribers of one mud.
#[derive(Debug, Default)]
struct OfMud {
    /// The sessions of each channel.
    subscribers: BTreeMap<String, BTreeSet<ConnId>>,
    /// Channels that the mud goes on hearing although no session subscribes to them, and until when.
    lingering: BTreeMap<String, Instant>,
}

/// The subscribers of all muds.
#[derive(Debug)]
pub(crate) struct Audience(Vec<OfMud>);

impl Audience {
    /// Nobody, of so many muds.
    pub(crate) fn new(muds: usize) -> Audience {
        Audience((0..muds).map(|_| OfMud::default()).collect())
    }

    /// The sessions that subscribe to a channel.
    pub(crate) fn of(&self, mud: MudId, channel: &str) -> impl Iterator<Item = ConnId> {
        self.0[mud.place()].subscribers.get(channel).into_iter().flatten().copied()
    }

    /// How many sessions subscribe to a channel.
    pub(crate) fn count(&self, mud: MudId, channel: &str) -> usize {
        self.0[mud.place()].subscribers.get(channel).map_or(0, BTreeSet::len)
    }

    /// Whether any session subscribes to a channel.
    pub(crate) fn has(&self, mud: MudId, channel: &str) -> bool {
        self.0[mud.place()].subscribers.contains_key(channel)
    }

    /// A session subscribes. Returns whether the mud must begin to hear the channel: it is the first, and the mud does not
    /// hear it for a session that has gone.
    pub(crate) fn add(&mut self, mud: MudId, channel: &str, conn: ConnId) -> bool {
        let one = &mut self.0[mud.place()];
        let sessions = one.subscribers.entry(channel.to_owned()).or_default();
        sessions.insert(conn);
        let is_first = sessions.len() == 1;
        let lingered = one.lingering.remove(channel).is_some();
        is_first && !lingered
    }

    /// A session subscribes no longer. Returns whether it was the last.
    pub(crate) fn remove(&mut self, mud: MudId, channel: &str, conn: ConnId) -> bool {
        let subscribers = &mut self.0[mud.place()].subscribers;
        let Some(sessions) = subscribers.get_mut(channel) else { return false };
        sessions.remove(&conn);
        if !sessions.is_empty() {
            return false;
        }
        subscribers.remove(channel);
        true
    }

    /// The mud goes on hearing a channel until then.
    pub(crate) fn linger(&mut self, mud: MudId, channel: &str, until: Instant) {
        self.0[mud.place()].lingering.insert(channel.to_owned(), until);
    }

    /// Whether the mud goes on hearing a channel that no session subscribes to.
    pub(crate) fn lingers(&self, mud: MudId, channel: &str) -> bool {
        self.0[mud.place()].lingering.contains_key(channel)
    }

    /// The channels that the mud has to hear: those with subscribers, and those that it goes on hearing.
    pub(crate) fn channels(&self, mud: MudId) -> impl Iterator<Item = &String> {
        let one = &self.0[mud.place()];
        one.subscribers.keys().chain(one.lingering.keys())
    }

    /// Takes out the channels that the mud need not hear any more.
    pub(crate) fn expire(&mut self, mud: MudId, now: Instant) -> Vec<String> {
        let lingering = &mut self.0[mud.place()].lingering;
        lingering.extract_if(.., |_, until| *until <= now).map(|(channel, _)| channel).collect()
    }

    /// When [`Audience::expire`] has something to give next.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.0.iter().flat_map(|one| one.lingering.values().copied()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::Effects;
    use std::time::Duration;

    #[test]
    fn a_channel_is_begun_once_and_lingers_for_who_comes_back() {
        let mut fx = Effects::default();
        let [one, two] = [fx.open(), fx.open()];
        let mut audience = Audience::new(2);
        let mud = MudId::OWN;
        assert!(audience.add(mud, "chat", one) && !audience.add(mud, "chat", two));
        assert_eq!((audience.of(mud, "chat").count(), audience.of(MudId::at(1), "chat").count()), (2, 0));
        assert!(!audience.remove(mud, "chat", one) && audience.remove(mud, "chat", two));
        let until = Instant::ORIGIN + Duration::from_secs(60);
        audience.linger(mud, "chat", until);
        assert!(audience.lingers(mud, "chat") && !audience.has(mud, "chat"));
        assert_eq!(audience.channels(mud).collect::<Vec<_>>(), ["chat"]);
        assert_eq!(audience.next_expiry(), Some(until));
        assert!(!audience.add(mud, "chat", one), "the mud still hears it");
        assert!(audience.remove(mud, "chat", one));
        audience.linger(mud, "chat", until);
        assert_eq!(audience.expire(mud, until), ["chat"]);
        assert!(audience.add(mud, "chat", one), "it was left");
    }
}
