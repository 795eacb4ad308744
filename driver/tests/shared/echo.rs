//! A small machine to drive. The tests of each runtime take this file in.

use bytes::Bytes;
use i3_core::effects::Effects;
use i3_core::machine::{ConnId, Input, Listener, LostBy, Machine, Output, Refused, SaveError};
use i3_core::notice::{Level, Notice};
use i3_core::time::{Instant, Now};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Nothing in these tests takes so long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// What a [`Listener::Http`] client is sent.
pub(crate) const FLOOD_BYTES: usize = 8 * 1024 * 1024;
/// What a [`Listener::Mud`] client is sent before its connection is closed.
pub(crate) const LAST_BYTES: usize = 100_000;

/// Echoes on [`Listener::Lines`], floods on [`Listener::Http`], and on [`Listener::Mud`] answers the first bytes with
/// [`LAST_BYTES`] and closes.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    pub(crate) effects: Effects,
    pub(crate) accepted: Vec<ConnId>,
    pub(crate) dialed: Vec<ConnId>,
    pub(crate) lost: Vec<(ConnId, LostBy)>,
    pub(crate) saved: Vec<Result<(), SaveError>>,
    pub(crate) received_bytes: usize,
    /// Counted where a test can read it without the machine: looking at a machine fires what is due.
    pub(crate) fired: Arc<AtomicU32>,
    pub(crate) wake_at: Option<Instant>,
    pub(crate) refuse: bool,
    /// Whether it has a notice for each read.
    pub(crate) tells_reads: bool,
    /// Connections whose peers sent no more, if they are to be kept for what is still to come.
    pub(crate) keeps: bool,
    pub(crate) ended: Vec<ConnId>,
    /// What happened to connections with TLS, in order; what happened twice in a row is there once.
    pub(crate) story: Vec<(ConnId, &'static str)>,
    secured: Vec<ConnId>,
    /// Carried out when the effects are.
    reads: VecDeque<Output>,
    closing: Vec<ConnId>,
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

impl Echo {
    /// Stops or goes on reading, at the test's will and not because of what is queued.
    pub(crate) fn read(&mut self, conn: ConnId, enabled: bool) {
        self.reads.push_back(Output::Read { conn, enabled });
    }

    /// Tells the story of this connection, too.
    pub(crate) fn note_as_secured(&mut self, conn: ConnId) {
        self.secured.push(conn);
    }

    fn note(&mut self, input: &Input<'_>) {
        let (conn, what) = match input {
            Input::Secured { conn } => (*conn, "secured"),
            Input::Received { conn, .. } => (*conn, "received"),
            Input::Lost { conn, by: LostBy::EndOfStream } => (*conn, "ended"),
            Input::Lost { conn, .. } => (*conn, "failed"),
            _ => return,
        };
        if self.secured.contains(&conn) && self.story.last() != Some(&(conn, what)) {
            self.story.push((conn, what));
        }
    }
}

impl Machine for Echo {
    type Wake = ();

    fn accept(&mut self, _: Now, on: Listener, _: SocketAddr) -> Result<ConnId, Refused> {
        if self.refuse {
            self.effects.notice(Notice::new(Level::Info, "test", "refused"));
            return Err(Refused::TooMany);
        }
        let conn = self.effects.open();
        self.accepted.push(conn);
        match on {
            Listener::Lines | Listener::Irc => {}
            Listener::Http => self.effects.send_shared(conn, Bytes::from(pattern(FLOOD_BYTES))),
            Listener::Mud => self.closing.push(conn),
        }
        Ok(conn)
    }

    fn accept_secured(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused> {
        let conn = self.accept(now, on, peer)?;
        self.secured.push(conn);
        Ok(conn)
    }

    fn ended(&mut self, _: Now, conn: ConnId) -> bool {
        self.ended.extend(self.keeps.then_some(conn));
        self.keeps
    }

    fn handle(&mut self, _: Now, input: Input<'_>) {
        self.note(&input);
        match input {
            Input::Received { conn, bytes } if self.closing.contains(&conn) => {
                self.received_bytes += bytes.len();
                self.effects.send(conn, &pattern(LAST_BYTES));
                self.effects.close_when_flushed(conn);
            }
            Input::Received { conn, bytes } => {
                self.received_bytes += bytes.len();
                self.effects.send(conn, bytes);
                if self.tells_reads {
                    self.effects.notice(Notice::new(Level::Info, "test", "read"));
                }
            }
            Input::Flushed { conn } => self.effects.flushed(conn),
            Input::Dialed { conn } => self.dialed.push(conn),
            Input::Secured { .. }
            | Input::StoreLost { .. }
            | Input::Told(_)
            | Input::Beaten { .. }
            | Input::Followed { .. }
            | Input::Found { .. } => {}
            Input::Lost { conn, by } => {
                assert!(self.effects.release(conn), "lost twice");
                self.lost.push((conn, by));
            }
            Input::Saved { outcome, .. } => self.saved.push(outcome),
            Input::Shutdown => self.effects.stopped(),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        if self.wake_at.is_some_and(|at| at <= now.mono) {
            self.wake_at = None;
            self.fired.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn poll_timeout(&self) -> Option<(Instant, ())> {
        self.wake_at.map(|at| (at, ()))
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.effects.poll().or_else(|| self.reads.pop_front())
    }

    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize {
        self.effects.take_bytes(conn, budget, into)
    }
}
