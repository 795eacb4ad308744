//! The records of one lane, and how long they stay.

use super::record::{Record, micros};
use crate::event::Class;
use crate::settings::EventSettings;
use crate::time::UnixTime;
use std::collections::VecDeque;
use std::time::Duration;

impl EventSettings {
    /// How long events of a class are kept for a game that comes back.
    pub(crate) fn keep(&self, class: Class) -> Duration {
        match class {
            Class::Tells => self.keep_tells,
            Class::Channels => self.keep_channels,
            Class::Answers => self.keep_answers,
        }
    }

    /// Whether anything of a class is kept at all.
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

    /// Whether tells are kept for a game that is away.
    pub(crate) fn keeps_tells(&self) -> bool {
        self.kept_max > 0 && self.keep_tells > Duration::ZERO
    }
}

/// Events of one kind of talk, oldest first.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) records: VecDeque<Record>,
    /// The last one that is no longer there.
    pub(super) lost: u64,
    /// One that no session has had is no longer there.
    pub(super) missed: bool,
}

/// How long a lane holds its records.
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

impl Lane {
    /// Whether its oldest record has no reason to stay.
    pub(super) fn is_due(&self, terms: Terms, now: UnixTime) -> bool {
        let Some(oldest) = self.records.front() else { return false };
        let kept = self.records.len() <= terms.keep_max && !oldest.is_older(now, terms.keep);
        let history = self.records.len() <= terms.history_max && !oldest.is_older(now, terms.history);
        !kept && !history
    }

    /// When the next record may have no more reason to stay, or turns out to reach nobody.
    pub(super) fn next_due(&self, terms: Terms, watches_unread: bool) -> Option<UnixTime> {
        let oldest = self.records.front()?;
        let stays =
            if self.records.len() > terms.history_max { terms.keep } else { terms.keep.max(terms.history) };
        let unread = self.records.iter().find(|record| watches_unread && !record.delivered);
        let due = |record: &Record, after: Duration| {
            UnixTime::from_micros(record.at.micros().saturating_add(micros(after)))
        };
        let unread = unread.map(|record| due(record, terms.keep));
        unread.into_iter().chain([due(oldest, stays)]).min()
    }

    pub(super) fn after(&self, id: u64) -> impl Iterator<Item = &Record> {
        let from = self.records.partition_point(|record| record.id <= id);
        self.records.range(from..)
    }
}
