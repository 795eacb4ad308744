//! An open connection: the state that its threads and the core thread share, and the work of its threads.

use crate::at_once::AtOnce;
use crate::inbox::{Buffer, Buffers, Inbox, Message, READ_BUFFER_BYTES};
use crate::lock::lock;
use crate::room::Permit;
use crate::socket;
use bytes::Bytes;
use i3_core::machine::{ConnId, LostBy};
use i3_driver::linger::Discard;
use i3_driver::tls::TlsSession;
use i3_driver::write::send_pending;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// How many reads of a connection may wait for the machine. With two, reading continues while the core works. With many
/// more, a flood on one connection would delay all others.
const READS_WAITING_MAX: u32 = 2;
/// How many bytes are discarded at a time.
const LINGER_READ_BYTES: usize = 2048;

/// An open connection. Its socket is closed when its threads and the core thread have dropped it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    /// The TLS session. Only one thread uses it during the handshake. Then the reader decrypts, and the thread that has the
    /// machine encrypts.
    tls: Option<Mutex<TlsSession>>,
    gate: Mutex<Gate>,
    opened: Condvar,
}

/// Whether the reading thread may read.
#[derive(Debug)]
struct Gate {
    mode: Mode,
    /// How many reads are not processed yet.
    unseen: u32,
    /// Whether the reader waits. Otherwise the system call that wakes it is skipped.
    waiting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Reading,
    Paused,
    /// Whether further bytes are discarded.
    Closed,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, tls: Option<TlsSession>, reading: bool) -> Self {
        let mode = if reading { Mode::Reading } else { Mode::Paused };
        let tls = tls.map(Mutex::new);
        Connection {
            socket,
            tls,
            gate: Mutex::new(Gate { mode, unseen: 0, waiting: false }),
            opened: Condvar::new(),
        }
    }

    /// Calls `act` with the TLS session. `None`: the connection has no TLS.
    pub(crate) fn with_tls<R>(&self, act: impl FnOnce(&mut TlsSession) -> R) -> Option<R> {
        self.tls.as_ref().map(|tls| act(&mut lock(tls)))
    }

    /// Stops or resumes reading. A few reads may still arrive.
    pub(crate) fn set_reading(&self, enabled: bool) {
        self.change(|gate| {
            if gate.mode != Mode::Closed {
                gate.mode = if enabled { Mode::Reading } else { Mode::Paused };
            }
        });
    }

    /// A read is processed.
    pub(crate) fn seen(&self) {
        self.change(|gate| gate.unseen = gate.unseen.saturating_sub(1));
    }

    /// From now on what still comes is discarded, until [`Connection::end`] at the latest.
    pub(crate) fn linger(&self) {
        self.change(|gate| gate.mode = Mode::Closed);
    }

    /// Closes the socket at once. Every thread that waits for it wakes and ends.
    pub(crate) fn end(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        self.change(|gate| gate.mode = Mode::Closed);
    }

    fn change(&self, change: impl FnOnce(&mut Gate)) {
        let mut gate = lock(&self.gate);
        change(&mut gate);
        let wake = std::mem::take(&mut gate.waiting);
        drop(gate);
        if wake {
            self.opened.notify_one();
        }
    }

    /// Whether the last read is the only one that is not processed.
    fn has_one_read(&self) -> bool {
        lock(&self.gate).unseen == 1
    }

    /// Waits until the reader may read. Returns false if the connection is closed.
    fn may_read(&self) -> bool {
        let mut gate = lock(&self.gate);
        loop {
            match gate.mode {
                Mode::Closed => return false,
                Mode::Reading if gate.unseen < READS_WAITING_MAX => {
                    gate.unseen += 1;
                    return true;
                }
                Mode::Reading | Mode::Paused => {
                    gate.waiting = true;
                    gate = self.opened.wait(gate).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// The reading thread of a connection.
pub(crate) struct Reader {
    pub(crate) connection: Arc<Connection>,
    pub(crate) conn: ConnId,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) inbox: Inbox,
    /// Whether it may process what it has read, and how.
    pub(crate) at_once: Option<Arc<dyn AtOnce>>,
}

/// The thread of a TLS handshake. A reading thread replaces it after the handshake. If the peer does not speak TLS, this
/// thread continues as the reading thread.
pub(crate) fn agree(reader: &Reader, permit: Permit) {
    let Reader { connection, conn, buffers, inbox, .. } = reader;
    let Some(tls) = &connection.tls else { return };
    loop {
        let by = match wait_for_bytes(&connection.socket) {
            Err(error) => LostBy::Error(error.to_string()),
            Ok(()) if !connection.may_read() => return discard(&connection.socket),
            Ok(()) => {
                // The bytes of a handshake are processed here, and not by the core thread.
                connection.seen();
                let mut buffer = buffers.take();
                match buffer.read_from(&connection.socket) {
                    Ok(0) => LostBy::EndOfStream,
                    Err(error) => LostBy::Error(error.to_string()),
                    Ok(_) => {
                        let mut plain = Vec::new();
                        let mut session = lock(tls);
                        let mut heard = session.receive(buffer.filled(), &mut plain);
                        let outgoing = if heard.end.is_none() { session.take_outgoing() } else { None };
                        heard.answered(send_pending(outgoing, |pieces| {
                            socket::write_some(&connection.socket, pieces)
                        }));
                        drop((session, buffer));
                        if heard.secured {
                            let ended = heard.end.is_some();
                            let _ = inbox.send(Message::Secured { conn: *conn, heard, plain, permit });
                            if ended {
                                discard(&connection.socket);
                            }
                            return;
                        }
                        match heard.end {
                            Some(by) => by,
                            None if plain.is_empty() => continue,
                            None => {
                                if reader.give(&plain, buffers.take()) {
                                    reader.run();
                                }
                                return;
                            }
                        }
                    }
                }
            }
        };
        return reader.end(by);
    }
}

impl Reader {
    /// Reads until the connection is closed.
    pub(crate) fn run(&self) {
        let Reader { connection, buffers, .. } = self;
        loop {
            let by = match wait_for_bytes(&connection.socket) {
                Err(error) => LostBy::Error(error.to_string()),
                Ok(()) if !connection.may_read() => return discard(&connection.socket),
                Ok(()) => {
                    let mut buffer = buffers.take();
                    match (buffer.read_from(&connection.socket), &connection.tls) {
                        (Ok(0), _) => LostBy::EndOfStream,
                        (Ok(_), None) => match self.process(buffer) {
                            true => continue,
                            false => return,
                        },
                        (Ok(_), Some(tls)) => {
                            let mut plain = Vec::new();
                            let heard = lock(tls).receive(buffer.filled(), &mut plain);
                            if !self.give(&plain, buffer) {
                                return;
                            }
                            match heard.end {
                                Some(by) => by,
                                None => continue,
                            }
                        }
                        (Err(error), _) => LostBy::Error(error.to_string()),
                    }
                }
            };
            return self.end(by);
        }
    }

    /// Processes a read at once, or sends it to the core thread. Returns false if that is gone.
    fn process(&self, buffer: Buffer) -> bool {
        let at_once = self.at_once.as_ref().filter(|_| self.connection.has_one_read());
        let left = match at_once {
            Some(at_once) => at_once.received(self.conn, buffer),
            None => Err(buffer),
        };
        let sent = |buffer| self.inbox.send(Message::Received { conn: self.conn, buffer }).is_ok();
        left.map_or_else(sent, |()| true)
    }

    /// The end, as this side sees it. With TLS the core thread closes it in order, and the peer is read until it has done so
    /// too.
    fn end(&self, by: LostBy) {
        let lost = Message::Lost { conn: self.conn, by };
        if self.inbox.send(lost).is_ok() && self.connection.tls.is_some() {
            discard(&self.connection.socket);
        }
    }

    /// Processes plain text, for one read that may be processed. Says whether to go on.
    fn give(&self, plain: &[u8], buffer: Buffer) -> bool {
        let mut buffer = Some(buffer);
        for chunk in plain.chunks(READ_BUFFER_BYTES) {
            // Waits for the machine first, so that a waiting thread holds no buffer.
            let mut filled = match buffer.take() {
                Some(buffer) => buffer,
                None if !self.connection.may_read() => {
                    discard(&self.connection.socket);
                    return false;
                }
                None => self.buffers.take(),
            };
            filled.fill(chunk);
            if !self.process(filled) {
                return false;
            }
        }
        if buffer.is_some() {
            // The read had no plain text.
            self.connection.seen();
        }
        true
    }
}

/// Waits until there is something to read, an end of stream included, and leaves it in the socket: so a connection has
/// a buffer only while it has bytes, and a paused one keeps them where the peer feels it.
fn wait_for_bytes(socket: &TcpStream) -> io::Result<()> {
    loop {
        match socket.peek(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome.map(drop),
        }
    }
}

/// Reads and discards bytes until the peer has closed the connection too, within the limit. The core thread limits the
/// time.
// If it were inlined, its buffer would be on the stack of every reader.
#[inline(never)]
fn discard(socket: &TcpStream) {
    let mut scratch = [0; LINGER_READ_BYTES];
    let mut rest = Discard::default();
    while rest.goes_on_after(socket, &mut scratch) {}
}

/// The writing thread of a connection. It ends when the socket has accepted the rest of the machine's bytes.
pub(crate) fn write_to(connection: &Connection, conn: ConnId, mut rest: Vec<Bytes>, inbox: &Inbox) {
    let report = match socket::write_waiting(&connection.socket, &mut rest) {
        Ok(()) => Message::Flushed { conn },
        Err(error) => Message::Lost { conn, by: LostBy::Error(error.to_string()) },
    };
    let _ = inbox.send(report);
}
