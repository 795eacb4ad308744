//! Who takes how much of a log: bytes and records by sender, and for each sender by local user, by channel, and for
//! answers. When the log is full, the sender with the most bytes pays first, where it takes the most.

use super::record::{LaneName, Record};
use crate::machine::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// A part of what one sender takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Tells to a local user.
    User(SmolStr),
    /// Answers, and errors.
    Answers,
    /// Lines of a channel.
    Channel(SmolStr),
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

/// Names by what they take. There may be more of them than can be searched for each record, so from the first question on they
/// are kept in order.
#[derive(Debug, Default)]
struct Ranking {
    by_amount: Option<BTreeSet<(usize, SmolStr)>>,
}

impl Ranking {
    /// Whether the names are kept in order.
    fn is_kept(&self) -> bool {
        self.by_amount.is_some()
    }

    /// Notes that a name takes another amount. What takes nothing is not in the ranking.
    fn change(&mut self, name: &SmolStr, before: usize, after: usize) {
        let Some(by_amount) = self.by_amount.as_mut().filter(|_| before != after) else { return };
        if before > 0 {
            by_amount.remove(&(before, name.clone()));
        }
        if after > 0 {
            by_amount.insert((after, name.clone()));
        }
    }

    /// Returns what takes the most, and how much. `all` are the names with what they take now.
    fn first<'s>(&mut self, all: impl Iterator<Item = (usize, &'s SmolStr)>) -> Option<&(usize, SmolStr)> {
        let some = all.filter(|(amount, _)| *amount > 0).map(|(amount, name)| (amount, name.clone()));
        self.by_amount.get_or_insert_with(|| some.collect()).last()
    }
}

/// What one sender takes.
#[derive(Debug, Default)]
struct OfSender {
    bytes: usize,
    /// Tells, by local user.
    users: BTreeMap<SmolStr, Share>,
    users_by_bytes: Ranking,
    /// Number of tells to all users.
    tells: usize,
    answers: Share,
    /// Lines, by channel.
    channels: BTreeMap<SmolStr, Share>,
    channels_by_bytes: Ranking,
}

impl OfSender {
    fn change(&mut self, lane: LaneName<'_>, record: &Record, change: impl Fn(&mut Share)) {
        let (before, after) = match lane {
            LaneName::Tells => {
                let (users, ranking) = (&mut self.users, &mut self.users_by_bytes);
                let (before, after) = changed_in(users, ranking, &record.to, || record.to.clone(), change);
                self.tells = self.tells - before.records + after.records;
                (before, after)
            }
            LaneName::Answers => changed(&mut self.answers, change),
            LaneName::Channel(channel) => {
                let (channels, ranking) = (&mut self.channels, &mut self.channels_by_bytes);
                changed_in(channels, ranking, channel, || channel.into(), change)
            }
        };
        self.bytes = self.bytes - before.bytes + after.bytes;
    }

    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.answers.is_empty() && self.channels.is_empty()
    }

    /// Returns the user whose tells take the most, and their bytes.
    fn loudest_user(&mut self) -> Option<(usize, Part)> {
        let users = self.users.iter().map(|(user, share)| (share.bytes, user));
        self.users_by_bytes.first(users).map(|(bytes, user)| (*bytes, Part::User(user.clone())))
    }

    /// Returns the part that takes the most, in bytes by their weight.
    fn heaviest(&mut self) -> Option<Part> {
        let answers = (!self.answers.is_empty()).then_some((self.answers.bytes, Part::Answers));
        let channels = self.channels.iter().map(|(channel, share)| (share.bytes, channel));
        let channel = self.channels_by_bytes.first(channels);
        let channel = channel.map(|(bytes, channel)| (*bytes, Part::Channel(channel.clone())));
        let weighted = |(bytes, part): (usize, Part)| (bytes * part.weight(), part);
        [self.loudest_user(), answers, channel]
            .into_iter()
            .flatten()
            .map(weighted)
            .max()
            .map(|(_, part)| part)
    }

    /// Returns what its rankings go by: the bytes of all, the number of tells and of answers.
    fn amounts(&self) -> [usize; 3] {
        [self.bytes, self.tells, self.answers.records]
    }
}

/// Changes a share. Returns it as it was before and as it is afterwards.
fn changed(share: &mut Share, change: impl Fn(&mut Share)) -> (Share, Share) {
    let before = *share;
    change(share);
    (before, *share)
}

/// Changes the share of a name. One without records is forgotten.
fn changed_in(
    shares: &mut BTreeMap<SmolStr, Share>,
    ranking: &mut Ranking,
    name: &str,
    owned: impl FnOnce() -> SmolStr,
    change: impl Fn(&mut Share),
) -> (Share, Share) {
    let (before, after) = match shares.get_mut(name) {
        Some(share) => changed(share, change),
        None => changed(shares.entry(owned()).or_default(), change),
    };
    if ranking.is_kept()
        && let Some((name, _)) = shares.get_key_value(name)
    {
        ranking.change(name, before.bytes, after.bytes);
    }
    if after.is_empty() {
        shares.remove(name);
    }
    (before, after)
}

/// What all senders take.
#[derive(Debug, Default)]
pub(super) struct Shares {
    senders: BTreeMap<SmolStr, OfSender>,
    by_bytes: Ranking,
    by_tells: Ranking,
    by_answers: Ranking,
}

impl Shares {
    /// Notes a record that was added.
    pub(super) fn add(&mut self, lane: LaneName<'_>, record: &Record) {
        let one = match self.senders.get_mut(&record.sender) {
            Some(one) => one,
            None => self.senders.entry(record.sender.clone()).or_default(),
        };
        let before = one.amounts();
        one.change(lane, record, |share| {
            share.bytes += record.bytes();
            share.records += 1;
        });
        let after = one.amounts();
        self.rank(&record.sender, before, after);
    }

    /// Notes a record that was removed. A sender that takes nothing is forgotten.
    pub(super) fn remove(&mut self, lane: LaneName<'_>, record: &Record) {
        let Some(one) = self.senders.get_mut(&record.sender) else { return };
        let before = one.amounts();
        one.change(lane, record, |share| {
            share.bytes = share.bytes.saturating_sub(record.bytes());
            share.records = share.records.saturating_sub(1);
        });
        let after = one.amounts();
        if one.is_empty() {
            self.senders.remove(&record.sender);
        }
        self.rank(&record.sender, before, after);
    }

    /// Notes that a sender takes other amounts.
    fn rank(&mut self, sender: &SmolStr, before: [usize; 3], after: [usize; 3]) {
        let rankings = [&mut self.by_bytes, &mut self.by_tells, &mut self.by_answers];
        for ((ranking, before), after) in rankings.into_iter().zip(before).zip(after) {
            if ranking.is_kept() {
                ranking.change(sender, before, after);
            }
        }
    }

    /// Returns the sender with the most bytes, and the part in which it pays.
    pub(super) fn loudest(&mut self) -> Option<(SmolStr, Part)> {
        let senders = self.senders.iter().map(|(sender, one)| (one.bytes, sender));
        let sender = self.by_bytes.first(senders)?.1.clone();
        let part = self.senders.get_mut(&sender)?.heaviest()?;
        Some((sender, part))
    }

    /// Returns the sender with the most tells, or answers, and the part in which it pays. A channel loses its oldest lines,
    /// whoever sent them.
    pub(super) fn loudest_in(&mut self, lane: LaneName<'_>) -> Option<(SmolStr, Part)> {
        let (ranking, at) = match lane {
            LaneName::Tells => (&mut self.by_tells, 1),
            LaneName::Answers => (&mut self.by_answers, 2),
            LaneName::Channel(_) => return None,
        };
        let senders = self.senders.iter().map(|(sender, one)| (one.amounts()[at], sender));
        let sender = ranking.first(senders)?.1.clone();
        let part = match lane {
            LaneName::Tells => self.senders.get_mut(&sender)?.loudest_user()?.1,
            _ => Part::Answers,
        };
        Some((sender, part))
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
        assert_eq!(shares.loudest(), Some(("Sage".into(), user("ann"))));
        assert_eq!(shares.loudest_in(lane), Some(("spam".into(), user("cid"))));
        shares.remove(lane, &few_and_long);
        assert_eq!(shares.loudest().map(|(sender, _)| sender), Some("spam".into()));
        assert!(user("cid").holds("spam", &tell(9, "spam", "CID", 1)));
        assert!(!user("cid").holds("spam", &tell(9, "spam", "bea", 1)));
    }

    /// What the first question is answered with, and every later one, is what a look at all shares finds.
    #[test]
    fn the_order_is_right_whenever_it_is_asked_for() {
        let lanes =
            [LaneName::Tells, LaneName::Answers, LaneName::Channel("chat"), LaneName::Channel("news")];
        let most_of = |all: &BTreeMap<(SmolStr, String), Share>, of: &dyn Fn(&str, &Share) -> usize| {
            let mut sums: BTreeMap<SmolStr, usize> = BTreeMap::new();
            for ((sender, part), share) in all {
                *sums.entry(sender.clone()).or_default() += of(part, share);
            }
            sums.into_iter().filter(|(_, sum)| *sum > 0).max_by_key(|(_, sum)| *sum).map(|(sender, _)| sender)
        };
        for asks_from in [0, 50, 199] {
            let (mut shares, mut kept) = (Shares::default(), Vec::new());
            let mut random = 7_u64;
            for id in 0..400_u64 {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let pick = |at: u32, of: u64| (random >> at) % of;
                let lane = lanes[pick(33, 4) as usize];
                if id < 200 || pick(60, 3) == 0 {
                    let (from, to) = (format!("mud{}", pick(37, 5)), format!("user{}", pick(41, 4)));
                    let record = tell(id, &from, &to, pick(45, 4) as usize * 100);
                    shares.add(lane, &record);
                    kept.push((lane, record));
                } else {
                    let (lane, record) = kept.swap_remove(pick(20, kept.len() as u64) as usize);
                    shares.remove(lane, &record);
                }
                if id < asks_from {
                    continue;
                }
                let mut all: BTreeMap<(SmolStr, String), Share> = BTreeMap::new();
                for (lane, record) in &kept {
                    let part = match lane {
                        LaneName::Tells => format!("tells {}", record.to),
                        LaneName::Answers => "answers".to_owned(),
                        LaneName::Channel(channel) => format!("channel {channel}"),
                    };
                    let share = all.entry((record.sender.clone(), part)).or_default();
                    share.bytes += record.bytes();
                    share.records += 1;
                }
                let loudest = shares.loudest();
                assert_eq!(
                    loudest.as_ref().map(|(sender, _)| sender.clone()),
                    most_of(&all, &|_, share| share.bytes)
                );
                if let Some((sender, part)) = loudest {
                    let name = match &part {
                        Part::User(user) => format!("tells {user}"),
                        Part::Answers => "answers".to_owned(),
                        Part::Channel(channel) => format!("channel {channel}"),
                    };
                    let weight = |part: &str| match part.split(' ').next() {
                        Some("tells") => 1,
                        Some("answers") => 2,
                        _ => 4,
                    };
                    let own = all.iter().filter(|((of, _), _)| *of == sender);
                    let most = own.map(|((_, part), share)| share.bytes * weight(part)).max();
                    assert_eq!(all.get(&(sender, name)).map(|share| share.bytes * part.weight()), most);
                }
                for (lane, kind) in [(LaneName::Tells, "tells"), (LaneName::Answers, "answers")] {
                    let records =
                        |part: &str, share: &Share| if part.starts_with(kind) { share.records } else { 0 };
                    let found = shares.loudest_in(lane).map(|(sender, _)| sender);
                    assert_eq!(found, most_of(&all, &records), "{kind}");
                }
            }
        }
    }
}
