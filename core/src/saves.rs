//! The saves in flight to the store. A failed save is not lost: its changes wait, together with all later ones, and are
//! repeated, about 2 MiB at a time, until the store accepts them. If too many changes wait, the whole space of most of them is
//! written anew instead. So neither a value nor a deletion is ever given up.

use crate::line;
use crate::machine::{Change, Clear, SaveTicket, SmolStr};
use crate::spaces::Space;
use crate::time::Instant;
use smol_str::format_smolstr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Number of saves that may be unanswered at a time. Further changes wait here and are saved together.
const IN_FLIGHT_MAX: usize = 256;

/// Bytes of changes that may be unanswered before further changes wait.
const IN_FLIGHT_BYTES_MAX: usize = 2_097_152;

/// Bytes of changes that may wait. Beyond it, the space with most of them is written anew.
const WAITING_BYTES_MAX: usize = 2_097_152;

/// Bytes of waiting changes that are saved again together. A store that shares its host with others must write them before its
/// time for one save is over. More of them are saved in several parts, in the order of their keys.
const RETRY_BYTES_MAX: usize = 2_097_152;

/// Bytes of changes that wait, above which kept events are no longer saved one by one while the store works.
const EACH_WAITING_BYTES_MAX: usize = 65_536;

/// The pause before spaces are written anew while the store works. In that time further changes of them come together.
const ANEW_PAUSE: Duration = Duration::from_millis(50);

/// Messages of this node whose saves were told, and that are remembered.
const TOLD_MAX: usize = 4_096;

/// The memory that a change needs besides its texts.
const CHANGE_OVERHEAD_BYTES: usize = 128;

/// The wait before a failed save is repeated. It doubles with each further failure, up to [`RETRY_DELAY_MAX`].
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The longest wait before a failed save is repeated.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);

/// A waiting change.
#[derive(Debug)]
struct WaitingSave {
    /// The first save of this key that is not durable.
    first: SaveTicket,
    /// The save that last set the change.
    last: SaveTicket,
    /// The first save of this key since the save of waiting changes was sent.
    since_retry: Option<SaveTicket>,
    value: Option<Arc<[u8]>>,
}

/// A part of the store that has to be written anew.
#[derive(Clone, Copy, Debug)]
struct Stale {
    /// The first save that is not durable in it.
    first: SaveTicket,
    /// Number of changes that waited.
    changes: usize,
}

impl Stale {
    fn and(self, other: Stale) -> Stale {
        Stale { first: self.first.min(other.first), changes: self.changes + other.changes }
    }
}

/// What has to be written anew.
#[derive(Debug, Default)]
struct Anew {
    /// Spaces of which too many changes waited, or whose contents in the store are not known.
    spaces: BTreeMap<SmolStr, Stale>,
    /// The whole store, because it has lost everything.
    everything: Option<Stale>,
}

impl Anew {
    fn is_empty(&self) -> bool {
        self.spaces.is_empty() && self.everything.is_none()
    }

    fn covers(&self, space: &str) -> bool {
        self.everything.is_some() || self.spaces.contains_key(space)
    }

    fn parts(&self) -> impl Iterator<Item = &Stale> {
        self.spaces.values().chain(&self.everything)
    }

    fn clear(&self) -> Clear {
        match (&self.everything, self.spaces.is_empty()) {
            (Some(_), _) => Clear::Everything,
            (None, false) => Clear::Spaces(self.spaces.keys().cloned().collect()),
            (None, true) => Clear::Nothing,
        }
    }

    fn add(&mut self, space: SmolStr, stale: Stale) {
        let sum = self.spaces.get(&space).map_or(stale, |known| known.and(stale));
        self.spaces.insert(space, sum);
    }

    fn add_all(&mut self, other: Anew) {
        if let Some(stale) = other.everything {
            self.everything = Some(self.everything.map_or(stale, |known| known.and(stale)));
        }
        other.spaces.into_iter().for_each(|(space, stale)| self.add(space, stale));
    }
}

/// How an answer of the store changes its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The state has not changed.
    None,
    /// The store has failed, after working.
    Failed,
    /// The store has saved everything, after failing.
    Recovered,
}

/// A save that the store has not answered.
#[derive(Debug)]
struct InFlight {
    ticket: SaveTicket,
    changes: Vec<Change>,
    bytes: usize,
    since: Instant,
}

/// A save of waiting changes that the store has not answered.
#[derive(Debug)]
struct Retrying {
    ticket: SaveTicket,
    anew: Anew,
    since: Instant,
    /// The last of the waiting changes that are in it.
    through: Option<(SmolStr, SmolStr)>,
    /// It has all that waited.
    is_all: bool,
}

/// The saves that are not durable yet.
#[derive(Debug, Default)]
pub struct Saves {
    in_flight: VecDeque<InFlight>,
    in_flight_bytes: usize,
    waiting: BTreeMap<(SmolStr, SmolStr), WaitingSave>,
    waiting_bytes: usize,
    /// The first save of those that wait: to look through all of them for each answer would take the longer the more wait.
    waiting_first: Option<SaveTicket>,
    /// The bytes of the changes that wait, of each space that can be written anew.
    waiting_of: BTreeMap<SmolStr, usize>,
    anew: Anew,
    retrying: Option<Retrying>,
    /// Number of failures in a row.
    failures: u32,
    /// The store has failed, and not all that waited then is saved.
    is_failing: bool,
    /// How often a space, or the whole store, had to be written anew because too much waited, or all was lost.
    rewrites: u64,
    /// Several nodes share the store.
    is_shared: bool,
    /// The latest messages to other nodes that are in the store, as its log has told: whatever becomes of the answers to their
    /// saves, they are not saved again.
    told: VecDeque<(SmolStr, SmolStr)>,
}

/// Returns what is removed before parts of the store are written anew. Lines of the history stay: memory has only the newest
/// of them, and to write one again changes nothing.
fn without_lines(parts: Clear) -> Clear {
    match parts {
        Clear::Spaces(mut spaces) => {
            spaces.retain(|space| !line::is_of_lines(space));
            if spaces.is_empty() { Clear::Nothing } else { Clear::Spaces(spaces) }
        }
        other => other,
    }
}

fn bytes_of(space: &str, key: &str, value: &Option<Arc<[u8]>>) -> usize {
    space.len() + key.len() + value.as_ref().map_or(0, |value| value.len()) + CHANGE_OVERHEAD_BYTES
}

impl Saves {
    /// Adds a save. Returns whether it must be sent to the store at once.
    pub fn add(&mut self, now: Instant, ticket: SaveTicket, changes: &[Change]) -> bool {
        if self.failures == 0 && !self.has_waiting() && self.retrying.is_none() && self.has_room() {
            let bytes =
                changes.iter().map(|change| bytes_of(&change.space, &change.key, &change.value)).sum();
            self.in_flight_bytes += bytes;
            self.in_flight.push_back(InFlight { ticket, changes: changes.to_vec(), bytes, since: now });
            return true;
        }
        for change in changes {
            self.wait(ticket, change.clone());
        }
        false
    }

    fn has_room(&self) -> bool {
        self.in_flight.len() < IN_FLIGHT_MAX && self.in_flight_bytes < IN_FLIGHT_BYTES_MAX
    }

    /// Whether the changes of a space are saved one by one; `ticket` is that of the next save. If the store works but is
    /// behind, its space is written anew later: there one line soon takes the place of another, and most of the changes
    /// would be in vain.
    pub(crate) fn saves_each(&mut self, space: &str, ticket: SaveTicket) -> bool {
        if self.anew.covers(space) {
            return false;
        }
        let keeps_up = self.has_room() && self.waiting_bytes < EACH_WAITING_BYTES_MAX;
        if keeps_up || self.is_failing {
            return true;
        }
        self.rewrites += 1;
        self.write_anew(space, ticket);
        false
    }

    /// Lets a space be written anew; `ticket` is that of the next save. What waits of it is dropped: a change that is out of date
    /// by then would be written after the space.
    pub(crate) fn write_anew(&mut self, space: &str, ticket: SaveTicket) {
        if !self.anew.covers(space) {
            let dropped = self.drop_waiting(space);
            self.anew.add(space.into(), dropped.and(Stale { first: ticket, changes: 1 }));
        }
    }

    /// Lets what was being written anew be written anew once more, as it is then.
    fn add_anew(&mut self, anew: Anew) {
        // Lines of the history are never out of date, and may have left memory.
        for space in anew.spaces.keys().filter(|space| !line::is_of_lines(space)) {
            let dropped = self.drop_waiting(space);
            self.anew.add(space.clone(), dropped);
        }
        self.anew.add_all(anew);
    }

    /// Drops the waiting changes of a space.
    fn drop_waiting(&mut self, space: &str) -> Stale {
        let mut dropped = Stale { first: SaveTicket(u64::MAX), changes: 0 };
        let first = (SmolStr::new(space), SmolStr::default());
        let after = (format_smolstr!("{space}\0"), SmolStr::default());
        let mut bytes = 0;
        for ((space, key), one) in self.waiting.extract_if(first..after, |_, _| true) {
            bytes += bytes_of(&space, &key, &one.value);
            dropped = dropped.and(Stale { first: one.first, changes: 1 });
        }
        self.discount(space, bytes);
        self.removed(dropped.first);
        dropped
    }

    /// Changes were removed from those that wait; `first` was the first save of these.
    fn removed(&mut self, first: SaveTicket) {
        if self.waiting_first.is_some_and(|of_all| first <= of_all) {
            self.waiting_first = self.waiting.values().map(|waiting| waiting.first).min();
        }
    }

    fn has_waiting(&self) -> bool {
        !self.waiting.is_empty() || !self.anew.is_empty()
    }

    fn wait(&mut self, ticket: SaveTicket, change: Change) {
        let Change { space, key, value } = change;
        if self.anew.covers(&space) {
            return;
        }
        self.count(&space, bytes_of(&space, &key, &value));
        let since_retry = self.retrying.as_ref().map(|_| ticket);
        let mut new = WaitingSave { first: ticket, last: ticket, since_retry, value };
        let name = (space, key);
        if let Some(old) = self.waiting.get(&name) {
            let bytes = bytes_of(&name.0, &name.1, &old.value);
            new.first = old.first.min(ticket);
            new.since_retry = old.since_retry.or(since_retry);
            self.discount(&name.0, bytes);
        }
        self.waiting_first = Some(self.waiting_first.map_or(new.first, |first| first.min(new.first)));
        self.waiting.insert(name, new);
        while self.waiting_bytes > WAITING_BYTES_MAX && self.write_largest_anew() {}
    }

    /// Whether a space can be written anew. Messages to other nodes are in no place from which they could be, and a space that
    /// several nodes write is not in the memory of one of them alone.
    fn is_in_memory(&self, space: &str) -> bool {
        Space::parse(space)
            .is_none_or(|(family, _)| !family.is_message() && (!self.is_shared || family.is_of_holder()))
    }

    /// So many bytes more of a space wait.
    fn count(&mut self, space: &SmolStr, bytes: usize) {
        self.waiting_bytes += bytes;
        if let Some(of_space) = self.waiting_of.get_mut(space) {
            *of_space += bytes;
        } else if self.is_in_memory(space) {
            self.waiting_of.insert(space.clone(), bytes);
        }
    }

    /// So many bytes fewer of a space wait.
    fn discount(&mut self, space: &str, bytes: usize) {
        self.waiting_bytes -= bytes;
        if let Some(of_space) = self.waiting_of.get_mut(space) {
            *of_space -= bytes;
            if *of_space == 0 {
                self.waiting_of.remove(space);
            }
        }
    }

    /// Drops the waiting changes of the space with the most bytes. The whole space is written anew. Returns false if there is
    /// none that can be.
    fn write_largest_anew(&mut self) -> bool {
        let largest = self.waiting_of.iter().max_by_key(|(_, bytes)| **bytes);
        let Some(space) = largest.map(|(space, _)| space.clone()) else { return false };
        let dropped = self.drop_waiting(&space);
        self.anew.add(space, dropped);
        self.rewrites += 1;
        true
    }

    /// Bytes of all changes that are not durable.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting_bytes + self.in_flight_bytes
    }

    /// Notes that the store has lost everything, and accepts only a save of everything. `next` is the ticket of the next
    /// save.
    pub fn lost(&mut self, next: SaveTicket) -> Turn {
        let was_failing = self.is_failing;
        let changes = self.waiting();
        if self.anew.everything.is_none() {
            let first = self.durable_before().min(next);
            self.anew.everything = Some(Stale { first, changes });
            self.rewrites += 1;
        }
        self.anew.spaces.clear();
        self.waiting.clear();
        self.waiting_of.clear();
        (self.waiting_bytes, self.waiting_first) = (0, None);
        self.failures = self.failures.max(1);
        self.is_failing = true;
        if was_failing { Turn::None } else { Turn::Failed }
    }

    /// Returns when the save that the store has just answered was sent.
    pub fn since(&self, ticket: SaveTicket) -> Option<Instant> {
        let retrying = self.retrying.as_ref().filter(|retry| retry.ticket == ticket).map(|retry| retry.since);
        let first = self.in_flight.front().filter(|first| first.ticket == ticket);
        retrying.or(first.map(|first| first.since))
    }

    /// Handles an answer of the store.
    pub fn answered(&mut self, ticket: SaveTicket, is_saved: bool) -> Turn {
        let was_failing = self.is_failing;
        if let Some(retrying) = self.retrying.take_if(|retry| retry.ticket == ticket) {
            self.retried(retrying, is_saved);
        } else if self.in_flight.front().is_some_and(|first| first.ticket == ticket) {
            self.first_answered(is_saved);
        }
        self.end_failing();
        match (was_failing, self.is_failing) {
            (false, true) => Turn::Failed,
            (true, false) => Turn::Recovered,
            _ => Turn::None,
        }
    }

    /// Handles a save that was not written because another node holds one of its muds. The rest of it is repeated at once:
    /// the store works.
    pub(crate) fn refused(&mut self, ticket: SaveTicket) {
        let (failures, was_failing) = (self.failures, self.is_failing);
        self.answered(ticket, false);
        (self.failures, self.is_failing) = (failures, was_failing);
    }

    /// Handles the answer to a save of changes that waited.
    fn retried(&mut self, retrying: Retrying, is_saved: bool) {
        let Retrying { ticket, anew, through, is_all, .. } = retrying;
        if !is_saved {
            self.failures = self.failures.saturating_add(1);
            self.is_failing = true;
            self.add_anew(anew);
            self.waiting.values_mut().for_each(|waiting| waiting.since_retry = None);
            return;
        }
        self.failures = u32::from(self.anew.everything.is_some());
        self.is_failing &= !is_all || self.failures > 0;
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|name, waiting| {
            let since_retry = waiting.since_retry.take();
            if through.as_ref().is_none_or(|last| name > last) {
                return true;
            }
            let is_newer = waiting.last > ticket;
            if is_newer {
                waiting.first = since_retry.unwrap_or(waiting.last);
            } else {
                self.discount(&name.0, bytes_of(&name.0, &name.1, &waiting.value));
            }
            is_newer
        });
        self.waiting = waiting;
        self.removed(SaveTicket(0));
    }

    /// Handles the answer to the first save in flight.
    fn first_answered(&mut self, is_saved: bool) {
        let Some(InFlight { ticket, changes, bytes, .. }) = self.in_flight.pop_front() else { return };
        self.in_flight_bytes -= bytes;
        if is_saved && self.waiting.is_empty() {
            return;
        }
        let told: BTreeSet<(SmolStr, SmolStr)> =
            if is_saved { BTreeSet::new() } else { self.told.iter().cloned().collect() };
        for change in changes {
            let name = (change.space.clone(), change.key.clone());
            if change.value.is_some() && told.contains(&name) {
                continue;
            }
            match self.waiting.get_mut(&name).filter(|waiting| waiting.last > ticket) {
                // A newer value waits already, and stands for this save too.
                Some(newer) if !is_saved => {
                    newer.first = newer.first.min(ticket);
                    self.waiting_first = self.waiting_first.map(|first| first.min(ticket));
                }
                Some(_) => {}
                // An older value that an earlier save failed to write is out of date.
                None if is_saved => self.forget_one(&name),
                None => self.wait(ticket, change),
            }
        }
        if !is_saved {
            self.failures = self.failures.max(1);
            self.is_failing = true;
        }
    }

    /// A store that has failed is tried again with what waits. If nothing waits, the next save tries it.
    fn end_failing(&mut self) {
        if !self.has_waiting() {
            (self.failures, self.is_failing) = (0, false);
        }
    }

    /// From now on several nodes share the store.
    pub(crate) fn share(&mut self) {
        self.is_shared = true;
    }

    /// Repeats no change of these spaces, and does not write them anew: another node may write them.
    pub(crate) fn let_go(&mut self, spaces: &[SmolStr]) {
        for one in &mut self.in_flight {
            one.changes.retain(|change| !spaces.contains(&change.space));
        }
        for space in spaces {
            self.drop_waiting(space);
            self.anew.spaces.remove(space);
            if let Some(retrying) = &mut self.retrying {
                retrying.anew.spaces.remove(space);
            }
        }
        self.end_failing();
    }

    /// The log has told a message that this node has saved: it is in the store, also if its save was answered with an error or is
    /// not answered yet. No other message has its key. Returns whether it was to be saved again.
    pub(crate) fn told(&mut self, space: &SmolStr, key: &SmolStr) -> bool {
        let name = (space.clone(), key.clone());
        let has_waited = self.waiting.get(&name).is_some_and(|waiting| waiting.value.is_some());
        if has_waited {
            self.forget_one(&name);
            self.end_failing();
        } else if !self.in_flight.is_empty() {
            self.told.push_back(name);
            if self.told.len() > TOLD_MAX {
                self.told.pop_front();
            }
        }
        has_waited
    }

    fn forget_one(&mut self, name: &(SmolStr, SmolStr)) {
        if let Some(old) = self.waiting.remove(name) {
            self.discount(&name.0, bytes_of(&name.0, &name.1, &old.value));
            self.removed(old.first);
        }
    }

    /// Returns waiting changes, to be saved under a ticket of their own, if no other save is in flight. `contents` returns the
    /// entries of what is written anew.
    pub fn retry(
        &mut self,
        now: Instant,
        ticket: SaveTicket,
        contents: impl Fn(&Clear) -> Vec<Change>,
    ) -> Option<(Clear, Vec<Change>)> {
        self.retry_within(RETRY_BYTES_MAX, (now, ticket), contents)
    }

    /// Returns waiting changes of about so many bytes.
    fn retry_within(
        &mut self,
        bytes_max: usize,
        (since, ticket): (Instant, SaveTicket),
        contents: impl Fn(&Clear) -> Vec<Change>,
    ) -> Option<(Clear, Vec<Change>)> {
        if !self.has_waiting() || self.retrying.is_some() || !self.in_flight.is_empty() {
            return None;
        }
        let mut parts = Anew { everything: self.anew.everything.take(), ..Anew::default() };
        let mut changes = if parts.everything.is_some() { contents(&Clear::Everything) } else { Vec::new() };
        let bytes_of = |change: &Change| bytes_of(&change.space, &change.key, &change.value);
        let mut bytes: usize = changes.iter().map(bytes_of).sum();
        while bytes < bytes_max
            && let Some((space, stale)) = self.anew.spaces.pop_first()
        {
            let entries = contents(&Clear::Spaces(vec![space.clone()]));
            bytes += entries.iter().map(bytes_of).sum::<usize>();
            changes.extend(entries);
            parts.add(space, stale);
        }
        let waiting = self.waiting.iter().map(|((space, key), waiting)| Change {
            space: space.clone(),
            key: key.clone(),
            value: waiting.value.clone(),
        });
        let waiting = waiting.take_while(|change| {
            let has_room = bytes < bytes_max;
            bytes += bytes_of(change);
            has_room
        });
        let before = changes.len();
        changes.extend(waiting);
        let through = changes[before..].last().map(|change| (change.space.clone(), change.key.clone()));
        let is_all = self.anew.is_empty() && changes.len() - before == self.waiting.len();
        let clear = without_lines(parts.clear());
        self.retrying = Some(Retrying { ticket, anew: parts, since, through, is_all });
        Some((clear, changes))
    }

    /// Returns all that waits, although other saves are in flight: no other one follows.
    pub fn last(
        &mut self,
        now: Instant,
        ticket: SaveTicket,
        contents: impl Fn(&Clear) -> Vec<Change>,
    ) -> Option<(Clear, Vec<Change>)> {
        if let Some(retrying) = self.retrying.take() {
            self.add_anew(retrying.anew);
        }
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.retry_within(usize::MAX, (now, ticket), contents)
    }

    /// Whether the store has not answered a save yet.
    pub fn is_under_way(&self) -> bool {
        !self.in_flight.is_empty() || self.retrying.is_some()
    }

    /// Returns how long to wait before the next [`Saves::retry`]; `None` if nothing waits.
    pub fn retry_after(&self) -> Option<Duration> {
        if !self.has_waiting() || self.retrying.is_some() || !self.in_flight.is_empty() {
            return None;
        }
        let doublings = self.failures.saturating_sub(1).min(16);
        let delay = RETRY_DELAY.saturating_mul(1 << doublings).min(RETRY_DELAY_MAX);
        Some(match (self.failures, self.anew.is_empty()) {
            (0, true) => Duration::ZERO,
            (0, false) => ANEW_PAUSE,
            _ => delay,
        })
    }

    /// Returns the first save that is not durable: all saves before it are.
    pub fn durable_before(&self) -> SaveTicket {
        let first = self.in_flight.front().map(|first| first.ticket);
        debug_assert_eq!(self.waiting_first, self.waiting.values().map(|waiting| waiting.first).min());
        let retrying = self.retrying.iter().flat_map(|retry| retry.anew.parts());
        let anew = self.anew.parts().chain(retrying).map(|stale| stale.first);
        first.into_iter().chain(self.waiting_first).chain(anew).min().unwrap_or(SaveTicket(u64::MAX))
    }

    /// Whether the store is failing.
    pub fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// Whether the store has lost everything, and nothing was sent yet to write it anew.
    pub fn is_lost(&self) -> bool {
        self.anew.everything.is_some()
    }

    /// Returns the number of changes that wait to be saved again.
    pub fn waiting(&self) -> usize {
        let retrying = self.retrying.iter().flat_map(|retry| retry.anew.parts());
        self.waiting.len() + self.anew.parts().chain(retrying).map(|stale| stale.changes).sum::<usize>()
    }

    /// Returns how often a space, or the whole store, had to be written anew.
    pub fn rewrites(&self) -> u64 {
        self.rewrites
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_node_may_write_is_not_repeated_and_the_rest_is_at_once() {
        let mut saves = Saves::default();
        let other = Change { space: "other".into(), ..put("a", "1") };
        assert!(saves.add(NOW, T(1), &[put("a", "1"), other.clone()]));
        saves.let_go(&["s".into()]);
        saves.refused(T(1));
        assert!(!saves.is_failing());
        assert_eq!(saves.retry_after(), Some(Duration::ZERO));
        assert_eq!(retry(&mut saves, 2), [other]);
        assert_eq!(saves.answered(T(2), true), Turn::None);
        assert_eq!(saves.durable_before(), T(u64::MAX));
    }

    #[test]
    fn a_message_that_the_log_has_told_is_not_saved_again() {
        let mut saves = Saves::default();
        saves.share();
        let message = |key: &str| Change { space: ">packet/M".into(), ..put(key, "x") };
        assert!(saves.add(NOW, T(1), &[message("1"), put("a", "1")]));
        assert!(saves.add(NOW, T(2), &[message("2")]));
        // One is told before its answer, the other one after it.
        assert!(!saves.told(&">packet/M".into(), &"1".into()));
        assert_eq!(saves.answered(T(1), false), Turn::Failed);
        assert_eq!(saves.answered(T(2), false), Turn::None);
        assert_eq!((saves.waiting(), saves.durable_before()), (2, T(1)));
        assert!(saves.told(&">packet/M".into(), &"2".into()) && saves.is_failing());
        assert_eq!(retry(&mut saves, 3), [put("a", "1")]);
        // While it is repeated.
        saves.add(NOW, T(4), &[message("4")]);
        assert_eq!(saves.answered(T(3), false), Turn::None);
        retry(&mut saves, 5);
        assert!(saves.told(&">packet/M".into(), &"4".into()));
        assert_eq!(saves.answered(T(5), true), Turn::Recovered);
        assert_eq!((saves.waiting(), saves.durable_before()), (0, T(u64::MAX)));
    }

    fn put(key: &str, value: &str) -> Change {
        Change { space: "s".into(), key: key.into(), value: Some(value.as_bytes().into()) }
    }

    fn delete(key: &str) -> Change {
        Change { value: None, ..put(key, "") }
    }

    const T: fn(u64) -> SaveTicket = SaveTicket;

    const NOW: Instant = Instant::ORIGIN;

    /// What a retry saves when nothing is written anew.
    fn retry(saves: &mut Saves, ticket: u64) -> Vec<Change> {
        let again = saves.retry(NOW, T(ticket), |clear| panic!("{clear:?}"));
        let (clear, changes) = again.unwrap();
        assert_eq!(clear, Clear::Nothing);
        changes
    }

    #[test]
    fn a_failed_change_is_saved_again_but_never_over_a_newer_one() {
        let mut saves = Saves::default();
        assert!(saves.add(NOW, T(1), &[put("a", "1"), put("b", "1")]));
        assert!(saves.add(NOW, T(2), &[put("a", "2")]));
        assert!(saves.add(NOW, T(3), &[put("c", "3")]));
        assert_eq!(saves.answered(T(1), false), Turn::Failed);
        assert_eq!(saves.answered(T(2), true), Turn::None);
        assert_eq!(saves.durable_before(), T(1));
        assert!(saves.retry_after().is_none(), "one is still on its way");
        assert!(!saves.add(NOW, T(4), &[put("b", "4"), put("d", "4")]));
        assert_eq!(saves.answered(T(3), false), Turn::None);
        assert_eq!(saves.retry_after(), Some(RETRY_DELAY));
        assert_eq!(retry(&mut saves, 5), [put("b", "4"), put("c", "3"), put("d", "4")]);
        assert!(!saves.add(NOW, T(6), &[put("c", "6")]), "it waits behind the others");
        assert_eq!(saves.answered(T(5), false), Turn::None);
        assert_eq!(saves.retry_after(), Some(RETRY_DELAY * 2));
        assert_eq!(retry(&mut saves, 7), [put("b", "4"), put("c", "6"), put("d", "4")]);
        assert!(!saves.add(NOW, T(8), &[put("d", "8")]));
        assert_eq!(saves.answered(T(7), true), Turn::Recovered);
        assert_eq!(saves.durable_before(), T(8));
        assert_eq!(saves.retry_after(), Some(Duration::ZERO));
        assert_eq!(retry(&mut saves, 9), [put("d", "8")]);
        assert_eq!(saves.answered(T(9), true), Turn::None);
        assert_eq!((saves.durable_before(), saves.retry_after(), saves.waiting()), (T(u64::MAX), None, 0));
        assert_eq!(saves.waiting_bytes, 0);
        assert!(saves.add(NOW, T(10), &[put("a", "10")]));
    }

    #[test]
    fn a_save_is_not_durable_because_a_later_one_of_its_key_waits() {
        let mut saves = Saves::default();
        assert!(saves.add(NOW, T(1), &[put("a", "1")]));
        saves.answered(T(1), false);
        saves.add(NOW, T(2), &[put("a", "2")]);
        assert_eq!(saves.durable_before(), T(1), "neither value is in the store");
        retry(&mut saves, 3);
        saves.add(NOW, T(4), &[put("a", "4")]);
        saves.add(NOW, T(5), &[put("a", "5")]);
        assert_eq!(saves.durable_before(), T(1));
        saves.answered(T(3), false);
        assert_eq!(saves.durable_before(), T(1));
        retry(&mut saves, 6);
        saves.add(NOW, T(7), &[put("a", "7")]);
        saves.add(NOW, T(8), &[put("a", "8")]);
        saves.answered(T(6), true);
        assert_eq!(saves.durable_before(), T(7), "the value of 5 is in the store");
        // A save in flight that fails is not durable because a newer value waits.
        let mut saves = Saves::default();
        assert!(saves.add(NOW, T(1), &[put("a", "1")]) && saves.add(NOW, T(2), &[put("b", "2")]));
        saves.answered(T(1), false);
        saves.add(NOW, T(3), &[put("b", "3")]);
        saves.answered(T(2), false);
        retry(&mut saves, 4);
        saves.answered(T(4), true);
        assert_eq!(saves.durable_before(), T(u64::MAX));
    }

    #[test]
    fn of_too_much_that_waits_no_deletion_is_lost_and_the_largest_space_is_written_anew() {
        let mut saves = Saves::default();
        for n in 1..=IN_FLIGHT_MAX as u64 {
            assert!(saves.add(NOW, T(n), &[put("a", "x")]));
        }
        let value = "x".repeat(10_000);
        let events = |change: Change| Change { space: "events/Alpha".into(), ..change };
        let first = IN_FLIGHT_MAX as u64 + 1;
        for n in 0..1_000 {
            let event = events(put(&format!("{n:020}"), &value));
            let removed = events(delete(&format!("{:020}", n + 5_000)));
            let password = put(&format!("{}", n % 3), "1");
            assert!(!saves.add(NOW, T(first + n), &[event, removed, password]));
            assert!(saves.waiting_bytes <= WAITING_BYTES_MAX);
        }
        assert_eq!((saves.waiting.len(), saves.rewrites()), (3, 1), "the passwords wait");
        assert_eq!(saves.durable_before(), T(1));
        for n in 1..=IN_FLIGHT_MAX as u64 {
            saves.answered(T(n), true);
        }
        assert_eq!(saves.durable_before(), T(first), "the first that had to wait");
        let kept = events(put("kept", "1"));
        let space = Clear::Spaces(vec!["events/Alpha".into()]);
        let (clear, changes) = saves.retry(NOW, T(2_000), |_| vec![kept.clone()]).unwrap();
        assert_eq!((&clear, changes.len(), &changes[0]), (&space, 4, &kept));
        // What comes now is newer than what is being written. A failure begins again with all of it.
        saves.add(NOW, T(2_001), &[events(put("new", "2"))]);
        assert_eq!(saves.answered(T(2_000), false), Turn::Failed);
        assert_eq!(saves.durable_before(), T(first));
        let (clear, changes) = saves.retry(NOW, T(2_002), |_| vec![kept.clone()]).unwrap();
        assert_eq!((clear, changes.len()), (space, 4), "the new one is in memory, or has left it");
        assert_eq!(saves.answered(T(2_002), true), Turn::Recovered);
        assert_eq!((saves.durable_before(), saves.waiting(), saves.waiting_bytes), (T(u64::MAX), 0, 0));
    }

    #[test]
    fn a_change_that_waited_is_not_written_over_a_space_that_is_written_anew() {
        let mut saves = Saves::default();
        for n in 1..=IN_FLIGHT_MAX as u64 {
            assert!(saves.add(NOW, T(n), &[put("a", "x")]));
        }
        let event = |key: &str| Change { space: "events/Alpha".into(), ..put(key, &"x".repeat(70_000)) };
        let other = Change { space: "events/Alpha2".into(), ..put("1", "1") };
        assert!(!saves.add(NOW, T(1_000), &[event("1"), other.clone()]));
        // Now its event 1 may leave memory, and nobody saves that.
        assert!(!saves.saves_each("events/Alpha", T(1_001)));
        for n in 1..=IN_FLIGHT_MAX as u64 {
            saves.answered(T(n), true);
        }
        assert_eq!((saves.durable_before(), saves.waiting()), (T(1_000), 3));
        let (_, changes) = saves.retry(NOW, T(1_002), |_| vec![event("2")]).unwrap();
        assert_eq!(changes, [event("2"), other]);
        // The same when that save fails.
        saves.add(NOW, T(1_003), &[event("3")]);
        assert_eq!(saves.answered(T(1_002), false), Turn::Failed);
        let (_, changes) = saves.retry(NOW, T(1_004), |_| vec![event("4")]).unwrap();
        assert_eq!(changes.len(), 2);
        assert_eq!(saves.answered(T(1_004), true), Turn::Recovered);
        assert_eq!((saves.durable_before(), saves.waiting(), saves.waiting_bytes), (T(u64::MAX), 0, 0));
    }

    #[test]
    fn lines_of_the_history_are_written_anew_from_memory_and_never_removed() {
        let mut saves = Saves::default();
        assert!(saves.add(NOW, T(1), &[put("a", "x")]));
        saves.answered(T(1), false);
        let value: Arc<[u8]> = vec![b'x'; 100_000].into();
        for id in 2..40 {
            saves.add(NOW, T(id), &[line::put("Alpha", id, value.clone())]);
            assert!(saves.waiting_bytes <= WAITING_BYTES_MAX);
        }
        let newest = line::put("Alpha", 39, value);
        let contents = |parts: &Clear| {
            assert_eq!(parts, &Clear::Spaces(vec![newest.space.clone()]));
            vec![newest.clone()]
        };
        let (clear, changes) = saves.retry(NOW, T(50), contents).unwrap();
        assert_eq!((clear, changes[0] == newest), (Clear::Nothing, true));
        assert_eq!(saves.answered(T(50), true), Turn::Recovered);
    }

    #[test]
    fn much_that_waits_is_saved_in_parts() {
        let mut saves = Saves::default();
        saves.share();
        let of = |space: &str, key: u64| Change {
            space: space.into(),
            key: format_smolstr!("{key:04}"),
            value: Some(vec![b'x'; 10_000].into()),
        };
        assert!(saves.add(NOW, T(1), &[of(">packet/M", 0)]));
        assert_eq!(saves.answered(T(1), false), Turn::Failed);
        for key in 1..500 {
            saves.add(NOW, T(1 + key), &[of(">packet/M", key)]);
        }
        for (at, space) in ["events/A", "events/B"].into_iter().enumerate() {
            saves.write_anew(space, T(600 + at as u64));
        }
        let contents = |clear: &Clear| match clear {
            Clear::Spaces(spaces) => (0..250).map(|key| of(&spaces[0], key)).collect(),
            other => panic!("{other:?}"),
        };
        let (mut ticket, mut saved, mut cleared) = (1_000, Vec::new(), Vec::new());
        while let Some((clear, changes)) = saves.retry(NOW, T(ticket), contents) {
            let bytes: usize =
                changes.iter().map(|change| bytes_of(&change.space, &change.key, &change.value)).sum();
            assert!(bytes < 2 * RETRY_BYTES_MAX, "{bytes}");
            assert!(saves.is_failing() && saves.durable_before() <= T(602));
            if let Clear::Spaces(spaces) = clear {
                cleared.extend(spaces);
            }
            // One that is not in this part comes again.
            if ticket == 1_000 {
                saves.add(NOW, T(1_001), &[of(">packet/M", 499)]);
            }
            let is_last = saved.len() + changes.len() == 1_000;
            let turn = saves.answered(T(ticket), true);
            assert_eq!(turn, if is_last { Turn::Recovered } else { Turn::None });
            saved.extend(changes);
            ticket += 10;
        }
        assert!(ticket >= 1_040 && cleared == ["events/A", "events/B"]);
        let packets: Vec<&Change> = saved.iter().filter(|change| change.space == ">packet/M").collect();
        assert!(packets.is_sorted_by_key(|change| &change.key) && packets.len() == 500);
        assert_eq!((saves.durable_before(), saves.waiting(), saves.waiting_bytes), (T(u64::MAX), 0, 0));
    }

    #[test]
    fn messages_to_other_nodes_are_never_written_anew() {
        let mut saves = Saves::default();
        saves.share();
        let value: Arc<[u8]> = vec![b'x'; 5_000].into();
        let of = |space: &str, key: SmolStr| Change { space: space.into(), key, value: Some(value.clone()) };
        assert!(saves.add(NOW, T(1), &[of(">packet/M", "first".into())]));
        saves.answered(T(1), false);
        for n in 0..1_000u64 {
            saves.add(NOW, T(2 + n), &[of(">packet/M", format_smolstr!("{n}")), of("ban/M", "1".into())]);
        }
        assert_eq!((saves.waiting(), saves.rewrites(), saves.waiting_of.len()), (1_002, 0, 0));
        assert!(saves.waiting_bytes > WAITING_BYTES_MAX);
        // A space that can be written anew is.
        saves.add(NOW, T(9_000), &[of("events/M", "1".into())]);
        assert_eq!((saves.waiting(), saves.rewrites(), saves.waiting_of.len()), (1_003, 1, 0));
        assert!(saves.anew.covers("events/M"));
    }

    #[test]
    fn bytes_in_flight_are_limited_too() {
        let mut saves = Saves::default();
        let value = "x".repeat(IN_FLIGHT_BYTES_MAX / 2);
        assert!(saves.add(NOW, T(1), &[put("a", &value)]) && saves.add(NOW, T(2), &[put("b", &value)]));
        assert!(!saves.add(NOW, T(3), &[put("c", "1")]));
        saves.answered(T(1), true);
        saves.answered(T(2), true);
        assert_eq!(retry(&mut saves, 4), [put("c", "1")]);
        assert_eq!((saves.answered(T(4), true), saves.in_flight_bytes), (Turn::None, 0));
    }

    #[test]
    fn a_store_that_has_lost_everything_is_written_anew() {
        let mut saves = Saves::default();
        assert!(saves.add(NOW, T(1), &[put("a", "1")]));
        assert_eq!(saves.answered(T(1), true), Turn::None);
        assert_eq!(saves.lost(T(2)), Turn::Failed);
        assert_eq!(saves.lost(T(2)), Turn::None, "it is said once");
        assert!(!saves.add(NOW, T(2), &[put("b", "2")]));
        assert_eq!((saves.durable_before(), saves.retry_after()), (T(2), Some(RETRY_DELAY)));
        let whole = || vec![put("a", "1"), put("b", "2")];
        let (clear, changes) = saves.retry(NOW, T(3), |_| whole()).unwrap();
        assert_eq!((clear, changes), (Clear::Everything, whole()));
        saves.add(NOW, T(4), &[put("c", "4")]);
        assert_eq!((saves.answered(T(3), false), saves.durable_before()), (Turn::None, T(2)));
        let (clear, _) = saves.retry(NOW, T(5), |_| whole()).unwrap();
        assert_eq!((clear, saves.answered(T(5), true)), (Clear::Everything, Turn::Recovered));
        assert_eq!((saves.durable_before(), saves.waiting()), (T(u64::MAX), 0));
        // While it is being written anew, it is lost once more.
        saves.lost(T(6));
        saves.retry(NOW, T(6), |_| whole());
        saves.lost(T(7));
        assert_eq!(saves.answered(T(6), true), Turn::None);
        assert!(saves.is_failing() && saves.durable_before() <= T(7));
        // A save that was on its way when the store was lost is not durable.
        let mut saves = Saves::default();
        assert!(saves.add(NOW, T(1), &[put("a", "1")]));
        saves.lost(T(2));
        saves.answered(T(1), false);
        assert_eq!(saves.durable_before(), T(1));
    }
}
