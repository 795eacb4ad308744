//! The thread that writes the saves of a gateway to a store that it does not share.

use crate::engine::{Store, StoreError};
use crate::queue::{FULL, Job, Queue};
use crate::report::Report;
use i3_core::machine::{Change, Clear, SaveError, SaveTicket};
use std::time::{Duration, Instant};

/// The interval of the checks whether the state is still in its place, and of giving unused room back.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The least time between the beginnings of two commits, unless many saves wait. A save after a pause is written at once. Lines
/// that follow each other closely share a sync of the disk, which costs more than all else that is done for a line.
const COMMITS_APART: Duration = Duration::from_millis(10);

/// Saves of one batch that may fail in a row before the rest of the batch is refused without an attempt. The cause is then
/// the store and not the saves, and each attempt on a locked store takes a second or more.
const FAILURES_IN_A_ROW_MAX: u32 = 2;

/// Writes saves until there are no more.
pub(crate) fn run(queue: &Queue, store: Box<dyn Store>, on_report: impl Fn(Report)) {
    let mut thread = Thread { store, on_report, looked: Instant::now(), reported: None };
    while let Some(jobs) = queue.next(LOOK_INTERVAL) {
        let began = Instant::now();
        let is_idle = jobs.is_empty();
        let mut batch = Vec::new();
        for job in jobs {
            match job {
                Job::Write(ticket, save) if save.clear == Clear::Nothing => {
                    batch.push((ticket, save.changes));
                }
                Job::Write(ticket, save) => {
                    thread.write(std::mem::take(&mut batch));
                    let outcome = thread.store.replace(&save.clear, &save.changes);
                    thread.answer(ticket, outcome);
                }
                Job::Refuse(first, last) => {
                    thread.write(std::mem::take(&mut batch));
                    for ticket in first.0..=last.0 {
                        let outcome = Err(SaveError::Failed(FULL.to_owned()));
                        (thread.on_report)(Report::Saved(SaveTicket(ticket), outcome));
                    }
                }
            }
        }
        thread.write(batch);
        thread.look_at_times();
        if !is_idle {
            queue.gather(began + COMMITS_APART);
        }
    }
}

struct Thread<F> {
    store: Box<dyn Store>,
    on_report: F,
    /// When the state was last looked at without a save.
    looked: Instant,
    /// When it was last reported that the state is gone.
    reported: Option<Instant>,
}

impl<F: Fn(Report)> Thread<F> {
    /// Writes all saves in one transaction. If that fails, writes each in its own, so that a bad save does not affect
    /// others.
    fn write(&mut self, batch: Vec<(SaveTicket, Vec<Change>)>) {
        if let [(ticket, changes)] = batch.as_slice() {
            let outcome = self.store.commit(changes);
            return self.answer(*ticket, outcome);
        }
        let mut parts = Vec::with_capacity(batch.len());
        let mut all = Vec::new();
        for (ticket, mut changes) in batch {
            parts.push((ticket, changes.len()));
            all.append(&mut changes);
        }
        if parts.is_empty() {
            return;
        }
        if self.store.commit(&all).is_ok() {
            parts.into_iter().for_each(|(ticket, _)| self.answer(ticket, Ok(())));
            return;
        }
        let mut rest = all.as_slice();
        let (mut failures, mut last) = (0, None);
        for (ticket, length) in parts {
            let (own, later) = rest.split_at(length);
            rest = later;
            let outcome = match &last {
                Some(error) if failures >= FAILURES_IN_A_ROW_MAX => Err(StoreError::clone(error)),
                _ => self.store.commit(own),
            };
            failures = if outcome.is_err() { failures + 1 } else { 0 };
            last = outcome.clone().err();
            self.answer(ticket, outcome);
        }
    }

    /// Answers a save. If it has failed because the state is gone, that is reported first: who gets the answer of its last
    /// save then knows that it has to save everything.
    fn answer(&mut self, ticket: SaveTicket, outcome: Result<(), StoreError>) {
        if outcome.is_err() {
            self.look();
        } else {
            self.reported = None;
        }
        (self.on_report)(Report::Saved(ticket, outcome.map_err(|error| SaveError::Failed(error.0))));
    }

    /// Checks whether the state is in its place, and reports if it is not. Returns whether it is.
    fn look(&mut self) -> bool {
        let Err(why) = self.store.look() else {
            self.reported = None;
            return true;
        };
        if self.reported.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL) {
            self.reported = Some(Instant::now());
            (self.on_report)(Report::Lost(why.0));
        }
        false
    }

    fn look_at_times(&mut self) {
        if self.looked.elapsed() >= LOOK_INTERVAL {
            self.looked = Instant::now();
            if self.look() {
                // What is not given back now is given back later.
                let _ = self.store.shrink();
            }
        }
    }
}
