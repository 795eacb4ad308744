//! Accepting connections, as long as there is room for them.

use crate::inbox::{Inbox, Message};
use crate::threads::lock;
use i3_core::machine::Listener;
use i3_core::notice::Level;
use i3_driver::accept::{ACCEPT_PAUSE, Complaint};
use i3_driver::tls::Acceptor;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Whether there is room for more accepted connections. One counts until its reading thread has ended.
#[derive(Debug)]
pub(crate) struct Room {
    connections_max: usize,
    state: Mutex<RoomState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct RoomState {
    connections: usize,
    closed: bool,
}

/// Counts as one connection until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    room: Arc<Room>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.room.state).connections -= 1;
        // All: one of several listeners may be in its pause after a failure, and would take the only call for itself.
        self.room.changed.notify_all();
    }
}

impl Room {
    pub(crate) fn new(connections_max: usize) -> Self {
        Room { connections_max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Nothing is accepted any more.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    fn is_full(&self) -> bool {
        lock(&self.state).connections >= self.connections_max
    }

    /// Waits for room, and says whether it is still open.
    fn wait(&self) -> bool {
        let full = |state: &mut RoomState| !state.closed && state.connections >= self.connections_max;
        let state = self.changed.wait_while(lock(&self.state), full);
        !state.unwrap_or_else(PoisonError::into_inner).closed
    }

    fn enter(self: &Arc<Self>) -> Permit {
        lock(&self.state).connections += 1;
        Permit { room: self.clone() }
    }

    /// Waits, but no longer than until it is closed, and says whether it is.
    fn closes_within(&self, time: Duration) -> bool {
        let state = lock(&self.state);
        let waited = self.changed.wait_timeout_while(state, time, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }
}

/// Accepts until the room is closed and the listener shut down: a failure ends neither the listener nor the daemon.
pub(crate) fn accept_from(
    on: Listener,
    tls: Option<&Acceptor>,
    listener: &TcpListener,
    room: &Arc<Room>,
    inbox: &Inbox,
) {
    let mut full = Complaint::new(on, Level::Warn, "too many connections: no more are accepted for now");
    let mut failed = Complaint::cannot_accept(on);
    loop {
        // Before accepting, not after: who does not fit waits in the kernel's queue and costs nothing here.
        if room.is_full() {
            tell(&mut full, None, inbox);
        }
        if !room.wait() {
            return;
        }
        match listener.accept() {
            Ok((stream, peer)) => {
                let permit = room.enter();
                let tls = tls.cloned();
                if inbox.send(Message::Accepted { on, tls, stream, peer, permit }).is_err() {
                    return;
                }
            }
            Err(error) => {
                if room.closes_within(Duration::ZERO) {
                    return;
                }
                tell(&mut failed, Some(&error), inbox);
                if room.closes_within(ACCEPT_PAUSE) {
                    return;
                }
            }
        }
    }
}

fn tell(complaint: &mut Complaint, error: Option<&io::Error>, inbox: &Inbox) {
    if let Some(notice) = complaint.again(error) {
        let _ = inbox.send(Message::Notice(Box::new(notice)));
    }
}
