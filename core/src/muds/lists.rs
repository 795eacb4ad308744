//! The lists of one mud's network, and how they are saved.

use crate::i3::packet::{ChannelEntry, Mapping, MudEntry};
use crate::machine::{Change, Clear, SmolStr};
use crate::network::chanlist::{Channel, ChannelChange};
use crate::network::mudlist::{MudChange, Versions};
use crate::network::{Chanlist, Mudlist};
use crate::saved;
use crate::spaces::Space;
use crate::time::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long after the first login at a router its lists keep arriving. Dead Souls first sends all muds at once, and
/// then again one mud in each packet, ten a second.
const FIRST_LISTS_WITHIN: Duration = Duration::from_secs(30);

/// Number of refused channels of one mud that are remembered.
const REFUSED_CHANNELS_MAX: usize = 1000;

/// How long after a further login a router keeps sending what has changed in the meantime.
const CHANGES_WITHIN: Duration = Duration::from_secs(5);

/// The muds and channels of a network.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    muds: Mudlist,
    channels: Chanlist,
    /// The router that sent them.
    from: Option<String>,
    /// The muds are saved with these lists. Of several lists of one router, only one is saved.
    saves_muds: bool,
    /// Until then additions are not announced: the first lists are still arriving.
    quiet_until: Instant,
    /// The channels that the router has refused to this mud.
    refused: BTreeSet<String>,
    /// Until then muds may be missing from the list, since the login is too recent.
    unsettled_until: Instant,
}

impl Lists {
    /// Returns the mudlist.
    pub(crate) fn muds(&self) -> &Mudlist {
        &self.muds
    }

    /// Returns the channel list.
    pub(crate) fn channels(&self) -> &Chanlist {
        &self.channels
    }

    /// Restores a saved mud. Returns whether it can be read.
    pub(crate) fn restore_mud(&mut self, name: &str, value: &[u8], versions: &mut Versions) -> bool {
        self.saves_muds = true;
        saved::read(value).is_some_and(|mud| {
            self.muds.restore(name, mud, versions);
            true
        })
    }

    /// Restores a saved channel. Returns whether it can be read.
    pub(crate) fn restore_channel(&mut self, name: &str, value: &[u8]) -> bool {
        saved::read(value).is_some_and(|channel| {
            self.channels.restore(name.to_owned(), channel);
            true
        })
    }

    /// Restores the saved name of the router that sent the lists. Returns whether it can be read.
    pub(crate) fn restore_from(&mut self, value: &[u8]) -> bool {
        self.from = std::str::from_utf8(value).ok().map(str::to_owned);
        self.from.is_some()
    }

    /// Completes what was restored: the muds were saved with the lists of another mud at the same router.
    pub(crate) fn restore_from_other(&mut self, other: &Lists) {
        if self.muds.is_empty() && self.from.is_some() && self.from == other.from {
            self.muds = other.muds.clone();
        }
    }

    /// The router that sent them.
    pub(crate) fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// From now on the muds are saved with these lists, or are not. Returns whether that is new.
    pub(crate) fn save_muds(&mut self, are_saved: bool) -> bool {
        std::mem::replace(&mut self.saves_muds, are_saved) != are_saved
    }

    /// Handles a login. Lists of another router are not valid here. Returns the changes to save.
    pub(crate) fn logged_in(&mut self, now: Instant, mud_name: &str, router: &str) -> Vec<Change> {
        self.channels.logged_in();
        let is_same = self.from.as_deref() == Some(router);
        if !is_same || self.muds.is_empty() {
            self.quiet_until = now + FIRST_LISTS_WITHIN;
        }
        self.unsettled_until = self.quiet_until.max(now + CHANGES_WITHIN);
        if is_same {
            return Vec::new();
        }
        self.refused.clear();
        self.from = Some(router.to_owned());
        let delete = |space: Space, key: SmolStr| Change { space: space.of(mud_name), key, value: None };
        let muds = self.muds.clear().into_iter().filter(|_| self.saves_muds);
        let muds = muds.map(|name| delete(Space::Muds, name));
        let channels = self.channels.clear().into_iter().map(|name| delete(Space::Channels, name.into()));
        muds.chain(channels).chain(self.router_change(mud_name)).collect()
    }

    fn router_change(&self, mud_name: &str) -> Option<Change> {
        let value = Some(self.from.as_ref()?.as_bytes().into());
        Some(Change { space: Space::ListsFrom.of(mud_name), key: SmolStr::default(), value })
    }

    fn mud_change(&self, mud_name: &str, name: &str) -> Change {
        let value = self.muds.get(name).and_then(saved::write);
        Change { space: Space::Muds.of(mud_name), key: name.into(), value }
    }

    fn channel_change(&self, mud_name: &str, name: &str) -> Change {
        let value = self.channels.get(name).and_then(saved::write);
        Change { space: Space::Channels.of(mud_name), key: name.into(), value }
    }

    /// Returns all entries that the store must have, in the spaces that `clear` covers.
    pub(crate) fn entries(&self, mud_name: &str, clear: &Clear) -> Vec<Change> {
        let wants = |space: Space| clear.covers(&space.of(mud_name));
        let mut entries = Vec::new();
        if wants(Space::ListsFrom) {
            entries.extend(self.router_change(mud_name));
        }
        if self.saves_muds && wants(Space::Muds) {
            entries.extend(self.muds.iter().map(|(name, _)| self.mud_change(mud_name, name)));
        }
        if wants(Space::Channels) {
            entries.extend(self.channels.iter().map(|(name, _)| self.channel_change(mud_name, name)));
        }
        entries
    }

    /// Notes that the router refuses a channel to this mud.
    pub(crate) fn refuse_channel(&mut self, channel: &str) {
        if self.refused.len() < REFUSED_CHANNELS_MAX {
            self.refused.insert(channel.to_owned());
        }
    }

    /// Whether the router has refused a channel to this mud.
    pub(crate) fn refuses_channel(&self, channel: &str) -> bool {
        self.refused.contains(channel)
    }

    /// Forgets that the router has refused a channel. Returns whether it had.
    pub(crate) fn try_channel_again(&mut self, channel: &str) -> bool {
        self.refused.remove(channel)
    }

    /// Adds a channel of this mud to the list, or removes it, at a router that does not list it by itself. Returns the
    /// change to save, if there is one.
    pub(crate) fn note_channel(
        &mut self,
        mud_name: &str,
        name: &str,
        channel: Option<Channel>,
    ) -> Option<Change> {
        self.channels.note(name, channel).then(|| self.channel_change(mud_name, name))
    }

    /// Whether every mud of the network is on the list, so that a name that is not on it is wrong.
    pub(crate) fn are_muds_settled(&self, now: Instant) -> bool {
        now >= self.unsettled_until && !self.muds.is_empty()
    }

    /// Whether a mud that was unknown before is announced.
    pub(crate) fn is_news(&self, now: Instant) -> bool {
        now >= self.quiet_until
    }

    /// Whether a channel that was unknown before is announced: not while the first lists are still arriving.
    pub(crate) fn is_channel_news(&self, now: Instant) -> bool {
        self.is_news(now) || self.channels.is_settled(now)
    }

    /// Merges a mudlist. Returns what changed, and the changes to save.
    pub(crate) fn apply_muds(
        &mut self,
        mud_name: &str,
        (id, muds): (i64, &Mapping<'_, Option<MudEntry<'_>>>),
        versions: &mut Versions,
    ) -> (Vec<MudChange>, Vec<Change>) {
        let changed = self.muds.apply(id, muds, versions);
        let saved = changed.iter().filter(|_| self.saves_muds);
        let saves = saved.map(|change| self.mud_change(mud_name, &change.name)).collect();
        (changed, saves)
    }

    /// Merges a chanlist-reply. Returns what changed, and the changes to save.
    pub(crate) fn apply_channels(
        &mut self,
        now: Instant,
        mud_name: &str,
        id: i64,
        channels: &Mapping<'_, Option<ChannelEntry<'_>>>,
    ) -> (Vec<ChannelChange>, Vec<Change>) {
        let changed = self.channels.apply(now, id, channels);
        let saves = changed.iter().map(|(name, _)| self.channel_change(mud_name, name)).collect();
        (changed, saves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::{Body, Packet};

    #[test]
    fn lists_of_another_router_are_forgotten_in_the_store_too() {
        let mut lists = Lists::default();
        let mut versions = Versions::default();
        let now = Instant::ORIGIN;
        assert_eq!(lists.logged_in(now, "Alpha", "*a").len(), 1);
        assert!(!lists.is_news(now) && lists.is_news(now + FIRST_LISTS_WITHIN));
        let text = br#"({"mudlist",5,"*a",0,"Alpha",0,7,(["Sage":({-1,"1.2.3.4",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}),]),})"#;
        let Body::Mudlist { id, muds } = Packet::decode(text).unwrap().0.body else { panic!("a mudlist") };
        assert!(lists.save_muds(true) && !lists.save_muds(true));
        let (changed, saves) = lists.apply_muds("Alpha", (id, &muds), &mut versions);
        assert_eq!(
            (changed.len(), saves[0].space.as_str(), saves[0].key.as_str()),
            (1, "mudlist/Alpha", "Sage")
        );
        let mut again = Lists::default();
        assert!(
            again.restore_mud("Sage", saves[0].value.as_deref().unwrap(), &mut versions)
                && again.restore_from(b"*a")
        );
        assert_eq!(again.muds().get("Sage"), lists.muds().get("Sage"));
        assert_eq!(again.logged_in(now, "Alpha", "*a"), []);
        let deleted = again.logged_in(now, "Alpha", "*b");
        assert_eq!((deleted.len(), deleted[0].key.as_str(), &deleted[0].value), (2, "Sage", &None));
        assert!(again.muds().is_empty() && !again.restore_mud("x", b"no mud", &mut versions));
    }
}
