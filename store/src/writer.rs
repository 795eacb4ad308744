//! The threads that write to the store, so that no driver waits for a disk or a server.

use crate::engine::{LineReader, Store};
use crate::node::Node;
use crate::queue::Queue;
use crate::reader::Reader;
use crate::report::Report;
use crate::shared::{FencedSave, Roles};
use crate::thread::spawn;
use crate::{alone, node};
use i3_core::machine::{Beat, SaveTicket};
use i3_core::query::Query;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The stack of each thread of a store that is not shared: many times what an engine needs for a commit or a search. Untouched pages take
/// no memory, but they count on hosts that limit the address space of a process.
const STACK_BYTES: usize = 256 * 1024;

/// A store on threads of its own.
#[derive(Debug)]
pub struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    node: Option<Node>,
    reader: Reader,
}

/// Starts the thread that answers questions.
fn answer(
    lines: Option<Box<dyn LineReader>>,
    stack_bytes: usize,
    on_report: Arc<impl Fn(Report) + Send + Sync + 'static>,
) -> Reader {
    Reader::spawn(lines, stack_bytes, move |query, outcome| {
        on_report(Report::Found(query, outcome.map_err(|error| error.0)));
    })
}

impl Writer {
    /// Starts the thread of a store that is not shared. The thread calls `on_report` once for each ticket, in the order of
    /// submission, when the changes are durable or the save has failed. It also calls it if what was saved is gone. A second
    /// thread calls it with the answers to questions.
    pub fn spawn(store: Box<dyn Store>, on_report: impl Fn(Report) + Send + Sync + 'static) -> Writer {
        let (queue, on_report) = (Arc::new(Queue::default()), Arc::new(on_report));
        let reader = answer(store.line_reader(), STACK_BYTES, Arc::clone(&on_report));
        let theirs = Arc::clone(&queue);
        let run = move || alone::run(&theirs, store, move |report| on_report(report));
        let thread = spawn("store", STACK_BYTES, run);
        Writer { queue, thread: Some(thread), node: None, reader }
    }

    /// Starts the threads of a node. They report each ticket in the order of submission, each beat in the order of
    /// submission, and all saves of all nodes in the order of their positions. A lease that is new is reported after all
    /// saves that were written before it was taken.
    pub fn spawn_node(mut roles: Roles, on_report: impl Fn(Report) + Send + Sync + 'static) -> Writer {
        let (queue, on_report) = (Arc::new(Queue::default()), Arc::new(on_report));
        let reader = answer(roles.lines.take(), node::STACK_BYTES, Arc::clone(&on_report));
        let (thread, node) = node::start(roles, &queue, on_report);
        Writer { queue, thread: Some(thread), node: Some(node), reader }
    }

    /// Queues a save, without waiting for the disk. Returns false if [`QUEUE_TICKETS_MAX`](crate::QUEUE_TICKETS_MAX) saves
    /// are waiting already. Then it is not written, and the ticket gets an error when its turn comes.
    pub fn submit(&self, ticket: SaveTicket, save: FencedSave) -> bool {
        self.queue.submit(ticket, save)
    }

    /// Queues a beat. Without other nodes it is an error.
    pub fn beat(&self, beat: u64, ask: Beat) {
        if let Some(node) = &self.node {
            node.beat(beat, ask, self.queue.submitted());
        }
    }

    /// Asks for lines of the history, without waiting. It finds what was reported as saved.
    pub fn ask(&self, number: u64, query: Query) {
        self.reader.ask(number, query);
    }

    /// Carries out everything that was submitted, answers every ticket and beat, and ends the threads. Dropping the writer
    /// does this too.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.queue.finish();
        if let Some(thread) = self.thread.take() {
            // The panic hook has reported a panic of the thread already.
            let _ = thread.join();
        }
        if let Some(node) = self.node.take() {
            node.end();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}
