//! A thread that writes to the store, so that no driver waits for a disk.

use crate::engine::{Store, StoreError};
use i3_core::machine::{Change, Clear, SaveTicket};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Saves that may wait for the disk. The core sends at most one for each event, so this is many seconds of a busy network.
/// Further saves are refused at once, and the core counts them.
pub const QUEUE_TICKETS_MAX: usize = 4_096;

/// The most saves in one transaction: enough to share one sync of the disk, and few enough to be acknowledged soon.
pub const BATCH_TICKETS_MAX: usize = 256;

/// The interval of the checks whether the state is still in its place, and of giving unused room back.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The stack of the thread: many times what an engine needs for a commit. Untouched pages take no memory, but they count on
/// hosts that limit the address space of a process.
const STACK_BYTES: usize = 256 * 1024;

/// What the thread reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The changes of a save are durable, or it has failed.
    Saved(SaveTicket, Result<(), String>),
    /// What was saved is gone: its file was removed, moved or replaced. The text is for people. It is reported again every
    /// five seconds as long as it is not written anew.
    Lost(String),
}

/// A store on a thread of its own.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// How many of the jobs are `Write`.
    writes: usize,
    finished: bool,
}

/// A job. Jobs are in the order of submission, and so are the answers.
#[derive(Debug)]
enum Job {
    Write(SaveTicket, Clear, Vec<Change>),
    /// A range of consecutive tickets, first and last, that were refused because the queue was full. One job for all of
    /// them limits the memory while a disk hangs for hours.
    Refuse(SaveTicket, SaveTicket),
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // The lock is held only to move elements, which cannot panic halfway.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Starts the thread. The thread calls `on_report` once for each ticket, in the order of submission, when the changes
    /// are durable or the save has failed. It also calls it if what was saved is gone.
    pub fn spawn(store: Box<dyn Store>, on_report: impl Fn(Report) + Send + 'static) -> Writer {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || run(&theirs, store, on_report))
            .expect("a process that cannot start one thread at its start cannot run at all");
        Writer { shared, thread: Some(thread) }
    }

    /// Queues changes, without waiting for the disk. Returns false if [`QUEUE_TICKETS_MAX`] saves are waiting already. Then
    /// the changes are not written, and the ticket gets an error when its turn comes.
    pub fn submit(&self, ticket: SaveTicket, clear: Clear, changes: Vec<Change>) -> bool {
        let mut queue = self.shared.lock();
        let room = queue.writes < QUEUE_TICKETS_MAX;
        if room {
            queue.writes += 1;
            queue.jobs.push_back(Job::Write(ticket, clear, changes));
        } else {
            match queue.jobs.back_mut() {
                Some(Job::Refuse(_, last)) if last.0.checked_add(1) == Some(ticket.0) => *last = ticket,
                _ => queue.jobs.push_back(Job::Refuse(ticket, ticket)),
            }
        }
        drop(queue);
        self.shared.wake.notify_one();
        room
    }

    /// Writes everything that was submitted, answers every ticket, and ends the thread. Dropping the writer does this too.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.lock().finished = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // The panic hook has reported a panic of the thread already.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(shared: &Shared, store: Box<dyn Store>, on_report: impl Fn(Report)) {
    let mut thread = Thread { store, on_report, looked: Instant::now(), reported: None };
    while let Some(jobs) = next_jobs(shared) {
        let mut batch = Vec::new();
        for job in jobs {
            match job {
                Job::Write(ticket, Clear::Nothing, changes) => batch.push((ticket, changes)),
                Job::Write(ticket, clear, changes) => {
                    thread.write(std::mem::take(&mut batch));
                    let outcome = thread.store.replace(&clear, &changes);
                    thread.answer(ticket, outcome);
                }
                Job::Refuse(first, last) => {
                    thread.write(std::mem::take(&mut batch));
                    for ticket in first.0..=last.0 {
                        let text = "too many saves are waiting for the disk".to_owned();
                        (thread.on_report)(Report::Saved(SaveTicket(ticket), Err(text)));
                    }
                }
            }
        }
        thread.write(batch);
        thread.look_at_times();
    }
}

/// Waits for jobs, at most [`LOOK_INTERVAL`]. `None`: there will be no more jobs.
fn next_jobs(shared: &Shared) -> Option<Vec<Job>> {
    let mut queue = shared.lock();
    let until = Instant::now() + LOOK_INTERVAL;
    while queue.jobs.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if queue.finished {
            return None;
        } else if left.is_zero() {
            return Some(Vec::new());
        }
        queue = shared.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    let count = queue.jobs.len().min(BATCH_TICKETS_MAX);
    let jobs: Vec<Job> = queue.jobs.drain(..count).collect();
    queue.writes -= jobs.iter().filter(|job| matches!(job, Job::Write(..))).count();
    Some(jobs)
}

/// Saves of one batch that may fail in a row before the rest of the batch is refused without an attempt. The cause is then
/// the store and not the saves, and each attempt on a locked store takes a second or more.
const FAILURES_IN_A_ROW_MAX: u32 = 2;

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
        (self.on_report)(Report::Saved(ticket, outcome.map_err(|error| error.0)));
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
