//! What the threads of a driver tell its core thread, and the buffers in which bytes cross to it.
//!
//! The core thread owns the machine, and the others send it what they have read, rather than to call the machine under
//! a lock. So what happened has one order, many small reads are settled at once, and no reader waits behind a system
//! call that another one makes while it holds the lock.
//!
//! The price is measured by `cargo run --release -p i3-benches --bin crossing`, with a machine that echoes 100 bytes over
//! loopback, against a bare lock that has neither pauses nor bounds and writes while it is held. On two processors an echo
//! takes 6.7 us through the inbox and 4.2 us under the lock; 32 clients get half as many echoes a second, some 110,000
//! against 208,000, and 200 clients as many or more. A router takes some ten packets a second.

use crate::lock::lock;
use crate::room::Permit;
use i3_core::machine::{ConnId, Listener, LostBy};
use i3_core::notice::Notice;
use i3_driver::tls::{Acceptor, Heard};
use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex};

/// How many messages may wait; further senders wait themselves. It holds the buffers that there are, and as many
/// messages of other kinds.
pub(crate) const INBOX_MAX: usize = 2 * BUFFERS_MAX;
/// What is read at a time.
pub(crate) const READ_BUFFER_BYTES: usize = 16 * 1024;
/// How many buffers there are for all connections together; a reader waits for one. This is 2 MiB.
const BUFFERS_MAX: usize = 128;
/// How many of them are kept while nobody uses them.
const BUFFERS_FREE_MAX: usize = 8;

/// Where the threads of one driver report.
pub(crate) type Inbox = SyncSender<Message>;

/// One report.
#[derive(Debug)]
pub(crate) enum Message {
    /// A listener has a new connection.
    Accepted { on: Listener, tls: Option<Acceptor>, stream: TcpStream, peer: SocketAddr, permit: Permit },
    /// TLS is agreed on: what its last bytes meant, and what was in them already.
    Secured { conn: ConnId, heard: Heard, plain: Vec<u8>, permit: Permit },
    /// Bytes came in.
    Received { conn: ConnId, buffer: Buffer },
    /// A writing thread is done.
    Flushed { conn: ConnId },
    /// A dialing thread is done. The error is for people.
    Dialed { conn: ConnId, outcome: Result<TcpStream, String> },
    /// Reading or writing has ended.
    Lost { conn: ConnId, by: LostBy },
    /// For the operator.
    Notice(Box<Notice>),
    /// There is nothing more to be told by this thread.
    Ended(ThreadKey),
    /// There is a command, or something else to do to the machine.
    Wake,
}

/// One thread, for the table of its driver.
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
    /// Those in use.
    out: usize,
    /// Threads that wait for one. Telling nobody would be a system call all the same.
    waiting: usize,
}

impl Buffers {
    /// A buffer; waits until there is one.
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

/// A buffer in use; dropping it gives it back, wherever that happens.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    home: Arc<Buffers>,
}

impl Buffer {
    /// Fills it with what one read gives, and says how much that is.
    pub(crate) fn read_from(&mut self, mut socket: &TcpStream) -> io::Result<usize> {
        self.filled = loop {
            match socket.read(&mut self.bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        Ok(self.filled)
    }

    /// Puts something else in it, of up to [`READ_BUFFER_BYTES`].
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.filled = bytes.len();
    }

    /// What was read.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.bytes));
    }
}
