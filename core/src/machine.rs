//! The interface of every sans-IO machine of this project, and the one loop that drives it.
//!
//! A driver (a runtime, a simulator, a fuzzer) passes inputs to a machine with [`Machine::handle`] and carries out its
//! outputs. It may call `handle` any number of times before it drains the outputs with [`settle`].
//!
//! A driver must keep these rules:
//!
//! - `now.mono` does not go back; a machine clamps it if it does.
//! - After [`Output::Close`] the id is invalid: later inputs for it are ignored and counted.
//! - Each [`Output::Write`] is answered by taking bytes with [`Machine::take_bytes`] and, once the socket has them, by
//!   [`Input::Flushed`]; until then no further `Write` is emitted for that connection.
//! - [`Input::Lost`] with [`LostBy::EndOfStream`] comes only after [`Machine::ended`] has returned false.
//! - Each [`Output::Dial`] is answered by exactly one of [`Input::Dialed`], [`Input::Lost`], unless it was closed
//!   before.
//! - Each [`Output::Save`] is answered by one [`Input::Saved`], in order.
//! - Each [`Output::Query`] is answered by one [`Input::Found`], in any order.
//! - Each [`Output::Beat`] is answered by one [`Input::Beaten`]. What all nodes are told comes with [`Input::Told`], in the
//!   order of its positions, and no part of it twice. [`Input::Followed`] says up to which beat that was. Machines that run on
//!   one host know none of these.

use crate::notice::{Level, Notice};
use crate::query::{Page, Query};
use crate::time::{Instant, Now};
use bytes::Bytes;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

/// The name of a space or of a key. A copy allocates nothing.
pub use smol_str::SmolStr;

/// A connection, accepted or dialed. The generation distinguishes a late input for a closed connection from one for the
/// connection that reuses its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl ConnId {
    /// A small number for the driver's own tables. It is unique among the connections that are open at a time.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// The purpose of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// HTTP and WebSocket clients of the API.
    Http,
    /// JSON lines over TCP.
    Lines,
    /// Muds that speak MudMode to an I3 router.
    Mud,
    /// Clients of IRC.
    Irc,
}

/// Why a connection was not accepted. The driver closes its socket.
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

/// How a connection ended, or why it could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostBy {
    /// The peer has closed it in order.
    EndOfStream,
    /// The socket failed. The text is from the operating system, for people.
    Error(String),
    /// The TLS handshake failed. The text is for people.
    Handshake(HandshakeFault, String),
}

/// Why the TLS handshake with a client failed. A driver reports the first four; the machine detects the others itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HandshakeFault {
    /// The client sent no certificate, but one is required.
    NoCertificate,
    /// The client's certificate is not accepted.
    BadCertificate,
    /// The client ended the handshake with an alert, in most cases because it does not trust the server's certificate.
    Refused,
    /// Another error, such as no common version or cipher, or an invalid message.
    Protocol,
    /// The client speaks plain text on a TLS listener.
    PlainText,
    /// The handshake took too long.
    TooSlow,
    /// The client has closed the connection.
    Ended,
    /// The client speaks TLS on a plain-text listener.
    PlainListener,
}

impl HandshakeFault {
    /// The label in metrics.
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

/// An input of a machine.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes were received.
    Received {
        /// The connection.
        conn: ConnId,
        /// The bytes, in order. They may be cut anywhere.
        bytes: &'a [u8],
    },
    /// All bytes taken so far have been written to the socket.
    Flushed {
        /// The connection.
        conn: ConnId,
    },
    /// A dialed connection is open.
    Dialed {
        /// The id that [`Output::Dial`] named.
        conn: ConnId,
    },
    /// The TLS handshake on a connection of [`Machine::accept_secured`] is complete.
    Secured {
        /// The connection.
        conn: ConnId,
    },
    /// A connection has ended, or could not be made.
    Lost {
        /// The connection.
        conn: ConnId,
        /// How it ended.
        by: LostBy,
    },
    /// A save is durable, or has failed.
    Saved {
        /// The ticket of [`Output::Save`].
        ticket: SaveTicket,
        /// On failure, the text of the operating system.
        outcome: Result<(), SaveError>,
    },
    /// What nodes have saved, this one too, in the order in which it became durable.
    Told(Told),
    /// The answer to [`Output::Beat`].
    Beaten {
        /// Its number.
        beat: u64,
        /// The leases and the nodes after it. The error: the database cannot be reached. The text is for people.
        outcome: Result<Beaten, String>,
    },
    /// This node was told all that was saved before a beat. It comes once for a beat that was carried out, or for a later one.
    Followed {
        /// The number of the beat.
        beat: u64,
    },
    /// The answer to [`Output::Query`].
    Found {
        /// Its number.
        query: u64,
        /// The lines. A store that keeps none finds none. The error: the store cannot be asked. The text is for people.
        outcome: Result<Page, String>,
    },
    /// The store has lost what was saved: its file was removed, moved or replaced. It accepts only a save that clears
    /// [`Clear::Everything`], which writes all of it anew.
    StoreLost {
        /// What happened, for people.
        reason: String,
    },
    /// The machine must shut down. It emits [`Output::Stopped`] when it has.
    Shutdown,
}

/// Identifies one [`Output::Save`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaveTicket(pub u64);

/// Why a save was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveError {
    /// The store has failed. Whether the save was written may be unknown. The text is for people.
    Failed(String),
    /// This node no longer holds these muds under the epochs that the save named. Nothing of it was written.
    Stale(Vec<String>),
}

impl std::fmt::Display for SaveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SaveError::Failed(text) => f.write_str(text),
            SaveError::Stale(muds) => write!(f, "another node holds {}", muds.join(", ")),
        }
    }
}

/// The right of a node to speak for a mud. A save that names fences is written only if the node holds each of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence {
    /// The name of the mud.
    pub mud: String,
    /// The number of the lease. It grows each time a node takes the mud.
    pub epoch: u64,
}

/// One save of a node, as all nodes are told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its position among all saves of all nodes. Positions only grow. The save has those from `position` up to, and
    /// without, `end`.
    pub position: u64,
    /// The position of the next save is not below this.
    pub end: u64,
    /// The start of the node that has saved it: [`crate::settings::NodeSettings::boot`].
    pub boot: String,
    /// What it has removed first.
    pub clear: Clear,
    /// The changes, in order, also those of spaces that are not kept ([`is_passing`]).
    pub changes: Vec<Change>,
}

/// Number of positions of a save beside those of its changes. A node numbers its own events with them.
pub const POSITIONS_OF_SAVE: u64 = 4_096;

/// Returns the number of positions of a change that all nodes are told: more than the events that can follow from it.
pub fn positions_of(change: &Change) -> u64 {
    let bytes = change.value.as_ref().map_or(0, |value| value.len()) as u64;
    if is_passing(&change.space) { 64 + bytes / 4 } else { 0 }
}

/// Whether the changes of a space are told to all nodes but not kept: they are no entries of the store.
pub fn is_passing(space: &str) -> bool {
    space.starts_with('>')
}

/// What a node asks of the table of leases, in one transaction. The clock of the database alone decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// The leases to prolong, each unless another node has taken the mud since, also if it has run out.
    pub keep: Vec<Fence>,
    /// The leases to give back.
    pub leave: Vec<Fence>,
    /// The muds to take, each if nobody has a lease on it that has not run out.
    pub take: Vec<String>,
    /// The node takes no more muds, and gives up those that it has.
    pub is_draining: bool,
    /// The node has ended. It is removed from the list of nodes.
    pub is_gone: bool,
}

/// The leases and nodes after a [`Beat`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beaten {
    /// All leases that have not run out, by mud.
    pub leases: Vec<Lease>,
    /// All nodes that have beaten lately, this one too, by name.
    pub nodes: Vec<Node>,
}

/// A lease that has not run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The mud and the number of the lease.
    pub fence: Fence,
    /// The start of the node that has it.
    pub boot: String,
    /// How long it still runs by the clock of the database.
    pub left: std::time::Duration,
}

/// A node that has beaten lately: within three times the length of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name in the settings.
    pub name: String,
    /// Its start: a text that no other start of any node has.
    pub boot: String,
    /// It takes no muds.
    pub is_draining: bool,
}

/// One durable change: the value of a key in a named space. `None` deletes the key. A copy shares the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The name of the space.
    pub space: SmolStr,
    /// The key, unique in its space.
    pub key: SmolStr,
    /// The value, whose contents the store does not interpret.
    pub value: Option<Arc<[u8]>>,
}

/// What a save removes from the store before its changes apply. Both happen together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clear {
    /// Nothing.
    #[default]
    Nothing,
    /// All entries of these spaces. The changes contain what has to be in them.
    Spaces(Vec<SmolStr>),
    /// All entries. The changes contain the whole state.
    Everything,
}

impl Clear {
    /// Whether the entries of a space are removed.
    pub fn covers(&self, space: &str) -> bool {
        match self {
            Clear::Nothing => false,
            Clear::Spaces(spaces) => spaces.iter().any(|one| one == space),
            Clear::Everything => true,
        }
    }
}

/// The contents of the store at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// All entries, each with a value.
    pub entries: Vec<Change>,
    /// The position of the last save among them, if several nodes save: [`Told`] begins some time before it.
    pub position: u64,
    /// The position of the next save is not below this.
    pub end: u64,
    /// How long ago the last save was written, by the clock of the store that several nodes share. `None`: on one host the wall
    /// clock says how long the gateway did not run.
    pub away: Option<std::time::Duration>,
}

/// An output of a machine. The driver carries outputs out in their order.
#[derive(Debug)]
pub enum Output {
    /// Open a connection.
    Dial {
        /// The id that the connection will have.
        conn: ConnId,
        /// A host name or an address.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// There are bytes to write.
    Write {
        /// The connection.
        conn: ConnId,
    },
    /// Close the connection at once: everything that had to be written has been flushed or dropped.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Stop reading from a connection, or continue.
    Read {
        /// The connection.
        conn: ConnId,
        /// Whether to read.
        enabled: bool,
    },
    /// Save these changes durably, all or none.
    Save {
        /// The answer must carry this ticket.
        ticket: SaveTicket,
        /// What is removed first.
        clear: Clear,
        /// The changes, in order.
        changes: Vec<Change>,
        /// The muds whose holder this node must be. Empty on one host.
        fences: Vec<Fence>,
    },
    /// Ask the store for lines of the history. Everything that was saved before is durable, and is to be found.
    Query {
        /// The answer must carry this number.
        query: u64,
        /// The question.
        ask: Query,
    },
    /// Prolong, take and give back leases.
    Beat {
        /// The answer must carry this number.
        beat: u64,
        /// What to do.
        ask: Beat,
    },
    /// A report for the operator.
    Notice(Notice),
    /// From now on the log shows notices of this level and more severe ones.
    LogLevel(Level),
    /// The machine has ended. What it is told from now on changes nothing.
    Stopped,
}

/// A sans-IO state machine.
pub trait Machine {
    /// The reason of a timer.
    type Wake: Copy + Debug + Ord;

    /// Handles a new connection on a listener.
    fn accept(&mut self, now: Now, on: Listener, peer: SocketAddr) -> Result<ConnId, Refused>;
    /// Handles a new connection on a TLS listener. [`Input::Secured`] or [`Input::Lost`] follows. Bytes before it are
    /// plain text, and bytes written before it are sent as plain text.
    fn accept_secured(&mut self, _: Now, _: Listener, _: SocketAddr) -> Result<ConnId, Refused> {
        Err(Refused::WrongListener)
    }
    /// The peer has ended its side of a connection: it sends no more, but may still read. Returns true if the machine
    /// still has something for it, such as the answer to a request. The driver then continues to write and reads no more,
    /// and the machine closes the connection when it is done. Otherwise [`Input::Lost`] follows.
    fn ended(&mut self, _: Now, _: ConnId) -> bool {
        false
    }

    /// Handles an input. It never fails and never blocks.
    fn handle(&mut self, now: Now, input: Input<'_>);
    /// Handles the passing of time. A call before the deadline changes nothing.
    fn handle_timeout(&mut self, now: Now);
    /// Returns the next deadline and its reason. Any call of `accept`, `handle` or `handle_timeout` may change it.
    fn poll_timeout(&self) -> Option<(Instant, Self::Wake)>;
    /// Returns the next output.
    fn poll_output(&mut self) -> Option<Output>;
    /// Moves up to `budget` bytes for `conn` into `into`, at least one piece if there is any. Returns how many.
    fn take_bytes(&mut self, conn: ConnId, budget: usize, into: &mut Vec<Bytes>) -> usize;
}

/// Number of due timers that one [`settle`] fires before it returns to the driver.
pub const SETTLE_TIMERS_MAX: u32 = 10_000;

/// Carries out all outputs and fires all due timers. Returns when to call again.
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
