//! The stream under the client's WebSocket: a socket, with or without TLS.

use futures_lite::io::{AsyncRead, AsyncWrite};
use i3_daemon::tls::Trust;
use smol::net::TcpStream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

trait Duplex: AsyncRead + AsyncWrite {}
impl<S: AsyncRead + AsyncWrite> Duplex for S {}

/// A connection to a gateway.
pub(crate) struct Stream(Pin<Box<dyn Duplex>>);

impl Stream {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Stream(Box::pin(stream))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_read(cx, into)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_close(cx)
    }
}

/// The TLS settings of a connection.
#[cfg(feature = "tls")]
pub(crate) struct Tls {
    connector: futures_rustls::TlsConnector,
    name: i3_daemon::tls::client::pki_types::ServerName<'static>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// Reads the files of the settings. The error is for people.
    pub(crate) fn new(trust: Trust<'_>, host: &str) -> Result<Tls, String> {
        let name = i3_driver::address::without_brackets(host)
            .to_owned()
            .try_into()
            .map_err(|_| format!("TLS cannot verify the name {host}"))?;
        Ok(Tls { connector: i3_daemon::tls::client::config(trust)?.into(), name })
    }

    pub(crate) async fn connect(self, stream: TcpStream) -> io::Result<Stream> {
        let connected = self.connector.connect(self.name, stream).await;
        Ok(Stream(Box::pin(connected.map_err(i3_daemon::tls::client::explained)?)))
    }
}

/// Replaces the TLS settings in a program without TLS.
#[cfg(not(feature = "tls"))]
pub(crate) struct Tls;

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(crate) fn new(_: Trust<'_>, _: &str) -> Result<Tls, String> {
        Err("this program was built without TLS: use a URL with ws://".to_owned())
    }

    pub(crate) async fn connect(self, stream: TcpStream) -> io::Result<Stream> {
        Ok(Stream::plain(stream))
    }
}
