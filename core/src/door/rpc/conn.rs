//! One connection of this front door: its protocol, and the deadline that follows from its state.

use super::line::LineReader;
use super::turns::Desk;
use super::websocket::WebSocket;
use crate::clients::Session;
use crate::settings::ApiSettings;
use crate::time::Instant;
use std::time::Duration;

/// How long a client may stay connected without a key. Each such client occupies one of a limited number of
/// connections.
pub const STRANGER_MAX: Duration = Duration::from_secs(60);

/// Number of requests that a client may send before it is identified.
pub const EARLY_REQUESTS_MAX: u32 = 100;

/// Bytes that a client may send and cause before it is identified. Two copies of the largest document fit.
pub const STRANGER_BYTES_MAX: usize = 524_288;

/// The longest JSON text of a client that is not identified. The longest key with its request fits.
pub const STRANGER_TEXT_BYTES_MAX: usize = 4096;

/// The protocol of a connection, and its state.
#[derive(Debug)]
pub(super) enum State {
    /// JSON lines.
    Lines(LineReader),
    /// HTTP, with the bytes received of the next request head.
    Http {
        head: Vec<u8>,
        /// When the head began, or when the last request was answered.
        since: Instant,
        /// A request was answered, and no byte of the next has arrived.
        is_idle: bool,
    },
    /// WebSocket messages.
    WebSocket {
        socket: Box<WebSocket>,
        /// When the last bytes arrived.
        heard: Instant,
        /// When the ping that is still unanswered was sent.
        pinged: Option<Instant>,
    },
    /// Nothing more is read, and the connection closes when everything is written.
    Draining { since: Instant },
}

/// A connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) state: State,
    /// Number of requests before it was identified.
    pub(super) early_requests: u32,
    /// Bytes that it has sent and caused before it was identified.
    pub(super) early_bytes: usize,
    /// A JSON text has come. A byte order mark may stand before the first one.
    pub(super) has_spoken: bool,
    /// The requests that wait for their turn.
    pub(super) desk: Desk,
}

/// Returns when a session without a key must end.
fn stranger_until(session: &Session) -> Option<Instant> {
    session.identity.is_none().then(|| session.since + STRANGER_MAX)
}

impl Conn {
    /// Creates a connection in its first state.
    pub(super) fn new(state: State) -> Conn {
        Conn { state, early_requests: 0, early_bytes: 0, has_spoken: false, desk: Desk::default() }
    }

    /// Returns when the connection must be woken: for a slow request head, an idle connection, an expired session, a
    /// WebSocket that must be pinged or has not answered, or last bytes that the client does not take.
    pub(super) fn deadline(&self, session: Option<&Session>, api: &ApiSettings) -> Instant {
        match &self.state {
            State::Lines(_) => session.map_or(Instant::ORIGIN, |session| {
                stranger_until(session).unwrap_or(session.heard + api.session_timeout)
            }),
            State::Http { since, is_idle: true, .. } => *since + api.idle_timeout,
            State::Http { since, is_idle: false, .. } => *since + api.handshake_timeout,
            State::WebSocket { heard, pinged, .. } => {
                let at = pinged.map_or(*heard + api.ping_interval, |at| at + api.ping_timeout);
                session.and_then(stranger_until).map_or(at, |until| until.min(at))
            }
            State::Draining { since } => *since + api.handshake_timeout,
        }
    }

    /// Stops reading from the connection.
    pub(super) fn drain(&mut self, now: Instant) {
        self.desk.clear();
        if !matches!(self.state, State::Draining { .. }) {
            self.state = State::Draining { since: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoder::SOCKETS;
    use super::*;
    use crate::time::Now;

    #[test]
    fn a_deadline_follows_from_the_state() {
        let api = ApiSettings::default();
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let head = |is_idle| Conn::new(State::Http { head: Vec::new(), since: at(5), is_idle });
        assert_eq!(head(false).deadline(None, &api), at(5) + api.handshake_timeout);
        assert_eq!(head(true).deadline(None, &api), at(5) + api.idle_timeout);
        let socket = |pinged| {
            let socket = Box::new(WebSocket::new(1000, false));
            Conn::new(State::WebSocket { socket, heard: at(50), pinged })
        };
        let stranger = Session::new(&SOCKETS, Now::default());
        assert_eq!(socket(None).deadline(Some(&stranger), &api), at(60));
        assert_eq!(socket(None).deadline(None, &api), at(50) + api.ping_interval);
        assert_eq!(socket(Some(at(70))).deadline(None, &api), at(70) + api.ping_timeout);
        let mut draining = head(true);
        draining.drain(at(9));
        draining.drain(at(90));
        assert_eq!(draining.deadline(None, &api), at(9) + api.handshake_timeout);
    }
}
