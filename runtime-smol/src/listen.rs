//! Listening sockets for which the executor can wait.

use async_io::Async;
use i3_driver::listen;
use i3_driver::tls::Acceptor;
use std::io;
use std::net::TcpListener;

/// The listening sockets of a host and port, one for each address of the host.
#[derive(Debug)]
pub struct Bound {
    /// At least one.
    pub listeners: Vec<Async<TcpListener>>,
    /// The port of all sockets. If 0 was requested, the system has chosen it.
    pub port: u16,
    /// Begins TLS on new connections. `None`: the listener has no TLS.
    pub tls: Option<Acceptor>,
}

impl TryFrom<listen::Bound> for Bound {
    type Error = io::Error;

    fn try_from(bound: listen::Bound) -> io::Result<Self> {
        let listeners = bound.listeners.into_iter().map(Async::new).collect::<io::Result<_>>()?;
        Ok(Bound { listeners, port: bound.port, tls: bound.tls })
    }
}

/// Listens as [`listen::bind`] does.
pub fn bind(host: &str, port: u16) -> io::Result<Bound> {
    listen::bind(host, port)?.try_into()
}

/// Listens as [`listen::bind_or_free`] does.
pub fn bind_or_free(host: &str, port: u16) -> io::Result<Bound> {
    listen::bind_or_free(host, port)?.try_into()
}
