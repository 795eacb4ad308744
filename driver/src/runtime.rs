//! What a runtime does for the [`Pump`](crate::pump::Pump): it waits for sockets, each runtime in its own way.

use crate::tls::Session;
use crate::write::Written;
use bytes::Bytes;
use i3_core::machine::{ConnId, LostBy};
use i3_core::notice::Notice;
use std::io;
use std::net::TcpStream;

/// How a runtime waits for sockets.
///
/// No method waits. What is waited for is reported to the pump later: bytes, a dialed socket, the end of a write. After
/// [`Runtime::linger`], [`Runtime::cut`] and [`Runtime::cancel`] nothing more need be reported; what comes late is ignored.
pub trait Runtime {
    /// A socket that has just been connected, with whatever the runtime counts it by.
    type Stream;
    /// An attempt to connect.
    type Dial;
    /// An open connection: its socket, its TLS, and what waits for it.
    type Link;

    /// The socket of a stream.
    fn stream_socket(stream: &Self::Stream) -> &TcpStream;

    /// The socket of a link.
    fn socket(link: &Self::Link) -> &TcpStream;

    /// Lets `act` use the TLS of a link. `None`: it speaks plain text.
    fn with_tls<R>(link: &mut Self::Link, act: impl FnOnce(&mut Session) -> R) -> Option<R>;

    /// Begins to connect; [`Pump::dialed`](crate::pump::Pump::dialed) is called when that is done.
    fn dial(&mut self, conn: ConnId, host: String, port: u16) -> Result<Self::Dial, CannotWait>;

    /// Gives up an attempt to connect.
    fn cancel(&mut self, dial: Self::Dial);

    /// Opens a link, and reads from it if `reading`.
    fn open(
        &mut self,
        conn: ConnId,
        stream: Self::Stream,
        tls: Option<Session>,
        reading: bool,
    ) -> Result<Self::Link, CannotWait>;

    /// Stops or goes on reading.
    fn read(&mut self, conn: ConnId, link: &mut Self::Link, enabled: bool);

    /// Writes what the socket takes at once, and leaves the rest in `pieces`.
    fn write_some(link: &Self::Link, pieces: &mut Vec<Bytes>) -> io::Result<Written>;

    /// Writes `rest` as the socket has room; [`Pump::flushed`](crate::pump::Pump::flushed) is called when that is done.
    fn write_rest(&mut self, conn: ConnId, link: &mut Self::Link, rest: Vec<Bytes>)
    -> Result<(), CannotWait>;

    /// How many connections linger.
    fn lingering(&mut self) -> usize;

    /// Reads and discards what comes from a socket whose writing side is shut down, within the bounds of
    /// [`linger`](crate::linger). Writing that was not finished is given up.
    fn linger(&mut self, link: Self::Link);

    /// Drops a connection at once.
    fn cut(&mut self, link: Self::Link);
}

/// The system gives a runtime nothing to wait with, such as a thread. It is the end of a connection, not of the daemon.
#[derive(Clone, Debug)]
pub struct CannotWait {
    /// For the machine.
    pub by: LostBy,
    /// For the operator.
    pub notice: Option<Notice>,
}
