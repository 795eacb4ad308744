//! The kept events of one mud. Tells, answers and each channel have a lane of their own. A channel's lane is also its
//! history. When the log is full, who sent most of it pays, so that no sender pushes out what others have sent.

use super::lane::{Lane, Terms};
use super::marks::{Mark, Marks, Missed};
use super::record::{LaneKey, LaneName, Moment, Record, Since};
use super::shares::{Part, Shares};
use crate::event::Class;
use crate::machine::{Change, SmolStr};
use crate::saved;
use crate::settings::EventSettings;
use crate::spaces::Space;
use crate::time::Steady;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Number of channels whose removed events are recorded separately. A mud listens to some tens.
const CHANNELS_MAX: usize = 1_000;

/// The records that a change removed.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// The changes to save.
    pub(crate) changes: Vec<Change>,
    /// There are none, because the whole space is written anew.
    pub(crate) is_anew: bool,
    /// The members of removed tells that no session had received.
    pub(crate) unread_tells: Vec<Box<[u8]>>,
    /// Number of removed events, of any kind, that no session had received.
    pub(crate) unread: u64,
}

/// What the records of all lanes take together.
#[derive(Debug, Default)]
struct Account {
    /// The space of the store that holds the records.
    space: SmolStr,
    bytes: usize,
    /// Who takes how much. Most logs are never full, so this is only kept from the first question on until none has come
    /// between two sweeps.
    shares: Option<Shares>,
    /// A question has come since the last sweep.
    is_asked: bool,
    /// The channels without records.
    empty_channels: BTreeSet<SmolStr>,
}

impl Account {
    /// Notes a record that was removed from a lane, which may be empty now.
    fn was_removed(&mut self, name: LaneName<'_>, record: Record, is_empty: bool, removed: &mut Removed) {
        if is_empty && let LaneName::Channel(channel) = name {
            self.empty_channels.insert(channel.into());
        }
        self.bytes -= record.bytes();
        if let Some(shares) = &mut self.shares {
            shares.remove(name, &record);
        }
        if !removed.is_anew {
            let key = saved::key(record.id);
            removed.changes.push(Change { space: self.space.clone(), key, value: None });
        }
        if !record.delivered {
            removed.unread += 1;
            if record.kind.kept == Some(Class::Tells) {
                removed.unread_tells.push(record.members);
            }
        }
    }
}

/// The lanes of one mud.
#[derive(Debug)]
pub(crate) struct Log {
    tells: Lane,
    answers: Lane,
    channels: BTreeMap<SmolStr, Lane>,
    /// The last removed record of all channels that are not recorded by name.
    channels_lost: u64,
    account: Account,
    /// The last tell that no session has collected in time, although the history still holds it.
    given_up: u64,
    /// Events up to this one may be missing, whatever their lanes know: they are from before this start.
    begun_at: u64,
}

impl Log {
    pub(crate) fn new(mud_name: &str) -> Log {
        Log {
            tells: Lane::default(),
            answers: Lane::default(),
            channels: BTreeMap::new(),
            channels_lost: 0,
            account: Account { space: Space::Events.of(mud_name), ..Account::default() },
            given_up: 0,
            begun_at: 0,
        }
    }

    /// The space of the store that holds its records.
    pub(crate) fn space(&self) -> &SmolStr {
        &self.account.space
    }

    /// Restores a saved record; records come in the order of their keys. Returns `None` if it cannot be read.
    pub(crate) fn restore(&mut self, key: &str, value: &[u8], marks: &Marks, now: Moment) -> Option<u64> {
        let (mut record, channel) = Record::read(key, value, now)?;
        let id = record.id;
        let lane = match record.kind.kept? {
            Class::Tells => LaneName::Tells,
            Class::Answers => LaneName::Answers,
            Class::Channels => LaneName::Channel(channel.as_deref()?),
        };
        record.delivered = marks.have(lane, id);
        self.append(lane, record);
        Some(id)
    }

    /// Restores a saved record, which follows all others, and removes those for which no room is left, whatever their
    /// age. Returns the deletions, or `None` if the record cannot be read.
    pub(crate) fn restore_within(
        &mut self,
        key: &str,
        value: &[u8],
        settings: &EventSettings,
    ) -> Option<Vec<Change>> {
        let (record, channel) = Record::read(key, value, Moment::default())?;
        let name = match record.kind.kept? {
            Class::Tells => LaneName::Tells,
            Class::Answers => LaneName::Answers,
            Class::Channels => LaneName::Channel(channel.as_deref()?),
        };
        if saved::key(record.id) != key {
            return None;
        }
        self.append(name, record);
        let mut removed = Removed::default();
        let most = Terms::of(name.class(), settings).most();
        while self.lane(name).is_some_and(|lane| lane.records.len() > most) {
            let by_age = matches!(name, LaneName::Channel(_));
            let loudest = if by_age { None } else { self.shares().loudest_in(name) };
            if !self.remove_of(loudest, &mut removed) {
                self.remove_at(name, 0, &mut removed);
            }
        }
        self.shrink(settings.log_bytes_max, &mut removed);
        self.forget_empty_channels();
        Some(removed.changes)
    }

    /// Restores what is known of the events that were removed before the restart.
    pub(crate) fn restore_lost(&mut self, marks: &Marks) {
        let [tells, answers, channels] = marks.lost();
        self.tells.lost = tells;
        self.answers.lost = answers;
        self.channels_lost = channels;
        self.channels.values_mut().for_each(|lane| lane.lost = channels);
        self.tells.missed = marks.has_missed(tells, |missed| missed.tells);
        self.answers.missed = marks.has_missed(answers, |missed| missed.answers);
        for channel in marks.missed_channels() {
            self.lane_mut(LaneName::Channel(channel)).missed = true;
        }
    }

    /// Takes what another node knows of the delivered events. What a game has taken there is delivered, and an event that
    /// it has not missed there was not missed.
    pub(crate) fn delivered_elsewhere(&mut self, mark: &Mark) {
        let tells = self.tells.records.iter_mut().take_while(|record| record.id <= mark.through);
        tells.for_each(|record| record.delivered |= mark.has_tell(record.id));
        for lane in [&mut self.answers].into_iter().chain(self.channels.values_mut()) {
            let records = lane.records.iter_mut().take_while(|record| record.id <= mark.through);
            records.for_each(|record| record.delivered |= mark.has(record.id));
        }
        let misses = |channel: &str| mark.missed.channels.iter().any(|known| known == channel);
        let channels = self.channels.iter_mut().filter(|(_, lane)| lane.missed);
        let channels = channels.map(|(channel, lane)| (lane, misses(channel)));
        let lanes = [(&mut self.tells, mark.missed.tells), (&mut self.answers, mark.missed.answers)];
        for (lane, is_missed) in lanes.into_iter().chain(channels) {
            lane.missed &= is_missed || !mark.knows_all_through(lane.lost);
        }
    }

    fn lane(&self, name: LaneName<'_>) -> Option<&Lane> {
        match name {
            LaneName::Tells => Some(&self.tells),
            LaneName::Answers => Some(&self.answers),
            LaneName::Channel(channel) => self.channels.get(channel),
        }
    }

    fn lane_mut(&mut self, name: LaneName<'_>) -> &mut Lane {
        match name {
            LaneName::Tells => &mut self.tells,
            LaneName::Answers => &mut self.answers,
            LaneName::Channel(channel) => {
                let lost = self.channels_lost;
                let empty = &mut self.account.empty_channels;
                let fresh = |channel: &SmolStr| {
                    empty.insert(channel.clone());
                    Lane { lost, ..Lane::default() }
                };
                self.channels.entry(channel.into()).or_insert_with_key(fresh)
            }
        }
    }

    /// Returns who takes how much.
    fn shares(&mut self) -> &mut Shares {
        let Log { tells, answers, channels, account, .. } = self;
        account.is_asked = true;
        account.shares.get_or_insert_with(|| {
            let channels = channels.iter().map(|(channel, lane)| (LaneName::Channel(channel), lane));
            let lanes =
                [(LaneName::Tells, &*tells), (LaneName::Answers, &*answers)].into_iter().chain(channels);
            let mut shares = Shares::default();
            for (name, lane) in lanes {
                lane.records.iter().for_each(|record| shares.add(name, record));
            }
            shares
        })
    }

    /// Adds a record to its lane.
    fn append(&mut self, name: LaneName<'_>, record: Record) {
        self.account.bytes += record.bytes();
        if let Some(shares) = &mut self.account.shares {
            shares.add(name, &record);
        }
        match self.known_lane_mut(name) {
            Some(lane) => lane.records.push_back(record),
            None => self.lane_mut(name).records.push_back(record),
        }
        if let LaneName::Channel(channel) = name
            && !self.account.empty_channels.is_empty()
        {
            self.account.empty_channels.remove(channel);
        }
    }

    /// Adds a record, which is younger than all others, and removes those for which no room is left.
    /// They are added to `removed`. If the whole space is written anew, there are no changes. The caller saves the record
    /// itself. Returns when a sweep is due because of the lane.
    pub(crate) fn push(
        &mut self,
        name: LaneName<'_>,
        record: Record,
        settings: &EventSettings,
        removed: &mut Removed,
    ) -> Option<Steady> {
        let now = record.born;
        self.append(name, record);
        let class = name.class();
        let due = self.tidy(name, Terms::of(class, settings), now, removed);
        self.shrink(settings.log_bytes_max, removed);
        self.forget_empty_channels();
        due
    }

    fn forget_empty_channels(&mut self) {
        while self.channels.len() > CHANNELS_MAX
            && let Some(channel) = self.account.empty_channels.pop_first()
        {
            let lost = self.channels.remove(&channel).map_or(0, |lane| lane.lost);
            self.channels_lost = self.channels_lost.max(lost);
        }
    }

    /// Returns all entries that the store must have.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Change> {
        let lanes = [&self.tells, &self.answers].into_iter().chain(self.channels.values());
        lanes.flat_map(|lane| &lane.records).map(|record| self.put(record))
    }

    /// Returns the entries of the records after `saved`, and of those that are not older than `age`.
    pub(crate) fn latest(&self, now: Steady, age: Duration, saved: u64) -> impl Iterator<Item = Change> {
        let lanes = [&self.tells, &self.answers].into_iter().chain(self.channels.values());
        let new = lanes.flat_map(move |lane| {
            lane.records
                .iter()
                .rev()
                .take_while(move |record| record.id > saved || !record.is_older(now, age))
        });
        new.map(|record| self.put(record))
    }

    fn put(&self, record: &Record) -> Change {
        record.put(&self.account.space)
    }

    /// Removes a record of a lane. Returns whether there is one.
    fn remove_at(&mut self, name: LaneName<'_>, at: usize, removed: &mut Removed) -> bool {
        let Some(lane) = self.known_lane_mut(name) else { return false };
        let Some(record) = lane.take_out(at) else { return false };
        let is_empty = lane.records.is_empty();
        self.account.was_removed(name, record, is_empty, removed);
        true
    }

    /// Removes the oldest record of what a sender takes in one part of the log. Returns whether there is one.
    fn remove_of(&mut self, loudest: Option<(SmolStr, Part)>, removed: &mut Removed) -> bool {
        let Some((sender, part)) = loudest else { return false };
        let records = self.lane(part.lane()).map(|lane| lane.records.iter());
        let at = records.and_then(|mut records| records.position(|record| part.holds(&sender, record)));
        at.is_some_and(|at| self.remove_at(part.lane(), at, removed))
    }

    /// Removes what has become too old, or too much. Of too many tells and answers the sender of most pays; a channel
    /// loses its oldest lines. Returns when the next sweep is due, as far as the newest record of the lane changes it.
    fn tidy(
        &mut self,
        name: LaneName<'_>,
        terms: Terms,
        now: Steady,
        removed: &mut Removed,
    ) -> Option<Steady> {
        let is_channel = matches!(name, LaneName::Channel(_));
        loop {
            let Log { tells, answers, channels, account, .. } = self;
            let lane = match name {
                LaneName::Tells => tells,
                LaneName::Answers => answers,
                LaneName::Channel(channel) => channels.get_mut(channel)?,
            };
            while lane.is_due(terms, now) && (is_channel || lane.is_oldest_older(now, terms.keep)) {
                let record = lane.take_out(0)?;
                account.was_removed(name, record, lane.records.is_empty(), removed);
            }
            if !lane.is_due(terms, now) {
                return lane.newest_due(terms, name.class() == Class::Tells);
            }
            let loudest = if is_channel { None } else { self.shares().loudest_in(name) };
            if !self.remove_of(loudest, removed) {
                self.remove_at(name, 0, removed);
            }
        }
    }

    /// Makes room where the log is full.
    fn shrink(&mut self, bytes_max: usize, removed: &mut Removed) {
        while self.account.bytes > bytes_max {
            let loudest = self.shares().loudest();
            if !self.remove_of(loudest, removed) {
                break;
            }
        }
    }

    /// Removes records that are too old.
    pub(crate) fn sweep(&mut self, settings: &EventSettings, now: Steady) -> Removed {
        if !std::mem::take(&mut self.account.is_asked) {
            self.account.shares = None;
        }
        let mut removed = Removed::default();
        let keep = settings.keep(Class::Tells);
        // These may stay in the history, but they are no longer kept for an absent game.
        for record in &mut self.tells.records {
            if !record.delivered && record.is_older(now, keep) {
                record.delivered = true;
                self.tells.missed = true;
                self.given_up = record.id;
                removed.unread += 1;
                removed.unread_tells.push(record.members.clone());
            }
        }
        for name in [LaneName::Tells, LaneName::Answers] {
            self.tidy(name, Terms::of(name.class(), settings), now, &mut removed);
        }
        let channels: Vec<SmolStr> = self.channels.keys().cloned().collect();
        for channel in &channels {
            let terms = Terms::of(Class::Channels, settings);
            self.tidy(LaneName::Channel(channel), terms, now, &mut removed);
        }
        removed
    }

    /// Returns when the next sweep is due; `None` if there is nothing to remove.
    pub(crate) fn next_sweep(&self, settings: &EventSettings) -> Option<Steady> {
        let channels = self.channels.values().map(|lane| (lane, Class::Channels));
        let lanes =
            [(&self.tells, Class::Tells), (&self.answers, Class::Answers)].into_iter().chain(channels);
        lanes
            .filter_map(|(lane, class)| lane.next_due(Terms::of(class, settings), class == Class::Tells))
            .min()
    }

    /// Returns a name of a sender. A long name that the newest record of the lane has is not stored again.
    pub(crate) fn sender(&self, name: &str, lane: LaneName<'_>) -> SmolStr {
        let sender = SmolStr::new(name);
        if !sender.is_heap_allocated() {
            return sender;
        }
        let newest = self.lane(lane).and_then(|lane| lane.records.back());
        newest.map(|newest| &newest.sender).filter(|known| **known == sender).cloned().unwrap_or(sender)
    }

    /// Returns the records of some lanes after an id that can still be replayed, in their order.
    pub(crate) fn replayable<'n>(
        &self,
        lanes: impl Iterator<Item = LaneName<'n>>,
        after: u64,
        settings: &EventSettings,
        now: Steady,
    ) -> Vec<(LaneName<'n>, &Record)> {
        let mut found = Vec::new();
        for name in lanes {
            let keep = settings.keep(name.class());
            let Some(lane) = self.lane(name) else { continue };
            let young = lane.after(after).filter(|record| !record.is_older(now, keep));
            found.extend(young.map(|record| (name, record)));
        }
        found.sort_unstable_by_key(|(_, record)| record.id);
        found
    }

    fn known_lane_mut(&mut self, name: LaneName<'_>) -> Option<&mut Lane> {
        match name {
            LaneName::Tells => Some(&mut self.tells),
            LaneName::Answers => Some(&mut self.answers),
            LaneName::Channel(channel) => self.channels.get_mut(channel),
        }
    }

    /// Marks all records of a lane from one id to another as delivered.
    pub(crate) fn delivered(&mut self, name: LaneName<'_>, ids: RangeInclusive<u64>) {
        if let Some(lane) = self.known_lane_mut(name) {
            lane.deliver(&ids);
        }
    }

    /// Marks the records of a lane up to an id as delivered, as far as their kinds are readable.
    pub(crate) fn delivered_through(
        &mut self,
        name: LaneName<'_>,
        through: u64,
        is_readable: impl Fn(&Record) -> bool,
    ) {
        let records = self.known_lane_mut(name).into_iter().flat_map(|lane| &mut lane.records);
        for record in records.take_while(|record| record.id <= through) {
            record.delivered |= is_readable(record);
        }
    }

    /// Returns the key of a lane, and its newest record.
    pub(crate) fn place(&self, name: LaneName<'_>) -> (LaneKey, Option<u64>) {
        let (key, lane) = match name {
            LaneName::Tells => (LaneKey::Tells, &self.tells),
            LaneName::Answers => (LaneKey::Answers, &self.answers),
            LaneName::Channel(channel) => match self.channels.get_key_value(channel) {
                Some((known, lane)) => (LaneKey::Channel(known.clone()), lane),
                None => return (name.key(), None),
            },
        };
        (key, lane.records.back().map(|record| record.id))
    }

    /// Returns the first record of a lane that was not delivered.
    pub(crate) fn first_open(&self, name: LaneName<'_>) -> Option<u64> {
        let records = &self.lane(name)?.records;
        records.iter().find(|record| !record.delivered).map(|record| record.id)
    }

    /// Whether a reader of some lanes has missed an event that can no longer be replayed.
    pub(crate) fn has_gap<'n>(
        &self,
        lanes: impl Iterator<Item = (LaneName<'n>, Since)>,
        settings: &EventSettings,
        now: Steady,
    ) -> bool {
        let mut gap = false;
        for (name, since) in lanes {
            let keep = settings.keep(name.class());
            let Some(lane) = self.lane(name) else {
                gap |= matches!(since, Since::Id(id) if self.channels_lost > id);
                continue;
            };
            gap |= match since {
                Since::Id(id) => {
                    lane.lost > id || lane.after(id).next().is_some_and(|record| record.is_older(now, keep))
                }
                Since::Unread => {
                    let expired = |record: &Record| !record.delivered && record.is_older(now, keep);
                    lane.missed || lane.records.iter().any(expired)
                }
            };
        }
        gap
    }

    /// Notes that a session was informed of the gap. Events that no session received in time then count as lost for
    /// good.
    pub(crate) fn gap_told(&mut self, name: LaneName<'_>, settings: &EventSettings, now: Steady) {
        let keep = settings.keep(name.class());
        if self.lane(name).is_none() {
            return;
        }
        let lane = self.lane_mut(name);
        lane.missed = false;
        for record in lane.records.iter_mut().take_while(|record| record.is_older(now, keep)) {
            record.delivered = true;
        }
    }

    /// Returns what is saved of the log besides its records. `through` is the last event in use.
    pub(crate) fn mark(&self, through: u64) -> Mark {
        let lanes = [&self.tells, &self.answers].into_iter().chain(self.channels.values());
        let open = lanes.flat_map(|lane| &lane.records);
        let mut open: Vec<u64> =
            open.filter(|record| !record.delivered && record.id <= through).map(|record| record.id).collect();
        open.sort_unstable();
        let channels = self.channels.values().map(|lane| lane.lost).chain([self.channels_lost]).max();
        let missed = self.channels.iter().filter(|(_, lane)| lane.missed);
        Mark {
            through,
            open,
            lost: [self.tells.lost, self.answers.lost, channels.unwrap_or(0)],
            missed: Missed {
                tells: self.tells.missed,
                answers: self.answers.missed,
                channels: missed.map(|(channel, _)| channel.to_string()).collect(),
            },
        }
    }

    /// Returns the same for other nodes, which have to find out themselves which tells no session has collected.
    pub(crate) fn mark_for_others(&self, through: u64) -> Mark {
        let mut mark = self.mark(through);
        mark.lost[0] = mark.lost[0].max(self.given_up);
        mark
    }

    /// Notes that all events after this one come in this run.
    pub(crate) fn begins_after(&mut self, id: u64) {
        self.begun_at = id;
    }

    /// Returns the event after which no record of a lane is missing.
    pub(crate) fn is_whole_after(&self, name: LaneName<'_>) -> u64 {
        self.begun_at.max(self.lane(name).map_or(self.channels_lost, |lane| lane.lost))
    }

    /// Returns the event after which no record of any lane is missing.
    pub(crate) fn is_all_whole_after(&self) -> u64 {
        let lanes = self.channels.values().chain([&self.tells]).map(|lane| lane.lost);
        lanes.max().unwrap_or(0).max(self.channels_lost).max(self.begun_at)
    }

    /// Returns the records of a lane that are not too old for the history, oldest first, however many they are.
    pub(crate) fn young<'a>(
        &'a self,
        name: LaneName<'_>,
        settings: &EventSettings,
        now: Steady,
    ) -> impl DoubleEndedIterator<Item = &'a Record> {
        let age = Terms::of(name.class(), settings).history;
        let records = self.lane(name).map(|lane| &lane.records);
        records.into_iter().flatten().filter(move |record| !record.is_older(now, age))
    }

    /// Returns the lines of the history that are in memory.
    pub(crate) fn lines(&self, settings: &EventSettings) -> impl Iterator<Item = &Record> {
        let tells = settings.history_holds_tells.then_some(&self.tells);
        tells.into_iter().chain(self.channels.values()).flat_map(|lane| &lane.records)
    }

    /// Returns the history of a channel, oldest first.
    pub(crate) fn history<'a>(
        &'a self,
        name: LaneName<'_>,
        settings: &EventSettings,
        now: Steady,
    ) -> impl DoubleEndedIterator<Item = &'a Record> {
        let terms = Terms::of(name.class(), settings);
        let records = self.lane(name).map(|lane| &lane.records);
        let records = records.filter(|_| terms.history_max > 0);
        let skip = records.map_or(0, |records| records.len().saturating_sub(terms.history_max));
        let young = move |record: &&Record| !record.is_older(now, terms.history);
        records.into_iter().flat_map(move |records| records.range(skip..)).filter(young)
    }

    /// Returns a record of a lane.
    pub(crate) fn record(&self, name: LaneName<'_>, id: u64) -> Option<&Record> {
        let records = &self.lane(name)?.records;
        records.binary_search_by_key(&id, |record| record.id).ok().and_then(|at| records.get(at))
    }

    /// Returns the channels that have kept events.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().filter(|(_, lane)| !lane.records.is_empty()).map(|(name, _)| &**name)
    }

    /// Returns the number of records, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        let lanes = [&self.tells, &self.answers].into_iter().chain(self.channels.values());
        (lanes.map(|lane| lane.records.len()).sum(), self.account.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;

    /// A tell. A name of a sender is longer than what is stored without an allocation.
    fn push(log: &mut Log, from: &str, id: u64, settings: &EventSettings) {
        let kind = event::find("tell_received").unwrap();
        let sender = log.sender(&format!("{from} of a rather long name"), LaneName::Tells);
        let record =
            Record::between((sender, "ann".into()), id, Moment::default(), kind, [b'x'; 100][..].into());
        log.push(LaneName::Tells, record, settings, &mut Removed::default());
    }

    #[test]
    fn the_loudest_pays_whether_the_shares_were_known_or_forgotten() {
        let settings = EventSettings { log_bytes_max: 4_000, ..EventSettings::default() };
        let mut log = Log::new("Alpha");
        push(&mut log, "Quiet", 1, &settings);
        for round in 0..3 {
            for id in 0..100 {
                push(&mut log, "Loud", 2 + round * 100 + id, &settings);
            }
            assert!(log.account.shares.is_some() && log.account.bytes <= 4_000);
            assert_eq!(log.tells.records[0].id, 1);
            let names: Vec<_> =
                log.tells.records.iter().skip(1).map(|record| record.sender.as_ptr()).collect();
            assert!(names.windows(2).all(|pair| pair[0] == pair[1]), "a long name is stored once");
            log.sweep(&settings, Steady::default());
            assert!(log.account.shares.is_some(), "it was asked for since the last sweep");
            log.sweep(&settings, Steady::default());
            assert!(log.account.shares.is_none());
        }
    }
}
