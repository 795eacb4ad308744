//! What a front door is.

use crate::clients::Goodbye;
use crate::machine::{ConnId, Listener};
use crate::service::Parts;
use crate::time::Instant;
use crate::waiting::Finished;
use std::fmt::Debug;

/// A front door. It keeps the state of its connections; sessions, and what waits for them, are in the parts.
///
/// A door closes a connection through the effects and nothing more: when a call returns and the connection is closed,
/// [`Door::closed`] follows.
pub(crate) trait Door: Debug + Send {
    /// A connection is open, and TLS is agreed on where it is spoken.
    fn open(&mut self, parts: &mut Parts<'_>, conn: ConnId, on: Listener);

    /// Plain text came where TLS is spoken, before [`Door::open`]: it is answered in plain text, and the connection closed.
    fn refuse_plain_text(&mut self, parts: &mut Parts<'_>, conn: ConnId, on: Listener);

    /// Bytes came in.
    fn received(&mut self, parts: &mut Parts<'_>, conn: ConnId, bytes: &[u8]);

    /// The deadline of a connection has passed.
    fn due(&mut self, parts: &mut Parts<'_>, conn: ConnId);

    /// When a connection must be woken. It follows from the connection's state.
    fn deadline(&self, parts: &Parts<'_>, conn: ConnId) -> Option<Instant>;

    /// A request that waited has its outcome.
    fn finished(&mut self, parts: &mut Parts<'_>, finished: Finished);

    /// A session is to end: its client gets what is queued and a goodbye.
    fn dismiss(&mut self, parts: &mut Parts<'_>, conn: ConnId, goodbye: Goodbye, reason: &'static str);

    /// A connection is closed. Its session has ended.
    fn closed(&mut self, conn: ConnId);
}
