//! An open connection: what its threads and the core thread share, and what its threads do.

use crate::inbox::{Buffer, Buffers, Inbox, Message, READ_BUFFER_BYTES};
use crate::lock::lock;
use crate::room::Permit;
use crate::socket;
use bytes::Bytes;
use i3_core::machine::{ConnId, LostBy};
use i3_driver::linger::Discard;
use i3_driver::tls::Session;
use i3_driver::write::say;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// How many reads of one connection may wait for the core thread. With one more than one, reading goes on while the
/// core works; with many more, a flood on one connection would delay all others.
const READS_WAITING_MAX: u32 = 2;
/// What is discarded at a time.
const LINGER_READ_BYTES: usize = 2048;

/// An open socket, which is closed when the last of its threads and the core thread have let go of it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) socket: TcpStream,
    /// Until TLS is agreed on only one thread uses it; then the reader opens with it, and the core thread seals.
    tls: Option<Mutex<Session>>,
    gate: Mutex<Gate>,
    opened: Condvar,
}

/// Whether the reading thread may read.
#[derive(Debug)]
struct Gate {
    mode: Mode,
    /// Reads that the core thread is not done with yet.
    unseen: u32,
    /// The reader waits here. Telling nobody would be a system call all the same.
    waiting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Reading,
    Paused,
    /// What still comes is discarded.
    Closed,
}

impl Link {
    pub(crate) fn new(socket: TcpStream, tls: Option<Session>, reading: bool) -> Self {
        let mode = if reading { Mode::Reading } else { Mode::Paused };
        let tls = tls.map(Mutex::new);
        Link {
            socket,
            tls,
            gate: Mutex::new(Gate { mode, unseen: 0, waiting: false }),
            opened: Condvar::new(),
        }
    }

    /// Lets `act` use its TLS. `None`: it speaks plain text.
    pub(crate) fn with_tls<R>(&self, act: impl FnOnce(&mut Session) -> R) -> Option<R> {
        self.tls.as_ref().map(|tls| act(&mut lock(tls)))
    }

    /// Stops or goes on reading. A few reads may be on their way.
    pub(crate) fn set_reading(&self, enabled: bool) {
        self.change(|gate| {
            if gate.mode != Mode::Closed {
                gate.mode = if enabled { Mode::Reading } else { Mode::Paused };
            }
        });
    }

    /// The core thread has seen one read and done what follows from it.
    pub(crate) fn seen(&self) {
        self.change(|gate| gate.unseen = gate.unseen.saturating_sub(1));
    }

    /// From now on what still comes is discarded, until [`Link::end`] at the latest.
    pub(crate) fn linger(&self) {
        self.change(|gate| gate.mode = Mode::Closed);
    }

    /// Closes at once: every thread that waits for the socket is woken and ends.
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

    /// Waits until the reader may read; false when the connection is closed.
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

/// What the handshake's thread does. Once TLS is agreed on, a reading thread takes over; when the peer does not speak it,
/// this one goes on.
pub(crate) fn agree(link: &Link, conn: ConnId, permit: Permit, buffers: &Arc<Buffers>, inbox: &Inbox) {
    let Some(tls) = &link.tls else { return };
    loop {
        let by = match wait_for_bytes(&link.socket) {
            Err(error) => LostBy::Error(error.to_string()),
            Ok(()) if !link.may_read() => return discard(&link.socket),
            Ok(()) => {
                // What is read here is the handshake's: the core thread is done with it at once.
                link.seen();
                let mut buffer = buffers.take();
                match buffer.read_from(&link.socket) {
                    Ok(0) => LostBy::EndOfStream,
                    Err(error) => LostBy::Error(error.to_string()),
                    Ok(_) => {
                        let mut plain = Vec::new();
                        let mut session = lock(tls);
                        let mut heard = session.receive(buffer.filled(), &mut plain);
                        let outgoing = if heard.end.is_none() { session.take_outgoing() } else { None };
                        heard.answered(say(outgoing, |pieces| socket::write_some(&link.socket, pieces)));
                        drop((session, buffer));
                        if heard.secured {
                            let ended = heard.end.is_some();
                            let _ = inbox.send(Message::Secured { conn, heard, plain, permit });
                            if ended {
                                discard(&link.socket);
                            }
                            return;
                        }
                        match heard.end {
                            Some(by) => by,
                            None if plain.is_empty() => continue,
                            None => {
                                if give(link, conn, &plain, buffers.take(), buffers, inbox) {
                                    read_from(link, conn, buffers, inbox);
                                }
                                return;
                            }
                        }
                    }
                }
            }
        };
        return end(link, conn, by, inbox);
    }
}

/// What the reading thread of a connection does, until it is closed.
pub(crate) fn read_from(link: &Link, conn: ConnId, buffers: &Arc<Buffers>, inbox: &Inbox) {
    loop {
        let by = match wait_for_bytes(&link.socket) {
            Err(error) => LostBy::Error(error.to_string()),
            Ok(()) if !link.may_read() => return discard(&link.socket),
            Ok(()) => {
                let mut buffer = buffers.take();
                match (buffer.read_from(&link.socket), &link.tls) {
                    (Ok(0), _) => LostBy::EndOfStream,
                    (Ok(_), None) => match inbox.send(Message::Received { conn, buffer }) {
                        Ok(()) => continue,
                        Err(_) => return,
                    },
                    (Ok(_), Some(tls)) => {
                        let mut plain = Vec::new();
                        let heard = lock(tls).receive(buffer.filled(), &mut plain);
                        if !give(link, conn, &plain, buffer, buffers, inbox) {
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
        return end(link, conn, by, inbox);
    }
}

/// The end, as this side sees it. With TLS the core thread closes it in order, and the peer is read until it has done so
/// too.
fn end(link: &Link, conn: ConnId, by: LostBy, inbox: &Inbox) {
    if inbox.send(Message::Lost { conn, by }).is_ok() && link.tls.is_some() {
        discard(&link.socket);
    }
}

/// Sends plain text on, for one read that may be sent. Says whether to go on.
fn give(
    link: &Link,
    conn: ConnId,
    plain: &[u8],
    buffer: Buffer,
    buffers: &Arc<Buffers>,
    inbox: &Inbox,
) -> bool {
    let mut buffer = Some(buffer);
    for chunk in plain.chunks(READ_BUFFER_BYTES) {
        // Who waits for a buffer holds none.
        let mut filled = match buffer.take() {
            Some(buffer) => buffer,
            None if !link.may_read() => {
                discard(&link.socket);
                return false;
            }
            None => buffers.take(),
        };
        filled.fill(chunk);
        if inbox.send(Message::Received { conn, buffer: filled }).is_err() {
            return false;
        }
    }
    if buffer.is_some() {
        // There was nothing for the core thread in it.
        link.seen();
    }
    true
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

/// Discards what still comes until the peer has closed too, within the bound; the core thread sees to the time.
// Inlined, its buffer would be a part of every reader's stack from the start.
#[inline(never)]
fn discard(socket: &TcpStream) {
    let mut scratch = [0; LINGER_READ_BYTES];
    let mut rest = Discard::default();
    while rest.goes_on_after(socket, &mut scratch) {}
}

/// What a writing thread does: it waits with the rest of what was taken from the machine, until the socket has it.
pub(crate) fn write_to(link: &Link, conn: ConnId, mut rest: Vec<Bytes>, inbox: &Inbox) {
    let report = match socket::write_waiting(&link.socket, &mut rest) {
        Ok(()) => Message::Flushed { conn },
        Err(error) => Message::Lost { conn, by: LostBy::Error(error.to_string()) },
    };
    let _ = inbox.send(report);
}
