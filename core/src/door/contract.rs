//! The interface of a front door.

use crate::clients::{Goodbye, Moved};
use crate::machine::{ConnId, Listener};
use crate::service::Parts;
use crate::time::Instant;
use crate::waiting::Finished;
use std::fmt::Debug;

/// A front door. It owns the state of its connections; the sessions and all that waits for them are in the parts.
///
/// A door only closes a connection through the effects. If the connection is closed when a call returns,
/// [`Door::closed`] follows.
pub(crate) trait Door: Debug + Send {
    /// Handles a new connection, after the TLS handshake if the listener speaks TLS.
    fn open(&mut self, parts: &mut Parts<'_>, conn: ConnId, on: Listener);

    /// Handles plain text on a listener that speaks TLS, before [`Door::open`]. The client gets an answer in plain
    /// text, and the connection closes.
    fn refuse_plain_text(&mut self, parts: &mut Parts<'_>, conn: ConnId, on: Listener);

    /// Handles received bytes.
    fn received(&mut self, parts: &mut Parts<'_>, conn: ConnId, bytes: &[u8]);

    /// Handles that the client has taken bytes that were queued for it. Returns whether the state of the connection may have
    /// changed.
    fn flushed(&mut self, parts: &mut Parts<'_>, conn: ConnId) -> bool;

    /// Continues requests that were put off, as much as fits into one turn. Returns their connections.
    fn turn(&mut self, parts: &mut Parts<'_>) -> Vec<ConnId>;

    /// Notes that the driver has carried out all outputs: a new turn begins.
    fn turn_is_over(&mut self);

    /// Handles the deadline of a connection.
    fn due(&mut self, parts: &mut Parts<'_>, conn: ConnId);

    /// Returns when the connection must be woken. This follows from the connection's state.
    fn deadline(&self, parts: &Parts<'_>, conn: ConnId) -> Option<Instant>;

    /// Whether a request of this connection waits for its answer.
    fn owes(&self, conn: ConnId) -> bool;

    /// Handles the outcome of a request that has waited.
    fn finished(&mut self, parts: &mut Parts<'_>, finished: Finished);

    /// Ends a session in order: the client receives what is queued, and then a goodbye.
    fn dismiss(&mut self, parts: &mut Parts<'_>, conn: ConnId, goodbye: Goodbye, reason: &'static str);

    /// Handles what a user has done who has a session of its own at another node.
    fn moved(&mut self, _parts: &mut Parts<'_>, _moved: &Moved) {}

    /// Handles that a connection is about to be forgotten, while its session may still be there.
    fn leaving(&mut self, _parts: &mut Parts<'_>, _conn: ConnId) {}

    /// Forgets a closed connection. Its session has ended already.
    fn closed(&mut self, conn: ConnId);
}
