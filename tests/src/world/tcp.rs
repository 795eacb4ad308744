//! Virtual TCP: two ends, the bytes under way to each, and how they end.

use i3_core::machine::{ConnId, LostBy};
use i3_core::time::Instant;
use std::collections::VecDeque;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A machine, by its place in the world, and its id for the connection.
    Node(usize, ConnId),
    /// A scripted peer.
    Script(usize),
}

/// What is under way to an end.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    End(LostBy),
}

/// What belongs to one end.
#[derive(Default)]
pub(super) struct Side {
    /// Nobody once this end has closed, or knows that the connection is gone.
    pub(super) end: Option<End>,
    /// Under way to it, each with the time when it arrives.
    pub(super) inbox: VecDeque<(Instant, Piece)>,
    /// When the last of them arrives: nothing overtakes.
    pub(super) last: Instant,
    /// Its machine does not want to read.
    pub(super) held: bool,
    /// Nothing arrives until this is lifted, and who writes to it is not told that the bytes have gone.
    pub(super) stalled: bool,
    /// What is sent to it vanishes.
    pub(super) deaf: bool,
    /// Its machine has a write under way that the other end's stall holds up.
    pub(super) owed: bool,
}

/// A connection.
#[derive(Default)]
pub(super) struct Tcp {
    pub(super) sides: [Side; 2],
}

impl Tcp {
    pub(super) fn new(dialer: End, other: End) -> Tcp {
        let side = |end| Side { end: Some(end), ..Side::default() };
        Tcp { sides: [side(dialer), side(other)] }
    }
}
