//! The saves in flight to the store. A failed save is not lost: its changes wait, together with all later ones, and are
//! repeated as one save until the store accepts them.

use crate::machine::{Change, SaveTicket};
use crate::spaces::EXPENDABLE;
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Number of saves that may be unanswered at a time. Further changes wait here and are saved together.
const IN_FLIGHT_MAX: usize = 256;

/// Bytes of changes that may wait. Beyond it, the least important changes are dropped, oldest first.
const WAITING_BYTES_MAX: usize = 2_097_152;

/// The memory that a waiting change needs besides its texts.
const CHANGE_OVERHEAD_BYTES: usize = 128;

/// The wait before a failed save is repeated. It doubles with each further failure, up to [`RETRY_DELAY_MAX`].
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The longest wait before a failed save is repeated.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);

/// A waiting change.
#[derive(Debug)]
struct WaitingSave {
    /// The save that last set the change.
    ticket: SaveTicket,
    value: Option<Vec<u8>>,
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
    since: Instant,
}

/// The saves that are not durable yet.
#[derive(Debug, Default)]
pub struct Saves {
    in_flight: VecDeque<InFlight>,
    waiting: BTreeMap<(String, String), WaitingSave>,
    waiting_bytes: usize,
    /// A save of all waiting changes that is in flight: its ticket, the last ticket whose changes it holds, and when it
    /// began.
    retrying: Option<(SaveTicket, SaveTicket, Instant)>,
    /// Number of failures in a row.
    failures: u32,
    /// Number of changes that were dropped because too many waited.
    given_up: u64,
}

impl Saves {
    /// Adds a save. Returns whether it must be sent to the store at once.
    pub fn add(&mut self, now: Instant, ticket: SaveTicket, changes: &[Change]) -> bool {
        if self.failures == 0 && self.waiting.is_empty() && self.in_flight.len() < IN_FLIGHT_MAX {
            self.in_flight.push_back(InFlight { ticket, changes: changes.to_vec(), since: now });
            return true;
        }
        for change in changes {
            self.wait(ticket, change.clone());
        }
        false
    }

    fn wait(&mut self, ticket: SaveTicket, change: Change) {
        let bytes = |key: &(String, String), value: &Option<Vec<u8>>| {
            key.0.len() + key.1.len() + value.as_ref().map_or(0, Vec::len) + CHANGE_OVERHEAD_BYTES
        };
        let Change { space, key, value } = change;
        let name = (space, key);
        self.waiting_bytes += bytes(&name, &value);
        if let Some(old) = self.waiting.get(&name) {
            self.waiting_bytes -= bytes(&name, &old.value);
        }
        self.waiting.insert(name, WaitingSave { ticket, value });
        while self.waiting_bytes > WAITING_BYTES_MAX {
            let expendable = EXPENDABLE.iter().find_map(|family| {
                let from = ((*family).to_owned(), String::new());
                let first = self.waiting.range(from..).next().filter(|(name, _)| name.0.starts_with(family));
                first.map(|(name, _)| name.clone())
            });
            let Some(name) = expendable else { return };
            if let Some(old) = self.waiting.remove(&name) {
                self.waiting_bytes -= bytes(&name, &old.value);
                self.given_up += 1;
            }
        }
    }

    /// Returns when the save that the store has just answered was sent.
    pub fn since(&self, ticket: SaveTicket) -> Option<Instant> {
        let retrying = self.retrying.filter(|(retry, _, _)| *retry == ticket).map(|(_, _, since)| since);
        let first = self.in_flight.front().filter(|first| first.ticket == ticket);
        retrying.or(first.map(|first| first.since))
    }

    /// Handles an answer of the store.
    pub fn answered(&mut self, ticket: SaveTicket, is_saved: bool) -> Turn {
        let was_failing = self.failures > 0;
        if let Some((_, through, _)) = self.retrying.take_if(|(retry, _, _)| *retry == ticket) {
            if is_saved {
                self.failures = 0;
                self.forget(|waiting| waiting.ticket <= through);
            } else {
                self.failures = self.failures.saturating_add(1);
            }
        } else if self.in_flight.front().is_some_and(|first| first.ticket == ticket) {
            let changes = self.in_flight.pop_front().map(|first| first.changes).unwrap_or_default();
            for change in changes {
                let name = (change.space.clone(), change.key.clone());
                let is_newer = self.waiting.get(&name).is_none_or(|waiting| waiting.ticket < ticket);
                match is_newer {
                    // An older value that an earlier save failed to write is out of date.
                    true if is_saved => self.forget_one(&name),
                    true => self.wait(ticket, change),
                    false => {}
                }
            }
            if !is_saved {
                self.failures = self.failures.max(1);
            }
        }
        if is_saved && self.waiting.is_empty() {
            self.failures = 0;
        }
        match (was_failing, self.failures > 0) {
            (false, true) => Turn::Failed,
            (true, false) => Turn::Recovered,
            _ => Turn::None,
        }
    }

    fn forget(&mut self, which: impl Fn(&WaitingSave) -> bool) {
        let names: Vec<_> =
            self.waiting.iter().filter(|(_, one)| which(one)).map(|(name, _)| name.clone()).collect();
        names.iter().for_each(|name| self.forget_one(name));
    }

    fn forget_one(&mut self, name: &(String, String)) {
        if let Some(old) = self.waiting.remove(name) {
            let value = old.value.map_or(0, |value| value.len());
            self.waiting_bytes -= name.0.len() + name.1.len() + value + CHANGE_OVERHEAD_BYTES;
        }
    }

    /// Returns all waiting changes, to be saved under a ticket of their own, if no other save is in flight.
    pub fn retry(&mut self, now: Instant, ticket: SaveTicket) -> Option<Vec<Change>> {
        if self.waiting.is_empty() || self.retrying.is_some() || !self.in_flight.is_empty() {
            return None;
        }
        self.retrying = Some((ticket, ticket, now));
        let changes = self.waiting.iter().map(|((space, key), waiting)| Change {
            space: space.clone(),
            key: key.clone(),
            value: waiting.value.clone(),
        });
        Some(changes.collect())
    }

    /// Returns how long to wait before the next [`Saves::retry`]; `None` if no changes wait.
    pub fn retry_after(&self) -> Option<Duration> {
        if self.waiting.is_empty() || self.retrying.is_some() || !self.in_flight.is_empty() {
            return None;
        }
        let doublings = self.failures.saturating_sub(1).min(16);
        let delay = RETRY_DELAY.saturating_mul(1 << doublings).min(RETRY_DELAY_MAX);
        Some(if self.failures == 0 { Duration::ZERO } else { delay })
    }

    /// Returns the first save that is not durable: all saves before it are.
    pub fn durable_before(&self) -> SaveTicket {
        let first = self.in_flight.front().map(|first| first.ticket);
        let waiting = self.waiting.values().map(|waiting| waiting.ticket).min();
        first.into_iter().chain(waiting).min().unwrap_or(SaveTicket(u64::MAX))
    }

    /// Whether the store is failing.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Returns the number of changes that wait to be saved again.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns the number of changes that were dropped because too many waited.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> Change {
        Change { space: "s".to_owned(), key: key.to_owned(), value: Some(value.as_bytes().to_vec()) }
    }

    const T: fn(u64) -> SaveTicket = SaveTicket;

    const NOW: Instant = Instant::ORIGIN;

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
        assert_eq!(saves.retry(NOW, T(5)).unwrap(), [put("b", "4"), put("c", "3"), put("d", "4")]);
        assert!(!saves.add(NOW, T(6), &[put("c", "6")]), "it waits behind the others");
        assert_eq!(saves.answered(T(5), false), Turn::None);
        assert_eq!(saves.retry_after(), Some(RETRY_DELAY * 2));
        assert_eq!(saves.retry(NOW, T(7)).unwrap(), [put("b", "4"), put("c", "6"), put("d", "4")]);
        assert!(!saves.add(NOW, T(8), &[put("d", "8")]));
        assert_eq!(saves.answered(T(7), true), Turn::Recovered);
        assert_eq!(saves.durable_before(), T(8));
        assert_eq!(saves.retry_after(), Some(Duration::ZERO));
        assert_eq!(saves.retry(NOW, T(9)).unwrap(), [put("d", "8")]);
        assert_eq!(saves.answered(T(9), true), Turn::None);
        assert_eq!((saves.durable_before(), saves.retry_after(), saves.waiting()), (T(u64::MAX), None, 0));
        assert_eq!(saves.waiting_bytes, 0);
        assert!(saves.add(NOW, T(10), &[put("a", "10")]));
    }

    #[test]
    fn unanswered_and_waiting_changes_are_limited() {
        let mut saves = Saves::default();
        for n in 1..=IN_FLIGHT_MAX as u64 {
            assert!(saves.add(NOW, T(n), &[put("a", "x")]));
        }
        let value = "x".repeat(10_000);
        for n in 1..=1_000 {
            let event = Change { space: "events/Alpha".to_owned(), ..put(&format!("{n:020}"), &value) };
            let password = Change { space: "password/Alpha".to_owned(), ..put(&format!("{}", n % 3), "1") };
            assert!(!saves.add(NOW, T(IN_FLIGHT_MAX as u64 + n), &[event, password]));
            assert!(saves.waiting_bytes <= WAITING_BYTES_MAX);
        }
        let passwords = saves.waiting.keys().filter(|name| name.0 == "password/Alpha").count();
        assert_eq!((passwords, saves.waiting.len() as u64 + saves.given_up), (3, 1_003));
        let oldest = saves.waiting.keys().next().unwrap().1.parse::<u64>().unwrap();
        assert_eq!(oldest, 1 + saves.given_up, "the oldest go first");
    }
}
