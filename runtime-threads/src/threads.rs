//! The threads of a driver. Each reports its end, and is joined then.

use crate::inbox::{Inbox, Message, ThreadKey};
use std::collections::HashMap;
use std::io;
use std::thread::{Builder, JoinHandle};

/// The stack of threads that read, write, accept or wait for the core thread, which need little of it. It is four times the
/// minimum of Linux, and untouched pages take no memory.
pub(crate) const STACK_BYTES: usize = 64 * 1024;
/// The stack of readers that may process what they have read. Compression needs more than a quarter of it in a build without
/// optimization.
const AT_ONCE_STACK_BYTES: usize = 1024 * 1024;
/// The stack of handshakes, which sign and verify certificates. The thread ends with the handshake.
const HANDSHAKE_STACK_BYTES: usize = 256 * 1024;
/// The stack of attempts to connect to a name. The system's resolver may load modules, and has buffers of 64 KiB on its stack.
const RESOLVE_STACK_BYTES: usize = 512 * 1024;

/// The purpose of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Accept,
    Handshake,
    Read,
    /// Reads, and processes what it has read if it can.
    ReadAtOnce,
    Write,
    /// Connects to an address.
    Dial,
    /// Looks up a name, and connects to one of its addresses.
    DialName,
}

impl Job {
    /// The name in the system's tools, of at most 15 bytes.
    fn name(self) -> &'static str {
        match self {
            Job::Accept => "i3-accept",
            Job::Handshake => "i3-handshake",
            Job::Read | Job::ReadAtOnce => "i3-read",
            Job::Write => "i3-write",
            Job::Dial | Job::DialName => "i3-dial",
        }
    }

    fn is_dial(self) -> bool {
        matches!(self, Job::Dial | Job::DialName)
    }

    fn stack_bytes(self) -> usize {
        match self {
            // The system gives the stack of an attempt that has ended to the reader of its connection.
            Job::Accept | Job::Read | Job::Write | Job::Dial => STACK_BYTES,
            Job::ReadAtOnce => AT_ONCE_STACK_BYTES,
            Job::Handshake => HANDSHAKE_STACK_BYTES,
            Job::DialName => RESOLVE_STACK_BYTES,
        }
    }
}

/// The threads that have not been joined. Only the thread that has the machine uses it.
#[derive(Debug)]
pub(crate) struct Threads {
    running: HashMap<ThreadKey, (Job, JoinHandle<()>)>,
    dials: usize,
    started: u64,
    inbox: Inbox,
}

impl Threads {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Threads { running: HashMap::new(), dials: 0, started: 0, inbox }
    }

    /// Starts a thread. The error of the system: too many threads, or no memory.
    pub(crate) fn spawn(&mut self, job: Job, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let key = ThreadKey(self.started);
        self.started += 1;
        let inbox = self.inbox.clone();
        let builder = Builder::new().name(job.name().to_owned()).stack_size(job.stack_bytes());
        let thread = builder.spawn(move || {
            // Made here and not outside: a thread that could not be started must report nothing.
            let _farewell = Farewell { key, inbox };
            body();
        })?;
        self.running.insert(key, (job, thread));
        self.dials += usize::from(job.is_dial());
        Ok(())
    }

    /// A thread has reported its end.
    pub(crate) fn ended(&mut self, key: ThreadKey) {
        let Some((job, thread)) = self.running.remove(&key) else { return };
        self.dials -= usize::from(job.is_dial());
        // The thread returns right after its report. The panic hook has reported a panic.
        let _ = thread.join();
    }

    /// Returns how many threads are attempts to connect.
    pub(crate) fn dials(&self) -> usize {
        self.dials
    }

    /// Returns the number of threads.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }
}

/// Reports the end of its thread to the core thread, also after a panic.
struct Farewell {
    key: ThreadKey,
    inbox: Inbox,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        // This fails if the driver has stopped waiting.
        let _ = self.inbox.send(Message::Ended(self.key));
    }
}
