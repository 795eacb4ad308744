//! The limits of connecting, and the errors of failed attempts.

use socket2::SockRef;
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::net::TcpStream;
use std::time::Duration;

/// How long one address may take to answer. Then the next one is tried.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many addresses of a name are tried.
pub const DIAL_ADDRESSES_MAX: usize = 8;

/// Refuses a socket that is connected with itself.
///
/// While nothing listens at a port of the range from which the system takes the ports of clients, an attempt to connect to it
/// may get that very port, and TCP then connects the socket with itself (RFC 9293, 3.5). A gateway that waits for a router on
/// its own host would keep the router's port, so that the router could not start. The socket is set to leave the port free at
/// once when it is closed.
pub fn refuse_itself(socket: &TcpStream) -> Result<()> {
    let Ok(peer) = socket.peer_addr() else { return Ok(()) };
    if socket.local_addr()? != peer {
        return Ok(());
    }
    SockRef::from(socket).set_linger(Some(Duration::ZERO))?;
    Err(Error::new(ErrorKind::ConnectionRefused, "connected to itself: nothing listens at this port"))
}

/// The addresses of a name that did not answer, with their errors.
#[derive(Clone, Debug, Default)]
pub struct Failures(Vec<String>);

impl Failures {
    /// Adds an address.
    pub fn add(&mut self, address: impl fmt::Display, error: impl fmt::Display) {
        self.0.push(format!("{address}: {error}"));
    }

    /// Returns a text for people. If no address was added, the name has none.
    pub fn of(self, host: &str) -> String {
        if self.0.is_empty() { format!("{host:?} has no address") } else { self.0.join("; ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Socket, Type};
    use std::net::{SocketAddr, TcpListener};

    #[test]
    fn a_socket_that_is_connected_with_itself_is_refused_and_leaves_its_port_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        refuse_itself(&TcpStream::connect(address).unwrap()).unwrap();
        drop(listener);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&address.into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let error = refuse_itself(&TcpStream::from(socket)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // Without the option that a server sets to share a port with dying connections.
        let again = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        again.bind(&address.into()).unwrap();
    }
}
