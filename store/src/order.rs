//! Keeps the answers to beats in order, and back until what was saved before them was told.
//!
//! A node that has taken a mud must know what the former holder has saved. So the answer waits for the thread that reads
//! the log, and later answers wait behind it.

use crate::report::Report;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

    /// Nothing is told at present: what waits for it becomes an error.
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
        while state.waiting.front().is_some_and(|(position, _)| *position <= state.told) {
            if let Some((_, report)) = state.waiting.pop_front() {
                (self.on_report)(report);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let reports = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&reports);
        let order = Order::new(Arc::new(move |report| theirs.lock().unwrap().push(report)));
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
}
