//! What is done to one socket, without knowing for whom.

use crate::threads::lock;
use bytes::{Buf, Bytes};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An address that has not answered by then is given up, and the next one tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many addresses of one name are tried.
const DIAL_ADDRESSES_MAX: usize = 8;
/// After this much silence the kernel asks whether the peer is still there: a peer that lost its power says no goodbye.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// How many pieces go to the kernel in one call. It would take 1,024; the list is on the stack.
const WRITE_SLICES_MAX: usize = 64;

/// What became of an attempt to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// All of it.
    All,
    /// What the socket had room for.
    Some,
}

/// Sets what every connection has: no delay, since answers are short and waited for, and keepalive.
///
/// A failure here is no reason to do without the connection.
pub(crate) fn set_options(socket: &TcpStream) {
    let _ = socket.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    let _ = SockRef::from(socket).set_tcp_keepalive(&keepalive);
}

/// An attempt to connect, which another thread may give up.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    state: Mutex<AttemptState>,
}

#[derive(Debug, Default)]
struct AttemptState {
    cancelled: bool,
    /// While it connects.
    socket: Option<Arc<Socket>>,
}

impl Attempt {
    /// Gives it up: its thread ends as soon as the name is resolved.
    pub(crate) fn cancel(&self) {
        let mut state = lock(&self.state);
        state.cancelled = true;
        if let Some(socket) = state.socket.take() {
            // This ends the connecting, and with it the waiting.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn is_cancelled(&self) -> bool {
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
/// Nothing can end the system's resolver before it ends by itself, usually within half a minute.
pub(crate) fn connect(host: &str, port: u16, attempt: &Attempt) -> Result<TcpStream, String> {
    let resolved = (without_brackets(host), port).to_socket_addrs();
    let addresses = resolved.map_err(|error| format!("cannot resolve {host:?}: {error}"))?;
    let mut failures = Vec::new();
    for address in addresses.take(DIAL_ADDRESSES_MAX) {
        match attempt.connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push(format!("{address}: {error}")),
        }
        if attempt.is_cancelled() {
            break;
        }
    }
    if failures.is_empty() {
        return Err(format!("{host:?} has no address"));
    }
    Err(failures.join("; "))
}

/// An IPv6 address may be given as in a URL.
pub(crate) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// An IPv4 peer of a listener for both families is an IPv4 peer.
pub(crate) fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// Gives `pieces` to the socket as far as it takes them at once, and leaves the rest in `pieces`.
///
/// The socket itself waits, as its readers must; only this call does not.
pub(crate) fn write_some(socket: &TcpStream, pieces: &mut Vec<Bytes>) -> io::Result<Written> {
    write(socket, pieces, libc::MSG_DONTWAIT)
}

/// Gives all `pieces` to the socket, and waits for the peer if need be.
pub(crate) fn write_waiting(socket: &TcpStream, pieces: &mut Vec<Bytes>) -> io::Result<()> {
    while write(socket, pieces, 0)? == Written::Some {}
    Ok(())
}

fn write(socket: &TcpStream, pieces: &mut Vec<Bytes>, flags: i32) -> io::Result<Written> {
    let socket = SockRef::from(socket);
    let mut done = 0;
    let outcome = loop {
        while pieces.get(done).is_some_and(Bytes::is_empty) {
            done += 1;
        }
        if done == pieces.len() {
            break Ok(Written::All);
        }
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let count =
            slices.iter_mut().zip(&pieces[done..]).map(|(slice, piece)| *slice = IoSlice::new(piece)).count();
        match socket.send_vectored_with_flags(&slices[..count], flags) {
            Ok(0) => break Err(ErrorKind::WriteZero.into()),
            Ok(written) => advance(&mut pieces[done..], written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(Written::Some),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    pieces.drain(..done);
    outcome
}

/// Cuts `written` bytes off the front; what is used up stays as empty pieces.
fn advance(pieces: &mut [Bytes], mut written: usize) {
    for piece in pieces {
        let cut = written.min(piece.len());
        piece.advance(cut);
        written -= cut;
        if written == 0 {
            return;
        }
    }
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
    fn pieces_arrive_in_order_and_the_rest_is_kept_although_the_socket_waits() {
        let (near, mut far) = pair();
        let mut pieces = many_pieces();
        let expected = pieces.concat();
        let mut sent = expected.len();
        let mut received = Vec::new();
        assert_eq!(write_some(&near, &mut pieces).unwrap(), Written::Some);
        loop {
            let left: usize = pieces.iter().map(Bytes::len).sum();
            let mut chunk = vec![0; sent - left];
            far.read_exact(&mut chunk).unwrap();
            received.extend(chunk);
            sent = left;
            if left == 0 {
                break;
            }
            write_some(&near, &mut pieces).unwrap();
        }
        assert!(received == expected);
        assert!(pieces.is_empty());
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

    #[test]
    fn a_cancelled_attempt_does_not_connect() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(connect("127.0.0.1", port, &Attempt::default()).is_ok());
        let attempt = Attempt::default();
        attempt.cancel();
        assert!(connect("127.0.0.1", port, &attempt).is_err());
    }

    #[test]
    fn brackets_are_for_urls() {
        assert_eq!(without_brackets("[::1]"), "::1");
        assert_eq!(without_brackets("::1"), "::1");
        assert_eq!(without_brackets("[odd"), "[odd");
    }
}
