//! The pump: tells one machine what happens to its connections, and carries out what it wants done.
//!
//! The rules that hold for every driver are here, and nowhere else:
//!
//! - TLS agreed on, then the plain text that came with it, then the end: [`Pump::heard`].
//! - The machine is settled before it is told that a connection is lost, so that what a client sent is answered before its
//!   end of stream is seen, even when both came at once: [`Pump::lost`].
//! - A peer that sends no more keeps its connection as long as the machine has something for it: [`Machine::ended`].
//! - A connection that is closed, or lost with TLS, is told goodbye by its TLS, unless a write is under way; then its
//!   writing side is shut down, and it lingers.
//! - What a machine wants of a connection that is still being dialed is done when the connection is open: it is read from
//!   or not, as the last [`Output::Read`] said, and written to after [`Input::Dialed`].
//! - Each [`Output::Write`] is answered by one [`Input::Flushed`], when the socket has everything that was taken.
//! - A connection that cannot be written to or waited for is lost, and the machine is told so once.
//!
//! A driver calls the pump when something has happened, and [`Pump::settle`] at the end of its turn. The pump calls the
//! [`Runtime`] to wait for what comes next.

use crate::address::canonical;
use crate::clock::Clock;
use crate::hooks::Hooks;
use crate::linger::LINGERING_MAX;
use crate::runtime::{CannotWait, Runtime};
use crate::socket::{set_dialed_options, set_options};
use crate::tls::{Acceptor, Heard, Session};
use crate::write::{WRITE_BUDGET_BYTES, Written, say};
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
    /// The machine has been told something since it was settled.
    told: bool,
    /// What came over TLS. Empty between uses.
    plain: Vec<u8>,
}

/// What outputs are carried out with.
struct Io<R: Runtime> {
    /// By the whole id, not by its index: a new connection may have the index of one that is still to be closed.
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
        /// The machine has bytes for it already.
        writing: bool,
    },
    Open {
        link: R::Link,
        /// The runtime waits with bytes that the socket would not take.
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
    /// A pump for a machine that was constructed with the time of `clock`.
    pub fn new(machine: M, clock: Clock, runtime: R, hooks: Hooks) -> Self {
        let io = Io { conns: BTreeMap::new(), runtime, hooks, pieces: Vec::new(), stopped: false };
        Pump { machine, io, clock, told: false, plain: Vec::new() }
    }

    /// What the machine's saves, notices and levels go to.
    pub fn hooks(&mut self) -> &mut Hooks {
        &mut self.io.hooks
    }

    /// What waits for the connections.
    pub fn runtime(&mut self) -> &mut R {
        &mut self.io.runtime
    }

    /// An open connection.
    pub fn link(&mut self, conn: ConnId) -> Option<&mut R::Link> {
        match self.io.conns.get_mut(&conn) {
            Some(Conn::Open { link, .. }) => Some(link),
            _ => None,
        }
    }

    /// Whether the machine has stopped.
    pub fn is_stopped(&self) -> bool {
        self.io.stopped
    }

    /// Tells the machine something that is about none of its connections' sockets.
    pub fn tell(&mut self, input: Input<'_>) {
        self.told = true;
        self.machine.handle(self.clock.now(), input);
    }

    /// Does something to the machine.
    pub fn with<T>(&mut self, act: impl FnOnce(&mut M, Now) -> T) -> T {
        self.told = true;
        act(&mut self.machine, self.clock.now())
    }

    /// A listener has a new connection. One that the machine refuses is dropped.
    pub fn accepted(&mut self, on: Listener, tls: Option<&Acceptor>, stream: R::Stream, peer: SocketAddr) {
        // When the machine is full it closes a connection for each new one. What it has for that one is written first.
        if self.told {
            self.settle();
        }
        let (now, peer) = (self.clock.now(), canonical(peer));
        // A machine may have something to say even about a connection that it refuses.
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

    /// An attempt to connect has ended; the error is for people. One that was cancelled is dropped.
    pub fn dialed(&mut self, conn: ConnId, outcome: Result<R::Stream, String>) {
        let Some(&mut Conn::Dialing { reading, writing, .. }) = self.io.conns.get_mut(&conn) else { return };
        self.io.conns.remove(&conn);
        let opened = outcome.map_err(LostBy::Error).and_then(|stream| {
            set_dialed_options(R::stream_socket(&stream));
            self.io.open(conn, stream, None, reading)
        });
        match opened {
            Err(by) => self.tell(Input::Lost { conn, by }),
            Ok(()) => {
                self.tell(Input::Dialed { conn });
                if writing {
                    self.io.write(&mut self.machine, self.clock.now(), conn);
                }
            }
        }
    }

    /// A socket gave some bytes, and its TLS has not seen them. Says whether the connection is still open.
    pub fn received(&mut self, conn: ConnId, bytes: &[u8]) -> bool {
        let Some(Conn::Open { link, writing, ended: false }) = self.io.conns.get_mut(&conn) else {
            return false;
        };
        let plain = &mut self.plain;
        let Some(mut heard) = R::with_tls(link, |tls| tls.receive(bytes, plain)) else {
            self.tell(Input::Received { conn, bytes });
            return true;
        };
        if !*writing {
            let outgoing = R::with_tls(link, Session::take_outgoing).flatten();
            heard.answered(say(outgoing, |pieces| R::write_some(link, pieces)));
        }
        let mut plain = std::mem::take(&mut self.plain);
        self.heard(conn, heard, &plain);
        plain.clear();
        self.plain = plain;
        self.link(conn).is_some()
    }

    /// What came over TLS: first that it is agreed on, then the plain text, then the end.
    pub fn heard(&mut self, conn: ConnId, heard: Heard, plain: &[u8]) {
        if self.link(conn).is_none() {
            return;
        }
        if heard.secured {
            self.tell(Input::Secured { conn });
        }
        if !plain.is_empty() {
            self.tell(Input::Received { conn, bytes: plain });
        }
        if let Some(by) = heard.end {
            self.lost(conn, by);
        }
    }

    /// The socket has everything that was taken for it.
    pub fn flushed(&mut self, conn: ConnId) {
        if let Some(Conn::Open { writing, .. }) = self.io.conns.get_mut(&conn) {
            *writing = false;
            self.tell(Input::Flushed { conn });
        }
    }

    /// Reading from a connection, or writing to it, has ended. A peer that only sends no more may still wait for answers.
    pub fn lost(&mut self, conn: ConnId, by: LostBy) {
        if self.told {
            self.settle();
        }
        if by == LostBy::EndOfStream && self.is_kept(conn) {
            return;
        }
        let is_secured = match self.io.conns.get_mut(&conn) {
            Some(Conn::Open { link, .. }) => R::with_tls(link, |_| ()).is_some(),
            Some(Conn::Dialing { .. }) => false,
            // The machine has closed it meanwhile.
            None => return,
        };
        if is_secured {
            self.io.close(conn);
        } else {
            self.io.drop_at_once(conn);
        }
        self.tell(Input::Lost { conn, by });
    }

    /// Asks the machine whether it has something for a peer that sends no more. If so, nothing more is read.
    fn is_kept(&mut self, conn: ConnId) -> bool {
        let Some(Conn::Open { link, ended: ended @ false, .. }) = self.io.conns.get_mut(&conn) else {
            return false;
        };
        if !self.machine.ended(self.clock.now(), conn) {
            return false;
        }
        *ended = true;
        self.io.runtime.read(conn, link, false);
        self.told = true;
        true
    }

    /// Carries out everything that the machine wants done, and says when it wants to be woken.
    pub fn settle(&mut self) -> Option<Instant> {
        self.told = false;
        let Pump { machine, io, .. } = self;
        let now = self.clock.now();
        settle(machine, now, |machine, output| io.perform(machine, now, output)).map(|(at, _)| at)
    }

    /// The machine has stopped: what it has not closed is dropped.
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
                Some(Conn::Open { link, .. }) => self.runtime.read(conn, link, enabled),
                Some(Conn::Dialing { reading, .. }) => *reading = enabled,
                None => {}
            },
            Output::Save { ticket, changes } => (self.hooks.save)(ticket, changes),
            Output::Notice(notice) => (self.hooks.notice)(&notice),
            Output::LogLevel(level) => (self.hooks.log_level)(level),
            Output::Stopped => self.stopped = true,
        }
    }

    fn open(
        &mut self,
        conn: ConnId,
        stream: R::Stream,
        tls: Option<Session>,
        reading: bool,
    ) -> Result<(), LostBy> {
        match self.runtime.open(conn, stream, tls, reading) {
            Ok(link) => {
                self.conns.insert(conn, Conn::Open { link, writing: false, ended: false });
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

    /// Writes at once what the socket takes; the runtime waits with the rest.
    fn write<M: Machine>(&mut self, machine: &mut M, now: Now, conn: ConnId) {
        let (link, writing) = match self.conns.get_mut(&conn) {
            Some(Conn::Open { link, writing, .. }) => (link, writing),
            Some(Conn::Dialing { writing, .. }) => return *writing = true,
            None => return,
        };
        debug_assert!(!*writing, "a second Write before Flushed");
        machine.take_bytes(conn, WRITE_BUDGET_BYTES, &mut self.pieces);
        let sealed = R::with_tls(link, |tls| tls.seal(&mut self.pieces)).unwrap_or(Ok(()));
        let written = sealed.and_then(|()| {
            R::write_some(link, &mut self.pieces).map_err(|error| LostBy::Error(error.to_string()))
        });
        let by = match written {
            Ok(Written::All) => return machine.handle(now, Input::Flushed { conn }),
            Ok(Written::Some) => {
                let rest = std::mem::take(&mut self.pieces);
                match self.runtime.write_rest(conn, link, rest) {
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

    /// Closes in order: goodbye, the end of what is written, and lingering.
    fn close(&mut self, conn: ConnId) {
        let Some((mut link, writing)) = self.take_open(conn) else { return };
        // In the middle of something else there is no place for it.
        if !writing {
            let goodbye = R::with_tls(&mut link, Session::close).flatten();
            say(goodbye, |pieces| R::write_some(&link, pieces));
        }
        if R::socket(&link).shutdown(Shutdown::Write).is_ok() && self.runtime.lingering() < LINGERING_MAX {
            self.runtime.linger(link);
        } else {
            self.runtime.cut(link);
        }
    }

    /// Takes an open connection out of the table; an attempt to connect is cancelled.
    fn take_open(&mut self, conn: ConnId) -> Option<(R::Link, bool)> {
        match self.conns.remove(&conn)? {
            Conn::Dialing { dial, .. } => {
                self.runtime.cancel(dial);
                None
            }
            Conn::Open { link, writing, .. } => Some((link, writing)),
        }
    }

    fn drop_at_once(&mut self, conn: ConnId) {
        if let Some((link, _)) = self.take_open(conn) {
            self.runtime.cut(link);
        }
    }
}
