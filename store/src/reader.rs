//! A thread that reads lines of the history, so that a long search delays no save.

use crate::engine::{LineReader, StoreError};
use crate::thread::spawn;
use i3_core::query::{Page, Query};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Questions that may wait. The core asks far fewer at a time.
pub const QUERIES_MAX: usize = 64;

/// A question that waits. `None`: it was refused, because too many waited.
type Waiting = (u64, Option<Query>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<(VecDeque<Waiting>, bool)>,
    wake: Condvar,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, (VecDeque<Waiting>, bool)> {
        // The lock is held only to move elements, which cannot panic halfway.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader of a store, on a thread of its own.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts the thread, with a stack that is large enough for the engine. It calls `answer` once for each question, in the order in which they are asked.
    pub(crate) fn spawn(
        lines: Option<Box<dyn LineReader>>,
        stack_bytes: usize,
        answer: impl Fn(u64, Result<Page, StoreError>) + Send + 'static,
    ) -> Reader {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = spawn("store-reader", stack_bytes, move || run(&theirs, lines, answer));
        Reader { shared, thread: Some(thread) }
    }

    /// Queues a question, without waiting. If [`QUERIES_MAX`] questions wait already, it gets an error when its turn comes.
    pub(crate) fn ask(&self, number: u64, query: Query) {
        let mut queue = self.shared.lock();
        let has_room = queue.0.len() < QUERIES_MAX;
        queue.0.push_back((number, has_room.then_some(query)));
        drop(queue);
        self.shared.wake.notify_one();
    }
}

impl Drop for Reader {
    /// Nobody waits for the questions that are left.
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.0.clear();
        queue.1 = true;
        drop(queue);
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // The panic hook has reported a panic of the thread already.
            let _ = thread.join();
        }
    }
}

fn run(
    shared: &Shared,
    mut lines: Option<Box<dyn LineReader>>,
    answer: impl Fn(u64, Result<Page, StoreError>),
) {
    loop {
        let mut queue = shared.lock();
        let (number, query) = loop {
            if let Some(next) = queue.0.pop_front() {
                break next;
            } else if queue.1 {
                return;
            }
            queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        };
        drop(queue);
        answer(
            number,
            match (&mut lines, query) {
                (_, None) => Err(StoreError("too many questions wait for the store".to_owned())),
                (None, _) => Ok(Page::default()),
                (Some(lines), Some(query)) => lines.page(&query),
            },
        );
    }
}
