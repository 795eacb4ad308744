//! Operations on one socket.

use crate::lock::lock;
use bytes::Bytes;
use i3_driver::address::resolve;
use i3_driver::dial::{CONNECT_TIMEOUT, DIAL_ADDRESSES_MAX, Failures, refuse_itself};
use i3_driver::write::{self, Written};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

/// An attempt to connect, which another thread can cancel.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    state: Mutex<AttemptState>,
}

#[derive(Debug, Default)]
struct AttemptState {
    cancelled: bool,
    /// The socket while it connects.
    socket: Option<Arc<Socket>>,
}

impl Attempt {
    /// Cancels the attempt. Its thread ends as soon as the name is resolved.
    pub(crate) fn cancel(&self) {
        let mut state = lock(&self.state);
        state.cancelled = true;
        if let Some(socket) = state.socket.take() {
            // The shutdown ends the attempt, and wakes its thread.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Whether the attempt was cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        lock(&self.state).cancelled
    }

    fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = Arc::new(Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?);
        {
            let mut state = lock(&self.state);
            if state.cancelled {
                return Err(ErrorKind::Interrupted.into());
            }
            state.socket = Some(socket.clone());
        }
        let outcome = socket.connect_timeout(&address.into(), CONNECT_TIMEOUT);
        lock(&self.state).socket = None;
        outcome?;
        Arc::into_inner(socket).map(TcpStream::from).ok_or_else(|| ErrorKind::Interrupted.into())
    }
}

/// Connects to the first address of `host` that answers. The error is for people.
///
/// The system's resolver cannot be interrupted. It usually ends within half a minute.
pub(crate) fn connect(host: &str, port: u16, attempt: &Attempt) -> Result<TcpStream, String> {
    let addresses = resolve(host, port).map_err(|error| error.to_string())?;
    let mut failures = Failures::default();
    for address in addresses.into_iter().take(DIAL_ADDRESSES_MAX) {
        match attempt.connect(address).and_then(|stream| refuse_itself(&stream).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.add(address, error),
        }
        if attempt.is_cancelled() {
            break;
        }
    }
    Err(failures.of(host))
}

/// Writes as much of `pieces` as the socket accepts at once, and leaves the rest in `pieces`.
///
/// The socket is a blocking one, because its readers block. Only this call does not.
pub(crate) fn write_some(socket: &TcpStream, pieces: &mut Vec<Bytes>) -> io::Result<Written> {
    write(socket, pieces, libc::MSG_DONTWAIT)
}

/// Writes all `pieces`, and waits for the peer if the socket is full.
pub(crate) fn write_waiting(socket: &TcpStream, pieces: &mut Vec<Bytes>) -> io::Result<()> {
    while write(socket, pieces, 0)? == Written::Some {}
    Ok(())
}

fn write(socket: &TcpStream, pieces: &mut Vec<Bytes>, flags: i32) -> io::Result<Written> {
    let socket = SockRef::from(socket);
    write::write_some(pieces, |slices| socket.send_vectored_with_flags(slices, flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    /// More pieces than go in one call, some of them empty, and more bytes than a socket takes.
    fn many_pieces() -> Vec<Bytes> {
        (0..40_000_u32).map(|n| Bytes::from(vec![n as u8; (n % 7 * 100) as usize])).collect()
    }

    #[test]
    fn some_are_written_at_once_although_the_socket_waits() {
        let (near, mut far) = pair();
        let mut pieces = many_pieces();
        let expected = pieces.concat();
        assert_eq!(write_some(&near, &mut pieces).unwrap(), Written::Some);
        let rest = std::thread::spawn(move || write_waiting(&near, &mut pieces));
        let mut received = vec![0; expected.len()];
        far.read_exact(&mut received).unwrap();
        assert!(received == expected);
        rest.join().unwrap().unwrap();
    }

    #[test]
    fn waiting_writes_all_and_a_shutdown_ends_it() {
        let (near, mut far) = pair();
        let mut pieces = many_pieces();
        let expected = pieces.concat();
        let near = &near;
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || write_waiting(near, &mut pieces));
            let mut received = vec![0; expected.len()];
            far.read_exact(&mut received).unwrap();
            assert!(received == expected);
            writer.join().unwrap().unwrap();

            let writer = scope.spawn(move || write_waiting(near, &mut many_pieces()));
            far.read_exact(&mut received[..1000]).unwrap();
            near.shutdown(Shutdown::Write).unwrap();
            assert!(writer.join().unwrap().is_err());
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_socket_is_connected_with_itself() {
        let port = unused_port_of_clients();
        let mut errors = (0..ATTEMPTS_MAX)
            .map(|_| connect("127.0.0.1", port, &Attempt::default()).expect_err("nobody listens there"));
        // Before that it is refused by the system, since the attempt has another port.
        assert!(errors.any(|error| error.contains("connected to itself")), "no attempt got this port");
    }

    /// Linux gives its clients even ports first, and each in its turn.
    #[cfg(target_os = "linux")]
    const ATTEMPTS_MAX: usize = 200_000;

    #[cfg(target_os = "linux")]
    fn unused_port_of_clients() -> u16 {
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        (40_000..50_000).step_by(2).find(is_free).unwrap()
    }

    #[test]
    fn a_cancelled_attempt_does_not_connect() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(connect("127.0.0.1", port, &Attempt::default()).is_ok());
        let attempt = Attempt::default();
        attempt.cancel();
        assert!(connect("127.0.0.1", port, &attempt).is_err());
    }
}
