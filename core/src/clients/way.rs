//! How a front door writes to its clients. The parts below the front doors know only what is here.

use crate::colour::TextStyle;
use crate::event::Kind;
use crate::fault::Fault;
use crate::time::UnixTime;
use bytes::Bytes;
use std::fmt::Debug;
use std::ops::Range;

/// Front doors that write events.
const DOORS_MAX: usize = 4;

/// Different writings of one event: each front door may have one for each [`TextStyle`].
pub(crate) const FRAMED_MAX: usize = DOORS_MAX * TextStyle::ALL.len();

/// An event on its way out.
#[derive(Debug)]
pub(crate) struct Posted<'a> {
    pub(crate) kind: &'static Kind,
    /// Its members, as [`Event::write`](crate::event::Event::write) has them.
    pub(crate) members: &'a [u8],
    pub(crate) id: u64,
    pub(crate) at: UnixTime,
    /// It comes late, or is given again.
    pub(crate) is_replay: bool,
}

/// Bytes of one message in one allocation, which clients that read alike share. A front door may put more than one
/// framing into it: each is a part of the same bytes.
#[derive(Clone, Debug)]
pub struct Framed {
    bytes: Bytes,
    views: [Range<usize>; 2],
}

impl Framed {
    /// Bytes with two framings.
    pub fn new(bytes: impl Into<Bytes>, views: [Range<usize>; 2]) -> Self {
        Framed { bytes: bytes.into(), views }
    }

    /// One framing: 0 or 1.
    pub fn view(&self, view: usize) -> Bytes {
        self.bytes.slice(self.views[view].clone())
    }
}

/// What a front door can write unasked.
pub(crate) trait Encode: Debug + Sync {
    /// The door's number among those that write events, below [`DOORS_MAX`].
    fn number(&self) -> usize;

    /// An event.
    fn event(&self, posted: &Posted<'_>, style: TextStyle) -> Framed;

    /// An error that is no answer.
    fn fault(&self, fault: &Fault, style: TextStyle) -> Framed;
}

/// One way in: a front door, and how its bytes are framed.
#[derive(Debug)]
pub(crate) struct Way {
    /// As `sessions` shows it.
    pub(crate) name: &'static str,
    /// As a metric's label.
    pub(crate) label: &'static str,
    pub(crate) encoder: &'static dyn Encode,
    /// The [`Framed::view`] of its clients.
    pub(crate) view: usize,
}

impl Way {
    /// The place of what its clients read among the [`FRAMED_MAX`] writings of an event.
    pub(crate) fn slot(&self, style: TextStyle) -> usize {
        self.encoder.number() * TextStyle::ALL.len() + style as usize
    }
}
