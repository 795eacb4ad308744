//! A WebSocket with bytes in and bytes out: tungstenite's state machine on an in-memory pipe.
//!
//! [`super::framing`] frames outgoing texts, once for all recipients. Tungstenite does not send the Close frame after a
//! protocol or UTF-8 error, so this file does. It knows no compression either: `deflate` finds the compressed messages,
//! and this file inflates them.

use super::deflate::{Marks, Sent, Uninflated, inflate};
use bytes::Bytes;
use std::io::{self, Read, Write};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

/// The read buffer of one connection. It is small because it is allocated at once.
const READ_BUFFER_BYTES: usize = 4096;

/// An empty ping (RFC 6455, 5.5.2).
pub const PING: [u8; 2] = [0x89, 0];

/// One server-side WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    context: WebSocketContext,
    /// The compressed messages. `None`: compression was not agreed to.
    marks: Option<Marks>,
    message_bytes_max: usize,
}

/// What a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message. The API does not use them.
    Binary(Bytes),
    /// A ping, which is answered already, or a pong.
    Control,
    /// The connection is over. The bytes in `output` must be sent first.
    Closed {
        /// True if the client broke the protocol, false if it said goodbye.
        at_fault: bool,
    },
}

/// The bytes of one input, and the bytes that answer it.
struct Pipe<'i, 'o, 'm> {
    input: &'i [u8],
    output: &'o mut Vec<u8>,
    marks: Option<&'m mut Marks>,
}

impl Read for Pipe<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let read = self.input.read(into)?;
        if let Some(marks) = &mut self.marks {
            marks.read(&mut into[..read]);
        }
        Ok(read)
    }
}

impl Write for Pipe<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WebSocket {
    /// Creates a WebSocket after the handshake. A message above `message_bytes_max`, also when it is inflated, ends the
    /// connection with code 1009.
    pub fn new(message_bytes_max: usize, is_deflated: bool) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max));
        let marks = is_deflated.then(Marks::default);
        WebSocket { context: WebSocketContext::new(Role::Server, Some(config)), marks, message_bytes_max }
    }

    /// Changes the limit of a message's length.
    pub fn set_limit(&mut self, message_bytes_max: usize) {
        self.message_bytes_max = message_bytes_max;
        if self.context.get_config().max_message_size != Some(message_bytes_max) {
            self.context.set_config(|config| {
                config.max_message_size = Some(message_bytes_max);
                config.max_frame_size = Some(message_bytes_max);
            });
        }
    }

    /// Returns the next message. It removes the message's bytes from the front of `input` and appends replies to
    /// `output`. Returns `None` when more bytes are needed. Nothing follows `Closed`.
    pub fn next(&mut self, input: &mut &[u8], output: &mut Vec<u8>) -> Option<Received> {
        let mut pipe = Pipe { input, output, marks: self.marks.as_mut() };
        let read = self.context.read(&mut pipe);
        *input = pipe.input;
        let code = match read {
            Ok(Message::Text(text)) => {
                let _ = self.sent();
                return Some(Received::Text(text.as_str().to_owned()));
            }
            Ok(Message::Binary(data)) => match self.inflated(data) {
                Ok(received) => return Some(received),
                Err(code) => code,
            },
            Ok(Message::Close(_)) => {
                // Tungstenite has queued the Close frame that answers; this writes it.
                let _ = self.context.flush(&mut Pipe { input: &[], output, marks: None });
                return Some(Received::Closed { at_fault: false });
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                let _ = self.context.flush(&mut Pipe { input: &[], output, marks: None });
                return Some(Received::Control);
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
                return Some(Received::Closed { at_fault: false });
            }
            Err(Error::Utf8(_)) => CloseCode::Invalid,
            Err(Error::Capacity(_)) => CloseCode::Size,
            Err(_) => CloseCode::Protocol,
        };
        output.extend_from_slice(&close_frame(code, ""));
        Some(Received::Closed { at_fault: true })
    }

    /// Returns how the data message was sent that is whole now.
    fn sent(&mut self) -> Sent {
        self.marks.as_mut().map_or(Sent::Plain, Marks::take)
    }

    /// Inflates a message that was compressed. The error is the code to close with.
    fn inflated(&mut self, data: Bytes) -> Result<Received, CloseCode> {
        let sent = self.sent();
        if sent == Sent::Plain {
            return Ok(Received::Binary(data));
        }
        let inflated = inflate(data.into(), self.message_bytes_max).map_err(|why| match why {
            Uninflated::TooLong => CloseCode::Size,
            Uninflated::Malformed => CloseCode::Protocol,
        })?;
        match sent {
            Sent::DeflatedText => {
                String::from_utf8(inflated).map(Received::Text).map_err(|_| CloseCode::Invalid)
            }
            _ => Ok(Received::Binary(inflated.into())),
        }
    }
}

/// Returns the bytes of a Close frame.
pub fn close_frame(code: CloseCode, reason: &'static str) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = Frame::close(Some(CloseFrame { code, reason: reason.into() })).format(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::deflate::deflated_text;
    use super::super::framing::WEBSOCKET;
    use super::*;

    fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 1, 2, 3, 4];
        frame.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn feed(socket: &mut WebSocket, bytes: &[u8], chunk: usize) -> (Vec<Received>, Vec<u8>) {
        let (mut received, mut output) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(chunk) {
            let mut input = piece;
            while let Some(message) = socket.next(&mut input, &mut output) {
                let over = matches!(message, Received::Closed { .. });
                received.push(message);
                if over {
                    return (received, output);
                }
            }
        }
        (received, output)
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let mut stream = masked(1, b"one");
        stream.extend(masked(9, b"p"));
        stream.extend(masked(1, "zwei \u{e9}".as_bytes()));
        stream.extend(masked(2, &[0]));
        stream.extend(masked(8, &[3, 232]));
        for chunk in [1, 2, 3, 7, 1000] {
            let (received, output) = feed(&mut WebSocket::new(1000, false), &stream, chunk);
            let expected = [
                Received::Text("one".to_owned()),
                Received::Control,
                Received::Text("zwei \u{e9}".to_owned()),
                Received::Binary(Bytes::from_static(&[0])),
                Received::Closed { at_fault: false },
            ];
            assert_eq!(received, expected, "in pieces of {chunk}");
            assert_eq!(output, [&[0x8a, 1, b'p'][..], &[0x88, 2, 3, 232]].concat());
        }
    }

    /// The first frames of the stream are compressed: texts in one frame and in two with a ping between them, a binary
    /// message, and texts that are not.
    #[test]
    fn compressed_messages_are_found_however_the_stream_is_cut() {
        let long = "a text that is long enough to be compressed. ".repeat(40);
        let compressed = deflated_text(long.as_bytes()).view(WEBSOCKET);
        let payload = &compressed[2..];
        assert!(payload.len() < 126);
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let mut stream = masked(0x41, payload);
        stream.extend(masked(1, b"plain"));
        // Without FIN; the continuation has no RSV1.
        let mut begun = masked(0x41, &hello[..3]);
        begun[0] &= 0x7f;
        stream.extend(begun);
        stream.extend(masked(9, b"p"));
        stream.extend(masked(0, &hello[3..]));
        stream.extend(masked(0x42, &hello));
        stream.extend(masked(2, &[0]));
        for chunk in [1, 2, 3, 7, 5000] {
            let (received, output) = feed(&mut WebSocket::new(5000, true), &stream, chunk);
            let expected = [
                Received::Text(long.clone()),
                Received::Text("plain".to_owned()),
                Received::Control,
                Received::Text("Hello".to_owned()),
                Received::Binary(Bytes::from_static(b"Hello")),
                Received::Binary(Bytes::from_static(&[0])),
            ];
            assert_eq!(received, expected, "in pieces of {chunk}");
            assert_eq!(output, [0x8a, 1, b'p']);
        }
    }

    #[test]
    fn faults_of_compressed_messages_close_with_the_right_code() {
        let long = deflated_text(&vec![b'x'; 5000]).view(WEBSOCKET);
        // 0xff in a stored block is no UTF-8.
        let invalid = [0, 1, 0, 0xfe, 0xff, 0xff, 0];
        for (bytes, code) in [
            (masked(0x41, &long[2..]), 1009_u16),
            (masked(0x41, &[0xff; 9]), 1002),
            (masked(0x41, &invalid), 1007),
            (masked(0x49, b"a ping"), 1002),
            (masked(0x40, b"a continuation"), 1002),
            (masked(0x61, b"another bit"), 1002),
        ] {
            let (received, output) = feed(&mut WebSocket::new(4000, true), &bytes, 1000);
            assert_eq!(received, [Received::Closed { at_fault: true }], "{code}");
            assert_eq!(output[2..4], code.to_be_bytes());
        }
        // Compression that was not agreed to.
        let (received, _) = feed(&mut WebSocket::new(4000, false), &masked(0x41, &long[2..]), 1000);
        assert_eq!(received, [Received::Closed { at_fault: true }]);
    }

    #[test]
    fn protocol_errors_close_with_the_right_code() {
        let unmasked = [0x81, 1, b'x'];
        let too_large = [0x81, 0xfe, 0xff, 0xff, 0, 0, 0, 0];
        for (bytes, code) in [
            (&unmasked[..], 1002u16),
            (&[0xf1, 0x80, 0, 0, 0, 0], 1002),
            (&too_large, 1009),
            (&masked(1, &[0xff, 0xfe]), 1007),
        ] {
            let (received, output) = feed(&mut WebSocket::new(1000, false), bytes, 1000);
            assert_eq!(received, [Received::Closed { at_fault: true }]);
            assert_eq!(output[2..4], code.to_be_bytes(), "{bytes:?}");
        }
    }
}
