//! Operations on one socket.

use async_io::{Async, Timer};
use bytes::Bytes;
use i3_driver::address::{unresolved, without_brackets};
use i3_driver::dial::{CONNECT_TIMEOUT, DIAL_ADDRESSES_MAX, Failures, refuse_itself};
use i3_driver::write::{self, Written};
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long resolving a name may take.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connects to the first address of `host` that answers. The error is for people.
pub(crate) async fn connect(host: &str, port: u16) -> Result<Async<TcpStream>, String> {
    let resolved = within(RESOLVE_TIMEOUT, smol::net::resolve((without_brackets(host), port)));
    let addresses = resolved.await.map_err(|error| unresolved(host, &error).to_string())?;
    let mut failures = Failures::default();
    for &address in addresses.iter().take(DIAL_ADDRESSES_MAX) {
        let connected = within(CONNECT_TIMEOUT, Async::<TcpStream>::connect(address)).await;
        match connected.and_then(|stream| refuse_itself(stream.get_ref()).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.add(address, error),
        }
    }
    Err(failures.of(host))
}

/// Writes as much of `pieces` as the socket accepts at once, and leaves the rest in `pieces`.
pub(crate) fn write_some(mut socket: &TcpStream, pieces: &mut Vec<Bytes>) -> io::Result<Written> {
    write::write_some(pieces, |slices| socket.write_vectored(slices))
}

/// Returns the outcome of the future, or an error of the kind `TimedOut`.
async fn within<T>(limit: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    futures_lite::future::or(future, async {
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

    #[cfg(target_os = "linux")]
    #[test]
    fn no_socket_is_connected_with_itself() {
        let port = unused_port_of_clients();
        let mut errors = (0..ATTEMPTS_MAX)
            .map(|_| smol::block_on(connect("127.0.0.1", port)).expect_err("nobody listens there"));
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
    fn a_full_socket_leaves_the_rest() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        near.set_nonblocking(true).unwrap();
        let mut rest: Vec<Bytes> = (0..1000_u32).map(|n| Bytes::from(vec![n as u8; 20_000])).collect();
        let all = rest.concat();
        assert_eq!(write_some(&near, &mut rest).unwrap(), Written::Some);
        let rest = rest.concat();
        let mut received = vec![0; all.len() - rest.len()];
        far.read_exact(&mut received).unwrap();
        received.extend(rest);
        assert!(received == all);
    }
}
