//! A thread that writes, so that no driver waits for a disk.

use crate::engine::{Store, StoreError};
use i3_core::machine::{Change, SaveTicket};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Saves that may wait for the disk. The core sends one per event at most, so this is many seconds of a busy network;
/// what comes beyond is refused at once and the core counts it.
pub const QUEUE_TICKETS_MAX: usize = 4_096;

/// Saves that go into one transaction: enough to share one sync of the disk, few enough to be acknowledged soon.
pub const BATCH_TICKETS_MAX: usize = 256;

/// The stack of the thread: many times what an engine takes of it for a commit. What is never touched is no memory, but
/// hosts that limit what a process may reserve count it.
const STACK_BYTES: usize = 256 * 1024;

/// Owns a store on its own thread.
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
    /// How many of them are `Write`.
    writes: usize,
    finished: bool,
}

/// In the order of submission, so that answers keep it.
#[derive(Debug)]
enum Job {
    Write(SaveTicket, Vec<Change>),
    /// Refused when the queue was full: tickets that follow each other, in one element, so that a disk that hangs for
    /// hours does not fill the memory either.
    Refuse(SaveTicket, SaveTicket),
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // The lock is held for moving elements only: nothing can panic halfway.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Starts the thread. `on_done` is called on it, once for each ticket and in the order of submission, when the
    /// changes are durable or are not going to be.
    pub fn spawn(
        store: Box<dyn Store>,
        on_done: impl Fn(SaveTicket, Result<(), String>) + Send + 'static,
    ) -> Writer {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || run(&theirs, store, on_done))
            .expect("a process that cannot start one thread at its start cannot run at all");
        Writer { shared, thread: Some(thread) }
    }

    /// Queues changes; never waits for the disk. False: [`QUEUE_TICKETS_MAX`] are waiting already, so these changes
    /// will not be written, and the ticket is answered with an error when its turn comes.
    pub fn submit(&self, ticket: SaveTicket, changes: Vec<Change>) -> bool {
        let mut queue = self.shared.lock();
        let room = queue.writes < QUEUE_TICKETS_MAX;
        if room {
            queue.writes += 1;
            queue.jobs.push_back(Job::Write(ticket, changes));
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

    /// Writes what was submitted, answers every ticket, and ends the thread. Dropping does the same.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.lock().finished = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(shared: &Shared, mut store: Box<dyn Store>, on_done: impl Fn(SaveTicket, Result<(), String>)) {
    while let Some(jobs) = next_jobs(shared) {
        let mut batch = Vec::new();
        for job in jobs {
            match job {
                Job::Write(ticket, changes) => batch.push((ticket, changes)),
                Job::Refuse(first, last) => {
                    write(&mut *store, std::mem::take(&mut batch), &on_done);
                    for ticket in first.0..=last.0 {
                        on_done(
                            SaveTicket(ticket),
                            Err("too many saves are waiting for the disk".to_owned()),
                        );
                    }
                }
            }
        }
        write(&mut *store, batch, &on_done);
    }
}

/// Waits for work. `None`: there will be none any more.
fn next_jobs(shared: &Shared) -> Option<Vec<Job>> {
    let mut queue = shared.lock();
    while queue.jobs.is_empty() {
        if queue.finished {
            return None;
        }
        queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
    let count = queue.jobs.len().min(BATCH_TICKETS_MAX);
    let jobs: Vec<Job> = queue.jobs.drain(..count).collect();
    queue.writes -= jobs.iter().filter(|job| matches!(job, Job::Write(..))).count();
    Some(jobs)
}

/// Saves of one batch that may fail in a row before the rest is refused untried: it is the store then, not the saves, and
/// each further attempt on one that is held by somebody else would take a second or more.
const FAILURES_IN_A_ROW_MAX: u32 = 2;

/// One transaction for all; when that fails, one for each, so that a bad save does not take others with it.
fn write(
    store: &mut dyn Store,
    batch: Vec<(SaveTicket, Vec<Change>)>,
    on_done: &impl Fn(SaveTicket, Result<(), String>),
) {
    let answer = |ticket, outcome: Result<(), StoreError>| on_done(ticket, outcome.map_err(|error| error.0));
    if let [(ticket, changes)] = batch.as_slice() {
        return answer(*ticket, store.commit(changes));
    }
    let mut parts = Vec::with_capacity(batch.len());
    let mut all = Vec::new();
    for (ticket, mut changes) in batch {
        parts.push((ticket, changes.len()));
        all.append(&mut changes);
    }
    if store.commit(&all).is_ok() {
        for (ticket, _) in parts {
            answer(ticket, Ok(()));
        }
        return;
    }
    let mut rest = all.as_slice();
    let (mut failures, mut last) = (0, None);
    for (ticket, length) in parts {
        let (own, later) = rest.split_at(length);
        rest = later;
        let outcome = match &last {
            Some(error) if failures >= FAILURES_IN_A_ROW_MAX => Err(StoreError::clone(error)),
            _ => store.commit(own),
        };
        failures = if outcome.is_err() { failures + 1 } else { 0 };
        last = outcome.clone().err();
        answer(ticket, outcome);
    }
}
