//! What is spoken over a connection: JSON lines or a WebSocket, with or without TLS. Bytes go in and come out; there is no
//! socket here.

use crate::error::bounded;
use crate::options::{Options, Role, Target};
use crate::queue::MESSAGE_BYTES_MAX;
use crate::{Error, Refusal};
use std::io::{self, ErrorKind, Read, Write};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::MidHandshake;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::http::{HeaderValue, Uri};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// The read buffer of a WebSocket, in bytes.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// A stream in memory: what has arrived, and what is to be sent.
#[derive(Debug, Default)]
struct Pipe {
    arrived: Vec<u8>,
    /// How much of it has been read.
    read: usize,
    to_send: Vec<u8>,
}

impl Pipe {
    fn push(&mut self, bytes: &[u8]) {
        if self.read == self.arrived.len() {
            self.arrived.clear();
            self.read = 0;
        }
        self.arrived.extend_from_slice(bytes);
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = &self.arrived[self.read..];
        if rest.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to_send.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Speech {
    Lines { pipe: Pipe, searched: usize },
    Handshake(Box<MidHandshake<ClientHandshake<Pipe>>>),
    Socket(Box<WebSocket<Pipe>>),
}

/// A connection to a gateway.
pub(crate) struct Wire {
    speech: Speech,
    #[cfg(feature = "tls")]
    tls: Option<Box<rustls::ClientConnection>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Wire {
    /// A connection that has just been opened.
    pub(crate) fn new(target: &Target, options: &Options) -> Result<Wire, Error> {
        #[cfg(not(feature = "tls"))]
        if target.secured {
            return Err(Error::Usage("this program was built without TLS: use ws:// or tcp://".to_owned()));
        }
        let speech = match &target.path {
            None => Speech::Lines { pipe: Pipe::default(), searched: 0 },
            Some(path) => Speech::Handshake(Box::new(handshake(target, path, options)?)),
        };
        let mut wire = Wire {
            speech,
            #[cfg(feature = "tls")]
            tls: target.secured.then(|| tls(target, options)).transpose()?.map(Box::new),
        };
        wire.shake()?;
        Ok(wire)
    }

    /// Whether requests can be sent.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.speech, Speech::Handshake(_))
    }

    /// Takes bytes that have arrived.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Result<(), Error> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let mut rest = bytes;
            let mut plain = Vec::new();
            while !rest.is_empty() {
                tls.read_tls(&mut rest).map_err(|error| Error::Lost(bounded(&error.to_string())))?;
                let state = tls.process_new_packets().map_err(|error| tls_error(&error))?;
                let start = plain.len();
                plain.resize(start + state.plaintext_bytes_to_read(), 0);
                tls.reader()
                    .read_exact(&mut plain[start..])
                    .map_err(|error| Error::Lost(bounded(&error.to_string())))?;
            }
            self.pipe().push(&plain);
            return self.shake();
        }
        self.pipe().push(bytes);
        self.shake()
    }

    /// Returns the next message that has arrived.
    pub(crate) fn next(&mut self) -> Result<Option<String>, Error> {
        match &mut self.speech {
            Speech::Handshake(_) => Ok(None),
            Speech::Lines { pipe, searched } => line(pipe, searched),
            Speech::Socket(socket) => loop {
                match socket.read() {
                    Ok(Message::Text(text)) => return Ok(Some(text.as_str().to_owned())),
                    Ok(Message::Close(Some(frame))) => {
                        let _ = socket.flush();
                        let text = format!("closed with code {} {}", frame.code, frame.reason);
                        return Err(Error::Lost(bounded(&text)));
                    }
                    Ok(Message::Close(None)) => return Err(Error::Lost("closed by the gateway".to_owned())),
                    // Pings are answered in `read`.
                    Ok(_) => {
                        let _ = socket.flush();
                    }
                    Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                        return Ok(None);
                    }
                    Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                        return Err(Error::Lost("closed by the gateway".to_owned()));
                    }
                    Err(error) => return Err(Error::Lost(bounded(&error.to_string()))),
                }
            },
        }
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, text: String) -> Result<(), Error> {
        match &mut self.speech {
            Speech::Handshake(_) => Err(Error::Lost("the connection is not open yet".to_owned())),
            Speech::Lines { pipe, .. } => {
                pipe.to_send.extend_from_slice(text.as_bytes());
                pipe.to_send.push(b'\n');
                Ok(())
            }
            Speech::Socket(socket) => {
                socket.send(Message::text(text)).map_err(|error| Error::Lost(bounded(&error.to_string())))
            }
        }
    }

    /// Says goodbye, where the protocol has a word for it.
    pub(crate) fn say_goodbye(&mut self) {
        if let Speech::Socket(socket) = &mut self.speech {
            let _ = socket.close(None);
            let _ = socket.flush();
        }
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            self.encrypt();
            if let Some(tls) = &mut self.tls {
                tls.send_close_notify();
            }
        }
    }

    /// Returns the bytes to be sent.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            self.encrypt();
            let mut out = Vec::new();
            if let Some(tls) = &mut self.tls {
                while tls.wants_write() && tls.write_tls(&mut out).is_ok_and(|count| count > 0) {}
            }
            return out;
        }
        std::mem::take(&mut self.pipe().to_send)
    }

    #[cfg(feature = "tls")]
    fn encrypt(&mut self) {
        let plain = std::mem::take(&mut self.pipe().to_send);
        if let Some(tls) = &mut self.tls {
            // Its buffer has no limit: what is queued is bounded before it comes here.
            tls.set_buffer_limit(None);
            let _ = tls.writer().write_all(&plain);
        }
    }

    fn pipe(&mut self) -> &mut Pipe {
        match &mut self.speech {
            Speech::Lines { pipe, .. } => pipe,
            Speech::Socket(socket) => socket.get_mut(),
            Speech::Handshake(handshake) => handshake.get_mut().get_mut(),
        }
    }

    /// Goes on with the WebSocket's handshake.
    fn shake(&mut self) -> Result<(), Error> {
        // A handshake that fails leaves a connection on which nothing more is said.
        let silence = Speech::Lines { pipe: Pipe::default(), searched: 0 };
        let handshake = match std::mem::replace(&mut self.speech, silence) {
            Speech::Handshake(handshake) => handshake,
            other => {
                self.speech = other;
                return Ok(());
            }
        };
        match handshake.handshake() {
            Ok((socket, _)) => self.speech = Speech::Socket(Box::new(socket)),
            Err(HandshakeError::Interrupted(handshake)) => {
                self.speech = Speech::Handshake(Box::new(handshake));
            }
            Err(HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                let body = response.body().as_deref().unwrap_or_default();
                let status = response.status().as_u16();
                let text = http_error(body);
                return Err(if status == 401 { Error::Key(text) } else { Error::Http { status, text } });
            }
            Err(HandshakeError::Failure(error)) => {
                return Err(Error::Connect(format!("no WebSocket there: {}", bounded(&error.to_string()))));
            }
        }
        Ok(())
    }
}

/// The text of an HTTP error. The gateway answers `{"error":"…"}`.
fn http_error(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let parsed = serde_json::from_str::<serde_json::Value>(&text).ok();
    bounded(parsed.as_ref().and_then(|value| value.get("error")?.as_str()).unwrap_or(&text))
}

/// Takes the next line that has arrived.
fn line(pipe: &mut Pipe, searched: &mut usize) -> Result<Option<String>, Error> {
    loop {
        let rest = &pipe.arrived[pipe.read..];
        let Some(at) = rest.iter().skip(*searched).position(|byte| *byte == b'\n') else {
            *searched = rest.len();
            if rest.len() > MESSAGE_BYTES_MAX {
                return Err(Error::Lost("the gateway sent a line that is too long".to_owned()));
            }
            // Only the beginning of a line is left.
            pipe.arrived.drain(..pipe.read);
            pipe.read = 0;
            return Ok(None);
        };
        let end = *searched + at;
        let text = String::from_utf8_lossy(&rest[..end]).trim().to_owned();
        pipe.read += end + 1;
        *searched = 0;
        if !text.is_empty() {
            return Ok(Some(text));
        }
    }
}

fn handshake(
    target: &Target,
    path: &str,
    options: &Options,
) -> Result<MidHandshake<ClientHandshake<Pipe>>, Error> {
    let bad = |error: &dyn std::fmt::Display| Error::Usage(format!("the URL cannot be used: {error}"));
    let scheme = if target.secured { "wss" } else { "ws" };
    let uri: Uri = format!("{scheme}://{}{path}", target.authority()).parse().map_err(|error| bad(&error))?;
    let mut request = uri.into_client_request().map_err(|error| bad(&error))?;
    // The key follows in `authenticate`. Where no key is needed, the session begins with the handshake.
    if options.role == Role::Observer {
        request.headers_mut().insert("X-I3-Role", HeaderValue::from_static("observer"));
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    ClientHandshake::start(Pipe::default(), request, Some(config)).map_err(|error| bad(&error))
}

#[cfg(feature = "tls")]
fn tls(target: &Target, options: &Options) -> Result<rustls::ClientConnection, Error> {
    let config = match &options.tls {
        Some(config) => config.clone(),
        None => system_tls()?,
    };
    let name = target.host.clone().try_into();
    let name =
        name.map_err(|_| Error::Usage(format!("TLS cannot verify the name {}", bounded(&target.host))))?;
    rustls::ClientConnection::new(config, name).map_err(|error| Error::Usage(bounded(&error.to_string())))
}

/// TLS that trusts the authorities of this system.
#[cfg(feature = "tls")]
fn system_tls() -> Result<std::sync::Arc<rustls::ClientConfig>, Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Usage(bounded(&error.to_string())))?;
    Ok(std::sync::Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(feature = "tls")]
fn tls_error(error: &rustls::Error) -> Error {
    let advice = match error {
        rustls::Error::InvalidCertificate(_) => "; name its certificate, or its authority, as trusted",
        _ => "",
    };
    Error::Connect(bounded(&format!("{error}{advice}")))
}

/// What an answer to `authenticate` means for the client.
pub(crate) fn refused_key(refusal: Refusal) -> Error {
    match refusal.code {
        Refusal::NOT_AUTHENTICATED | -32602 => Error::Key(refusal.message),
        _ => Error::Refused(refusal),
    }
}
