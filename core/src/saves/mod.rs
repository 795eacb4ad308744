//! The saves in flight to the store. A failed save is not lost: its changes wait, together with all later ones, and are
//! repeated, about 2 MiB at a time, until the store accepts them. If too many changes wait, the whole space of most of them is
//! written anew instead. So neither a value nor a deletion is ever given up.

mod anew;
mod lines;
#[cfg(test)]
mod tests;
mod waiting;

use crate::line;
use crate::machine::{Change, Clear, SaveTicket, SmolStr};
use crate::time::Instant;
use anew::{Anew, Stale, without_lines};
use lines::lines_in;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use waiting::{Name, One, Waiting, bytes_of_change};

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

/// The same pause in a flood of which not even the lines of the history can wait.
const FLOOD_PAUSE: Duration = Duration::from_millis(250);

/// Messages of this node whose saves were told, and that are remembered.
const TOLD_MAX: usize = 4_096;

/// The wait before a failed save is repeated. It doubles with each further failure, up to [`RETRY_DELAY_MAX`].
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The longest wait before a failed save is repeated.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);

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
    /// Number of lines of the history in it that are not saved again if it fails.
    lines_let_go: u64,
}

/// A save of waiting changes that the store has not answered.
#[derive(Debug)]
struct Retrying {
    ticket: SaveTicket,
    anew: Anew,
    since: Instant,
    /// The last of the waiting changes that are in it.
    through: Option<Name>,
    /// It has all that waited.
    is_all: bool,
    /// Number of lines of the history that had left memory before they could be in it.
    lines_lost: u64,
    /// Number of lines of the history in it, and of those that could not be, that are not saved again if it fails.
    lines_let_go: u64,
}

impl Retrying {
    /// Whether a change that waits is in it.
    fn has(&self, name: &Name, one: &One) -> bool {
        one.last <= self.ticket && self.through.as_ref().is_some_and(|through| name <= through)
    }
}

/// The saves that are not durable yet.
#[derive(Debug, Default)]
pub struct Saves {
    in_flight: VecDeque<InFlight>,
    in_flight_bytes: usize,
    waiting: Waiting,
    anew: Anew,
    retrying: Option<Retrying>,
    /// Number of failures in a row.
    failures: u32,
    /// The store has failed, and not all that waited then is saved.
    is_failing: bool,
    /// How often a space, or the whole store, had to be written anew because too much waited, or all was lost.
    rewrites: u64,
    /// Number of lines of the history that left memory before they were saved.
    lines_lost: u64,
    /// The latest messages to other nodes that are in the store, as its log has told: whatever becomes of the answers to their
    /// saves, they are not saved again.
    told: VecDeque<Name>,
}

impl Saves {
    /// Adds a save. Returns whether it must be sent to the store at once.
    pub fn add(&mut self, now: Instant, ticket: SaveTicket, changes: &[Change]) -> bool {
        if self.failures == 0 && !self.has_waiting() && self.retrying.is_none() && self.has_room() {
            let bytes = changes.iter().map(bytes_of_change).sum();
            self.in_flight_bytes += bytes;
            let changes = changes.to_vec();
            self.in_flight.push_back(InFlight { ticket, changes, bytes, since: now, lines_let_go: 0 });
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
        let keeps_up = self.has_room() && self.waiting.bytes() < EACH_WAITING_BYTES_MAX;
        if keeps_up || self.is_failing {
            return true;
        }
        self.rewrites += 1;
        self.write_anew(space, ticket);
        false
    }

    /// Whether a space of lines is to be written anew, so that this line is dropped. It is saved then, if it is still in memory.
    pub(crate) fn drops_line(&mut self, space: &SmolStr, id: u64) -> bool {
        let is_anew = self.anew.covers(space);
        if is_anew {
            self.anew.lines.add(space, id);
        }
        is_anew
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

    /// Drops what waits of a space. A line in a save under way is only then not saved if that save fails.
    fn drop_waiting(&mut self, space: &str) -> Stale {
        let Saves { waiting, retrying, anew, .. } = self;
        waiting.drop_space(space, |name, one| {
            let retrying = retrying.as_mut().filter(|retrying| retrying.has(name, one));
            let anew = retrying.map_or(&mut *anew, |retrying| &mut retrying.anew);
            anew.lines.add_change(&name.0, &name.1);
        })
    }

    fn has_waiting(&self) -> bool {
        !self.waiting.is_empty() || !self.anew.is_empty()
    }

    fn wait(&mut self, ticket: SaveTicket, change: Change) {
        if !self.anew.covers(&change.space) && self.is_flooded_again(&change.space) {
            self.rewrites += 1;
            self.write_anew(&change.space, ticket);
        }
        if self.anew.covers(&change.space) {
            return self.anew.lines.add_change(&change.space, &change.key);
        }
        self.waiting.add(ticket, change, self.retrying.is_some());
        while self.waiting.bytes() > WAITING_BYTES_MAX && self.write_largest_anew() {}
    }

    /// Whether much of a space waits already while the store is still busy writing all of it anew.
    fn is_flooded_again(&self, space: &SmolStr) -> bool {
        let is_written_anew =
            self.retrying.as_ref().is_some_and(|retrying| retrying.anew.spaces.contains_key(space));
        is_written_anew && !self.is_failing && self.waiting.bytes_of(space) > EACH_WAITING_BYTES_MAX
    }

    /// Drops the waiting changes of the space with the most bytes. The whole space is written anew. Returns false if there is
    /// none that can be.
    fn write_largest_anew(&mut self) -> bool {
        let Some(space) = self.waiting.largest() else { return false };
        let dropped = self.drop_waiting(&space);
        self.anew.add(space, dropped);
        self.rewrites += 1;
        true
    }

    /// Bytes of all changes that are not durable.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting.bytes() + self.in_flight_bytes
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
        self.waiting.changes().for_each(|change| self.anew.lines.add_change(&change.space, &change.key));
        self.waiting.clear();
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
        let Retrying { ticket, anew, through, is_all, lines_lost, lines_let_go, .. } = retrying;
        if !is_saved {
            self.lines_lost += lines_let_go;
            self.failures = self.failures.saturating_add(1);
            self.is_failing = true;
            self.add_anew(anew);
            self.waiting.retry_failed();
            return;
        }
        self.failures = u32::from(self.anew.everything.is_some());
        self.is_failing &= !is_all || self.failures > 0;
        self.lines_lost += lines_lost;
        self.waiting.retried(ticket, through.as_ref());
    }

    /// Handles the answer to the first save in flight.
    fn first_answered(&mut self, is_saved: bool) {
        let Some(InFlight { ticket, changes, bytes, lines_let_go, .. }) = self.in_flight.pop_front() else {
            return;
        };
        self.in_flight_bytes -= bytes;
        if is_saved && self.waiting.is_empty() {
            return;
        }
        let told: BTreeSet<Name> =
            if is_saved { BTreeSet::new() } else { self.told.iter().cloned().collect() };
        for change in changes {
            let name = (change.space.clone(), change.key.clone());
            if change.value.is_some() && told.contains(&name) {
                continue;
            }
            match self.waiting.get(&name).filter(|waiting| waiting.last > ticket) {
                // A newer value waits already, and stands for this save too.
                Some(_) if !is_saved => self.waiting.stand_for(&name, ticket),
                Some(_) => {}
                // An older value that an earlier save failed to write is out of date.
                None if is_saved => self.waiting.forget(&name),
                None => self.wait(ticket, change),
            }
        }
        if !is_saved {
            self.lines_lost += lines_let_go;
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
        self.waiting.share();
    }

    /// Repeats no change of these spaces, and does not write them anew: another node may write them.
    pub(crate) fn let_go(&mut self, spaces: &[SmolStr]) {
        for one in &mut self.in_flight {
            let let_go: Vec<_> =
                one.changes.extract_if(.., |change| spaces.contains(&change.space)).collect();
            one.lines_let_go += lines_in(&let_go);
        }
        for space in spaces {
            self.drop_waiting(space);
            self.anew.spaces.remove(space);
            self.lines_lost += self.anew.lines.take(space).count();
            if let Some(retrying) = &mut self.retrying {
                retrying.anew.spaces.remove(space);
                retrying.lines_let_go += retrying.anew.lines.take(space).count();
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
            self.waiting.forget(&name);
            self.end_failing();
        } else if !self.in_flight.is_empty() {
            self.told.push_back(name);
            if self.told.len() > TOLD_MAX {
                self.told.pop_front();
            }
        }
        has_waited
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
        let mut changes = Vec::new();
        if parts.everything.is_some() {
            changes = contents(&Clear::Everything);
            parts.lines = std::mem::take(&mut self.anew.lines);
        }
        let mut lines_lost = parts.lines.missing_from(&changes, |entry| self.waiting.has(entry));
        let mut bytes: usize = changes.iter().map(bytes_of_change).sum();
        while bytes < bytes_max
            && let Some((space, stale)) = self.anew.spaces.pop_first()
        {
            let entries = contents(&Clear::Spaces(vec![space.clone()]));
            bytes += entries.iter().map(bytes_of_change).sum::<usize>();
            let lines = self.anew.lines.take(&space);
            lines_lost += lines.missing_from(&entries, |entry| self.waiting.has(entry));
            parts.lines.add_all(lines);
            changes.extend(entries);
            parts.add(space, stale);
        }
        let waiting = self.waiting.changes().take_while(|change| {
            let has_room = bytes < bytes_max;
            bytes += bytes_of_change(change);
            has_room
        });
        let before = changes.len();
        changes.extend(waiting);
        let through = changes[before..].last().map(|change| (change.space.clone(), change.key.clone()));
        let is_all = self.anew.is_empty() && changes.len() - before == self.waiting.len();
        let clear = without_lines(parts.clear());
        self.retrying =
            Some(Retrying { ticket, anew: parts, since, through, is_all, lines_lost, lines_let_go: 0 });
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
            (0, false) if self.anew.spaces.keys().any(|space| line::is_of_lines(space)) => FLOOD_PAUSE,
            (0, false) => ANEW_PAUSE,
            _ => delay,
        })
    }

    /// Returns the first save that is not durable: all saves before it are.
    pub fn durable_before(&self) -> SaveTicket {
        let first = self.in_flight.front().map(|first| first.ticket);
        let retrying = self.retrying.iter().flat_map(|retry| retry.anew.parts());
        let anew = self.anew.parts().chain(retrying).map(|stale| stale.first);
        first.into_iter().chain(self.waiting.first()).chain(anew).min().unwrap_or(SaveTicket(u64::MAX))
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

    /// Counts the lines of the history among changes that are never saved.
    pub(crate) fn count_dropped(&mut self, changes: &[Change]) {
        self.lines_lost += lines_in(changes);
    }

    /// Returns the number of lines of the history that left memory before they were saved.
    pub fn lines_lost(&self) -> u64 {
        self.lines_lost
    }

    /// Returns how often a space, or the whole store, had to be written anew.
    pub fn rewrites(&self) -> u64 {
        self.rewrites
    }
}
