//! Who takes how much of a log: bytes and records by sender, and for each sender by local user, by channel, and for
//! answers. When the log is full, the sender with the most bytes pays first, where it takes the most.

use super::record::{LaneName, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A part of what one sender takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Tells to a local user.
    User(Arc<str>),
    /// Answers, and errors.
    Answers,
    /// Lines of a channel.
    Channel(Arc<str>),
}

impl Part {
    /// How much a byte of the part counts when a part has to pay: history can be done without first, tells last.
    fn weight(&self) -> usize {
        match self {
            Part::User(_) => 1,
            Part::Answers => 2,
            Part::Channel(_) => 4,
        }
    }

    /// The lane of the part.
    pub(super) fn lane(&self) -> LaneName<'_> {
        match self {
            Part::User(_) => LaneName::Tells,
            Part::Answers => LaneName::Answers,
            Part::Channel(channel) => LaneName::Channel(channel),
        }
    }

    /// Whether a record of its lane belongs to the part of this sender.
    pub(super) fn holds(&self, sender: &str, record: &Record) -> bool {
        *record.sender == *sender && !matches!(self, Part::User(user) if *user != record.to)
    }
}

/// What is taken.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    bytes: usize,
    records: usize,
}

impl Share {
    fn is_empty(self) -> bool {
        self.records == 0
    }
}

/// What one sender takes.
#[derive(Debug, Default)]
struct OfSender {
    bytes: usize,
    /// Tells, by local user.
    users: BTreeMap<Arc<str>, Share>,
    /// The local users by the bytes of their tells: a sender may write to more users than can be searched for each tell.
    by_bytes: BTreeSet<(usize, Arc<str>)>,
    /// Number of tells to all users.
    tells: usize,
    answers: Share,
    /// Lines, by channel.
    channels: BTreeMap<Arc<str>, Share>,
}

impl OfSender {
    fn change(&mut self, lane: LaneName<'_>, record: &Record, change: impl Fn(&mut Share)) {
        let (before, after) = match lane {
            LaneName::Tells => self.change_user(&record.to, change),
            LaneName::Answers => changed(&mut self.answers, change),
            LaneName::Channel(channel) => match self.channels.get_mut(channel) {
                Some(share) => {
                    let (before, after) = changed(share, change);
                    if after.is_empty() {
                        self.channels.remove(channel);
                    }
                    (before, after)
                }
                None => changed(self.channels.entry(channel.into()).or_default(), change),
            },
        };
        self.bytes = self.bytes - before.bytes + after.bytes;
    }

    fn change_user(&mut self, user: &Arc<str>, change: impl Fn(&mut Share)) -> (Share, Share) {
        let (before, after) = changed(self.users.entry(user.clone()).or_default(), change);
        if !before.is_empty() {
            self.by_bytes.remove(&(before.bytes, user.clone()));
        }
        self.tells = self.tells - before.records + after.records;
        if after.is_empty() {
            self.users.remove(user);
        } else {
            self.by_bytes.insert((after.bytes, user.clone()));
        }
        (before, after)
    }

    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.answers.is_empty() && self.channels.is_empty()
    }

    /// Returns the user whose tells take the most, and their bytes.
    fn loudest_user(&self) -> Option<(usize, Part)> {
        self.by_bytes.last().map(|(bytes, user)| (*bytes, Part::User(user.clone())))
    }

    /// Returns the part that takes the most, in bytes by their weight.
    fn heaviest(&self) -> Option<Part> {
        let answers = (!self.answers.is_empty()).then_some((self.answers.bytes, Part::Answers));
        let channel = self.channels.iter().max_by_key(|(_, share)| share.bytes);
        let channel = channel.map(|(channel, share)| (share.bytes, Part::Channel(channel.clone())));
        let weighted = |(bytes, part): (usize, Part)| (bytes * part.weight(), part);
        [self.loudest_user(), answers, channel]
            .into_iter()
            .flatten()
            .map(weighted)
            .max()
            .map(|(_, part)| part)
    }

    /// Returns how many records of a lane there are.
    fn records_in(&self, lane: LaneName<'_>) -> usize {
        match lane {
            LaneName::Tells => self.tells,
            LaneName::Answers => self.answers.records,
            LaneName::Channel(channel) => self.channels.get(channel).map_or(0, |share| share.records),
        }
    }

    /// Returns the part of a lane that takes the most.
    fn most_in(&self, lane: LaneName<'_>) -> Option<Part> {
        match lane {
            LaneName::Tells => self.loudest_user().map(|(_, part)| part),
            LaneName::Answers => (!self.answers.is_empty()).then_some(Part::Answers),
            LaneName::Channel(channel) => {
                self.channels.get_key_value(channel).map(|(channel, _)| Part::Channel(channel.clone()))
            }
        }
    }
}

/// Changes a share. Returns it as it was before and as it is afterwards.
fn changed(share: &mut Share, change: impl Fn(&mut Share)) -> (Share, Share) {
    let before = *share;
    change(share);
    (before, *share)
}

/// What all senders take.
#[derive(Debug, Default)]
pub(super) struct Shares {
    senders: BTreeMap<Arc<str>, OfSender>,
    /// A buffer for a name. It is empty between two uses.
    name: String,
}

impl Shares {
    /// Returns the name of a sender in lower case, as its records hold it.
    pub(super) fn sender(&mut self, name: &str) -> Arc<str> {
        let mut lower = std::mem::take(&mut self.name);
        if name.is_ascii() {
            lower.push_str(name);
            lower.make_ascii_lowercase();
        } else {
            lower.push_str(&name.to_lowercase());
        }
        let known = self.senders.get_key_value(&*lower).map(|(known, _)| known.clone());
        let sender = known.unwrap_or_else(|| (&*lower).into());
        lower.clear();
        self.name = lower;
        sender
    }

    /// Notes a record that was added.
    pub(super) fn add(&mut self, lane: LaneName<'_>, record: &Record) {
        let one = self.senders.entry(record.sender.clone()).or_default();
        one.change(lane, record, |share| {
            share.bytes += record.bytes();
            share.records += 1;
        });
    }

    /// Notes a record that was removed.
    pub(super) fn remove(&mut self, lane: LaneName<'_>, record: &Record) {
        let Some(one) = self.senders.get_mut(&record.sender) else { return };
        one.change(lane, record, |share| {
            share.bytes = share.bytes.saturating_sub(record.bytes());
            share.records = share.records.saturating_sub(1);
        });
        if one.is_empty() {
            self.senders.remove(&record.sender);
        }
    }

    /// Returns the sender with the most bytes, and the part in which it pays.
    pub(super) fn loudest(&self) -> Option<(Arc<str>, Part)> {
        let (sender, one) = self.senders.iter().max_by_key(|(_, one)| one.bytes)?;
        Some((sender.clone(), one.heaviest()?))
    }

    /// Returns the sender with the most records in a lane, and the part in which it pays.
    pub(super) fn loudest_in(&self, lane: LaneName<'_>) -> Option<(Arc<str>, Part)> {
        let (sender, one) = self.senders.iter().max_by_key(|(_, one)| one.records_in(lane))?;
        Some((sender.clone(), one.most_in(lane)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;

    fn tell(id: u64, from: &str, to: &str, bytes: usize) -> Record {
        let text = "x".repeat(bytes);
        let members = format!(r#"{{"from_mud":"{from}","to_user":"{to}","message":"{text}"}}"#);
        let kind = event::find("tell_received").unwrap();
        Record::new(id, Default::default(), kind, members.into_bytes().into())
    }

    #[test]
    fn the_loudest_sender_pays_where_it_takes_the_most() {
        let mut shares = Shares::default();
        let lane = LaneName::Tells;
        let few_and_long = tell(1, "Sage", "ann", 5_000);
        shares.add(lane, &few_and_long);
        for id in 2..5 {
            shares.add(lane, &tell(id, "spam", if id == 2 { "bea" } else { "Cid" }, 10));
        }
        let user = |name: &str| Part::User(name.into());
        assert_eq!(shares.loudest(), Some(("sage".into(), user("ann"))));
        assert_eq!(shares.loudest_in(lane), Some(("spam".into(), user("cid"))));
        shares.remove(lane, &few_and_long);
        assert_eq!(shares.loudest().map(|(sender, _)| sender), Some("spam".into()));
        assert!(user("cid").holds("spam", &tell(9, "Spam", "CID", 1)));
        assert!(!user("cid").holds("spam", &tell(9, "Spam", "bea", 1)));
    }
}
