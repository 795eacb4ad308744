//! The interface that each runtime implements for the [`Pump`](crate::pump::Pump): it waits for sockets.

use crate::tls::TlsSession;
use crate::write::Written;
use bytes::Bytes;
use i3_core::machine::{ConnId, LostBy};
use i3_core::notice::Notice;
use std::io;
use std::net::TcpStream;

/// A runtime, which waits for sockets.
///
/// No method blocks. The runtime later reports events to the pump: bytes, a dialed socket, a completed write. It need not
/// report events after [`Runtime::linger`], [`Runtime::cut`] and [`Runtime::cancel`]; the pump ignores them.
pub trait Runtime {
    /// A new socket, with what the runtime needs to count its connections.
    type Stream;
    /// An attempt to connect.
    type Dial;
    /// An open connection: its socket, its TLS, and the tasks or threads that wait for it.
    type Connection;

    /// Returns the socket of a stream.
    fn stream_socket(stream: &Self::Stream) -> &TcpStream;

    /// The socket of a connection.
    fn socket(connection: &Self::Connection) -> &TcpStream;

    /// Lets `act` use the TLS of a connection. `None`: it speaks plain text.
    fn with_tls<R>(connection: &mut Self::Connection, act: impl FnOnce(&mut TlsSession) -> R) -> Option<R>;

    /// Begins to connect; [`Pump::dialed`](crate::pump::Pump::dialed) is called when that is done.
    fn dial(&mut self, conn: ConnId, host: String, port: u16) -> Result<Self::Dial, CannotWait>;

    /// Cancels an attempt to connect.
    fn cancel(&mut self, dial: Self::Dial);

    /// Opens a connection, and reads from it if `reading`.
    fn open(
        &mut self,
        conn: ConnId,
        stream: Self::Stream,
        tls: Option<TlsSession>,
        reading: bool,
    ) -> Result<Self::Connection, CannotWait>;

    /// Stops or resumes reading.
    fn read(&mut self, conn: ConnId, connection: &mut Self::Connection, enabled: bool);

    /// Writes as much as the socket accepts at once, and leaves the rest in `pieces`.
    fn write_some(connection: &Self::Connection, pieces: &mut Vec<Bytes>) -> io::Result<Written>;

    /// Writes `rest` when the socket has room, and then calls [`Pump::flushed`](crate::pump::Pump::flushed).
    fn write_rest(
        &mut self,
        conn: ConnId,
        connection: &mut Self::Connection,
        rest: Vec<Bytes>,
    ) -> Result<(), CannotWait>;

    /// Returns how many connections linger.
    fn lingering(&mut self) -> usize;

    /// Reads and discards bytes of a socket whose writing side is shut down, within the limits of
    /// [`linger`](crate::linger). An unfinished write is cancelled.
    fn linger(&mut self, connection: Self::Connection);

    /// Closes a connection at once.
    fn cut(&mut self, connection: Self::Connection);
}

/// The system has no resources to wait for a connection, such as a thread. It ends the connection, and not the daemon.
#[derive(Clone, Debug)]
pub struct CannotWait {
    /// Why the connection is lost, for the machine.
    pub by: LostBy,
    /// A notice for the operator.
    pub notice: Option<Notice>,
}
