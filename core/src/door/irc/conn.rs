//! One connection of this front door, and the deadline that follows from its state.

use super::caps::Caps;
use crate::bucket::Bucket;
use crate::clients::Session;
use crate::door::rpc::line::LineReader;
use crate::time::{Instant, Now};
use std::time::Duration;

/// How long a client may take to register.
pub const REGISTRATION_MAX: Duration = Duration::from_secs(60);

/// The silence after which a client is pinged.
pub const PING_AFTER: Duration = Duration::from_secs(120);

/// How long a client may take to answer a ping.
pub const PONG_WITHIN: Duration = Duration::from_secs(60);

/// How long a client may take for its last bytes.
const LAST_BYTES_WITHIN: Duration = Duration::from_secs(10);

/// Number of lines that a client may send before it is registered.
pub const EARLY_LINES_MAX: u32 = 100;

/// Messages that a client may send at once.
pub const MESSAGES_BURST: u32 = 30;

/// Messages that a client may send a minute.
pub const MESSAGES_PER_MINUTE: u32 = 240;

/// Number of messages refused one after the other after which a client is closed.
pub const FLOOD_MAX: u32 = 500;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has not registered.
    New,
    /// It is registered.
    Registered,
    /// Nothing more is read from it.
    Leaving {
        /// Since when.
        since: Instant,
    },
}

/// A connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) reader: LineReader,
    /// Bytes that wait for the next turn.
    pub(super) unread: Vec<u8>,
    /// It stands in the queue.
    pub(super) is_queued: bool,
    pub(super) stage: Stage,
    pub(super) caps: Caps,
    /// It has asked for the capabilities as version 302 has them.
    pub(super) shows_values: bool,
    /// `CAP LS` or `CAP REQ` came, and no `CAP END`.
    pub(super) negotiates: bool,
    pub(super) nick: Option<String>,
    pub(super) has_user: bool,
    pub(super) pass: Option<String>,
    /// The name that came with the key.
    pub(super) name_of_key: Option<String>,
    /// The text of `AUTHENTICATE` so far.
    pub(super) sasl: Option<String>,
    /// What its user said when going.
    pub(super) farewell: Option<String>,
    pub(super) early_lines: u32,
    pub(super) flood: Bucket,
    pub(super) refused: u32,
    pub(super) heard: Instant,
    pub(super) pinged: Option<Instant>,
    since: Instant,
}

impl Conn {
    pub(super) fn new(now: Now) -> Conn {
        Conn {
            reader: LineReader::default(),
            unread: Vec::new(),
            is_queued: false,
            stage: Stage::New,
            caps: Caps::default(),
            shows_values: false,
            negotiates: false,
            nick: None,
            has_user: false,
            pass: None,
            name_of_key: None,
            sasl: None,
            farewell: None,
            early_lines: 0,
            flood: Bucket::new(MESSAGES_PER_MINUTE, MESSAGES_BURST, now.mono),
            refused: 0,
            heard: now.mono,
            pinged: None,
            since: now.mono,
        }
    }

    pub(super) fn is_registered(&self) -> bool {
        self.stage == Stage::Registered
    }

    /// Returns when the connection must be woken.
    pub(super) fn deadline(&self, session: Option<&Session>) -> Instant {
        let echo = session.and_then(|session| session.person.as_ref()?.echo_due());
        let at = match self.stage {
            Stage::New => self.since + REGISTRATION_MAX,
            Stage::Registered => self.pinged.map_or(self.heard + PING_AFTER, |at| at + PONG_WITHIN),
            Stage::Leaving { since } => since + LAST_BYTES_WITHIN,
        };
        echo.map_or(at, |echo| echo.min(at))
    }

    /// Stops reading from the connection.
    pub(super) fn leaves(&mut self, now: Instant) {
        self.unread = Vec::new();
        if !matches!(self.stage, Stage::Leaving { .. }) {
            self.stage = Stage::Leaving { since: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_follows_from_the_state() {
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let mut conn = Conn::new(Now::default());
        assert_eq!(conn.deadline(None), at(60));
        conn.stage = Stage::Registered;
        conn.heard = at(10);
        assert_eq!(conn.deadline(None), at(130));
        conn.pinged = Some(at(130));
        assert_eq!(conn.deadline(None), at(190));
        conn.leaves(at(200));
        conn.leaves(at(300));
        assert_eq!(conn.deadline(None), at(210));
    }
}
