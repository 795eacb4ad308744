//! The subscribers of each mud's channels.

use crate::ids::MudId;
use crate::machine::ConnId;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// The subscribers of one mud.
#[derive(Debug, Default)]
struct OfMud {
    /// The subscribed sessions, by channel.
    subscribers: BTreeMap<String, BTreeSet<ConnId>>,
    /// Channels without subscribers that the mud still listens to, and until when.
    lingering: BTreeMap<String, Instant>,
    /// Number of subscribed sessions at other nodes, by channel. None is 0.
    elsewhere: BTreeMap<String, usize>,
}

/// The subscribers of all muds.
#[derive(Debug)]
pub(crate) struct Audience(Vec<OfMud>);

impl Audience {
    /// Creates an empty set for this number of muds.
    pub(crate) fn new(muds: usize) -> Audience {
        Audience((0..muds).map(|_| OfMud::default()).collect())
    }

    /// Returns the sessions here that subscribe to a channel.
    pub(crate) fn of(&self, mud: MudId, channel: &str) -> impl Iterator<Item = ConnId> {
        self.0[mud.place()].subscribers.get(channel).into_iter().flatten().copied()
    }

    /// Returns the number of sessions that subscribe to a channel, on all nodes.
    pub(crate) fn count(&self, mud: MudId, channel: &str) -> usize {
        let one = &self.0[mud.place()];
        let here = one.subscribers.get(channel).map_or(0, BTreeSet::len);
        here + one.elsewhere.get(channel).copied().unwrap_or(0)
    }

    /// Whether any session subscribes to a channel, on any node.
    pub(crate) fn has(&self, mud: MudId, channel: &str) -> bool {
        let one = &self.0[mud.place()];
        one.subscribers.contains_key(channel) || one.elsewhere.contains_key(channel)
    }

    /// Adds a subscriber. Returns whether the mud must start to listen to the channel: there was no subscriber before,
    /// and the mud does not still listen for an earlier one.
    pub(crate) fn add(&mut self, mud: MudId, channel: &str, conn: ConnId) -> bool {
        let one = &mut self.0[mud.place()];
        let sessions = one.subscribers.entry(channel.to_owned()).or_default();
        sessions.insert(conn);
        let is_first = sessions.len() == 1 && !one.elsewhere.contains_key(channel);
        let lingered = one.lingering.remove(channel).is_some();
        is_first && !lingered
    }

    /// Adds a subscriber at another node. Returns what [`Audience::add`] returns.
    pub(crate) fn add_elsewhere(&mut self, mud: MudId, channel: &str) -> bool {
        let is_first = !self.has(mud, channel);
        let one = &mut self.0[mud.place()];
        *one.elsewhere.entry(channel.to_owned()).or_default() += 1;
        let lingered = one.lingering.remove(channel).is_some();
        is_first && !lingered
    }

    /// Removes a subscriber. Returns whether it was the last, on all nodes.
    pub(crate) fn remove(&mut self, mud: MudId, channel: &str, conn: ConnId) -> bool {
        let one = &mut self.0[mud.place()];
        let Some(sessions) = one.subscribers.get_mut(channel) else { return false };
        sessions.remove(&conn);
        if !sessions.is_empty() {
            return false;
        }
        one.subscribers.remove(channel);
        !one.elsewhere.contains_key(channel)
    }

    /// Removes a subscriber at another node. Returns what [`Audience::remove`] returns.
    pub(crate) fn remove_elsewhere(&mut self, mud: MudId, channel: &str) -> bool {
        let one = &mut self.0[mud.place()];
        let Some(sessions) = one.elsewhere.get_mut(channel) else { return false };
        *sessions -= 1;
        if *sessions > 0 {
            return false;
        }
        one.elsewhere.remove(channel);
        !one.subscribers.contains_key(channel)
    }

    /// Keeps the mud listening to a channel until then.
    pub(crate) fn linger(&mut self, mud: MudId, channel: &str, until: Instant) {
        self.0[mud.place()].lingering.insert(channel.to_owned(), until);
    }

    /// Whether the mud still listens to a channel without subscribers.
    pub(crate) fn lingers(&self, mud: MudId, channel: &str) -> bool {
        self.0[mud.place()].lingering.contains_key(channel)
    }

    /// Returns the channels that the mud must listen to: those with subscribers on any node, and those it still listens to.
    /// One may come more than once.
    pub(crate) fn channels(&self, mud: MudId) -> impl Iterator<Item = &String> {
        let one = &self.0[mud.place()];
        one.subscribers.keys().chain(one.lingering.keys()).chain(one.elsewhere.keys())
    }

    /// Removes and returns the channels that the mud need not listen to any longer.
    pub(crate) fn expire(&mut self, mud: MudId, now: Instant) -> Vec<String> {
        let lingering = &mut self.0[mud.place()].lingering;
        lingering.extract_if(.., |_, until| *until <= now).map(|(channel, _)| channel).collect()
    }

    /// Returns when [`Audience::expire`] is needed next.
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
    fn a_channel_is_begun_once_and_lingers_for_a_returning_session() {
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

    #[test]
    fn subscribers_at_other_nodes_count_as_those_here_do() {
        let mut fx = Effects::default();
        let (one, mud) = (fx.open(), MudId::OWN);
        let mut audience = Audience::new(1);
        assert!(audience.add_elsewhere(mud, "chat") && !audience.add_elsewhere(mud, "chat"));
        assert!(!audience.add(mud, "chat", one));
        assert_eq!((audience.count(mud, "chat"), audience.of(mud, "chat").count()), (3, 1));
        assert!(!audience.remove(mud, "chat", one) && audience.has(mud, "chat"));
        assert_eq!(audience.channels(mud).collect::<Vec<_>>(), ["chat"]);
        assert!(!audience.remove_elsewhere(mud, "chat") && audience.remove_elsewhere(mud, "chat"));
        assert!(!audience.has(mud, "chat") && !audience.remove_elsewhere(mud, "chat"));
        audience.linger(mud, "chat", Instant::ORIGIN);
        assert!(!audience.add_elsewhere(mud, "chat") && !audience.lingers(mud, "chat"));
        assert!(!audience.add(mud, "chat", one) && !audience.remove_elsewhere(mud, "chat"));
        assert!(audience.remove(mud, "chat", one));
    }
}
