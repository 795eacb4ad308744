//! How a front door encodes messages to its clients. The layers below the front doors depend only on this interface.

use crate::colour::TextStyle;
use crate::describe::macros::words;
use crate::event::Kind;
use crate::fault::Fault;
use crate::time::UnixTime;
use bytes::Bytes;
use std::fmt::Debug;
use std::ops::Range;

words! {
    /// The character set in which a client reads and writes.
    pub enum TextCharset {
        /// All characters.
        Utf8 = "utf-8",
        /// ISO-8859-1. What it lacks is spelled in ASCII.
        Latin1 = "latin-1",
        /// What ASCII lacks is spelled in ASCII.
        Ascii = "ascii",
    }
}

/// An event that is being sent.
#[derive(Debug)]
pub(crate) struct Posted<'a> {
    pub(crate) kind: &'static Kind,
    /// Its members, in the form that [`Event::write`](crate::event::Event::write) produces.
    pub(crate) members: &'a [u8],
    pub(crate) id: u64,
    pub(crate) at: UnixTime,
    /// The time as JSON shows it, if it is written already.
    pub(crate) stamp: Option<&'a [u8]>,
    /// It is a replay.
    pub(crate) is_replay: bool,
    /// What it holds for one person only.
    pub(crate) personal: Personal<'a>,
}

/// A time as JSON shows it. The events of a turn have the same.
#[derive(Debug, Default)]
pub(crate) struct Stamp {
    at: UnixTime,
    text: Vec<u8>,
}

impl Stamp {
    /// Writes a time, if it is not the one that is written.
    pub(crate) fn set(&mut self, at: UnixTime) {
        if self.at != at || self.text.is_empty() {
            self.at = at;
            self.text.clear();
            at.append_to(&mut self.text);
        }
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }
}

/// What an event holds for one session only, if that session speaks for one user.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Personal<'a> {
    /// It is what the client has sent under this label.
    pub(crate) label: Option<&'a str>,
    /// It is about a message to this target, as the client wrote it.
    pub(crate) about: Option<&'a str>,
    /// The client has sent it as a notice.
    pub(crate) is_notice: bool,
    /// The sender's name alone would be mistaken for somebody else's.
    pub(crate) with_mud: bool,
}

/// The bytes of one message, in one allocation that all clients with the same encoding share. It may hold two framings:
/// each is a range of the bytes.
#[derive(Clone, Debug)]
pub struct Framed {
    bytes: Bytes,
    views: [Range<usize>; 2],
}

impl Framed {
    /// Creates a message with two framings.
    pub fn new(bytes: impl Into<Bytes>, views: [Range<usize>; 2]) -> Self {
        Framed { bytes: bytes.into(), views }
    }

    /// Appends the message to a buffer. Returns the framings in it.
    pub(crate) fn append_to(&self, into: &mut Vec<u8>) -> Views {
        let start = into.len();
        into.extend_from_slice(&self.bytes);
        self.views.clone().map(|view| view.start + start..view.end + start)
    }

    /// Returns a framing: 0 or 1.
    pub fn view(&self, view: usize) -> Bytes {
        self.bytes.slice(self.views[view].clone())
    }
}

/// The two framings of a message: ranges of its bytes.
pub(crate) type Views = [Range<usize>; 2];

/// Encodes the messages that a front door sends without a request.
pub(crate) trait Encode: Debug + Sync {
    /// Encodes an event into an empty buffer.
    fn event(&self, posted: &Posted<'_>, style: TextStyle, into: &mut Vec<u8>) -> Views;

    /// Encodes an event for one client.
    fn framed(&self, posted: &Posted<'_>, style: TextStyle) -> Framed {
        let mut bytes = Vec::new();
        let views = self.event(posted, style, &mut bytes);
        Framed::new(bytes, views)
    }

    /// Encodes an error that answers no request.
    fn fault(&self, fault: &Fault, style: TextStyle) -> Framed;

    /// Encodes an event for a client that reads another character set than UTF-8.
    fn event_in(&self, posted: &Posted<'_>, style: TextStyle, _charset: TextCharset) -> Framed {
        self.framed(posted, style)
    }

    /// Encodes an error for a client that reads another character set than UTF-8.
    fn fault_in(&self, fault: &Fault, style: TextStyle, _charset: TextCharset) -> Framed {
        self.fault(fault, style)
    }
}

/// A transport: a front door, and the framing of its messages.
#[derive(Debug)]
pub(crate) struct Way {
    /// Its name in the result of `sessions`.
    pub(crate) name: &'static str,
    /// Its label in metrics.
    pub(crate) label: &'static str,
    pub(crate) encoder: &'static dyn Encode,
    /// The number of the front door among those that write events.
    pub(crate) door: usize,
    /// The [`Framed::view`] that its clients receive.
    pub(crate) view: usize,
}

impl Way {
    /// Returns the number of its clients' encoding: each front door has one for each [`TextStyle`].
    pub(crate) fn slot(&self, style: TextStyle) -> usize {
        self.door * TextStyle::ALL.len() + style as usize
    }

    /// Returns the number of the run of its clients' messages: there is one for each framing of each encoding.
    pub(crate) fn run(&self, style: TextStyle) -> usize {
        2 * self.slot(style) + self.view
    }
}
