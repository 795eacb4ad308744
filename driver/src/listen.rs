//! Listening sockets.

use crate::address::resolve;
use crate::tls::Acceptor;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

/// How many connections the kernel queues until they are accepted. The kernel may have a lower limit.
const BACKLOG_CONNECTIONS: i32 = 1024;
/// How many attempts are made to find a port that is free at every address of a name.
const FREE_PORT_ATTEMPTS: usize = 16;

/// The listening sockets of a host and port, one for each address of the host.
#[derive(Debug)]
pub struct Bound {
    /// At least one.
    pub listeners: Vec<TcpListener>,
    /// The port of all sockets. If 0 was requested, the system has chosen it.
    pub port: u16,
    /// Begins TLS on new connections. `None`: the listener has no TLS.
    pub tls: Option<Acceptor>,
}

/// Listens at every address of `host`, which is a name, or an address with or without brackets.
///
/// Addresses that this host does not have are skipped if there are others: `localhost` often has an IPv6 address on hosts
/// without IPv6. Resolving a name blocks.
pub fn bind(host: &str, port: u16) -> io::Result<Bound> {
    let addresses = resolve(host, port)?;
    let mut attempts = if port == 0 { FREE_PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        match bind_all(&addresses, port) {
            // A port that is free at the first address may be in use at the second.
            Err(error) if error.kind() == ErrorKind::AddrInUse && attempts > 0 => {}
            outcome => return outcome,
        }
    }
}

/// Like [`bind`], but takes any free port when `port` is taken.
pub fn bind_or_free(host: &str, port: u16) -> io::Result<Bound> {
    match bind(host, port) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => bind(host, 0),
        outcome => outcome,
    }
}

impl Bound {
    /// Whether only this host can connect to the listener.
    pub fn is_local(&self) -> io::Result<bool> {
        for listener in &self.listeners {
            if !listener.local_addr()?.ip().to_canonical().is_loopback() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn bind_all(addresses: &[SocketAddr], port: u16) -> io::Result<Bound> {
    let mut bound = Bound { listeners: Vec::new(), port, tls: None };
    let mut absent = None;
    for &address in addresses {
        match bind_one(SocketAddr::new(address.ip(), bound.port)) {
            Ok(listener) => {
                bound.port = listener.local_addr()?.port();
                bound.listeners.push(listener);
            }
            Err(error) => {
                let error = io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
                if is_final(&error) {
                    return Err(error);
                }
                absent.get_or_insert(error);
            }
        }
    }
    if bound.listeners.is_empty() {
        return Err(absent.unwrap_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address")));
    }
    Ok(bound)
}

/// Whether to give up at an error. Other errors mean that this host lacks the address, or its whole family.
fn is_final(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted daemon can open its port while connections of the old one are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG_CONNECTIONS)?;
    Ok(TcpListener::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_an_error_or_replaced() {
        let first = bind("127.0.0.1", 0).unwrap();
        assert_ne!(first.port, 0);
        let error = bind("127.0.0.1", first.port).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&format!("127.0.0.1:{}", first.port)), "{error}");
        let other = bind_or_free("127.0.0.1", first.port).unwrap();
        assert_ne!(other.port, first.port);
    }

    #[test]
    fn a_name_is_bound_on_all_its_addresses_with_one_port() {
        let bound = bind("localhost", 0).unwrap();
        for listener in &bound.listeners {
            assert_eq!(listener.local_addr().unwrap().port(), bound.port);
        }
        assert!(bind("no such host.invalid", 0).unwrap_err().to_string().contains("cannot resolve"));
    }
}
