//! Channels: their owners, their types, the muds on their lists, and their subscribers.
//!
//! The rules are those that Dead Souls intends. Faults of Dead Souls that were seen are not imitated: it loses the type of
//! a new channel, tells the admitted muds of a type 1 channel that they are banned and delivers what the others say, and
//! ignores the first subscription to a channel without subscribers.

use i3_core::i3::Value;
use i3_core::machine::Change;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The space of the store for channels.
pub(crate) const SPACE: &str = "router/channel";
/// The longest name that Dead Souls accepts.
const CHANNEL_NAME_BYTES_MAX: usize = 80;
/// The most channels. The whole list is sent after each change.
const CHANNELS_MAX: usize = 500;
/// The most muds on the list of a channel.
const ADMIN_LIST_MAX: usize = 1000;
/// The most bytes of a name on such a list.
const ADMIN_NAME_BYTES_MAX: usize = 128;

/// The type of a channel, which decides who may hear it and speak on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelType {
    /// All muds except those on the list.
    Banning,
    /// Only the muds on the list.
    Admitting,
    /// The muds on the list hear the channel, and the owner filters the lines.
    Filtered,
}

impl ChannelType {
    fn from_wire(int: i64) -> Option<ChannelType> {
        match int {
            0 => Some(ChannelType::Banning),
            1 => Some(ChannelType::Admitting),
            2 => Some(ChannelType::Filtered),
            _ => None,
        }
    }

    fn to_wire(self) -> i64 {
        self as i64
    }
}

/// The code and the text of an `error` packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorReply {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ErrorReply {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> ErrorReply {
        ErrorReply { code, message: message.into() }
    }

    fn unknown(channel: &str) -> ErrorReply {
        ErrorReply::new("unk-channel", format!("Unknown channel: {channel}"))
    }
}

/// A channel.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) owner: String,
    pub(crate) channel_type: ChannelType,
    /// The muds that are banned or admitted, depending on the type.
    listed: BTreeSet<String>,
    /// The muds that have subscribed, online or not: a subscription outlives the connection.
    listeners: BTreeSet<String>,
    /// Whether the type is lost, as on Dead Souls. Lists then show `({})` in its place.
    type_lost: bool,
}

/// A channel as it is saved.
#[derive(Serialize, Deserialize)]
struct SavedChannel {
    owner: String,
    #[serde(rename = "type")]
    channel_type: i64,
    listed: BTreeSet<String>,
    listeners: BTreeSet<String>,
}

impl Channel {
    fn new(owner: &str, channel_type: ChannelType) -> Channel {
        let (listed, listeners) = Default::default();
        Channel { owner: owner.to_owned(), channel_type, listed, listeners, type_lost: false }
    }

    fn entry(&self) -> Value<'_> {
        let channel_type =
            if self.type_lost { Value::Array(Vec::new()) } else { Value::Int(self.channel_type.to_wire()) };
        Value::Array(vec![Value::str(&self.owner), channel_type])
    }

    fn may_hear(&self, name: &str, mud: &str) -> Result<(), ErrorReply> {
        let listed = self.listed.contains(mud);
        match self.channel_type {
            _ if mud == self.owner => Ok(()),
            ChannelType::Banning if listed => {
                Err(ErrorReply::new("not-allowed", format!("Banned from {name}")))
            }
            ChannelType::Admitting | ChannelType::Filtered if !listed => {
                Err(ErrorReply::new("not-allowed", format!("Not in allow list for {name}")))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a mud may speak. On a filtered channel every mud may, because its lines go to the owner first.
    pub(crate) fn may_speak(&self, name: &str, mud: &str) -> Result<(), ErrorReply> {
        match self.channel_type {
            ChannelType::Filtered => Ok(()),
            _ => self.may_hear(name, mud),
        }
    }

    pub(crate) fn hears(&self, mud: &str) -> bool {
        self.listeners.contains(mud)
    }

    pub(crate) fn listeners(&self) -> impl Iterator<Item = &str> {
        self.listeners.iter().map(String::as_str)
    }
}

/// All channels, and those that have to be saved.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    channels: BTreeMap<String, Channel>,
    changed: BTreeSet<String>,
    /// The channels that were removed since the start, at most as many as there may be channels.
    removed: BTreeMap<String, Channel>,
}

impl Channels {
    /// Restores a saved channel. Returns false if the saved value is invalid.
    pub(crate) fn load(&mut self, name: &str, value: &[u8]) -> bool {
        let Ok(saved) = serde_json::from_slice::<SavedChannel>(value) else { return false };
        let Some(channel_type) = ChannelType::from_wire(saved.channel_type) else { return false };
        let SavedChannel { owner, listed, listeners, .. } = saved;
        self.channels
            .insert(name.to_owned(), Channel { owner, channel_type, listed, listeners, type_lost: false });
        true
    }

    /// Replaces the router's own channels by those of the settings.
    pub(crate) fn set_stock(&mut self, router: &str, stock: &[(String, i64)]) {
        let gone = self.channels.iter().filter(|(name, channel)| {
            channel.owner == router && !stock.iter().any(|(stock_name, _)| stock_name == *name)
        });
        let gone: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
        for name in gone {
            self.channels.remove(&name);
            self.changed.insert(name);
        }
        for (name, channel_type) in stock {
            let channel_type = ChannelType::from_wire(*channel_type).unwrap_or(ChannelType::Banning);
            let channel = self.channels.entry(name.clone());
            let channel = channel.or_insert_with(|| Channel::new(router, channel_type));
            if channel.owner == router {
                channel.channel_type = channel_type;
            }
        }
    }

    pub(crate) fn find(&self, name: &str) -> Result<&Channel, ErrorReply> {
        self.channels.get(name).ok_or_else(|| ErrorReply::unknown(name))
    }

    fn owned(&mut self, name: &str, mud: &str) -> Result<&mut Channel, ErrorReply> {
        let channel = self.channels.get_mut(name).ok_or_else(|| ErrorReply::unknown(name))?;
        if channel.owner != mud {
            return Err(ErrorReply::new(
                "not-allowed",
                format!("Channel {name} owned by: {}", channel.owner),
            ));
        }
        self.changed.insert(name.to_owned());
        Ok(channel)
    }

    /// Returns the value of a chanlist-reply: every channel with its owner and type.
    pub(crate) fn list(&self) -> Value<'_> {
        Value::Map(self.channels.iter().map(|(name, channel)| (Value::str(name), channel.entry())).collect())
    }

    /// Returns the value of a chanlist-reply of CoffeeMud, which still lists the channels that were removed since the start.
    pub(crate) fn list_ever(&self) -> Value<'_> {
        let removed = self.removed.iter().filter(|(name, _)| !self.channels.contains_key(*name));
        let all: BTreeMap<&String, &Channel> = self.channels.iter().chain(removed).collect();
        Value::Map(all.into_iter().map(|(name, channel)| (Value::str(name), channel.entry())).collect())
    }

    /// Returns the value of a chanlist-reply with only these channels. Those that were removed are 0.
    pub(crate) fn some<'a>(&'a self, names: &[&'a str]) -> Value<'a> {
        let entry = |name: &&'a str| {
            (Value::str(name), self.channels.get(*name).map_or(Value::Int(0), Channel::entry))
        };
        Value::Map(names.iter().map(entry).collect())
    }

    /// Loses the type of a new channel, as Dead Souls does. The channel is then open to all.
    pub(crate) fn lose_type(&mut self, name: &str) {
        if let Some(channel) = self.channels.get_mut(name) {
            (channel.channel_type, channel.type_lost) = (ChannelType::Banning, true);
        }
    }

    /// Lets lists show lost types as 0 from now on, as Dead Souls does after the next change of any channel.
    pub(crate) fn forget_lost_types(&mut self) {
        self.channels.values_mut().for_each(|channel| channel.type_lost = false);
    }

    /// Adds a channel, or changes the type of a channel of this mud if it `may_change` that.
    pub(crate) fn add(
        &mut self,
        name: &str,
        mud: &str,
        channel_type: i64,
        may_change: bool,
    ) -> Result<(), ErrorReply> {
        if let Some(channel) = self.channels.get_mut(name) {
            if may_change
                && channel.owner == mud
                && let Some(channel_type) = ChannelType::from_wire(channel_type)
            {
                channel.channel_type = channel_type;
                self.changed.insert(name.to_owned());
                return Ok(());
            }
            return Err(ErrorReply::new("not-allowed", format!("Channel already exists: {name}")));
        }
        if name.is_empty() || name.len() > CHANNEL_NAME_BYTES_MAX {
            return Err(ErrorReply::new("not-allowed", format!("Invalid channel name: {name}")));
        }
        let Some(channel_type) = ChannelType::from_wire(channel_type) else {
            return Err(ErrorReply::new("not-allowed", format!("Invalid channel type: {channel_type}")));
        };
        if self.channels.len() >= CHANNELS_MAX {
            return Err(ErrorReply::new("not-allowed", "Too many channels"));
        }
        self.channels.insert(name.to_owned(), Channel::new(mud, channel_type));
        self.changed.insert(name.to_owned());
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str, mud: &str) -> Result<(), ErrorReply> {
        self.owned(name, mud)?;
        if let Some(channel) = self.channels.remove(name) {
            self.removed.insert(name.to_owned(), channel);
            if self.removed.len() > CHANNELS_MAX {
                self.removed.pop_first();
            }
        }
        Ok(())
    }

    /// Changes the list of a channel. If the change `silences`, muds that may no longer hear the channel lose their
    /// subscription.
    pub(crate) fn admin(
        &mut self,
        name: &str,
        mud: &str,
        add: &[String],
        remove: &[String],
        silences: bool,
    ) -> Result<(), ErrorReply> {
        let channel = self.owned(name, mud)?;
        for other in add {
            if other.len() > ADMIN_NAME_BYTES_MAX || channel.listed.len() >= ADMIN_LIST_MAX {
                return Err(ErrorReply::new("not-allowed", format!("The list of {name} is full")));
            }
            channel.listed.insert(other.clone());
        }
        for other in remove {
            channel.listed.remove(other);
        }
        if silences {
            let mut listeners = std::mem::take(&mut channel.listeners);
            listeners.retain(|listener| channel.may_hear(name, listener).is_ok());
            channel.listeners = listeners;
        }
        Ok(())
    }

    /// Subscribes or unsubscribes a mud as CoffeeMud does: the list applies to the owner too, and is checked only here.
    pub(crate) fn listen_unless_barred(&mut self, name: &str, mud: &str, on: bool) -> Result<(), ErrorReply> {
        let channel = self.channels.get_mut(name).ok_or_else(|| ErrorReply::unknown(name))?;
        if !on {
            channel.listeners.remove(mud);
            return Ok(());
        }
        if channel.listed.contains(mud) == (channel.channel_type == ChannelType::Banning) {
            return Err(ErrorReply::new("not-allowed", "it is barred"));
        }
        channel.listeners.insert(mud.to_owned());
        Ok(())
    }

    /// Subscribes or unsubscribes a mud. Returns whether that changed anything.
    pub(crate) fn listen(&mut self, name: &str, mud: &str, on: bool) -> Result<bool, ErrorReply> {
        let channel = self.channels.get_mut(name).ok_or_else(|| ErrorReply::unknown(name))?;
        let changed = if on {
            channel.may_hear(name, mud)?;
            channel.listeners.insert(mud.to_owned())
        } else {
            channel.listeners.remove(mud)
        };
        if changed {
            self.changed.insert(name.to_owned());
        }
        Ok(changed)
    }

    /// Removes the subscriptions of a mud that is forgotten. It keeps its channels, in case it comes back.
    pub(crate) fn forget_mud(&mut self, mud: &str) {
        for (name, channel) in &mut self.channels {
            if channel.listeners.remove(mud) {
                self.changed.insert(name.clone());
            }
        }
    }

    /// Returns the changes that save all channels.
    pub(crate) fn all_changes(&mut self) -> Vec<Change> {
        self.changed = self.channels.keys().cloned().collect();
        self.take_changes()
    }

    /// Returns the changes to save since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let change = |name: String| {
            let value = self.channels.get(&name).and_then(|channel| {
                let saved = SavedChannel {
                    owner: channel.owner.clone(),
                    channel_type: channel.channel_type.to_wire(),
                    listed: channel.listed.clone(),
                    listeners: channel.listeners.clone(),
                };
                // Numbers and strings can always be serialised.
                serde_json::to_vec(&saved).ok()
            });
            Change { space: SPACE.into(), key: name.into(), value: value.map(Arc::from) }
        };
        std::mem::take(&mut self.changed).into_iter().map(change).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels() -> Channels {
        let mut channels = Channels::default();
        for (name, channel_type) in [("ban", 0), ("admit", 1), ("filter", 2)] {
            channels.add(name, "Owner", channel_type, false).unwrap();
            channels.admin(name, "Owner", &["Listed".to_owned()], &[], true).unwrap();
        }
        channels
    }

    #[test]
    fn types_decide_who_hears_and_speaks() {
        let channels = channels();
        for (name, mud, hears, speaks) in [
            ("ban", "Owner", true, true),
            ("ban", "Listed", false, false),
            ("ban", "Other", true, true),
            ("admit", "Owner", true, true),
            ("admit", "Listed", true, true),
            ("admit", "Other", false, false),
            ("filter", "Owner", true, true),
            ("filter", "Listed", true, true),
            ("filter", "Other", false, true),
        ] {
            let channel = channels.find(name).unwrap();
            assert_eq!(channel.may_hear(name, mud).is_ok(), hears, "{mud} hears {name}");
            assert_eq!(channel.may_speak(name, mud).is_ok(), speaks, "{mud} speaks on {name}");
        }
    }

    #[test]
    fn who_is_banned_or_no_longer_admitted_stops_hearing() {
        let mut channels = channels();
        assert!(channels.listen("ban", "Other", true).unwrap());
        assert!(channels.listen("admit", "Listed", true).unwrap());
        channels.admin("ban", "Owner", &["Other".to_owned()], &[], true).unwrap();
        channels.admin("admit", "Owner", &[], &["Listed".to_owned()], true).unwrap();
        assert!(!channels.find("ban").unwrap().hears("Other"));
        assert!(!channels.find("admit").unwrap().hears("Listed"));
    }

    #[test]
    fn channels_come_back_from_what_was_saved() {
        let mut before = channels();
        before.listen("admit", "Listed", true).unwrap();
        let changes = before.take_changes();
        assert_eq!(changes.len(), 3);
        assert!(before.take_changes().is_empty());
        let mut after = Channels::default();
        for change in changes {
            assert!(after.load(&change.key, &change.value.unwrap()));
        }
        assert!(after.find("admit").unwrap().hears("Listed"));
        assert_eq!(after.list(), before.list());
        before.remove("ban", "Owner").unwrap();
        assert_eq!(before.take_changes()[0].value, None);
        assert!(!after.load("x", br#"{"owner":"A","type":3,"listed":[],"listeners":[]}"#));
    }

    #[test]
    fn stock_channels_follow_the_settings() {
        let mut channels = channels();
        channels.set_stock("*r", &[("one".to_owned(), 0), ("ban".to_owned(), 1)]);
        channels.listen("one", "A", true).unwrap();
        channels.set_stock("*r", &[("one".to_owned(), 0), ("two".to_owned(), 0)]);
        assert!(channels.find("one").unwrap().hears("A"));
        assert_eq!(channels.find("two").unwrap().owner, "*r");
        assert_eq!(channels.find("ban").unwrap().owner, "Owner");
        channels.set_stock("*r", &[]);
        assert!(channels.find("one").is_err());
    }
}
