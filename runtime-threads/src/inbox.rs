//! The messages of a driver's threads to its core thread, and the buffers with the bytes in them.
//!
//! What comes while the core thread waits for the machine, and what comes from threads that may not use the machine, goes
//! through the inbox. So events have one order, and many small reads are settled at once.
//!
//! The cost is measured by `cargo run --release -p i3-benches --bin crossing`; its figures are in `docs/DECISIONS.md`.

use crate::lock::lock;
use crate::room::Permit;
use i3_core::machine::{ConnId, Listener, LostBy};
use i3_core::notice::Notice;
use i3_driver::tls::{Acceptor, Heard};
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex};

/// How many messages may wait. Further senders wait for room. There is room for a message with each buffer, and for many more
/// messages of other kinds.
pub(crate) const INBOX_MAX: usize = 256;
/// The most bytes of one read.
pub(crate) const READ_BUFFER_BYTES: usize = 64 * 1024;
/// How many buffers all connections share, 512 KiB in all. A reader waits for a free one. They come from the areas of the allocator
/// of many threads, which keep what was once needed.
const BUFFERS_MAX: usize = 8;
/// How many unused buffers are kept.
const BUFFERS_FREE_MAX: usize = 2;

/// The sender of a thread's messages.
pub(crate) type Inbox = SyncSender<Message>;

/// A message of a thread to the core thread.
#[derive(Debug)]
pub(crate) enum Message {
    /// A listener has accepted a connection.
    Accepted { on: Listener, tls: Option<Acceptor>, stream: TcpStream, peer: SocketAddr, permit: Permit },
    /// A TLS handshake is complete: the result of its last bytes, and the plain text in them.
    Secured { conn: ConnId, heard: Heard, plain: Vec<u8>, permit: Permit },
    /// Bytes were read.
    Received { conn: ConnId, buffer: Buffer },
    /// A writing thread has written everything.
    Flushed { conn: ConnId },
    /// An attempt to connect has ended. The error is for people.
    Dialed { conn: ConnId, outcome: Result<TcpStream, String> },
    /// Reading or writing has failed, or the stream has ended.
    Lost { conn: ConnId, by: LostBy },
    /// A notice for the operator.
    Notice(Box<Notice>),
    /// A thread ends. This is its last message.
    Ended(ThreadKey),
    /// A command, or a function to call with the machine, waits in its queue.
    Wake,
}

/// The number of a thread in the table of its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ThreadKey(pub(crate) u64);

/// A bounded set of buffers for reading. An idle connection has none.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    state: Mutex<BuffersState>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct BuffersState {
    free: Vec<Box<[u8]>>,
    /// How many buffers are in use.
    out: usize,
    /// How many threads wait for a buffer. Without them, the system call that wakes one is skipped.
    waiting: usize,
}

impl Buffers {
    /// Waits for a free buffer, and returns it.
    pub(crate) fn take(self: &Arc<Self>) -> Buffer {
        let mut state = lock(&self.state);
        while state.out == BUFFERS_MAX {
            state.waiting += 1;
            state = self.returned.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
            state.waiting -= 1;
        }
        state.out += 1;
        let bytes = state.free.pop();
        drop(state);
        let bytes = bytes.unwrap_or_else(|| vec![0; READ_BUFFER_BYTES].into_boxed_slice());
        Buffer { bytes, filled: 0, home: self.clone() }
    }

    fn give_back(&self, bytes: Box<[u8]>) {
        let mut state = lock(&self.state);
        state.out -= 1;
        if state.free.len() < BUFFERS_FREE_MAX {
            state.free.push(bytes);
        }
        let waited_for = state.waiting > 0;
        drop(state);
        if waited_for {
            self.returned.notify_one();
        }
    }
}

/// A buffer in use. Dropping it returns it to the set, on any thread.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    home: Arc<Buffers>,
}

impl Buffer {
    /// Reads once into the buffer. Returns the number of bytes.
    pub(crate) fn read_from(&mut self, mut socket: &TcpStream) -> io::Result<usize> {
        self.filled = loop {
            match socket.read(&mut self.bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        Ok(self.filled)
    }

    /// Copies other bytes into the buffer, at most [`READ_BUFFER_BYTES`].
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.filled = bytes.len();
    }

    /// The bytes in the buffer.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.bytes));
    }
}
