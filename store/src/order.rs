//! Keeps the answers to beats in order, and back until what was saved before them was told.
//!
//! A node that has taken a mud must know what the former holder has saved. So the answer waits for the thread that reads
//! the log, and later answers wait behind it. That the log was read up to a beat is reported apart from its answer: a lease
//! is prolonged also while the log cannot be read.

use crate::report::Report;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Number of beats that may wait until the log was read up to them. Beyond it the last of them is passed over for a later one.
const FOLLOWED_MAX: usize = 64;

pub(crate) struct Order {
    on_report: Arc<dyn Fn(Report) + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// All saves below this position were told.
    told: u64,
    /// What waits, each with the position below which all has to be told before.
    waiting: VecDeque<(u64, Report)>,
    /// Beats, each with the position below which all was saved before it.
    followed: VecDeque<(u64, u64)>,
}

impl Order {
    pub(crate) fn new(on_report: Arc<dyn Fn(Report) + Send + Sync>) -> Order {
        Order { on_report, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports something after everything that waits, and after all saves below `position` were told.
    pub(crate) fn after(&self, position: u64, report: Report) {
        let mut state = self.lock();
        state.waiting.push_back((position, report));
        self.release(&mut state);
    }

    /// Reports when all saves below `position` were told, which is that of a beat.
    pub(crate) fn follow(&self, position: u64, beat: u64) {
        let mut state = self.lock();
        if state.followed.len() >= FOLLOWED_MAX {
            state.followed.pop_back();
        }
        state.followed.push_back((position, beat));
        self.release(&mut state);
    }

    /// Reports something at once.
    pub(crate) fn now(&self, report: Report) {
        (self.on_report)(report);
    }

    /// All saves below `position` were told.
    pub(crate) fn told(&self, position: u64) {
        let mut state = self.lock();
        state.told = position;
        self.release(&mut state);
    }

    /// Nothing is told at present: an answer that waits for it becomes an error.
    pub(crate) fn give_up(&self, why: &str) {
        let mut state = self.lock();
        for (_, report) in &mut state.waiting {
            if let Report::Beaten { outcome, .. } = report {
                *outcome = Err(why.to_owned());
            }
        }
        state.waiting.iter_mut().for_each(|(position, _)| *position = 0);
        self.release(&mut state);
    }

    /// Reports are made under the lock, so that their order is kept.
    fn release(&self, state: &mut State) {
        let told = state.told;
        while let Some((_, report)) = state.waiting.pop_front_if(|(position, _)| *position <= told) {
            (self.on_report)(report);
        }
        while let Some((_, beat)) = state.followed.pop_front_if(|(position, _)| *position <= told) {
            (self.on_report)(Report::Followed(beat));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Reports = Arc<Mutex<Vec<Report>>>;

    fn order() -> (Order, Reports) {
        let reports = Reports::default();
        let theirs = Arc::clone(&reports);
        (Order::new(Arc::new(move |report| theirs.lock().unwrap().push(report))), reports)
    }

    fn numbers(reports: &Mutex<Vec<Report>>) -> Vec<(u64, bool)> {
        let taken = std::mem::take(&mut *reports.lock().unwrap());
        let number = |report| match report {
            Report::Beaten { beat, outcome } => (beat, outcome.is_ok()),
            other => panic!("{other:?}"),
        };
        taken.into_iter().map(number).collect()
    }

    #[test]
    fn a_lease_is_reported_after_the_saves_before_it_and_later_beats_wait_behind_it() {
        let (order, reports) = order();
        let beaten = |beat| Report::Beaten { beat, outcome: Ok(Default::default()) };
        order.after(0, beaten(1));
        assert_eq!(numbers(&reports), [(1, true)]);
        order.after(10, beaten(2));
        order.after(0, beaten(3));
        order.after(20, beaten(4));
        order.told(9);
        assert_eq!(numbers(&reports), []);
        order.told(10);
        assert_eq!(numbers(&reports), [(2, true), (3, true)]);
        order.give_up("away");
        assert_eq!(numbers(&reports), [(4, false)]);
        order.after(10, beaten(5));
        assert_eq!(numbers(&reports), [(5, true)]);
    }

    #[test]
    fn that_the_log_was_read_up_to_a_beat_is_reported_when_it_was_also_after_an_outage() {
        let (order, reports) = order();
        let taken = || std::mem::take(&mut *reports.lock().unwrap());
        order.told(5);
        order.follow(5, 1);
        assert_eq!(taken(), [Report::Followed(1)]);
        order.follow(6, 2);
        order.give_up("away");
        assert_eq!(taken(), []);
        for beat in 3..=200 {
            order.follow(beat, beat);
        }
        assert_eq!(order.lock().followed.len(), FOLLOWED_MAX);
        order.told(200);
        let taken = taken();
        assert_eq!((taken.first(), taken.last()), (Some(&Report::Followed(2)), Some(&Report::Followed(200))));
    }
}
