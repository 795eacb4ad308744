//! The TLS session of a connection.

use super::heard::Heard;
use bytes::Bytes;
use i3_core::machine::{HandshakeFault, LostBy};
use rustls::Error;
use rustls::server::{ServerConfig, ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use std::fmt;
use std::sync::Arc;

/// The most bytes that are kept until the rest arrives. The longest are a handshake message with a client's certificates.
/// Later, a record has at most 18 kB (RFC 5246, 6.2.3).
pub const HANDSHAKE_BYTES_MAX: usize = 65_536;

/// The type of a handshake record, and so the first byte of every TLS connection (RFC 8446, 5.1).
const HANDSHAKE_RECORD: u8 = 0x16;

/// The most plain text in a record (RFC 8446, 5.1).
const RECORD_BYTES: usize = 16_384;

/// The most bytes of a record besides its plain text: header, nonce of TLS 1.2, type, tag.
const RECORD_EXTRA_BYTES: usize = 40;

/// The size of a record with an alert, such as close_notify.
const ALERT_BYTES: usize = 64;

/// The TLS session of an accepted connection.
pub struct TlsSession {
    // A box, because rustls's state has some 2 kB and most connections have no TLS.
    tls: Box<UnbufferedServerConnection>,
    /// The beginning of an incomplete record.
    incoming: Vec<u8>,
    /// Records to write before any others.
    outgoing: Vec<u8>,
    stage: Stage,
}

impl fmt::Debug for TlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSession").field("stage", &self.stage).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No byte has arrived.
    New,
    Handshaking,
    Open,
    /// The peer does not speak TLS: bytes pass through as they are.
    Plain,
    /// Nothing more comes or goes.
    Over,
}

impl TlsSession {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<TlsSession, Error> {
        let tls = Box::new(UnbufferedServerConnection::new(config)?);
        Ok(TlsSession { tls, incoming: Vec::new(), outgoing: Vec::new(), stage: Stage::New })
    }

    /// Processes bytes from the socket, and appends their plain text to `plain`.
    pub fn receive(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> Heard {
        match (self.stage, bytes) {
            (Stage::Over, _) | (_, []) => return Heard::default(),
            (Stage::New, [HANDSHAKE_RECORD, ..]) => self.stage = Stage::Handshaking,
            (Stage::New, _) => self.stage = Stage::Plain,
            _ => {}
        }
        if self.stage == Stage::Plain {
            plain.extend_from_slice(bytes);
            return Heard::default();
        }
        self.incoming.extend_from_slice(bytes);
        let before = self.stage;
        let mut outcome = self.process(plain);
        let secured = before == Stage::Handshaking && outcome.is_ok() && !self.tls.is_handshaking();
        if secured {
            self.stage = Stage::Open;
        }
        if outcome.is_ok() && self.incoming.len() > HANDSHAKE_BYTES_MAX {
            outcome = Err(Error::General("the TLS handshake is too long".to_owned()));
        }
        if self.incoming.is_empty() {
            // An idle connection has no buffer.
            self.incoming = Vec::new();
        }
        let end = match outcome {
            Ok(false) => None,
            Ok(true) => Some(LostBy::EndOfStream),
            Err(error) => {
                self.queue_alert();
                Some(self.fault(&error))
            }
        };
        Heard { secured, end }
    }

    /// Processes all complete records. Returns whether the peer has sent close_notify.
    fn process(&mut self, plain: &mut Vec<u8>) -> Result<bool, Error> {
        let TlsSession { tls, incoming, outgoing, .. } = self;
        let mut used = 0;
        let mut ended = false;
        let outcome = loop {
            let UnbufferedStatus { mut discard, state } = tls.process_tls_records(&mut incoming[used..]);
            let goes_on = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
                    match traffic.next_record() {
                        None => break Ok(true),
                        Some(Err(error)) => break Err(error),
                        Some(Ok(record)) => {
                            discard += record.discard;
                            plain.extend_from_slice(record.payload);
                        }
                    }
                },
                Ok(ConnectionState::EncodeTlsData(data)) => {
                    encode(data, outgoing);
                    Ok(true)
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    // The records are in `outgoing`, and the driver writes them in this order.
                    data.done();
                    Ok(true)
                }
                Ok(ConnectionState::PeerClosed) => {
                    ended = true;
                    Ok(false)
                }
                // What else there is has not been asked for.
                Ok(_) => Ok(false),
                Err(error) => Err(error),
            };
            used += discard;
            match goes_on {
                Ok(true) => {}
                Ok(false) => break Ok(ended),
                Err(error) => break Err(error),
            }
        };
        incoming.drain(..used);
        outcome
    }

    /// Appends the alert for the peer after an error.
    fn queue_alert(&mut self) {
        let TlsSession { tls, incoming, outgoing, .. } = self;
        // Stops at the alert: further calls would process the rest of the input.
        while tls.wants_write() {
            let Ok(ConnectionState::EncodeTlsData(data)) = tls.process_tls_records(incoming).state else {
                break;
            };
            encode(data, outgoing);
        }
        self.incoming = Vec::new();
    }

    fn fault(&mut self, error: &Error) -> LostBy {
        let before = std::mem::replace(&mut self.stage, Stage::Over);
        if before == Stage::Open {
            return LostBy::Error(format!("TLS: {error}"));
        }
        let fault = match error {
            Error::NoCertificatesPresented => HandshakeFault::NoCertificate,
            Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_) => {
                HandshakeFault::BadCertificate
            }
            Error::AlertReceived(_) => HandshakeFault::Refused,
            _ => HandshakeFault::Protocol,
        };
        LostBy::Handshake(fault, error.to_string())
    }

    /// Returns the records to write before any others: those of the handshake, or an alert.
    pub fn take_outgoing(&mut self) -> Option<Bytes> {
        (!self.outgoing.is_empty()).then(|| Bytes::from(std::mem::take(&mut self.outgoing)))
    }

    /// Replaces the plain text in `pieces` by the records to write. A piece of up to 16 kB, such as a message, becomes one
    /// record, because some clients take the bytes of one read for a whole line.
    ///
    /// The error: the session cannot write any more.
    pub fn seal(&mut self, pieces: &mut Vec<Bytes>) -> Result<(), LostBy> {
        match self.stage {
            Stage::Plain => return Ok(()),
            Stage::Open => {}
            Stage::New | Stage::Handshaking | Stage::Over => {
                pieces.clear();
                return Err(LostBy::Error("the TLS handshake is not complete".to_owned()));
            }
        }
        let mut sealed = std::mem::take(&mut self.outgoing);
        let extra = |piece: &Bytes| (piece.len() / RECORD_BYTES + 1) * RECORD_EXTRA_BYTES;
        sealed.reserve(pieces.iter().map(|piece| piece.len() + extra(piece)).sum());
        for piece in pieces.drain(..) {
            let room = piece.len() + extra(&piece);
            self.write(&mut sealed, room, |traffic, room| traffic.encrypt(&piece, room))?;
        }
        pieces.push(Bytes::from(sealed));
        Ok(())
    }

    /// Appends records to `out` after the handshake. `room` is the space for them; rustls may ask for more.
    fn write(
        &mut self,
        out: &mut Vec<u8>,
        mut room: usize,
        mut say: impl FnMut(&mut WriteTraffic<'_, ServerConnectionData>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), LostBy> {
        loop {
            // Received records were processed when they arrived, so only an incomplete one is kept.
            match self.tls.process_tls_records(&mut self.incoming).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    let start = out.len();
                    out.resize(start + room, 0);
                    let said = say(&mut traffic, &mut out[start..]);
                    out.truncate(start + *said.as_ref().unwrap_or(&0));
                    match said {
                        Ok(_) => return Ok(()),
                        Err(EncryptError::InsufficientSize(size)) => room = room.max(size.required_size),
                        Err(EncryptError::EncryptExhausted) => {
                            return Err(LostBy::Error(
                                "TLS: the keys have been used for as many records as they may".to_owned(),
                            ));
                        }
                    }
                }
                // Records of a key update.
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, out),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(_) => return Err(LostBy::Error("TLS: nothing can be written".to_owned())),
                Err(error) => return Err(LostBy::Error(format!("TLS: {error}"))),
            }
        }
    }

    /// Returns the last records: close_notify, or the alert after an error.
    pub fn close(&mut self) -> Option<Bytes> {
        if self.stage == Stage::Open {
            let mut goodbye = std::mem::take(&mut self.outgoing);
            // If this fails, the peer sees a truncated stream. Nothing else can be done here.
            #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is not general enough")]
            let _ = self.write(&mut goodbye, ALERT_BYTES, |traffic, room| traffic.queue_close_notify(room));
            self.outgoing = goodbye;
            self.stage = Stage::Over;
        }
        self.take_outgoing()
    }
}

/// Appends a record of the handshake, or an alert, to a buffer.
fn encode(mut data: EncodeTlsData<'_, ServerConnectionData>, out: &mut Vec<u8>) {
    let start = out.len();
    // rustls returns how much room it needs.
    if let Err(EncodeError::InsufficientSize(size)) = data.encode(&mut []) {
        out.resize(start + size.required_size, 0);
        let written = data.encode(&mut out[start..]).unwrap_or(0);
        out.truncate(start + written);
    }
}
