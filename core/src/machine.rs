//! What every sans-IO machine of this project looks like from outside, and the one loop that drives it.
//!
//! A driver (a runtime, a simulator, a fuzzer) tells a machine what happened with [`Machine::handle`] and carries out
//! what it answers. Any number of `handle` calls may come before the outputs are drained with [`settle`].
//!
//! Contract of a driver:
//! - `now.mono` does not go back; a machine clamps it if it does.
//! - After [`Output::Close`] the id is dead: what is still reported for it is ignored and counted.
//! - Each [`Output::Write`] is answered by taking bytes with [`Machine::take_bytes`] and, once the socket has them,
//!   by [`Input::Flushed`]; until then no further `Write` is emitted for that connection.
//! - [`Input::Lost`] with [`LostBy::EndOfStream`] comes only after [`Machine::ended`] has returned false.
//! - Each [`Output::Dial`] is answered by exactly one of [`Input::Dialed`], [`Input::Lost`], unless it was closed before.
//! - Each [`Output::Save`] is answered by one [`Input::Saved`], in order.

use crate::notice::{Level, Notice};
use crate::time::{Instant, Now};
use bytes::Bytes;
use std::fmt::Debug;
use std::net::SocketAddr;

/// A connection, accepted or dialed. The generation tells a late report about a closed one from a new one in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl ConnId {
    /// A small number for the driver's own tables: unique among the connections open at one time.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// What a listening socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// HTTP and WebSocket clients of the API.
    Http,
    /// JSON lines over TCP.
    Lines,
    /// Muds that speak MudMode to an I3 router.
    Mud,
}

/// Why a connection was not accepted. The driver closes the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The limit on connections is reached.
    TooMany,
    /// The machine is shutting down.
    ShuttingDown,
    /// The address is not allowed.
    Address,
    /// The machine does not serve this kind of listener.
    WrongListener,
}

/// How a connection ended, or could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostBy {
    /// The peer closed it in order.
    EndOfStream,
    /// The socket failed; the text is the system's, for people.
    Error(String),
    /// No TLS could be agreed on; the text is for people.
    Handshake(HandshakeFault, String),
}

/// Why TLS was not agreed on with a client. A driver reports the first four; the machine sees the others itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HandshakeFault {
    /// The client showed no certificate, and had to.
    NoCertificate,
    /// The client's certificate is not one of those that are let in.
    BadCertificate,
    /// The client broke it off with an alert: most often it does not trust the server's certificate.
    Refused,
    /// Anything else: no common version or cipher, or no sense.
    Protocol,
    /// The client speaks plain text where TLS is spoken.
    PlainText,
    /// It took too long.
    TooSlow,
    /// The client left.
    Ended,
    /// The client speaks TLS where plain text is spoken.
    PlainListener,
}

impl HandshakeFault {
    /// As a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            HandshakeFault::NoCertificate => "no_certificate",
            HandshakeFault::BadCertificate => "bad_certificate",
            HandshakeFault::Refused => "refused_by_client",
            HandshakeFault::Protocol => "protocol",
            HandshakeFault::PlainText => "plain_text",
            HandshakeFault::TooSlow => "too_slow",
            HandshakeFault::Ended => "ended",
            HandshakeFault::PlainListener => "plain_listener",
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes came in.
    Received {
        /// From where.
        conn: ConnId,
        /// In order, cut anywhere.
        bytes: &'a [u8],
    },
    /// All bytes taken so far have been given to the socket.
    Flushed {
        /// Whose bytes.
        conn: ConnId,
    },
    /// A dialed connection is open.
    Dialed {
        /// The id that [`Output::Dial`] named.
        conn: ConnId,
    },
    /// TLS is agreed on with a connection of [`Machine::accept_secured`].
    Secured {
        /// Which one.
        conn: ConnId,
    },
    /// A connection is gone, or could not be made.
    Lost {
        /// Which one.
        conn: ConnId,
        /// How.
        by: LostBy,
    },
    /// A save is on disk, or failed.
    Saved {
        /// The ticket of [`Output::Save`].
        ticket: SaveTicket,
        /// The system's text on failure.
        outcome: Result<(), String>,
    },
    /// Somebody wants the machine to end in order; it answers with [`Output::Stopped`] when it has.
    Shutdown,
}

/// Names one [`Output::Save`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaveTicket(pub u64);

/// One durable fact: a value under a key in a named space. `None` deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The family of keys.
    pub space: String,
    /// Unique in its space.
    pub key: String,
    /// Opaque to the store.
    pub value: Option<Vec<u8>>,
}

/// What the store held at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Every fact, each with a value.
    pub entries: Vec<Change>,
}

/// What to do, in order.
#[derive(Debug)]
pub enum Output {
    /// Connect.
    Dial {
        /// The id of the connection to be.
        conn: ConnId,
        /// A name or an address.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// There are bytes to take.
    Write {
        /// For whom.
        conn: ConnId,
    },
    /// Close at once, in order: everything that was to be written has been flushed, or is given up.
    Close {
        /// Which one.
        conn: ConnId,
    },
    /// Stop or go on reading from a connection.
    Read {
        /// Which one.
        conn: ConnId,
        /// Whether to read.
        enabled: bool,
    },
    /// Make these changes durable, all or none.
    Save {
        /// To be named in the answer.
        ticket: SaveTicket,
        /// In order.
        changes: Vec<Change>,
    },
    /// Something an operator may want to know.
    Notice(Notice),
    /// From here on the log shows what matters as much as this, or more.
    LogLevel(Level),
    /// The machine has ended.
    Stopped,
}

/// A sans-IO state machine.
pub trait Machine {
    /// Why a timer is set.
    type Wake: Copy + Debug + Ord;

    /// A listener has a new connection.
    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused>;
    /// A listener that speaks TLS has a new connection: [`Input::Secured`] follows, or [`Input::Lost`]. Bytes that come
    /// before the first of these are plain text, and so is what is written then.
    fn accept_secured(&mut self, _: Now, _: Listener, _: SocketAddr) -> Result<ConnId, Refused> {
        Err(Refused::WrongListener)
    }
    /// The peer has ended its side of a connection: it sends no more, but may still read. Returns true if the machine has
    /// something for it, such as an answer that is waited for. The driver then goes on writing, reads no more, and the
    /// machine closes the connection when it is done. Otherwise [`Input::Lost`] follows.
    fn ended(&mut self, _: Now, _: ConnId) -> bool {
        false
    }
    /// Something happened. Never fails, never blocks.
    fn handle(&mut self, now: Now, input: Input<'_>);
    /// Time has passed. A call before the deadline changes nothing.
    fn handle_timeout(&mut self, now: Now);
    /// The next deadline and its reason. Any `accept`, `handle` or `handle_timeout` may change it.
    fn poll_timeout(&self) -> Option<(Instant, Self::Wake)>;
    /// The next thing to do.
    fn poll_output(&mut self) -> Option<Output>;
    /// Moves up to `budget` bytes for `conn` into `into` (at least one piece if there is any) and says how many.
    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize;
}

/// How many due timers one [`settle`] fires before it gives the driver its turn again.
pub const SETTLE_TIMERS_MAX: u32 = 10_000;

/// Carries out all outputs, fires all due timers, and says when to come back.
///
/// Both runtimes, the simulator and the tests call this after one or more inputs.
pub fn settle<M: Machine>(
    machine: &mut M,
    now: Now,
    mut perform: impl FnMut(&mut M, Output),
) -> Option<(Instant, M::Wake)> {
    for _ in 0..SETTLE_TIMERS_MAX {
        while let Some(output) = machine.poll_output() {
            perform(machine, output);
        }
        match machine.poll_timeout() {
            Some((at, _)) if at <= now.mono => machine.handle_timeout(now),
            later => return later,
        }
    }
    while let Some(output) = machine.poll_output() {
        perform(machine, output);
    }
    machine.poll_timeout()
}
