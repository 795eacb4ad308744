//! Room for accepted connections.

use crate::lock::lock;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Counts accepted connections and limits their number. A connection counts until its reading thread has ended.
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

/// The place of one connection. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    room: Arc<Room>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.room.state).connections -= 1;
        // All: if only one was woken, it could be a listener that pauses after a failure.
        self.room.changed.notify_all();
    }
}

impl Room {
    pub(crate) fn new(connections_max: usize) -> Self {
        Room { connections_max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Ends accepting.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    /// Whether there is no room for another connection.
    pub(crate) fn is_full(&self) -> bool {
        lock(&self.state).connections >= self.connections_max
    }

    /// Waits for room. Returns false if accepting has ended.
    pub(crate) fn wait(&self) -> bool {
        let full = |state: &mut RoomState| !state.closed && state.connections >= self.connections_max;
        let state = self.changed.wait_while(lock(&self.state), full);
        !state.unwrap_or_else(PoisonError::into_inner).closed
    }

    /// Counts a connection.
    pub(crate) fn enter(self: &Arc<Self>) -> Permit {
        lock(&self.state).connections += 1;
        Permit { room: self.clone() }
    }

    /// Waits for a time, or until accepting has ended. Returns whether it has ended.
    pub(crate) fn closes_within(&self, time: Duration) -> bool {
        let state = lock(&self.state);
        let waited = self.changed.wait_timeout_while(state, time, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }
}
