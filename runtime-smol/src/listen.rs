//! Listening sockets, as the executor waits for them.

use async_io::Async;
use i3_driver::listen;
use i3_driver::tls::Acceptor;
use std::io;
use std::net::TcpListener;

/// The listening sockets of one host and port: one for each address of the name.
#[derive(Debug)]
pub struct Bound {
    /// At least one.
    pub listeners: Vec<Async<TcpListener>>,
    /// The port of all of them: the one asked for, or the one the system chose for 0.
    pub port: u16,
    /// `None`: plain text is spoken there.
    pub tls: Option<Acceptor>,
}

impl TryFrom<listen::Bound> for Bound {
    type Error = io::Error;

    fn try_from(bound: listen::Bound) -> io::Result<Self> {
        let listeners = bound.listeners.into_iter().map(Async::new).collect::<io::Result<_>>()?;
        Ok(Bound { listeners, port: bound.port, tls: bound.tls })
    }
}

/// See [`listen::bind`].
pub fn bind(host: &str, port: u16) -> io::Result<Bound> {
    listen::bind(host, port)?.try_into()
}

/// See [`listen::bind_or_free`].
pub fn bind_or_free(host: &str, port: u16) -> io::Result<Bound> {
    listen::bind_or_free(host, port)?.try_into()
}
