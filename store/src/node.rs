//! The threads of a node: one writes its saves, one renews its leases, one reads the log of all nodes.

use crate::engine::StoreError;
use crate::order::Order;
use crate::queue::{FULL, Job, Queue};
use crate::report::Report;
use crate::shared::{Beater, CommitError, FencedSave, FollowError, Follower, Roles, Saver};
use crate::thread::spawn;
use i3_core::machine::{Beat, SaveError, SaveTicket};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The stack of each thread: a handshake of TLS needs some hundred KiB where a program is not optimised.
pub(crate) const STACK_BYTES: usize = 2 * 1024 * 1024;

/// How often what no node needs is deleted.
const TIDY_INTERVAL: Duration = Duration::from_secs(60);

/// Bytes of saves in one transaction. A longer one comes alone.
const BATCH_BYTES_MAX: usize = 4_194_304;

/// Beats that may wait. The core asks for the next one when it has the answer, so there is hardly ever more than one.
const BEATS_MAX: usize = 64;

type OnReport = Arc<dyn Fn(Report) + Send + Sync>;

/// The threads that renew leases and read the log.
pub(crate) struct Node {
    beats: Arc<Beats>,
    order: Arc<Order>,
    beater: JoinHandle<()>,
    follower: JoinHandle<()>,
    is_ending: Arc<AtomicBool>,
    interrupt: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

/// Starts the threads of a node. Returns the one that writes saves, and the others.
pub(crate) fn start(roles: Roles, queue: &Arc<Queue>, on_report: OnReport) -> (JoinHandle<()>, Node) {
    let Roles { saver, beater, follower, patience, lines: _ } = roles;
    let order = Arc::new(Order::new(Arc::clone(&on_report)));
    let beats = Arc::new(Beats::default());
    let is_ending = Arc::new(AtomicBool::new(false));
    let interrupt = follower.interrupter();
    let saved = {
        let (queue, on_report) = (Arc::clone(queue), Arc::clone(&on_report));
        spawn("store", STACK_BYTES, move || save(&queue, saver, &*on_report))
    };
    let beater = {
        let (beats, queue, order) = (Arc::clone(&beats), Arc::clone(queue), Arc::clone(&order));
        spawn("store-lease", STACK_BYTES, move || beat(&beats, &queue, beater, &order, patience))
    };
    let follower = {
        let (beats, order, is_ending) = (Arc::clone(&beats), Arc::clone(&order), Arc::clone(&is_ending));
        spawn("store-log", STACK_BYTES, move || follow(follower, &beats, &order, &*on_report, &is_ending))
    };
    (saved, Node { beats, order, beater, follower, is_ending, interrupt })
}

impl Node {
    /// Queues a beat. One that gives leases back waits for the first `saves` saves.
    pub(crate) fn beat(&self, beat: u64, ask: Beat, saves: u64) {
        let mut state = self.beats.lock();
        if state.asked.len() < BEATS_MAX {
            state.asked.push_back(Asked { beat, ask, saves });
            drop(state);
            self.beats.wake.notify_one();
        } else {
            drop(state);
            self.order.now(Report::Beaten { beat, outcome: Err("too many beats are waiting".to_owned()) });
        }
    }

    /// Carries out the beats that wait, and ends the threads.
    pub(crate) fn end(self) {
        self.beats.lock().finished = true;
        self.beats.wake.notify_one();
        let _ = self.beater.join();
        self.is_ending.store(true, Ordering::Release);
        (self.interrupt)();
        let _ = self.follower.join();
        // A lease that was taken at the very end: nothing more is told.
        self.order.give_up("the node has ended");
    }
}

/// The beats that wait for their thread.
#[derive(Debug, Default)]
struct Beats {
    state: Mutex<BeatState>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct BeatState {
    asked: VecDeque<Asked>,
    /// Another node may have changed something.
    is_view_due: bool,
    finished: bool,
}

#[derive(Debug)]
struct Asked {
    beat: u64,
    ask: Beat,
    saves: u64,
}

impl Beats {
    fn lock(&self) -> MutexGuard<'_, BeatState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a look at leases and nodes.
    fn look(&self) {
        self.lock().is_view_due = true;
        self.wake.notify_one();
    }

    /// Waits for the next beat; `Ok(None)`: a look is due. The error: there will be no more.
    fn next(&self) -> Result<Option<Asked>, ()> {
        let mut state = self.lock();
        loop {
            if let Some(asked) = state.asked.pop_front() {
                return Ok(Some(asked));
            } else if state.finished {
                return Err(());
            } else if std::mem::take(&mut state.is_view_due) {
                return Ok(None);
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn beat(beats: &Beats, queue: &Queue, mut beater: Box<dyn Beater>, order: &Order, patience: Duration) {
    while let Ok(next) = beats.next() {
        match next {
            Some(Asked { beat, ask, saves }) => {
                if !ask.leave.is_empty() || ask.is_gone {
                    // What the holder has saved last is to be written under its lease.
                    queue.wait_until_done(saves, patience);
                }
                let takes = !ask.take.is_empty();
                match beater.beat(&ask) {
                    Ok(outcome) => {
                        let after = if takes { outcome.position } else { 0 };
                        order.after(after, Report::Beaten { beat, outcome: Ok(outcome.beaten) });
                        order.follow(outcome.position, beat);
                    }
                    Err(error) => order.after(0, Report::Beaten { beat, outcome: Err(error.0) }),
                }
            }
            None => {
                // Without an answer nothing is known to have changed. The next beat says why.
                if let Ok(outcome) = beater.view() {
                    order.after(0, Report::Beaten { beat: 0, outcome: Ok(outcome.beaten) });
                }
            }
        }
    }
}

fn follow(
    mut follower: Box<dyn Follower>,
    beats: &Beats,
    order: &Order,
    on_report: &dyn Fn(Report),
    is_ending: &AtomicBool,
) {
    while !is_ending.load(Ordering::Acquire) {
        match follower.news() {
            Ok(news) => {
                for told in news.told {
                    on_report(Report::Told(told));
                }
                order.told(news.through);
                if news.leases_changed {
                    beats.look();
                }
            }
            Err(FollowError::Away(error)) => order.give_up(&error.0),
            Err(FollowError::Behind(error)) => {
                order.give_up(&error.0);
                on_report(Report::Behind(error.0));
                return;
            }
        }
    }
}

fn save(queue: &Queue, saver: Box<dyn Saver>, on_report: &dyn Fn(Report)) {
    let mut tidied = Instant::now();
    let mut saving = Saving { queue, saver, on_report, away: None };
    while let Some(jobs) = queue.next(TIDY_INTERVAL) {
        let count = jobs.len();
        let mut batch: Vec<(SaveTicket, FencedSave)> = Vec::new();
        let mut bytes = 0;
        for job in jobs {
            match job {
                Job::Write(ticket, save) => {
                    let size = size(&save);
                    if bytes + size > BATCH_BYTES_MAX {
                        saving.write(std::mem::take(&mut batch));
                        bytes = 0;
                    }
                    bytes += size;
                    batch.push((ticket, save));
                }
                Job::Refuse(first, last) => {
                    saving.write(std::mem::take(&mut batch));
                    bytes = 0;
                    for ticket in first.0..=last.0 {
                        on_report(Report::Saved(SaveTicket(ticket), Err(SaveError::Failed(FULL.to_owned()))));
                    }
                }
            }
        }
        saving.write(batch);
        queue.done(count);
        if tidied.elapsed() >= TIDY_INTERVAL {
            tidied = Instant::now();
            // What is not deleted now is deleted later, or by another node.
            let _ = saving.saver.tidy();
        }
    }
}

fn size(save: &FencedSave) -> usize {
    let value = |value: &Option<Arc<[u8]>>| value.as_ref().map_or(0, |value| value.len());
    save.changes.iter().map(|change| change.space.len() + change.key.len() + value(&change.value)).sum()
}

struct Saving<'a> {
    queue: &'a Queue,
    saver: Box<dyn Saver>,
    on_report: &'a dyn Fn(Report),
    /// Why the last attempt has not reached the store.
    away: Option<String>,
}

impl Saving<'_> {
    /// Writes saves in one transaction. If the store refuses that, each is written in its own, so that a bad save does not
    /// affect others.
    fn write(&mut self, batch: Vec<(SaveTicket, FencedSave)>) {
        if batch.is_empty() {
            return;
        }
        let (tickets, saves): (Vec<SaveTicket>, Vec<FencedSave>) = batch.into_iter().unzip();
        let outcomes = match self.commit(&saves) {
            Err(CommitError::Refused(_)) if saves.len() > 1 => {
                saves.iter().map(|save| self.alone(save)).collect()
            }
            Ok(outcomes) => outcomes.into_iter().map(|outcome| outcome.map_err(SaveError::Stale)).collect(),
            Err(error) => vec![Err(SaveError::Failed(error.text())); saves.len()],
        };
        for (ticket, outcome) in tickets.into_iter().zip(outcomes) {
            (self.on_report)(Report::Saved(ticket, outcome));
        }
    }

    fn alone(&mut self, save: &FencedSave) -> Result<(), SaveError> {
        match self.commit(std::slice::from_ref(save)) {
            Ok(outcomes) => outcomes.into_iter().try_for_each(|outcome| outcome.map_err(SaveError::Stale)),
            Err(error) => Err(SaveError::Failed(error.text())),
        }
    }

    /// Each attempt to reach a store that is away takes seconds. A gateway that ends makes only one.
    fn commit(&mut self, saves: &[FencedSave]) -> Result<Vec<Result<(), Vec<String>>>, CommitError> {
        if let Some(why) = self.away.clone().filter(|_| self.queue.is_finished()) {
            return Err(CommitError::Away(StoreError(why)));
        }
        let outcome = self.saver.commit(saves);
        self.away = match &outcome {
            Err(CommitError::Away(error)) => Some(error.0.clone()),
            _ => None,
        };
        outcome
    }
}
