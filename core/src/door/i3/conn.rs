//! The connection of a mud.

use crate::i3::Deframer;
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// The longest frame that is read from a mud, in bytes without the length field.
pub const FRAME_BYTES_MAX: usize = 262_144;

/// How long a connection may stay without a login.
pub const LOGIN_MAX: Duration = Duration::from_secs(30);

/// Bytes that a connection may send before it has logged in.
pub const EARLY_BYTES_MAX: usize = 65_536;

/// How long a packet waits for a gateway that is about to log in at the router. Then it is refused.
pub const HELD_MAX: Duration = Duration::from_secs(10);

/// Number of packets that may wait so, and their bytes. Further ones are refused at once.
pub const HELD_PACKETS_MAX: usize = 64;
/// See [`HELD_PACKETS_MAX`].
pub const HELD_BYTES_MAX: usize = 65_536;

/// How long a connection that is being closed may take to accept its last bytes.
pub(super) const LINGER_MAX: Duration = Duration::from_secs(4);

/// What a connection has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No mud has logged in.
    New,
    /// A mud has logged in.
    LoggedIn,
    /// It is being closed, and its packets are ignored.
    Closing,
}

/// The connection of a mud.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) stage: Stage,
    /// When the stage began.
    pub(super) since: Instant,
    /// Finds the frames in what comes in.
    pub(super) deframer: Deframer,
    /// Bytes that came before the login.
    pub(super) early_bytes: usize,
    /// Packets that wait for the router, with the times at which they came.
    pub(super) held: VecDeque<(Instant, Vec<u8>)>,
    pub(super) held_bytes: usize,
}

impl Conn {
    pub(super) fn new(now: Instant) -> Conn {
        Conn {
            stage: Stage::New,
            since: now,
            deframer: Deframer::new(FRAME_BYTES_MAX),
            early_bytes: 0,
            held: VecDeque::new(),
            held_bytes: 0,
        }
    }

    /// Enters a stage.
    pub(super) fn enter(&mut self, stage: Stage, now: Instant) {
        (self.stage, self.since) = (stage, now);
        if stage == Stage::Closing {
            self.held.clear();
            self.held_bytes = 0;
        }
    }

    /// Whether one more packet may wait.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.held.len() < HELD_PACKETS_MAX && self.held_bytes + bytes <= HELD_BYTES_MAX
    }

    /// Lets a packet wait.
    pub(super) fn hold(&mut self, now: Instant, text: &[u8]) {
        self.held_bytes += text.len();
        self.held.push_back((now, text.to_vec()));
    }

    /// Takes the first packet that waits, if it came at `before` or earlier.
    pub(super) fn next_held(&mut self, before: Instant) -> Option<Vec<u8>> {
        let (_, text) = self.held.pop_front_if(|(at, _)| *at <= before)?;
        self.held_bytes -= text.len();
        Some(text)
    }

    /// Returns when the connection must be woken. `is_ready`: what waits for the router may go.
    pub(super) fn deadline(&self, is_ready: bool) -> Option<Instant> {
        match self.stage {
            Stage::New => Some(self.since + LOGIN_MAX),
            Stage::Closing => Some(self.since + LINGER_MAX),
            Stage::LoggedIn if is_ready => self.held.front().map(|_| Instant::ORIGIN),
            Stage::LoggedIn => self.held.front().map(|(at, _)| *at + HELD_MAX),
        }
    }
}
