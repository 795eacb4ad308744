//! The records of one lane, and how long they are kept.

use super::record::Record;
use crate::event::Class;
use crate::settings::EventSettings;
use crate::time::Steady;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

impl EventSettings {
    /// How long events of a class are kept for an absent game.
    pub(crate) fn keep(&self, class: Class) -> Duration {
        match class {
            Class::Tells => self.keep_tells,
            Class::Channels => self.keep_channels,
            Class::Answers => self.keep_answers,
        }
    }

    /// Whether any events of a class are kept.
    pub(crate) fn keeps(&self, class: Class) -> bool {
        let replays = self.kept_max > 0 && self.keep(class) > Duration::ZERO;
        let history = self.history_max > 0 && self.history_age > Duration::ZERO;
        replays
            || match class {
                Class::Channels => history,
                Class::Tells => history && self.history_holds_tells,
                Class::Answers => false,
            }
    }

    /// Whether tells are kept for an absent game.
    pub(crate) fn keeps_tells(&self) -> bool {
        self.kept_max > 0 && self.keep_tells > Duration::ZERO
    }
}

/// Events of one lane, oldest first.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) records: VecDeque<Record>,
    /// The last event that was removed.
    pub(super) lost: u64,
    /// An event was removed that no session had received.
    pub(super) missed: bool,
    /// Records from the first to the second id that are known to be delivered: many sessions take the same ones, one
    /// after the other.
    pub(super) taken: (u64, u64),
}

/// How long a lane keeps its records.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) keep: Duration,
    pub(super) keep_max: usize,
    pub(super) history: Duration,
    pub(super) history_max: usize,
}

impl Terms {
    pub(super) fn of(class: Class, settings: &EventSettings) -> Terms {
        let has_history = match class {
            Class::Channels => true,
            Class::Tells => settings.history_holds_tells,
            Class::Answers => false,
        };
        Terms {
            keep: settings.keep(class),
            keep_max: settings.kept_max,
            history: if has_history { settings.history_age } else { Duration::ZERO },
            history_max: if has_history { settings.history_max } else { 0 },
        }
    }
}

impl Terms {
    /// The most records that a lane can have.
    pub(super) fn most(self) -> usize {
        self.keep_max.max(self.history_max)
    }
}

impl Lane {
    /// Whether the oldest record is too old to be kept.
    pub(super) fn is_due(&self, terms: Terms, now: Steady) -> bool {
        let Some(oldest) = self.records.front() else { return false };
        let kept = self.records.len() <= terms.keep_max && !oldest.is_older(now, terms.keep);
        let history = self.records.len() <= terms.history_max && !oldest.is_older(now, terms.history);
        !kept && !history
    }

    /// Whether the oldest record is older than a duration.
    pub(super) fn is_oldest_older(&self, now: Steady, than: Duration) -> bool {
        self.records.front().is_some_and(|oldest| oldest.is_older(now, than))
    }

    /// Returns when the oldest record becomes too old.
    fn oldest_due(&self, terms: Terms) -> Option<Steady> {
        let stays =
            if self.records.len() > terms.history_max { terms.keep } else { terms.keep.max(terms.history) };
        self.records.front().map(|oldest| oldest.born + stays)
    }

    /// Returns when the next record becomes too old, or becomes a tell that nobody has collected in time.
    pub(super) fn next_due(&self, terms: Terms, watches_unread: bool) -> Option<Steady> {
        let mut watched = self.records.iter().take_while(|_| watches_unread);
        let unread = watched.find(|record| !record.delivered).map(|record| record.born + terms.keep);
        unread.into_iter().chain(self.oldest_due(terms)).min()
    }

    /// Like [`Lane::next_due`], as far as the newest record changes it.
    pub(super) fn newest_due(&self, terms: Terms, watches_unread: bool) -> Option<Steady> {
        let newest = self.records.back().filter(|_| watches_unread);
        newest.map(|record| record.born + terms.keep).into_iter().chain(self.oldest_due(terms)).min()
    }

    /// Removes a record. Returns `None` if there is none.
    pub(super) fn take_out(&mut self, at: usize) -> Option<Record> {
        let record = self.records.remove(at)?;
        self.lost = self.lost.max(record.id);
        self.missed |= !record.delivered;
        Some(record)
    }

    /// Marks all records from one id to another as delivered.
    pub(super) fn deliver(&mut self, ids: &RangeInclusive<u64>) {
        let (start, end) = (*ids.start(), *ids.end());
        let (known_start, known_end) = self.taken;
        if known_start <= start && end <= known_end {
            return;
        }
        let is_joined = known_start <= start && start <= known_end;
        let from = if is_joined { known_end + 1 } else { start };
        let at = self.records.partition_point(|record| record.id < from);
        self.records
            .range_mut(at..)
            .take_while(|record| record.id <= end)
            .for_each(|record| record.delivered = true);
        self.taken = (if is_joined { known_start } else { start }, end);
    }

    pub(super) fn after(&self, id: u64) -> impl Iterator<Item = &Record> {
        let from = self.records.partition_point(|record| record.id <= id);
        self.records.range(from..)
    }
}
