//! What is done to one socket, without knowing for whom.

use bytes::{Buf, Bytes};
use smol::{Async, Timer};
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A name that is not resolved by then is given up.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
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

/// Connects to the first address of `host` that answers. The error is for people.
pub(crate) async fn connect(host: &str, port: u16) -> Result<Async<TcpStream>, String> {
    let resolved = within(RESOLVE_TIMEOUT, smol::net::resolve((without_brackets(host), port)));
    let addresses = resolved.await.map_err(|error| format!("cannot resolve {host:?}: {error}"))?;
    let mut failures = Vec::new();
    for &address in addresses.iter().take(DIAL_ADDRESSES_MAX) {
        match within(CONNECT_TIMEOUT, Async::<TcpStream>::connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push(format!("{address}: {error}")),
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
pub(crate) fn write_some(mut socket: &TcpStream, pieces: &mut Vec<Bytes>) -> io::Result<Written> {
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
        match socket.write_vectored(&slices[..count]) {
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

/// The future's own outcome, or an error of the kind `TimedOut`.
async fn within<T>(limit: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    smol::future::or(future, async {
        Timer::after(limit).await;
        Err(io::Error::new(ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs())))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    #[test]
    fn pieces_arrive_in_order_and_the_rest_is_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        near.set_nonblocking(true).unwrap();
        // More pieces than go in one call, some of them empty, and more bytes than a socket takes.
        let mut pieces: Vec<Bytes> =
            (0..40_000_u32).map(|n| Bytes::from(vec![n as u8; (n % 7 * 100) as usize])).collect();
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
    fn brackets_are_for_urls() {
        assert_eq!(without_brackets("[::1]"), "::1");
        assert_eq!(without_brackets("::1"), "::1");
        assert_eq!(without_brackets("[odd"), "[odd");
    }
}
