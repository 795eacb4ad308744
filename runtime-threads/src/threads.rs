//! The threads of one driver: each says when it ends, and is joined then.

use crate::inbox::{Inbox, Message, ThreadKey};
use std::collections::HashMap;
use std::io;
use std::thread::{Builder, JoinHandle};

/// Reads, writes and accepts call nothing deep, nor do those who wait for what they ask the core thread for. It is four
/// times the least that Linux allows, and only what is touched of it is memory.
pub(crate) const STACK_BYTES: usize = 64 * 1024;
/// Signing and looking at certificates want more. The thread ends with the handshake.
const HANDSHAKE_STACK_BYTES: usize = 256 * 1024;
/// The system's resolver wants more: it may load modules, and has buffers of 64 KiB on its stack.
const DIAL_STACK_BYTES: usize = 512 * 1024;

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Accept,
    Handshake,
    Read,
    Write,
    Dial,
}

impl Job {
    /// As the system's tools show it, in at most 15 bytes.
    fn name(self) -> &'static str {
        match self {
            Job::Accept => "i3-accept",
            Job::Handshake => "i3-handshake",
            Job::Read => "i3-read",
            Job::Write => "i3-write",
            Job::Dial => "i3-dial",
        }
    }

    fn stack_bytes(self) -> usize {
        match self {
            Job::Accept | Job::Read | Job::Write => STACK_BYTES,
            Job::Handshake => HANDSHAKE_STACK_BYTES,
            Job::Dial => DIAL_STACK_BYTES,
        }
    }
}

/// The threads that have not been joined. Only the core thread has this.
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

    /// Starts a thread. The error is the system's: there are too many, or there is no memory.
    pub(crate) fn spawn(&mut self, job: Job, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let key = ThreadKey(self.started);
        self.started += 1;
        let inbox = self.inbox.clone();
        let builder = Builder::new().name(job.name().to_owned()).stack_size(job.stack_bytes());
        let thread = builder.spawn(move || {
            // Made here and not outside: a thread that could not be started says nothing.
            let _farewell = Farewell { key, inbox };
            body();
        })?;
        self.running.insert(key, (job, thread));
        self.dials += usize::from(job == Job::Dial);
        Ok(())
    }

    /// A thread has said that it ends.
    pub(crate) fn ended(&mut self, key: ThreadKey) {
        let Some((job, thread)) = self.running.remove(&key) else { return };
        self.dials -= usize::from(job == Job::Dial);
        // There is nothing left to do for it but to return. A panic has been reported by the panic hook.
        let _ = thread.join();
    }

    /// How many dial.
    pub(crate) fn dials(&self) -> usize {
        self.dials
    }

    /// How many there are in all.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }
}

/// Tells the core thread when its thread ends, also by a panic.
struct Farewell {
    key: ThreadKey,
    inbox: Inbox,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        // It fails when the driver waits no more.
        let _ = self.inbox.send(Message::Ended(self.key));
    }
}
