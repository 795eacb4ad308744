//! Room for accepted connections.

use crate::lock::lock;
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

    /// Whether nobody else fits in.
    pub(crate) fn is_full(&self) -> bool {
        lock(&self.state).connections >= self.connections_max
    }

    /// Waits for room, and says whether it is still open.
    pub(crate) fn wait(&self) -> bool {
        let full = |state: &mut RoomState| !state.closed && state.connections >= self.connections_max;
        let state = self.changed.wait_while(lock(&self.state), full);
        !state.unwrap_or_else(PoisonError::into_inner).closed
    }

    /// Lets one in.
    pub(crate) fn enter(self: &Arc<Self>) -> Permit {
        lock(&self.state).connections += 1;
        Permit { room: self.clone() }
    }

    /// Waits, but no longer than until it is closed, and says whether it is.
    pub(crate) fn closes_within(&self, time: Duration) -> bool {
        let state = lock(&self.state);
        let waited = self.changed.wait_timeout_while(state, time, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }
}
