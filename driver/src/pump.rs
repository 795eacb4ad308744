//! The pump: reports events of connections to one machine, and carries out the machine's outputs.
//!
//! It contains the rules of order that hold for every driver:
//!
//! - The machine is told of a completed TLS handshake first, then of the plain text that came with it, and then of the end
//!   of the connection: [`Pump::heard`].
//! - The machine is settled before it is told of a lost connection. So it answers the last bytes of a client before it
//!   sees the end of stream, even if both came at once: [`Pump::lost`].
//! - A peer that sends no more keeps its connection as long as the machine has something for it: [`Machine::ended`].
//! - A connection that is closed, or lost with TLS, first gets TLS's close_notify, unless a write is in progress. Then its
//!   writing side is shut down, and it lingers.
//! - Outputs for a connection that is still being dialed are carried out when it is open. It is read from or not, as the
//!   last [`Output::Read`] demanded, and written to after [`Input::Dialed`].
//! - Each [`Output::Write`] is answered by one [`Input::Flushed`], when the socket has accepted all bytes.
//! - A connection that cannot be written to or waited for is lost, and the machine is told so once.
//!
//! A driver calls the pump at each event, and [`Pump::settle`] at the end of its turn. The pump calls the [`Runtime`] to
//! wait for the next events.

use crate::address::canonical;
use crate::clock::Clock;
use crate::hooks::{Hooks, Save};
use crate::linger::LINGERING_MAX;
use crate::runtime::{CannotWait, Runtime};
use crate::socket::{set_dialed_options, set_options};
use crate::tls::{Acceptor, Heard, TlsSession};
use crate::write::{WRITE_BUDGET_BYTES, Written, send_pending, to_wait};
use bytes::Bytes;
use i3_core::machine::{ConnId, Input, Listener, LostBy, Machine, Output, settle};
use i3_core::time::{Instant, Now};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Shutdown, SocketAddr};

/// One machine with its connections.
pub struct Pump<M, R: Runtime> {
    machine: M,
    io: Io<R>,
    clock: Clock,
    /// Whether the machine got an input since it was settled.
    told: bool,
    /// A buffer for plain text from TLS. Empty between uses.
    plain: Vec<u8>,
}

/// The parts that carry out outputs.
struct Io<R: Runtime> {
    /// By the whole id and not by its index: a new connection may have the index of one that is not closed yet.
    conns: BTreeMap<ConnId, Conn<R>>,
    runtime: R,
    hooks: Hooks,
    /// Empty between uses.
    pieces: Vec<Bytes>,
    stopped: bool,
}

enum Conn<R: Runtime> {
    Dialing {
        dial: R::Dial,
        /// Whether to read as soon as it is open.
        reading: bool,
        /// Whether the machine has bytes for it already.
        writing: bool,
    },
    Open {
        connection: R::Connection,
        /// Whether the runtime waits with bytes for which the socket had no room.
        writing: bool,
        /// The peer sends no more, and the machine still has something for it. Nothing is read.
        ended: bool,
    },
}

impl<M: fmt::Debug, R: Runtime> fmt::Debug for Pump<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump")
            .field("machine", &self.machine)
            .field("connections", &self.io.conns.len())
            .field("stopped", &self.io.stopped)
            .finish_non_exhaustive()
    }
}

impl<M: Machine, R: Runtime> Pump<M, R> {
    /// Makes a pump for a machine that was constructed with the time of `clock`.
    pub fn new(machine: M, clock: Clock, runtime: R, hooks: Hooks) -> Self {
        let io = Io { conns: BTreeMap::new(), runtime, hooks, pieces: Vec::new(), stopped: false };
        Pump { machine, io, clock, told: false, plain: Vec::new() }
    }

    /// The hooks for the machine's saves, notices and log levels.
    pub fn hooks(&mut self) -> &mut Hooks {
        &mut self.io.hooks
    }

    /// The runtime, which waits for the connections.
    pub fn runtime(&mut self) -> &mut R {
        &mut self.io.runtime
    }

    /// Returns an open connection.
    pub fn connection(&mut self, conn: ConnId) -> Option<&mut R::Connection> {
        match self.io.conns.get_mut(&conn) {
            Some(Conn::Open { connection, .. }) => Some(connection),
            _ => None,
        }
    }

    /// Whether the machine has stopped.
    pub fn is_stopped(&self) -> bool {
        self.io.stopped
    }

    /// Passes an input to the machine that does not come from a socket.
    pub fn input(&mut self, input: Input<'_>) {
        self.told = true;
        self.machine.handle(self.clock.now(), input);
    }

    /// Calls a function with the machine.
    pub fn with<T>(&mut self, act: impl FnOnce(&mut M, Now) -> T) -> T {
        self.told = true;
        act(&mut self.machine, self.clock.now())
    }

    /// A listener has accepted a connection. If the machine refuses it, it is closed.
    pub fn accepted(&mut self, on: Listener, tls: Option<&Acceptor>, stream: R::Stream, peer: SocketAddr) {
        // When the machine is full it closes a connection for each new one. What it has for that one is written first.
        if self.told {
            self.settle();
        }
        let (now, peer) = (self.clock.now(), canonical(peer));
        // A machine may have outputs, such as a notice, even for a connection that it refuses.
        self.told = true;
        let accepted = match tls {
            None => self.machine.accept(now, on, peer),
            Some(_) => self.machine.accept_secured(now, on, peer),
        };
        let Ok(conn) = accepted else { return };
        set_options(R::stream_socket(&stream));
        let opened = match tls.map(Acceptor::begin).transpose() {
            Ok(tls) => self.io.open(conn, stream, tls, true),
            Err(text) => Err(LostBy::Error(text)),
        };
        if let Err(by) = opened {
            self.machine.handle(now, Input::Lost { conn, by });
        }
    }

    /// An attempt to connect has ended. The error is for people. The result of a cancelled attempt is dropped.
    pub fn dialed(&mut self, conn: ConnId, outcome: Result<R::Stream, String>) {
        let Some(&mut Conn::Dialing { reading, writing, .. }) = self.io.conns.get_mut(&conn) else { return };
        self.io.conns.remove(&conn);
        let opened = outcome.map_err(LostBy::Error).and_then(|stream| {
            set_dialed_options(R::stream_socket(&stream));
            self.io.open(conn, stream, None, reading)
        });
        match opened {
            Err(by) => self.input(Input::Lost { conn, by }),
            Ok(()) => {
                self.input(Input::Dialed { conn });
                if writing {
                    self.io.write(&mut self.machine, self.clock.now(), conn);
                }
            }
        }
    }

    /// Bytes were read from a socket, and TLS has not processed them. Returns whether the connection is still open.
    pub fn received(&mut self, conn: ConnId, bytes: &[u8]) -> bool {
        let Some(Conn::Open { connection, writing, ended: false }) = self.io.conns.get_mut(&conn) else {
            return false;
        };
        let plain = &mut self.plain;
        let Some(mut heard) = R::with_tls(connection, |tls| tls.receive(bytes, plain)) else {
            self.input(Input::Received { conn, bytes });
            return true;
        };
        if !*writing {
            let outgoing = R::with_tls(connection, TlsSession::take_outgoing).flatten();
            heard.answered(send_pending(outgoing, |pieces| R::write_some(connection, pieces)));
        }
        let mut plain = std::mem::take(&mut self.plain);
        self.heard(conn, heard, &plain);
        plain.clear();
        self.plain = plain;
        self.connection(conn).is_some()
    }

    /// Passes on the result of TLS: first the completed handshake, then the plain text, then the end.
    pub fn heard(&mut self, conn: ConnId, heard: Heard, plain: &[u8]) {
        if self.connection(conn).is_none() {
            return;
        }
        if heard.secured {
            self.input(Input::Secured { conn });
        }
        if !plain.is_empty() {
            self.input(Input::Received { conn, bytes: plain });
        }
        if let Some(by) = heard.end {
            self.lost(conn, by);
        }
    }

    /// The socket has accepted all bytes of the last write.
    pub fn flushed(&mut self, conn: ConnId) {
        if let Some(Conn::Open { writing, .. }) = self.io.conns.get_mut(&conn) {
            *writing = false;
            self.input(Input::Flushed { conn });
        }
    }

    /// Reading from a connection or writing to it has failed, or the stream has ended. A peer that only sends no more may
    /// still wait for answers.
    pub fn lost(&mut self, conn: ConnId, by: LostBy) {
        if self.told {
            self.settle();
        }
        if by == LostBy::EndOfStream && self.is_kept(conn) {
            return;
        }
        let is_secured = match self.io.conns.get_mut(&conn) {
            Some(Conn::Open { connection, .. }) => R::with_tls(connection, |_| ()).is_some(),
            Some(Conn::Dialing { .. }) => false,
            // The machine has closed the connection meanwhile.
            None => return,
        };
        if is_secured {
            self.io.close(conn);
        } else {
            self.io.drop_at_once(conn);
        }
        self.input(Input::Lost { conn, by });
    }

    /// Asks the machine whether it has something for a peer that sends no more. If so, nothing more is read.
    fn is_kept(&mut self, conn: ConnId) -> bool {
        let Some(Conn::Open { connection, ended: ended @ false, .. }) = self.io.conns.get_mut(&conn) else {
            return false;
        };
        if !self.machine.ended(self.clock.now(), conn) {
            return false;
        }
        *ended = true;
        self.io.runtime.read(conn, connection, false);
        self.told = true;
        true
    }

    /// Carries out all outputs of the machine. Returns when to wake the machine.
    pub fn settle(&mut self) -> Option<Instant> {
        self.told = false;
        let Pump { machine, io, .. } = self;
        let now = self.clock.now();
        settle(machine, now, |machine, output| io.perform(machine, now, output)).map(|(at, _)| at)
    }

    /// The machine has stopped: closes its remaining connections.
    pub fn end(&mut self) {
        while let Some((&conn, _)) = self.io.conns.first_key_value() {
            self.io.drop_at_once(conn);
        }
    }
}

impl<R: Runtime> Io<R> {
    fn perform<M: Machine>(&mut self, machine: &mut M, now: Now, output: Output) {
        match output {
            Output::Dial { conn, host, port } => match self.runtime.dial(conn, host, port) {
                Ok(dial) => {
                    self.conns.insert(conn, Conn::Dialing { dial, reading: true, writing: false });
                }
                Err(failed) => {
                    let by = self.cannot_wait(failed);
                    machine.handle(now, Input::Lost { conn, by });
                }
            },
            Output::Write { conn } => self.write(machine, now, conn),
            Output::Close { conn } => self.close(conn),
            Output::Read { conn, enabled } => match self.conns.get_mut(&conn) {
                Some(Conn::Open { ended: true, .. }) => {}
                Some(Conn::Open { connection, .. }) => self.runtime.read(conn, connection, enabled),
                Some(Conn::Dialing { reading, .. }) => *reading = enabled,
                None => {}
            },
            Output::Save { ticket, clear, changes, fences } => {
                (self.hooks.save)(Save { ticket, clear, changes, fences });
            }
            Output::Query { query, ask } => (self.hooks.query)(query, ask),
            Output::Beat { beat, ask } => (self.hooks.beat)(beat, ask),
            Output::Notice(notice) => (self.hooks.notice)(&notice),
            Output::LogLevel(level) => (self.hooks.log_level)(level),
            Output::Stopped => self.stopped = true,
        }
    }

    fn open(
        &mut self,
        conn: ConnId,
        stream: R::Stream,
        tls: Option<TlsSession>,
        reading: bool,
    ) -> Result<(), LostBy> {
        match self.runtime.open(conn, stream, tls, reading) {
            Ok(connection) => {
                self.conns.insert(conn, Conn::Open { connection, writing: false, ended: false });
                Ok(())
            }
            Err(failed) => Err(self.cannot_wait(failed)),
        }
    }

    fn cannot_wait(&mut self, failed: CannotWait) -> LostBy {
        if let Some(notice) = failed.notice {
            (self.hooks.notice)(&notice);
        }
        failed.by
    }

    /// Writes as much as the socket accepts. The runtime waits with the rest.
    fn write<M: Machine>(&mut self, machine: &mut M, now: Now, conn: ConnId) {
        let (connection, writing) = match self.conns.get_mut(&conn) {
            Some(Conn::Open { connection, writing, .. }) => (connection, writing),
            Some(Conn::Dialing { writing, .. }) => return *writing = true,
            None => return,
        };
        debug_assert!(!*writing, "a second Write before Flushed");
        machine.take_bytes(conn, WRITE_BUDGET_BYTES, &mut self.pieces);
        let sealed = R::with_tls(connection, |tls| tls.seal(&mut self.pieces)).unwrap_or(Ok(()));
        let written = sealed.and_then(|()| {
            R::write_some(connection, &mut self.pieces).map_err(|error| LostBy::Error(error.to_string()))
        });
        let by = match written {
            Ok(Written::All) => return machine.handle(now, Input::Flushed { conn }),
            Ok(Written::Some) => {
                let rest = to_wait(std::mem::take(&mut self.pieces));
                match self.runtime.write_rest(conn, connection, rest) {
                    Ok(()) => return *writing = true,
                    Err(failed) => self.cannot_wait(failed),
                }
            }
            Err(by) => by,
        };
        self.pieces.clear();
        self.drop_at_once(conn);
        machine.handle(now, Input::Lost { conn, by });
    }

    /// Closes a connection in order: close_notify of TLS, shutdown of the writing side, lingering.
    fn close(&mut self, conn: ConnId) {
        let Some((mut connection, writing)) = self.take_open(conn) else { return };
        // In the middle of an unfinished write it would break a record.
        if !writing {
            let goodbye = R::with_tls(&mut connection, TlsSession::close).flatten();
            send_pending(goodbye, |pieces| R::write_some(&connection, pieces));
        }
        if R::socket(&connection).shutdown(Shutdown::Write).is_ok()
            && self.runtime.lingering() < LINGERING_MAX
        {
            self.runtime.linger(connection);
        } else {
            self.runtime.cut(connection);
        }
    }

    /// Removes a connection from the table and returns it if it is open. An attempt to connect is cancelled.
    fn take_open(&mut self, conn: ConnId) -> Option<(R::Connection, bool)> {
        match self.conns.remove(&conn)? {
            Conn::Dialing { dial, .. } => {
                self.runtime.cancel(dial);
                None
            }
            Conn::Open { connection, writing, .. } => Some((connection, writing)),
        }
    }

    fn drop_at_once(&mut self, conn: ConnId) {
        if let Some((connection, _)) = self.take_open(conn) {
            self.runtime.cut(connection);
        }
    }
}
