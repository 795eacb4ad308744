//! The saves that wait for the thread that writes them.

use crate::shared::FencedSave;
use i3_core::machine::SaveTicket;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Saves that may wait for the disk. The core sends at most one for each event, so this is many seconds of a busy network.
/// Further saves are refused at once, and the core counts them.
pub const QUEUE_TICKETS_MAX: usize = 4_096;

/// The most saves in one transaction: enough to share one sync of the disk, and few enough to be acknowledged soon.
pub const BATCH_TICKETS_MAX: usize = 256;

/// So many jobs need no others to share a sync of the disk with.
const ENOUGH_TICKETS: usize = 64;

/// A job. Jobs are in the order of submission, and so are the answers.
#[derive(Debug)]
pub(crate) enum Job {
    Write(SaveTicket, FencedSave),
    /// A range of consecutive tickets, first and last, that were refused because the queue was full. One job for all of
    /// them limits the memory while a disk hangs for hours.
    Refuse(SaveTicket, SaveTicket),
}

/// The error of a save that was refused because the queue was full.
pub(crate) const FULL: &str = "too many saves are waiting for the disk";

/// A queue that the thread shares with who submits.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// Wakes who waits for saves to be answered.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    /// How many of the jobs are `Write`.
    writes: usize,
    /// How many jobs were ever submitted, and how many of them the thread has done.
    submitted: u64,
    done: u64,
    finished: bool,
    /// The thread lets jobs gather: it need not be woken for each.
    gathers: bool,
}

impl State {
    fn is_enough(&self) -> bool {
        self.jobs.len() >= ENOUGH_TICKETS || self.finished
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The lock is held only to move elements, which cannot panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a save. Returns false if [`QUEUE_TICKETS_MAX`] are waiting already: then it is to be refused in its turn.
    pub(crate) fn submit(&self, ticket: SaveTicket, save: FencedSave) -> bool {
        let mut state = self.lock();
        let room = state.writes < QUEUE_TICKETS_MAX;
        if room {
            state.writes += 1;
            state.submitted += 1;
            state.jobs.push_back(Job::Write(ticket, save));
        } else {
            match state.jobs.back_mut() {
                Some(Job::Refuse(_, last)) if last.0.checked_add(1) == Some(ticket.0) => *last = ticket,
                _ => {
                    state.submitted += 1;
                    state.jobs.push_back(Job::Refuse(ticket, ticket));
                }
            }
        }
        let is_waited_for = !state.gathers || state.is_enough();
        drop(state);
        if is_waited_for {
            self.wake.notify_one();
        }
        room
    }

    /// There will be no more jobs.
    pub(crate) fn finish(&self) {
        self.lock().finished = true;
        self.wake.notify_one();
    }

    /// Whether there will be no more jobs.
    pub(crate) fn is_finished(&self) -> bool {
        self.lock().finished
    }

    /// Waits for jobs, at most `limit`, and returns at most [`BATCH_TICKETS_MAX`]. `None`: there will be no more.
    pub(crate) fn next(&self, limit: Duration) -> Option<Vec<Job>> {
        let mut state = self.lock();
        let until = Instant::now() + limit;
        while state.jobs.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if state.finished {
                return None;
            } else if left.is_zero() {
                return Some(Vec::new());
            }
            state = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let count = state.jobs.len().min(BATCH_TICKETS_MAX);
        let jobs: Vec<Job> = state.jobs.drain(..count).collect();
        state.writes -= jobs.iter().filter(|job| matches!(job, Job::Write(..))).count();
        Some(jobs)
    }

    /// Lets jobs gather until then, unless there are enough before.
    pub(crate) fn gather(&self, until: Instant) {
        let mut state = self.lock();
        state.gathers = true;
        while !state.is_enough()
            && let left = until.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            state = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.gathers = false;
    }

    /// Notes that so many jobs are done.
    pub(crate) fn done(&self, count: usize) {
        self.lock().done += count as u64;
        self.answered.notify_all();
    }

    /// How many jobs were ever submitted.
    pub(crate) fn submitted(&self) -> u64 {
        self.lock().submitted
    }

    /// Waits until the first `count` jobs are done, at most `limit`.
    pub(crate) fn wait_until_done(&self, count: u64, limit: Duration) {
        let state = self.lock();
        let waited = self.answered.wait_timeout_while(state, limit, |state| state.done < count);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use i3_core::machine::Clear;
    use std::sync::Arc;
    use std::thread;

    /// Longer than any test may take.
    const HOUR: Duration = Duration::from_secs(3600);

    fn submit(queue: &Queue, tickets: std::ops::Range<u64>) {
        for ticket in tickets {
            let save = FencedSave::new(Clear::Nothing, Vec::new());
            assert!(queue.submit(SaveTicket(ticket), save));
        }
    }

    #[test]
    fn jobs_gather_until_there_are_enough_or_there_will_be_no_more() {
        let queue = Arc::new(Queue::default());
        let theirs = Arc::clone(&queue);
        let gathering = thread::spawn(move || {
            theirs.gather(Instant::now() + HOUR);
            theirs.next(HOUR).map(|jobs| jobs.len())
        });
        submit(&queue, 0..ENOUGH_TICKETS as u64);
        assert!(gathering.join().unwrap().is_some_and(|jobs| jobs >= ENOUGH_TICKETS));
        submit(&queue, 100..101);
        queue.gather(Instant::now());
        let theirs = Arc::clone(&queue);
        let gathering = thread::spawn(move || theirs.gather(Instant::now() + HOUR));
        queue.finish();
        gathering.join().unwrap();
        assert_eq!(queue.next(HOUR).map(|jobs| jobs.len()), Some(1));
        assert!(queue.next(HOUR).is_none());
    }
}
