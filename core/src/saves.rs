//! The saves in flight to the store. A failed save is not lost: its changes wait, together with all later ones, and are
//! repeated as one save until the store accepts them. If too many changes wait, the whole space of most of them is
//! written anew instead. So neither a value nor a deletion is ever given up.

use crate::machine::{Change, Clear, SaveTicket};
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Number of saves that may be unanswered at a time. Further changes wait here and are saved together.
const IN_FLIGHT_MAX: usize = 256;

/// Bytes of changes that may be unanswered before further changes wait.
const IN_FLIGHT_BYTES_MAX: usize = 2_097_152;

/// Bytes of changes that may wait. Beyond it, the space with most of them is written anew.
const WAITING_BYTES_MAX: usize = 2_097_152;

/// Bytes of changes that wait, above which kept events are no longer saved one by one while the store works.
const EACH_WAITING_BYTES_MAX: usize = 65_536;

/// The pause before spaces are written anew while the store works. In that time further changes of them come together.
const ANEW_PAUSE: Duration = Duration::from_millis(50);

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
    /// The first save of this key since the save of all waiting changes was sent.
    since_retry: Option<SaveTicket>,
    value: Option<Vec<u8>>,
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
    /// Spaces of which too many changes waited.
    spaces: BTreeMap<String, Stale>,
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

    fn add(&mut self, space: String, stale: Stale) {
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

/// A save of all waiting changes that the store has not answered.
#[derive(Debug)]
struct Retrying {
    ticket: SaveTicket,
    anew: Anew,
    since: Instant,
}

/// The saves that are not durable yet.
#[derive(Debug, Default)]
pub struct Saves {
    in_flight: VecDeque<InFlight>,
    in_flight_bytes: usize,
    waiting: BTreeMap<(String, String), WaitingSave>,
    waiting_bytes: usize,
    anew: Anew,
    retrying: Option<Retrying>,
    /// Number of failures in a row.
    failures: u32,
    /// How often a space, or the whole store, had to be written anew.
    rewrites: u64,
}

fn bytes_of(space: &str, key: &str, value: &Option<Vec<u8>>) -> usize {
    space.len() + key.len() + value.as_ref().map_or(0, Vec::len) + CHANGE_OVERHEAD_BYTES
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
        if keeps_up || self.failures > 0 {
            return true;
        }
        self.write_anew(space, ticket);
        false
    }

    /// Lets a space be written anew; `ticket` is that of the next save.
    pub(crate) fn write_anew(&mut self, space: &str, ticket: SaveTicket) {
        if !self.anew.covers(space) {
            self.anew.add(space.to_owned(), Stale { first: ticket, changes: 1 });
            self.rewrites += 1;
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
        self.waiting_bytes += bytes_of(&space, &key, &value);
        let since_retry = self.retrying.as_ref().map(|_| ticket);
        let mut new = WaitingSave { first: ticket, last: ticket, since_retry, value };
        let name = (space, key);
        if let Some(old) = self.waiting.get(&name) {
            self.waiting_bytes -= bytes_of(&name.0, &name.1, &old.value);
            new.first = old.first.min(ticket);
            new.since_retry = old.since_retry.or(since_retry);
        }
        self.waiting.insert(name, new);
        while self.waiting_bytes > WAITING_BYTES_MAX {
            self.write_largest_anew();
        }
    }

    /// Drops the waiting changes of the space with the most bytes. The whole space is written anew.
    fn write_largest_anew(&mut self) {
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        for ((space, key), one) in &self.waiting {
            *sizes.entry(space).or_default() += bytes_of(space, key, &one.value);
        }
        let Some((space, bytes)) = sizes.into_iter().max_by_key(|(_, bytes)| *bytes) else { return };
        let space = space.to_owned();
        let mut dropped = Stale { first: SaveTicket(u64::MAX), changes: 0 };
        self.waiting.retain(|(of, _), one| {
            if *of == space {
                dropped = dropped.and(Stale { first: one.first, changes: 1 });
            }
            *of != space
        });
        self.waiting_bytes -= bytes;
        self.anew.add(space, dropped);
        self.rewrites += 1;
    }

    /// Notes that the store has lost everything, and accepts only a save of everything. `next` is the ticket of the next
    /// save.
    pub fn lost(&mut self, next: SaveTicket) -> Turn {
        let was_failing = self.failures > 0;
        let changes = self.waiting();
        if self.anew.everything.is_none() {
            let first = self.durable_before().min(next);
            self.anew.everything = Some(Stale { first, changes });
            self.rewrites += 1;
        }
        self.anew.spaces.clear();
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.failures = self.failures.max(1);
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
        let was_failing = self.failures > 0;
        if let Some(Retrying { anew, .. }) = self.retrying.take_if(|retry| retry.ticket == ticket) {
            self.retried(ticket, anew, is_saved);
        } else if self.in_flight.front().is_some_and(|first| first.ticket == ticket) {
            self.first_answered(is_saved);
        }
        if is_saved && !self.has_waiting() {
            self.failures = 0;
        }
        match (was_failing, self.failures > 0) {
            (false, true) => Turn::Failed,
            (true, false) => Turn::Recovered,
            _ => Turn::None,
        }
    }

    /// Handles the answer to a save of all changes that waited.
    fn retried(&mut self, ticket: SaveTicket, anew: Anew, is_saved: bool) {
        if !is_saved {
            self.failures = self.failures.saturating_add(1);
            self.anew.add_all(anew);
            self.waiting.values_mut().for_each(|waiting| waiting.since_retry = None);
            return;
        }
        self.failures = u32::from(self.anew.everything.is_some());
        let bytes = &mut self.waiting_bytes;
        self.waiting.retain(|(space, key), waiting| {
            let is_newer = waiting.last > ticket;
            if is_newer {
                waiting.first = waiting.since_retry.take().unwrap_or(waiting.last);
            } else {
                *bytes -= bytes_of(space, key, &waiting.value);
            }
            is_newer
        });
    }

    /// Handles the answer to the first save in flight.
    fn first_answered(&mut self, is_saved: bool) {
        let Some(InFlight { ticket, changes, bytes, .. }) = self.in_flight.pop_front() else { return };
        self.in_flight_bytes -= bytes;
        if is_saved && self.waiting.is_empty() {
            return;
        }
        for change in changes {
            let name = (change.space.clone(), change.key.clone());
            match self.waiting.get_mut(&name).filter(|waiting| waiting.last > ticket) {
                // A newer value waits already, and stands for this save too.
                Some(newer) if !is_saved => newer.first = newer.first.min(ticket),
                Some(_) => {}
                // An older value that an earlier save failed to write is out of date.
                None if is_saved => self.forget_one(&name),
                None => self.wait(ticket, change),
            }
        }
        if !is_saved {
            self.failures = self.failures.max(1);
        }
    }

    fn forget_one(&mut self, name: &(String, String)) {
        if let Some(old) = self.waiting.remove(name) {
            self.waiting_bytes -= bytes_of(&name.0, &name.1, &old.value);
        }
    }

    /// Returns all waiting changes, to be saved under a ticket of their own, if no other save is in flight. `contents`
    /// returns the entries of what is written anew.
    pub fn retry(
        &mut self,
        now: Instant,
        ticket: SaveTicket,
        contents: impl FnOnce(&Clear) -> Vec<Change>,
    ) -> Option<(Clear, Vec<Change>)> {
        if !self.has_waiting() || self.retrying.is_some() || !self.in_flight.is_empty() {
            return None;
        }
        let anew = std::mem::take(&mut self.anew);
        let clear = anew.clear();
        self.retrying = Some(Retrying { ticket, anew, since: now });
        let mut changes = if clear == Clear::Nothing { Vec::new() } else { contents(&clear) };
        changes.extend(self.waiting.iter().map(|((space, key), waiting)| Change {
            space: space.clone(),
            key: key.clone(),
            value: waiting.value.clone(),
        }));
        Some((clear, changes))
    }

    /// Returns all that waits, although other saves are in flight: no other one follows.
    pub fn last(
        &mut self,
        now: Instant,
        ticket: SaveTicket,
        contents: impl FnOnce(&Clear) -> Vec<Change>,
    ) -> Option<(Clear, Vec<Change>)> {
        if let Some(retrying) = self.retrying.take() {
            self.anew.add_all(retrying.anew);
        }
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.retry(now, ticket, contents)
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
        let waiting = self.waiting.values().map(|waiting| waiting.first);
        let retrying = self.retrying.iter().flat_map(|retry| retry.anew.parts());
        let anew = self.anew.parts().chain(retrying).map(|stale| stale.first);
        first.into_iter().chain(waiting).chain(anew).min().unwrap_or(SaveTicket(u64::MAX))
    }

    /// Whether the store is failing.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
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

    fn put(key: &str, value: &str) -> Change {
        Change { space: "s".to_owned(), key: key.to_owned(), value: Some(value.as_bytes().to_vec()) }
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
        let events = |change: Change| Change { space: "events/Alpha".to_owned(), ..change };
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
        let space = Clear::Spaces(vec!["events/Alpha".to_owned()]);
        let (clear, changes) = saves.retry(NOW, T(2_000), |_| vec![kept.clone()]).unwrap();
        assert_eq!((&clear, changes.len(), &changes[0]), (&space, 4, &kept));
        // What comes now is newer than what is being written. A failure begins again with all of it.
        saves.add(NOW, T(2_001), &[events(put("new", "2"))]);
        assert_eq!(saves.answered(T(2_000), false), Turn::Failed);
        assert_eq!(saves.durable_before(), T(first));
        let (clear, changes) = saves.retry(NOW, T(2_002), |_| vec![kept]).unwrap();
        assert_eq!((clear, changes.len()), (space, 5));
        assert_eq!(saves.answered(T(2_002), true), Turn::Recovered);
        assert_eq!((saves.durable_before(), saves.waiting(), saves.waiting_bytes), (T(u64::MAX), 0, 0));
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
